"""What a cross-validation found, and how it reads as text."""

from dataclasses import dataclass
from typing import Optional

import numpy as np
import pandas as pd

from models.audit import Audit
from models.metrics import FEWEST_CLUSTERS
from models.splitters import ALL, NAMED_BY_COLUMN

UNITS = {
    "group": "groups",
    "method": "methods",
    "dataset": "data sets",
    "compression": "compression levels",
}
# The AUC that is told before all others: it never compares videos of different folds.
HEADLINE = "auc_mean_of_folds"
_MOST_NAMES = 40


@dataclass(frozen=True)
class ValidationReport:
    """What a cross-validation found.

    Attributes
    ----------
    scores : pandas.DataFrame
        One row per classifier, ``trained_on`` and tested video: ``classifier, trained_on, fold,
        held_out, path, label, group, method, dataset, compression, decision, probability``. The
        decision value ranks videos of one fold, the mean over the windows of a video where there
        are such; the probability was calibrated inside the training part of the fold.
        ``trained_on`` is the one method whose fakes were trained on with
        ``hold_out="single_method"``, else ``all``.
    folds : pandas.DataFrame
        One row per classifier, ``trained_on`` and fold: ``classifier, trained_on, fold, held_out,
        n_train, n_real, n_fake, auc``. Counts are of videos, the last two and the AUC of the test
        part; the AUC is NaN where it holds one class.
    metrics : pandas.DataFrame
        One row per classifier, ``trained_on`` and metric: ``classifier, trained_on, metric, value,
        low, high, n_counted, n_all`` with 95 % intervals over what is held out: other groups,
        methods or data sets could have been. Where these are more than there are groups, or fewer
        than five, over the groups. See :func:`models.metrics.measure`. Three figures of ranking,
        because each hides something. ``auc_pooled`` compares videos of different folds, and where
        the share of fakes differs between folds it can lie far below 0.5 for a classifier that is
        right in each of them. ``auc_mean_of_folds`` compares within folds and counts each held-out
        name once, ``auc_within_group`` compares within a person or source inside a fold.
    breakdown, quality_levels : pandas.DataFrame
        The same of parts of the scores. See :mod:`models.evaluation.breakdown`.
    importance : pandas.DataFrame
        One row per classifier and family of features: ``classifier, family, n_features, auc_drop,
        low, high``, see :mod:`models.evaluation.importance`; no row unless asked for.
    choices : pandas.DataFrame
        What a search chose, one row per classifier, fold and parameter: ``classifier, trained_on,
        fold, parameter, value``; no row without a search.
    audit : Audit or None
        Which shortcuts the table offers, see :mod:`models.audit`; None where not asked for.
    source_held_out : ValidationReport or None
        Where the audit finds that the AUC may be a fingerprint of the source, the same with data
        sets held out: the figure to quote.
    settings : dict
        ``hold_out``, ``n_folds`` (those that were tested), ``intervals_over``, ``seed``, counts,
        ``table_sha256`` (empty for a table from memory) and versions.
    remarks : tuple of str
        What was left out, one sentence each.
    """

    scores: pd.DataFrame
    folds: pd.DataFrame
    metrics: pd.DataFrame
    breakdown: pd.DataFrame
    quality_levels: pd.DataFrame
    importance: pd.DataFrame
    choices: pd.DataFrame
    audit: Audit | None
    source_held_out: Optional["ValidationReport"]
    settings: dict[str, object]
    remarks: tuple[str, ...]

    def to_text(self) -> str:
        """Return warnings, metrics, AUC of each part, settings and remarks as plain text."""
        return f"{self.head_text()}{self.metrics_text()}\n\n{self.details_text()}"

    def head_text(self) -> str:
        """Return warnings, and the figures with sources held out, which come before all others."""
        parts = [f"WARNING: {warning}" for warning in self.audit.warnings] if self.audit else []
        if self.source_held_out:
            parts.append(self.source_held_out._quoted_text())
            parts += [text for text in self.source_held_out.remarks if text not in self.remarks]
            parts.append(
                "And with nothing held out but what was asked for "
                f"({self.settings['hold_out']}), so that data sets were seen in training:"
            )
        return "".join(f"{part}\n\n" for part in parts)

    def metrics_text(self) -> str:
        """Return a table of the metrics with intervals."""
        of_all = "Trained on all methods, for comparison:\n"
        alone = self.settings["hold_out"] == "single_method"
        return (of_all if alone else "") + self._metrics_text(self.metrics)

    def _metrics_text(self, chosen: pd.DataFrame) -> str:
        chosen = chosen[chosen["trained_on"] == ALL]
        figures = chosen[["value", "low", "high"]].to_numpy()
        table = _by_classifier(
            chosen.assign(text=[interval_text(*row) for row in figures]), ["metric"], "text"
        )
        return f"{table.to_string(index=False)}\n{self.intervals_text}"

    def details_text(self) -> str:
        """Return the AUC of each part, the audit, settings and remarks as plain text."""
        shown = self.breakdown[self.breakdown["metric"] == "auc_mean_of_folds"]
        whole = shown[shown["trained_on"] == ALL]
        parts = [
            _titled(f"AUC within folds, by {by}", _part_table(part, ["name"]))
            for by, part in whole.groupby("by", sort=False)
            if len(set(part["name"])) > 1
        ]
        if (shown["trained_on"] != ALL).any():
            table = _part_table(shown[shown["by"] == "method"], ["trained_on", "name"])
            parts.append(_titled("AUC of each method by the one method trained on", table))
        if len(self.importance):
            table = _by_classifier(self.importance, ["family", "n_features"], "auc_drop")
            parts.append(
                _titled("Fall of the AUC when a family is shuffled", _three_decimals(table))
            )
        if self.audit:
            lines = [f"- {found.sentence}" for found in self.audit.findings if not found.is_warning]
            parts.append(_titled("What the audit asked and does not warn of", "\n".join(lines)))
        settings = [f"{name}: {value}" for name, value in self.settings.items()]
        parts.append("\n".join([*self._rests_on(), *settings, *self.remarks]))
        return "\n\n".join(parts) + "\n"

    def _quoted_text(self) -> str:
        """Return the figure to quote where data sets are held out, and what it rests on."""
        quoted = self.metrics[self.metrics["metric"] == HEADLINE]
        if quoted["value"].isna().all():
            return (
                "There is no figure for data sets that were never seen in training: each of those "
                "tested holds one class only, so nothing can be compared within one. Add real and "
                "fake videos of the same origin."
            )
        return (
            "The figure to quote, on data sets that were never seen in training:\n"
            f"{self._metrics_text(quoted)}\n{self._rests_on()[1]}"
        )

    @property
    def intervals_text(self) -> str:
        """What the intervals are, as a caption."""
        drawn = UNITS[str(self.settings["intervals_over"])]
        return f"95 % intervals over {drawn}; none where fewer than {FEWEST_CLUSTERS} count"

    def _rests_on(self) -> list[str]:
        """Return on how many parts the means rest; that is the same for each classifier."""
        counts = self.metrics[self.metrics["trained_on"] == ALL].drop_duplicates("metric")
        counts = counts.set_index("metric")
        named = self.settings["hold_out"] in NAMED_BY_COLUMN
        return [
            f"{name} rests on {counts.loc[name, 'n_counted']} of {counts.loc[name, 'n_all']} "
            f"{parts}: those with both classes."
            for name, parts in (
                ("auc_within_group", "groups in a fold"),
                ("auc_mean_of_folds", "held-out names" if named else "folds"),
            )
        ]


def interval_text(value: float, low: float, high: float) -> str:
    """Return ``value [low, high]`` with three decimals, without what is not defined."""
    if np.isnan(value):
        return "-"
    if np.isnan(low):
        return f"{value:.3f}"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _titled(title: str, text: str) -> str:
    return f"{title}\n{text}"


def _part_table(part: pd.DataFrame, names: list[str]) -> str:
    """Return counts and AUC of the first so many parts, one column per classifier."""
    table = _by_classifier(part, [*names, "n_real", "n_fake"], "value")
    more = len(table) - _MOST_NAMES
    text = _three_decimals(table.head(_MOST_NAMES))
    return f"{text}\nand {more} more" if more > 0 else text


def _three_decimals(table: pd.DataFrame) -> str:
    return table.to_string(index=False, float_format="{:.3f}".format, na_rep="-")


def _by_classifier(long: pd.DataFrame, rows: list[str], value: str) -> pd.DataFrame:
    """Return one column per classifier beside the columns ``rows``."""
    wide = long[rows].drop_duplicates()
    for name, part in long.groupby("classifier", sort=False):
        wide = wide.merge(part[[*rows, value]].rename(columns={value: name}), on=rows, how="left")
    return wide
