"""Detectors read from files, and whether all parts of one are there and fit together."""

import os

import numpy as np

from models.detector import Detector
from models.detector_parts import check_content, check_installed
from models.errors import NotInstalledError
from models.storage import DAMAGE, damaged, read_checked
from models.thresholds import Thresholds


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
        # One row shows that the fitted parts are there and of one size.
        n_others = len(detector.covariates) + len(detector.series)
        row = np.r_[detector.real_quantiles[:, 1], np.zeros(n_others)]
        score = detector.log_odds(np.nan_to_num(row)[None])
    except NotInstalledError:
        # It is an error of the machine, of a kind that a damaged file raises too.
        raise
    except DAMAGE as error:
        raise damaged(path) from error
    if not np.isfinite(score).all():
        raise damaged(path)
    return detector
