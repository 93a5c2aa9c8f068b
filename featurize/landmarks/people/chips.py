"""Aligned pictures of faces: eyes and nose at the same place, whichever backend found them."""

from collections.abc import Mapping

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.schema import Schema

CHIP_PX = 150
"""Side of the picture that the face embedding reads."""

# Where dlib's 5-point alignment puts these points: a unit square, to which padding is added on
# every side (dlib/image_transforms/interpolation.h, get_face_chip_details).
_PLACES: Mapping[str, tuple[float, float]] = {
    "right_eye_outer": (0.1205750620789, 0.2137274526848),
    "right_eye_inner": (0.3340850613712, 0.2290642403242),
    "left_eye_inner": (0.6460604764104, 0.2289674387677),
    "left_eye_outer": (0.8595674595992, 0.2134981538014),
    "subnasale": (0.4901123135679, 0.6277975316475),
}
PADDING = 0.25
"""What a chip shows on each side of that square, as a share of the square's side."""

_LOOK_PX = 16


def face_chip(frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray:
    """The face as the embedding network wants it.

    Aligned as ``dlib.get_face_chip(image, shape, 150, 0.25)`` does with five points; dlib's shape
    comes from its own predictor, here it is read off the named points of any scheme.

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
        ``(150, 150, 3)`` uint8, red first.
    """
    to_frame = alignment(points_px, schema, CHIP_PX, PADDING)
    return frame.crop(to_frame, (CHIP_PX, CHIP_PX))


def face_look(frame: Frame, points_px: np.ndarray, schema: Schema) -> np.ndarray:
    """A small grey picture of a face, from brows to mouth, of mean 0 and length 1.

    The product of two looks is their correlation. It tells whether a face is still the one of the
    frame before, not who it is.

    Parameters
    ----------
    frame, points_px, schema
        As in :func:`face_chip`.

    Returns
    -------
    numpy.ndarray
        ``(256,)`` float32.
    """
    to_frame = alignment(points_px, schema, _LOOK_PX, PADDING)
    return standardised(frame.grey_crop(to_frame, (_LOOK_PX, _LOOK_PX)))


def standardised(picture: np.ndarray) -> np.ndarray:
    """A picture as a vector of mean 0 and length 1, or of zeros when it has no contrast."""
    values = picture.astype(np.float32).ravel()
    values -= values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length > 0 else values


def frontality(points_px: np.ndarray, schema: Schema) -> float:
    """How near to the middle between the eyes the nose is, along the line of the eyes.

    1 when the face looks straight ahead, 0 when the nose is level with the outer corner of an eye.
    """
    right, left, nose = points_px[
        schema.indices(("right_eye_outer", "left_eye_outer", "subnasale")), :2
    ]
    across = left - right
    off_middle = (nose - (left + right) / 2) @ across / max(float(across @ across), 1e-9)
    return float(max(0.0, 1 - 2 * abs(off_middle)))


def alignment(points_px: np.ndarray, schema: Schema, side_px: float, padding: float) -> np.ndarray:
    """Where an aligned square picture of a face lies in the frame.

    Parameters
    ----------
    points_px, schema
        As in :func:`face_chip`.
    side_px : float
        Side of the picture.
    padding : float
        What it shows on each side of dlib's square from brows to mouth, as a share of that square.

    Returns
    -------
    numpy.ndarray
        ``(2, 3)`` least-squares similarity of eyes and nose from pixels of the picture to those of
        the frame; not finite where a point is not.
    """
    chip = (np.array(list(_PLACES.values())) + padding) / (1 + 2 * padding) * side_px
    face = np.asarray(points_px[schema.indices(_PLACES), :2], dtype=np.float64)
    chip_middle, face_middle = chip.mean(axis=0), face.mean(axis=0)
    source = (chip - chip_middle) @ [1, 1j]
    target = (face - face_middle) @ [1, 1j]
    turn = np.vdot(source, target) / np.vdot(source, source).real
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([matrix, face_middle - matrix @ chip_middle])
