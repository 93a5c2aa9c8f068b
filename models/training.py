"""Feature table to detector."""

import os
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.classifier_options import (
    check_classifier,
    check_inputs,
    check_options,
    check_seed,
    checked_members,
    remarks_on_options,
    taken_inputs,
    takes_features,
    takes_series,
)
from models.classifiers import MAKERS, NETWORKS
from models.detector import Detector
from models.detector_parts import conditioner_of
from models.learning.calibration import CalibratedByGroup
from models.learning.conditioning import QualityConditioner
from models.learning.video_rows import mean_by_video
from models.learning.vote import SoftVote, Stacking
from models.table.feature_table import read_training_table
from models.table.known import usually_known
from models.table.lacking import networks_of
from models.table.matrix import is_by_hand
from models.table.series import series_columns
from models.table.training_table import TrainingTable
from models.thresholds import choose_thresholds
from models.versions import installed_versions

_NINE_IN_TEN = (0.05, 0.5, 0.95)
_N_FOLDS_OF_RESIDUALS = 5


def train(
    table: str | os.PathLike | pd.DataFrame,
    classifier: str = "committee",
    seed: int = 0,
    condition_on_quality: bool = False,
    search: bool = False,
    members: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Detector:
    """Fit a detector on all usable rows of a feature table.

    Probabilities are calibrated, and thresholds chosen, on decision values of groups that the
    classifier was not fitted on. Where a row is a window of a video, every video weighs the same
    however many windows it has, and its decision value is the mean of those of its windows.

    Parameters
    ----------
    table : path or pandas.DataFrame
        See :func:`models.table.feature_table.read_training_table`.
    classifier : str
        ``svm``, ``mlp``, ``xgboost`` or ``linear``; ``networks``, which learns from what networks
        say alone (``python -m featurize run --cnn ...``); ``sequences`` or ``frames``, which learn
        from the signals over time (``python -m featurize run --window 5 --series``); or
        ``committee``, the soft vote of several, or ``stacking``, in which each of several weighs
        what it is worth.
    seed : int
        Same table and seed, same detector.
    condition_on_quality : bool
        Whether features are told beside what authentic video of the same quality shows. See
        :mod:`models.learning.conditioning`.
    search : bool
        Whether hyper-parameters and the share of features are chosen on held-out groups. See
        :mod:`models.learning.search`.
    members : sequence of str, or their names joined by commas
        Of a ``committee`` or of ``stacking``, at least two of the others; by default ``svm``,
        ``mlp`` and ``xgboost``. Where ``networks`` is among them, the others learn from what is
        measured by hand alone.
    columns : sequence of str, optional
        Names of the features to learn from, all of the table by default. The detector asks for no
        others.

    Raises
    ------
    TableError
        When the table cannot be trained on, lacks a feature that is asked for, or has no signals
        over time, or nothing that a network says, and the classifier needs it.
    HoldOutError
        When a class has fewer than two groups.
    UnknownClassifierError
        When there is no such classifier, or no such member.
    SettingError
        When the seed is negative or too large, the members are fewer than two, named twice, or
        given for a classifier that has none, or nothing that is asked for learns from features and
        these are to be conditioned, searched for or chosen.
    NotInstalledError
        When what learns from sequences is not installed, or cannot be loaded.
    """
    check_classifier(classifier)
    check_seed(seed)
    members = checked_members(members, [classifier])
    check_options([classifier], members, condition_on_quality, search, columns is not None)
    read = partial(
        read_training_table,
        table,
        condition_on_quality,
        series=takes_series([classifier], members),
        features=takes_features([classifier], members),
    )
    data = read(columns=columns)
    check_inputs(data, [classifier], members)
    if classifier == NETWORKS:
        # Without the others: a video of which no network says anything is then unknown.
        data = read(columns=[name for name in data.columns if networks_of([name])])
    layout, X = taken_inputs(data, [classifier], members)
    pipeline = MAKERS[classifier](layout, seed, search, members)
    # The order of sums in a threaded product depends on the number of threads.
    with threadpool_limits(limits=1):
        pipeline.fit(X, data.is_fake, classify__groups=data.groups, classify__videos=data.videos)
    calibrated = pipeline[-1]
    held_out = calibrated.probability(mean_by_video(calibrated.oof_decision_, data.videos))
    is_fake = _is_fake_by_video(data)
    features = data.features[:, : layout.n_features]
    return Detector(
        columns=data.columns[: layout.n_features],
        covariates=data.covariate_columns[: layout.n_covariates],
        series=series_columns(layout.signals, layout.n_steps),
        pipeline=pipeline,
        thresholds=choose_thresholds(held_out, is_fake),
        real_quantiles=_quantiles(features[data.is_fake == 0], _NINE_IN_TEN),
        residual_quantiles=_residual_quantiles(pipeline, data, features),
        seen_range=_seen_range(features, data.columns[: layout.n_features]),
        window_s=data.window_s,
        provenance=_provenance(
            data,
            classifier,
            seed,
            search,
            calibrated,
            remarks_on_options([classifier], members, condition_on_quality, search),
            columns is not None,
        ),
    )


def _is_fake_by_video(data: TrainingTable) -> np.ndarray:
    return mean_by_video(data.is_fake, data.videos).astype(int)


def _quantiles(features: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Return ``(n_features, n_shares)`` quantiles of known values, NaN where there are none."""
    quantiles = np.full((features.shape[1], len(shares)), np.nan)
    known = ~np.isnan(features).all(axis=0)
    if known.any():
        quantiles[known] = np.nanquantile(features[:, known], shares, axis=0).T
    return quantiles


def _residual_quantiles(
    pipeline: Pipeline, data: TrainingTable, features: np.ndarray
) -> np.ndarray:
    """Return ``(n_features, 3)`` how authentic rows lie about what is usual at their quality."""
    conditioner = conditioner_of(pipeline)
    if conditioner is None:
        return np.full((features.shape[1], 3), np.nan)
    return _quantiles(_held_out_residuals(conditioner, data), _NINE_IN_TEN)


def _held_out_residuals(conditioner: QualityConditioner, data: TrainingTable) -> np.ndarray:
    """Return ``(n_authentic, n_features)`` residuals beside what rows of other groups let expect.

    In standard deviations of the fit on all. Those of that fit itself are too small: of 119
    authentic videos of 21 sources, each told from all others, 86 % lay between their 5 % and 95 %
    quantiles, and 88 % between these.
    """
    is_real = data.is_fake == 0
    inputs, groups = data.inputs[is_real], data.groups[is_real]
    residuals = conditioner.transform(inputs)
    n_features = residuals.shape[1]
    names, which = np.unique(groups, return_inverse=True)
    n_folds = min(_N_FOLDS_OF_RESIDUALS, len(names))
    for fold in range(n_folds if n_folds > 1 else 0):
        held = which % n_folds == fold
        others = clone(conditioner).fit(inputs[~held], np.zeros((~held).sum()), groups[~held])
        above = inputs[held, :n_features] - others.expected(inputs[held])
        # Of what the others never showed, nothing is expected.
        known = np.isfinite(inputs[~held, :n_features]).any(axis=0)
        residuals[held] = np.where(known, above / conditioner.spread_, residuals[held])
    return residuals


def _seen_range(features: np.ndarray, columns: tuple[str, ...]) -> np.ndarray:
    """Return ``(n_features, 2)`` smallest and largest value, NaN of what is not usually known."""
    by_hand = is_by_hand(columns)
    usual = usually_known(features)
    # What networks know says nothing of what is usual of the others.
    usual[by_hand] = usually_known(features[:, by_hand])
    return np.where(usual[:, None], _quantiles(features, (0.0, 1.0)), np.nan)


def _provenance(
    data: TrainingTable,
    classifier: str,
    seed: int,
    search: bool,
    fitted: CalibratedByGroup | SoftVote | Stacking,
    remarks: list[str],
    are_chosen: bool,
) -> dict[str, object]:
    """Return what the detector was made from; no clock, so that the same input repeats."""
    is_fake = _is_fake_by_video(data)
    return {
        "classifier": classifier,
        "members": list(fitted.members_) if isinstance(fitted, SoftVote | Stacking) else [],
        "weights": dict(fitted.weights_) if isinstance(fitted, Stacking) else {},
        "seed": seed,
        "searched": search,
        "chosen": fitted.chosen_,
        "columns_chosen": are_chosen,
        "table_sha256": data.sha256,
        "window_s": data.window_s,
        "n_rows": data.n_rows,
        "n_videos": data.n_videos,
        "n_real": int((is_fake == 0).sum()),
        "n_fake": int((is_fake == 1).sum()),
        "n_groups": data.n_groups,
        "featurize_version": data.spelled("featurize_version"),
        "landmarks_backend": data.spelled("landmarks_backend"),
        "versions": installed_versions(),
        "remarks": [*data.remarks, *remarks],
    }
