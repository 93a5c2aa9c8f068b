"""Groups dealt into folds: whole groups, similar shares of the classes.

A *group* is a person or source together with every manipulation made of it.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import BaseCrossValidator, StratifiedGroupKFold

from models.errors import HoldOutError

# A class with fewer groups cannot be both trained on and held out.
MIN_GROUPS_PER_CLASS = 2
_N_CLASSES = 2


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
    check_n_folds(n_folds)
    real, fake = n_groups_per_class(is_fake, groups)
    if min(real, fake) < MIN_GROUPS_PER_CLASS:
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


class GroupFolds(BaseCrossValidator):
    """The same folds as a scikit-learn splitter, for ``GridSearchCV`` and ``cross_val_predict``.

    Parameters
    ----------
    n_folds : int
        Fewer are made where a class has fewer groups, never fewer than two.
    seed : int
        Shuffles the groups.
    """

    def __init__(self, n_folds: int = 5, seed: int = 0) -> None:
        self.n_folds = n_folds
        self.seed = seed

    def split(
        self, X: np.ndarray, y: np.ndarray | None = None, groups: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield row indices of training and test; see :func:`group_folds`.

        Raises
        ------
        HoldOutError
            When ``y`` or ``groups`` is not given, there are not two classes, or a class has fewer
            than two groups.
        """
        yield from self._folds(y, groups)

    def get_n_splits(
        self,
        X: np.ndarray | None = None,
        y: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> int:
        """Return how many folds there are, which depends on the groups of each class."""
        return len(self._folds(y, groups))

    def _folds(
        self, y: np.ndarray | None, groups: np.ndarray | None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        if y is None or groups is None:
            raise HoldOutError("Dealing whole groups into folds needs y and groups: give both.")
        classes, is_fake = np.unique(y, return_inverse=True)
        if len(classes) != _N_CLASSES:
            raise HoldOutError(
                f"Dealing groups into folds needs two classes, not {len(classes)}: add videos."
            )
        return group_folds(is_fake, np.asarray(groups), self.n_folds, self.seed)


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


def check_n_folds(n_folds: int) -> None:
    """Raise HoldOutError unless something can be held out in so many folds."""
    if n_folds < 2:
        raise HoldOutError(f"At least two folds are needed to hold something out, not {n_folds}.")


def is_trainable(is_fake: np.ndarray, groups: np.ndarray) -> bool:
    """Return whether these rows can be dealt into folds, as calibration does once more."""
    return min(n_groups_per_class(is_fake, groups)) >= MIN_GROUPS_PER_CLASS


def n_groups_per_class(is_fake: np.ndarray, groups: np.ndarray) -> tuple[int, int]:
    """Return in how many groups there are real videos, and in how many fakes."""
    return len(np.unique(groups[is_fake == 0])), len(np.unique(groups[is_fake == 1]))
