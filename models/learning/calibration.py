"""Decision values to probabilities, without ever turning the ranking round.

Platt scaling (Platt 1999) fits ``p = 1 / (1 + exp(-(slope * d + intercept)))`` to held-out decision
values ``d``. On few samples the fitted slope can come out negative: the calibrated score then
ranks videos the wrong way round though the classifier ranks them rightly. Here the slope is
constrained to be at least zero, the decision values are held out by whole groups, and the
decision value stays available for ranking. A slope of zero says that held-out data showed no
signal: the probability is then the share of fakes, for every video.
"""

from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models.errors import HoldOutError, TableError
from models.learning.balanced_fit import decision_values, fit_balanced
from models.learning.search import fit_chosen
from models.learning.video_rows import VideoRows, mean_by_video

_N_CLASSES = 2


def fit_sigmoid(decision: np.ndarray, is_fake: np.ndarray) -> tuple[float, float]:
    """Fit slope (at least zero) and intercept of the probability by maximum likelihood.

    Parameters
    ----------
    decision : numpy.ndarray
        ``(n_rows,)`` held-out decision values; larger means more likely fake.
    is_fake : numpy.ndarray
        ``(n_rows,)`` int, 0 or 1.

    Returns
    -------
    (float, float)
        Slope in log-odds per unit of the decision value, and intercept in log-odds.

    Notes
    -----
    Platt's smoothed targets ``(n_fake + 1) / (n_fake + 2)`` and ``1 / (n_real + 2)`` keep the
    slope finite when the classes are separated. Changed from Platt: the bound on the slope.
    """
    n_fake = int(is_fake.sum())
    n_real = len(is_fake) - n_fake
    target = np.where(is_fake == 1, (n_fake + 1) / (n_fake + 2), 1 / (n_real + 2))
    center, scale = float(decision.mean()), float(decision.std())
    if scale == 0:
        return 0.0, float(logit(target.mean()))
    z = (decision - center) / scale

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_odds = parameters[0] * z + parameters[1]
        residual = expit(log_odds) - target
        value = np.logaddexp(0, log_odds) - target * log_odds
        return float(value.mean()), np.array([(residual * z).mean(), residual.mean()])

    start = np.array([0.0, logit(target.mean())])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)])
    slope = float(found.x[0]) / scale
    return slope, float(found.x[1]) - slope * center


class SigmoidOfDecision(ClassifierMixin, BaseEstimator):
    """A two-class estimator whose probability is a rising sigmoid of its decision value.

    Decision values rank; no class begins at zero. What is predicted is the more probable class.
    """

    def log_odds(self, decision: np.ndarray) -> np.ndarray:
        """Return the calibrated log-odds of the second class at each decision value."""
        return self.slope_ * decision + self.intercept_

    def probability(self, decision: np.ndarray) -> np.ndarray:
        """Return the calibrated probability of the second class at each decision value.

        That of a video with several rows is the probability at the mean of their decision values,
        see :func:`models.learning.video_rows.mean_by_video`.
        """
        return expit(self.log_odds(decision))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, 2)`` calibrated probabilities."""
        second = self.probability(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` the more probable class."""
        is_second = self.log_odds(self.decision_function(X)) >= 0
        return self.classes_[is_second.astype(int)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = all(_takes_nan(one) for one in self._parts())
        return tags

    def _checked(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray | None,
        videos: np.ndarray | None,
    ) -> VideoRows:
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite=False)
        _check_not_infinite(X)
        check_classification_targets(y)
        self.classes_, encoded = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise HoldOutError(
                f"All videos are of 1 class ({self.classes_[0]}): add videos of the other, as "
                "training needs two."
            )
        if len(self.classes_) > _N_CLASSES:
            raise HoldOutError(
                "Only binary classification is supported. The type of the target is multiclass "
                f"({len(self.classes_)} classes): say of each video whether it is fake."
            )
        return VideoRows.checked(X, encoded, groups, videos)

    def _new_rows(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite=False, reset=False)
        _check_not_infinite(X)
        return X


