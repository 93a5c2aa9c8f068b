"""dlib's face embedding as a network."""

import numpy as np

from featurize.assets import FACE_EMBEDDING, locate
from featurize.errors import OptionError
from featurize.frame import Frame
from featurize.landmarks.people.chips import PADDING, face_chip
from featurize.landmarks.schema import Schema
from featurize.networks.crops import aligned_width_px, crop_settings
from featurize.networks.device import CUDA_BATCH, chosen_device, in_batches
from featurize.networks.facts import IDENTITY_NETWORK, IDENTITY_SPEC, NetworkFacts
from featurize.networks.failures import on_faces, refuse_not_finite

MIN_FACE_WIDTH_PX = 25.0
"""Narrower faces have no crop.

Measured on 52 people in pictures that were made smaller: a face moves by 0.19 (median; 0.24 in
the 95th percentile) from where it was when it is shrunk to 40 px, by 0.26 (0.34) at 30 px, 0.33
(0.41) at 25 px, 0.40 (0.49) at 20 px. Different people are 0.85 apart (median; 0.65 in the 5th
percentile), one person in two frames of a clip 0.30. So from 25 px on a face moves less than half
the way to another person in 19 of 20 frames, and the nearest face of another frame was always the
same person's; at 20 px in 98 of 100, at 16 px in 77. With landmarks found anew in the small picture
the figures are the same within 0.03.
"""

FACTS = NetworkFacts(IDENTITY_NETWORK, 128, FACE_EMBEDDING.sha256, IDENTITY_SPEC)


class DlibResnet:
    """dlib's residual network, which tells one face from another.

    It computes where dlib was built to: on the CPU with the wheels of ``dlib-bin``, on a GPU only
    where dlib was built with CUDA.

    Parameters
    ----------
    device : str
        One of :data:`featurize.networks.device.DEVICES`.

    Attributes
    ----------
    facts : NetworkFacts
        Its name and size.
    settings : dict
        All that changes its results.

    Raises
    ------
    OptionError
        When dlib was not built for the device.
    ModelFileError
        When the model file is missing or damaged.
    """

    def __init__(self, device: str = "auto") -> None:
        from featurize.landmarks.people import identity

        version, on_cuda = identity.library()
        chosen = dlib_device(device, built_with_cuda=on_cuda)
        locate(FACE_EMBEDDING)
        self._embed = identity.embed_faces
        self._n_batch = CUDA_BATCH if on_cuda else 1
        self.facts = FACTS
        self.settings: dict[str, object] = {
            "sha256": FACTS.sha256,
            "dlib": version,
            "device": chosen,
            **crop_settings(PADDING, MIN_FACE_WIDTH_PX),
        }

    def crop(self, frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray | None:
        """``(150, 150, 3)`` uint8; None for a face smaller than :data:`MIN_FACE_WIDTH_PX`."""
        if not aligned_width_px(points_px, schema) >= MIN_FACE_WIDTH_PX:
            return None
        return face_chip(frame, points_px, schema)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """``(n, 150, 150, 3)`` uint8 to ``(n, 128)`` float32.

        Two pictures of one person are mostly less than 0.6 apart (Euclidean distance).

        Raises
        ------
        NetworkFailedError
            When the network fails, as for want of memory of a GPU.
        """
        if len(crops) == 0:
            return np.empty((0, FACTS.n_dims), np.float32)
        with on_faces(FACTS.name):
            values = in_batches(self._embed, crops, self._n_batch).astype(np.float32)
            refuse_not_finite(values)
        return values


def dlib_device(device: str, *, built_with_cuda: bool) -> str:
    """:func:`featurize.networks.device.chosen_device` for dlib, which cannot be told where.

    Raises
    ------
    OptionError
        When it would compute elsewhere than asked for.

    Examples
    --------
    >>> dlib_device("auto", built_with_cuda=True)
    'cuda'
    """
    without = f"{FACTS.spec} runs on dlib, which was built without CUDA"
    chosen = chosen_device(device, has_cuda=built_with_cuda, without=without)
    if built_with_cuda and chosen == "cpu":
        raise OptionError(
            f"The device cpu cannot be used: {FACTS.spec} runs on dlib, which was built with CUDA "
            "and uses the GPU. Choose auto or cuda."
        )
    return chosen
