"""What networks, transitions and sequences add, and where they only tell the source.

``python -m benchmarks.networks FEATURES.csv [WINDOWS.csv]``. The first table is one that
``python -m featurize run --cnn dlib-resnet --cnn efficientnet-lite0 --identity`` wrote, with the
columns ``group``, ``method`` and ``dataset``. Its columns are taken in sets: the hand-crafted ones,
with and without transitions, each network alone, and each beside the hand-crafted ones. Every set
is measured on the same videos, with people, data sets and ways of manipulating held out.

How well a set tells the source is measured as :mod:`benchmarks.families` does, on authentic videos
of people held out. Under the tables it is said of which sets that is more than they tell of the
truth where differences between sources are of no help.

The second table, of windows (``run --window 5 --series``), is for classifiers of the signals over
time, and for committees of these and of the hand-crafted columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.families import Estimate, auc_within_source, estimate, in_text
from models import cross_validate
from models.audit.sources import SourceTold, source_told
from models.classifier_options import check_classifier, check_seed
from models.errors import HoldOutError, ModelsError
from models.table.feature_table import feature_columns, read_feature_file, read_training_table
from models.table.training_table import TrainingTable

HOLD_OUTS = ("group", "dataset", "method")
HAND_CRAFTED = "hand-crafted"
NETWORK_FAMILIES = ("cnn", "identity")
TRANSITIONS = "transitions"
WITH_SEQUENCES = ("svm", "mlp", "xgboost", "sequences")
OF_WINDOWS: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    ("svm", None),
    ("sequences", None),
    ("frames", None),
    ("committee", None),
    ("committee", WITH_SEQUENCES),
    ("stacking", WITH_SEQUENCES),
)
"""Classifiers of windows, and the members of those that vote; None for the usual ones."""

_N_FOLDS = 5
_WIDTH = 150


@dataclass(frozen=True)
class Measured:
    """What a classifier did with something held out.

    Attributes
    ----------
    mean_of_folds, pooled, within_source : tuple of float
        AUC and its 95 % interval; the last only where people are held out.
    """

    mean_of_folds: Estimate
    pooled: Estimate
    within_source: Estimate | None


def column_sets(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns of each set, by its name, in the order of the report.

    Examples
    --------
    >>> sets = column_sets(["eyes__a__median", "cnn__lite_0000__mean", "transitions__b__iqr"])
    >>> {name: len(columns) for name, columns in sets.items()}
    {'hand-crafted': 2, 'hand-crafted without transitions': 1, 'transitions': 1, 'lite': 1,
     'hand-crafted + lite': 3}
    """
    trained_on = feature_columns(columns)
    added: dict[str, list[str]] = {}
    for name in trained_on:
        family = _family(name)
        if family in NETWORK_FAMILIES:
            added.setdefault(_network(name) if family == "cnn" else family, []).append(name)
    own = [name for name in trained_on if _family(name) not in NETWORK_FAMILIES]
    transitions = [name for name in own if _family(name) == TRANSITIONS]
    sets = {HAND_CRAFTED: own}
    if transitions:
        sets[f"{HAND_CRAFTED} without transitions"] = [n for n in own if n not in set(transitions)]
        sets[TRANSITIONS] = transitions
    sets |= added
    sets |= {f"{HAND_CRAFTED} + {name}": own + columns for name, columns in added.items()}
    return sets | ({"all": trained_on} if len(added) > 1 else {})


def _family(column: str) -> str:
    return column.partition("__")[0]


def _network(column: str) -> str:
    """Name of the network in ``cnn__<network>_<number or "change">__<statistic>``."""
    return column.split("__")[1].rpartition("_")[0]


