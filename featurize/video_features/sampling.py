"""Signals resampled to one rate, so that the same motion gives the same features at any frame rate.

Stretches of frames without a gap are interpolated onto a uniform grid; nothing is invented where
the face is missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.interpolate import Akima1DInterpolator
from scipy.signal import savgol_filter

from featurize.scratch import scratch

GRID_HZ = 50.0
"""Rate of the common grid: more than twice the fastest facial motion."""

MIN_SEGMENT_S = 0.5
"""Shorter stretches are left out: they hold no motion that could be measured."""

LONGEST_STEP_S = 0.11
"""Frames so far apart are neighbours at any frame rate. Above 0.1 s, which is two lost frames at 30
frames per second to the last bit: rounding is not to decide on them."""

LONGEST_SLOW_STEP_S = 0.51
"""Frames further apart are neighbours in no video: a face moves on in between. Above 0.5 s for the
same reason, which is the step of 2 frames per second."""

# A curve depends on two frames to either side of where it is read, the outermost on all of them.
_REACH = 4

Item = TypeVar("Item")

GROUP_VALUES = 1 << 16
"""Values computed in one go: many are faster, and few need less memory."""


@dataclass(frozen=True)
class Segment:
    """A stretch of signals without a gap, at :data:`GRID_HZ`.

    Attributes
    ----------
    start_s : float
        Time of the first sample.
    values : numpy.ndarray
        ``(n_samples, n_signals)``.
    """

    start_s: float
    values: np.ndarray

    @property
    def duration_s(self) -> float:
        """Time covered."""
        return len(self.values) / GRID_HZ


def segments(values: np.ndarray, time_s: np.ndarray) -> list[Segment]:
    """Cut signals at gaps and resample each stretch to :data:`GRID_HZ`.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n_frames, n_signals)``; a frame counts as missing when any signal of it is NaN.
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing times.

    Returns
    -------
    list of Segment
        One for each stretch of at least :data:`MIN_SEGMENT_S`.
    """
    found = long_stretches(all_known(values), time_s)
    ends = np.cumsum([0, *(n_samples(time_s[stretch]) for stretch in found)]).tolist()
    every = scratch((ends[-1], values.shape[1]))
    cut = []
    for stretch, start, stop in zip(found, ends, ends[1:], strict=False):
        _resample(values[stretch], time_s[stretch], every[start:stop])
        cut.append(Segment(float(time_s[stretch][0]), every[start:stop]))
    return cut


def all_known(values: np.ndarray) -> np.ndarray:
    """``(n_frames,)`` bool: which frames of ``(n_frames, n_signals)`` have no NaN."""
    known = np.ones(len(values), bool)
    for column in values.T:
        known &= np.isfinite(column)
    return known


def long_stretches(present: np.ndarray, time_s: np.ndarray) -> list[slice]:
    """Those of :func:`stretches` that last :data:`MIN_SEGMENT_S`."""
    return [
        stretch
        for stretch in stretches(present, time_s)
        if time_s[stretch.stop - 1] - time_s[stretch.start] >= MIN_SEGMENT_S
    ]


def joined(parts: Sequence[np.ndarray], n_columns: int) -> np.ndarray:
    """``(n_samples, n_columns)`` parts one after the other; there may be none."""
    if len(parts) == 1:
        return parts[0]
    together = scratch((sum(map(len, parts)), n_columns))
    first = 0
    for part in parts:
        together[first : first + len(part)] = part
        first += len(part)
    return together


def stretches(present: np.ndarray, time_s: np.ndarray) -> list[slice]:
    """Runs of present frames without a jump in time, each with at least four frames.

    A step is a jump when it is longer than two and a half typical ones and than
    :data:`LONGEST_STEP_S`, or than :data:`LONGEST_SLOW_STEP_S`. A video of less than about two
    frames per second has no runs, and nothing is interpolated in it.
    """
    if len(time_s) < 4:
        return []
    steps_s = np.diff(time_s)
    longest_s = max(2.5 * float(np.median(steps_s)), LONGEST_STEP_S)
    jump = steps_s > min(longest_s, LONGEST_SLOW_STEP_S)
    breaks = np.flatnonzero(jump | (present[1:] != present[:-1])) + 1
    starts = [0, *breaks.tolist()]
    stops = [*breaks.tolist(), len(time_s)]
    return [
        slice(start, stop)
        for start, stop in zip(starts, stops, strict=True)
        if present[start] and stop - start >= 4
    ]


def groups_of(signals: Sequence[Item], n_frames: int) -> Iterator[Sequence[Item]]:
    """Signals in groups that hold at most :data:`GROUP_VALUES`, in their order."""
    size = max(1, GROUP_VALUES // max(1, n_frames))
    for first in range(0, len(signals), size):
        yield signals[first : first + size]


def n_samples(time_s: np.ndarray) -> int:
    """Samples of a stretch at the common rate, from its first frame to its last."""
    return int((time_s[-1] - time_s[0]) * GRID_HZ + 1e-6) + 1


def _resample(values: np.ndarray, time_s: np.ndarray, resampled: np.ndarray) -> None:
    """Interpolate a stretch at the times of a grid, a few signals and samples at a time."""
    n = len(resampled)
    for group in groups_of(range(values.shape[1]), len(values)):
        for first in range(0, n, GROUP_VALUES):
            stop = min(first + GROUP_VALUES, n)
            # Clipped because the last sample may lie a rounding error behind the last frame.
            grid_s = np.clip(time_s[0] + np.arange(first, stop) / GRID_HZ, None, time_s[-1])
            near = slice(0, len(values))
            if stop - first < n:
                before, after = np.searchsorted(time_s, grid_s[[0, -1]], side="right")
                near = slice(max(before - 1 - _REACH, 0), after + _REACH)
            curves = Akima1DInterpolator(time_s[near], values[near, group], method="makima")
            resampled[first:stop, group] = curves(grid_s)


def derivative(segment: Segment, order: int, window_s: float) -> np.ndarray:
    """Time derivative by local cubic fits (Savitzky & Golay 1964), per second to the ``order``.

    Parameters
    ----------
    segment : Segment
        What to derive.
    order : int
        1 for velocity, 2 for acceleration, 3 for jerk.
    window_s : float
        Length of the fits.

    Returns
    -------
    numpy.ndarray
        ``(n_samples - window + 1, n_signals)``: only where a whole window lies inside the segment;
        empty when the segment is shorter.
    """
    window = int(window_s * GRID_HZ) // 2 * 2 + 1
    if len(segment.values) < window:
        return np.empty((0, segment.values.shape[1]))
    half, (n, n_signals) = window // 2, segment.values.shape
    derived = scratch((n - 2 * half, n_signals))
    for group in groups_of(range(n_signals), n):
        values = segment.values[:, group]
        full = savgol_filter(
            values, window, 3, deriv=order, delta=1 / GRID_HZ, axis=0, mode="constant"
        )
        derived[:, group] = full[half : n - half]
    return derived
