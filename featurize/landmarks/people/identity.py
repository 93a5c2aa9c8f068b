"""Who a face belongs to: dlib's face embedding.

Besides the 68-point backend the only file that imports dlib.
"""

from functools import cache

import dlib
import numpy as np

from featurize.assets import FACE_EMBEDDING, locate


def embed_faces(chips: np.ndarray) -> np.ndarray:
    """Embed aligned pictures of faces; about 0.1 s each on one core.

    A residual network trained with a metric loss, by Davis King: pictures of one person lie near
    each other, whatever pose, light and expression.

    Parameters
    ----------
    chips : numpy.ndarray
        ``(n, 150, 150, 3)`` uint8 from :func:`featurize.landmarks.people.chips.face_chip`.

    Returns
    -------
    numpy.ndarray
        ``(n, 128)`` float64.

    Raises
    ------
    ModelFileError
        When the model file is missing or damaged.
    """
    if len(chips) == 0:
        return np.empty((0, 128))
    return np.array(_network().compute_face_descriptor([np.ascontiguousarray(c) for c in chips]))


def library() -> tuple[str, bool]:
    """Version of dlib, and whether the network runs on a GPU, which is settled when it is built."""
    return dlib.__version__, dlib.DLIB_USE_CUDA


@cache
def _network() -> dlib.face_recognition_model_v1:
    return dlib.face_recognition_model_v1(str(locate(FACE_EMBEDDING)))