def measured(
    data: TrainingTable, hold_out: str, classifier: str, members: Sequence[str] | None, seed: int
) -> Measured | None:
    """Return what a classifier does, None where there is nothing to hold out."""
    with threadpool_limits(limits=1):
        try:
            report = cross_validate(
                data, hold_out, classifier, _N_FOLDS, seed, audit=False, members=members
            )
        except HoldOutError:
            return None
        within = auc_within_source(report) if hold_out == "group" else None
        folds, pooled = (estimate(report, m) for m in ("auc_mean_of_folds", "auc_pooled"))
        return Measured(folds, pooled, within)


def told(data: TrainingTable, seed: int) -> SourceTold:
    """Return how well features tell the source of authentic videos, see :func:`source_told`."""
    with threadpool_limits(limits=1):
        return source_told(data.per_video(), _N_FOLDS, seed)


def tables_of_sets(table: pd.DataFrame) -> dict[str, TrainingTable]:
    """Return each set of columns as a table of the same videos.

    These are the videos that a detector of the hand-crafted features scores.

    Raises
    ------
    TableError
        When the table cannot be learnt from.
    """
    sets = column_sets(list(table.columns))
    meta = [name for name in table.columns if "__" not in name]
    kept = read_training_table(table[[*meta, *sets[HAND_CRAFTED]]]).meta["path"]
    table = table[table["path"].str.strip().isin(kept)]
    return {
        name: read_training_table(table[[*meta, *columns]], most_missing=1.0)
        for name, columns in sets.items()
    }


def table_of_windows(path: Path) -> TrainingTable:
    """Return the hand-crafted columns and the series of a table of windows.

    Raises
    ------
    TableError
        When the table cannot be read or learnt from.
    """
    table, _ = read_feature_file(path, series=True)
    own = [name for name in table.columns if _family(name) not in NETWORK_FAMILIES]
    return read_training_table(table[own], series=True)


def learns_the_source(
    name: str, source: SourceTold, people: Measured | None, unseen: Measured | None
) -> str | None:
    """Return a sentence where a set tells the source better than the truth, else None.

    Compared are shares of the way from chance to certainty: of the balanced accuracy for sources,
    and of the AUC that owes nothing to differences between sources. Of that there are two, within a
    source with people held out, and the mean over sources held out; the lower one counts. Their
    intervals are wide, so they are told too.

    Examples
    --------
    >>> source = SourceTold(0.8, 0.7, 0.9, 0.2)
    >>> poor, good = ((auc, auc - 0.1, auc + 0.05) for auc in (0.55, 0.93))
    >>> people, unseen = Measured(good, good, poor), Measured(good, good, None)
    >>> print(learns_the_source("lite", source, people, unseen))
    lite tells the source better than the truth: it names that of 80 % of authentic videos of unseen
    people (chance: 20 %), with an AUC of 0.55 [0.45, 0.60] within a source and
    0.93 [0.83, 0.98] on sources it has not seen.
    >>> learns_the_source("lite", source, Measured(good, good, good), unseen)
    """
    if people is None or unseen is None:
        return None
    aucs = people.within_source, unseen.mean_of_folds
    known = [auc for auc, _, _ in aucs if not np.isnan(auc)]
    of_source = (source.value - source.chance) / (1 - source.chance)
    if not known or np.isnan(of_source) or of_source <= 2 * min(known) - 1:
        return None
    within, not_seen = (in_text(*auc) for auc in aucs)
    return (
        f"{name} tells the source better than the truth: it names that of "
        f"{100 * source.value:.0f} % of authentic videos of unseen people (chance: "
        f"{100 * source.chance:.0f} %), with an AUC of {within} within a source and {not_seen} on "
        "sources it has not seen."
    )


