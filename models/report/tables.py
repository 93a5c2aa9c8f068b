"""The tables of the report, told in cells, so that the page only has to set them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.report.wording import FIGURES, Figure, guessing
from models.splitters import ALL

if TYPE_CHECKING:
    from models.audit import Audit
    from models.validation_report import ValidationReport

# Longer and wider tables are cut on the page, and the page says so; metrics.json has every row.
_MOST_ROWS = 400
_MOST_COLUMNS = 60
_MOST_NAMED = 40
_UNKNOWN = "–"
_BY = {
    "fold": ("Each fold", "held out"),
    "method": ("Each way of manipulating", "method"),
    "dataset": ("Each data set", "data set"),
    "compression": ("Each compression level", "compression"),
}


@dataclass(frozen=True)
class Whisker:
    """A value and its interval as places on a line, in percent of its length."""

    value: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class Cell:
    """One cell: its text, what stands small beside it, and how it is drawn.

    ``shade`` in [0, 1] colours the ground; ``status`` is ``warning``, ``fine`` or ``unknown``.
    """

    text: str
    small: str = ""
    is_number: bool = False
    shade: float | None = None
    whisker: Whisker | None = None
    status: str = ""


@dataclass(frozen=True)
class Table:
    """A table with the identifier ``key``; the first cell of each row is its heading."""

    key: str
    caption: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    note: str = ""

    @property
    def shown_head(self) -> list[tuple[str, bool]]:
        """The headings that have room on the page, and whether numbers stand below."""
        body = self.shown_rows
        heads = enumerate(self.head[:_MOST_COLUMNS])
        return [(name, any(row[i].is_number for row in body)) for i, name in heads]

    @property
    def shown_rows(self) -> list[tuple[Cell, ...]]:
        """The part of the rows that has room on the page."""
        return [row[:_MOST_COLUMNS] for row in self.rows[:_MOST_ROWS]]

    @property
    def remark(self) -> str:
        """What stands below: the note, and what there was no room for."""
        parts = [self.note] if self.note else []
        for n, what in (
            (len(self.rows) - _MOST_ROWS, "rows"),
            (len(self.head) - _MOST_COLUMNS, "columns"),
        ):
            if n > 0:
                parts.append(f"{n} more {what} are in metrics.json.")
        return " ".join(parts)


def trained_on_all(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of training on every method, or of the first training there is."""
    kinds = set(frame["trained_on"])
    return frame[frame["trained_on"] == (ALL if ALL in kinds or not kinds else min(kinds))]


def headline_table(report: "ValidationReport", metric: str, key: str) -> Table:
    """Return the AUC of each classifier with its interval drawn."""
    rows = trained_on_all(report.metrics)
    rows = rows[rows["metric"] == metric]
    start = _start_of_scale(rows[["value", "low"]].to_numpy(dtype=float))
    rests_on = ""
    if metric == "auc_mean_of_folds" and (rows["n_counted"] < rows["n_all"]).any():
        first = rows.iloc[0]
        rests_on = (
            f"Rests on {first['n_counted']} of the {first['n_all']} parts held out: of the others, "
            "no fold holds both classes."
        )
    return Table(
        key,
        "AUC of each classifier",
        ("classifier", "AUC [95 % interval]", f"from {start:g} to 1; tick: guessing"),
        [
            (
                Cell(str(row.classifier)),
                _figure(row.value, row.low, row.high),
                Cell("", whisker=_whisker(row, start, 1.0, 0.5)),
            )
            for row in rows.itertuples()
        ],
        rests_on,
    )


