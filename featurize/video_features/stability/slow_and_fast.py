"""Motion cut in two: what a local cubic follows, and what it does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_filter

from featurize.types import pieces
from featurize.video_features.sampling import stretches

SMOOTHING_WINDOW_S = 0.28
"""Motion slower than this window follows is expression; what is left of it is jitter."""

MIN_WINDOW_FRAMES = 7
"""A cubic through five frames follows almost any noise."""


@dataclass(frozen=True)
class Parts:
    """Both parts of some consecutive frames.

    Attributes
    ----------
    frames : slice
        Which frames of the track.
    slow, fast : numpy.ndarray
        ``(n, ...)``; their sum is what was cut. NaN where a value within the window is unknown.
    """

    frames: slice
    slow: np.ndarray
    fast: np.ndarray


def slow_and_fast(
    read: Callable[[slice], np.ndarray], known: np.ndarray, time_s: np.ndarray
) -> Iterator[Parts]:
    """Cut series in two by a local cubic fit over 0.28 s (Savitzky & Golay 1964).

    Parameters
    ----------
    read : callable
        From consecutive frames to their values ``(n, ...)``: a long track is read piece by piece.
    known : numpy.ndarray
        ``(n_frames,)`` bool: a stretch ends where this is False.
    time_s : numpy.ndarray
        ``(n_frames,)``.

    Yields
    ------
    Parts
        In order of time. Both ends of a stretch, where the window does not fit, are in none.
    """
    for stretch in stretches(known, time_s):
        step_s = float(np.median(np.diff(time_s[stretch])))
        window = max(MIN_WINDOW_FRAMES, round(SMOOTHING_WINDOW_S / step_s) | 1)
        half = window // 2
        for piece in pieces(stretch.stop - stretch.start - 2 * half):
            first, stop = stretch.start + piece.start, stretch.start + piece.stop + 2 * half
            values = read(slice(first, stop))
            slow = savgol_filter(values, window, 3, axis=0, mode="constant")[half:-half]
            yield Parts(slice(first + half, stop - half), slow, values[half:-half] - slow)
