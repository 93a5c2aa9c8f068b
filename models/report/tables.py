"""The tables of the report, told in cells, so that the page only has to set them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.evaluation.validation_report import HEADLINE, UNITS
from models.report.cells import (
    UNKNOWN,
    Cell,
    Table,
    auc_cell,
    count_cell,
    drop_cell,
    figure_cell,
    number,
    start_of_scale,
    whisker,
)
from models.report.wording import (
    FIGURES,
    OVER_GROUPS,
    guessing,
    over,
)
from models.splitters import ALL, NAMED_BY_COLUMN

if TYPE_CHECKING:
    from models.audit import Audit
    from models.evaluation.validation_report import ValidationReport

_MOST_NAMED = 40
_BY = {
    "fold": ("Each fold", "held out"),
    "method": ("Each way of manipulating", "method"),
    "dataset": ("Each data set", "data set"),
    "compression": ("Each compression level", "compression"),
}


def trained_on_all(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of training on every method, or of the first training there is."""
    kinds = set(frame["trained_on"])
    return frame[frame["trained_on"] == (ALL if ALL in kinds or not kinds else min(kinds))]


def headline_table(report: "ValidationReport", key: str) -> Table:
    """Return the AUC of each classifier with its interval drawn."""
    rows = trained_on_all(report.metrics)
    rows = rows[rows["metric"] == HEADLINE]
    start = start_of_scale(rows[["value", "low"]].to_numpy(dtype=float))
    return Table(
        key,
        f"AUC of each classifier {over(report)}",
        ("classifier", "AUC [95 % interval]", f"from {start:g} to 1; tick: guessing"),
        [
            (
                Cell(str(row.classifier)),
                figure_cell(row.value, row.low, row.high),
                Cell("", whisker=whisker(row, start, 1.0, 0.5)),
            )
            for row in rows.itertuples()
        ],
        _rests_on(report, rows.iloc[0]),
    )


def _rests_on(report: "ValidationReport", row: pd.Series) -> str:
    """Return on how many parts the AUC rests, the same for each classifier."""
    hold_out = str(report.settings["hold_out"])
    n_counted, n_all = row["n_counted"], row["n_all"]
    if n_counted == n_all and hold_out not in NAMED_BY_COLUMN:
        return ""
    tested = UNITS[hold_out] if hold_out in NAMED_BY_COLUMN else "folds"
    left_out = ": of the others, no fold holds both classes" if n_counted < n_all else ""
    return f"Rests on {n_counted} of the {n_all} {tested} tested{left_out}."


def metric_table(report: "ValidationReport", key: str) -> Table:
    """Return every figure of every classifier beside what guessing gets."""
    metrics = trained_on_all(report.metrics)
    classifiers = _names(metrics["classifier"])
    is_fake = trained_on_all(report.scores).drop_duplicates("path")["label"] == "fake"
    by_name = {(row.metric, row.classifier): row for row in metrics.itertuples()}
    rows = []
    for metric in _names(metrics["metric"]):
        about = FIGURES[metric]
        first = by_name[metric, classifiers[0]]
        rests = ""
        if metric in ("auc_within_group", "auc_mean_of_folds"):
            rests = f"; rests on {first.n_counted} of {first.n_all}"
        rows.append(
            (
                Cell(about.name, about.meaning + rests),
                *(auc_cell(by_name.get((metric, name))) for name in classifiers),
                Cell(guessing(metric, float(is_fake.mean())), is_number=True),
                Cell(about.better),
            )
        )
    return Table(
        key,
        f"All figures {over(report)}",
        ("figure", *classifiers, "guessing gets", "better is"),
        rows,
        f"{report.intervals_text}.",
    )


def breakdown_table(report: "ValidationReport", by: str, metric: str, key: str) -> Table | None:
    """Return one figure of each fold, method, data set or level; None where there is one only."""
    part = trained_on_all(report.breakdown)
    part = part[(part["by"] == by) & (part["metric"] == metric)]
    if part["name"].nunique() < 2:
        return None
    title, heading = _BY[by]
    classifiers = _names(part["classifier"])
    rows = []
    for name, of_name in part.groupby("name", sort=False):
        of = {row.classifier: row for row in of_name.itertuples()}
        first = next(iter(of.values()))
        cells = [auc_cell(of.get(classifier), shaded=True) for classifier in classifiers]
        rows.append((Cell(str(name)), count_cell(first.n_real), count_cell(first.n_fake), *cells))
    blank = [row for row in rows if all(cell.text == UNKNOWN for cell in row[3:])]
    rows = [row for row in rows if row not in blank]
    about = FIGURES[metric]
    note = (
        "The fakes of each against all reals tested in the same folds. " if by == "method" else ""
    )
    note += _without_figure(blank, "of one fold" if metric == "auc_mean_of_folds" else "")
    head = (heading, "real", "fake", *classifiers)
    key = f"{key}-{by}-{metric}".replace("_", "-")
    return Table(key, f"{title}: {about.name} {OVER_GROUPS}", head, rows, note)


