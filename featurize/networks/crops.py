"""Aligned pictures of faces with what surrounds them."""

from importlib import metadata

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.people.chips import alignment
from featurize.landmarks.schema import Schema

CROP_PX = 224
"""Side of a crop: that of the pictures EfficientNet-Lite0 was trained on."""

CROP_PADDING = 0.5
"""What a crop shows on each side of dlib's square from brows to mouth, as a share of its side.

Over 220 clips the outline of the face ends 0.13 beyond the square at the sides, 0.26 above and 0.25
below it (medians), and 0.44, 0.33 and 0.42 beyond in the 99th percentile: the crop holds it, and in
19 of 20 frames another 0.14 around it, where a swapped face is blended in. The face fills 62 % of
the crop's width; the rest is hair, neck and background.
"""

FACE_WIDTH = 1.25
"""Width of a face in sides of dlib's square: the median over the same clips; half of the frames lie
between 1.20 and 1.29."""

ALIGNMENT_VERSION = 1
"""Counts changes of where in the frame a crop lies; with another number nothing kept is used."""


# Which colours a frame has, and how a crop is taken out of it.
_PACKAGES = ("av", "numpy", "opencv-python")


def crop_settings(padding: float, min_face_width_px: float) -> dict[str, object]:
    """All that changes crops besides the frame and the landmarks, as JSON can hold it.

    Parameters
    ----------
    padding : float
        What a crop shows on each side of dlib's square.
    min_face_width_px : float
        Narrower faces have no crop.
    """
    return {
        "alignment": ALIGNMENT_VERSION,
        "padding": padding,
        "min_face_width_px": min_face_width_px,
        **{package: metadata.version(package) for package in _PACKAGES},
    }


def face_crop(frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray:
    """A face and what surrounds it, eyes and nose at the same place whoever found them.

    The alignment is that of :func:`featurize.landmarks.people.chips.face_chip` with a wider margin.

    Parameters
    ----------
    frame : Frame
        The picture.
    points_px : numpy.ndarray
        ``(n_points, 3)`` landmarks of the face.
    schema : Schema
        Their scheme.

    Returns
    -------
    numpy.ndarray
        ``(224, 224, 3)`` uint8, red first; outside the picture its edges go on.
    """
    to_frame = alignment(points_px, schema, CROP_PX, CROP_PADDING)
    return frame.crop(to_frame, (CROP_PX, CROP_PX))


def aligned_width_px(points_px: np.ndarray, schema: Schema) -> float:
    """How wide a face is in pixels of the frame, as far as alignment knows: turned away or not.

    NaN where one of the five points that align a face is not known.
    """
    to_frame = alignment(points_px, schema, 1.0, 0.0)
    return FACE_WIDTH * float(np.hypot(to_frame[0, 0], to_frame[1, 0]))
