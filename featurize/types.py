"""The values that travel between stages. Frozen; shapes are checked once, here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurize.errors import TrackError


@dataclass(frozen=True)
class VideoInfo:
    """What the container says about a video, after rotation to upright.

    Attributes
    ----------
    path : Path
        The file.
    width_px, height_px : int
        Size of the upright frame.
    fps : float
        Average frame rate the container declares, in Hz; NaN when it declares none.
        Never used for a rate or a derivative: those use presentation times.
    duration_s : float
        Declared duration; NaN when unknown.
    codec : str
        FFmpeg's name of the video codec, such as ``"h264"``.
    bit_rate_bps : float
        Bits per second of the video stream, of the file when the stream does not say;
        NaN when unknown.
    """

    path: Path
    width_px: int
    height_px: int
    fps: float
    duration_s: float
    codec: str
    bit_rate_bps: float


@dataclass(frozen=True)
class Frame:
    """One upright picture of a video.

    Attributes
    ----------
    index : int
        Position in the sequence of presented frames, from 0.
    time_s : float
        Presentation time, strictly later than that of the frame before.
    rgb : numpy.ndarray
        ``(height, width, 3)`` uint8, red first.
    """

    index: int
    time_s: float
    rgb: np.ndarray


@dataclass(frozen=True)
class LandmarkTrack:
    """One face followed through one video.

    Attributes
    ----------
    points_px : numpy.ndarray
        ``(n_frames, n_points, 3)`` float32. x to the right and y down, in pixels of the upright
        frame; z in the same scale, smaller is nearer to the camera; NaN z when the backend gives
        none. A frame without the face is a row of NaN; so is a point that the backend is known to
        have got wrong.
    time_s : numpy.ndarray
        ``(n_frames,)`` float64 presentation times, strictly increasing.
    confidence : numpy.ndarray
        ``(n_frames,)`` float32 in [0, 1]; 0 where the face is missing.
    schema : str
        Name of the point scheme, a key of :data:`featurize.landmarks.schema.SCHEMES`.
    frame_size_px : tuple of int
        Width and height of the upright frame.
    blendshapes : numpy.ndarray or None
        ``(n_frames, 52)`` float32 in [0, 1], in the order of
        :data:`featurize.landmarks.schema.BLENDSHAPE_NAMES`; None when the backend has none.
    pose : numpy.ndarray or None
        ``(n_frames, 4, 4)`` float32. Takes the canonical face (centimetres; x to the subject's
        left, y up, z out of the face) to camera space (x right, y up, z towards the viewer).
        None when the backend has none.

    Raises
    ------
    TrackError
        When shapes disagree or times do not increase.
    """

    points_px: np.ndarray
    time_s: np.ndarray
    confidence: np.ndarray
    schema: str
    frame_size_px: tuple[int, int]
    blendshapes: np.ndarray | None = None
    pose: np.ndarray | None = None

    def __post_init__(self) -> None:
        n_frames = len(self.time_s)
        if self.points_px.ndim != 3 or self.points_px.shape[2] != 3:
            raise TrackError(
                f"points_px must be (n_frames, n_points, 3), not {self.points_px.shape}."
            )
        shapes = {
            "points_px": (self.points_px, (n_frames, self.points_px.shape[1], 3)),
            "confidence": (self.confidence, (n_frames,)),
            "blendshapes": (self.blendshapes, (n_frames, 52)),
            "pose": (self.pose, (n_frames, 4, 4)),
        }
        for name, (array, shape) in shapes.items():
            if array is not None and array.shape != shape:
                raise TrackError(f"{name} must be of shape {shape}, not {array.shape}.")
        if n_frames > 1 and not np.all(np.diff(self.time_s) > 0):
            raise TrackError("time_s must increase from frame to frame.")

    @property
    def n_frames(self) -> int:
        """Number of frames of the video, with and without the face."""
        return len(self.time_s)

    @property
    def present(self) -> np.ndarray:
        """``(n_frames,)`` bool: True where the face was found."""
        return np.isfinite(self.points_px[..., 0]).any(axis=1)

    @property
    def frame_step_s(self) -> float:
        """Typical time between frames, seconds; NaN for a single frame."""
        return typical_step_s(self.time_s)

    @property
    def face_time_s(self) -> float:
        """Time for which the face is shown, seconds."""
        return float(frame_durations_s(self.time_s)[self.present].sum())


def typical_step_s(time_s: np.ndarray) -> float:
    """Median time from frame to frame, seconds; NaN for fewer than two frames."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else float("nan")


def frame_durations_s(time_s: np.ndarray) -> np.ndarray:
    """How long each frame is shown: until the next one; the last for a typical time.

    Parameters
    ----------
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing presentation times.

    Returns
    -------
    numpy.ndarray
        ``(n_frames,)`` seconds; 0 for the frame of a video of one.

    Examples
    --------
    >>> frame_durations_s(np.array([0.0, 0.1, 0.2, 0.5]))
    array([0.1, 0.1, 0.3, 0.1])
    """
    if len(time_s) < 2:
        return np.zeros(len(time_s))
    return np.append(np.diff(time_s), typical_step_s(time_s))
