"""One video goes in, its rows of the feature table come out; only here all stages are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from featurize.declaration import Recording
from featurize.embedding import with_samples
from featurize.errors import NoFaceError, TooShortError
from featurize.extraction import LandmarkOptions, extract
from featurize.feature_options import BASE_FEATURES, FeatureOptions
from featurize.feature_rows import Row, as_table, origin
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.people.tracking import MIN_DURATION_S
from featurize.landmarks.storage.store import LandmarkStore
from featurize.media_file import shown
from featurize.registry import (
    MEASURED_SIGNALS,
    compute_signals,
    compute_video_features,
    video_features,
)
from featurize.sampled_frames import MIN_SAMPLES, first_of_stretch
from featurize.types import Extraction, LandmarkTrack, Sound
from featurize.video_source import VideoSource
from featurize.windows import WINDOW_COLUMNS, windows

MIN_FACE_FRAMES = 12
"""A face seen in fewer frames, or for less than a second, cannot be judged by how it moves."""

_NEEDED = f"at least {MIN_FACE_FRAMES} frames and {MIN_DURATION_S:g} s are needed."


def featurize_video(
    path: str | Path,
    *,
    landmark_store: str | Path | None = None,
    window_s: float | None = None,
    cnn: str | Path | Sequence[str | Path] = (),
    identity: bool = False,
    series: bool = False,
    device: str = "auto",
    see: Callable[[Sequence[Recording]], object] | None = None,
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
    cnn : str, Path or sequence of them
        Networks whose features are added: ``"dlib-resnet"``, ``"efficientnet-lite0"``,
        ``"blending-lite0"``, or the path of a TorchScript file. The video is then read twice: what
        networks say of the face in sampled frames is kept in the landmark store too, where there is
        one.
    identity : bool
        Add how stable the face is as the face of one person, by dlib's embedding.
    series : bool
        Add signals step by step, for classifiers that look at sequences; needs ``window_s`` of at
        most 30 s.
    device : str
        Where networks run: ``"auto"`` is CUDA where there is one, ``"cpu"`` or ``"cuda"``.
    see : callable, optional
        Is shown what was measured in every frame: one recording of the whole video for each face
        that has rows, in their order; their tracks carry what networks say.
    **options
        How faces are found and followed: ``backend, detector, faces, max_faces, min_duration_s,
        stabilise``, see :class:`featurize.extraction.LandmarkOptions`.

    Returns
    -------
    pandas.DataFrame
        One row per face, or per window of a face, the main face first, with the columns of the
        feature table: first :func:`featurize.feature_rows.meta_columns`, then one column per row of
        :func:`featurize.describe_features`.

    Raises
    ------
    VideoError
        The subclass says why: :class:`~featurize.errors.VideoMissingError`,
        :class:`~featurize.errors.VideoEmptyError`, :class:`~featurize.errors.VideoUnreadableError`,
        :class:`~featurize.errors.NoVideoStreamError`, :class:`~featurize.errors.NoFaceError`,
        :class:`~featurize.errors.TooShortError` or :class:`~featurize.errors.NetworkFailedError`.
    OptionError, UnknownBackendError
        When an option has a value that no video could be worked with, windows are too short, or a
        network cannot be run here. Raised before the video is opened.
    ModelFileError
        When a model file is missing or damaged.
    OutputError
        When the landmark store, or the temporary folder, cannot be written.

    Examples
    --------
    >>> from featurize import featurize_video
    >>> rows = featurize_video("clip.mp4")                              # doctest: +SKIP
    >>> rows[["face", "eyes__blink__rate_per_min"]]                     # doctest: +SKIP
    """
    how = LandmarkOptions(**options)
    features = FeatureOptions(cnn, identity, series, window_s, device)
    features.check()
    store = None if landmark_store is None else LandmarkStore(landmark_store)
    return as_table(video_rows(path, how, store, features, see), features)


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
    features: FeatureOptions = BASE_FEATURES,
    see: Callable[[Sequence[Recording]], object] | None = None,
) -> list[Row]:
    """The rows of one video, the main face first, its windows in time; see above."""
    # The order of sums in a threaded product would depend on the number of threads.
    with threadpool_limits(limits=1):
        with VideoSource(path) as source:
            extraction = extract(source, options, PixelObserver(MEASURED_SIGNALS), store)
            extraction = _of_usable_faces(shown(path), extraction)
            extraction = with_samples(source, extraction, features, store)
        rows_of_faces = _rows_of(shown(path), extraction, options, features)
        if see is not None:
            sound, info = extraction.sound, extraction.info
            see([compute_signals(track, info, sound) for track, _ in rows_of_faces])
    return [row for _, rows in rows_of_faces for row in rows]


