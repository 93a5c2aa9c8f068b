"""What every classifier does to the features first: impute, drop constants, scale, clip."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from models.errors import TableError

_IQR_OF_STANDARD_NORMAL = 1.3489795


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
