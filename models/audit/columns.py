"""Single columns that are the label in disguise."""

import re

import numpy as np
from scipy.stats import norm

from models.audit.finding import Finding
from models.feature_file import named
from models.metrics import auc
from models.training_table import TrainingTable

# All but one in two hundred pairs of a fake and a real in order: no biometric measure is that good.
_NEARLY_ALL = 0.995
# The values of a column that fewer videos have are no copy of the label.
_LEAST_KNOWN = 0.9
_FALSE_ALARMS = 0.05
# Words that say of which kind a video is, or where it belongs, rather than what was measured.
_TELLING_WORDS = frozenset(
    {
        *("label", "labels", "labelled", "class", "target", "truth"),
        *("real", "isreal", "authentic", "genuine"),
        *("fake", "fakes", "isfake", "deepfake", "deepfakes", "forged", "forgery"),
        *("manipulated", "manipulation", "method"),
        *("dataset", "source", "split", "group"),
    }
)


def feature_copies_label(table: TrainingTable) -> Finding:
    """Return how well the best single feature, or whether it is missing, tells the label.

    Videos of one group and class together weigh as one: they are not independent. A column is named
    when it puts nearly all fakes above, or below, nearly all reals, and the best of as many columns
    of noise would do as well in less than one of twenty tables (Bonferroni; the normal
    approximation of the Wilcoxon statistic, with as many values as there are groups).
    """
    about = ("feature_copies_label", "Does a single feature alone tell the label?")
    missing = np.isnan(table.features)
    share_known = 1 - missing.mean(axis=0)
    valued = np.flatnonzero(share_known >= _LEAST_KNOWN)
    gaps = np.flatnonzero((share_known > 0) & (share_known < 1))
    n_tested = len(valued) + len(gaps)
    units = _Units(table)
    told = [(*units.told_by(table.features[:, j]), table.columns[j]) for j in valued]
    told += [
        (*units.told_by(missing[:, j].astype(float)), f"{table.columns[j]} (whether it is missing)")
        for j in gaps
    ]
    told = [outcome for outcome in told if not np.isnan(outcome[0])]
    if not told:
        reason = "no feature is measured in most videos of both classes."
        return Finding.unknown(*about, "AUC", reason)
    least_sigmas = norm.isf(_FALSE_ALARMS / 2 / n_tested)
    best, _, best_name = max(told)
    chance = min(1.0, 0.5 + least_sigmas * units.deviation(np.ones(len(missing), dtype=bool)))
    copies = [
        name
        for value, sigmas, name in sorted(told, reverse=True)
        if value >= _NEARLY_ALL and sigmas > least_sigmas
    ]
    if copies:
        sentence = (
            f"Of {n_tested} columns, each of these tells nearly every fake from nearly every real "
            f"by itself: {named(copies)}. A measure of the face is never that good. See how they "
            "came about, and leave out what copies the label."
        )
    elif best >= _NEARLY_ALL:
        sentence = (
            f"The column {best_name!r} alone tells nearly every fake from nearly every real, but "
            f"with so few groups the best of {n_tested} columns of noise may do as well: whether "
            "it copies the label is not known. Add videos of more people."
        )
    else:
        sentence = (
            f"No column alone tells nearly every fake from nearly every real. The best of "
            f"{n_tested} is {best_name!r} with an AUC of {best:.2f}; the best of as many columns "
            f"of noise stays below {chance:.2f} in nineteen of twenty tables."
        )
    return Finding(*about, "AUC", best, np.nan, np.nan, chance, bool(copies), sentence)


def name_says_label(table: TrainingTable) -> Finding:
    """Return how many features are named like a label or like where a video belongs."""
    about = ("name_says_label", "Is a feature named like a label?")
    telling = [
        name
        for name in table.columns
        if _TELLING_WORDS.intersection(re.split(r"[^a-z]+", name.lower()))
    ]
    if telling:
        sentence = (
            "These columns are trained on and named like a label or like where a video belongs: "
            f"{named(telling)}. If that is what they hold, take them out of the table, or rename "
            "them without a double underscore."
        )
    else:
        sentence = "No feature is named like a label or like where a video belongs."
    n_telling = float(len(telling))
    return Finding.counted(*about, "number of columns", n_telling, n_telling > 0, sentence)


class _Units:
    """What counts as one: the videos of one group and class."""

    def __init__(self, table: TrainingTable) -> None:
        self.is_fake = table.is_fake
        _, group = np.unique(table.groups, return_inverse=True)
        self.of_row = 2 * group + table.is_fake

    def told_by(self, values: np.ndarray) -> tuple[float, float]:
        """Return the AUC of a column or its mirror, and by how many deviations it is off chance.

        Of the rows that have a value; NaN where these are of one class.
        """
        known = ~np.isnan(values)
        units = self.of_row[known]
        weight = 1 / np.bincount(units)[units]
        value = float(auc(self.is_fake[known], values[known], weight[None])[0])
        excess = abs(value - 0.5)
        return 0.5 + excess, excess / self.deviation(known)

    def deviation(self, rows: np.ndarray) -> float:
        """Return the standard deviation of the AUC of noise; NaN where rows are of one class."""
        units = np.unique(self.of_row[rows])
        n_fake = int((units % 2).sum())
        n_real = len(units) - n_fake
        pairs = 12 * n_real * n_fake
        return float(np.sqrt((n_real + n_fake + 1) / pairs)) if pairs else np.nan
