"""Single columns that are the label in disguise."""

import re
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from models.audit.finding import Finding, is_beyond_chance
from models.learning.group_folds import MIN_GROUPS_PER_CLASS
from models.metrics import FEWEST_CLUSTERS, auc
from models.table.feature_file import named
from models.table.training_table import TrainingTable

# Hardly any measure of one movement or colour of a face is that good; a copy of the label in which
# one video in twenty is mistaken still is.
_COPY = 0.95
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

    A column is told by the videos that have a value. Those of one group and class together weigh as
    one: they are not independent. A column is named when at least five groups of each class have
    it, and its AUC, or that of its mirror, is 0.95 or more and clearly above what the best of as
    many columns of noise reaches in one of twenty tables (Bonferroni; the normal approximation of
    the Wilcoxon statistic, with as many values as there are groups).
    """
    about = ("feature_copies_label", "Does a single feature alone tell the label?")
    told = _told_by_each(table)
    if not told:
        reason = "no feature is measured in several groups of each class."
        return Finding.unknown(*about, "AUC", reason)
    least_sigmas = norm.isf(_FALSE_ALARMS / 2 / len(told))
    copies = sorted((one for one in told if one.is_copy(least_sigmas)), reverse=True)
    # An AUC says less the fewer videos have the column.
    best = copies[0] if copies else max(told, key=lambda one: (one.sigmas, one.auc))
    advice = ""
    if copies:
        summary = (
            f"Of {len(told)} columns, each of these alone tells fakes from reals with an AUC of "
            f"{_COPY} or more: {named(one.name for one in copies)}."
        )
        advice = (
            "A measure of the face is hardly ever that good. See how they came about, and leave "
            "out what copies the label."
        )
    elif best.auc >= _COPY:
        summary = (
            f"The column {best.name!r} alone tells fakes from reals with an AUC of {best.auc:.2f}, "
            f"but so few groups have it that the best of {len(told)} columns of noise may do as "
            "well: whether it copies the label is not known."
        )
        advice = "Add videos of more people."
    else:
        summary = (
            f"No column alone tells nearly every fake from nearly every real: the best of "
            f"{len(told)} is {best.name!r} with an AUC of {best.auc:.2f}, and the best of as many "
            f"columns of noise stays below {best.chance(least_sigmas):.2f} in nineteen of twenty "
            "tables."
        )
    chance = best.chance(least_sigmas)
    figures = best.auc, np.nan, np.nan, chance
    return Finding(*about, "AUC", *figures, bool(copies), summary, advice)


def name_says_label(table: TrainingTable) -> Finding:
    """Return how many features are named like a label or like where a video belongs."""
    about = ("name_says_label", "Is a feature named like a label?")
    telling = [
        name
        for name in table.columns
        if _TELLING_WORDS.intersection(re.split(r"[^a-z]+", name.lower()))
    ]
    advice = ""
    if telling:
        summary = (
            "These columns are trained on and named like a label or like where a video belongs: "
            f"{named(telling)}."
        )
        advice = (
            "If that is what they hold, take them out of the table, or rename them without a "
            "double underscore."
        )
    else:
        summary = "No feature is named like a label or like where a video belongs."
    n_telling = float(len(telling))
    return Finding.counted(*about, "number of columns", n_telling, n_telling > 0, summary, advice)


class _Told(NamedTuple):
    """How well a column, or its mirror, ranks fakes above reals, beside noise."""

    auc: float
    deviation: float
    name: str
    fewest_groups: int

    @property
    def sigmas(self) -> float:
        return (self.auc - 0.5) / self.deviation

    def chance(self, sigmas: float) -> float:
        """Return the AUC that noise exceeds as seldom as so many deviations."""
        return min(1.0, 0.5 + sigmas * self.deviation)

    def is_copy(self, sigmas: float) -> bool:
        is_known = self.fewest_groups >= FEWEST_CLUSTERS and self.auc >= _COPY
        return is_known and is_beyond_chance(self.auc, self.chance(sigmas))


def _told_by_each(table: TrainingTable) -> list[_Told]:
    """Return what each feature tells, and whether it is missing, where enough groups count."""
    missing = np.isnan(table.features)
    gaps = [
        (f"{table.columns[j]} (whether it is missing)", missing[:, j].astype(float))
        for j in np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
    ]
    _, group = np.unique(table.groups, return_inverse=True)
    unit_of_row = 2 * group + table.is_fake
    told = []
    for name, values in [*zip(table.columns, table.features.T, strict=True), *gaps]:
        known = ~np.isnan(values)
        units, unit, n_rows = np.unique(unit_of_row[known], return_inverse=True, return_counts=True)
        n_fake = int((units % 2).sum())
        n_real = len(units) - n_fake
        fewest = min(n_real, n_fake)
        if fewest < MIN_GROUPS_PER_CLASS:
            continue
        value = float(auc(table.is_fake[known], values[known], 1 / n_rows[unit][None])[0])
        deviation = float(np.sqrt((n_real + n_fake + 1) / (12 * n_real * n_fake)))
        told.append(_Told(0.5 + abs(value - 0.5), deviation, name, fewest))
    return told
