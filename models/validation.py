"""Cross-validation without leakage: what a detector would have said about videos it never saw."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.calibration import SoftVote
from models.classifiers import MAKERS, check_classifier, check_seed
from models.errors import HoldOutError, ModelsError, SettingError, TableError
from models.feature_table import TrainingTable, read_training_table
from models.metrics import FEWEST_CLUSTERS, auc, measure
from models.splitters import SPLITTERS, Split
from models.versions import installed_versions

# Decision values and probabilities of the test rows of a fold, by classifier.
FoldScores = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class ValidationReport:
    """What a cross-validation found.

    Attributes
    ----------
    scores : pandas.DataFrame
        One row per classifier and tested video: ``classifier, fold, held_out, path, label, group,
        decision, probability``. The decision value ranks videos of one fold; the probability
        was calibrated inside the training part of the fold.
    folds : pandas.DataFrame
        One row per classifier and fold: ``classifier, fold, held_out, n_train, n_real, n_fake,
        auc``. The last three are of the test part; the AUC is NaN where it holds one class.
    metrics : pandas.DataFrame
        One row per classifier and metric: ``classifier, metric, value, low, high, n_counted,
        n_all`` with 95 % intervals over what is held out: other groups, methods or data sets
        could have been. Where these are more than there are groups, over the groups. See
        :func:`models.metrics.measure`. Three figures of ranking, because each hides something.
        ``auc_pooled`` compares videos of different folds, and where the share of fakes differs
        between folds it can lie far below 0.5 for a classifier that is right in each of them.
        ``auc_mean_of_folds`` compares within folds and counts each held-out name once,
        ``auc_within_group`` compares within a person or source inside a fold.
    settings : dict
        ``hold_out``, ``n_folds`` (those that were tested), ``intervals_over``, ``seed``, counts,
        ``table_sha256`` (empty for a table from memory) and versions.
    remarks : tuple of str
        What was left out, one sentence each.
    """

    scores: pd.DataFrame
    folds: pd.DataFrame
    metrics: pd.DataFrame
    settings: dict[str, object]
    remarks: tuple[str, ...]

    def to_text(self) -> str:
        """Return metrics, AUC of each fold, settings and remarks as plain text."""
        figures = self.metrics[["value", "low", "high"]].to_numpy()
        table = self._by_classifier(
            self.metrics.assign(text=[interval_text(*row) for row in figures]), ["metric"], "text"
        )
        figures_text = table.to_string(index=False)
        return f"{figures_text}\n{self.intervals_text}\n\n{self.details_text()}"

    def details_text(self) -> str:
        """Return AUC of each fold, settings and remarks as plain text."""
        about_fold = ["fold", "held_out", "n_real", "n_fake"]
        folds = self._by_classifier(self.folds, about_fold, "auc").to_string(
            index=False, float_format="{:.3f}".format, na_rep="-"
        )
        settings = [f"{name}: {value}" for name, value in self.settings.items()]
        details = [*self._rests_on(), *settings, *self.remarks]
        return f"AUC by fold\n{folds}\n\n" + "\n".join(details) + "\n"

    @property
    def intervals_text(self) -> str:
        """What the intervals are, as a caption."""
        drawn = f"{self.settings['intervals_over']}s"
        return f"95 % intervals over {drawn}; none where fewer than {FEWEST_CLUSTERS} count"

    def _rests_on(self) -> list[str]:
        """Return on how many parts the means rest; that is the same for each classifier."""
        counts = self.metrics.drop_duplicates("metric").set_index("metric")
        held_out = "folds" if self.settings["hold_out"] == "group" else "held-out names"
        return [
            f"{name} rests on {counts.loc[name, 'n_counted']} of {counts.loc[name, 'n_all']} "
            f"{parts}: those with both classes."
            for name, parts in (
                ("auc_within_group", "groups in a fold"),
                ("auc_mean_of_folds", held_out),
            )
        ]

    def _by_classifier(self, long: pd.DataFrame, rows: list[str], value: str) -> pd.DataFrame:
        """Return one column per classifier beside the columns ``rows``."""
        wide = long[rows].drop_duplicates()
        for name, part in long.groupby("classifier", sort=False):
            wide = wide.merge(part[[*rows, value]].rename(columns={value: name}), on=rows)
        return wide


def interval_text(value: float, low: float, high: float) -> str:
    """Return ``value [low, high]`` with three decimals, without what is not defined."""
    if np.isnan(value):
        return "-"
    if np.isnan(low):
        return f"{value:.3f}"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def cross_validate(
    table: str | os.PathLike | pd.DataFrame,
    hold_out: str = "group",
    classifier: str | Sequence[str] = "all",
    n_folds: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
    condition_on_quality: bool = False,
) -> ValidationReport:
    """Score every video by a classifier that saw nothing of its group.

    Parameters
    ----------
    table : path or pandas.DataFrame
        See :func:`models.feature_table.read_training_table`.
    hold_out : str
        What the classifier has not seen: ``group`` (a person or source), ``method`` (a way of
        manipulating), ``dataset``, ``compression``. No group is ever on both sides.
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
    splits = list(SPLITTERS[hold_out](data, n_folds, seed))
    outcomes = Parallel(n_jobs=n_jobs)(
        delayed(_score_fold)(data, split, names, seed) for split in splits
    )
    splits, fold_scores, remarks = _tested(splits, outcomes)
    scores = _score_table(data, splits, fold_scores, names)
    drawn = hold_out if len({name for name, _, _ in splits}) <= data.n_groups else "group"
    return ValidationReport(
        scores=scores,
        folds=_fold_table(scores, splits),
        metrics=_metric_table(scores, "group" if drawn == "group" else "held_out", seed),
        settings={
            "hold_out": hold_out,
            "n_folds": len(splits),
            "intervals_over": drawn,
            "seed": seed,
            "n_videos": data.n_videos,
            "n_real": int((data.is_fake == 0).sum()),
            "n_fake": int((data.is_fake == 1).sum()),
            "n_groups": data.n_groups,
            "n_features": len(data.columns),
            "conditioned_on": ", ".join(data.covariate_columns) or "nothing",
            "table_sha256": data.sha256,
            "versions": installed_versions(),
        },
        remarks=(*data.remarks, *remarks),
    )


