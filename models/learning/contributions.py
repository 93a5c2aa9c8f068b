"""What each feature adds to the log-odds: exactly, where a classifier adds up by itself.

A logistic regression does, and so do trees by their Shapley values, and a stacking of these, which
is a weighed mean of log-odds. A mean of probabilities, a kernel and a network do not.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from xgboost import DMatrix, XGBClassifier

from models.learning.blocks import CompressedBlocks
from models.learning.calibration import CalibratedByGroup, SigmoidOfDecision
from models.learning.preprocessing import BestShare, ClippedRobustScaler
from models.learning.vote import Stacking


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
    return isinstance(calibrated, CalibratedByGroup) and isinstance(
        calibrated.estimator_[-1], LogisticRegression | XGBClassifier
    )


def contributions_of(
    calibrated: SigmoidOfDecision, X: np.ndarray, ordinary: np.ndarray, n_features: int
) -> Contributions:
    """Return what the features of each row add to its calibrated log-odds.

    Of a logistic regression a term is the coefficient times how far the scaled value is from that
    of an ordinary row, and the base is what is said of that ordinary row. Of boosted trees it is
    the Shapley value of the margin along the paths of the trees (Lundberg, Erion and Lee 2018,
    "Consistent Individualized Feature Attribution for Tree Ensembles", as XGBoost computes it), and
    the base is what is said of training rows on average. Both are multiplied by the slope of the
    calibration, and by the weight in a stacking.

    What is missing is judged as the median that is put in for it, and so is its term. Where a few
    components stand for what a network says, the term of each is shared by the columns of the
    network by the squares of their loadings, which sum up to one.

    Parameters
    ----------
    calibrated : CalibratedByGroup or Stacking
        Fitted, and :func:`adds_up`.
    X : numpy.ndarray
        ``(n_rows, n_inputs)`` features first, then all else that the classifier takes.
    ordinary : numpy.ndarray
        As ``X``: the same rows, had they the features of ordinary authentic video of their quality.
        Of what is not known there, the median that is put in for it.
    n_features : int
    """
    if not isinstance(calibrated, Stacking):
        return _of_one(calibrated, X, ordinary, n_features)
    terms = np.zeros((len(X), n_features))
    base = np.full(len(X), calibrated.intercept_)
    for name, member in _heard(calibrated).items():
        told = _of_one(member, X, ordinary, n_features)
        share = calibrated.slope_ * calibrated.weights_[name]
        terms += share * told.terms
        base += share * told.base
    return Contributions(terms, base)


def _heard(stacking: Stacking) -> dict[str, CalibratedByGroup]:
    """Return the members that weigh anything."""
    return {name: one for name, one in stacking.members_.items() if stacking.weights_[name] > 0}


def _of_one(
    calibrated: CalibratedByGroup, X: np.ndarray, ordinary: np.ndarray, n_features: int
) -> Contributions:
    steps, model = calibrated.estimator_[:-1], calibrated.estimator_[-1]
    told = steps.transform(X)
    if isinstance(model, LogisticRegression):
        usual, coefficients = steps.transform(ordinary), model.coef_[0]
        terms, base = coefficients * (told - usual), usual @ coefficients + model.intercept_[0]
    else:
        values = model.get_booster().predict(DMatrix(told, nthread=1), pred_contribs=True)
        values = values.astype(np.float64)
        terms, base = values[:, :-1], values[:, -1]
    return Contributions(
        calibrated.slope_ * (terms @ _origins(steps, n_features)),
        calibrated.slope_ * base + calibrated.intercept_,
    )


def _origins(steps: Pipeline, n_features: int) -> np.ndarray:
    """Return ``(n_model_inputs, n_features)`` what share of each input is which feature's."""
    shares = np.eye(n_features)
    for _, step in steps.steps:
        if isinstance(step, CompressedBlocks):
            shares = np.vstack([shares[step.others_], *_loadings(step, shares)])
        elif isinstance(step, ClippedRobustScaler | BestShare):
            shares = shares[step.kept_]
    return shares


def _loadings(step: CompressedBlocks, shares: np.ndarray) -> list[np.ndarray]:
    return [
        one[-1].components_ ** 2 @ shares[start:stop]
        for one, (start, stop) in zip(step.compressors_, step.blocks, strict=True)
    ]
