"""What the report says in words: the question, the answer, the names of the figures, its limits."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from models.evaluation.validation_report import HEADLINE, UNITS
from models.splitters import ALL

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport

_NEVER_SEEN = {
    "group": ("Does it work on people it has never seen?", "On people and sources never seen"),
    "method": (
        "Does it catch a manipulation it has never seen?",
        "On ways of manipulating never seen",
    ),
    "single_method": (
        "Trained on one manipulation, does it catch the others?",
        "On people never seen, trained on {trained_on}",
    ),
    "dataset": (
        "Does it work on footage from sources it has never seen?",
        "On data sets never seen",
    ),
    "compression": (
        "Does it work at a compression it has never seen?",
        "At compression levels never seen",
    ),
    "split": ("How does it do on the official test?", "On the official test videos"),
}
LIMITS = (
    "These figures are of the videos in this table: footage from elsewhere, of another quality or "
    "manipulated in a newer way can be judged far worse, and no figure here says by how much.",
    "A score is no proof: it tells how like the fakes seen in training a video is, and where few "
    "of the videos looked at are fake, most alarms are false even with a high AUC.",
)


@dataclass(frozen=True)
class Figure:
    """Name of a metric, what it means, and which direction is better."""

    name: str
    meaning: str
    better: str


FIGURES = {
    "auc_pooled": Figure(
        "AUC, all videos pooled", "compares scores of different folds after calibration", "higher"
    ),
    "auc_within_group": Figure(
        "AUC within a person", "compares only videos of the same person or source", "higher"
    ),
    "auc_mean_of_folds": Figure(
        "AUC within folds", "compares only videos scored by the same classifier", "higher"
    ),
    "average_precision": Figure(
        "Average precision", "share of fakes among the alarms, over all thresholds", "higher"
    ),
    "equal_error_rate": Figure(
        "Equal error rate", "where as many reals are accused as fakes missed", "lower"
    ),
    "tpr_at_fpr_1pct": Figure(
        "Fakes caught at 1 % false alarms", "of a hundred reals, one is accused", "higher"
    ),
    "tpr_at_fpr_5pct": Figure(
        "Fakes caught at 5 % false alarms", "of a hundred reals, five are accused", "higher"
    ),
    "balanced_accuracy": Figure(
        "Balanced accuracy", "share of right verdicts at probability 0.5, classes alike", "higher"
    ),
    "brier_score": Figure("Brier score", "squared distance of probability and truth", "lower"),
    "log_loss": Figure("Log loss", "nats; punishes being sure and wrong", "lower"),
    "expected_calibration_error": Figure(
        "Calibration error", "distance of stated and true share of fakes (ECE)", "lower"
    ),
}
OVER_GROUPS = "[95 % interval over groups]"
NO_SOURCES = (
    "No figure for data sets held out: nothing in this table could be held out as a data set, as "
    "the remarks below say. Name the data set of each video in the column dataset, and have at "
    "least two data sets hold both real and fake videos."
)
_ONE_CLASS_EACH = (
    "No figure for data sets held out: each of those tested holds one class only, so a classifier "
    "that merely tells the data sets apart would look right. What to do: add real videos from "
    "where the fakes come from, or fakes made of the real videos, until at least two data sets "
    "hold both."
)
_BY_GUESSING = {
    "auc_pooled": 0.5,
    "auc_within_group": 0.5,
    "auc_mean_of_folds": 0.5,
    "equal_error_rate": 0.5,
    "tpr_at_fpr_1pct": 0.01,
    "tpr_at_fpr_5pct": 0.05,
    "balanced_accuracy": 0.5,
    "brier_score": 0.25,
    "log_loss": math.log(2),
}


def guessing(metric: str, share_fake: float) -> str:
    """Return what a coin gets, or always saying 0.5; for average precision the share of fakes."""
    value = share_fake if metric == "average_precision" else _BY_GUESSING.get(metric)
    return "–" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def question(hold_out: object) -> str:
    """Return what is asked by holding that out, as a title."""
    return _NEVER_SEEN[str(hold_out)][0]


def compared(trained_on: str) -> str:
    """Return what the figures are that stand beside those of training on one method."""
    what = "all methods" if trained_on == ALL else f"{trained_on} alone"
    return f"trained on {what}, for comparison"


def over(report: "ValidationReport") -> str:
    """Return what the intervals of the metrics of the whole report are, for a caption."""
    return f"[95 % interval over {UNITS[str(report.settings['intervals_over'])]}]"


def has_figure(metrics: pd.DataFrame) -> bool:
    """Return whether any fold holds both classes, without which there is nothing to quote."""
    return bool(metrics.loc[metrics["metric"] == HEADLINE, "value"].notna().any())


def answer(report: "ValidationReport", metrics: pd.DataFrame) -> str:
    """Return the best AUC in a sentence for someone who has never heard of one.

    Parameters
    ----------
    report : ValidationReport
        For what was held out.
    metrics : pandas.DataFrame
        Its metrics, of one ``trained_on``.
    """
    hold_out = str(report.settings["hold_out"])
    trained_on = metrics["trained_on"].iloc[0]
    where = _NEVER_SEEN[hold_out][1].format(
        trained_on="every way of manipulating" if trained_on == ALL else f"{trained_on} alone"
    )
    rows = metrics[metrics["metric"] == HEADLINE].dropna(subset="value")
    if rows.empty:
        if hold_out == "dataset" and _one_class_each(report.scores):
            return _ONE_CLASS_EACH
        return (
            f"{where}, there is no figure: what was held out never holds both fake and real "
            "videos, so nothing can be compared."
        )
    best = rows.sort_values("value", ascending=False, kind="stable").iloc[0]
    several = len(rows) > 1
    name = best["classifier"]
    who = f"the best of {len(rows)} classifiers ({name})" if several else name
    interval = "no interval, too few parts"
    if not math.isnan(best["low"]):
        interval = f"95\u00a0% interval {100 * best['low']:.0f} to {100 * best['high']:.0f}"
    text = (
        f"{where}, {who} put the fake above the real in {100 * best['value']:.0f} of 100 pairs of "
        f"a fake and a real video ({interval}; AUC {best['value']:.3f}). Guessing gets 50."
    )
    if math.isnan(best["low"]) or best["low"] <= 0.5:
        text += " That is no evidence that it does better than guessing."
    elif several:
        text += " The best of several looks a little better than it is."
    return text


def _one_class_each(scores: pd.DataFrame) -> bool:
    return bool(scores.groupby("held_out")["label"].nunique().max() == 1)
