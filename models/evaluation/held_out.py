"""What classifiers say of videos that are held out: fold by fold, and the tables made of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.classifier_options import (
    hears_the_same_in_a_vote,
    taken_inputs,
    takes_features,
    takes_series,
)
from models.classifiers import MAKERS, VOTES
from models.errors import HoldOutError, TableError
from models.evaluation.importance import family_importance, family_of, permuted_decisions
from models.learning.inputs import Inputs
from models.learning.video_rows import mean_by_video
from models.metrics import auc, measure
from models.splitters import ALL, Split
from models.table.series import series_columns
from models.table.training_table import LABELS, TrainingTable

IMPORTANCE_COLUMNS = ("classifier", "family", "n_features", "auc_drop", "low", "high")
CHOICE_COLUMNS = ("classifier", "trained_on", "fold", "parameter", "value")
_ABOUT_VIDEO = ("path", "label", "group", "method", "dataset", "compression")


@dataclass(frozen=True)
class Plan:
    """What to do in each fold: the classifiers' names, and whether to search and to exchange.

    ``members`` are those of the classifiers that vote.
    """

    names: list[str]
    seed: int
    search: bool
    importance: bool
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tested:
    """What one classifier said of the videos of one fold.

    ``decision`` and ``probability`` are ``(n_videos,)``; ``chosen`` is what a search chose, and
    ``permuted`` what :func:`models.evaluation.importance.permuted_decisions` returns.
    """

    decision: np.ndarray
    probability: np.ndarray
    chosen: dict[str, object]
    permuted: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Fold:
    """One split, its number among those of the same training, and what each classifier said."""

    number: int
    split: Split
    tested: dict[str, Tested]


def test_folds(
    data: TrainingTable, splits: Iterable[Split], plan: Plan, n_jobs: int
) -> tuple[list[Fold], list[str]]:
    """Train and test on every split of the videos of ``data``.

    Returns
    -------
    (list of Fold, list of str)
        Folds that could be trained on, and a remark for each other.

    Raises
    ------
    HoldOutError
        When there is none.
    """
    splits = list(splits)
    outcomes = Parallel(n_jobs=n_jobs)(delayed(_test_fold)(data, split, plan) for split in splits)
    folds, remarks, seen = [], [], {}
    for split, outcome in zip(splits, outcomes, strict=True):
        seen[split.trained_on] = seen.get(split.trained_on, 0) + 1
        if isinstance(outcome, dict):
            folds.append(Fold(seen[split.trained_on], split, outcome))
            continue
        alone = "" if split.trained_on == ALL else f" with training on {split.trained_on!r}"
        remarks.append(
            f"{len(split.test)} videos of {split.held_out!r} are not tested{alone}. {outcome}"
        )
    if not folds:
        raise HoldOutError(f"Whatever is held out, the rest cannot be trained on. {outcomes[0]}")
    return folds, remarks


def _test_fold(
    data: TrainingTable, split: Split, plan: Plan
) -> dict[str, Tested] | HoldOutError | TableError:
    """Return what is said of the test videos, or why nothing can be trained on the others."""
    train = np.isin(data.videos, split.train)
    test = np.isin(data.videos, split.test)
    layout, X = taken_inputs(data, plan.names, plan.members)
    videos = data.videos
    labels = np.unique(data.is_fake[train])
    if len(labels) < len(LABELS):
        known = " and ".join(LABELS[label] for label in labels) or "no"
        return HoldOutError(f"All other videos are {known}, and training needs both classes.")
    tested: dict[str, Tested] = {}
    # The order of sums in a threaded product depends on the number of threads.
    with threadpool_limits(limits=1):
        try:
            fitted = _fitted(
                plan, layout, X[train], data.is_fake[train], data.groups[train], videos[train]
            )
        except (HoldOutError, TableError) as error:
            return error
        for name, pipeline in fitted.items():
            tested[name] = _test(pipeline, X[test], videos[test])
            if plan.importance and split.trained_on == ALL:
                columns = _taken_columns(data, layout, name, plan.members)
                permuted = permuted_decisions(
                    pipeline, X[test], columns, plan.seed, videos=videos[test]
                )
                tested[name] = replace(tested[name], permuted=permuted)
    return tested


def _fitted(
    plan: Plan,
    layout: Inputs,
    X: np.ndarray,
    is_fake: np.ndarray,
    groups: np.ndarray,
    videos: np.ndarray,
) -> dict[str, Pipeline]:
    """Return every classifier of the plan, fitted; what several of them share is fitted once."""

    def fit(name: str, **told: object) -> Pipeline:
        return MAKERS[name](layout, plan.seed, plan.search, plan.members).fit(
            X, is_fake, classify__groups=groups, classify__videos=videos, **told
        )

    votes = [name for name in plan.names if name in VOTES]
    alone = [name for name in plan.names if name not in VOTES]
    shared = [name for name in plan.members if hears_the_same_in_a_vote(name, plan.members)]
    fitted = {name: fit(name) for name in dict.fromkeys([*(shared if votes else ()), *alone])}
    members = {name: fitted[name][-1] for name in shared if name in fitted}
    fitted |= {name: fit(name, classify__fitted=members) for name in votes}
    return {name: fitted[name] for name in plan.names}


def _taken_columns(
    data: TrainingTable, layout: Inputs, name: str, members: tuple[str, ...]
) -> list[str]:
    """Return the names of the inputs, empty for those that the classifier does not look at.

    Covariates are never exchanged: the quality of a video is what its features are told beside.
    """
    features = data.columns if takes_features([name], members) else [""] * layout.n_features
    series = series_columns(layout.signals, layout.n_steps)
    if not takes_series([name], members):
        series = [""] * layout.n_series
    return [*features[: layout.n_features], *[""] * layout.n_covariates, *series]


def _test(fitted: Pipeline, X: np.ndarray, videos: np.ndarray) -> Tested:
    decision = mean_by_video(fitted.decision_function(X), videos)
    return Tested(decision, fitted[-1].probability(decision), fitted[-1].chosen_)


def score_table(videos: TrainingTable, folds: list[Fold], names: list[str]) -> pd.DataFrame:
    """Return ``scores`` of a report; ``videos`` has one row per video."""
    parts = []
    for classifier in names:
        for fold in folds:
            tested = fold.tested[classifier]
            rows = videos.meta.loc[fold.split.test, list(_ABOUT_VIDEO)]
            rows = rows.assign(
                classifier=classifier,
                trained_on=fold.split.trained_on,
                fold=fold.number,
                held_out=fold.split.held_out,
                decision=tested.decision,
                probability=tested.probability,
            )
            parts.append(rows)
    first = ["classifier", "trained_on", "fold", "held_out"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *_ABOUT_VIDEO, "decision", "probability"]]


def fold_table(scores: pd.DataFrame, folds: list[Fold]) -> pd.DataFrame:
    """Return ``folds`` of a report."""
    n_train = {(fold.split.trained_on, fold.number): len(fold.split.train) for fold in folds}
    rows = []
    for names, part in scores.groupby(["classifier", "trained_on", "fold"], sort=False):
        is_fake = (part["label"] == "fake").to_numpy(dtype=int)
        rows.append(
            {
                "classifier": names[0],
                "trained_on": names[1],
                "fold": names[2],
                "held_out": part["held_out"].iloc[0],
                "n_train": n_train[names[1:]],
                "n_real": int((is_fake == 0).sum()),
                "n_fake": int(is_fake.sum()),
                "auc": auc(is_fake, part["decision"].to_numpy()),
            }
        )
    return pd.DataFrame(rows)


def metric_table(scores: pd.DataFrame, clusters: str, seed: int) -> pd.DataFrame:
    """Return ``metrics`` of a report, with intervals over the column ``clusters`` of ``scores``."""
    parts = []
    for names, part in scores.groupby(["classifier", "trained_on"], sort=False):
        measured = measure(
            (part["label"] == "fake").to_numpy(dtype=int),
            part["decision"].to_numpy(),
            part["probability"].to_numpy(),
            part["group"].to_numpy(dtype=str),
            part["fold"].to_numpy(),
            part["held_out"].to_numpy(dtype=str),
            part[clusters].to_numpy(dtype=str),
            seed=seed,
        )
        measured.insert(0, "classifier", names[0])
        measured.insert(1, "trained_on", names[1])
        parts.append(measured)
    return pd.concat(parts, ignore_index=True)


def importance_table(
    scores: pd.DataFrame, folds: list[Fold], data: TrainingTable, plan: Plan
) -> pd.DataFrame:
    """Return ``importance`` of a report, without a row where the plan does not ask for it."""
    if not plan.importance:
        return pd.DataFrame(columns=list(IMPORTANCE_COLUMNS))
    columns = [*data.columns, *series_columns(data.signals, data.n_steps)]
    parts = []
    for classifier, part in scores[scores["trained_on"] == ALL].groupby("classifier", sort=False):
        permuted = [
            fold.tested[classifier].permuted for fold in folds if fold.split.trained_on == ALL
        ]
        found = family_importance(
            (part["label"] == "fake").to_numpy(dtype=int),
            part["decision"].to_numpy(),
            {family: np.hstack([one[family] for one in permuted]) for family in permuted[0]},
            [name for name in columns if family_of(name) in permuted[0]],
            part["group"].to_numpy(dtype=str),
            part["fold"].to_numpy(),
            part["held_out"].to_numpy(dtype=str),
            seed=plan.seed,
        )
        found.insert(0, "classifier", classifier)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def choice_table(folds: list[Fold], names: list[str]) -> pd.DataFrame:
    """Return ``choices`` of a report."""
    rows = [
        (classifier, fold.split.trained_on, fold.number, parameter, str(value))
        for classifier in names
        for fold in folds
        for parameter, value in fold.tested[classifier].chosen.items()
    ]
    return pd.DataFrame(rows, columns=list(CHOICE_COLUMNS))
