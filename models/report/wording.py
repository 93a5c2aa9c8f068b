"""What the report says in words: the question, the answer, the names of the figures, its limits."""

import math
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from models.splitters import ALL

if TYPE_CHECKING:
    from models.validation_report import ValidationReport

_NEVER_SEEN = {
    "group": ("Does it work on people it has never seen?", "On people and sources never seen"),
    "method": (
        "Does it catch a manipulation it has never seen?",
        "On ways of manipulating never seen",
    ),
    "single_method": (
        "Trained on one manipulation, does it catch the others?",
        "On people never seen, trained on {trained_on},",
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
        "AUC, all videos pooled", "chance that a fake scores above a real", "higher"
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


def first_sentence(text: str) -> str:
    """Return what comes before the first full stop that a capital letter follows."""
    return re.split(r"(?<=\.) (?=[A-Z])", text, maxsplit=1)[0]


def guessing(metric: str, share_fake: float) -> str:
    """Return what a coin gets, or always saying 0.5; for average precision the share of fakes."""
    value = share_fake if metric == "average_precision" else _BY_GUESSING.get(metric)
    return "–" if value is None else f"{value:.3f}".rstrip("0")


def question(report: "ValidationReport") -> str:
    """Return what was asked, as a title."""
    asked = _NEVER_SEEN.get(str(report.settings["hold_out"]))
    return asked[0] if asked else "How well does it tell fake from real?"


def headline_metric(metrics: pd.DataFrame) -> str:
    """Return the AUC that does not compare different folds, or the pooled one where that is all."""
    within = metrics.loc[metrics["metric"] == "auc_mean_of_folds", "value"]
    return "auc_mean_of_folds" if within.notna().any() else "auc_pooled"


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
    where = _NEVER_SEEN.get(hold_out, ("", "On videos held out"))[1].format(
        trained_on="every way of manipulating" if trained_on == ALL else f"{trained_on} alone"
    )
    rows = metrics[metrics["metric"] == headline_metric(metrics)].dropna(subset="value")
    if rows.empty:
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


def command(report: "ValidationReport") -> tuple[str, str]:
    """Return the shell command and the Python call that make the same report again.

    The table is called ``features.csv``: its sha256 says which file that was.
    """
    settings = report.settings
    classifiers = list(dict.fromkeys(report.scores["classifier"]))
    hold_out = str(settings["hold_out"])
    shell = ["python", "-m", "models", "cross-validate", "features.csv", "--hold-out", hold_out]
    shell += ["--classifier", ",".join(classifiers)]
    python = ['"features.csv"', f"hold_out={hold_out!r}", f"classifier={classifiers!r}"]
    if "folds_asked" in settings:
        shell += ["--folds", str(settings["folds_asked"])]
        python.append(f"n_folds={settings['folds_asked']}")
    shell += ["--seed", str(settings["seed"])]
    python.append(f"seed={settings['seed']}")
    if settings.get("conditioned_on", "nothing") != "nothing":
        shell.append("--condition-on-quality")
        python.append("condition_on_quality=True")
    if settings.get("searched"):
        shell.append("--search")
        python.append("search=True")
    if len(report.importance):
        python.append("importance=True")
    if report.audit is None:
        shell.append("--no-audit")
        python.append("audit=False")
    shell += ["--report", "out/"]
    return shlex.join(shell), f"write_report(cross_validate({', '.join(python)}), 'out/')"
