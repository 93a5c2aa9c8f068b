"""Every figure of a detector that is told about it, from what was said of videos held out.

A figure with an interval is a dictionary of ``value, low, high``, the ends of its 95 % interval,
None where it is not defined. Intervals draw sources, or groups where it says so, see
:func:`models.metrics.measure`; those of shares of videos are exact binomial ones (Clopper and
Pearson 1934), as if videos were independent.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from models.metrics import auc, draws, fewest_clusters, interval, measure
from pretraining.kinds import is_authentic, is_pseudo_fake, is_real_fake

Figure = dict[str, float | None]

VERDICTS = ("fake", "uncertain", "real", "unknown")
_METRICS = {
    "auc_pooled": "auc_pooled",
    "auc_within_group": "auc_within_sources",
    "tpr_at_fpr_5pct": "tpr_at_fpr_5pct",
    "equal_error_rate": "equal_error_rate",
    "expected_calibration_error": "expected_calibration_error",
    "brier_score": "brier_score",
}
_N_DRAWS = 1000


def all_figures(
    videos: pd.DataFrame, unseen: pd.DataFrame | None = None, seed: int = 0
) -> dict[str, object]:
    """Return every figure as plain data, which JSON can hold.

    Parameters
    ----------
    videos : pandas.DataFrame
        See :class:`pretraining.held_out.HeldOut`: sources held out.
    unseen : pandas.DataFrame, optional
        The same with manipulations held out as well.
    seed : int
        Of the draws.

    Returns
    -------
    dict
        ``real_fakes`` and ``real_fakes_degraded`` (see :func:`of_videos`; as they are, and after
        chains), ``methods``, ``pseudo_methods``, ``verdicts``, ``authentic_by_source`` (lists, a
        dictionary for each row of a table) and ``n_unknown``, the videos of which too little was
        measured.
    """
    n_unknown = int(videos["log_odds"].isna().sum())
    as_is, degraded = (videos[chosen] for chosen in (videos["round"] < 0, videos["round"] >= 0))
    found: dict[str, object] = {
        "real_fakes": of_videos(as_is[~is_pseudo_fake(as_is)], seed),
        "methods": _methods(as_is, unseen, seed),
        "verdicts": list(_verdicts(videos)),
        "authentic_by_source": list(_authentic_by_source(as_is)),
        "n_unknown": n_unknown,
    }
    if len(degraded):
        found["real_fakes_degraded"] = of_videos(degraded[~is_pseudo_fake(degraded)], seed)
        found["pseudo_methods"] = _pseudo_methods(degraded, unseen, seed)
    return found


def of_videos(videos: pd.DataFrame, seed: int = 0) -> dict[str, object]:
    """Return the figures of fakes against authentic videos.

    Parameters
    ----------
    videos : pandas.DataFrame
        Fakes and authentic videos, scored; those without a score are left out.
    seed : int
        Of the draws of sources.

    Returns
    -------
    dict
        ``n_real, n_fake, n_sources`` (``n_sources_both`` of them hold both), and figures with
        intervals: ``auc_pooled``, ``auc_within_sources`` (the mean of the AUCs inside sources),
        ``tpr_at_fpr_5pct, equal_error_rate, expected_calibration_error, brier_score``.
    """
    videos = videos[videos["log_odds"].notna()]
    is_fake, source = _is_fake(videos), videos["source"].to_numpy()
    counts: dict[str, object] = {
        "n_real": int((is_fake == 0).sum()),
        "n_fake": int(is_fake.sum()),
        "n_sources": len(np.unique(source)),
    }
    if not len(videos):
        return counts | {name: _figure(*[math.nan] * 3) for name in _METRICS.values()}
    measured = measure(
        is_fake,
        videos["log_odds"].to_numpy(),
        videos["probability"].to_numpy(),
        source,
        np.zeros(len(videos), int),
        seed=seed,
    ).set_index("metric")
    counts["n_sources_both"] = int(
        sum(len(np.unique(is_fake[source == one])) == 2 for one in np.unique(source))
    )
    return counts | {
        name: _figure(*measured.loc[metric, ["value", "low", "high"]])
        for metric, name in _METRICS.items()
    }


def pooled_auc(videos: pd.DataFrame, seed: int = 0, clusters: str = "source") -> Figure:
    """Return the AUC over all videos, ranked by probability, with its interval.

    Parameters
    ----------
    videos : pandas.DataFrame
        As for :func:`of_videos`.
    seed : int
        Of the draws.
    clusters : str
        Column of what is drawn for the interval.
    """
    videos = videos[videos["log_odds"].notna()]
    if not len(videos):
        return _figure(*[math.nan] * 3)
    is_fake, names = _is_fake(videos), videos[clusters].to_numpy()
    stated = videos["probability"].to_numpy()

    def of_weights(weight: np.ndarray) -> np.ndarray:
        return auc(is_fake, stated, weight)

    n_clusters = fewest_clusters(names, is_fake)
    return _drawn(of_weights, names, n_clusters, seed)


def difference(
    one: pd.DataFrame, other: pd.DataFrame, seed: int = 0, clusters: str = "source"
) -> Figure:
    """Return by how much the pooled AUC of `one` is above that of `other`, with its interval.

    Both are tables as in :func:`of_videos`. The same sources are drawn for both, so that what is
    hard in a source is no part of the difference.
    """
    both = [part[part["log_odds"].notna()] for part in (one, other)]
    names = np.concatenate([part[clusters].to_numpy() for part in both])
    first = np.arange(len(names)) < len(both[0])
    labels = np.concatenate([_is_fake(part) for part in both])
    stated = np.concatenate([part["probability"].to_numpy() for part in both])

    def gap(weight: np.ndarray) -> np.ndarray:
        aucs = [auc(labels[rows], stated[rows], weight[:, rows]) for rows in (first, ~first)]
        return aucs[0] - aucs[1]

    counted = [fewest_clusters(names[rows], labels[rows]) for rows in (first, ~first)]
    return _drawn(gap, names, min(counted), seed)


def share(n_of: int, n_all: int) -> Figure:
    """Return a share of videos with its exact binomial interval.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in share(0, 10).items()}
    {'value': 0.0, 'low': 0.0, 'high': 0.308}
    """
    if n_all == 0:
        return _figure(*[math.nan] * 3)
    exact = binomtest(n_of, n_all).proportion_ci(method="exact")
    return _figure(n_of / n_all, exact.low, exact.high)


def _methods(
    as_is: pd.DataFrame, unseen: pd.DataFrame | None, seed: int
) -> list[dict[str, object]]:
    """Each real method against all authentic clips; intervals over groups."""
    rows = []
    real = as_is[is_authentic(as_is)]
    for method, fakes in as_is[is_real_fake(as_is)].groupby("method"):
        beside = real[real["source"].isin(fakes["source"])]
        row = {
            "method": method,
            "sources": _source_name(fakes),
            "n_videos": len(fakes),
            "n_groups": fakes["group"].nunique(),
            "auc": pooled_auc(pd.concat([real, fakes]), seed, "group"),
            "auc_same_sources": pooled_auc(pd.concat([beside, fakes]), seed, "group"),
            "called_fake": share(int((fakes["verdict"] == "fake").sum()), len(fakes)),
            "called_real": share(int((fakes["verdict"] == "real").sum()), len(fakes)),
        }
        if unseen is not None:
            # Authentic videos of other sources stand beside them as detectors without their own
            # source score them.
            held = unseen[(unseen["unseen"] == method) & (unseen["round"] < 0)]
            of_method = pd.concat([real, held[~is_authentic(held)]])
            row["auc_unseen"] = pooled_auc(of_method, seed, "group")
        rows.append(row)
    return rows


def _pseudo_methods(
    degraded: pd.DataFrame, unseen: pd.DataFrame | None, seed: int
) -> list[dict[str, object]]:
    """Each pseudo-method against the originals of its own worlds."""
    rows = []
    for method, fakes in degraded[is_pseudo_fake(degraded)].groupby("method"):
        worlds = _worlds_of(degraded, method)
        row = {
            "method": method,
            "n_worlds": fakes["world"].nunique(),
            "n_sources": fakes["source"].nunique(),
            "auc": pooled_auc(worlds, seed),
            "pairs": pairs(worlds, seed),
        }
        if unseen is not None:
            held = _worlds_of(unseen[(unseen["unseen"] == method) & (unseen["round"] >= 0)], method)
            row["auc_unseen"] = pooled_auc(held, seed)
            row["pairs_unseen"] = pairs(held, seed)
        rows.append(row)
    return rows


def pairs(videos: pd.DataFrame, seed: int = 0) -> Figure:
    """Return how often a fake scores above the original of its world; ties count half.

    Parameters
    ----------
    videos : pandas.DataFrame
        Of each ``world`` one authentic video, and fakes.
    seed : int
        Of the draws of sources.
    """
    scored = videos[videos["log_odds"].notna()]
    original = scored[is_authentic(scored)].set_index("world")["log_odds"]
    fakes = scored[~is_authentic(scored) & scored["world"].isin(original.index)]
    if not len(fakes):
        return _figure(*[math.nan] * 3)
    above = fakes["log_odds"].to_numpy() - fakes["world"].map(original).to_numpy()
    won = (np.sign(above) + 1) / 2
    clusters = fakes["source"].to_numpy()

    def mean(weight: np.ndarray) -> np.ndarray:
        return weight @ won / weight.sum(axis=1)

    return _drawn(mean, clusters, len(np.unique(clusters)), seed)


def _worlds_of(videos: pd.DataFrame, method: str) -> pd.DataFrame:
    """Fakes of a method with the originals of their worlds."""
    fakes = videos[videos["method"] == method]
    originals = videos[is_authentic(videos) & videos["world"].isin(fakes["world"])]
    return pd.concat([originals, fakes])


def _verdicts(videos: pd.DataFrame) -> Iterator[dict[str, object]]:
    kinds = {
        "authentic": is_authentic(videos),
        "real fakes": is_real_fake(videos),
        "pseudo-fakes": is_pseudo_fake(videos),
    }
    for kind, is_kind in kinds.items():
        for state, is_state in {
            "as they are": videos["round"] < 0,
            "degraded": videos["round"] >= 0,
        }.items():
            part = videos[is_kind & is_state]
            if len(part):
                yield {"kind": f"{kind}, {state}", **_counted(part)}


def _authentic_by_source(as_is: pd.DataFrame) -> Iterator[dict[str, object]]:
    for _, part in as_is[is_authentic(as_is)].groupby("source"):
        yield {"source": _source_name(part), **_counted(part)}


def _counted(videos: pd.DataFrame) -> dict[str, object]:
    counts = videos["verdict"].value_counts()
    numbers = {verdict: int(counts.get(verdict, 0)) for verdict in VERDICTS}
    return {"n_videos": len(videos)} | {
        f"called_{verdict}": share(n, len(videos)) for verdict, n in numbers.items()
    }


def _source_name(videos: pd.DataFrame) -> str:
    return ", ".join(sorted(videos["dataset"].astype(str).unique()))


def _is_fake(videos: pd.DataFrame) -> np.ndarray:
    return (~is_authentic(videos)).to_numpy(int)


def _drawn(
    figure: Callable[[np.ndarray], np.ndarray],
    clusters: np.ndarray,
    n_clusters: int,
    seed: int,
) -> Figure:
    """A figure of weights ``(n_draws, n_rows)`` and its interval over clusters."""
    drawn = np.concatenate([figure(weight) for weight in draws(clusters, _N_DRAWS, seed)])
    value = float(figure(np.ones((1, len(clusters))))[0])
    return _figure(value, *interval(drawn[~np.isnan(drawn)], n_clusters))


def _figure(value: float, low: float, high: float) -> Figure:
    known = (None if math.isnan(number) else float(number) for number in (value, low, high))
    return dict(zip(("value", "low", "high"), known, strict=True))
