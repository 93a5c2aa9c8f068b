"""One video goes in, its rows of the feature table come out; only here all stages are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from featurize import __version__
from featurize.declaration import Recording
from featurize.errors import NoFaceError, TooShortError
from featurize.extraction import LandmarkOptions, extract
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.people.tracking import MIN_DURATION_S
from featurize.landmarks.storage.store import LandmarkStore
from featurize.manifest import MANIFEST_COLUMNS
from featurize.media_file import shown
from featurize.registry import (
    MEASURED_SIGNALS,
    compute_signals,
    compute_video_features,
    video_features,
)
from featurize.types import Extraction, LandmarkTrack, Sound
from featurize.windows import WINDOW_COLUMNS, check_window, windows

MIN_FACE_FRAMES = 12
"""A face seen in fewer frames, or for less than a second, cannot be judged by how it moves."""

META_COLUMNS: tuple[str, ...] = (
    *("path", "face", *(column for column in MANIFEST_COLUMNS if column != "path")),
    *("status", "reason", "n_frames", "face_rate", "duration_s", "fps", "face_width_px"),
    *("landmarks_backend", "featurize_version"),
)
"""Columns that come before the features in every table. A table of windows has
:data:`featurize.windows.WINDOW_COLUMNS` after ``face``, and its numbers speak of the window:
``n_frames, face_rate, duration_s, fps`` and ``face_width_px``."""

# Held by Python: names of files may be any bytes, and pyarrow, where it is, takes UTF-8 alone.
_TEXT = pd.StringDtype("python", na_value=np.nan)


@dataclass(frozen=True)
class Row:
    """One row of the feature table, as it travels between processes.

    Attributes
    ----------
    meta : dict
        Values of :func:`meta_columns`, as far as they are known.
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
    window_s: float | None = None,
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
    window_s : float, optional
        Length of the windows to measure instead of the whole video, 2 s or more. They follow one
        another from the first frame of the video on, the same for every face, see
        :func:`featurize.windows.windows`. A video shorter than a window is one; a window that shows
        too little of the face has no row. Windows of 2 s are too short for spectra of movements,
        jumps of the gaze, voice and pulse, and their features stay empty; in windows of 5 s only
        those of changes of the pulse do.
    **options
        How faces are found and followed: ``backend, detector, faces, max_faces, min_duration_s,
        stabilise``, see :class:`featurize.extraction.LandmarkOptions`.

    Returns
    -------
    pandas.DataFrame
        One row per face, or per window of a face, the main face first, with the columns of the
        feature table: first :func:`meta_columns`, then one column per row of
        :func:`featurize.describe_features`.

    Raises
    ------
    VideoError
        The subclass says why: :class:`~featurize.errors.VideoMissingError`,
        :class:`~featurize.errors.VideoEmptyError`, :class:`~featurize.errors.VideoUnreadableError`,
        :class:`~featurize.errors.NoVideoStreamError`, :class:`~featurize.errors.NoFaceError` or
        :class:`~featurize.errors.TooShortError`.
    OptionError, UnknownBackendError
        When an option has a value that no video could be worked with, or windows are too short.
    OutputError
        When the landmark store, or the temporary folder, cannot be written.

    Examples
    --------
    >>> from featurize import featurize_video
    >>> rows = featurize_video("clip.mp4")                              # doctest: +SKIP
    >>> rows[["face", "eyes__blink__rate_per_min"]]                     # doctest: +SKIP
    """
    how = LandmarkOptions(**options)
    check_window(window_s)
    store = None if landmark_store is None else LandmarkStore(landmark_store)
    return as_table(video_rows(path, how, store, window_s), window_s)


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
    path: str | Path,
    options: LandmarkOptions,
    store: LandmarkStore | None,
    window_s: float | None = None,
    see: Callable[[Sequence[Recording]], object] | None = None,
) -> list[Row]:
    """The rows of one video, the main face first, its windows in time; errors as above.

    ``see`` is shown the signals of every frame: of the whole video, also where rows are of windows,
    and of the faces that have rows, in their order.
    """
    extraction = extract(path, options, PixelObserver(MEASURED_SIGNALS), store)
    # The order of sums in a threaded product would depend on the number of threads.
    with threadpool_limits(limits=1):
        rows_of_faces = _rows_of(shown(path), extraction, options, window_s)
        if see is not None:
            sound, info = extraction.sound, extraction.info
            see([compute_signals(track, info, sound) for track, _ in rows_of_faces])
    return [row for _, rows in rows_of_faces for row in rows]


def failed_row(status: str, reason: str, options: LandmarkOptions) -> Row:
    """The row of a video that could not be used."""
    return Row({"face": 0, "status": status, "reason": reason, **_origin(options)})


def meta_columns(window_s: float | None) -> list[str]:
    """Columns before the features: :data:`META_COLUMNS`, of windows :data:`WINDOW_COLUMNS` too."""
    path, face, *others = META_COLUMNS
    return [path, face, *(WINDOW_COLUMNS if window_s is not None else ()), *others]


def as_table(rows: list[Row], window_s: float | None = None) -> pd.DataFrame:
    """Rows as a table with every column of the contract, in its order; unknown values are NaN."""
    numbers = ("n_frames", "face_rate", "duration_s", "fps", "face_width_px", *WINDOW_COLUMNS)
    meta = {}
    for column in meta_columns(window_s):
        values = [row.meta.get(column) for row in rows]
        if column in numbers:
            meta[column] = np.array(values, float)
        elif column == "face":
            meta[column] = np.array(values, int)
        else:
            texts = ["" if value is None else str(value) for value in values]
            meta[column] = pd.array(texts, dtype=_TEXT)
    names = [feature.name for feature in video_features()]
    features = pd.DataFrame(np.stack([row.features for row in rows]), columns=names)
    return pd.concat([pd.DataFrame(meta), features], axis=1)


@dataclass(frozen=True)
class _Part:
    """What one row is computed from: a face over a whole video, or over a window of it."""

    track: LandmarkTrack
    sound: Sound | None
    span: dict[str, float] = field(default_factory=dict)


def _rows_of(
    path: str, extraction: Extraction, options: LandmarkOptions, window_s: float | None
) -> list[tuple[LandmarkTrack, list[Row]]]:
    """The rows of every face that has any."""
    tracks, remarks = extraction.tracks, " ".join(extraction.remarks)
    if not tracks:
        raise NoFaceError(
            f"No face was found in the {extraction.n_frames} frames of {path}: it must be clear to "
            f"see and at least about a twentieth of the picture high. {remarks}".rstrip()
        )
    needed = f"at least {MIN_FACE_FRAMES} frames and {MIN_DURATION_S:g} s are needed."
    usable = [track for track in tracks if _is_long_enough(track)]
    if not usable:
        n_present = int(tracks[0].present.sum())
        raise TooShortError(
            f"The face is seen in only {n_present} of {extraction.n_frames} frames of {path}: "
            f"{needed} {remarks}".rstrip()
        )
    faces: list[tuple[LandmarkTrack, list[Row]]] = []
    for track in usable:
        rows = [
            _row(path, len(faces), part, extraction, options)
            for part in _parts(track, extraction.sound, window_s)
            if _is_long_enough(part.track)
        ]
        if rows:
            faces.append((track, rows))
    if not faces:
        raise TooShortError(
            f"No window of {window_s:g} s shows enough of the face of {path}: "
            f"{needed} {remarks}".rstrip()
        )
    return faces


def _row(
    path: str, face: int, part: _Part, extraction: Extraction, options: LandmarkOptions
) -> Row:
    track = part.track
    recording = compute_signals(track, extraction.info, part.sound)
    values = compute_video_features(recording)
    meta = {
        "path": path,
        "face": face,
        **part.span,
        "status": "ok",
        "reason": " ".join(extraction.remarks),
        "n_frames": track.n_frames,
        "face_rate": float(track.present.mean()),
        "duration_s": float(track.time_s[-1] - track.time_s[0]) + track.frame_step_s,
        "fps": 1 / track.frame_step_s,
        "face_width_px": values["quality__face_width_px__median"],
        **_origin(options),
    }
    return Row(meta, np.array([values[f.name] for f in video_features()], np.float64))


def _parts(track: LandmarkTrack, sound: Sound | None, window_s: float | None) -> Iterator[_Part]:
    """The whole of a face, or its windows in time.

    Sound before the first frame goes with the first window, sound after the last with the last, so
    that a video which is one window has the row of the whole video.
    """
    if window_s is None:
        yield _Part(track, sound)
        return
    for start_s, frames in windows(track.time_s, window_s):
        heard = sound and sound.between(
            -np.inf if frames.start == 0 else track.time_s[frames.start],
            np.inf if frames.stop == track.n_frames else track.time_s[frames.stop],
        )
        span = dict(zip(WINDOW_COLUMNS, (start_s, start_s + window_s), strict=True))
        yield _Part(track.cut(frames), heard, span)


def _origin(options: LandmarkOptions) -> dict[str, object]:
    return {"landmarks_backend": options.name, "featurize_version": __version__}


def _is_long_enough(track: LandmarkTrack) -> bool:
    n_present = int(track.present.sum())
    # Half a frame of tolerance: 60 frames at 60 fps are a second, whatever the sum of steps says.
    shown_s = track.face_time_s + track.frame_step_s / 2
    return n_present >= MIN_FACE_FRAMES and shown_s >= MIN_DURATION_S