def _as_list(classifier: str | Sequence[str]) -> list[str]:
    return [classifier] if isinstance(classifier, str) else list(dict.fromkeys(classifier))


def _score_fold(
    data: TrainingTable, split: Split, names: list[str], seed: int
) -> FoldScores | ModelsError:
    """Return the scores of the test rows, or why nothing can be trained on the others."""
    _, train, test = split
    scores: FoldScores = {}
    inputs = data.inputs
    with threadpool_limits(limits=1):
        # The committee holds the very same members, so they are not fitted again.
        for name in sorted(names, key=lambda name: name != "committee"):
            if name in scores:
                continue
            pipeline = MAKERS[name](seed, len(data.covariate_columns))
            try:
                pipeline.fit(
                    inputs[train], data.is_fake[train], classify__groups=data.groups[train]
                )
            except (HoldOutError, TableError) as error:
                return error
            for part, fitted in _with_members(name, pipeline).items():
                scores[part] = (
                    fitted.decision_function(inputs[test]),
                    fitted.predict_proba(inputs[test])[:, 1],
                )
    return {name: scores[name] for name in names}


def _tested(
    splits: list[Split], outcomes: list[FoldScores | ModelsError]
) -> tuple[list[Split], list[FoldScores], list[str]]:
    """Return the splits that could be trained on, their scores, and a remark for each other."""
    kept, scores, remarks = [], [], []
    for split, outcome in zip(splits, outcomes, strict=True):
        if isinstance(outcome, ModelsError):
            name, _, test = split
            remarks.append(f"{len(test)} videos of {name!r} are not tested. {outcome}")
        else:
            kept.append(split)
            scores.append(outcome)
    if not kept:
        raise HoldOutError(f"Whatever is held out, the rest cannot be trained on. {outcomes[0]}")
    return kept, scores, remarks


def _with_members(name: str, pipeline: Pipeline) -> dict[str, Pipeline]:
    """Return the fitted pipeline and, for a vote, one for each member."""
    fitted = {name: pipeline}
    if isinstance(pipeline[-1], SoftVote):
        for member, classifier in pipeline[-1].members_.items():
            fitted[member] = Pipeline([*pipeline.steps[:-1], ("classify", classifier)])
    return fitted


def _score_table(
    data: TrainingTable,
    splits: list[Split],
    fold_scores: list[FoldScores],
    names: list[str],
) -> pd.DataFrame:
    parts = []
    for classifier in names:
        for fold, ((held_out, _, test), scores) in enumerate(
            zip(splits, fold_scores, strict=True), 1
        ):
            decision, probability = scores[classifier]
            rows = data.meta.loc[test, ["path", "label", "group"]]
            parts.append(
                pd.DataFrame(
                    {"classifier": classifier, "fold": fold, "held_out": held_out}, index=test
                )
                .join(rows)
                .assign(decision=decision, probability=probability)
            )
    return pd.concat(parts, ignore_index=True)


def _fold_table(scores: pd.DataFrame, splits: list[Split]) -> pd.DataFrame:
    rows = []
    for (classifier, fold), part in scores.groupby(["classifier", "fold"], sort=False):
        is_fake = (part["label"] == "fake").to_numpy(dtype=int)
        rows.append(
            {
                "classifier": classifier,
                "fold": fold,
                "held_out": part["held_out"].iloc[0],
                "n_train": len(splits[fold - 1][1]),
                "n_real": int((is_fake == 0).sum()),
                "n_fake": int(is_fake.sum()),
                "auc": auc(is_fake, part["decision"].to_numpy()),
            }
        )
    return pd.DataFrame(rows)


def _metric_table(scores: pd.DataFrame, clusters: str, seed: int) -> pd.DataFrame:
    parts = []
    for classifier, part in scores.groupby("classifier", sort=False):
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
        measured.insert(0, "classifier", classifier)
        parts.append(measured)
    return pd.concat(parts, ignore_index=True)
