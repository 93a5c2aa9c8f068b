"""Points of the curves in the report: ROC, mean ROC over folds, reliability; thinned for a page."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_curve

# A curve on a page has no use for more vertices; the size of the page must not grow with the table.
_MOST_VERTICES = 400
_N_BINS = 10
# 97.5th percentile of the normal distribution: half width of a 95 % interval.
_Z95 = 1.959964


@dataclass(frozen=True)
class Reliability:
    """How often the videos of a bin of stated probability are fake.

    Attributes
    ----------
    stated : numpy.ndarray
        ``(n_bins,)`` mean stated probability of each bin that holds a video.
    share : numpy.ndarray
        ``(n_bins,)`` share of fakes in it.
    low, high : numpy.ndarray
        ``(n_bins,)`` 95 % interval of the share after Wilson (1927), as if videos were independent.
    """

    stated: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def has_both(is_fake: np.ndarray) -> bool:
    """Return whether both classes occur, without which there is no curve."""
    return 0 < is_fake.sum() < len(is_fake)


def roc_points(is_fake: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false alarms and caught fakes as shares in [0, 1], from (0, 0) to (1, 1)."""
    false_alarms, caught, _ = roc_curve(is_fake, score)
    return false_alarms, caught


def mean_roc(
    is_fake: np.ndarray, score: np.ndarray, folds: np.ndarray, held_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the ROC curve averaged at each false-alarm rate over what was held out.

    Weights are those of ``auc_mean_of_folds``, so the area below is that figure: each held-out name
    counts once, its folds by their number of pairs of a fake and a real. None without a fold of
    both classes.
    """
    curves: list[tuple[np.ndarray, np.ndarray]] = []
    names, pairs = [], []
    for fold in np.unique(folds):
        rows = folds == fold
        if has_both(is_fake[rows]):
            curves.append(roc_points(is_fake[rows], score[rows]))
            names.append(str(held_out[rows][0]))
            pairs.append(float(is_fake[rows].sum() * (1 - is_fake[rows]).sum()))
    if not curves:
        return None
    of_name = {name: sum(np.array(pairs)[np.array(names) == name]) for name in names}
    weight = np.array([n / of_name[name] for n, name in zip(pairs, names, strict=True)])
    rates = np.unique(np.concatenate([x for x, _ in curves]))
    heights = np.array([_at_rates(rates, x, y) for x, y in curves])
    return np.repeat(rates, 2), np.tensordot(weight / weight.sum(), heights, axes=1).ravel()


def _at_rates(rates: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return ``(n_rates, 2)`` the height of a curve; where it rises straight up, both ends."""
    height = np.repeat(np.interp(rates, x, y)[:, np.newaxis], 2, axis=1)
    vertex = np.isin(rates, x)
    height[vertex, 0] = y[np.searchsorted(x, rates[vertex], side="left")]
    height[vertex, 1] = y[np.searchsorted(x, rates[vertex], side="right") - 1]
    return height


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most 400 of the vertices, evenly spaced along the curve, with both ends."""
    if len(x) <= _MOST_VERTICES:
        return x, y
    along = np.r_[0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
    wanted = np.linspace(0, along[-1], _MOST_VERTICES)
    kept = np.unique(np.r_[0, np.searchsorted(along, wanted[1:-1]), len(x) - 1])
    return x[kept], y[kept]


def reliability(is_fake: np.ndarray, probability: np.ndarray) -> Reliability:
    """Return share of fakes by ten bins of equal width of the stated probability."""
    which = np.minimum((probability * _N_BINS).astype(int), _N_BINS - 1)
    n = np.bincount(which, minlength=_N_BINS)
    held = n > 0
    count = n[held]
    share = np.bincount(which, is_fake, minlength=_N_BINS)[held] / count
    stated = np.bincount(which, probability, minlength=_N_BINS)[held] / count
    shrunk = (share + _Z95**2 / (2 * count)) / (1 + _Z95**2 / count)
    spread = _Z95 * np.sqrt(share * (1 - share) / count + _Z95**2 / (4 * count**2))
    half = spread / (1 + _Z95**2 / count)
    # A share of exactly 0 or 1 ends its interval; rounding must not put it outside.
    low, high = np.minimum(shrunk - half, share), np.maximum(shrunk + half, share)
    return Reliability(stated, share, low, high)
