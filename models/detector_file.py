"""Detectors read from files, and whether all parts of one are there and fit together."""

import os

import numpy as np

from models.detector import Detector
from models.detector_parts import check_content, check_installed
from models.errors import NotInstalledError
from models.storage import DAMAGE, damaged, read_checked
from models.thresholds import Thresholds

# Trees are summed in single precision.
_SINGLE = 1e-3


def load_detector(path: str | os.PathLike) -> Detector:
    """Read a detector that :meth:`Detector.save` wrote.

    Nothing in the file is executed: only types from an explicit list are rebuilt.

    Raises
    ------
    DetectorError
        When the file is missing, damaged, of another kind or version, or holds another type, or
        when its parts do not fit together.
    NotInstalledError
        When it was trained on sequences, and the package for these is not installed, cannot be
        loaded, or finds no folder to keep compiled code in.
    """
    content = read_checked(path)
    try:
        check_content(content)
    except DAMAGE as error:
        raise damaged(path) from error
    check_installed(content["pipeline"])
    try:
        detector = Detector(
            columns=tuple(content["columns"]),
            covariates=tuple(content["covariates"]),
            series=tuple(content["series"]),
            pipeline=content["pipeline"],
            thresholds=Thresholds(content["threshold_real"], content["threshold_fake"]),
            real_quantiles=content["real_quantiles"],
            residual_quantiles=content["residual_quantiles"],
            seen_range=content["seen_range"],
            window_s=content["window_s"],
            provenance=content["provenance"],
        )
        is_sound = _is_sound(detector)
    except NotInstalledError:
        # It is an error of the machine, of a kind that a damaged file raises too.
        raise
    except DAMAGE as error:
        raise damaged(path) from error
    if not is_sound:
        raise damaged(path)
    return detector


def _is_sound(detector: Detector) -> bool:
    """Return whether all that a detector says of a few rows can be computed, and fits together.

    The rows are the 5 %, 50 % and 95 % quantiles of the features, at unknown quality and at none.
    """
    rows = np.zeros((6, len(detector.columns) + len(detector.covariates) + len(detector.series)))
    rows[:, : len(detector.columns)] = np.nan_to_num(np.tile(detector.real_quantiles.T, (2, 1)))
    quality = slice(len(detector.columns), len(detector.columns) + len(detector.covariates))
    rows[:3, quality] = np.nan
    log_odds = detector.log_odds(rows)
    told = detector.contributions(rows)
    summed = log_odds if told is None else told.terms.sum(axis=1) + told.base
    low, high = np.moveaxis(detector.ordinary_band(rows), -1, 0)
    known = np.isfinite(detector.real_quantiles[:, 0])
    detector.quality(rows)
    return bool(
        np.isfinite(log_odds).all()
        and np.allclose(summed, log_odds, rtol=_SINGLE, atol=_SINGLE)
        and (low[:, known] <= high[:, known]).all()
    )
