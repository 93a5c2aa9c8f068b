"""Which of a few settings, and what share of the features, suits the training rows best.

Settings are compared by the AUC of videos whose groups are held out of the training rows once more.
Nothing outside the rows that a classifier is fitted on takes part in its choice.

It takes four to eight times as long as a fit without it, and need not help: on 220 videos of 24
sources, for which the usual settings are good ones, AUC with people or sources held out was the
same to 0.001 with all three classifiers. It is meant for tables of another kind.
"""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from models.learning.balanced_fit import decision_values, fit_balanced, fit_params
from models.learning.group_folds import is_trainable
from models.learning.video_rows import VideoRows, mean_by_video
from models.metrics import auc

# The values that are used without a search come first: among equals the first is chosen.
GRIDS: dict[str, dict[str, list]] = {
    "svm": {"model__C": [3.0, 0.3], "select__percentile": [100, 30, 10]},
    "mlp": {"model__alpha": [10.0, 100.0], "select__percentile": [100, 30, 10]},
    "xgboost": {"model__max_depth": [3, 1], "select__percentile": [100, 30, 10]},
    "linear": {"model__C": [0.01, 0.001], "select__percentile": [100, 30, 10]},
    "networks": {"model__C": [1.0, 0.01], "select__percentile": [100, 30, 10]},
}
_N_FOLDS = 3
# A fold of one class ranks nothing.
_AUC_OF_CHANCE = 0.5


def fit_chosen(
    estimator: Pipeline, grid: dict[str, list], rows: VideoRows, seed: int
) -> tuple[Pipeline, dict[str, object]]:
    """Choose settings on held-out groups of ``rows``, then fit on all of them.

    Returns
    -------
    (sklearn.pipeline.Pipeline, dict)
        The fitted pipeline and what was chosen, by name of the parameter.
    """
    chosen = choose(estimator, grid, rows, seed)
    return fit_balanced(clone(estimator).set_params(**chosen), rows), chosen


def choose(
    estimator: Pipeline, grid: dict[str, list], rows: VideoRows, seed: int
) -> dict[str, object]:
    """Return the settings whose mean AUC over three folds of held-out groups is highest.

    Parameters
    ----------
    estimator : sklearn.pipeline.Pipeline
        Not fitted and not changed.
    grid : dict of str to list
        Parameters of ``estimator`` and the values to try, in all combinations. The first
        combination is chosen among equals, and where a class has too few groups to hold any out.
    rows : VideoRows
        What to choose and, later, to train on.
    seed : int
        Shuffles the groups.
    """
    candidates = list(ParameterGrid(grid))
    if len(candidates) == 1 or not is_trainable(rows.is_fake, rows.groups):
        return candidates[0]
    found = [
        _auc_of_each(estimator, candidates, rows.part(train), rows.part(test))
        for train, test in rows.folds(_N_FOLDS, seed)
    ]
    return candidates[int(np.argmax(np.mean(found, axis=0)))]


def _auc_of_each(
    estimator: Pipeline, candidates: list[dict[str, object]], train: VideoRows, test: VideoRows
) -> list[float]:
    """Return the AUC of each candidate; the steps before the first that differs are fitted once."""
    tried = {name.partition("__")[0] for name in candidates[0]}
    n_shared = next(i for i, (name, _) in enumerate(estimator.steps) if name in tried)
    if n_shared:
        shared = clone(estimator[:n_shared])
        shared.fit(train.X, train.is_fake, **fit_params(shared, train))
        train, test = (part.with_columns(shared.transform(part.X)) for part in (train, test))
    found = []
    for candidate in candidates:
        fitted = fit_balanced(clone(estimator[n_shared:]).set_params(**candidate), train)
        score = mean_by_video(decision_values(fitted, test.X), test.videos)
        value = auc(test.is_fake_by_video, score)
        found.append(_AUC_OF_CHANCE if np.isnan(value) else value)
    return found
