"""How much each family of features matters: how far the AUC falls without what it tells.

The values of a family's columns are exchanged between the held-out videos of a fold, all columns of
a family alike, so that they tell as much about other videos as before and nothing about their own
(Breiman 2001, changed: whole families, and no video keeps its own values). What two families tell
alike is lost with neither: a small fall does not say that a family knows nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from models.metrics import FEWEST_CLUSTERS, draws, mean_auc_of_held_out
from models.video_rows import mean_by_video


def family_of(column: str) -> str:
    """Return the family of a feature: what stands before the first double underscore."""
    return column.partition("__")[0]


def permuted_decisions(
    pipeline: Pipeline,
    inputs: np.ndarray,
    columns: Sequence[str],
    seed: int = 0,
    n_repeats: int = 5,
    videos: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the decision values of the rows of a fold, each family exchanged in turn.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted on other rows.
    inputs : numpy.ndarray
        ``(n_rows, n_inputs)`` the held-out rows: features, then covariates, which stay.
    columns : sequence of str
        ``(n_features,)`` names of the features.
    seed : int
        Who exchanges with whom; for all families alike.
    n_repeats : int
        How many times to exchange.
    videos : numpy.ndarray, optional
        ``(n_rows,)`` which rows are windows of one video; without it each row is a video.

    Returns
    -------
    dict of str to numpy.ndarray
        For each family, by name, ``(n_repeats, n_videos)`` mean decision values of the videos.
    """
    rng = np.random.default_rng(seed)
    sources = [_exchanged(len(inputs), rng) for _ in range(n_repeats)]
    permuted = np.array(inputs, dtype=np.float64)
    decisions = {}
    for family, of_family in _columns_by_family(columns).items():
        found = []
        for source in sources:
            permuted[:, of_family] = inputs[np.ix_(source, of_family)]
            found.append(pipeline.decision_function(permuted))
        permuted[:, of_family] = inputs[:, of_family]
        decisions[family] = np.array(
            [one if videos is None else mean_by_video(one, videos) for one in found]
        )
    return decisions


def family_importance(
    is_fake: np.ndarray,
    decision: np.ndarray,
    permuted: dict[str, np.ndarray],
    columns: Sequence[str],
    clusters: np.ndarray,
    folds: np.ndarray,
    held_out: np.ndarray | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return by how much the AUC falls when a family is exchanged, with 95 % intervals.

    The AUC is :func:`models.metrics.mean_auc_of_held_out`; its fall is the mean over the repeats.
    The interval is that of :func:`models.metrics.measure`: over draws of clusters, the same for the
    decision values as they are and for those of the exchanged videos. It says nothing of other
    training sets: in a cross-validation, whose folds train on each other's videos, one interval in
    seven of a family of pure noise missed zero, against one in twenty of a classifier fitted once.

    Parameters
    ----------
    is_fake : numpy.ndarray
        ``(n_videos,)`` int, 0 or 1.
    decision : numpy.ndarray
        ``(n_videos,)`` decision values of held-out videos.
    permuted : dict of str to numpy.ndarray
        ``(n_repeats, n_videos)`` for each family, from :func:`permuted_decisions` of each fold.
    columns : sequence of str
        Names of the features.
    clusters, folds : numpy.ndarray
        ``(n_videos,)`` what is drawn, such as the group, and the fold of each video.
    held_out : numpy.ndarray, optional
        ``(n_videos,)`` what the fold of each video held out; without it, each fold something else.
    n_resamples, seed : int
        Number of draws, and their seed.

    Returns
    -------
    pandas.DataFrame
        One row per family, the most important first: ``family, n_features, auc_drop, low, high``;
        without an interval where there are fewer than five clusters.
    """
    held_out = folds if held_out is None else held_out
    weights = list(draws(clusters, n_resamples, seed))
    enough = len(np.unique(clusters)) >= FEWEST_CLUSTERS

    def aucs(score: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the AUC, and that of each draw."""
        of = (is_fake, score, folds, held_out)
        drawn = [mean_auc_of_held_out(*of, weight) for weight in weights]
        return mean_auc_of_held_out(*of), np.concatenate(drawn)

    value, drawn = aucs(decision)
    table = []
    for family, of_family in _columns_by_family(columns).items():
        without = [aucs(score) for score in permuted[family]]
        fall = drawn - np.mean([one for _, one in without], axis=0)
        fall = fall[~np.isnan(fall)]
        low, high = np.percentile(fall, [2.5, 97.5]) if enough and len(fall) else (np.nan, np.nan)
        table.append((family, len(of_family), value - np.mean([v for v, _ in without]), low, high))
    names = ["family", "n_features", "auc_drop", "low", "high"]
    found = pd.DataFrame(table, columns=names)
    return found.sort_values("auc_drop", ascending=False, kind="stable", ignore_index=True)


def _columns_by_family(columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the numbers of each family's columns, families by name."""
    families = np.array([family_of(name) for name in columns])
    return {str(name): np.flatnonzero(families == name) for name in np.unique(families)}


def _exchanged(n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``(n_rows,)`` from which row each gets its values: all in one circle, none its own."""
    order = rng.permutation(n_rows)
    source = np.empty(n_rows, dtype=int)
    source[order] = np.roll(order, 1)
    return source