def main(
    features: Annotated[Path, typer.Argument(help="Table of whole videos.")],
    windows: Annotated[Path | None, typer.Argument(help="Table of windows with series.")] = None,
    classifier: Annotated[
        str, typer.Option(help="Of the sets of columns; several joined by commas.")
    ] = "svm,committee",
    seed: Annotated[int, typer.Option(help="Same seed, same table.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one per core.")] = -1,
) -> None:
    """Print the AUC of each set of columns, and of classifiers of signals over time."""
    names = [name.strip() for name in classifier.split(",")]
    console = Console(width=_WIDTH)
    try:
        for name in names:
            check_classifier(name)
        check_seed(seed)
        tables = tables_of_sets(read_feature_file(features)[0])
        of_windows = None if windows is None else table_of_windows(windows)
    except ModelsError as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from error
    sources = dict(
        zip(
            tables,
            _in_turn([delayed(told)(data, seed) for data in tables.values()], jobs, "sources"),
            strict=True,
        )
    )
    for name in names:
        cases = {
            (label, hold_out): (tables[label], hold_out)
            for label, hold_out in product(tables, HOLD_OUTS)
        }
        work = [delayed(measured)(*case, name, None, seed) for case in cases.values()]
        found = dict(zip(cases, _in_turn(work, jobs, name), strict=True))
        sizes = {label: str(len(data.columns)) for label, data in tables.items()}
        console.print(_rendered(f"{name}: {_counts(tables[HAND_CRAFTED])}", sizes, found, sources))
        for label, source in sources.items():
            sentence = learns_the_source(
                label, source, found[label, "group"], found[label, "dataset"]
            )
            if sentence is not None:
                console.print(f"{name}: {sentence}")
    if of_windows is not None:
        _print_windows(console, of_windows, seed, jobs)


def _print_windows(console: Console, data: TrainingTable, seed: int, jobs: int) -> None:
    kinds = {
        name if members is None else f"{name} of {', '.join(members)}": (name, members)
        for name, members in OF_WINDOWS
    }
    cases = {
        (label, hold_out): (hold_out, *kinds[label])
        for label, hold_out in product(kinds, HOLD_OUTS)
    }
    work = [delayed(measured)(data, *case, seed) for case in cases.values()]
    found = dict(zip(cases, _in_turn(work, jobs, "windows"), strict=True))
    sizes = dict.fromkeys(kinds, f"{len(data.columns)}, {len(data.signals)} series")
    title = f"windows of {data.window_s:g} s, decisions of a video their mean: {_counts(data)}"
    console.print(_rendered(title, sizes, found, {}))


def _in_turn(work: list, jobs: int, name: str) -> list:
    outcomes = Parallel(n_jobs=jobs, return_as="generator")(work)
    return list(track(outcomes, name, total=len(work), console=Console(stderr=True)))


def _counts(data: TrainingTable) -> str:
    videos = data.per_video()
    n_fake = int(videos.is_fake.sum())
    return f"{videos.n_rows - n_fake} authentic and {n_fake} manipulated videos"


def _rendered(
    title: str,
    sizes: dict[str, str],
    found: dict[tuple[str, str], Measured | None],
    sources: dict[str, SourceTold],
) -> Table:
    shown = Table(
        "columns" if sources else "classifier",
        "n",
        *(f"{hold_out} held out" for hold_out in HOLD_OUTS),
        "within a source,\ngroup held out",
        *(("tells the source\n(chance)",) if sources else ()),
        title=f"AUC of {title}",
        caption="First the mean of folds, below it pooled over them; 95 % intervals over what is "
        "held out, where five or more count.",
        show_lines=True,
    )
    for label, size in sizes.items():
        cells = [found[label, hold_out] for hold_out in HOLD_OUTS]
        shown.add_row(
            label,
            size,
            *(
                "-" if cell is None else f"{in_text(*cell.mean_of_folds)}\n{in_text(*cell.pooled)}"
                for cell in cells
            ),
            "-" if cells[0] is None else in_text(*cells[0].within_source),
            *((_source_text(sources[label]),) if sources else ()),
        )
    return shown


def _source_text(source: SourceTold) -> str:
    return "-" if np.isnan(source.value) else f"{source.value:.2f} ({source.chance:.2f})"


if __name__ == "__main__":
    typer.run(main)
