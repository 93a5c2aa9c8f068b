"""What a classifier does to its input first: take its columns, drop constants, scale, choose."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from models.errors import SettingError, TableError

_IQR_OF_STANDARD_NORMAL = 1.3489795


class TakeColumns(TransformerMixin, BaseEstimator):
    """Hand on some neighbouring columns of the input, as if the others had never been there.

    Parameters
    ----------
    start, stop : int
        First column that is handed on, and the one after the last.
    """

    def __init__(self, start: int = 0, stop: int = 1) -> None:
        self.start = start
        self.stop = stop

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Self:
        """Check that ``X`` ``(n_rows, n_columns)`` has these columns.

        Raises
        ------
        SettingError
            When it has not, or they are none.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        if not 0 <= self.start < self.stop <= X.shape[1]:
            raise SettingError(
                f"There are no columns {self.start} to {self.stop - 1} in {X.shape[1]}: give a "
                "first one and the one after the last."
            )
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, stop - start)``, in memory of its own: sums are taken in one order."""
        check_is_fitted(self, "n_features_in_")
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return np.ascontiguousarray(X[:, self.start : self.stop])

    def get_feature_names_out(self, input_features: list[str] | None = None) -> np.ndarray:
        """Return the names of the columns that are handed on."""
        check_is_fitted(self, "n_features_in_")
        return _check_feature_names_in(self, input_features)[self.start : self.stop]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class ClippedRobustScaler(TransformerMixin, BaseEstimator):
    """Centre by the median, scale by the interquartile range, clip; drop constant columns.

    Video features have heavy tails (a jerk, a ratio of two small numbers): one clip may lie a
    thousand interquartile ranges out and would otherwise rule a distance or a gradient. A column
    that varies in less than half of the rows has no interquartile range and is scaled by its
    standard deviation.

    Parameters
    ----------
    limit : float
        Scaled values are clipped to ``[-limit, limit]``; one is about a standard deviation of
        the bulk.

    Attributes
    ----------
    kept_ : numpy.ndarray
        ``(n_features,)`` bool, False for columns that were constant when fitted.
    center_, scale_ : numpy.ndarray
        ``(n_kept,)`` medians and scales.
    """

    def __init__(self, limit: float = 2.0) -> None:
        self.limit = limit

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Self:
        """Learn medians and scales of ``X`` ``(n_rows, n_features)``.

        Raises
        ------
        TableError
            When every column is constant, as in a single row.
        """
        X = validate_data(self, X, dtype=np.float64)
        if len(X) == 1:
            raise TableError("Nothing varies in 1 sample: add videos to the table.")
        self.kept_ = X.max(axis=0) > X.min(axis=0)
        if not self.kept_.any():
            raise TableError(
                "No feature differs between the training videos: add videos to the table."
            )
        kept = X[:, self.kept_]
        low, self.center_, high = np.percentile(kept, [25, 50, 75], axis=0)
        spread = (high - low) / _IQR_OF_STANDARD_NORMAL
        deviation = kept.std(axis=0)
        # Spread that is only rounding noise beside the deviation would blow the column up.
        self.scale_ = np.where(spread > 1e-6 * deviation, spread, deviation)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``X`` scaled and clipped, ``(n_rows, n_kept)``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        scaled = (X[:, self.kept_] - self.center_) / self.scale_
        return np.clip(scaled, -self.limit, self.limit)

    def get_feature_names_out(self, input_features: list[str] | None = None) -> np.ndarray:
        """Return the names of the columns that were kept."""
        check_is_fitted(self)
        return _check_feature_names_in(self, input_features)[self.kept_]


class BestShare(SelectorMixin, BaseEstimator):
    """Keep the features that, each by itself, tell the classes apart best.

    They are ranked by the share of a feature's variance that lies between the classes: the ranking
    of the F test of an analysis of variance. Changed: rows weigh as much as they are said to, so
    that the windows of a long video need not count as many videos.

    Parameters
    ----------
    percentile : float
        How many of the features are kept, in per cent, more than 0 and at most 100; rounded down,
        but at least one. Among equals the first are kept.

    Attributes
    ----------
    between_share_ : numpy.ndarray
        ``(n_features,)`` in [0, 1]; 0 for a constant feature, 1 for one constant in each class.
    kept_ : numpy.ndarray
        ``(n_features,)`` bool.
    """

    def __init__(self, percentile: float = 100) -> None:
        self.percentile = percentile

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Rank the features of ``X`` ``(n_rows, n_features)`` by the classes ``y`` ``(n_rows,)``.

        ``sample_weight`` ``(n_rows,)`` says how much each row counts, all alike by default.

        Raises
        ------
        SettingError
            When the percentile is out of its range.
        """
        if not 0 < self.percentile <= 100:
            raise SettingError(
                f"The percentile must be more than 0 and at most 100, not {self.percentile}."
            )
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.between_share_ = _between_share(X, y, weight)
        n_kept = max(1, int(X.shape[1] * self.percentile / 100))
        self.kept_ = np.zeros(X.shape[1], dtype=bool)
        self.kept_[np.argsort(-self.between_share_, kind="stable")[:n_kept]] = True
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.kept_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _between_share(X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return ``(n_features,)`` the weighted sum of squares between the classes over that of all."""
    # Told from one of the rows that count, a constant column is exactly zero and stays it.
    told = X - X[np.argmax(weight > 0)]
    told -= _weighted_mean(told, weight)
    between, within = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for name in np.unique(y[weight > 0]):
        rows, of_rows = told[y == name], weight[y == name]
        mean = _weighted_mean(rows, of_rows)
        between += of_rows.sum() * mean**2
        within += (of_rows[:, None] * (rows - mean) ** 2).sum(axis=0)
    total = between + within
    return np.divide(between, total, out=np.zeros(X.shape[1]), where=total > 0)


def _weighted_mean(X: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return (weight[:, None] * X).sum(axis=0) / weight.sum()
