"""A video goes in, its landmark tracks come out."""

from dataclasses import dataclass
from pathlib import Path

from featurize.errors import OptionError, UnknownBackendError
from featurize.landmarks.detection import LandmarkBackend
from featurize.landmarks.tracking import FaceLinker
from featurize.types import LandmarkTrack
from featurize.video import VideoReader

BACKENDS: tuple[str, ...] = ("mediapipe",)
"""Names of the landmark backends, the default first."""


@dataclass(frozen=True)
class Extraction:
    """Everything the later stages need to know of a video.

    Attributes
    ----------
    tracks : list of LandmarkTrack
        One per face, the main face first; empty when no face was found.
    n_frames : int
        Frames read.
    remarks : tuple of str
        Damage and oddities met while reading.
    """

    tracks: list[LandmarkTrack]
    n_frames: int
    remarks: tuple[str, ...]


def extract(path: str | Path, backend: str = "mediapipe", max_faces: int = 3) -> Extraction:
    """Read a video once and follow its faces.

    Parameters
    ----------
    path : str or Path
        A video file.
    backend : str
        One of :data:`BACKENDS`.
    max_faces : int
        Most faces to look for in a frame.

    Raises
    ------
    VideoError
        One of its subclasses, when the video cannot be read.
    UnknownBackendError
        When there is no such backend.
    OptionError
        When ``max_faces`` is less than 1.
    ModelFileError
        When the backend's model file is missing or damaged.
    """
    check_options(backend, max_faces)
    with VideoReader(path) as video, make_backend(backend, max_faces) as landmarker:
        linker = FaceLinker(landmarker.schema.name)
        for frame in video:
            linker.add(frame.time_s, landmarker.detect(frame))
        tracks = linker.tracks((video.info.width_px, video.info.height_px))
        return Extraction(tracks, video.n_frames, video.remarks)


def extract_landmarks(
    path: str | Path, backend: str = "mediapipe", max_faces: int = 3
) -> list[LandmarkTrack]:
    """Landmarks of every face of a video, one track per face, the main face first.

    The list is empty when no face was found. Parameters and errors are those of :func:`extract`.
    """
    return extract(path, backend, max_faces).tracks


def make_backend(name: str, max_faces: int) -> LandmarkBackend:
    """Start a backend. Heavy libraries are imported only here, when they are needed."""
    check_options(name, max_faces)
    from featurize.landmarks.mediapipe478 import MediaPipeBackend

    return MediaPipeBackend(max_faces)


def check_options(backend: str, max_faces: int) -> None:
    """Refuse options that no video could be worked with, before any work.

    Raises
    ------
    UnknownBackendError, OptionError
    """
    if backend not in BACKENDS:
        raise UnknownBackendError(
            f"No landmark backend is called {backend!r}: use {', '.join(BACKENDS)}."
        )
    if max_faces < 1:
        raise OptionError(f"max_faces must be 1 or more, not {max_faces}.")
