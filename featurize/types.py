"""The values that travel between stages. Frozen; shapes are checked once, here."""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from featurize.errors import TrackError

PIECE_FRAMES = 256
"""Frames of a track that are held in memory at a time."""


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
        Bits per second of the video stream, of the file when the stream does not say, or says
        more than the file holds; NaN when unknown.
    """

    path: Path
    width_px: int
    height_px: int
    fps: float
    duration_s: float
    codec: str
    bit_rate_bps: float


@dataclass(frozen=True)
class FaceSamples:
    """What a network says of one face in sampled frames.

    Attributes
    ----------
    frames : numpy.ndarray
        ``(n_samples,)`` int64, increasing: which frames of the track.
    values : numpy.ndarray
        ``(n_samples, n_dims)`` float32. Of a long video they lie in a temporary file: go through
        them block by block, and let go of each (:mod:`featurize.scratch`).

    Raises
    ------
    TrackError
        When shapes disagree or frames do not increase.
    """

    frames: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.frames.shape != (len(self.values),):
            raise TrackError(
                f"Samples must be (n_samples,) frames and (n_samples, n_dims) values, not "
                f"{self.frames.shape} and {self.values.shape}."
            )
        if np.any(self.frames < 0) or np.any(np.diff(self.frames) <= 0):
            raise TrackError("Frames of samples must increase from 0 on.")

    def cut(self, first: int, stop: int) -> Self:
        """Samples of the frames from one until before another, which become 0 and so on; views."""
        start, end = np.searchsorted(self.frames, (first, stop))
        return replace(self, frames=self.frames[start:end] - first, values=self.values[start:end])


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
        ``(n_frames,)`` float32 in [0, 1]: how likely the points are right, within 5 % of the
        interocular distance on average over the face; 0 where the face is missing. Where it is
        under one half, a face was seen, but its points are not to be trusted: they are NaN.
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
    flow_px : numpy.ndarray or None
        ``(n_frames, n_named, 2)`` float32: x and y to which optical flow carries the named points
        of the frame before, in the order of the scheme's ``points``. NaN where it was not measured:
        in the first frame of an unbroken sighting, and where a point was lost. In a stabilised
        track it moves along with the points: what is between them is what was detected. None when
        flow was not asked for.
    appearance : numpy.ndarray or None
        ``(n_frames, n_measures)`` float32: what was read off the pixels of the face while the video
        passed. NaN where the face is missing, and in frames that were not sampled. None when
        nothing was read.
    measures : tuple of str
        Names of its columns.
    samples : Mapping[str, FaceSamples]
        What networks say of the face, by name of the network; empty when none was asked.

    Raises
    ------
    TrackError
        When shapes disagree, times do not increase, or samples are of frames that there are not.
    """

    points_px: np.ndarray
    time_s: np.ndarray
    confidence: np.ndarray
    schema: str
    frame_size_px: tuple[int, int]
    blendshapes: np.ndarray | None = None
    pose: np.ndarray | None = None
    flow_px: np.ndarray | None = None
    appearance: np.ndarray | None = None
    measures: tuple[str, ...] = ()
    samples: Mapping[str, FaceSamples] = field(default_factory=dict)

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
            "appearance": (self.appearance, (n_frames, len(self.measures))),
        }
        if self.flow_px is not None:
            n_named = self.flow_px.shape[1] if self.flow_px.ndim > 1 else -1
            shapes["flow_px"] = (self.flow_px, (n_frames, n_named, 2))
        for name, (array, shape) in shapes.items():
            if array is not None and array.shape != shape:
                raise TrackError(f"{name} must be of shape {shape}, not {array.shape}.")
        if n_frames > 1 and not np.all(np.diff(self.time_s) > 0):
            raise TrackError("time_s must increase from frame to frame.")
        for name, samples in self.samples.items():
            if len(samples.frames) and samples.frames[-1] >= n_frames:
                raise TrackError(f"Samples of {name} are of more frames than the track has.")

    @property
    def n_frames(self) -> int:
        """Number of frames of the video, with and without the face."""
        return len(self.time_s)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What there is of its arrays of float32, by name."""
        names = ("points_px", "confidence", "blendshapes", "pose", "flow_px", "appearance")
        return {name: array for name in names if (array := getattr(self, name)) is not None}

    @cached_property
    def present(self) -> np.ndarray:
        """``(n_frames,)`` bool: True where the face was found."""
        found = [
            np.isfinite(_copied(self.points_px, piece)[..., 0]).any(axis=1)
            for piece in pieces(self.n_frames)
        ]
        return np.concatenate([*found, np.empty(0, bool)])

    def part(self, frames: slice) -> Self:
        """Some consecutive frames of the track, copied into memory.

        Of arrays that are maps of files nothing but the copy stays in memory, so whoever goes
        through a track by :func:`pieces` holds one piece of it, however long the video. What
        networks say is left out: it is not of every frame.
        """
        arrays = {"time_s": self.time_s, **self.arrays}
        copies = {name: _copied(array, frames) for name, array in arrays.items()}
        return replace(self, **copies, samples={})

    def cut(self, frames: slice) -> Self:
        """Some consecutive frames as a track of their own; its arrays are views of these.

        Nothing is changed: times stay those of the video, and the flow into the first frame is
        kept, as it was measured.
        """
        arrays = {"time_s": self.time_s, **self.arrays}
        first, stop, _ = frames.indices(self.n_frames)
        samples = {name: one.cut(first, stop) for name, one in self.samples.items()}
        views = {name: array[frames] for name, array in arrays.items()}
        return replace(self, **views, samples=samples)

    def measured(self, name: str) -> np.ndarray:
        """``(n_frames,)`` float64 values of a measure; NaN where, or when, it was not read."""
        if self.appearance is None or name not in self.measures:
            return np.full(self.n_frames, np.nan)
        values, number = np.empty(self.n_frames), self.measures.index(name)
        for piece in pieces(self.n_frames):
            values[piece] = _copied(self.appearance, piece)[:, number]
        return values

    @property
    def frame_step_s(self) -> float:
        """Typical time between frames, seconds; NaN for a single frame."""
        return typical_step_s(self.time_s)

    @property
    def face_time_s(self) -> float:
        """Time for which the face is shown, seconds."""
        return float(frame_durations_s(self.time_s)[self.present].sum())


@dataclass(frozen=True)
class Sound:
    """How loud a video's sound is over time, in the band of speech; never the sound itself.

    Attributes
    ----------
    start_s : float
        Time of the first value on the clock of the frames.
    step_s : float
        Time between values.
    level_db : numpy.ndarray
        ``(n,)`` float32 level against full scale, at most about 0; never below the floor that
        stands for silence.
    """

    start_s: float
    step_s: float
    level_db: np.ndarray

    @property
    def time_s(self) -> np.ndarray:
        """``(n,)`` time of each value."""
        return self.start_s + self.step_s * np.arange(len(self.level_db))

    def between(self, start_s: float, end_s: float) -> Self | None:
        """The values from one time until before another, as a view; None when there is none."""
        first, stop = np.searchsorted(self.time_s, (start_s, end_s))
        if first == stop:
            return None
        return replace(self, start_s=float(self.time_s[first]), level_db=self.level_db[first:stop])


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
    info : VideoInfo or None
        What the container says.
    sound : Sound or None
        How loud its sound is over time; None when there is none.
    """

    tracks: list[LandmarkTrack]
    n_frames: int
    remarks: tuple[str, ...]
    info: VideoInfo | None = None
    sound: Sound | None = None


def pieces(n_frames: int) -> Iterator[slice]:
    """Consecutive slices of much the same length, of at most :data:`PIECE_FRAMES` frames.

    None of several is a single frame, whose sums numpy takes in another order.

    Examples
    --------
    >>> list(pieces(257))
    [slice(0, 128, None), slice(128, 257, None)]
    """
    n_pieces = -(-n_frames // PIECE_FRAMES)
    for number in range(n_pieces):
        yield slice(n_frames * number // n_pieces, n_frames * (number + 1) // n_pieces)


def _copied(array: np.ndarray, frames: slice) -> np.ndarray:
    """A copy of some frames of an array; the pages of a mapped file are let go of."""
    part = np.array(array[frames])
    owner = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    # Changes to a private map would be lost with its pages.
    if isinstance(owner, mmap.mmap) and not array.flags.writeable:
        owner.madvise(mmap.MADV_DONTNEED)
    return part


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
