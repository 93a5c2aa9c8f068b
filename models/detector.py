"""A trained detector: from feature rows to probabilities and verdicts."""

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.detector_parts import conditioner_of, serial_members
from models.learning.conditioning import QualityConditioner
from models.learning.contributions import Contributions, adds_up, contributions_of
from models.learning.video_rows import mean_of_known
from models.learning.vote import SoftVote, Stacking
from models.quality_range import OutsideRange, QualityCheck, check_quality
from models.storage import write_repeatable
from models.table.known import MAX_MISSING, MAX_MISSING_STEPS, missing_steps
from models.table.lacking import has_identity, networks_of
from models.table.matrix import feature_matrix, watched_columns
from models.table.series import series_layout
from models.table.window_check import check_windows
from models.thresholds import Thresholds

# A row with a larger share of its features outside everything seen in training is ``uncertain`` at
# most. Of 219 videos of talking faces from 24 sources, one in twenty has more than 5 % outside
# what the videos of other sources show, and none has more than 16 %. With few training videos more
# lies outside by chance alone: about 2 / (n_videos + 1) of the features.
MAX_UNSEEN = 0.2


@dataclass(frozen=True)
class Detector:
    """Everything needed to score feature rows, and where it came from.

    Attributes
    ----------
    columns : tuple of str
        Names of the features, in the order the pipeline takes them; none where it learns from
        signals over time alone.
    covariates : tuple of str
        Names of the measures of quality that the pipeline takes after the features; none where it
        is not conditioned on quality.
    series : tuple of str
        Names of the values of signals over time that the pipeline takes last, signal by signal;
        none where it learns from features alone.
    pipeline : sklearn.pipeline.Pipeline
        Conditioning, imputation, scaling, classifier and calibration, fitted.
    thresholds : Thresholds
        Limits of the verdicts.
    real_quantiles : numpy.ndarray
        ``(n_features, 3)`` 5 %, 50 % and 95 % quantile among the authentic training videos, or
        among all windows of them; NaN where a feature was never measured.
    residual_quantiles : numpy.ndarray
        ``(n_features, 3)`` 5 %, 50 % and 95 % quantile among the same videos, or windows, of what
        each feature is above what those of other groups let expect at their quality, in standard
        deviations; NaN where never measured, or the detector is not conditioned on quality.
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
    series: tuple[str, ...]
    pipeline: Pipeline
    thresholds: Thresholds
    real_quantiles: np.ndarray
    residual_quantiles: np.ndarray
    seen_range: np.ndarray
    window_s: float | None
    provenance: dict[str, object]

    @property
    def calibration(self) -> tuple[float, float]:
        """Slope and intercept from decision value to log-odds."""
        return self.pipeline[-1].slope_, self.pipeline[-1].intercept_

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Return features, covariates and series ``(n_rows, n_inputs)``; other columns are ignored.

        Raises
        ------
        FeatureMismatchError
            When a feature, a covariate or a value of a signal is missing, or rows are whole videos
            and the detector was trained on windows, the other way round, or on windows of another
            length.
        """
        columns = (*self.columns, *self.covariates, *self.series)
        check_windows(table, columns, self.window_s)
        return feature_matrix(table, columns, self.window_s)

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks whose columns ``cnn__`` it takes, in the order of the columns."""
        return networks_of(self.columns)

    @property
    def needs_identity(self) -> bool:
        """Whether it takes features of the family ``identity``."""
        return has_identity(self.columns)

    @property
    def needs_series(self) -> bool:
        """Whether it takes signals over time."""
        return bool(self.series)

    @property
    def member_weights(self) -> dict[str, float]:
        """Weight of each member's log-odds in a stacking, one in sum; empty for all others."""
        calibrated = self.pipeline[-1]
        return dict(calibrated.weights_) if isinstance(calibrated, Stacking) else {}

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
        return conditioner_of(self.pipeline)

    def ordinary(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_features)`` what authentic video shows, NaN where never measured.

        The medians of the authentic training videos; where the detector is conditioned on
        quality, what they show at the quality of each row.
        """
        medians = np.broadcast_to(self.real_quantiles[:, 1], (len(inputs), len(self.columns)))
        if self.conditioner is None:
            return medians
        expected = self.conditioner.expected(self._tabular(inputs))
        return np.where(np.isnan(medians), np.nan, expected)

    def ordinary_band(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_features, 2)`` between which values nine in ten authentic ones lie.

        The 5 % and 95 % quantile among authentic training videos; where the detector is conditioned
        on quality, about what is usual at the quality of each row, but no further than what was
        seen. That is an estimate: of videos of other sources 84 to 88 % lie there, fewest of those
        with large faces. NaN where never measured.
        """
        if self.conditioner is None:
            ends = self.real_quantiles[:, [0, 2]]
            return np.broadcast_to(ends, (len(inputs), *ends.shape)).copy()
        expected = self.conditioner.expected(self._tabular(inputs))
        spread = self.conditioner.spread_[:, None] * self.residual_quantiles[:, [0, 2]]
        low, high = self.seen_range.T[..., None]
        # Straight lines lead to less than nothing, such as a negative jitter.
        return np.fmin(np.fmax(expected[..., None] + spread, low), high)

    def quality(self, inputs: np.ndarray) -> QualityCheck:
        """Return how the quality of a face lies to that of authentic training videos.

        ``inputs`` ``(n_rows, n_inputs)`` are its rows, whose median counts. Nothing is outside or
        unknown where the detector is not conditioned on quality. See :mod:`models.quality_range`.
        """
        seen = np.empty((0, 2)) if self.conditioner is None else self.conditioner.seen_
        measures = inputs[:, len(self.columns) :][:, : len(self.covariates)]
        return check_quality(self.covariates, measures, seen)

    def outside_range(self, inputs: np.ndarray) -> tuple[OutsideRange, ...]:
        """Return the measures of quality that are outside, see :meth:`quality`."""
        return self.quality(inputs).outside

    def contributions(self, inputs: np.ndarray) -> Contributions | None:
        """Return what each feature adds to the calibrated log-odds, of rows as in :meth:`log_odds`.

        They sum up exactly; see :func:`models.learning.contributions.contributions_of` for what
        they are told from. Measures of quality have no terms: they move what is usual of the
        features, and are in the features' terms. NaN where too little was measured; None where the
        classifier does not add up: all but ``linear``, ``networks``, ``xgboost`` and
        a ``stacking`` of these.
        """
        calibrated = self.pipeline[-1]
        if not adds_up(calibrated):
            return None
        n_rows, n_features = len(inputs), len(self.columns)
        terms, base = np.full((n_rows, n_features), np.nan), np.full(n_rows, np.nan)
        known = self.known(inputs)
        if known.any():
            rows = inputs[known]
            ordinary = np.hstack([self.ordinary(rows), rows[:, n_features:]])
            with threadpool_limits(limits=1):
                told = contributions_of(calibrated, rows, ordinary)
            terms[known], base[known] = told.terms, told.base
        return Contributions(terms, base)

    def _tabular(self, inputs: np.ndarray) -> np.ndarray:
        return inputs[:, : len(self.columns) + len(self.covariates)]

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

        Unknown are rows of which too little is known, see :meth:`known`.
        The share of fakes in the training table is the prior, and even odds that of the detector
        of the package: where it is not that of the
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

    def member_log_odds(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return of each member, by name, ``(n_rows,)`` the log-odds by its own calibration.

        Of a classifier that does not vote, its own under its name. NaN where too little was
        measured; those of a video in windows are the mean of the known ones of its windows.

        Raises
        ------
        FeatureMismatchError
            As for :meth:`matrix`.
        """
        inputs = self.matrix(table)
        calibrated = self.pipeline[-1]
        if not isinstance(calibrated, SoftVote | Stacking):
            return {str(self.provenance["classifier"]): self.log_odds(inputs)}
        known = self.known(inputs)
        told = {name: np.full(len(inputs), np.nan) for name in calibrated.members_}
        if known.any():
            with threadpool_limits(limits=1):
                for name, values in calibrated.member_log_odds(inputs[known]).items():
                    told[name][known] = values
        return told

    def _decision(self, inputs: np.ndarray) -> np.ndarray:
        decision = np.full(len(inputs), np.nan)
        known = self.known(inputs)
        if known.any():
            # The order of sums in a threaded product depends on the number of threads.
            with threadpool_limits(limits=1):
                decision[known] = self.pipeline.decision_function(inputs[known])
        return decision

    def series_log_odds(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` what members that take signals over time add to the log-odds.

        That is by how much these would be lower, had such members said nothing either way. Zero
        where none does, or all do; NaN where too little was measured.
        """
        serial = serial_members(self.pipeline)
        known = self.known(inputs)
        added = np.where(known, 0.0, np.nan)
        calibrated = self.pipeline[-1]
        if serial and self.columns and known.any():
            with threadpool_limits(limits=1):
                told = calibrated.member_log_odds(inputs[known])
            without = told | {name: np.zeros_like(told[name]) for name in serial}
            moved = calibrated.decision_of(told) - calibrated.decision_of(without)
            added[known] = self.calibration[0] * moved
        return added

    def known(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` bool: enough is known of all that the classifier takes.

        At most :data:`MAX_MISSING` of the features are missing where it takes features, and at
        most :data:`MAX_MISSING_STEPS` of the time steps where it takes signals over time. In
        training rows were left out by the same rule.
        """
        enough = self.missing_share(inputs) <= MAX_MISSING
        return enough & (self.missing_steps(inputs) <= MAX_MISSING_STEPS)

    def missing_share(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` share of missing values among features usual in training.

        Those of networks count only where there are no others, see
        :func:`models.table.matrix.watched_columns`; zero where the detector takes no features.
        """
        if not self.columns:
            return np.zeros(len(inputs))
        return np.isnan(inputs[:, self._measured]).mean(axis=1)

    def missing_steps(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` share of the steps in time at which no signal is known.

        Zero where the detector takes no signals over time.
        """
        if not self.series:
            return np.zeros(len(inputs))
        _, n_steps = series_layout(self.series)
        return missing_steps(inputs[:, -len(self.series) :], n_steps)

    def unseen_share(self, inputs: np.ndarray) -> np.ndarray:
        """Return ``(n_rows,)`` share of features outside all seen in training, of known ones.

        Of the same features as :meth:`missing_share`.
        """
        features = inputs[:, self._measured]
        low, high = self.seen_range[self._measured].T
        n_outside = ((features < low) | (features > high)).sum(axis=1)
        return n_outside / np.maximum(1, (~np.isnan(features)).sum(axis=1))

    @property
    def _measured(self) -> np.ndarray:
        """Numbers of the features that training videos usually had, and that are looked at."""
        usual = np.isfinite(self.seen_range).all(axis=1)
        return np.flatnonzero(watched_columns(self.columns, usual))

    def verdict(
        self, probability: float, unseen_share: float = 0.0, is_far_outside: bool = False
    ) -> str:
        """Return what to call a row of this probability and share of unseen values.

        ``unknown`` when the probability is NaN; ``real`` or ``fake`` by the thresholds, but only
        where the share is at most :data:`MAX_UNSEEN` and the quality is not too far from that of
        the training videos, see :attr:`QualityCheck.is_too_far`; else ``uncertain``.
        """
        if np.isnan(probability):
            return "unknown"
        if unseen_share > MAX_UNSEEN or is_far_outside:
            return "uncertain"
        return self.thresholds.verdict(probability)

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
            "series": list(self.series),
            "pipeline": self.pipeline,
            "threshold_real": self.thresholds.real,
            "threshold_fake": self.thresholds.fake,
            "real_quantiles": self.real_quantiles,
            "residual_quantiles": self.residual_quantiles,
            "seen_range": self.seen_range,
            "window_s": self.window_s,
            "provenance": self.provenance,
        }
        write_repeatable(content, path)
