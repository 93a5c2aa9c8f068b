"""How good scores are: ranking, thresholds, calibration; intervals by resampling clusters.

Every metric takes ``is_fake (n,)`` and a score or probability ``(n,)``, larger for more likely
fake, and optionally ``weight (n_resamples, n)``: how much each row counts in each resample. It
returns ``(n_resamples,)``, a plain float without ``weight``. Where a metric is not defined, as
with one class only, it is NaN and not an error: a fold may well hold one class.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student_t

_N_BINS = 10
_SMALLEST_PROBABILITY = 1e-15
# Draws from fewer clusters say next to nothing about clusters that were not drawn from.
FEWEST_CLUSTERS = 5
# Metrics that do not compare the classes.
_OF_EACH_ROW = ("brier_score", "log_loss", "expected_calibration_error")
# Bounds the memory of the resampling: 16 MiB for each array of weights.
_WEIGHTS_AT_ONCE = 2**21


def auc(
    is_fake: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Area under the ROC curve: the chance that a fake scores above a real; ties count half."""
    fake, real = _by_threshold(is_fake, score, weight)
    above = np.cumsum(fake, axis=1) - fake / 2
    return _unpacked(_ratio((real * above).sum(axis=1), _total(fake) * _total(real)), weight)


def average_precision(
    is_fake: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Mean precision over the steps of recall, from the highest score down, without smoothing.

    Its value for scores without signal is the share of fakes.
    """
    fake, real = _by_threshold(is_fake, score, weight)
    caught = np.cumsum(fake, axis=1)
    precision = _ratio(caught, caught + np.cumsum(real, axis=1))
    steps = np.where(fake > 0, fake * precision, 0.0)
    both = np.where(_total(real) > 0, _total(fake), 0)
    return _unpacked(_ratio(steps.sum(axis=1), both), weight)


def equal_error_rate(
    is_fake: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Error rate where as large a share of reals is called fake as of fakes real.

    Between two thresholds the ROC curve is taken as a straight line.
    """
    tpr, fpr = _roc(is_fake, score, weight)
    excess = (1 - tpr) - fpr
    after = np.argmax(excess <= 0, axis=1)
    rows = np.arange(len(excess))
    before = np.maximum(after - 1, 0)
    drop = excess[rows, before] - excess[rows, after]
    part = np.divide(excess[rows, before], drop, out=np.zeros_like(drop), where=drop > 0)
    start = fpr[rows, before]
    crossing = start + part * (fpr[rows, after] - start)
    return _unpacked(np.where(np.isnan(excess[:, -1]), np.nan, crossing), weight)


def tpr_at_fpr(
    is_fake: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None, *, fpr: float
) -> float | np.ndarray:
    """Largest share of fakes caught by a threshold that calls at most ``fpr`` of reals fake."""
    caught, false_alarms = _roc(is_fake, score, weight)
    allowed = np.where(false_alarms <= fpr + 1e-12, caught, 0.0).max(axis=1)
    return _unpacked(
        np.where(np.isnan(caught[:, -1] + false_alarms[:, -1]), np.nan, allowed), weight
    )


def balanced_accuracy(
    is_fake: np.ndarray, probability: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Mean of the shares of fakes and of reals on the right side of probability 0.5."""
    w = _weights(is_fake, weight)
    right = (probability >= 0.5) == (is_fake == 1)
    fake, real = w * (is_fake == 1), w * (is_fake == 0)
    rates = (
        _ratio((fake * right).sum(axis=1), _total(fake)),
        _ratio((real * right).sum(axis=1), _total(real)),
    )
    return _unpacked((rates[0] + rates[1]) / 2, weight)


def brier_score(
    is_fake: np.ndarray, probability: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Mean squared difference of probability and truth, in [0, 1]; 0 is best."""
    return _mean((probability - is_fake) ** 2, is_fake, weight)


def log_loss(
    is_fake: np.ndarray, probability: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Mean negative log likelihood in nats; ln 2 for always saying 0.5."""
    p = np.clip(probability, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    return _mean(-np.log(np.where(is_fake == 1, p, 1 - p)), is_fake, weight)


def expected_calibration_error(
    is_fake: np.ndarray, probability: np.ndarray, weight: np.ndarray | None = None
) -> float | np.ndarray:
    """Mean distance of stated probability and share of fakes, over ten bins of equal width."""
    w = _weights(is_fake, weight)
    which = np.minimum((probability * _N_BINS).astype(int), _N_BINS - 1)
    in_bin = np.eye(_N_BINS)[which]
    gap = np.abs((w * (probability - is_fake)) @ in_bin)
    return _unpacked(_ratio(gap.sum(axis=1), _total(w)), weight)


def mean_auc_within_groups(
    is_fake: np.ndarray,
    score: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    weight: np.ndarray | None = None,
) -> float | np.ndarray:
    """Mean AUC inside a group inside a fold; where there is one class only, it does not count.

    Free of what differs between people and sources. Scores of different folds come from different
    classifiers and are not compared, even of one group. ``weight`` must be the same for all rows
    of a group in a fold: how often they were drawn.
    """
    w = _weights(is_fake, weight)
    cells = _cells(groups, folds)
    first, values = [], []
    for cell in np.unique(cells[_beside_other_class(is_fake, cells)]):
        rows = np.flatnonzero(cells == cell)
        first.append(rows[0])
        values.append(auc(is_fake[rows], score[rows]))
    drawn = w[:, np.array(first, dtype=int)]
    return _unpacked(_ratio(drawn @ np.array(values), _total(drawn)), weight)


def mean_auc_of_held_out(
    is_fake: np.ndarray,
    score: np.ndarray,
    folds: np.ndarray,
    held_out: np.ndarray,
    weight: np.ndarray | None = None,
) -> float | np.ndarray:
    """Mean over what was held out of one AUC each; where there is one class, it does not count.

    What is held out in several folds gets the share of pairs of a fake and a real that are in
    order among all pairs inside a fold: the mean of the AUCs of its folds, each weighted by its
    number of pairs. So a fold of two videos does not count as much as one of fifty. Then each
    held-out name counts once, or by the mean ``weight`` of its rows.
    """
    w = _weights(is_fake, weight)
    values, drawn = [], []
    for name in np.unique(held_out):
        n_in_order, n_pairs = np.zeros(len(w)), np.zeros(len(w))
        for fold in np.unique(folds[held_out == name]):
            rows = folds == fold
            pairs = _total(w[:, rows & (is_fake == 1)]) * _total(w[:, rows & (is_fake == 0)])
            n_in_order += np.nan_to_num(auc(is_fake[rows], score[rows], w[:, rows])) * pairs
            n_pairs += pairs
        values.append(_ratio(n_in_order, n_pairs))
        drawn.append(np.where(n_pairs > 0, w[:, held_out == name].mean(axis=1), 0.0))
    total = np.nansum(np.array(values) * drawn, axis=0)
    return _unpacked(_ratio(total, np.sum(drawn, axis=0)), weight)


def measure(
    is_fake: np.ndarray,
    score: np.ndarray,
    probability: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    held_out: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return every metric with a 95 % interval.

    Figures inside a fold rank by the decision value. Decision values of different folds come from
    different classifiers; what pools folds therefore ranks by the calibrated probability, which is
    what a detector's thresholds are set on.

    The interval is taken from ``n_resamples`` draws of as many clusters as there are, with
    replacement: videos of one cluster are not independent. It says what other clusters would do to
    the figure, not what another training set would. Percentiles of draws from few clusters lie too
    near to each other; they are taken further out, see :func:`interval_levels`. Where fewer than
    five clusters count, or hold a class that the metric compares with the other, there is no
    interval: one fake, however often it is drawn, says nothing of others. Draws of the expected
    calibration error are shifted to its value, for resampling adds error of its own.

    Parameters
    ----------
    is_fake : numpy.ndarray
        ``(n,)`` int, 0 or 1.
    score : numpy.ndarray
        ``(n,)`` decision values.
    probability : numpy.ndarray
        ``(n,)`` calibrated probabilities.
    groups, folds : numpy.ndarray
        ``(n,)`` group and fold of each row.
    held_out : numpy.ndarray, optional
        ``(n,)`` what the fold of each row held out, the same for all rows of a fold; without it,
        each fold something else.
    clusters : numpy.ndarray, optional
        ``(n,)`` what is drawn for the intervals; the groups by default. All rows of a group in a
        fold must be of one cluster.
    n_resamples : int
        Number of draws.
    seed : int
        Of the draws.

    Returns
    -------
    pandas.DataFrame
        One row per metric: ``metric, value, low, high, n_counted, n_all``. NaN where not defined.
        The last two say on how many of how many the figure rests: groups in a fold for
        ``auc_within_group``, held-out names for ``auc_mean_of_folds``, else rows.
    """
    held_out = folds if held_out is None else held_out
    clusters = groups if clusters is None else clusters
    ranked, stated = (is_fake, score), (is_fake, probability)
    metrics: dict[str, Callable[..., float | np.ndarray]] = {
        "auc_pooled": partial(auc, *stated),
        "auc_within_group": partial(mean_auc_within_groups, *ranked, groups, folds),
        "auc_mean_of_folds": partial(mean_auc_of_held_out, *ranked, folds, held_out),
        "average_precision": partial(average_precision, *stated),
        "equal_error_rate": partial(equal_error_rate, *stated),
        "tpr_at_fpr_1pct": partial(tpr_at_fpr, *stated, fpr=0.01),
        "tpr_at_fpr_5pct": partial(tpr_at_fpr, *stated, fpr=0.05),
        "balanced_accuracy": partial(balanced_accuracy, *stated),
        "brier_score": partial(brier_score, *stated),
        "log_loss": partial(log_loss, *stated),
        "expected_calibration_error": partial(expected_calibration_error, *stated),
    }
    # What is counted, and which rows enter the figure.
    cells = _cells(groups, folds)
    counts = {
        "auc_within_group": (cells, _beside_other_class(is_fake, cells)),
        "auc_mean_of_folds": (held_out, _beside_other_class(is_fake, folds)),
    }
    each_row = (np.arange(len(is_fake)), np.ones(len(is_fake), dtype=bool))
    resampled: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for weight in draws(clusters, n_resamples, seed):
        for name, metric in metrics.items():
            resampled[name].append(metric(weight=weight))
    table = []
    for name, metric in metrics.items():
        parts, used = counts.get(name, each_row)
        defined = np.concatenate(resampled[name])
        defined = defined[~np.isnan(defined)]
        classes = np.zeros_like(is_fake) if name in _OF_EACH_ROW else is_fake
        if name == "expected_calibration_error" and len(defined):
            # Resampling adds error of its own, which is no error of the probabilities.
            defined = np.maximum(defined - defined.mean() + metric(), 0.0)
        low, high = interval(defined, fewest_clusters(clusters[used], classes[used]))
        n_counted, n_all = len(np.unique(parts[used])), len(np.unique(parts))
        table.append((name, metric(), low, high, n_counted, n_all))
    return pd.DataFrame(table, columns=["metric", "value", "low", "high", "n_counted", "n_all"])


def fewest_clusters(clusters: np.ndarray, classes: np.ndarray) -> int:
    """Return how many clusters hold rows of the class that is in the fewest; 0 without rows."""
    each = [len(np.unique(clusters[classes == name])) for name in np.unique(classes)]
    return min(each, default=0)


def interval(drawn: np.ndarray, n_clusters: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval, NaN where too little was drawn from.

    Parameters
    ----------
    drawn : numpy.ndarray
        ``(n_draws,)`` the figure in each draw, without NaN.
    n_clusters : int
        From how many clusters was drawn.
    """
    if n_clusters < FEWEST_CLUSTERS or not len(drawn):
        return np.nan, np.nan
    low, high = np.percentile(drawn, interval_levels(n_clusters))
    return float(low), float(high)


def interval_levels(n_clusters: int) -> tuple[float, float]:
    """Return between which percentiles of the draws the 95 % interval lies.

    Draws from ``k`` clusters vary less than samples of as many do, by ``sqrt((k - 1) / k)``, and
    their spread is itself uncertain, as Student's t knows; percentiles further out make up for both
    (Hesterberg 2015, expanded percentiles). Not wholly: with fewer than ten clusters the interval
    still holds the truth less often than in 95 of 100 cases, of figures near 1 above all.
    """
    z = np.sqrt(n_clusters / (n_clusters - 1)) * student_t.ppf(0.975, n_clusters - 1)
    low = 100 * float(norm.cdf(-z))
    return low, 100 - low


def draws(clusters: np.ndarray, n_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks ``(n_draws, n_rows)`` of how often the cluster of each row was drawn.

    As many clusters are drawn as there are, with replacement. The blocks, which bound the memory,
    have ``n_resamples`` rows together; the same clusters and seed give the same draws.
    """
    unique, which = np.unique(clusters, return_inverse=True)
    share = np.full(len(unique), 1 / len(unique))
    draws = np.random.default_rng(seed).multinomial(len(unique), share, size=n_resamples)
    n_blocks = -(-n_resamples * len(which) // _WEIGHTS_AT_ONCE)
    for block in np.array_split(draws, n_blocks):
        yield block[:, which].astype(float)


def _cells(groups: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return ``(n,)`` a number for each group in a fold."""
    (_, group), (fold_names, fold) = (np.unique(x, return_inverse=True) for x in (groups, folds))
    return group * len(fold_names) + fold


def _beside_other_class(is_fake: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return ``(n,)`` bool: whether the part that a row is in holds both classes."""
    _, which = np.unique(parts, return_inverse=True)
    share = np.bincount(which, is_fake) / np.bincount(which)
    return ((share > 0) & (share < 1))[which]


def _weights(is_fake: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    return np.ones((1, len(is_fake))) if weight is None else np.atleast_2d(weight)


def _unpacked(values: np.ndarray, weight: np.ndarray | None) -> float | np.ndarray:
    return float(values[0]) if weight is None else values


def _total(weight: np.ndarray) -> np.ndarray:
    return weight.sum(axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return the quotient, NaN where ``whole`` is zero."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.divide(part, whole, out=np.full(shape, np.nan), where=np.asarray(whole) > 0)


def _mean(values: np.ndarray, is_fake: np.ndarray, weight: np.ndarray | None) -> float | np.ndarray:
    w = _weights(is_fake, weight)
    return _unpacked(_ratio(w @ values, _total(w)), weight)


def _by_threshold(
    is_fake: np.ndarray, score: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of fakes and of reals at each different score, the highest first."""
    w = _weights(is_fake, weight)
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]][: len(ranked)])
    fake = w[:, order] * (is_fake[order] == 1)
    real = w[:, order] * (is_fake[order] == 0)
    return np.add.reduceat(fake, starts, axis=1), np.add.reduceat(real, starts, axis=1)


def _roc(
    is_fake: np.ndarray, score: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of fakes and reals called fake, from no threshold down to the lowest score."""
    fake, real = _by_threshold(is_fake, score, weight)
    rates = []
    for part in (fake, real):
        called = np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0)))
        rates.append(_ratio(called, called[:, -1:]))
    return rates[0], rates[1]
