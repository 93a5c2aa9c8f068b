"""What each feature adds to the log-odds: exactly, where a classifier adds up by itself.

A logistic regression does, and so do trees by their Shapley values, and a stacking of these, which
is a weighed mean of log-odds. A mean of probabilities, a kernel and a network do not.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from xgboost import DMatrix, XGBClassifier

from models.learning.blocks import CompressedBlocks, TakeBlocks
from models.learning.calibration import CalibratedByGroup, SigmoidOfDecision
from models.learning.conditioning import QualityConditioner
from models.learning.preprocessing import BestShare, ClippedRobustScaler, TakeColumns
from models.learning.vote import Stacking

# Steps of which it is known here what column of the input each column of the output tells of.
_TRACED = (
    TakeColumns,
    QualityConditioner,
    TakeBlocks,
    SimpleImputer,
    CompressedBlocks,
    ClippedRobustScaler,
    BestShare,
)


@dataclass(frozen=True)
class Contributions:
    """Log-odds of some rows, feature by feature.

    Attributes
    ----------
    terms : numpy.ndarray
        ``(n_rows, n_features)`` what each feature adds to the calibrated log-odds of a fake.
    base : numpy.ndarray
        ``(n_rows,)`` log-odds before any feature speaks; with the terms they sum up to those of
        the row.
    """

    terms: np.ndarray
    base: np.ndarray


def adds_up(calibrated: SigmoidOfDecision) -> bool:
    """Return whether log-odds of a fitted classifier are a sum over its features."""
    if isinstance(calibrated, Stacking):
        return all(adds_up(one) for one in _heard(calibrated).values())
    return (
        isinstance(calibrated, CalibratedByGroup)
        and isinstance(calibrated.estimator_[-1], LogisticRegression | XGBClassifier)
        and all(isinstance(step, _TRACED) for _, step in calibrated.estimator_.steps[:-1])
    )


def contributions_of(
    calibrated: SigmoidOfDecision, X: np.ndarray, ordinary: np.ndarray
) -> Contributions:
    """Return what the features of each row add to its calibrated log-odds.

    Of a logistic regression a term is the coefficient times how far the scaled value is from that
    of an ordinary row, and the base is what is said of that ordinary row. Of boosted trees it is
    the Shapley value of the margin along the paths of the trees (Lundberg, Erion and Lee 2018,
    "Consistent Individualized Feature Attribution for Tree Ensembles", as XGBoost computes it), and
    the base is about what is said of training rows on average, as the trees weigh them. Both are
    multiplied by the slope of the calibration, and by the weight in a stacking. There the two bases
    differ in kind: an ordinary value has no term by the regression, but mostly a negative one by
    trees.

    What is missing is judged as the median that is put in for it, and so is its term. Where a few
    components stand for what a network says, their terms are shared by the columns of the network,
    see :meth:`models.learning.blocks.CompressedBlocks.shared`: what the whole network adds is exact
    with either, what one of its columns adds with a regression only.

    Parameters
    ----------
    calibrated : CalibratedByGroup or Stacking
        Fitted, and :func:`adds_up`.
    X : numpy.ndarray
        ``(n_rows, n_inputs)`` features first, then all else that the classifier takes.
    ordinary : numpy.ndarray
        As ``X``: the same rows, had they the features of ordinary authentic video of their quality.
        Of what is not known there, the median that is put in for it.
    """
    if not isinstance(calibrated, Stacking):
        return _of_one(calibrated, X, ordinary)
    terms, base = 0.0, np.full(len(X), calibrated.intercept_)
    for name, member in _heard(calibrated).items():
        told = _of_one(member, X, ordinary)
        share = calibrated.slope_ * calibrated.weights_[name]
        terms = terms + share * told.terms
        base += share * told.base
    return Contributions(terms, base)


def _heard(stacking: Stacking) -> dict[str, CalibratedByGroup]:
    """Return the members that weigh anything."""
    return {name: one for name, one in stacking.members_.items() if stacking.weights_[name] > 0}


def _of_one(calibrated: CalibratedByGroup, X: np.ndarray, ordinary: np.ndarray) -> Contributions:
    steps, model = calibrated.estimator_[:-1], calibrated.estimator_[-1]
    told = steps.transform(X)
    if isinstance(model, LogisticRegression):
        usual, coefficients = steps.transform(ordinary), model.coef_[0]
        terms, base = coefficients * (told - usual), usual @ coefficients + model.intercept_[0]
        is_linear = _is_within(steps, told) & _is_within(steps, usual)
    else:
        values = model.get_booster().predict(DMatrix(told, nthread=1), pred_contribs=True)
        values = values.astype(np.float64)
        terms, base = values[:, :-1], values[:, -1]
        is_linear = np.zeros(terms.shape, dtype=bool)
    return Contributions(
        calibrated.slope_ * _of_features(steps, terms, is_linear, X, ordinary),
        calibrated.slope_ * base + calibrated.intercept_,
    )


def _is_within(steps: Pipeline, scaled: np.ndarray) -> np.ndarray:
    """Return where scaled values lie within the limit that they are clipped to."""
    limits = [step.limit for _, step in steps.steps if isinstance(step, ClippedRobustScaler)]
    return np.abs(scaled) < min(limits, default=np.inf)


def _of_features(
    steps: Pipeline, terms: np.ndarray, is_linear: np.ndarray, X: np.ndarray, ordinary: np.ndarray
) -> np.ndarray:
    """Return ``(n_rows, n_features)`` what the features say, from what inputs of the model say."""
    for number in reversed(range(len(steps))):
        step = steps[number]
        if isinstance(step, CompressedBlocks):
            before = steps[:number]
            rows = [before.transform(one) if number else one for one in (X, ordinary)]
            terms, is_linear = step.shared(terms, *rows, is_linear), np.zeros(rows[0].shape, bool)
        elif isinstance(step, TakeBlocks | ClippedRobustScaler | BestShare):
            terms, is_linear = (_spread_out(one, step.kept_) for one in (terms, is_linear))
    return terms


def _spread_out(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return ``(n_rows, n_columns)``, zero for the columns that are not kept."""
    spread = np.zeros((len(values), len(kept)), dtype=values.dtype)
    spread[:, kept] = values
    return spread
