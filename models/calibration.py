"""Decision values to probabilities, without ever turning the ranking round.

Platt scaling (Platt 1999) fits ``p = 1 / (1 + exp(-(slope * d + intercept)))`` to held-out decision
values ``d``. On few samples the fitted slope can come out negative: the calibrated score then
ranks videos the wrong way round though the classifier ranks them rightly. Here the slope is
constrained to be at least zero, the decision values are held out by whole groups, and the
decision value stays available for ranking. A slope of zero says that held-out data showed no
signal: the probability is then the share of fakes, for every video.
"""

import warnings
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from models.conditioning import QualityConditioner
from models.errors import HoldOutError
from models.splitters import group_folds

_SMALLEST_PROBABILITY = 1e-9


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


class _SigmoidOfDecision(ClassifierMixin, BaseEstimator):
    """A two-class estimator whose probability is a rising sigmoid of its decision value."""

    def calibrated_log_odds(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` log-odds of the second class."""
        return self.slope_ * self.decision_function(X) + self.intercept_

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, 2)`` calibrated probabilities."""
        second = expit(self.calibrated_log_odds(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` the more probable class."""
        return self.classes_[(self.calibrated_log_odds(X) >= 0).astype(int)]

    def _checked(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        self.classes_, encoded = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise HoldOutError(
                f"Training needs videos of two classes, not {len(self.classes_)}: add videos."
            )
        return X, encoded, np.arange(len(y)) if groups is None else np.asarray(groups)

    def _new_rows(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)


class CalibratedByGroup(_SigmoidOfDecision):
    """A classifier whose probabilities are calibrated on groups it was not trained on.

    What is learnt from the rows before they are classified (medians, scales) has to be learnt
    without the held-out groups too. The preprocessing is therefore part of ``estimator`` and is
    fitted anew for each fold.

    Parameters
    ----------
    estimator : sklearn.pipeline.Pipeline
        Preprocessing and a two-class classifier whose ``fit`` takes ``sample_weight``. Both classes
        are given equal weight.
    n_folds : int
        Folds of groups from which held-out decision values come.
    seed : int
        Shuffles the groups.

    Attributes
    ----------
    estimator_ : sklearn.pipeline.Pipeline
        Fitted on all rows.
    slope_, intercept_ : float
        Of the calibration.
    oof_decision_ : numpy.ndarray
        ``(n_rows,)`` decision value of each training row from a fit without its group.
    oof_fold_ : numpy.ndarray
        ``(n_rows,)`` int, in which fold each training row was held out.
    classes_ : numpy.ndarray
        ``(2,)``.
    """

    def __init__(self, estimator: Pipeline, n_folds: int = 5, seed: int = 0) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> Self:
        """Fit on ``X`` ``(n_rows, n_features)`` and calibrate on held-out ``groups``.

        ``X`` may hold NaN where the first step of the estimator takes it. Without ``groups``, every
        row is a group of its own.

        Raises
        ------
        HoldOutError
            When there are not two classes, or a class has fewer than two groups.
        """
        X, encoded, groups = self._checked(X, y, groups)
        self.oof_decision_ = np.empty(len(encoded))
        self.oof_fold_ = np.empty(len(encoded), dtype=int)
        folds = group_folds(encoded, groups, self.n_folds, self.seed)
        for fold, (train, test) in enumerate(folds):
            fitted = _fit_balanced(self.estimator, X[train], encoded[train], groups[train])
            self.oof_decision_[test] = _decision(fitted, X[test])
            self.oof_fold_[test] = fold
        self.slope_, self.intercept_ = fit_sigmoid(self.oof_decision_, encoded)
        self.estimator_ = _fit_balanced(self.estimator, X, encoded, groups)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` decision values; larger means more likely the second class."""
        return _decision(self.estimator_, self._new_rows(X))


class SoftVote(_SigmoidOfDecision):
    """The mean of its members' calibrated probabilities, calibrated once more.

    The mean of probabilities that are each well calibrated is too timid, hence the second
    sigmoid. It is fitted on votes that are held out in both steps: each from decision values of
    fits without the row's group, made probabilities by sigmoids fitted without the row's fold.
    Sigmoids that had seen the row would find signal in noise. No classifier is fitted for it.

    Parameters
    ----------
    members : list of (str, CalibratedByGroup)
        All with the same ``n_folds`` and ``seed``.

    Attributes
    ----------
    members_ : dict of str to CalibratedByGroup
        Fitted.
    slope_, intercept_, oof_decision_, classes_
        As in :class:`CalibratedByGroup`; the decision value is the log-odds of the mean vote.
    """

    def __init__(self, members: list[tuple[str, CalibratedByGroup]]) -> None:
        self.members = members

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> Self:
        """Fit every member on ``X`` ``(n_rows, n_features)``, holding out ``groups`` in turn.

        Raises
        ------
        HoldOutError
            When there are not two classes, or a class has fewer than two groups.
        """
        X, encoded, groups = self._checked(X, y, groups)
        self.members_ = {
            name: clone(member).fit(X, encoded, groups=groups) for name, member in self.members
        }
        votes = [_held_out_vote(member, encoded) for member in self.members_.values()]
        self.oof_decision_ = _log_odds(np.mean(votes, axis=0))
        self.slope_, self.intercept_ = fit_sigmoid(self.oof_decision_, encoded)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` log-odds of the mean vote."""
        X = self._new_rows(X)
        votes = [member.predict_proba(X)[:, 1] for member in self.members_.values()]
        return _log_odds(np.mean(votes, axis=0))


def _held_out_vote(member: CalibratedByGroup, encoded: np.ndarray) -> np.ndarray:
    """Return ``(n_rows,)`` probabilities by sigmoids fitted on the other folds."""
    vote = np.empty(len(encoded))
    for fold in np.unique(member.oof_fold_):
        test = member.oof_fold_ == fold
        slope, intercept = fit_sigmoid(member.oof_decision_[~test], encoded[~test])
        vote[test] = expit(slope * member.oof_decision_[test] + intercept)
    return vote


def _fit_balanced(
    estimator: Pipeline, X: np.ndarray, encoded: np.ndarray, groups: np.ndarray
) -> Pipeline:
    of_rows = {
        f"{estimator.steps[-1][0]}__sample_weight": compute_sample_weight("balanced", encoded)
    }
    for name, step in estimator.steps:
        if isinstance(step, QualityConditioner):
            of_rows[f"{name}__groups"] = groups
    with warnings.catch_warnings():
        # The network's small number of steps is meant: stopping early regularises.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(X, encoded, **of_rows)


def _decision(fitted: Pipeline, X: np.ndarray) -> np.ndarray:
    if hasattr(fitted, "decision_function"):
        return fitted.decision_function(X)
    return _log_odds(fitted.predict_proba(X)[:, 1].astype(np.float64))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    return logit(np.clip(probability, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY))
