"""Cells of the tables of the report: their text, and how they are drawn."""

from dataclasses import dataclass

import numpy as np

# Longer and wider tables are cut on the page, and the page says so; metrics.json has every row.
_MOST_ROWS = 400
_MOST_COLUMNS = 60
UNKNOWN = "–"


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


def auc_cell(row: object | None, shaded: bool = False, mark: bool = False) -> Cell:
    """Return the figure of a row; with ``shaded``, its ground by how far it is above 0.5."""
    if row is None:
        return Cell(UNKNOWN, is_number=True)
    cell = figure_cell(row.value, row.low, row.high)
    if not shaded or np.isnan(row.value):
        return cell
    shade = float(np.clip(2 * row.value - 1, 0, 1))
    status = "framed" if mark else ""
    return Cell(cell.text, cell.small, is_number=True, shade=shade, status=status)


def figure_cell(value: float, low: float, high: float, form: str = "{:.3f}") -> Cell:
    """Return a figure, its interval small beside it."""
    interval = ""
    if not (np.isnan(low) or np.isnan(value)):
        interval = f"[{form.format(low)}, {form.format(high)}]"
    return Cell(number(value, form), interval, is_number=True)


def number(value: float, form: str = "{:.3f}") -> str:
    """Return the value as text, a dash where it is not defined."""
    return UNKNOWN if np.isnan(value) else form.format(value)


def count_cell(n: int) -> Cell:
    """Return a number of videos or features."""
    return Cell(str(int(n)), is_number=True)


def drop_cell(row: object | None, start: float, end: float) -> Cell:
    """Return a fall of the AUC, drawn on a line from ``start`` to ``end``."""
    if row is None or np.isnan(row.auc_drop):
        return Cell(UNKNOWN, is_number=True)
    interval = "" if np.isnan(row.low) else f"[{row.low:+.3f}, {row.high:+.3f}]"
    place = whisker_at(row.auc_drop, row.low, row.high, start, end, 0.0)
    return Cell(f"{row.auc_drop:+.3f}", interval, is_number=True, whisker=place)


def start_of_scale(figures: np.ndarray) -> float:
    """Return 0.5, or the next tenth below the lowest figure; NaN does not count."""
    lowest = np.min(figures[np.isfinite(figures)], initial=0.5)
    return float(np.floor(lowest * 10) / 10)


def whisker(row: object, start: float, end: float, chance: float) -> Whisker | None:
    """Return the figure of a row on a line from ``start`` to ``end``; None where not defined."""
    if np.isnan(row.value):
        return None
    return whisker_at(row.value, row.low, row.high, start, end, chance)


def whisker_at(
    value: float, low: float, high: float, start: float, end: float, chance: float
) -> Whisker:
    """Return a value and its interval, which may be NaN, on a line from ``start`` to ``end``."""
    low, high = (value, value) if np.isnan(low) else (low, high)
    places = 100 * (np.array([value, low, high, chance]) - start) / (end - start)
    return Whisker(*(round(float(place), 1) for place in np.clip(places, 0, 100)))
