"""Named points of a track, and distances between them."""

import numpy as np

from featurize.landmarks.schema import SCHEMES
from featurize.types import LandmarkTrack


def named_points(track: LandmarkTrack, *names: str) -> np.ndarray:
    """Positions of named points, ``(n_frames, n_names, 3)`` float64 pixels."""
    indices = SCHEMES[track.schema].indices(names)
    return track.points_px[:, indices].astype(np.float64)


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


def interocular_distance_px(track: LandmarkTrack) -> np.ndarray:
    """Distance between the outer corners of the eyes, ``(n_frames,)`` pixels.

    The unit ``iod`` of this package. Eye corners do not move with gaze, blinks or speech, which
    makes them a steadier unit than pupils.
    """
    return distance_px(track, "right_eye_outer", "left_eye_outer")


def in_iod(track: LandmarkTrack, value_px: np.ndarray) -> np.ndarray:
    """Divide a length by the interocular distance of its own frame."""
    return value_px / interocular_distance_px(track)


def rotation(track: LandmarkTrack) -> np.ndarray:
    """Rotation of the face against the camera, ``(n_frames, 3, 3)``; NaN without a pose.

    Columns are the face's own axes (to the subject's left, up, out of the face) in camera axes
    (right, up, towards the viewer).
    """
    if track.pose is None:
        return np.full((track.n_frames, 3, 3), np.nan)
    axes = track.pose[:, :3, :3].astype(np.float64)
    return axes / np.linalg.norm(axes, axis=1, keepdims=True)


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
    in_camera = points_px * np.array([1.0, -1.0, -1.0])
    return np.einsum("fji,fnj->fni", rotation(track), in_camera)
