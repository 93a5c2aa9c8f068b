"""What classifiers say of videos that are held out: fold by fold, and the tables made of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.classifiers import MAKERS
from models.errors import HoldOutError, TableError
from models.evaluation.importance import family_importance, permuted_decisions
from models.learning.calibration import SoftVote
from models.learning.video_rows import mean_by_video
from models.metrics import auc, measure
from models.splitters import ALL, Split
from models.table.training_table import LABELS, TrainingTable

IMPORTANCE_COLUMNS = ("classifier", "family", "n_features", "auc_drop", "low", "high")
CHOICE_COLUMNS = ("classifier", "trained_on", "fold", "parameter", "value")
_ABOUT_VIDEO = ("path", "label", "group", "method", "dataset", "compression")


@dataclass(frozen=True)
class Plan:
    """What to do in each fold: the classifiers' names, and whether to search and to exchange."""

    names: list[str]
    seed: int
    search: bool
    importance: bool


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
    inputs, videos = data.inputs, data.videos
    labels = np.unique(data.is_fake[train])
    if len(labels) < len(LABELS):
        known = " and ".join(LABELS[label] for label in labels) or "no"
        return HoldOutError(f"All other videos are {known}, and training needs both classes.")
    tested: dict[str, Tested] = {}
    # The order of sums in a threaded product depends on the number of threads.
    with threadpool_limits(limits=1):
        # The committee holds the very same members, so they are not fitted again.
        for name in sorted(plan.names, key=lambda name: name != "committee"):
            if name in tested:
                continue
            pipeline = MAKERS[name](plan.seed, len(data.covariate_columns), plan.search)
            try:
                pipeline.fit(
                    inputs[train],
                    data.is_fake[train],
                    classify__groups=data.groups[train],
                    classify__videos=videos[train],
                )
            except (HoldOutError, TableError) as error:
                return error
            for part, fitted in _with_members(name, pipeline).items():
                tested[part] = _test(fitted, inputs[test], videos[test])
                if plan.importance and split.trained_on == ALL:
                    permuted = permuted_decisions(
                        fitted, inputs[test], data.columns, plan.seed, videos=videos[test]
                    )
                    tested[part] = replace(tested[part], permuted=permuted)
    return {name: tested[name] for name in plan.names}


def _test(fitted: Pipeline, inputs: np.ndarray, videos: np.ndarray) -> Tested:
    decision = mean_by_video(fitted.decision_function(inputs), videos)
    return Tested(decision, fitted[-1].probability(decision), fitted[-1].chosen_)


def _with_members(name: str, pipeline: Pipeline) -> dict[str, Pipeline]:
    """Return the fitted pipeline and, for a vote, one for each member."""
    fitted = {name: pipeline}
    if isinstance(pipeline[-1], SoftVote):
        for member, classifier in pipeline[-1].members_.items():
            fitted[member] = Pipeline([*pipeline.steps[:-1], ("classify", classifier)])
    return fitted


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
    scores: pd.DataFrame, folds: list[Fold], columns: tuple[str, ...], plan: Plan
) -> pd.DataFrame:
    """Return ``importance`` of a report, without a row where the plan does not ask for it."""
    if not plan.importance:
        return pd.DataFrame(columns=list(IMPORTANCE_COLUMNS))
    parts = []
    for classifier, part in scores[scores["trained_on"] == ALL].groupby("classifier", sort=False):
        permuted = [
            fold.tested[classifier].permuted for fold in folds if fold.split.trained_on == ALL
        ]
        found = family_importance(
            (part["label"] == "fake").to_numpy(dtype=int),
            part["decision"].to_numpy(),
            {family: np.hstack([one[family] for one in permuted]) for family in permuted[0]},
            columns,
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
