"""Cross-validation without leakage: what a detector would have said about videos it never saw."""

import os
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from threadpoolctl import threadpool_limits

from models.audit import audit_shortcuts
from models.classifier_options import (
    all_names,
    check_classifier,
    check_inputs,
    check_options,
    check_seed,
    checked_members,
    remarks_on_options,
    takes_features,
    takes_series,
)
from models.classifiers import MAKERS, TABULAR, VOTES
from models.errors import (
    HoldOutError,
    SettingError,
    UnknownClassifierError,
)
from models.evaluation.breakdown import break_down, quality_levels
from models.evaluation.held_out import (
    Fold,
    Plan,
    choice_table,
    fold_table,
    importance_table,
    metric_table,
    score_table,
    test_folds,
)
from models.evaluation.validation_report import ValidationReport
from models.learning.group_folds import check_n_folds
from models.metrics import FEWEST_CLUSTERS
from models.splitters import NAMED_BY_COLUMN, SPLITTERS
from models.table.feature_table import read_training_table
from models.table.training_table import TrainingTable
from models.versions import installed_versions


def cross_validate(
    table: str | os.PathLike | pd.DataFrame | TrainingTable,
    hold_out: str = "group",
    classifier: str | Sequence[str] = "all",
    n_folds: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
    condition_on_quality: bool = False,
    search: bool = False,
    importance: bool = False,
    audit: bool = True,
    members: str | Sequence[str] | None = None,
) -> ValidationReport:
    """Score every video by a classifier that saw nothing of its group.

    Where a row of the table is a window, the decision value of a video is the mean over its
    windows, and all figures are of videos.

    Parameters
    ----------
    table : path, pandas.DataFrame or TrainingTable
        See :func:`models.table.feature_table.read_training_table`, or what that returned, already
        read with or without conditioning.
    hold_out : str
        What the classifier has not seen: ``group`` (a person or source), ``method`` (a way of
        manipulating), ``single_method`` (train on one method, test on each), ``dataset``,
        ``compression``, ``split`` (the official one). No group is ever on both sides. See
        :mod:`models.splitters`.
    classifier : str or sequence of str
        ``svm``, ``mlp``, ``xgboost``, ``committee``, ``stacking``, ``sequences``, ``frames``,
        several of them, or ``all``: of the last two only where the table has signals over time.
    n_folds : int
        At most so many folds, fewer where a class has fewer groups.
    seed : int
        Of folds, classifiers and intervals.
    n_jobs : int
        Processes; -1 for one per core. The report is the same for any number.
    condition_on_quality : bool
        Whether features are told beside what authentic video of the same quality shows, learnt in
        each fold anew. See :mod:`models.learning.conditioning`.
    search : bool
        Whether hyper-parameters and the share of features are chosen, in each fold anew, on groups
        of its training part. See :mod:`models.learning.search`.
    importance : bool
        Whether to measure what each family of features is worth. See
        :mod:`models.evaluation.importance`.
    audit : bool
        Whether to ask first which shortcuts the table offers, and to hold out data sets too where
        the figures may be a fingerprint of the source. See :mod:`models.audit`.
    members : sequence of str, or their names joined by commas
        Of ``committee`` and ``stacking``; as for :func:`models.training.train`.

    Raises
    ------
    TableError
        When the table cannot be learnt from, lacks a feature that is asked for, or has no signals
        over time, or nothing that a network says, and a classifier needs it.
    HoldOutError
        When there is nothing to hold out: a column is empty or has one value, groups are too few.
    UnknownClassifierError
        When there is no such classifier.
    SettingError
        When the seed is negative, the number of processes neither positive nor -1, the members
        are fewer than two or named twice, or nothing that is asked for learns from features and
        these are to be conditioned, searched for or chosen, or features are to be chosen of a table
        that was read before.
    NotInstalledError
        When what learns from sequences is asked for by name, and not installed or not to be loaded.
    """
    check_seed(seed)
    check_n_folds(n_folds)
    if n_jobs == 0 or n_jobs < -1:
        raise SettingError(
            f"The number of processes must be 1 or more, or -1 for one per core, not {n_jobs}."
        )
    names = [*TABULAR, *VOTES] if classifier == "all" else _as_list(classifier)
    if not names:
        raise UnknownClassifierError(f"No classifier is named: choose from {', '.join(MAKERS)}.")
    for name in names:
        check_classifier(name)
    members = checked_members(members, names)
    if hold_out not in SPLITTERS:
        raise HoldOutError(
            f"There is nothing called {hold_out!r} to hold out: choose one of "
            f"{', '.join(SPLITTERS)}."
        )
    check_options(names, members, condition_on_quality, search)
    data = table
    if not isinstance(table, TrainingTable):
        series = classifier == "all" or takes_series(names, members)
        features = takes_features(names, members)
        data = read_training_table(table, condition_on_quality, series=series, features=features)
    names, left_out = all_names(data) if classifier == "all" else (names, [])
    check_inputs(data, names, members)
    remarks = [
        *left_out,
        *remarks_on_options(names, members, bool(data.covariate_columns), search),
    ]
    plan = Plan(names, seed, search, importance, members)
    # The order of sums in a threaded product depends on the number of threads.
    with threadpool_limits(limits=1):
        found = audit_shortcuts(data, n_folds, seed) if audit else None
        report = _validated(data, hold_out, n_folds, plan, n_jobs)
        report = replace(report, audit=found, remarks=(*report.remarks, *remarks))
        if found is None or not found.tells_source or hold_out == "dataset":
            return report
        try:
            plan = replace(plan, importance=False)
            by_source = _validated(data, "dataset", n_folds, plan, n_jobs)
        except HoldOutError as error:
            remark = f"No figure with data sets held out: {error}"
            return replace(report, remarks=(*report.remarks, remark))
        return replace(report, source_held_out=by_source)


