"""Small statistics that are NaN, not an error or a warning, where there is nothing to compute."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from featurize.scratch import blocks

Blocks = Callable[[], Iterator[np.ndarray]]
"""Gives series ``(n_frames, n_series)`` block by block, as often as it is called."""


def percentile(values: np.ndarray, percent: float) -> float:
    """Percentile of known values; NaN of none."""
    return float(np.percentile(values, percent)) if values.size else float("nan")


def rms(values: np.ndarray) -> float:
    """Root mean square; NaN of nothing."""
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")


def ratio(numerator: float, denominator: float) -> float:
    """Quotient; NaN where the denominator is not positive."""
    return float(numerator / denominator) if denominator > 0 else float("nan")


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of two equally long series; NaN when one of them is constant or empty.

    Examples
    --------
    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])), 6)
    1.0
    """
    if not first.size:
        return float("nan")
    return centred_pearson(first - first.mean(), second - second.mean())


def centred_pearson(first: np.ndarray, second: np.ndarray) -> float:
    """The same of series without mean."""
    scale = float(np.sqrt(np.sum(first**2) * np.sum(second**2)))
    return float(np.sum(first * second)) / scale if scale > 1e-12 else float("nan")


def noise_std(values: np.ndarray) -> float:
    """Standard deviation of the white noise on a smooth signal; 0 for fewer than three values.

    From the median absolute second difference of the known values, which a smooth motion and a few
    events leave alone.
    """
    second = np.diff(values[np.isfinite(values)], 2)
    # The median of a normal variable's magnitude is 0.6745; a second difference has variance 6.
    return float(np.median(np.abs(second)) / (0.6745 * np.sqrt(6))) if second.size else 0.0


def mean_of_blocks(read: Blocks) -> np.ndarray:
    """``(n_series,)`` means of series that are never together in memory."""
    count, total = 0, 0.0
    for block in read():
        count += len(block)
        total = total + block.sum(axis=0)
    return total / count


def std_of_blocks(read: Blocks) -> np.ndarray:
    """``(n_series,)`` standard deviations of series that are never together in memory."""
    mean = mean_of_blocks(read)
    return np.sqrt(mean_of_blocks(lambda: ((block - mean) ** 2 for block in read())))


def rms_of_parts(parts: Iterable[np.ndarray], n_series: int) -> np.ndarray:
    """``(n_series,)`` root mean squares of consecutive parts; NaN of none.

    Frame after frame is added, so that it does not matter where the parts begin.
    """
    count, total = 0, np.zeros((1, n_series))
    for part in parts:
        count += len(part)
        total = np.concatenate([total, part**2]).sum(axis=0, keepdims=True)
    return np.sqrt(total[0] / count) if count else np.full(n_series, np.nan)


def sum_of_squares(values: np.ndarray) -> np.ndarray:
    """``(n,)`` squared lengths of vectors ``(n, n_axes)``."""
    squares = np.empty(len(values))
    for block in blocks(len(values)):
        squares[block] = np.sum(values[block] ** 2, axis=1)
    return squares
