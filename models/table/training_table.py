"""What classifiers are trained and tested on."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

LABELS = ("real", "fake")
# Stands for all methods together, so no method may be called so.
ALL = "all"


@dataclass(frozen=True)
class TrainingTable:
    """The rows of a feature table that can be learnt from: one per video, or one per window of it.

    Sorted by path and window, so that the order of the table does not matter.

    Attributes
    ----------
    features : numpy.ndarray
        ``(n_rows, n_features)`` float64; NaN where a value is missing or infinite.
    columns : tuple of str
        ``(n_features,)`` names of the features, sorted.
    covariates : numpy.ndarray
        ``(n_rows, n_covariates)`` float64, the quality at which each row was measured; no
        column where features are not conditioned on it.
    covariate_columns : tuple of str
        ``(n_covariates,)`` their names.
    quality : numpy.ndarray
        ``(n_rows, n_quality)`` float64: how the video was taken and packed, never trained on.
    quality_columns : tuple of str
        ``(n_quality,)`` their names, sorted: the family ``quality``, and the meta columns those of
        :data:`models.table.feature_table.MEASURED_META`.
    series : numpy.ndarray
        ``(n_rows, n_signals * n_steps)`` float64: the signals themselves over each window, signal
        by signal, NaN where unknown; no column where the table has none or they were not read.
    signals : tuple of str
        ``(n_signals,)`` names of the signals in ``series``.
    n_steps : int
        Values of each signal, equally spaced over the window.
    is_fake : numpy.ndarray
        ``(n_rows,)`` int, 1 for a manipulated video and 0 for an authentic one.
    groups : numpy.ndarray
        ``(n_rows,)`` str. Videos of one group share a person or a source and are never
        split between training and test.
    group_given : numpy.ndarray
        ``(n_rows,)`` bool, False where the table names no group, so that the video is its own.
    videos : numpy.ndarray
        ``(n_rows,)`` int, of which video a row is, counted from 0 as they first appear.
    window_s : float or None
        Length of every window in seconds, None where every row is a whole video.
    meta : pandas.DataFrame
        ``path, label, group, method, dataset, compression`` and the other text columns of the
        table, empty text where missing, in the order of ``features``.
    n_left_out : tuple of int
        How many real and how many fake videos are left out, as too much of them is missing.
    remarks : tuple of str
        What was left out or filled in, one sentence each.
    sha256 : str
        Of the file; empty when the table came from memory.
    """

    features: np.ndarray
    columns: tuple[str, ...]
    covariates: np.ndarray
    covariate_columns: tuple[str, ...]
    quality: np.ndarray
    quality_columns: tuple[str, ...]
    series: np.ndarray
    signals: tuple[str, ...]
    n_steps: int
    is_fake: np.ndarray
    groups: np.ndarray
    group_given: np.ndarray
    videos: np.ndarray
    window_s: float | None
    meta: pd.DataFrame
    n_left_out: tuple[int, int]
    remarks: tuple[str, ...]
    sha256: str

    @property
    def inputs(self) -> np.ndarray:
        """Features, then covariates, ``(n_rows, n_inputs)``: what most classifiers take."""
        return (
            np.hstack([self.features, self.covariates]) if self.covariate_columns else self.features
        )

    @property
    def n_rows(self) -> int:
        """Number of rows: of videos, or of windows of them."""
        return len(self.is_fake)

    @property
    def n_videos(self) -> int:
        """Number of videos."""
        return int(self.videos.max()) + 1

    @property
    def n_groups(self) -> int:
        """Number of different groups."""
        return len(np.unique(self.groups))

    def per_video(self) -> "TrainingTable":
        """Return the table with one row per video, the mean of its windows; known values count.

        A mean over windows of values at a time says nothing: of series none are left.
        """
        if self.window_s is None:
            return self
        first = np.unique(self.videos, return_index=True)[1]
        return replace(
            self._without_series().part(first),
            features=self._mean_by_video(self.features),
            covariates=self._mean_by_video(self.covariates),
            quality=self._mean_by_video(self.quality),
            window_s=None,
        )

    def part(self, rows: np.ndarray) -> "TrainingTable":
        """Return some rows, by their numbers."""
        return replace(
            self,
            features=self.features[rows],
            covariates=self.covariates[rows],
            quality=self.quality[rows],
            series=self.series[rows],
            is_fake=self.is_fake[rows],
            groups=self.groups[rows],
            group_given=self.group_given[rows],
            videos=pd.factorize(self.videos[rows])[0],
            meta=self.meta.iloc[rows].reset_index(drop=True),
        )

    def _without_series(self) -> "TrainingTable":
        return replace(self, series=np.empty((self.n_rows, 0)), signals=(), n_steps=0)

    def _mean_by_video(self, values: np.ndarray) -> np.ndarray:
        return pd.DataFrame(values).groupby(self.videos).mean().to_numpy()

    def spelled(self, column: str) -> str:
        """Return the different values of a text column, sorted and joined by commas."""
        return ", ".join(sorted(set(self.meta[column]) - {""}))
