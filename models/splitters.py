"""What is held out. Each splitter is named by its question; none shares a group between sides.

A *group* is a person or source together with every manipulation made of it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from models.errors import HoldOutError
from models.learning.group_folds import (
    MIN_GROUPS_PER_CLASS,
    group_folds,
    is_trainable,
    n_groups_per_class,
)
from models.table.training_table import ALL, TrainingTable

_SIDES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


# What is held out under a name that a column of the table gives.
NAMED_BY_COLUMN = ("method", "dataset", "compression")


class Split(NamedTuple):
    """One training and its test.

    Attributes
    ----------
    trained_on : str
        The one method whose fakes are trained on, ``all`` where nothing but the test is left out.
    held_out : str
        Name of what is tested.
    train, test : numpy.ndarray
        Row indices of either side.
    """

    trained_on: str
    held_out: str
    train: np.ndarray
    test: np.ndarray


def split_by_group(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """Hold out people and sources: does it work on those it has never seen.

    Each row is tested once; classes are spread evenly over the folds as far as groups allow.

    Raises
    ------
    HoldOutError
        When a class has fewer than two groups.
    """
    for i, (train, test) in enumerate(group_folds(table.is_fake, table.groups, n_folds, seed), 1):
        yield Split(ALL, f"fold {i}", train, test)


def split_by_method(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """Hold out ways of manipulating: does it catch one that it has never seen.

    The fakes of one method are tested against a share of the real groups; trained is on the
    other methods and the other real groups. The real groups are dealt over the methods, so each
    row is tested once.

    Raises
    ------
    HoldOutError
        When a fake has no method, or there are fewer than two methods.
    """
    fake = table.is_fake == 1
    method, names = _methods(table)
    real_groups = np.unique(table.groups[~fake])
    dealt = np.random.default_rng(seed).permutation(len(real_groups)) % len(names)
    share = dict(zip(real_groups, dealt, strict=True))
    for i, name in enumerate(names):
        held = method == name
        against = np.array(
            [
                not is_fake and share[group] == i
                for is_fake, group in zip(fake, table.groups, strict=True)
            ]
        )
        yield from _hold_out(table, name, held, held | against, n_folds, seed)


def split_by_single_method(
    table: TrainingTable, n_folds: int = 5, seed: int = 0
) -> Iterator[Split]:
    """Train on the fakes of one method, test on those of each: what does one teach of another.

    People are held out as by :func:`split_by_group`, in the same folds for every method. All reals
    of the other folds are trained on, and of the fakes those of one method; last, for comparison,
    those of all. Every row is tested once for each method trained on.

    Raises
    ------
    HoldOutError
        When a fake has no method, there are fewer than two methods, or a class has fewer than two
        groups.
    """
    method, names = _methods(table)
    folds = group_folds(table.is_fake, table.groups, n_folds, seed)
    for trained_on in (*names, ALL):
        used = (table.is_fake == 0) | (method == trained_on) | (trained_on == ALL)
        for i, (train, test) in enumerate(folds, 1):
            yield Split(trained_on, f"fold {i}", train[used[train]], test)


def official_sides(table: TrainingTable) -> np.ndarray:
    """Return ``(n_rows,)`` the side of the official split each row is on, by the column ``split``.

    ``train``, ``val`` or ``test``, however these are spelled; empty for any other name and none.
    """
    return np.array([_SIDES.get(name.lower(), "") for name in table.meta["split"]], dtype=str)


def split_by_official_split(
    table: TrainingTable, n_folds: int = 5, seed: int = 0
) -> Iterator[Split]:
    """Train and test as the data set's authors did, by the column ``split``.

    Trained is on ``train`` alone: ``val`` is left out, for nothing here is chosen on it. A group
    that is in the test as well is not trained on. There is one split, so neither ``n_folds`` nor
    ``seed`` matters.

    Raises
    ------
    HoldOutError
        When no video is of ``train``, or none of ``test``.
    """
    side = official_sides(table)
    train, test = side == "train", np.flatnonzero(side == "test")
    for name, rows in (("train", np.flatnonzero(train)), ("test", test)):
        if not len(rows):
            raise HoldOutError(
                f"No video is of the split {name!r}: fill in the column 'split' of the table with "
                "train, val and test, or hold out groups."
            )
    train &= ~np.isin(table.groups, table.groups[test])
    yield Split(ALL, "test", np.flatnonzero(train), test)


def split_by_dataset(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """Hold out data sets: does it work on footage it has never seen the like of.

    One data set is tested, the others are trained on, less the groups that occur in the test.

    Raises
    ------
    HoldOutError
        When a video has no data set, or there are fewer than two.
    """
    yield from _split_by_column(table, "dataset", n_folds, seed)


def split_by_compression(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """Hold out compression levels: does it work at one it has never seen.

    Raises
    ------
    HoldOutError
        When a video has no compression level, or there are fewer than two.
    """
    yield from _split_by_column(table, "compression", n_folds, seed)


SPLITTERS: dict[str, Callable[[TrainingTable, int, int], Iterator[Split]]] = {
    "group": split_by_group,
    "method": split_by_method,
    "single_method": split_by_single_method,
    "dataset": split_by_dataset,
    "compression": split_by_compression,
    "split": split_by_official_split,
}


def _methods(table: TrainingTable) -> tuple[np.ndarray, list[str]]:
    """Return ``(n_rows,)`` the method of each fake, empty for reals, and all of them."""
    fake = table.is_fake == 1
    method = np.where(fake, table.meta["method"].to_numpy(dtype=str), "")
    return method, _held_out_names(method[fake], "method", "fake videos")


def _split_by_column(table: TrainingTable, column: str, n_folds: int, seed: int) -> Iterator[Split]:
    values = table.meta[column].to_numpy(dtype=str)
    for name in _held_out_names(values, column, "videos"):
        held = values == name
        yield from _hold_out(table, name, held, held, n_folds, seed)


def _hold_out(
    table: TrainingTable,
    name: str,
    held: np.ndarray,
    tested: np.ndarray,
    n_folds: int,
    seed: int,
) -> Iterator[Split]:
    """Test on the rows ``tested``, train on rows neither ``held`` nor of a tested group.

    Where groups have rows on both sides, as when each person occurs at each compression level,
    leaving out every tested group could leave nothing to train on. If it costs more of the
    training rows than a fold of ``n_folds`` would, the tested groups are dealt into that many
    folds instead and each is held out in turn.
    """
    groups = table.groups
    outside = ~held & ~tested
    touched = outside & np.isin(groups, groups[tested])
    kept = outside & ~touched
    costly = touched.sum() * n_folds > outside.sum()
    enough_left = is_trainable(table.is_fake[kept], groups[kept])
    if not touched.any() or (enough_left and not costly):
        parts = [np.flatnonzero(tested)]
    else:
        parts = _group_parts(table, np.flatnonzero(tested), n_folds, seed)
    for test in parts:
        in_test = np.isin(groups, groups[test])
        yield Split(ALL, name, np.flatnonzero(~held & ~in_test), test)


def _group_parts(
    table: TrainingTable, rows: np.ndarray, n_folds: int, seed: int
) -> list[np.ndarray]:
    """Deal the groups of ``rows`` into parts, with both classes in each where there are enough."""
    is_fake, groups = table.is_fake[rows], table.groups[rows]
    if min(n_groups_per_class(is_fake, groups)) >= MIN_GROUPS_PER_CLASS:
        return [rows[test] for _, test in group_folds(is_fake, groups, n_folds, seed)]
    unique, which = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(unique)) % min(n_folds, len(unique))
    return [rows[dealt[which] == i] for i in range(dealt.max() + 1)]


def _held_out_names(values: np.ndarray, column: str, rows: str) -> list[str]:
    """Return the different values, or say what is wrong with the column."""
    n_empty = int((values == "").sum())
    if n_empty:
        raise HoldOutError(
            f"{n_empty} of {len(values)} {rows} have no {column}: fill in the column {column!r} "
            "of the table to hold it out."
        )
    names = sorted({str(value) for value in values})
    if len(names) < 2:
        raise HoldOutError(
            f"All {rows} have the same {column} ({names[0]!r}): holding it out needs at least two."
        )
    return names
