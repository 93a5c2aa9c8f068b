"""A trained detector: from feature rows to probabilities and verdicts."""

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.feature_table import feature_matrix
from models.storage import read_checked, write_repeatable


@dataclass(frozen=True)
class Thresholds:
    """Limits of the probability between the verdicts.

    Attributes
    ----------
    real : float
        Up to this probability the verdict is ``real``.
    fake : float
        From this probability on it is ``fake``; between the two it is ``uncertain``.
    """

    real: float
    fake: float


@dataclass(frozen=True)
class Detector:
    """Everything needed to score feature rows, and where it came from.

    Attributes
    ----------
    columns : tuple of str
        Names of the features, in the order the pipeline takes them.
    pipeline : sklearn.pipeline.Pipeline
        Imputation, scaling, classifier and calibration, fitted.
    thresholds : Thresholds
        Limits of the verdicts.
    real_quantiles : numpy.ndarray
        ``(n_features, 3)`` 5 %, 50 % and 95 % quantile among the authentic training videos; NaN
        where a feature was never measured.
    seen_range : numpy.ndarray
        ``(n_features, 2)`` smallest and largest value among all training videos.
    provenance : dict
        Classifier, seed, sha256 of the table, counts, versions, remarks.
    """

    columns: tuple[str, ...]
    pipeline: Pipeline
    thresholds: Thresholds
    real_quantiles: np.ndarray
    seen_range: np.ndarray
    provenance: dict[str, object]

    @property
    def calibration(self) -> tuple[float, float]:
        """Slope and intercept from decision value to log-odds."""
        return self.pipeline[-1].slope_, self.pipeline[-1].intercept_

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Return the features of ``table`` as ``(n_rows, n_features)``; other columns are ignored.

        Raises
        ------
        FeatureMismatchError
            When a feature of the detector is missing.
        """
        return feature_matrix(table, self.columns)

    def decision_function(self, table: pd.DataFrame) -> np.ndarray:
        """Return ``(n_rows,)`` decision values to rank by; NaN for a row without any feature.

        Raises
        ------
        FeatureMismatchError
            When a feature of the detector is missing.
        """
        return self._decision(self.matrix(table))

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray:
        """Return ``(n_rows,)`` calibrated probabilities of being manipulated, NaN where unknown.

        The share of fakes in the training table is the prior: where it was not that of the
        videos to be scored, the verdicts are safer to read than the probability.

        Raises
        ------
        FeatureMismatchError
            When a feature of the detector is missing.
        """
        return expit(self.log_odds(self.matrix(table)))

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` calibrated log-odds of rows as :meth:`matrix` gives them."""
        slope, intercept = self.calibration
        return slope * self._decision(features) + intercept

    def _decision(self, features: np.ndarray) -> np.ndarray:
        decision = np.full(len(features), np.nan)
        known = ~np.isnan(features).all(axis=1)
        if known.any():
            # The order of sums in a threaded product depends on the number of threads.
            with threadpool_limits(limits=1):
                decision[known] = self.pipeline.decision_function(features[known])
        return decision

    def verdict(self, probability: float) -> str:
        """Return ``real``, ``fake`` or ``uncertain``; ``unknown`` when the probability is NaN."""
        if np.isnan(probability):
            return "unknown"
        if probability >= self.thresholds.fake:
            return "fake"
        return "real" if probability <= self.thresholds.real else "uncertain"

    def save(self, path: str | os.PathLike) -> None:
        """Write the detector to a skops file; the same detector gives the same bytes.

        The file is complete or absent, never half written.

        Raises
        ------
        DetectorError
            When the file cannot be written.
        """
        content = {
            "columns": list(self.columns),
            "pipeline": self.pipeline,
            "threshold_real": self.thresholds.real,
            "threshold_fake": self.thresholds.fake,
            "real_quantiles": self.real_quantiles,
            "seen_range": self.seen_range,
            "provenance": self.provenance,
        }
        write_repeatable(content, path)


def load_detector(path: str | os.PathLike) -> Detector:
    """Read a detector that :meth:`Detector.save` wrote.

    Nothing in the file is executed: only types from an explicit list are rebuilt.

    Raises
    ------
    DetectorError
        When the file is missing, damaged, of another kind or version, or holds another type.
    """
    content = read_checked(path)
    return Detector(
        columns=tuple(content["columns"]),
        pipeline=content["pipeline"],
        thresholds=Thresholds(content["threshold_real"], content["threshold_fake"]),
        real_quantiles=content["real_quantiles"],
        seen_range=content["seen_range"],
        provenance=content["provenance"],
    )
