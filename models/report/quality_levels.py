"""The table of FaceForensics++: compression levels by methods, and what people get."""

from typing import TYPE_CHECKING

import numpy as np

from models.report.cells import Cell, Table
from models.report.tables import trained_on_all
from models.report.wording import OVER_GROUPS
from models.splitters import ALL

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport

_BENCHMARK = "FaceForensics++"
_LEVELS = {"raw": "raw", "c0": "raw (c0)", "c23": "high quality (c23)", "c40": "low quality (c40)"}
# Accuracy of people, in percent: Roessler et al. 2019, "FaceForensics++: Learning to Detect
# Manipulated Facial Images", ICCV.
_PEOPLE = {"raw": 68.69, "c0": 68.69, "c23": 66.57, "c40": 58.73}
_PEOPLE_NOTE = (
    "People: accuracy in the user study of Roessler et al. 2019 (FaceForensics++, ICCV). They "
    "judged single pictures for a few seconds, as many real as fake, so their accuracy is set "
    "beside the balanced accuracy here. The classifiers judge whole videos, which need not be "
    "those that people saw, {trained}."
)
_REALS_NOTE = (
    "Each method: its fakes of that level against all reals of the same level tested in the same "
    "folds. "
)
# What the classifiers knew before, by what was held out.
_TRAINED = {
    "group": "after training on videos of other people, of the same data set too",
    "method": "after training on other ways of manipulating, of the same data set too",
    "single_method": "after training on {trained_on} of other people, of the same data set too",
    "dataset": "after training on other data sets only",
    "compression": "after training on other compression levels only",
    "split": "after training on the videos that the authors set aside for it",
}


def level_tables(report: "ValidationReport") -> list[Table]:
    """Return balanced accuracy in percent by compression level and method, and the AUC likewise.

    People are told of where the level is one they were asked about and all its videos are of
    FaceForensics++; their figures are of no other data set.
    """
    levels = report.quality_levels
    if levels.empty:
        return []
    return [
        _table(report, "balanced_accuracy", "Balanced accuracy, %"),
        _table(report, "auc_mean_of_folds", "AUC within folds, %"),
    ]


def _table(report: "ValidationReport", metric: str, caption: str) -> Table:
    part = trained_on_all(report.quality_levels)
    part = part[part["metric"] == metric]
    methods = [ALL, *sorted(set(part["method"]) - {ALL})]
    found = {(row.compression, row.classifier, row.method): row for row in part.itertuples()}
    classifiers = list(dict.fromkeys(part["classifier"]))
    with_people = _asked_people(report) if metric == "balanced_accuracy" else set()
    rows = []
    for level in sorted(set(part["compression"]), key=_order):
        name = _LEVELS.get(level, level)
        for classifier in classifiers:
            of = [found.get((level, classifier, method)) for method in methods]
            rows.append((Cell(name), Cell(str(classifier)), *(_percent(row) for row in of)))
        if level in with_people:
            people = Cell(f"{_PEOPLE[level]:.2f}", is_number=True, status="people")
            others = [Cell("–", is_number=True) for _ in methods[1:]]
            rows.append((Cell(name), Cell("people", status="people"), people, *others))
    return Table(
        f"levels-{metric}".replace("_", "-"),
        f"{caption} {OVER_GROUPS}",
        ("quality", "judged by", "all methods", *methods[1:]),
        rows,
        (_REALS_NOTE + (_people_note(report) if with_people else "")).rstrip(),
    )


def _asked_people(report: "ValidationReport") -> set[str]:
    """Return the levels that hold videos of the data set that people judged, and no others."""
    scores = report.scores
    others = set(scores.loc[scores["dataset"] != _BENCHMARK, "compression"])
    return set(_PEOPLE) & set(scores["compression"]) - others


def _people_note(report: "ValidationReport") -> str:
    """Return where the figures of people are from, and why they compare only roughly."""
    trained_on = trained_on_all(report.metrics)["trained_on"].iloc[0]
    trained = _TRAINED[str(report.settings["hold_out"])]
    fakes = "reals and all fakes" if trained_on == ALL else f"reals and fakes of {trained_on} alone"
    return _PEOPLE_NOTE.format(trained=trained.format(trained_on=fakes))


def _order(level: str) -> tuple[int, str]:
    known = list(_LEVELS)
    return (known.index(level) if level in known else len(known), level)


def _percent(row: object | None) -> Cell:
    if row is None or np.isnan(row.value):
        return Cell("–", is_number=True)
    interval = "" if np.isnan(row.low) else f"[{100 * row.low:.1f}, {100 * row.high:.1f}]"
    return Cell(f"{100 * row.value:.1f}", interval, is_number=True)
