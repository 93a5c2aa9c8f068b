"""How much each family of features matters: how far the AUC falls without what it tells.

The values of a family's columns are exchanged between the held-out videos of a fold, all columns of
a family alike, so that they tell as much about other videos as before and nothing about their own
(Breiman 2001, changed: whole families, and no video keeps its own values). All windows of a video
get theirs from the windows of one other video: a mean over the values of many would be near to
ordinary and would hide what a family tells. What two families tell alike is lost with neither: a
small fall does not say that a family knows nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from models.learning.video_rows import mean_by_video
from models.metrics import draws, fewest_clusters, interval, mean_auc_of_held_out


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
        ``(n_rows, n_inputs)`` the held-out rows.
    columns : sequence of str
        Names of the first columns of ``inputs``. Those without a name stay, as those after do.
    seed : int
        Who exchanges with whom; for all families alike.
    n_repeats : int
        How many times to exchange.
    videos : numpy.ndarray, optional
        ``(n_rows,)`` which rows are windows of one video, in the order of time; without it each row
        is a video. A video with more windows than the one it gets its values from gets them again
        from the first on.

    Returns
    -------
    dict of str to numpy.ndarray
        For each family, by name, ``(n_repeats, n_videos)`` mean decision values of the videos.
    """
    videos = np.arange(len(inputs)) if videos is None else videos
    rng = np.random.default_rng(seed)
    n_videos = len(np.unique(videos))
    sources = [_rows_of_givers(videos, _exchanged(n_videos, rng)) for _ in range(n_repeats)]
    permuted = np.array(inputs, dtype=np.float64)
    decisions = {}
    for family, of_family in _columns_by_family(columns).items():
        found = []
        for source in sources:
            permuted[:, of_family] = inputs[np.ix_(source, of_family)]
            found.append(mean_by_video(pipeline.decision_function(permuted), videos))
        permuted[:, of_family] = inputs[:, of_family]
        decisions[family] = np.array(found)
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
        without an interval where fewer than five clusters count and hold fakes, or reals.
    """
    held_out = folds if held_out is None else held_out
    weights = list(draws(clusters, n_resamples, seed))
    counts = np.isin(folds, folds[is_fake == 1]) & np.isin(folds, folds[is_fake == 0])
    n_clusters = fewest_clusters(clusters[counts], is_fake[counts])

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
        low, high = interval(fall[~np.isnan(fall)], n_clusters)
        table.append((family, len(of_family), value - np.mean([v for v, _ in without]), low, high))
    names = ["family", "n_features", "auc_drop", "low", "high"]
    found = pd.DataFrame(table, columns=names)
    return found.sort_values("auc_drop", ascending=False, kind="stable", ignore_index=True)


def _columns_by_family(columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the numbers of each family's columns, families by name; none of what has no name."""
    families = np.array([family_of(name) for name in columns])
    names = np.unique(families[families != ""])
    return {str(name): np.flatnonzero(families == name) for name in names}


def _exchanged(n_videos: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``(n_videos,)`` from which video each gets its values: in one circle, none its own."""
    order = rng.permutation(n_videos)
    source = np.empty(n_videos, dtype=int)
    source[order] = np.roll(order, 1)
    return source


def _rows_of_givers(videos: np.ndarray, giver: np.ndarray) -> np.ndarray:
    """Return ``(n_rows,)`` from which row each gets its values, given that of each video."""
    _, number, n_windows = np.unique(videos, return_inverse=True, return_counts=True)
    by_video = np.argsort(number, kind="stable")
    first = np.cumsum(n_windows) - n_windows
    window = np.empty(len(videos), dtype=int)
    window[by_video] = np.arange(len(videos)) - first[number[by_video]]
    source = giver[number]
    return by_video[first[source] + window % n_windows[source]]
