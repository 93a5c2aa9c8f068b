"""A video goes in, its landmark tracks come out."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import cv2

from featurize.assets import MODEL_FILES
from featurize.errors import OptionError, UnknownBackendError
from featurize.landmarks.detection import LandmarkBackend
from featurize.landmarks.dlib68 import DETECTORS
from featurize.landmarks.flow import FlowMeter
from featurize.landmarks.people.following import Follower
from featurize.landmarks.people.tracking import MIN_DURATION_S, FaceLinker
from featurize.landmarks.stabilising import stabilised
from featurize.landmarks.storage.store import LandmarkStore
from featurize.types import Extraction, LandmarkTrack
from featurize.video import VideoReader

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


def extract(
    path: str | Path, options: LandmarkOptions, store: LandmarkStore | None = None
) -> Extraction:
    """Read a video once and follow its faces.

    Parameters
    ----------
    path : str or Path
        A video file.
    options : LandmarkOptions
        How.
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
    """
    entry = None if store is None else store.entry(path, options.settings)
    known = None if entry is None else entry.load()
    if known is not None:
        return known
    found = _extracted(path, options)
    if entry is not None:
        entry.save(found)
    return found


def _extracted(path: str | Path, options: LandmarkOptions) -> Extraction:
    from featurize.landmarks.people.identity import embed_faces

    with (
        _one_thread(),
        VideoReader(path) as video,
        make_backend(options.backend, options.detector) as backend,
        FaceLinker(backend.schema, embed_faces) as linker,
    ):
        follower = Follower(backend, options.max_faces)
        meter = FlowMeter(backend.schema, (video.info.width_px, video.info.height_px))
        for frame in video:
            sightings = follower.update(frame)
            trusted = {s.trail: s.detection for s in sightings if s.detection.is_trusted}
            flows_px = meter.measure(trusted)
            linker.add(frame, sightings, flows_px)
        tracks = linker.tracks(options.faces, options.max_faces, options.min_duration_s)
        tracks = [backend.completed(track) for track in tracks]
        if options.stabilise:
            tracks = [stabilised(track) for track in tracks]
        return Extraction(tracks, video.n_frames, video.remarks)


def extract_landmarks(
    path: str | Path,
    backend: str = "mediapipe",
    *,
    detector: str | None = None,
    faces: Literal["all", "main"] = "all",
    max_faces: int = 3,
    min_duration_s: float = MIN_DURATION_S,
    stabilise: bool = False,
    landmark_store: str | Path | None = None,
) -> list[LandmarkTrack]:
    """Landmarks of every face of a video, one track per person, the main face first.

    Parameters
    ----------
    path : str or Path
        A video file.
    backend, detector, faces, max_faces, min_duration_s, stabilise
        As for :class:`LandmarkOptions`.
    landmark_store : str or Path, optional
        Folder that keeps landmarks, see :class:`featurize.landmarks.storage.store.LandmarkStore`.

    Returns
    -------
    list of LandmarkTrack
        Empty when no face was found.

    Raises
    ------
    VideoError, UnknownBackendError, OptionError, ModelFileError, OutputError
        As for :class:`LandmarkOptions` and :func:`extract`.
    """
    options = LandmarkOptions(backend, detector, faces, max_faces, min_duration_s, stabilise)
    store = None if landmark_store is None else LandmarkStore(landmark_store)
    return extract(path, options, store).tracks


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
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
