"""A video is read once: its faces are followed, and what needs pixels or sound is measured."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np

from featurize.assets import MODEL_FILES
from featurize.audio import read_sound
from featurize.errors import OptionError, UnknownBackendError
from featurize.frame import Frame
from featurize.landmarks.detection import FaceDetection, LandmarkBackend
from featurize.landmarks.dlib68 import DETECTORS
from featurize.landmarks.flow import FlowMeter
from featurize.landmarks.people.following import Follower
from featurize.landmarks.people.tracking import MIN_DURATION_S, FaceLinker
from featurize.landmarks.schema import Schema
from featurize.landmarks.stabilising import stabilised
from featurize.landmarks.storage.store import LandmarkStore
from featurize.media_file import MediaFile, is_url
from featurize.types import Extraction
from featurize.video import VideoReader
from featurize.video_source import VideoSource, source_of

BACKENDS: tuple[str, ...] = ("mediapipe", "dlib")
"""Names of the landmark backends, the default first."""

LANDMARKS_VERSION = 1
"""Raised when the code of this package comes to find other landmarks in the same video; landmarks
in stores are then computed again."""

# dlib is "dlib" where somebody built it, for CUDA perhaps.
_PACKAGES = ("ai-edge-litert", "av", "dlib", "dlib-bin", "numpy", "opencv-python", "scipy")


@dataclass(frozen=True)
class LandmarkOptions:
    """How faces are found and followed.

    Attributes
    ----------
    backend : str
        One of :data:`BACKENDS`: ``"mediapipe"`` gives 478 points with irises, expressions and
        depth; ``"dlib"`` gives 68 points.
    detector : str or None
        Face detector of the dlib backend, one of
        :data:`featurize.landmarks.dlib68.DETECTORS`; None for its default, and for
        the other backend, which has one of its own.
    faces : {"all", "main"}
        Everybody, or the main face only: the longest, largest and most central one.
    max_faces : int
        Most faces to follow at a time, and most tracks of a whole video.
    min_duration_s : float
        Faces shown for less time are dropped, unless no other is left.
    stabilise : bool
        Calibrate the named points by optical flow, see
        :func:`featurize.landmarks.stabilising.stabilised`.

    Raises
    ------
    UnknownBackendError, OptionError
        When no video could be worked with so; raised before any work.
    """

    backend: str = "mediapipe"
    detector: str | None = None
    faces: Literal["all", "main"] = "all"
    max_faces: int = 3
    min_duration_s: float = MIN_DURATION_S
    stabilise: bool = False

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise UnknownBackendError(
                f"No landmark backend is called {self.backend!r}: use {', '.join(BACKENDS)}."
            )
        if self.detector is not None and self.backend != "dlib":
            raise OptionError(
                f"The {self.backend} backend has one detector: give detector only with dlib."
            )
        if self.detector not in (None, *DETECTORS):
            raise OptionError(f"detector must be {' or '.join(DETECTORS)}, not {self.detector!r}.")
        if self.faces not in ("all", "main"):
            raise OptionError(f"faces must be 'all' or 'main', not {self.faces!r}.")
        if not isinstance(self.max_faces, int) or self.max_faces < 1:
            raise OptionError(f"max_faces must be a whole number from 1 on, not {self.max_faces}.")
        if not 0 <= self.min_duration_s < float("inf"):
            raise OptionError(f"min_duration_s must be 0 or more, not {self.min_duration_s}.")

    @property
    def name(self) -> str:
        """What the column ``landmarks_backend`` says: features of another name do not compare."""
        parts = [self.backend]
        if self.detector not in (None, DETECTORS[0]):
            parts.append(self.detector)
        if self.stabilise:
            parts.append("stabilised")
        return "-".join(parts)

    @property
    def settings(self) -> dict[str, object]:
        """Everything that changes landmarks besides the video, as JSON can hold it."""
        return {
            "landmarks": LANDMARKS_VERSION,
            **asdict(self),
            "detector": (self.detector or DETECTORS[0]) if self.backend == "dlib" else None,
            "min_duration_s": float(self.min_duration_s),
            "models": [model.sha256 for model in MODEL_FILES],
            **{package: _version(package) for package in _PACKAGES},
        }


class Observer(Protocol):
    """Reads measures off the faces of one video while it passes."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the measures."""
        ...

    @property
    def settings(self) -> dict[str, object]:
        """Everything that changes measures besides video and landmarks, as JSON can hold it."""
        ...

    def measure(
        self, frame: Frame, faces: Mapping[int, FaceDetection], schema: Schema
    ) -> dict[int, np.ndarray]:
        """``(n_measures,)`` float32 for each face of the next frame, by trail."""
        ...


