"""What head pose explains of a series, because depth is guessed and faces are no spheres."""

from collections.abc import Iterator

import numpy as np

from featurize.declaration import Recording
from featurize.scratch import blocks, let_go
from featurize.video_features.statistics import mean_of_blocks, std_of_blocks

MIN_FRAMES = 25
"""Fewer frames are too few for six coefficients."""

UNIT_DEG = 10.0
ANGLE_NOISE_DEG = 0.5
"""Turns that are not larger than this explain nothing: they are as likely made by what they are to
explain, as the angles come from the same points."""

_ANGLES = ("head_pose__yaw_deg", "head_pose__pitch_deg", "head_pose__roll_deg")


def std_without_pose(series: np.ndarray, recording: Recording) -> np.ndarray:
    """How far series vary when a polynomial of the head's angles is taken out of them.

    Parameters
    ----------
    series : numpy.ndarray
        ``(n_frames, n_series)``.
    recording : Recording
        With the signals of yaw, pitch and roll.

    Returns
    -------
    numpy.ndarray
        ``(n_series,)`` standard deviations of what a ridge regression on ``1, yaw, pitch, roll,
        yaw^2, pitch^2, yaw pitch`` leaves, in the frames in which all is known. The angles are
        counted from their means; the penalty is that of an error of half a degree. A long video is
        gone through block by block.
    """

    def known() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for block in blocks(len(series)):
            angles = np.stack([recording.signals[angle][block] for angle in _ANGLES], axis=1)
            both = np.isfinite(series[block]).all(axis=1) & np.isfinite(angles).all(axis=1)
            yield angles[both] / UNIT_DEG, series[block][both]
            let_go(series)

    mean_angles = mean_of_blocks(lambda: (angles for angles, _ in known()))
    mean_series = mean_of_blocks(lambda: (values for _, values in known()))
    mean_terms = mean_of_blocks(lambda: (_terms(angles - mean_angles) for angles, _ in known()))

    def centred() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for angles, values in known():
            yield _terms(angles - mean_angles) - mean_terms, values - mean_series

    n_terms = len(mean_terms)
    count, products, shared = 0, np.zeros((n_terms, n_terms)), np.zeros((n_terms, series.shape[1]))
    for terms, values in centred():
        count += len(terms)
        products += terms.T @ terms
        shared += terms.T @ values
    penalty = count * (ANGLE_NOISE_DEG / UNIT_DEG) ** 2
    weights = np.linalg.solve(products + penalty * np.eye(n_terms), shared)
    return std_of_blocks(lambda: (values - terms @ weights for terms, values in centred()))


def _terms(angles: np.ndarray) -> np.ndarray:
    """``(n, 6)`` terms of the polynomial but the constant one."""
    yaw, pitch, roll = angles.T
    return np.stack([yaw, pitch, roll, yaw**2, pitch**2, yaw * pitch], axis=1)
