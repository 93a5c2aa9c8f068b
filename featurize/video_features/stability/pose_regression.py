"""What head pose explains of a series, because depth is guessed and faces are no spheres."""

import numpy as np

from featurize.declaration import Recording

MIN_FRAMES = 25
"""Fewer frames are too few for six coefficients."""

UNIT_DEG = 10.0
ANGLE_NOISE_DEG = 0.5
"""Turns that are not larger than this explain nothing: they are as likely made by what they are to
explain, as the angles come from the same points."""

_ANGLES = ("head_pose__yaw_deg", "head_pose__pitch_deg", "head_pose__roll_deg")


def without_pose(series: np.ndarray, recording: Recording) -> np.ndarray:
    """What is left of series when a polynomial of the head's angles is taken out of them.

    Parameters
    ----------
    series : numpy.ndarray
        ``(n_frames, n_series)``.
    recording : Recording
        With the signals of yaw, pitch and roll.

    Returns
    -------
    numpy.ndarray
        ``(n_known_frames, n_series)`` what a ridge regression on ``1, yaw, pitch, roll, yaw^2,
        pitch^2, yaw pitch`` leaves, in the frames in which all is known. The angles are counted
        from their means; the penalty is that of an error of half a degree.
    """
    angles = np.stack([recording.signals[angle] for angle in _ANGLES], axis=1) / UNIT_DEG
    known = np.isfinite(series).all(axis=1) & np.isfinite(angles).all(axis=1)
    angles, series = angles[known], series[known]
    yaw, pitch, roll = (angles - angles.mean(axis=0)).T
    terms = np.stack([yaw, pitch, roll, yaw**2, pitch**2, yaw * pitch], axis=1)
    terms = terms - terms.mean(axis=0)
    left = series - series.mean(axis=0)
    penalty = len(terms) * (ANGLE_NOISE_DEG / UNIT_DEG) ** 2
    products = terms.T @ terms + penalty * np.eye(terms.shape[1])
    return left - terms @ np.linalg.solve(products, terms.T @ left)
