"""Whether the source of a video gives its label away, and the features its source.

A detector trained on such a table can be right without looking at the face: it learns which
camera, site or program a video has passed through (Torralba and Efros 2011, "Unbiased look at
dataset bias": name the data set of an image).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils.class_weight import compute_sample_weight

from models.audit.finding import Finding, compared_with_chance, is_beyond_chance
from models.classifiers import make_svm
from models.errors import HoldOutError, TableError
from models.learning.conditioning import QualityConditioner
from models.learning.group_folds import group_folds
from models.learning.inputs import Inputs
from models.metrics import FEWEST_CLUSTERS, draws, measure
from models.table.matrix import watched_columns
from models.table.training_table import TrainingTable

_CHANCE_AUC = 0.5
_N_RESAMPLES = 1000
_LACKING = "share of features that are missing"


class SourceTold(NamedTuple):
    """How well features tell the source: balanced accuracy with its 95 % interval, and chance."""

    value: float
    low: float
    high: float
    chance: float


def source_told(table: TrainingTable, n_folds: int = 5, seed: int = 0) -> SourceTold:
    """Return how well features tell the source of authentic videos of unseen people.

    Balanced accuracy of the support vector machine, over the sources (``dataset``) with at least
    ``n_folds`` people. Features are conditioned on the covariates of the table, if it has any,
    learnt anew for each fold. All NaN where there are fewer than two such sources.
    """
    source = table.meta["dataset"].to_numpy(dtype=str)
    real = (table.is_fake == 0) & (source != "")
    n_people = pd.Series(table.groups[real]).groupby(source[real]).nunique()
    sources = n_people.index[n_people >= n_folds]
    if len(sources) < 2:
        return SourceTold(np.nan, np.nan, np.nan, np.nan)
    rows = real & np.isin(source, sources)
    inputs, source, groups = table.inputs[rows], source[rows], table.groups[rows]
    n_covariates = len(table.covariate_columns)
    told = np.empty_like(source)
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for train, test in folds.split(inputs, source, groups):
        seen, unseen = inputs[train], inputs[test]
        if n_covariates:
            conditioner = QualityConditioner(n_covariates)
            conditioner.fit(seen, np.zeros(len(seen)), groups[train])
            seen, unseen = conditioner.transform(seen), conditioner.transform(unseen)
        classifier = clone(make_svm(Inputs(seen.shape[1]), seed)[-1].estimator)
        weight = compute_sample_weight("balanced", source[train])
        classifier.fit(seen, source[train], model__sample_weight=weight)
        told[test] = classifier.predict(unseen)
    low, high = _interval_of_balanced_accuracy(told == source, source, groups, seed)
    value = float(balanced_accuracy_score(source, told))
    return SourceTold(value, low, high, 1 / len(sources))


def _interval_of_balanced_accuracy(
    is_right: np.ndarray, source: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[float, float]:
    """Return the 95 % interval over groups; a source that is not drawn does not count."""
    if len(np.unique(groups)) < FEWEST_CLUSTERS:
        return np.nan, np.nan
    of_source = source[:, None] == np.unique(source)
    weight = np.concatenate(list(draws(groups, _N_RESAMPLES, seed)))
    right, drawn = weight @ (of_source & is_right[:, None]), weight @ of_source
    recall = right / np.maximum(drawn, 1)
    resampled = recall.sum(axis=1) / (drawn > 0).sum(axis=1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def with_all_quality(table: TrainingTable) -> TrainingTable:
    """Return the table with all that tells how well a video could be measured as its quality.

    Beside the columns ``quality`` these are the covariates, which are no features and so are not
    asked about elsewhere, and the share of features that a row lacks: gaps spread over a thousand
    columns tell in no single one. Networks, whose numbers are missing all together, are not asked
    about. To be taken before the mean of windows hides which have gaps.
    """
    known = set(table.quality_columns)
    others = [i for i, name in enumerate(table.covariate_columns) if name not in known]
    watched = watched_columns(table.columns, np.ones(len(table.columns), dtype=bool))
    lacking = np.isnan(table.features[:, watched]).mean(axis=1)
    return replace(
        table,
        quality=np.hstack([table.quality, table.covariates[:, others], lacking[:, None]]),
        quality_columns=(
            *table.quality_columns,
            *(table.covariate_columns[i] for i in others),
            _LACKING,
        ),
    )


def quality_tells_label(table: TrainingTable, n_folds: int, seed: int) -> Finding:
    """Return how well the measures of quality alone rank fakes above reals of unseen groups.

    A support vector machine on the columns ``quality`` of a table :func:`with_all_quality`, and on
    which of these are missing.
    """
    about = ("quality_tells_label", "Do the measures of quality alone tell fakes from reals?")
    measures = np.hstack([table.quality, np.isnan(table.quality)])
    measures = measures[:, [_varies(column) for column in measures.T]]
    if not measures.shape[1]:
        reason = "the table has no measure of quality that differs between videos."
        return Finding.unknown(*about, "AUC", reason)

    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        classifier = clone(make_svm(Inputs(measures.shape[1]), seed)[-1].estimator)
        weight = compute_sample_weight("balanced", table.is_fake[train])
        try:
            classifier.fit(measures[train], table.is_fake[train], model__sample_weight=weight)
        except TableError:
            # All that differs is in the groups held out, so there is nothing to know them by.
            return np.zeros(len(test))
        return classifier.decision_function(measures[test])

    n_measured = len(set(table.quality_columns) - {_LACKING})
    beside = "what features are conditioned on, and " if table.covariate_columns else "and "
    what = (
        (
            f"Measures of how a video was taken and packed ({n_measured} columns, such as face "
            f"size, blur, bit rate and length, {beside}the {_LACKING}), without any feature that "
            "is trained on, tell fakes from reals"
        )
        if n_measured
        else f"The {_LACKING} in a video, and nothing else, tells fakes from reals"
    )
    return _auc_finding(table, about, score, what, n_folds, seed)


def source_tells_label(table: TrainingTable, n_folds: int, seed: int) -> Finding:
    """Return how well the source alone ranks fakes above reals of unseen groups.

    The score of a video is the share of fakes among the training videos of its source, with one
    more video of the overall share added to each source. Videos without a source count as of one
    more: that nothing is known of where they are from can tell as much as a name.
    """
    about = ("source_tells_label", "Does the source of a video alone tell its label?")
    source = table.meta["dataset"].to_numpy(dtype=str)
    n_unnamed = int((source == "").sum())
    names, which = np.unique(source, return_inverse=True)
    n_sources = len(names)
    if n_sources < 2:
        reason = "the column dataset names no source." if n_unnamed else "there is one source."
        return Finding.unknown(*about, "AUC", reason, "Fill in where each video is from.")

    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        n_fake = np.bincount(which[train], table.is_fake[train], n_sources)
        n_all = np.bincount(which[train], minlength=n_sources)
        return ((n_fake + table.is_fake[train].mean()) / (n_all + 1))[which[test]]

    if not n_unnamed:
        what = f"Which of {n_sources} data sets a video is from, and nothing else,"
        return _auc_finding(table, about, score, f"{what} tells fakes from reals", n_folds, seed)
    what = (
        f"Which data set a video is from ({n_sources - 1} named, none for {n_unnamed} of "
        f"{len(source)} videos), and nothing else, tells fakes from reals"
    )
    found = _auc_finding(table, about, score, what, n_folds, seed)
    # Data sets can be held out, as a warning asks for, only where all are named.
    return replace(found, advice=f"{found.advice} Fill in the column dataset.".lstrip())


def features_tell_source(table: TrainingTable, n_folds: int, seed: int) -> Finding:
    """Return how well the features tell the source of authentic videos of unseen groups."""
    about = ("features_tell_source", "Do the features tell the source of authentic videos?")
    unit = "balanced accuracy"
    try:
        told = source_told(table, n_folds, seed)
    except TableError as error:
        return Finding.unknown(*about, unit, str(error))
    if np.isnan(told.value):
        reason = (
            f"that takes at least two data sets with authentic videos of {n_folds} people or more "
            "each, and the columns dataset and group filled in."
        )
        return Finding.unknown(*about, unit, reason)
    n_sources = round(1 / told.chance)
    interval = "" if np.isnan(told.low) else f" [{100 * told.low:.0f}, {100 * told.high:.0f}]"
    found = (
        f"The features tell which of {n_sources} data sets an authentic video of an unseen person "
        f"is from in {100 * told.value:.0f} %{interval} of cases, all data sets counting alike"
    )
    is_warning = is_beyond_chance(told.low, told.chance)
    if is_warning:
        summary = f"{found}; chance is {100 * told.chance:.0f} %."
        advice = (
            "Where data sets differ in their share of fakes, the AUC may be a fingerprint of the "
            f"source. {_what_to_do(table)}"
        )
    else:
        versus = compared_with_chance(told.low, told.high, told.chance)
        summary, advice = f"{found}, {versus} ({100 * told.chance:.0f} %).", ""
    return Finding(*about, unit, *told, is_warning, summary, advice)


def _what_to_do(table: TrainingTable) -> str:
    condition = "" if table.covariate_columns else "condition the features on quality; "
    return (
        f"Believe the figure with data sets held out first; {condition}collect real and fake "
        "videos of the same sources and quality."
    )


def _varies(column: np.ndarray) -> bool:
    known = column[~np.isnan(column)]
    return len(known) > 0 and known.max() > known.min()


def _auc_finding(
    table: TrainingTable,
    about: tuple[str, str],
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    what: str,
    n_folds: int,
    seed: int,
) -> Finding:
    """Return the AUC of ``score(train, test)`` with groups held out; of pairs inside a fold."""
    try:
        folds = group_folds(table.is_fake, table.groups, n_folds, seed)
    except HoldOutError as error:
        return Finding.unknown(*about, "AUC", str(error))
    scores, fold = np.empty(table.n_videos), np.empty(table.n_videos, dtype=int)
    for i, (train, test) in enumerate(folds):
        scores[test], fold[test] = score(train, test), i
    measured = measure(
        table.is_fake,
        scores,
        # Nothing is said of probabilities.
        np.full(len(scores), 0.5),
        table.groups,
        fold,
        np.zeros(len(scores)),
        n_resamples=_N_RESAMPLES,
        seed=seed,
    ).set_index("metric")
    value, low, high = map(float, measured.loc["auc_mean_of_folds", ["value", "low", "high"]])
    if np.isnan(value):
        reason = "no group that is held out can be compared with one of the other class."
        return Finding.unknown(*about, "AUC", reason)
    interval = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    found = f"{what} of people not seen in training with an AUC of {value:.2f}{interval}"
    is_warning = is_beyond_chance(low, _CHANCE_AUC)
    if is_warning:
        summary = f"{found}, where chance is {_CHANCE_AUC:.2f}."
        advice = (
            "A detector may rest on that rather than on the face: the AUC may be a fingerprint of "
            f"the source. {_what_to_do(table)}"
        )
    else:
        versus = compared_with_chance(low, high, _CHANCE_AUC)
        summary, advice = f"{found}, {versus} ({_CHANCE_AUC:.2f}).", ""
    return Finding(*about, "AUC", value, low, high, _CHANCE_AUC, is_warning, summary, advice)
