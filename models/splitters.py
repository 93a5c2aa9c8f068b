"""What is held out. Each splitter is named by its question; none shares a group between sides.

Every splitter yields ``(name, train, test)``: what is held out, and the row indices of either
side. A *group* is a person or source together with every manipulation made of it.
"""

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from models.errors import HoldOutError
from models.feature_table import TrainingTable

Split = tuple[str, np.ndarray, np.ndarray]

# A class with fewer groups cannot be both trained on and held out.
_MIN_GROUPS_PER_CLASS = 2


def group_folds(
    is_fake: np.ndarray, groups: np.ndarray, n_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Deal whole groups into at most ``n_folds`` folds with similar shares of the classes.

    Parameters
    ----------
    is_fake : numpy.ndarray
        ``(n_rows,)`` int, 0 or 1.
    groups : numpy.ndarray
        ``(n_rows,)`` group of each row.
    n_folds : int
        Fewer are made where a class has fewer groups, never fewer than two.
    seed : int
        Shuffles the groups.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
        Row indices of training and test. Each row is tested exactly once.

    Raises
    ------
    HoldOutError
        When a class has fewer than two groups, or ``n_folds`` is less than two.
    """
    if n_folds < 2:
        raise HoldOutError(f"At least two folds are needed to hold something out, not {n_folds}.")
    real, fake = _n_groups_per_class(is_fake, groups)
    if min(real, fake) < _MIN_GROUPS_PER_CLASS:
        raise HoldOutError(
            "Holding out whole groups needs at least two groups with real and two with fake "
            f"videos, not {real} and {fake}: add videos of other people or sources, or fill in "
            "the column group."
        )
    n_folds = min(n_folds, real, fake)
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    folds = list(splitter.split(np.zeros(len(groups)), is_fake, groups))
    if all(len(test) and 0 < is_fake[train].sum() < len(train) for train, test in folds):
        return folds
    return _dealt_in_turn(is_fake, groups, n_folds, seed)


def _dealt_in_turn(
    is_fake: np.ndarray, groups: np.ndarray, n_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Deal whole groups so that every fold has both classes, whatever their sizes.

    Ordered as groups of reals only, of both, of fakes only, the groups with reals lie side by
    side, and so do those with fakes: dealt like cards, each fold gets one of either.
    """
    unique, which = np.unique(groups, return_inverse=True)
    share = np.bincount(which, is_fake) / np.bincount(which)
    order = np.random.default_rng(seed).permutation(len(unique))
    order = order[np.argsort(np.ceil(share[order]) + np.floor(share[order]), kind="stable")]
    fold = np.empty(len(unique), dtype=int)
    fold[order] = np.arange(len(unique)) % n_folds
    row_fold = fold[which]
    return [(np.flatnonzero(row_fold != i), np.flatnonzero(row_fold == i)) for i in range(n_folds)]


def split_by_group(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """Hold out people and sources: does it work on those it has never seen.

    Each row is tested once; classes are spread evenly over the folds as far as groups allow.

    Raises
    ------
    HoldOutError
        When a class has fewer than two groups.
    """
    for i, (train, test) in enumerate(group_folds(table.is_fake, table.groups, n_folds, seed), 1):
        yield f"fold {i}", train, test


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
    method = np.where(fake, table.meta["method"].to_numpy(dtype=str), "")
    names = _held_out_names(method[fake], "method", "fake videos")
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
    "dataset": split_by_dataset,
    "compression": split_by_compression,
}


def is_trainable(is_fake: np.ndarray, groups: np.ndarray) -> bool:
    """Return whether these rows can be dealt into folds, as calibration does once more."""
    return min(_n_groups_per_class(is_fake, groups)) >= _MIN_GROUPS_PER_CLASS


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
        yield name, np.flatnonzero(~held & ~in_test), test


def _group_parts(
    table: TrainingTable, rows: np.ndarray, n_folds: int, seed: int
) -> list[np.ndarray]:
    """Deal the groups of ``rows`` into parts, with both classes in each where there are enough."""
    is_fake, groups = table.is_fake[rows], table.groups[rows]
    if min(_n_groups_per_class(is_fake, groups)) >= 2:
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


def _n_groups_per_class(is_fake: np.ndarray, groups: np.ndarray) -> tuple[int, int]:
    """Return in how many groups there are real videos, and in how many fakes."""
    return len(np.unique(groups[is_fake == 0])), len(np.unique(groups[is_fake == 1]))