def _as_list(classifier: str | Sequence[str]) -> list[str]:
    return [classifier] if isinstance(classifier, str) else list(dict.fromkeys(classifier))


def _validated(
    data: TrainingTable, hold_out: str, n_folds: int, plan: Plan, n_jobs: int
) -> ValidationReport:
    videos = data.per_video()
    folds, remarks = test_folds(data, SPLITTERS[hold_out](videos, n_folds, plan.seed), plan, n_jobs)
    scores = score_table(videos, folds, plan.names)
    features = takes_features(plan.names, plan.members)
    if hold_out == "split":
        remarks.append(_remark_on_official_split(videos, folds[0]))
    n_held_out = len({fold.split.held_out for fold in folds})
    over = "group"
    if hold_out in NAMED_BY_COLUMN and FEWEST_CLUSTERS <= n_held_out <= videos.n_groups:
        over = hold_out
    return ValidationReport(
        scores=scores,
        folds=fold_table(scores, folds),
        metrics=metric_table(scores, "group" if over == "group" else "held_out", plan.seed),
        breakdown=break_down(scores, plan.seed, n_jobs),
        quality_levels=quality_levels(scores, plan.seed, n_jobs),
        importance=importance_table(scores, folds, data, plan),
        choices=choice_table(folds, plan.names),
        audit=None,
        source_held_out=None,
        settings={
            "hold_out": hold_out,
            "n_folds": len({fold.split.test.tobytes() for fold in folds}),
            "folds_asked": n_folds,
            "intervals_over": over,
            "seed": plan.seed,
            "n_videos": videos.n_videos,
            "n_real": int((videos.is_fake == 0).sum()),
            "n_fake": int((videos.is_fake == 1).sum()),
            "n_groups": data.n_groups,
            "n_features": len(data.columns) if features else 0,
            "window_s": "whole videos" if data.window_s is None else data.window_s,
            "conditioned_on": (", ".join(data.covariate_columns) if features else "") or "nothing",
            "members": ", ".join(plan.members) or "none",
            "searched": plan.search,
            "table_sha256": data.sha256,
            "versions": installed_versions(),
        },
        remarks=(*data.remarks, *remarks),
    )


def _remark_on_official_split(videos: TrainingTable, fold: Fold) -> str:
    n_train, n_test = len(fold.split.train), len(fold.split.test)
    return (
        f"Trained on {n_train} videos of the split train and tested on {n_test} of test; "
        f"{videos.n_videos - n_train - n_test} are left out, as they are of another split or share "
        "a group with the test."
    )