def metric_table(report: "ValidationReport", key: str) -> Table:
    """Return every figure of every classifier beside what guessing gets."""
    metrics = trained_on_all(report.metrics)
    classifiers = _names(metrics["classifier"])
    is_fake = trained_on_all(report.scores).drop_duplicates("path")["label"] == "fake"
    by_name = {(row.metric, row.classifier): row for row in metrics.itertuples()}
    rows = []
    for metric in _names(metrics["metric"]):
        about = FIGURES.get(metric, Figure(metric, "", ""))
        first = by_name[metric, classifiers[0]]
        rests = ""
        if metric in ("auc_within_group", "auc_mean_of_folds"):
            rests = f"; rests on {first.n_counted} of {first.n_all}"
        rows.append(
            (
                Cell(about.name, about.meaning + rests),
                *(_of(by_name.get((metric, name))) for name in classifiers),
                Cell(guessing(metric, float(is_fake.mean())), is_number=True),
                Cell(about.better),
            )
        )
    return Table(
        key,
        "All figures [95 % interval]",
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
        cells = [_of(of.get(classifier), shaded=True) for classifier in classifiers]
        rows.append((Cell(str(name)), _count(first.n_real), _count(first.n_fake), *cells))
    blank = [row for row in rows if all(cell.text == _UNKNOWN for cell in row[3:])]
    rows = [row for row in rows if row not in blank]
    about = FIGURES[metric]
    note = (
        "The fakes of each against all reals tested in the same folds. " if by == "method" else ""
    )
    note += _without_figure(blank, "of one fold" if metric == "auc_mean_of_folds" else "")
    head = (heading, "real", "fake", *classifiers)
    key = f"{key}-{by}-{metric}".replace("_", "-")
    return Table(key, f"{title}: {about.name}", head, rows, note)


def transfer_tables(report: "ValidationReport", metric: str) -> list[Table]:
    """Return for each classifier the matrix of what was trained on and what was tested."""
    part = report.breakdown
    part = part[(part["by"] == "method") & (part["metric"] == metric)]
    if part["trained_on"].nunique() < 2:
        return []
    tested = _names(part["name"])
    tables = []
    for i, (classifier, of_one) in enumerate(part.groupby("classifier", sort=False), 1):
        found = {(row.trained_on, row.name): row for row in _plain(of_one)}
        trained = sorted(_names(of_one["trained_on"]), key=lambda name: name == ALL)
        rows = [
            (
                Cell("all methods" if on == ALL else on),
                *(_of(found.get((on, name)), shaded=True, mark=on == name) for name in tested),
            )
            for on in trained
        ]
        tables.append(
            Table(
                f"transfer-{i}",
                f"{classifier}: {FIGURES[metric].name}",
                ("trained on", *tested),
                rows,
                "Columns: tested on the fakes of that method. Framed: the method trained on, of "
                "people never seen.",
            )
        )
    return tables


def audit_table(audit: "Audit") -> Table:
    """Return every question of the audit, those that are answered well too."""
    rows = []
    for finding in audit.findings:
        status = "warning" if finding.is_warning else "fine"
        if np.isnan(finding.value):
            status = "unknown"
        form = "{:.0f}" if finding.unit.startswith("number") else "{:.3f}"
        figure = _figure(finding.value, finding.low, finding.high, form)
        rows.append(
            (
                Cell(finding.question),
                Cell(status, status=status),
                Cell(figure.text, f"{finding.unit} {figure.small}".strip(), is_number=True),
                Cell(_number(finding.chance, form), is_number=True),
                Cell(finding.sentence),
            )
        )
    head = ("question", "answer", "figure [95 % interval]", "by chance", "what was found")
    return Table("audit-table", "Every question asked", head, rows)


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
            (Cell(str(family)), _count(n_features), *(_drop(row, start, end) for row in of))
        )
    return Table(
        "importance-table",
        "Fall of the AUC when a family is shuffled [95 % interval]",
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
        values = [Cell(str(value.get(fold, _UNKNOWN)), is_number=True) for fold in folds]
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
            rows.append((Cell(f"{name} {part}".strip().replace("_", " ")), Cell(text or _UNKNOWN)))
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


def _of(row: object | None, shaded: bool = False, mark: bool = False) -> Cell:
    """Return the figure of a row; with ``shaded``, its ground by how far it is above 0.5."""
    if row is None:
        return Cell(_UNKNOWN, is_number=True)
    cell = _figure(row.value, row.low, row.high)
    if not shaded or np.isnan(row.value):
        return cell
    shade = float(np.clip(2 * row.value - 1, 0, 1))
    status = "framed" if mark else ""
    return Cell(cell.text, cell.small, is_number=True, shade=shade, status=status)


def _figure(value: float, low: float, high: float, form: str = "{:.3f}") -> Cell:
    interval = ""
    if not (np.isnan(low) or np.isnan(value)):
        interval = f"[{form.format(low)}, {form.format(high)}]"
    return Cell(_number(value, form), interval, is_number=True)


def _number(value: float, form: str = "{:.3f}") -> str:
    return _UNKNOWN if np.isnan(value) else form.format(value)


def _count(n: int) -> Cell:
    return Cell(str(int(n)), is_number=True)


def _drop(row: object | None, start: float, end: float) -> Cell:
    if row is None or np.isnan(row.auc_drop):
        return Cell(_UNKNOWN, is_number=True)
    interval = "" if np.isnan(row.low) else f"[{row.low:+.3f}, {row.high:+.3f}]"
    place = _places(row.auc_drop, row.low, row.high, start, end, 0.0)
    return Cell(f"{row.auc_drop:+.3f}", interval, is_number=True, whisker=place)


def _whisker(row: object, start: float, end: float, chance: float) -> Whisker | None:
    if np.isnan(row.value):
        return None
    return _places(row.value, row.low, row.high, start, end, chance)


def _places(
    value: float, low: float, high: float, start: float, end: float, chance: float
) -> Whisker:
    low, high = (value, value) if np.isnan(low) else (low, high)
    places = 100 * (np.array([value, low, high, chance]) - start) / (end - start)
    return Whisker(*(round(float(place), 1) for place in np.clip(places, 0, 100)))


def _start_of_scale(figures: np.ndarray) -> float:
    """Return 0.5, or the next tenth below the lowest figure."""
    lowest = np.min(figures[np.isfinite(figures)], initial=0.5)
    return float(np.floor(lowest * 10) / 10)


def _names(values: Iterable[object]) -> list[str]:
    """Return the different values in the order they come in."""
    return list(dict.fromkeys(map(str, values)))


def _plain(frame: pd.DataFrame) -> Sequence[object]:
    return list(frame.itertuples(index=False))
