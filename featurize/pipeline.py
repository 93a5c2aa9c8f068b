"""One video goes in, its rows of the feature table come out; only here all stages are known."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from featurize import __version__
from featurize.errors import NoFaceError, TooShortError
from featurize.extraction import LandmarkOptions, extract
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.people.tracking import MIN_DURATION_S
from featurize.landmarks.storage.store import LandmarkStore
from featurize.manifest import MANIFEST_COLUMNS
from featurize.registry import (
    MEASURED_SIGNALS,
    compute_signals,
    compute_video_features,
    video_features,
)
from featurize.types import Extraction, LandmarkTrack

MIN_FACE_FRAMES = 12
"""A face seen in fewer frames, or for less than a second, cannot be judged by how it moves."""

META_COLUMNS: tuple[str, ...] = (
    *("path", "face", *(column for column in MANIFEST_COLUMNS if column != "path")),
    *("status", "reason", "n_frames", "face_rate", "duration_s", "fps", "face_width_px"),
    *("landmarks_backend", "featurize_version"),
)
"""Columns that come before the features in every table."""


@dataclass(frozen=True)
class Row:
    """One row of the feature table, as it travels between processes.

    Attributes
    ----------
    meta : dict
        Values of :data:`META_COLUMNS`, as far as they are known.
    features : numpy.ndarray
        ``(n_features,)`` float64, in the order of :func:`featurize.registry.video_features`; NaN
        where unknown. Names would make a row of a hundred kilobytes out of one of eight.
    """

    meta: dict[str, object]
    features: np.ndarray = field(default_factory=lambda: np.full(len(video_features()), np.nan))


def featurize_video(
    path: str | Path,
    *,
    landmark_store: str | Path | None = None,
    **options: object,
) -> pd.DataFrame:
    """All features of one video.

    Parameters
    ----------
    path : str or Path
        A video file.
    landmark_store : str or Path, optional
        Folder of landmarks: those of this video are taken from there, or kept there. See
        :mod:`featurize.landmarks.storage.store`.
    **options
        How faces are found and followed: ``backend, detector, faces, max_faces, min_duration_s,
        stabilise``, see :class:`featurize.extraction.LandmarkOptions`.

    Returns
    -------
    pandas.DataFrame
        One row per face, the main face first, with the columns of the feature table: first
        :data:`META_COLUMNS`, then one column per row of :func:`featurize.describe_features`.

    Raises
    ------
    VideoError
        The subclass says why: :class:`~featurize.errors.VideoMissingError`,
        :class:`~featurize.errors.VideoEmptyError`, :class:`~featurize.errors.VideoUnreadableError`,
        :class:`~featurize.errors.NoVideoStreamError`, :class:`~featurize.errors.NoFaceError` or
        :class:`~featurize.errors.TooShortError`.
    OptionError, UnknownBackendError
        When an option has a value that no video could be worked with.
    OutputError
        When the landmark store, or the temporary folder, cannot be written.

    Examples
    --------
    >>> from featurize import featurize_video
    >>> rows = featurize_video("clip.mp4")                              # doctest: +SKIP
    >>> rows[["face", "eyes__blink__rate_per_min"]]                     # doctest: +SKIP
    """
    store = None if landmark_store is None else LandmarkStore(landmark_store)
    return as_table(video_rows(path, LandmarkOptions(**options), store))


def extract_landmarks(
    path: str | Path,
    backend: str = "mediapipe",
    *,
    landmark_store: str | Path | None = None,
    **options: object,
) -> list[LandmarkTrack]:
    """Landmarks of every face of a video, one track per person, the main face first.

    Parameters
    ----------
    path : str or Path
        A video file.
    backend : str
        ``"mediapipe"`` or ``"dlib"``.
    landmark_store : str or Path, optional
        Folder that keeps landmarks, see :class:`featurize.landmarks.storage.store.LandmarkStore`.
    **options
        ``detector, faces, max_faces, min_duration_s, stabilise``, see
        :class:`featurize.extraction.LandmarkOptions`.

    Returns
    -------
    list of LandmarkTrack
        Empty when no face was found.

    Raises
    ------
    VideoError, UnknownBackendError, OptionError, ModelFileError, OutputError
        As for :class:`~featurize.extraction.LandmarkOptions` and
        :func:`featurize.extraction.extract`.
    """
    store = None if landmark_store is None else LandmarkStore(landmark_store)
    options = LandmarkOptions(backend, **options)
    return extract(path, options, PixelObserver(MEASURED_SIGNALS), store).tracks


def video_rows(
    path: str | Path, options: LandmarkOptions, store: LandmarkStore | None
) -> list[Row]:
    """The rows of one video, the main face first; errors as above."""
    return _rows_of(path, extract(path, options, PixelObserver(MEASURED_SIGNALS), store), options)


def failed_row(status: str, reason: str, options: LandmarkOptions) -> Row:
    """The row of a video that could not be used."""
    return Row(
        {
            "face": 0,
            "status": status,
            "reason": reason,
            "landmarks_backend": options.name,
            "featurize_version": __version__,
        }
    )


def as_table(rows: list[Row]) -> pd.DataFrame:
    """Rows as a table with every column of the contract, in its order; unknown values are NaN."""
    meta = pd.DataFrame.from_records([row.meta for row in rows], columns=META_COLUMNS)
    numbers = ["n_frames", "face_rate", "duration_s", "fps", "face_width_px"]
    meta[numbers] = meta[numbers].astype(float)
    words = [c for c in META_COLUMNS if c not in numbers and c != "face"]
    meta[words] = meta[words].astype(object).fillna("").astype(str)
    meta["face"] = meta["face"].astype(int)
    names = [feature.name for feature in video_features()]
    features = pd.DataFrame(np.stack([row.features for row in rows]), columns=names)
    return pd.concat([meta, features], axis=1)


def _rows_of(path: str | Path, extraction: Extraction, options: LandmarkOptions) -> list[Row]:
    tracks, remarks = extraction.tracks, " ".join(extraction.remarks)
    if not tracks:
        raise NoFaceError(
            f"No face was found in the {extraction.n_frames} frames of {path}: it must be clear to "
            f"see and at least about a twentieth of the picture high. {remarks}".rstrip()
        )
    usable = [track for track in tracks if _is_long_enough(track)]
    if not usable:
        n_present = int(tracks[0].present.sum())
        needed = f"at least {MIN_FACE_FRAMES} frames and {MIN_DURATION_S:g} s are needed."
        raise TooShortError(
            f"The face is seen in only {n_present} of {extraction.n_frames} frames of {path}: "
            f"{needed} {remarks}".rstrip()
        )
    rows = []
    for number, track in enumerate(usable):
        # The order of sums in a threaded product would depend on the number of threads.
        with threadpool_limits(limits=1):
            recording = compute_signals(track, extraction.info, extraction.sound)
            values = compute_video_features(recording)
        meta = {
            "path": str(path),
            "face": number,
            "status": "ok",
            "reason": remarks,
            "n_frames": track.n_frames,
            "face_rate": float(track.present.mean()),
            "duration_s": float(track.time_s[-1] - track.time_s[0]) + track.frame_step_s,
            "fps": 1 / track.frame_step_s,
            "face_width_px": values["quality__face_width_px__median"],
            "landmarks_backend": options.name,
            "featurize_version": __version__,
        }
        rows.append(Row(meta, np.array([values[f.name] for f in video_features()], np.float64)))
    return rows


def _is_long_enough(track: LandmarkTrack) -> bool:
    n_present = int(track.present.sum())
    # Half a frame of tolerance: 60 frames at 60 fps are a second, whatever the sum of steps says.
    shown_s = track.face_time_s + track.frame_step_s / 2
    return n_present >= MIN_FACE_FRAMES and shown_s >= MIN_DURATION_S
