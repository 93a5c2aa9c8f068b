"""A pipeline fitted so that both classes, and all videos of a class, weigh the same."""

import warnings

import numpy as np
from scipy.special import logit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier

from models.learning.conditioning import QualityConditioner
from models.learning.preprocessing import BestShare
from models.learning.video_rows import VideoRows

_SMALLEST_PROBABILITY = 1e-9


def fit_balanced(estimator: Pipeline, rows: VideoRows) -> Pipeline:
    """Return a fitted copy; its last step is given the weights, those before what they need."""
    of_rows = fit_params(estimator, rows)
    of_rows[f"{estimator.steps[-1][0]}__sample_weight"] = rows.weights
    with warnings.catch_warnings():
        # The network's small number of steps is meant: stopping early regularises.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(rows.X, rows.is_fake, **of_rows)


def fit_params(transformer: Pipeline, rows: VideoRows) -> dict[str, np.ndarray]:
    """Return what the steps that transform are told of the rows.

    Conditioning is told the groups, the choice of features how much each row weighs.
    """
    told: dict[str, np.ndarray] = {}
    for name, step in transformer.steps:
        if isinstance(step, QualityConditioner):
            told[f"{name}__groups"] = rows.groups
        elif isinstance(step, BestShare):
            told[f"{name}__sample_weight"] = rows.weights
    return told


def decision_values(fitted: Pipeline, X: np.ndarray) -> np.ndarray:
    """Return ``(n_rows,)`` decision values, log-odds where the classifier has only these."""
    if hasattr(fitted, "decision_function"):
        return fitted.decision_function(X)
    if isinstance(fitted[-1], XGBClassifier):
        # The margin is what trees add up to; their probability in single precision is coarser.
        told = X if len(fitted) == 1 else fitted[:-1].transform(X)
        return fitted[-1].predict(told, output_margin=True).astype(np.float64)
    return log_odds(fitted.predict_proba(X)[:, 1].astype(np.float64))


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return finite log-odds, also of a probability of 0 or 1."""
    return logit(np.clip(probability, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY))
