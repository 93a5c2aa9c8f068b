"""Named points of a track, and distances between them."""

import numpy as np

from featurize.computed_once import computed_once
from featurize.landmarks.schema import SCHEMES
from featurize.types import LandmarkTrack

# From picture axes (x right, y down, z away) to upright ones (right, up, towards the viewer).
_TO_UPRIGHT = np.array([1.0, -1.0, -1.0])


def named_points(track: LandmarkTrack, *names: str) -> np.ndarray:
    """Positions of named points, ``(n_frames, n_names, 3)`` float64 pixels.

    NaN for a point that the scheme of the track does not have, so that what is made of it is
    unknown.
    """
    schema = SCHEMES[track.schema]
    known = [name in schema.points for name in names]
    if all(known):
        return track.points_px[:, schema.indices(names)].astype(np.float64)
    points = np.full((track.n_frames, len(names), 3), np.nan)
    points[:, known] = track.points_px[:, schema.indices(filter(schema.points.get, names))]
    return points


def centre(track: LandmarkTrack, *names: str) -> np.ndarray:
    """Mean position of named points, ``(n_frames, 3)`` pixels."""
    return named_points(track, *names).mean(axis=1)


def distance_px(track: LandmarkTrack, start: str, end: str) -> np.ndarray:
    """Distance of two named points in three dimensions, ``(n_frames,)`` pixels.

    Measured in three dimensions it does not change when the head turns, as far as the backend's
    depth is right.
    """
    points = named_points(track, start, end)
    return np.linalg.norm(points[:, 1] - points[:, 0], axis=1)


@computed_once
def interocular_distance_px(track: LandmarkTrack) -> np.ndarray:
    """Distance between the outer corners of the eyes, ``(n_frames,)`` pixels.

    The unit ``iod`` of this package. Eye corners do not move with gaze, blinks or speech, which
    makes them a steadier unit than pupils.
    """
    return distance_px(track, "right_eye_outer", "left_eye_outer")


def in_iod(track: LandmarkTrack, value_px: np.ndarray) -> np.ndarray:
    """Divide a length ``(n_frames,)`` by the interocular distance of its own frame.

    NaN where that is 0: a face of which all points are in one place has no size.
    """
    unit_px = interocular_distance_px(track)
    return np.divide(value_px, unit_px, out=np.full(len(unit_px), np.nan), where=unit_px > 0)


@computed_once
def rotation(track: LandmarkTrack) -> np.ndarray:
    """Rotation of the face against the picture plane, ``(n_frames, 3, 3)``.

    The rotation that lays the average face onto the rigid points of the frame best in the least
    squares sense (Kabsch 1976). It is taken from the points, not from the backend's pose: that
    assumes a camera with a certain field of view, under which the same face pasted at another place
    of the picture is turned by up to 14 degrees.

    Returns
    -------
    numpy.ndarray
        Columns are the face's own axes (to the subject's left, up, out of the face) in picture axes
        (right, up, towards the viewer). NaN where the face or its depth is unknown.
    """
    rigid_cm = SCHEMES[track.schema].rigid_cm
    return fit_rotation(
        named_points(track, *rigid_cm) * _TO_UPRIGHT, np.array([*rigid_cm.values()])
    )


def fit_rotation(faces: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Rotations that turn a reference onto faces, up to place and size (Kabsch 1976).

    Parameters
    ----------
    faces : numpy.ndarray
        ``(n, p, 3)``; a face with an unknown coordinate, or with all points in one place, has no
        rotation.
    reference : numpy.ndarray
        ``(p, 3)``.

    Returns
    -------
    numpy.ndarray
        ``(n, 3, 3)`` rotations R with ``reference @ R.T`` like the face; NaN where there is none.
    """
    turns = np.full((len(faces), 3, 3), np.nan)
    known = np.isfinite(faces).all(axis=(1, 2)) & (faces != faces[:, :1]).any(axis=(1, 2))
    if not known.any():
        return turns
    centred = faces[known] - faces[known].mean(axis=1, keepdims=True)
    covariance = np.einsum("npi,pj->nij", centred, reference - reference.mean(axis=0))
    u, _, vt = np.linalg.svd(covariance)
    # Keeps the solution a rotation where noise would make it a reflection.
    u[:, :, 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))[:, None]
    turns[known] = u @ vt
    return turns


def fit_in_picture(
    points: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations that make a reference look like what the picture shows, in weak perspective.

    Depth is not looked at. The linear map that fits best in the picture is made a scaled rotation:
    the one nearest to it, by its polar decomposition (POS, DeMenthon & Davis 1995, makes its rows
    of one length only, and leaves them askew).

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, p, 2)`` to the right and up; a face with an unknown coordinate has no rotation.
    reference : numpy.ndarray
        ``(p, 3)``, at least four points that are not in one plane.

    Returns
    -------
    turns : numpy.ndarray
        ``(n, 3, 3)`` rotations, as :func:`fit_rotation`; NaN where there is none.
    scales : numpy.ndarray
        ``(n,)`` size of the face in the picture over that of the reference.
    origins : numpy.ndarray
        ``(n, 2)`` where the origin of the reference is in the picture.
    """
    middle, centred = points.mean(axis=1), reference - reference.mean(axis=0)
    linear = np.einsum("npi,jp->nij", points - middle[:, None], np.linalg.pinv(centred))
    # The inverse square root of linear linear^T, two by two, in closed form.
    gram = linear @ np.swapaxes(linear, 1, 2)
    determinant = gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] * gram[:, 1, 0]
    root = np.sqrt(np.maximum(determinant, 0))
    doubled = np.sqrt(np.trace(gram, axis1=1, axis2=2) + 2 * root)
    adjugate = np.array([[1, -1], [-1, 1]]) * gram[:, ::-1, ::-1] + root[:, None, None] * np.eye(2)
    # A face of which nothing but a line or a point is left has no rotation.
    whole = root > 1e-9 * doubled**2
    share = np.divide(1, root * doubled, out=np.full(len(root), np.nan), where=whole)
    scales = np.where(whole, doubled / 2, np.nan)
    right, up = np.moveaxis(share[:, None, None] * (adjugate @ linear), 1, 0)
    turns = np.stack([right, up, np.cross(right, up)], axis=1)
    origins = middle - scales[:, None] * (turns @ reference.mean(axis=0))[:, :2]
    return turns, scales, origins


def frontal(track: LandmarkTrack, points_px: np.ndarray) -> np.ndarray:
    """Turn points back as if the face looked straight into the camera.

    Parameters
    ----------
    points_px : numpy.ndarray
        ``(n_frames, n, 3)`` in picture axes (x right, y down, z away from the viewer).

    Returns
    -------
    numpy.ndarray
        ``(n_frames, n, 3)`` in the face's axes: x to the subject's left, y up, z out of the face;
        still in pixels.
    """
    return np.einsum("fji,fnj->fni", rotation(track), points_px * _TO_UPRIGHT)
