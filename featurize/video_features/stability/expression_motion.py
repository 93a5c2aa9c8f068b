"""The directions in which the points of a clip move together: its expressions."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import eigh

from featurize.video_features.stability.rigid_residual import RigidResidual
from featurize.video_features.stability.slow_and_fast import slow_and_fast

N_DIRECTIONS = 8
"""Directions of a clip's own slow motion that count as its expression. Of 4, 8 and 16, with 4 the
jitter that is left still holds speech; 16 tells no more than 8."""

MIN_FRAMES = 25
"""Fewer frames show too little of the expressions of a clip to tell them from jitter."""


@dataclass(frozen=True)
class ExpressionMotion:
    """How the points of a clip move together when they move slowly.

    Attributes
    ----------
    directions : numpy.ndarray
        ``(2 n_points, 8)`` orthonormal; the leading principal components of the slow part of the
        residual.
    """

    directions: np.ndarray

    @classmethod
    def of(cls, residual: RigidResidual, names: tuple[str, ...], time_s: np.ndarray) -> Self | None:
        """Of some points over a clip; None when fewer than 25 frames show all of them."""
        count, total, products = 0, np.zeros(2 * len(names)), np.zeros((2 * len(names),) * 2)
        for parts in slow_and_fast(
            lambda frames: residual.of(names, frames), residual.known(names), time_s
        ):
            slow = parts.slow.reshape(len(parts.slow), -1)
            count += len(slow)
            total += slow.sum(axis=0)
            products += slow.T @ slow
        if count < MIN_FRAMES:
            return None
        covariance = products / count - np.outer(total, total) / count**2
        size = len(covariance)
        _, directions = eigh(covariance, subset_by_index=(size - N_DIRECTIONS, size - 1))
        return cls(directions)

    def removed_from(self, offsets: np.ndarray) -> np.ndarray:
        """What of offsets ``(n, n_points, 2)`` goes in none of the directions."""
        flat = offsets.reshape(len(offsets), -1)
        return (flat - (flat @ self.directions) @ self.directions.T).reshape(offsets.shape)
