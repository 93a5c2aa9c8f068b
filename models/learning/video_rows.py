"""Rows of training data that belong to videos: one row per video, or one per window of a video.

However many windows a video has, it weighs as much as any other: a long video is not more true than
a short one, and its windows are hardly independent. That goes for the classifier, its calibration
and the choice of features and of settings; medians, scales and expectations, learnt before, are
those of rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from sklearn.utils.class_weight import compute_sample_weight

from models.errors import TableError
from models.learning.group_folds import group_folds


def mean_by_video(values: np.ndarray, videos: np.ndarray) -> np.ndarray:
    """Return ``(n_videos,)`` the mean of ``values`` ``(n_rows,)`` over the rows of each video.

    Videos come in the order of their sorted names or numbers ``videos`` ``(n_rows,)``.
    """
    _, which = np.unique(videos, return_inverse=True)
    return np.bincount(which, values) / np.bincount(which)


@dataclass(frozen=True)
class VideoRows:
    """Rows, and of which video and group each is.

    Attributes
    ----------
    X : numpy.ndarray
        ``(n_rows, n_features)``.
    is_fake : numpy.ndarray
        ``(n_rows,)`` int, 0 or 1, the same for all rows of a video.
    groups : numpy.ndarray
        ``(n_rows,)`` group of each row, the same for all rows of a video.
    videos : numpy.ndarray
        ``(n_rows,)`` int, from 0 to ``n_videos - 1``.
    """

    X: np.ndarray
    is_fake: np.ndarray
    groups: np.ndarray
    videos: np.ndarray

    @classmethod
    def checked(
        cls,
        X: np.ndarray,
        is_fake: np.ndarray,
        groups: np.ndarray | None = None,
        videos: np.ndarray | None = None,
    ) -> Self:
        """Return the rows; without ``videos`` each is a video, without ``groups`` each video one.

        Raises
        ------
        TableError
            When there is not one group and one video for each row, or the rows of a video are not
            of one class and of one group.
        """
        videos = np.arange(len(X)) if videos is None else np.asarray(videos)
        groups = videos if groups is None else np.asarray(groups)
        for name, values in (("video", videos), ("group", groups)):
            if values.shape != (len(X),):
                raise TableError(
                    f"There must be one {name} for each of the {len(X)} rows, not an array of "
                    f"shape {values.shape}."
                )
        _, numbers = np.unique(videos, return_inverse=True)
        rows = cls(X, is_fake, groups, numbers)
        for name, values in (("of one class", is_fake), ("in one group", groups)):
            if (values != values[rows._first][numbers]).any():
                raise TableError(f"All rows of a video must be {name}: correct the table.")
        return rows

    @property
    def is_fake_by_video(self) -> np.ndarray:
        """``(n_videos,)`` int, 0 or 1."""
        return self.is_fake[self._first]

    @property
    def weights(self) -> np.ndarray:
        """``(n_rows,)``: both classes weigh the same in sum, and so do all videos of a class.

        The weights sum up to the number of videos, so that what a classifier measures in samples
        (the cost of an error, the weight of a leaf) is measured in videos.
        """
        of_video = compute_sample_weight("balanced", self.is_fake_by_video)
        return (of_video / np.bincount(self.videos))[self.videos]

    def part(self, rows: np.ndarray) -> Self:
        """Return some of the rows, by their numbers."""
        _, videos = np.unique(self.videos[rows], return_inverse=True)
        return type(self)(self.X[rows], self.is_fake[rows], self.groups[rows], videos)

    def with_columns(self, X: np.ndarray) -> Self:
        """Return the same rows with other columns."""
        return replace(self, X=X)

    def folds(self, n_folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield numbers of the rows to train on and to test; see :func:`group_folds`.

        Raises
        ------
        HoldOutError
            When a class has fewer than two groups, or ``n_folds`` is less than two.
        """
        by_video = self.is_fake_by_video, self.groups[self._first]
        for _, test in group_folds(*by_video, n_folds, seed):
            is_tested = np.isin(self.videos, test)
            yield np.flatnonzero(~is_tested), np.flatnonzero(is_tested)

    @property
    def _first(self) -> np.ndarray:
        """Number of the first row of each video."""
        return np.unique(self.videos, return_index=True)[1]


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