def extract(
    path: str | Path | VideoSource,
    options: LandmarkOptions,
    observer: Observer | None = None,
    store: LandmarkStore | None = None,
) -> Extraction:
    """Read a video once, follow its faces and measure them.

    Parameters
    ----------
    path : str, Path or VideoSource
        A video file, or the address of one, which is fetched only when the store does not know what
        it holds now.
    options : LandmarkOptions
        How.
    observer : Observer, optional
        What is read off the pixels; one that has seen no video yet. Without it there are landmarks
        alone: no appearance and no sound.
    store : LandmarkStore, optional
        Where to look first, and where to keep what was found.

    Raises
    ------
    VideoError
        One of its subclasses, when the video cannot be read.
    ModelFileError
        When a model file is missing or damaged.
    OutputError
        When the store, or the temporary folder in which landmarks wait, cannot be written.
    OptionError
        When the package is missing that reads such addresses.
    """
    settings = {**options.settings, "measures": observer and observer.settings}
    with source_of(path) as source:
        entry = None if store is None else store.entry(source.path, settings)
        known = None if entry is None else entry.load()
        if known is not None:
            return known
        media = source.media()
        if store is not None and is_url(source.path):
            # What it holds may be known from elsewhere, now that it can be read.
            entry = store.entry(source.path, settings, media)
            known = entry.load()
            if known is not None:
                return known
        found = _extracted(media, options, observer)
        if entry is not None:
            entry.save(found)
        return found


def _extracted(media: MediaFile, options: LandmarkOptions, observer: Observer | None) -> Extraction:
    from featurize.landmarks.people.identity import embed_faces

    measures = () if observer is None else observer.names
    appearances = None

    with (
        one_thread(),
        VideoReader(media) as video,
        make_backend(options.backend, options.detector) as backend,
        FaceLinker(backend.schema, embed_faces, measures) as linker,
    ):
        follower = Follower(backend, options.max_faces)
        meter = FlowMeter(backend.schema, (video.info.width_px, video.info.height_px))
        for frame in video:
            sightings = follower.update(frame)
            trusted = {s.trail: s.detection for s in sightings if s.detection.is_trusted}
            flows_px = meter.measure(trusted)
            if observer is not None:
                appearances = observer.measure(frame, trusted, backend.schema)
            linker.add(frame, sightings, flows_px, appearances)
        tracks = linker.tracks(options.faces, options.max_faces, options.min_duration_s)
        tracks = [backend.completed(track) for track in tracks]
        if options.stabilise:
            tracks = [stabilised(track) for track in tracks]
        sound = None if observer is None else read_sound(media)
        return Extraction(tracks, video.n_frames, video.remarks, video.info, sound)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Runs of a dataset use one process per core; threads of OpenCV would only compete."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def make_backend(name: str, detector: str | None = None) -> LandmarkBackend:
    """Start a backend. Heavy libraries are imported only here, when they are needed."""
    if name == "dlib":
        from featurize.landmarks.dlib68.backend import Dlib68Backend

        return Dlib68Backend(detector or DETECTORS[0])
    from featurize.landmarks.mediapipe478.backend import MediaPipeBackend

    return MediaPipeBackend()
