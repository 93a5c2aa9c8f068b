"""Small statistics that are NaN, not an error or a warning, where there is nothing to compute."""

import numpy as np


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
    first, second = first - first.mean(), second - second.mean()
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
