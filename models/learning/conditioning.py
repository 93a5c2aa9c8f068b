"""Features beside what authentic video of the same quality shows.

How much landmarks jitter, or how sharp a cheek is, depends first on the size of the face, the blur,
the bit rate, the frame rate and the speed of the head. Such quality measures are *covariates*: what
is expected at a quality is learnt from them, on authentic video only, and they are dropped. By
themselves they would tell the source of a clip rather than its truth.
"""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from models.errors import SettingError, TableError

_IQR_OF_STANDARD_NORMAL = 1.3489795
_N_ROUNDS = 20
# In robust standard deviations; least squares sees a larger residual as of this size (Huber 1981).
_HUBER_LIMIT = 2.0
# A measure ten times smaller than usual is where its logarithm turns into a straight line.
_LINEAR_BELOW = 0.1
_LEAST_SPREAD = 1e-6
# Share of the load that is at least taken to rest on other groups: where there are none, nothing
# is divided by zero.
_LEAST_REST = 1e-6


class QualityConditioner(TransformerMixin, BaseEstimator):
    """Tell each feature in standard deviations above authentic video of the same quality.

    For every feature the expected value is ``center + slope @ terms``, robustly fitted on authentic
    rows; the terms are the covariates, on a logarithmic scale, standardised and clipped. What comes
    out is the residual over its spread.

    With a hundred authentic videos and a thousand features many slopes are noise, and a slope that
    is noise writes the quality, and with it the source, into a feature that knew nothing of it:
    columns shuffled at random told fakes of unseen people with an AUC 0.1 to 0.2 higher for it. A
    slope is therefore shrunk towards zero as far as it fails to foretell authentic videos that are
    left out, and dropped where it foretells less than ``least_gain`` of their variance. So the
    conditioner finds by itself which features depend on quality, and leaves the others at rest.

    Parameters
    ----------
    n_covariates : int
        The last so many columns are the covariates, in any unit; they are dropped. Missing ones are
        taken as those of the median authentic video. Without any, features are only told in
        standard deviations above the middle of all authentic video.
    penalty : float
        Strength of the ridge, in videos: with as many authentic videos a slope is halved.
    least_gain : float
        Share of the variance among left-out authentic videos that quality must explain.
    limit : float
        Quality further from the median than this many robust standard deviations counts as of this
        distance: nothing is extrapolated.

    Attributes
    ----------
    center_ : numpy.ndarray
        ``(n_features,)`` expected at median quality.
    slope_ : numpy.ndarray
        ``(n_covariates, n_features)`` change with each covariate; zero where not foretold.
    spread_ : numpy.ndarray
        ``(n_features,)`` robust standard deviation of the residual among authentic videos.
    seen_ : numpy.ndarray
        ``(n_covariates, 2)`` smallest and largest among authentic videos, NaN where never known.

    Notes
    -----
    The robust fit replaces residuals beyond two spreads by two spreads, and missing values by the
    fitted ones, and solves again (Huber's modified residuals). The share foretold is that of
    residuals with the whole group of a video left out, by the leverages, without fitting again
    (Allen 1974, PRESS; changed: groups instead of rows). With a person's other videos left in, what
    tells the person would seem foretold by the quality at which the person is filmed.
    """

    def __init__(
        self,
        n_covariates: int = 0,
        penalty: float = 5.0,
        least_gain: float = 0.05,
        limit: float = 2.0,
    ) -> None:
        self.n_covariates = n_covariates
        self.penalty = penalty
        self.least_gain = least_gain
        self.limit = limit

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> Self:
        """Learn from the rows of ``X`` ``(n_rows, n_features + n_covariates)`` with ``y`` 0.

        ``X`` may hold NaN. A feature that no authentic row has is left as it is. Rows of one of the
        ``groups`` ``(n_rows,)`` share a person or a source and are left out together; without them
        every row is a group of its own.

        Raises
        ------
        TableError
            When no row is authentic.
        SettingError
            When ``n_covariates`` leaves no feature, or is negative.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        if not 0 <= self.n_covariates < X.shape[1]:
            raise SettingError(
                f"{self.n_covariates} covariates leave no feature where n_features = {X.shape[1]}: "
                "give the features first and the covariates last."
            )
        is_authentic = np.asarray(y) == 0
        authentic = X[is_authentic]
        if not len(authentic):
            raise TableError("None of the videos is authentic, so what is usual is not known.")
        groups = np.arange(len(X)) if groups is None else np.asarray(groups)
        features, covariates = self._parted(authentic)
        self._learn_quality(covariates)
        terms = self._terms(covariates)
        offset = terms.mean(axis=0)
        self._fit_features(features, terms - offset, groups[is_authentic])
        self.center_ -= offset @ self.slope_
        return self

    def expected(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_features)`` what authentic video of each row's quality shows."""
        _, covariates = self._parted(self._new_rows(X))
        return self.center_ + self._terms(covariates) @ self.slope_

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_features)``; what is missing stays NaN."""
        features, covariates = self._parted(self._new_rows(X))
        return (features - self.center_ - self._terms(covariates) @ self.slope_) / self.spread_

    def unknown_quality(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_covariates)`` bool: taken as of the median video, as it is missing.

        A measure that no authentic video had is missed in none.
        """
        _, covariates = self._parted(self._new_rows(X))
        return np.isnan(covariates) & np.isfinite(self.seen_[:, 0])

    def get_feature_names_out(self, input_features: list[str] | None = None) -> np.ndarray:
        """Return the names of the columns without those of the covariates."""
        check_is_fitted(self)
        return _check_feature_names_in(self, input_features)[: len(self.center_)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        return tags

    def _new_rows(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)

    def _parted(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n_features = X.shape[1] - self.n_covariates
        return X[:, :n_features], X[:, n_features:]

    def _learn_quality(self, covariates: np.ndarray) -> None:
        usual = _quantile(np.abs(covariates), 0.5)
        largest = _quantile(np.abs(covariates), 1.0)
        # A measure that is zero in most videos, as of repeated frames, is told by its largest.
        usual = np.where(usual > 0, usual, largest)
        self.unit_ = np.where(usual > 0, _LINEAR_BELOW * usual, 1.0)
        self.usual_, self.scale_ = _location_and_scale(np.arcsinh(covariates / self.unit_))
        self.seen_ = np.stack([_quantile(covariates, share) for share in (0.0, 1.0)], axis=1)

    def _standardised(self, covariates: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_covariates)``, 0 for the median authentic video.

        ``arcsinh`` is a logarithm that is also defined for measures of zero and below.
        """
        return (np.arcsinh(covariates / self.unit_) - self.usual_) / self.scale_

    def _terms(self, covariates: np.ndarray) -> np.ndarray:
        terms = np.clip(self._standardised(covariates), -self.limit, self.limit)
        return np.nan_to_num(terms)

    def _fit_features(self, features: np.ndarray, terms: np.ndarray, groups: np.ndarray) -> None:
        """Fit all features at once; ``terms`` have mean zero."""
        known = ~np.isnan(features)
        location, unit = _location_and_scale(features)
        values = np.where(known, (features - location) / unit, 0.0)
        solve = np.linalg.solve(terms.T @ terms + self.penalty * np.eye(terms.shape[1]), terms.T)
        fitted, spread = np.zeros_like(values), np.ones(values.shape[1])
        for _ in range(_N_ROUNDS):
            residual = np.clip(values - fitted, -_HUBER_LIMIT * spread, _HUBER_LIMIT * spread)
            tamed = fitted + np.where(known, residual, 0.0)
            center = tamed.mean(axis=0)
            slope = solve @ (tamed - center)
            fitted = center + terms @ slope
            spread = _spread(values - fitted, known)
        left_out = _left_out(tamed - fitted, known, terms, solve, groups)
        kept = self._share_kept(tamed - center, tamed - fitted, left_out, known)
        # What is the same in most videos would, less a slope, tell little but the quality.
        slope = slope * np.where(_interquartile(values, known) > _LEAST_SPREAD, kept, 0.0)
        # The middle of what is left, as the median of a skewed feature is not its mean.
        residual = np.where(known, values - terms @ slope, np.nan)
        center = np.nan_to_num(_quantile(residual, 0.5))
        self.center_ = location + unit * center
        self.slope_ = unit * slope
        self.spread_ = unit * _spread(residual - center, known)

    def _share_kept(
        self, varied: np.ndarray, residual: np.ndarray, left_out: np.ndarray, known: np.ndarray
    ) -> np.ndarray:
        """Return ``(n_features,)`` by how much to multiply the slopes, in [0, 1]."""
        total = (known * varied**2).sum(axis=0)
        total = np.where(total > 0, total, np.inf)
        in_sample = 1 - (known * residual**2).sum(axis=0) / total
        foretold = 1 - (known * left_out**2).sum(axis=0) / total
        kept = foretold > self.least_gain
        gain = np.where(kept, in_sample - self.least_gain, 1.0)
        return np.where(kept, np.clip((foretold - self.least_gain) / gain, 0.0, 1.0), 0.0)


def _left_out(
    residual: np.ndarray,
    known: np.ndarray,
    terms: np.ndarray,
    solve: np.ndarray,
    groups: np.ndarray,
) -> np.ndarray:
    """Return ``(n_rows, n_features)`` residuals of fits without the group of each row.

    ``solve`` ``(n_terms, n_rows)`` is what values are multiplied by for the slopes.
    """
    n_rows = len(terms)
    # A missing row bears no load, so the others bear more.
    load_of_known = n_rows / np.maximum(known.sum(axis=0), 1)
    left_out = np.empty_like(residual)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        load, axes = np.linalg.eigh(terms[rows] @ solve[:, rows] + 1 / n_rows)
        rest = np.maximum(1 - load, 0)[:, None] ** load_of_known
        left_out[rows] = axes @ (axes.T @ residual[rows] / np.maximum(rest, _LEAST_REST))
    return left_out


def _location_and_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return median and robust standard deviation of known values, 0 and 1 where there are none."""
    location = np.nan_to_num(_quantile(values, 0.5))
    return location, _spread(values - location, ~np.isnan(values))


def _spread(residual: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return ``(n_columns,)`` robust standard deviation, 1 where nothing varies."""
    n_known = np.maximum(known.sum(axis=0), 1)
    plain = np.sqrt(np.where(known, residual**2, 0.0).sum(axis=0) / n_known)
    robust = _interquartile(residual, known) / _IQR_OF_STANDARD_NORMAL
    # Spread that is only rounding noise beside the deviation would blow the column up.
    spread = np.where(robust > _LEAST_SPREAD * plain, robust, plain)
    return np.where(spread > 0, spread, 1.0)


def _interquartile(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return ``(n_columns,)`` distance of the quartiles, 0 where nothing is known."""
    values = np.where(known, values, np.nan)
    return np.nan_to_num(_quantile(values, 0.75) - _quantile(values, 0.25))


def _quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Return ``(n_columns,)`` quantiles of known values, NaN where there are none.

    As ``numpy.nanquantile``, which takes a hundred times as long on a thousand columns.
    """
    ranked = np.sort(values, axis=0)
    last = np.maximum((~np.isnan(values)).sum(axis=0) - 1, 0)
    position = share * last
    below = np.floor(position).astype(int)
    low, high = (
        np.take_along_axis(ranked, index[None], axis=0)[0]
        for index in (below, np.minimum(below + 1, last))
    )
    return low + (position - below) * (high - low)
