"""A trained detector: from feature rows to probabilities and verdicts."""

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.errors import FeatureMismatchError
from models.learning.calibration import CalibratedByGroup, SoftVote
from models.learning.conditioning import QualityConditioner
from models.storage import DAMAGE, damaged, read_checked, write_repeatable
from models.table.feature_table import MAX_MISSING, WINDOW_COLUMNS, feature_matrix

# A row with a larger share of its features outside everything seen in training is ``uncertain`` at
# most. Of 219 videos of talking faces from 24 sources, one in twenty has more than 5 % outside
# what the videos of other sources show, and none has more than 16 %. With few training videos more
# lies outside by chance alone: about 2 / (n_videos + 1) of the features.
MAX_UNSEEN = 0.2


# Lengths are known to the millisecond.
_SAME_LENGTH_S = 1e-3


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
    covariates : tuple of str
        Names of the measures of quality that the pipeline takes after the features; none where it
        is not conditioned on quality.
    pipeline : sklearn.pipeline.Pipeline
        Conditioning, imputation, scaling, classifier and calibration, fitted.
    thresholds : Thresholds
        Limits of the verdicts.
    real_quantiles : numpy.ndarray
        ``(n_features, 3)`` 5 %, 50 % and 95 % quantile among the authentic training videos, or
        among all windows of them; NaN where a feature was never measured.
    seen_range : numpy.ndarray
        ``(n_features, 2)`` smallest and largest value among all training videos, or their windows;
        NaN for a feature that fewer than half of them had.
    window_s : float or None
        Length in seconds of the windows that videos are measured in; None where a row is a whole
        video. The score of a video is that of the mean decision value of its windows.
    provenance : dict
        Classifier, seed, sha256 of the table, counts, versions, remarks.
    """

    columns: tuple[str, ...]
    covariates: tuple[str, ...]
    pipeline: Pipeline
    thresholds: Thresholds
    real_quantiles: np.ndarray
    seen_range: np.ndarray
    window_s: float | None
    provenance: dict[str, object]

    @property
    def calibration(self) -> tuple[float, float]:
        """Slope and intercept from decision value to log-odds."""
        return self.pipeline[-1].slope_, self.pipeline[-1].intercept_

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Return features, then covariates, as ``(n_rows, n_inputs)``; other columns are ignored.

        Raises
        ------
        FeatureMismatchError
            When a feature or a covariate of the detector is missing, or rows are whole videos and
            the detector was trained on windows, the other way round, or on windows of another
            length.
        """
        self._check_windows(table)
        return feature_matrix(table, (*self.columns, *self.covariates))

    def faces_of(self, table: pd.DataFrame) -> np.ndarray:
        """Return ``(n_rows,)`` int, of which face of which video each row is, from 0 on.

        Numbers are in the order of first appearance. Without windows every row has its own.
        """
        if self.window_s is None:
            return np.arange(len(table))
        named = [name for name in ("path", "face") if name in table.columns]
        return table.groupby(named, sort=False, dropna=False).ngroup().to_numpy()

    @property
    def conditioner(self) -> QualityConditioner | None:
        """What tells features beside authentic video of the same quality, if anything does."""
        return _conditioner(self.pipeline)

    def ordinary(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_features)`` what authentic video shows, NaN where never measured.

        The medians of the authentic training videos; where the detector is conditioned on
        quality, what they show at the quality of each row.
        """
        medians = np.broadcast_to(self.real_quantiles[:, 1], (len(inputs), len(self.columns)))
        if self.conditioner is None:
            return medians
        return np.where(np.isnan(medians), np.nan, self.conditioner.expected(inputs))

    def decision_function(self, table: pd.DataFrame) -> np.ndarray:
        """Return ``(n_rows,)`` decision values to rank by; NaN where too little was measured.

        Of windows each has its own; a video is ranked by the mean of those of its windows.

        Raises
        ------
        FeatureMismatchError
            As for :meth:`matrix`.
        """
        return self._decision(self.matrix(table))

    def predict_proba(self, table: pd.DataFrame) -> np.ndarray:
        """Return ``(n_rows,)`` calibrated probabilities of being manipulated, NaN where unknown.

        Unknown are rows that lack more than :data:`MAX_MISSING` of the features.
        The share of fakes in the training table is the prior: where it was not that of the
        videos to be scored, the verdicts are safer to read than the probability.

        It is videos that are manipulated: every window of a face has the probability of the mean
        decision value of all its windows but the unknown ones. Single windows are told apart by
        :meth:`decision_function`.

        Raises
        ------
        FeatureMismatchError
            As for :meth:`matrix`.
        """
        faces = self.faces_of(table)
        return expit(mean_of_known(self.log_odds(self.matrix(table)), faces))[faces]

    def log_odds(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` calibrated log-odds of rows as :meth:`matrix` gives them.

        Those of a video in windows are the mean of the known ones of its windows.
        """
        slope, intercept = self.calibration
        return slope * self._decision(inputs) + intercept

    def _decision(self, inputs: np.ndarray) -> np.ndarray:
        decision = np.full(len(inputs), np.nan)
        known = self.missing_share(inputs) <= MAX_MISSING
        if known.any():
            # The order of sums in a threaded product depends on the number of threads.
            with threadpool_limits(limits=1):
                decision[known] = self.pipeline.decision_function(inputs[known])
        return decision

    def _check_windows(self, table: pd.DataFrame) -> None:
        """Raise FeatureMismatchError unless a row of the table is what one was in training."""
        in_windows = any(name in table.columns for name in WINDOW_COLUMNS)
        if self.window_s is None:
            if in_windows:
                raise FeatureMismatchError(
                    "The detector was trained on whole videos, but the rows of the table are "
                    "windows: make the table without `--window`, or train the detector on windows."
                )
            return
        made = f"make the table by `python -m featurize run --window {self.window_s:g}`."
        trained = f"The detector was trained on windows of {self.window_s:g} s, but"
        if not in_windows:
            raise FeatureMismatchError(f"{trained} the rows of the table are whole videos: {made}")
        if "path" not in table.columns:
            raise FeatureMismatchError(f"{trained} no column path says of which video each: {made}")
        lengths_s = np.diff(feature_matrix(table, WINDOW_COLUMNS), axis=1)
        others = lengths_s[np.abs(lengths_s - self.window_s) > _SAME_LENGTH_S]
        if len(others):
            raise FeatureMismatchError(f"{trained} the table has some of {others[0]:g} s: {made}")

    def missing_share(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` share of missing values among features usual in training."""
        return np.isnan(inputs[:, self._measured]).mean(axis=1)

    def unseen_share(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` share of features outside all seen in training, of known ones."""
        features = inputs[:, self._measured]
        low, high = self.seen_range[self._measured].T
        n_outside = ((features < low) | (features > high)).sum(axis=1)
        return n_outside / np.maximum(1, (~np.isnan(features)).sum(axis=1))

    @property
    def _measured(self) -> np.ndarray:
        """Numbers of the features that training videos usually had."""
        return np.flatnonzero(np.isfinite(self.seen_range).all(axis=1))

    def verdict(self, probability: float, unseen_share: float = 0.0) -> str:
        """Return what to call a row of this probability and share of unseen values.

        ``unknown`` when the probability is NaN; ``real`` or ``fake`` by the thresholds, but only
        where the share is at most :data:`MAX_UNSEEN`; else ``uncertain``.
        """
        if np.isnan(probability):
            return "unknown"
        if unseen_share > MAX_UNSEEN:
            return "uncertain"
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
            "covariates": list(self.covariates),
            "pipeline": self.pipeline,
            "threshold_real": self.thresholds.real,
            "threshold_fake": self.thresholds.fake,
            "real_quantiles": self.real_quantiles,
            "seen_range": self.seen_range,
            "window_s": self.window_s,
            "provenance": self.provenance,
        }
        write_repeatable(content, path)


def mean_of_known(values: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return ``(n_faces,)`` the mean of the values of each face that are not NaN, if there are any.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n_rows,)``.
    faces : numpy.ndarray
        ``(n_rows,)`` int, of which face each is, from 0 on.
    """
    return pd.Series(values).groupby(faces).mean().to_numpy()


def load_detector(path: str | os.PathLike) -> Detector:
    """Read a detector that :meth:`Detector.save` wrote.

    Nothing in the file is executed: only types from an explicit list are rebuilt.

    Raises
    ------
    DetectorError
        When the file is missing, damaged, of another kind or version, or holds another type, or
        when its parts do not fit together.
    """
    content = read_checked(path)
    try:
        _check_content(content)
        detector = Detector(
            columns=tuple(content["columns"]),
            covariates=tuple(content["covariates"]),
            pipeline=content["pipeline"],
            thresholds=Thresholds(content["threshold_real"], content["threshold_fake"]),
            real_quantiles=content["real_quantiles"],
            seen_range=content["seen_range"],
            window_s=content["window_s"],
            provenance=content["provenance"],
        )
        # One row shows that the fitted parts are there and of one size.
        row = np.r_[detector.real_quantiles[:, 1], np.zeros(len(detector.covariates))]
        score = detector.log_odds(np.nan_to_num(row)[None])
    except DAMAGE as error:
        raise damaged(path) from error
    if not np.isfinite(score).all():
        raise damaged(path)
    return detector


def _check_content(content: dict) -> None:
    """Raise ValueError where the parts of a detector do not fit together."""
    columns, covariates, pipeline = (content[k] for k in ("columns", "covariates", "pipeline"))
    inputs = [*columns, *covariates]
    limits = content["threshold_real"], content["threshold_fake"]
    fits = (
        all(isinstance(name, str) for name in inputs)
        and len(set(inputs)) == len(inputs)
        and all(
            content[name].shape == (len(columns), n) and content[name].dtype.kind == "f"
            for name, n in (("real_quantiles", 3), ("seen_range", 2))
        )
        and pipeline.n_features_in_ == len(inputs)
        and isinstance(pipeline[-1], (CalibratedByGroup, SoftVote))
        and _n_covariates(pipeline) == len(covariates)
        and np.isfinite(limits).all()
        and limits[0] <= limits[1]
        and (content["window_s"] is None or 0 < content["window_s"] < np.inf)
        and isinstance(content["provenance"].get("versions"), dict)
    )
    if not fits:
        raise ValueError("The parts of the detector do not fit together.")


def _conditioner(pipeline: Pipeline) -> QualityConditioner | None:
    """Return the first step of the calibrated pipeline, where it conditions on quality.

    The members of a vote are fitted on the same rows, so that of any speaks for all.
    """
    calibrated = pipeline[-1]
    if isinstance(calibrated, SoftVote):
        calibrated = next(iter(calibrated.members_.values()))
    first = calibrated.estimator_[0]
    return first if isinstance(first, QualityConditioner) else None


def _n_covariates(pipeline: Pipeline) -> int:
    conditioner = _conditioner(pipeline)
    return 0 if conditioner is None else conditioner.n_covariates
