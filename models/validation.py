"""Cross-validation without leakage: what a detector would have said about videos it never saw."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.audit import audit_shortcuts
from models.breakdown import break_down, quality_levels
from models.calibration import SoftVote
from models.classifiers import MAKERS, check_classifier, check_seed
from models.errors import HoldOutError, ModelsError, SettingError, TableError
from models.feature_table import read_training_table
from models.importance import family_importance, permuted_decisions
from models.metrics import FEWEST_CLUSTERS, auc, measure
from models.splitters import ALL, SPLITTERS, Split
from models.training_table import TrainingTable
from models.validation_report import ValidationReport
from models.versions import installed_versions
from models.video_rows import mean_by_video

_NAMED_BY_COLUMN = ("method", "dataset", "compression")
IMPORTANCE_COLUMNS = ("classifier", "family", "n_features", "auc_drop", "low", "high")
CHOICE_COLUMNS = ("classifier", "trained_on", "fold", "parameter", "value")


@dataclass(frozen=True)
class _Plan:
    """What to do with each fold."""

    names: list[str]
    seed: int
    search: bool
    importance: bool


@dataclass(frozen=True)
class _Tested:
    """What one classifier said of the videos of one fold.

    ``decision`` and ``probability`` are ``(n_videos,)``; ``permuted`` is what
    :func:`models.importance.permuted_decisions` returns.
    """

    decision: np.ndarray
    probability: np.ndarray
    chosen: dict[str, object]
    permuted: dict[str, np.ndarray] = field(default_factory=dict)


# By classifier.
_Fold = dict[str, _Tested]


def cross_validate(
    table: str | os.PathLike | pd.DataFrame,
    hold_out: str = "group",
    classifier: str | Sequence[str] = "all",
    n_folds: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
    condition_on_quality: bool = False,
    search: bool = False,
    importance: bool = False,
    audit: bool = True,
) -> ValidationReport:
    """Score every video by a classifier that saw nothing of its group.

    Where a row of the table is a window, the decision value of a video is the mean over its
    windows, and all figures are of videos.

    Parameters
    ----------
    table : path or pandas.DataFrame
        See :func:`models.feature_table.read_training_table`.
    hold_out : str
        What the classifier has not seen: ``group`` (a person or source), ``method`` (a way of
        manipulating), ``single_method`` (train on one method, test on each), ``dataset``,
        ``compression``, ``split`` (the official one). No group is ever on both sides. See
        :mod:`models.splitters`.
    classifier : str or sequence of str
        ``svm``, ``mlp``, ``xgboost``, ``committee``, several of them, or ``all``.
    n_folds : int
        At most so many folds, fewer where a class has fewer groups.
    seed : int
        Of folds, classifiers and intervals.
    n_jobs : int
        Processes; -1 for one per core. The report is the same for any number.
    condition_on_quality : bool
        Whether features are told beside what authentic video of the same quality shows, learnt in
        each fold anew. See :mod:`models.conditioning`.
    search : bool
        Whether hyper-parameters and the share of features are chosen, in each fold anew, on groups
        of its training part. See :mod:`models.search`.
    importance : bool
        Whether to measure what each family of features is worth. See :mod:`models.importance`.
    audit : bool
        Whether to ask first which shortcuts the table offers, and to hold out data sets too where
        the figures may be a fingerprint of the source. See :mod:`models.audit`.

    Raises
    ------
    TableError
        When the table cannot be learnt from.
    HoldOutError
        When there is nothing to hold out: a column is empty or has one value, groups are too few.
    UnknownClassifierError
        When there is no such classifier.
    SettingError
        When the seed is negative or the number of processes is 0.
    """
    check_seed(seed)
    if n_jobs == 0:
        raise SettingError("The number of processes must not be 0: give -1 for one per core.")
    names = list(MAKERS) if classifier == "all" else _as_list(classifier)
    for name in names:
        check_classifier(name)
    if hold_out not in SPLITTERS:
        raise HoldOutError(
            f"There is nothing called {hold_out!r} to hold out: choose one of "
            f"{', '.join(SPLITTERS)}."
        )
    data = read_training_table(table, condition_on_quality)
    plan = _Plan(names, seed, search, importance)
    report = _validated(data, hold_out, n_folds, plan, n_jobs)
    if not audit:
        return report
    found = audit_shortcuts(data, n_folds, seed)
    by_source = None
    if found.tells_source and hold_out != "dataset":
        try:
            by_source = _validated(
                data, "dataset", n_folds, replace(plan, importance=False), n_jobs
            )
        except HoldOutError as error:
            without = f"No figure with data sets held out: {error}"
            report = replace(report, remarks=(*report.remarks, without))
    return replace(report, audit=found, source_held_out=by_source)


def _validated(
    data: TrainingTable, hold_out: str, n_folds: int, plan: _Plan, n_jobs: int
) -> ValidationReport:
    videos = data.per_video()
    splits = list(SPLITTERS[hold_out](videos, n_folds, plan.seed))
    outcomes = Parallel(n_jobs=n_jobs)(delayed(_test_fold)(data, split, plan) for split in splits)
    splits, folds, remarks = _tested(splits, outcomes)
    scores = _score_table(videos, splits, folds, plan.names)
    if hold_out == "split":
        remarks.append(_remark_on_official_split(videos, splits[0]))
    n_held_out = len({split.held_out for split in splits})
    over = "group"
    if hold_out in _NAMED_BY_COLUMN and FEWEST_CLUSTERS <= n_held_out <= videos.n_groups:
        over = hold_out
    return ValidationReport(
        scores=scores,
        folds=_fold_table(scores, splits),
        metrics=_metric_table(scores, "group" if over == "group" else "held_out", plan.seed),
        breakdown=break_down(scores, plan.seed, n_jobs),
        quality_levels=quality_levels(scores, plan.seed, n_jobs),
        importance=_importance_table(scores, splits, folds, data, plan),
        choices=_choice_table(splits, folds, plan.names),
        audit=None,
        source_held_out=None,
        settings={
            "hold_out": hold_out,
            "n_folds": len({split.test.tobytes() for split in splits}),
            "folds_asked": n_folds,
            "intervals_over": over,
            "seed": plan.seed,
            "n_videos": videos.n_videos,
            "n_real": int((videos.is_fake == 0).sum()),
            "n_fake": int((videos.is_fake == 1).sum()),
            "n_groups": data.n_groups,
            "n_features": len(data.columns),
            "window_s": "whole videos" if data.window_s is None else data.window_s,
            "conditioned_on": ", ".join(data.covariate_columns) or "nothing",
            "searched": plan.search,
            "table_sha256": data.sha256,
            "versions": installed_versions(),
        },
        remarks=(*data.remarks, *remarks),
    )


def _as_list(classifier: str | Sequence[str]) -> list[str]:
    return [classifier] if isinstance(classifier, str) else list(dict.fromkeys(classifier))


def _test_fold(data: TrainingTable, split: Split, plan: _Plan) -> _Fold | ModelsError:
    """Return what is said of the test videos, or why nothing can be trained on the others."""
    train = np.isin(data.videos, split.train)
    test = np.isin(data.videos, split.test)
    inputs, videos = data.inputs, data.videos
    tested: _Fold = {}
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


def _test(fitted: Pipeline, inputs: np.ndarray, videos: np.ndarray) -> _Tested:
    decision = mean_by_video(fitted.decision_function(inputs), videos)
    chosen = getattr(fitted[-1], "chosen_", {})
    return _Tested(decision, fitted[-1].probability(decision), chosen)


def _tested(
    splits: list[Split], outcomes: list[_Fold | ModelsError]
) -> tuple[list[Split], list[_Fold], list[str]]:
    """Return the splits that could be trained on, their scores, and a remark for each other."""
    kept, folds, remarks = [], [], []
    for split, outcome in zip(splits, outcomes, strict=True):
        if isinstance(outcome, ModelsError):
            alone = "" if split.trained_on == ALL else f" with training on {split.trained_on!r}"
            remarks.append(
                f"{len(split.test)} videos of {split.held_out!r} are not tested{alone}. {outcome}"
            )
        else:
            kept.append(split)
            folds.append(outcome)
    if not kept:
        raise HoldOutError(f"Whatever is held out, the rest cannot be trained on. {outcomes[0]}")
    return kept, folds, remarks


def _with_members(name: str, pipeline: Pipeline) -> dict[str, Pipeline]:
    """Return the fitted pipeline and, for a vote, one for each member."""
    fitted = {name: pipeline}
    if isinstance(pipeline[-1], SoftVote):
        for member, classifier in pipeline[-1].members_.items():
            fitted[member] = Pipeline([*pipeline.steps[:-1], ("classify", classifier)])
    return fitted


def _score_table(
    videos: TrainingTable, splits: list[Split], folds: list[_Fold], names: list[str]
) -> pd.DataFrame:
    about = ["path", "label", "group", "method", "dataset", "compression"]
    numbers = _fold_numbers(splits)
    parts = []
    for classifier in names:
        for number, split, fold in zip(numbers, splits, folds, strict=True):
            rows = videos.meta.loc[split.test, about]
            tested = fold[classifier]
            rows = rows.assign(decision=tested.decision, probability=tested.probability)
            for i, (name, value) in enumerate(
                {
                    "classifier": classifier,
                    "trained_on": split.trained_on,
                    "fold": number,
                    "held_out": split.held_out,
                }.items()
            ):
                rows.insert(i, name, value)
            parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def _fold_numbers(splits: list[Split]) -> list[int]:
    """Return the number of each split, counted from 1 for each method that is trained on."""
    return [
        sum(before.trained_on == split.trained_on for before in splits[: i + 1])
        for i, split in enumerate(splits)
    ]


def _fold_table(scores: pd.DataFrame, splits: list[Split]) -> pd.DataFrame:
    n_train = {
        (split.trained_on, number): len(split.train)
        for number, split in zip(_fold_numbers(splits), splits, strict=True)
    }
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


def _metric_table(scores: pd.DataFrame, clusters: str, seed: int) -> pd.DataFrame:
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


def _importance_table(
    scores: pd.DataFrame, splits: list[Split], folds: list[_Fold], data: TrainingTable, plan: _Plan
) -> pd.DataFrame:
    if not plan.importance:
        return pd.DataFrame(columns=list(IMPORTANCE_COLUMNS))
    of_all = [fold for split, fold in zip(splits, folds, strict=True) if split.trained_on == ALL]
    parts = []
    for classifier, part in scores[scores["trained_on"] == ALL].groupby("classifier", sort=False):
        permuted = [fold[classifier].permuted for fold in of_all]
        found = family_importance(
            (part["label"] == "fake").to_numpy(dtype=int),
            part["decision"].to_numpy(),
            {
                family: np.hstack([of_fold[family] for of_fold in permuted])
                for family in permuted[0]
            },
            data.columns,
            part["group"].to_numpy(dtype=str),
            part["fold"].to_numpy(),
            part["held_out"].to_numpy(dtype=str),
            seed=plan.seed,
        )
        found.insert(0, "classifier", classifier)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def _choice_table(splits: list[Split], folds: list[_Fold], names: list[str]) -> pd.DataFrame:
    rows = [
        (classifier, split.trained_on, number, parameter, str(value))
        for classifier in names
        for number, split, fold in zip(_fold_numbers(splits), splits, folds, strict=True)
        for parameter, value in fold[classifier].chosen.items()
    ]
    return pd.DataFrame(rows, columns=list(CHOICE_COLUMNS))


def _remark_on_official_split(videos: TrainingTable, split: Split) -> str:
    n_left_out = videos.n_videos - len(split.train) - len(split.test)
    return (
        f"Trained on {len(split.train)} videos of the split train and tested on {len(split.test)} "
        f"of test; {n_left_out} are left out, as they are of another split or share a group with "
        "the test."
    )
