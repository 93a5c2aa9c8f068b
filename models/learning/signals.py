"""Rows that hold signals over time: taken apart, bridged, and how far each signal swings."""

import numpy as np

from models.errors import SettingError

LIMIT = 5.0
"""Signals are clipped at so many standard deviations of the bulk: a jump of landmarks counts as a
large movement, and not as one beside which there is no other."""

_IQR_OF_STANDARD_NORMAL = 1.3489795
# A signal that moves by less is constant up to rounding, in whatever unit.
_LEAST_SPREAD = 1e-9


def by_signal(X: np.ndarray, n_signals: int) -> np.ndarray:
    """Return ``(n_rows, n_signals, n_steps)``, a view of ``X`` ``(n_rows, n_signals * n_steps)``.

    Raises
    ------
    SettingError
        When the columns are not as many for each signal.
    """
    if n_signals < 1 or X.shape[1] % n_signals:
        raise SettingError(
            f"{n_signals} signals do not share {X.shape[1]} columns: give the number of signals "
            "that the table has."
        )
    return X.reshape(len(X), n_signals, -1)


def bridged(values: np.ndarray) -> np.ndarray:
    """Return a copy in which missing steps are filled from the known ones of the same signal.

    By a line between those to either side; before the first and after the last by the nearest one.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n_rows, n_signals, n_steps)``; a signal without any known step of a row stays NaN.
    """
    filled = values.copy()
    known = np.isfinite(values)
    steps = np.arange(values.shape[2])
    for row, signal in np.argwhere(known.any(axis=2) & ~known.all(axis=2)):
        at = known[row, signal]
        filled[row, signal] = np.interp(steps, steps[at], values[row, signal, at])
    return filled


def robust_spread(values: np.ndarray) -> np.ndarray:
    """Return the robust standard deviation of each signal over all rows and steps.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n_rows, n_signals, n_steps)``; NaN where unknown.

    Returns
    -------
    numpy.ndarray
        ``(n_signals,)``. That of a signal at rest most of the time is its standard deviation; that
        of one that never changes, or is never known, is 1.
    """
    spread = np.ones(values.shape[1])
    for signal in range(values.shape[1]):
        known = values[:, signal][np.isfinite(values[:, signal])]
        if not known.size:
            continue
        low, high = np.percentile(known, [25, 75])
        robust, deviation = (high - low) / _IQR_OF_STANDARD_NORMAL, known.std()
        # Spread that is only rounding noise beside the deviation would blow the signal up.
        larger = robust if robust > 1e-6 * deviation else deviation
        spread[signal] = larger if larger > _LEAST_SPREAD else 1.0
    return spread


def limited(values: np.ndarray) -> np.ndarray:
    """Return scaled values clipped to :data:`LIMIT`; what is unknown is at rest, 0."""
    return np.clip(np.nan_to_num(values, nan=0.0), -LIMIT, LIMIT)
