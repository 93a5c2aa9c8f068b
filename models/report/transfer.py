"""Trained on one way of manipulating, tested on each: the matrix, and its mean in words."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.validation_report import HEADLINE
from models.report.cells import (
    UNKNOWN,
    Cell,
    Table,
    auc_cell,
    figure_cell,
    number,
    start_of_scale,
    whisker_at,
)
from models.report.wording import FIGURES, OVER_GROUPS
from models.splitters import ALL

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport


@dataclass(frozen=True)
class Transfer:
    """What one classifier, trained on the fakes of one method, gets on those of the others.

    Attributes
    ----------
    classifier : str
        Its name.
    others : numpy.ndarray
        ``(n_cells,)`` AUC of each method trained on and each other one tested, where there is one.
    n_above_chance : int
        In how many of these the interval of the AUC lies above that of guessing.
    same : float
        Mean AUC on fakes of the method trained on, of people never seen; NaN where there is none.
    """

    classifier: str
    others: np.ndarray
    n_above_chance: int
    same: float

    @property
    def mean(self) -> float:
        """Mean AUC over the other methods, each cell counting once; NaN without a cell."""
        return float(self.others.mean()) if len(self.others) else np.nan


def transfers(report: "ValidationReport") -> list[Transfer]:
    """Return what each classifier gets where it was trained on one method."""
    part = report.breakdown
    part = part[(part["by"] == "method") & (part["metric"] == HEADLINE)]
    found = []
    for classifier, of_one in part.groupby("classifier", sort=False):
        known = of_one[(of_one["trained_on"] != ALL) & of_one["value"].notna()]
        is_same = known["trained_on"] == known["name"]
        others = known[~is_same]
        found.append(
            Transfer(
                str(classifier),
                others["value"].to_numpy(dtype=float),
                int((others["low"] > 0.5).sum()),
                float(known.loc[is_same, "value"].astype(float).mean()),
            )
        )
    return found


def transfer_answer(report: "ValidationReport") -> str:
    """Return the best mean AUC on methods not trained on, in a sentence."""
    known = [one for one in transfers(report) if len(one.others)]
    if not known:
        return (
            "Trained on one way of manipulating and tested on another, there is no figure: no "
            "method alone could be trained on and compared with another."
        )
    best = max(known, key=lambda one: one.mean)
    n = len(best.others)
    several = len(known) > 1
    who = best.classifier
    if several:
        who = f"the best of {len(known)} classifiers ({who})"
    lowest, highest = 100 * best.others.min(), 100 * best.others.max()
    spread = "one combination"
    if n > 1:
        spread = f"{lowest:.0f} to {highest:.0f} over {n} combinations"
    text = (
        f"Trained on one way of manipulating and tested on another, of people never seen, {who} "
        f"put the fake above the real in {100 * best.mean:.0f} of 100 pairs of a fake and a real "
        f"video ({spread}; mean AUC {best.mean:.3f}). Guessing gets 50."
    )
    if not np.isnan(best.same):
        text += f" On the method that it was trained on, it gets {100 * best.same:.0f}."
    if best.n_above_chance == 0:
        return f"{text} That is no evidence that it does better than guessing."
    text += f" The 95\u00a0% interval lies above guessing in {best.n_above_chance} of the {n}."
    return text + (" The best of several looks a little better than it is." if several else "")


def transfer_headline(report: "ValidationReport", key: str) -> Table:
    """Return for each classifier the mean of the matrix off its diagonal, and on it."""
    found = transfers(report)
    start = start_of_scale(np.concatenate([one.others for one in found]))
    rows = []
    for one in found:
        ends = (one.others.min(), one.others.max()) if len(one.others) else (np.nan, np.nan)
        drawn = whisker_at(one.mean, *ends, start, 1.0, 0.5) if len(one.others) else None
        rows.append(
            (
                Cell(one.classifier),
                figure_cell(one.mean, *ends),
                Cell(number(one.same), is_number=True),
                Cell("", whisker=drawn),
            )
        )
    scale = f"other methods, from {start:g} to 1; tick: guessing"
    return Table(
        key,
        "Trained on one method: mean AUC [lowest, highest]",
        ("classifier", "other methods", "same method", scale),
        rows,
        "Means of the cells of the matrix below, each counting once: off the diagonal, and on it. "
        "In brackets the lowest and highest cell, which is no interval: the cells share videos.",
    )


def transfer_tables(report: "ValidationReport") -> list[Table]:
    """Return for each classifier the matrix of what was trained on and what was tested."""
    part = report.breakdown
    part = part[(part["by"] == "method") & (part["metric"] == HEADLINE)]
    tested = list(dict.fromkeys(part["name"]))
    tables = []
    for i, (classifier, of_one) in enumerate(part.groupby("classifier", sort=False), 1):
        found = {(row.trained_on, row.name): row for row in of_one.itertuples(index=False)}
        trained = sorted(dict.fromkeys(of_one["trained_on"]), key=lambda name: name == ALL)
        n_fakes = of_one.groupby("name")["n_fake"].nunique()
        uneven = set(n_fakes[n_fakes > 1].index)
        rows = [
            (
                Cell("all methods" if on == ALL else on),
                *(_cell(found.get((on, name)), on, name in uneven) for name in tested),
            )
            for on in trained
        ]
        note = (
            "Columns: tested on the fakes of that method. Framed: the method trained on, of people "
            "never seen."
        )
        if uneven:
            note += (
                " Where rows differ in the number of fakes tested, it stands in the cell: some "
                "fold could not be trained on, so these are not figures of the same videos."
            )
        tables.append(
            Table(
                f"transfer-{i}",
                f"{classifier}: {FIGURES[HEADLINE].name} {OVER_GROUPS}",
                ("trained on", *tested),
                rows,
                note,
            )
        )
    return tables


def _cell(row: object | None, trained_on: str, counted: bool) -> Cell:
    if row is None:
        return Cell(UNKNOWN, is_number=True)
    cell = auc_cell(row, shaded=True, mark=trained_on == row.name)
    if not counted:
        return cell
    n_fakes = f"{row.n_fake} fake" + "s" * (row.n_fake != 1)
    return replace(cell, small=f"{cell.small}\n{n_fakes}".strip())
