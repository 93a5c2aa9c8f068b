"""Windows: consecutive stretches of a video of equal length, each measured by itself."""

from collections.abc import Iterator

import numpy as np

from featurize.errors import OptionError
from featurize.types import typical_step_s

MIN_WINDOW_S = 2.0
"""Shortest windows, seconds. A face must be shown for one second to be measured; in a window not
much longer than that a single frame without it would decide."""

WINDOW_COLUMNS: tuple[str, ...] = ("window_start_s", "window_end_s")
"""Columns of a table of windows: bounds in seconds since the first frame of the video, as players
count. The last window of a video may end after it: ``duration_s`` says how much of it there is."""


def check_window(window_s: float | None) -> None:
    """Raise OptionError unless ``window_s`` can be the length of windows, or is None."""
    if window_s is None:
        return
    if not isinstance(window_s, (int, float)) or not MIN_WINDOW_S <= window_s < float("inf"):
        raise OptionError(
            f"A window must be at least {MIN_WINDOW_S:g} s long and finite, not {window_s} s."
        )


def windows(time_s: np.ndarray, window_s: float) -> Iterator[tuple[float, slice]]:
    """Cut a video into windows, from its first frame on, whatever it shows.

    A frame belongs to the window in which its middle lies, so that the last bits of its time do not
    decide. What is left at the end is a window too where it is at least half as long as one, or
    where it is all there is; else nothing is measured in it. Windows without a frame are left out.

    Parameters
    ----------
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing presentation times, two at least.
    window_s : float
        Length of a window.

    Yields
    ------
    float, slice
        Start of a window in seconds since the first frame, and its frames.

    Examples
    --------
    >>> list(windows(np.arange(0, 13, 0.5), 5.0))
    [(0.0, slice(0, 10, None)), (5.0, slice(10, 20, None)), (10.0, slice(20, 26, None))]
    """
    since_s, step_s = time_s - time_s[0], typical_step_s(time_s)
    number = np.floor((since_s + step_s / 2) / window_s)
    firsts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist()]
    stops = [*firsts[1:], len(time_s)]
    for first, stop in zip(firsts, stops, strict=True):
        start_s = float(number[first] * window_s)
        covered_s = since_s[stop - 1] + step_s - start_s
        # Half a frame of tolerance, as for the frames themselves.
        if stop < len(time_s) or first == 0 or covered_s + step_s / 2 >= window_s / 2:
            yield start_s, slice(first, stop)