def class_table(report: "ValidationReport", key: str) -> Table:
    """Return how many reals and fakes of each held-out name were tested."""
    tested = trained_on_all(report.scores).drop_duplicates("path")
    is_fake = tested["label"] == "fake"
    rows = [
        (Cell(str(name)), count_cell((~fakes).sum()), count_cell(fakes.sum()))
        for name, fakes in is_fake.groupby(tested["held_out"], sort=False)
    ]
    return Table(key, "Videos tested", ("held out", "real", "fake"), rows)


def audit_table(audit: "Audit") -> Table:
    """Return every question of the audit, those that are answered well too."""
    rows = []
    for finding in audit.findings:
        status = "warning" if finding.is_warning else "fine"
        if np.isnan(finding.value):
            status = "unknown"
        form = "{:.0f}" if finding.unit.startswith("number") else "{:.3f}"
        figure = figure_cell(finding.value, finding.low, finding.high, form)
        rows.append(
            (
                Cell(finding.question),
                Cell(status, status=status),
                Cell(figure.text, f"{finding.unit} {figure.small}".strip(), is_number=True),
                Cell(number(finding.chance, form), is_number=True),
                Cell(finding.sentence),
            )
        )
    head = ("question", "answer", "figure [95 % interval]", "by chance", "what was found")
    return Table("audit-table", f"Every question asked {OVER_GROUPS}", head, rows)


def importance_table(importance: pd.DataFrame) -> Table:
    """Return the families of features, the one that is missed most first."""
    classifiers = _names(importance["classifier"])
    order = (
        importance.groupby("family")["auc_drop"].mean().sort_values(ascending=False, kind="stable")
    )
    figures = importance[["auc_drop", "low", "high"]].to_numpy(dtype=float)
    finite = figures[np.isfinite(figures)]
    start, end = min(0.0, finite.min(initial=0.0)), max(0.01, finite.max(initial=0.0))
    found = {(row.family, row.classifier): row for row in importance.itertuples()}
    rows = []
    for family in order.index:
        of = [found.get((family, classifier)) for classifier in classifiers]
        n_features = next(row.n_features for row in of if row is not None)
        rows.append(
            (Cell(str(family)), count_cell(n_features), *(drop_cell(row, start, end) for row in of))
        )
    return Table(
        "importance-table",
        f"Fall of the AUC when a family is shuffled {OVER_GROUPS}",
        ("family", "features", *classifiers),
        rows,
        f"Lines run from {start:+.3f} to {end:+.3f}, tick at 0.",
    )


def choice_table(choices: pd.DataFrame) -> Table:
    """Return what the search chose in each fold."""
    several = len(set(choices["trained_on"])) > 1
    folds = sorted(set(choices["fold"]))
    rows = []
    for (classifier, trained_on, parameter), part in choices.groupby(
        ["classifier", "trained_on", "parameter"], sort=False
    ):
        value = dict(zip(part["fold"], part["value"], strict=True))
        on = [Cell(str(trained_on))] if several else []
        values = [Cell(str(value.get(fold, UNKNOWN)), is_number=True) for fold in folds]
        rows.append((Cell(str(classifier)), *on, Cell(str(parameter)), *values))
    on = ["trained on"] if several else []
    head = ("classifier", *on, "parameter", *(f"fold {fold}" for fold in folds))
    return Table("choice-table", "Chosen inside the training part of each fold", head, rows)


def setting_table(settings: dict[str, object]) -> Table:
    """Return the settings, those that hold others (the versions) spelled out."""
    rows = []
    for name, value in settings.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        for part, one in inner:
            text = "" if one is None else str(one)
            rows.append((Cell(f"{name} {part}".strip().replace("_", " ")), Cell(text or UNKNOWN)))
    return Table("setting-table", "Settings", ("setting", "value"), rows)


def _without_figure(rows: list[tuple[Cell, ...]], where: str) -> str:
    """Return a sentence that names the rows without a figure and counts their videos."""
    if not rows:
        return ""
    # Isolated (U+2068, U+2069), so that a name in Arabic does not turn the count around.
    named = [
        f"\u2068{name.text}\u2069 ({n_real.text} real, {n_fake.text} fake)"
        for name, n_real, n_fake, *_ in rows[:_MOST_NAMED]
    ]
    more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    needed = f"a real and a fake {where}".strip()
    return f"No figure without {needed}: {', '.join(named)}{more}."


def _names(values: Iterable[object]) -> list[str]:
    """Return the different values in the order they come in."""
    return list(dict.fromkeys(map(str, values)))
