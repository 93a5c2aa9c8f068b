"""Feature table to detector."""

import os

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from models.classifiers import MAKERS, check_classifier, check_seed
from models.detector import Detector, Thresholds
from models.learning.video_rows import mean_by_video
from models.table.feature_table import TrainingTable, read_training_table, usually_known
from models.versions import installed_versions

_TOLERATED_ERRORS = 0.05


def train(
    table: str | os.PathLike | pd.DataFrame,
    classifier: str = "committee",
    seed: int = 0,
    condition_on_quality: bool = False,
    search: bool = False,
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
        ``svm``, ``mlp``, ``xgboost`` or ``committee``, the soft vote of the three.
    seed : int
        Same table and seed, same detector.
    condition_on_quality : bool
        Whether features are told beside what authentic video of the same quality shows. See
        :mod:`models.learning.conditioning`.
    search : bool
        Whether hyper-parameters and the share of features are chosen on held-out groups. See
        :mod:`models.learning.search`.

    Raises
    ------
    TableError
        When the table cannot be trained on.
    HoldOutError
        When a class has fewer than two groups.
    UnknownClassifierError
        When there is no such classifier.
    SettingError
        When the seed is negative or too large.
    """
    check_classifier(classifier)
    check_seed(seed)
    data = read_training_table(table, condition_on_quality)
    pipeline = MAKERS[classifier](seed, len(data.covariate_columns), search)
    # The order of sums in a threaded product depends on the number of threads.
    with threadpool_limits(limits=1):
        pipeline.fit(
            data.inputs, data.is_fake, classify__groups=data.groups, classify__videos=data.videos
        )
    calibrated = pipeline[-1]
    held_out = calibrated.probability(mean_by_video(calibrated.oof_decision_, data.videos))
    is_fake = _is_fake_by_video(data)
    return Detector(
        columns=data.columns,
        covariates=data.covariate_columns,
        pipeline=pipeline,
        thresholds=choose_thresholds(held_out, is_fake),
        real_quantiles=_quantiles(data.features[data.is_fake == 0], (0.05, 0.5, 0.95)),
        seen_range=np.where(
            usually_known(data.features)[:, None], _quantiles(data.features, (0.0, 1.0)), np.nan
        ),
        window_s=data.window_s,
        provenance=_provenance(data, classifier, seed, search, calibrated.chosen_),
    )


def choose_thresholds(probability: np.ndarray, is_fake: np.ndarray) -> Thresholds:
    """Choose from which probability a video is called fake, and up to which real.

    At most 5 % of the held-out authentic videos may be called fake, for a false accusation is
    the dearer mistake, and at most 5 % of the held-out manipulated ones real. In between the
    verdict is ``uncertain``. Where the classes overlap little the two limits cross; the band
    between them is ``uncertain`` then too, and both error rates are lower still.

    Parameters
    ----------
    probability : numpy.ndarray
        ``(n_videos,)`` held-out calibrated probabilities.
    is_fake : numpy.ndarray
        ``(n_videos,)`` int, 0 or 1.
    """
    real = np.sort(probability[is_fake == 0])[::-1]
    fake = np.sort(probability[is_fake == 1])
    above_reals = np.nextafter(real[int(_TOLERATED_ERRORS * len(real))], np.inf)
    below_fakes = np.nextafter(fake[int(_TOLERATED_ERRORS * len(fake))], -np.inf)
    return Thresholds(
        real=float(min(above_reals, below_fakes)), fake=float(max(above_reals, below_fakes))
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


def _provenance(
    data: TrainingTable, classifier: str, seed: int, search: bool, chosen: dict[str, object]
) -> dict[str, object]:
    """Return what the detector was made from; no clock, so that the same input repeats."""
    is_fake = _is_fake_by_video(data)
    return {
        "classifier": classifier,
        "seed": seed,
        "searched": search,
        "chosen": chosen,
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
        "remarks": list(data.remarks),
    }