def _takes_nan(estimator: BaseEstimator) -> bool:
    """Return whether NaN may be put in; a pipeline does not say so, but its first step does."""
    if isinstance(estimator, Pipeline):
        estimator = estimator[0]
    return get_tags(estimator).input_tags.allow_nan


def _check_not_infinite(X: np.ndarray) -> None:
    if np.isinf(X).any():
        raise TableError(
            "The features hold infinity (inf): write NaN where a value could not be measured."
        )


class CalibratedByGroup(SigmoidOfDecision):
    """A classifier whose probabilities are calibrated on groups it was not trained on.

    What is learnt from the rows before they are classified (medians, scales) has to be learnt
    without the held-out groups too. The preprocessing is therefore part of ``estimator`` and is
    fitted anew for each fold.

    Parameters
    ----------
    estimator : sklearn.pipeline.Pipeline
        Preprocessing and a two-class classifier whose ``fit`` takes ``sample_weight``. Both classes
        are given equal weight, and so are all videos of a class.
    n_folds : int
        Folds of groups from which held-out decision values come.
    seed : int
        Shuffles the groups.
    grid : dict of str to list, optional
        Parameters of ``estimator`` and the values to try. They are chosen anew in every fit, the
        folds' and the last, on groups that are held out of its rows; see
        :mod:`models.learning.search`.

    Attributes
    ----------
    estimator_ : sklearn.pipeline.Pipeline
        Fitted on all rows.
    chosen_ : dict
        Parameters chosen for ``estimator_``; empty without a grid.
    slope_, intercept_ : float
        Of the calibration, fitted on the mean decision value of each video.
    oof_decision_ : numpy.ndarray
        ``(n_rows,)`` decision value of each training row from a fit without its group.
    oof_fold_ : numpy.ndarray
        ``(n_rows,)`` int, in which fold each training row was held out.
    classes_ : numpy.ndarray
        ``(2,)``.
    """

    def __init__(
        self,
        estimator: Pipeline,
        n_folds: int = 5,
        seed: int = 0,
        grid: dict[str, list] | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.seed = seed
        self.grid = grid

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray | None = None,
        videos: np.ndarray | None = None,
    ) -> Self:
        """Fit on ``X`` ``(n_rows, n_features)`` and calibrate on held-out ``groups``.

        ``X`` may hold NaN where the first step of the estimator takes it. Of ``y`` the first class
        in sorted order counts as authentic, where that matters to a step. ``videos`` ``(n_rows,)``
        says which rows are windows of one video; without it every row is a video. Without
        ``groups`` every video is a group of its own.

        Raises
        ------
        HoldOutError
            When there are not two classes, or a class has fewer than two groups.
        TableError
            When the rows of a video are not of one class and one group, a value is infinite, or no
            feature differs between the rows of a fold.
        """
        rows = self._checked(X, y, groups, videos)
        self.oof_decision_ = np.empty(len(rows.X))
        self.oof_fold_ = np.empty(len(rows.X), dtype=int)
        for fold, (train, test) in enumerate(rows.folds(self.n_folds, self.seed)):
            fitted, _ = self._fitted(rows.part(train))
            self.oof_decision_[test] = decision_values(fitted, rows.X[test])
            self.oof_fold_[test] = fold
        by_video = mean_by_video(self.oof_decision_, rows.videos)
        self.slope_, self.intercept_ = fit_sigmoid(by_video, rows.is_fake_by_video)
        self.estimator_, self.chosen_ = self._fitted(rows)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` decision values; larger means more likely the second class."""
        X = self._new_rows(X)
        return decision_values(self.estimator_, X)

    def _parts(self) -> list[BaseEstimator]:
        return [self.estimator]

    def _fitted(self, rows: VideoRows) -> tuple[Pipeline, dict[str, object]]:
        if self.grid is None:
            return fit_balanced(self.estimator, rows), {}
        return fit_chosen(self.estimator, self.grid, rows, self.seed)
