"""Motion cut in two: what a local cubic follows, and what it does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import savgol_coeffs, savgol_filter

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
    kept : float
        Share of the power of white noise that is left in ``fast``: 2/3 with the least window, more
        with a longer one.
    """

    frames: slice
    slow: np.ndarray
    fast: np.ndarray
    kept: float

    @property
    def noise(self) -> np.ndarray:
        """The fast part made as large as the white noise that leaves it, whatever the window."""
        return self.fast / np.sqrt(self.kept)


def slow_and_fast(
    read: Callable[[slice], np.ndarray],
    known: np.ndarray,
    time_s: np.ndarray,
    window_s: float = SMOOTHING_WINDOW_S,
) -> Iterator[Parts]:
    """Cut series in two by a local cubic fit over 0.28 s (Savitzky & Golay 1964).

    The window is an odd number of frames and has at least seven of them, so that below 25 frames
    per second it is longer.

    Parameters
    ----------
    read : callable
        From consecutive frames to their values ``(n, ...)``: a long track is read piece by piece.
    known : numpy.ndarray
        ``(n_frames,)`` bool: a stretch ends where this is False.
    time_s : numpy.ndarray
        ``(n_frames,)``.
    window_s : float
        Length of the window; 0 for the least one, seven frames at any frame rate.

    Yields
    ------
    Parts
        In order of time. Both ends of a stretch, where the window does not fit, are in none.
    """
    for stretch in stretches(known, time_s):
        step_s = float(np.median(np.diff(time_s[stretch])))
        window = max(MIN_WINDOW_FRAMES, round(window_s / step_s) | 1)
        half = window // 2
        kept = 1 - float(savgol_coeffs(window, 3)[half])
        for piece in pieces(stretch.stop - stretch.start - 2 * half):
            first, stop = stretch.start + piece.start, stretch.start + piece.stop + 2 * half
            values = read(slice(first, stop))
            slow = savgol_filter(values, window, 3, axis=0, mode="constant")[half:-half]
            yield Parts(slice(first + half, stop - half), slow, values[half:-half] - slow, kept)