@dataclass(frozen=True)
class _Part:
    """What one row is computed from: a face over a whole video, or over a window of it."""

    track: LandmarkTrack
    sound: Sound | None
    span: dict[str, float] = field(default_factory=dict)
    start_s: float | None = None


def _of_usable_faces(path: str, extraction: Extraction) -> Extraction:
    """The same with faces alone that are shown for long enough, of which there must be one."""
    tracks, remarks = extraction.tracks, " ".join(extraction.remarks)
    if not tracks:
        raise NoFaceError(
            f"No face was found in the {extraction.n_frames} frames of {path}: it must be clear to "
            f"see and at least about a twentieth of the picture high. {remarks}".rstrip()
        )
    usable = [track for track in tracks if _is_long_enough(track)]
    if not usable:
        n_present = int(tracks[0].present.sum())
        raise TooShortError(
            f"The face is seen in only {n_present} of {extraction.n_frames} frames of {path}: "
            f"{_NEEDED} {remarks}".rstrip()
        )
    return replace(extraction, tracks=usable)


def _rows_of(
    path: str, extraction: Extraction, options: LandmarkOptions, features: FeatureOptions
) -> list[tuple[LandmarkTrack, list[Row]]]:
    """The rows of every face that has any."""
    faces: list[tuple[LandmarkTrack, list[Row]]] = []
    for track in extraction.tracks:
        rows = [
            _row(path, len(faces), part, extraction, options, features)
            for part in _parts(track, extraction.sound, features.window_s)
            if _is_long_enough(part.track)
        ]
        if rows:
            faces.append((track, rows))
    if not faces:
        raise TooShortError(
            f"No window of {features.window_s:g} s shows enough of the face of {path}: "
            f"{_NEEDED} {' '.join(extraction.remarks)}".rstrip()
        )
    return faces


def _row(
    path: str,
    face: int,
    part: _Part,
    extraction: Extraction,
    options: LandmarkOptions,
    features: FeatureOptions,
) -> Row:
    track = part.track
    recording = compute_signals(track, extraction.info, part.sound)
    values = compute_video_features(recording, features, part.start_s)
    meta = {
        "path": path,
        "face": face,
        **part.span,
        "status": "ok",
        "reason": " ".join([*extraction.remarks, *_too_few_samples(track)]),
        "n_frames": track.n_frames,
        "face_rate": float(track.present.mean()),
        "duration_s": float(track.time_s[-1] - track.time_s[0]) + track.frame_step_s,
        "fps": 1 / track.frame_step_s,
        "face_width_px": values["quality__face_width_px__median"],
        **origin(options),
    }
    return Row(meta, np.array([values[f.name] for f in video_features(features)], np.float64))


def _too_few_samples(track: LandmarkTrack) -> Iterator[str]:
    """Why features of networks are empty."""
    for name, samples in track.samples.items():
        n_samples = np.count_nonzero(first_of_stretch(track.time_s[samples.frames]))
        if not n_samples:
            yield f"The face is too small or too unclear for {name}."
        elif n_samples < MIN_SAMPLES:
            there = "is 1" if n_samples == 1 else f"are {n_samples}"
            yield f"{name} needs {MIN_SAMPLES} samples of the face, two a second; there {there}."


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
        yield _Part(track.cut(frames), heard, span, float(track.time_s[0]) + start_s)


def _is_long_enough(track: LandmarkTrack) -> bool:
    n_present = int(track.present.sum())
    # Half a frame of tolerance: 60 frames at 60 fps are a second, whatever the sum of steps says.
    shown_s = track.face_time_s + track.frame_step_s / 2
    return n_present >= MIN_FACE_FRAMES and shown_s >= MIN_DURATION_S
