"""How a feature is declared: what it is called, what it means, its unit, source and confounders.

A declaration stands next to the code that computes the value; :mod:`featurize.registry` lists them
all in order.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from featurize.scratch import let_go
from featurize.types import LandmarkTrack, Sound, VideoInfo

if TYPE_CHECKING:
    from featurize.frame_features.face_view import FaceView
    from featurize.frame_features.transitions.face_pair import FacePair

SignalFunction = Callable[[LandmarkTrack], np.ndarray]
PixelFunction = Callable[["FaceView"], float]
PairFunction = Callable[["FacePair"], float]


@dataclass(frozen=True)
class FrameSignal:
    """One value per frame of a track; call it with the track.

    Attributes
    ----------
    family : str
        Group of features it belongs to, such as ``"eyes"``.
    name : str
        Name with its unit, such as ``"yaw_deg"``; no unit in the name means a pure number.
    unit : str
        Unit of the value; ``"1"`` for a pure number, ``"iod"`` for interocular distances.
    reference : str
        Where the measure comes from.
    confounded_by : tuple of str
        What else moves the value besides the face.
    function : callable
        From a track to ``(n_frames,)`` float values; NaN where the face is missing.
    """

    family: str
    name: str
    unit: str
    reference: str
    confounded_by: tuple[str, ...]
    function: SignalFunction

    @property
    def column(self) -> str:
        """Name in tables: ``<family>__<name>``."""
        return f"{self.family}__{self.name}"

    @property
    def meaning(self) -> str:
        """First sentence of the function's docstring."""
        return first_sentence(self.function)

    def __call__(self, track: LandmarkTrack) -> np.ndarray:
        """Value for each frame, ``(n_frames,)``."""
        return self.function(track)


def frame_signal(
    *, unit: str, reference: str, confounded_by: tuple[str, ...]
) -> Callable[[SignalFunction], FrameSignal]:
    """Declare a function of a track as a frame signal; its module names the family."""

    def declare(function: SignalFunction) -> FrameSignal:
        name = function.__name__
        return FrameSignal(_family(function), name, unit, reference, confounded_by, function)

    return declare


@dataclass(frozen=True)
class PixelSignal(FrameSignal):
    """A frame signal that is read off the pixels of sampled frames while the video passes.

    Attributes
    ----------
    read : callable
        From a :class:`featurize.frame_features.face_view.FaceView` to a value; NaN where the face
        does not show what is measured.
    """

    read: PixelFunction


def pixel_signal(
    *, unit: str, reference: str, confounded_by: tuple[str, ...]
) -> Callable[[PixelFunction], PixelSignal]:
    """Declare a function of a face view as a frame signal; its module names the family."""

    def declare(read: PixelFunction) -> PixelSignal:
        family, name, measured = _measured(read)
        return PixelSignal(family, name, unit, reference, confounded_by, measured, read)

    return declare


@dataclass(frozen=True)
class PairSignal(FrameSignal):
    """A frame signal that is read off a sampled frame and its neighbour while the video passes.

    Its value stands in the second of the two frames.

    Attributes
    ----------
    read : callable
        From a :class:`featurize.frame_features.transitions.face_pair.FacePair` to a value; NaN
        where the pair does not show what is measured.
    """

    read: PairFunction


def pair_signal(
    *, unit: str, reference: str, confounded_by: tuple[str, ...]
) -> Callable[[PairFunction], PairSignal]:
    """Declare a function of a face pair as a frame signal; its module names the family."""

    def declare(read: PairFunction) -> PairSignal:
        family, name, measured = _measured(read)
        return PairSignal(family, name, unit, reference, confounded_by, measured, read)

    return declare


def _measured(read: PixelFunction | PairFunction) -> tuple[str, str, SignalFunction]:
    """Family and name of a signal that is read off pixels, and how a track gives it again."""
    family, name = _family(read), read.__name__

    def measured(track: LandmarkTrack) -> np.ndarray:
        return track.measured(f"{family}__{name}")

    measured.__doc__ = read.__doc__
    return family, name, measured


def _family(function: Callable) -> str:
    """The room of the function: its module, or the package below ``frame_features``."""
    parts = function.__module__.split(".")
    return parts[parts.index("frame_features") + 1] if "frame_features" in parts else parts[-1]


class KeptSignals(Mapping[str, np.ndarray]):
    """Frame signals by column name, in the rows of one array that may lie in a temporary file.

    Of a file only what was asked for last stays in memory, so whoever goes from signal to signal,
    or from piece to piece, needs no more for a hundred signals than for one.

    Parameters
    ----------
    columns : sequence of str
        Names.
    values : numpy.ndarray
        ``(n_signals, n_frames)``, as :func:`featurize.scratch.scratch` makes it.
    """

    def __init__(self, columns: Sequence[str], values: np.ndarray) -> None:
        self._rows = {column: number for number, column in enumerate(columns)}
        self._values = values.view()
        self._values.flags.writeable = False

    def __getitem__(self, column: str) -> np.ndarray:
        """``(n_frames,)`` values of one signal, read-only."""
        row = self._values[self._rows[column]]
        let_go(row)
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True)
class Recording:
    """One face over one video: the track and its frame signals, the input of every summary.

    Attributes
    ----------
    track : LandmarkTrack
        Where the face is.
    signals : Mapping[str, numpy.ndarray]
        ``(n_frames,)`` values of each frame signal by column name.
    info : VideoInfo or None
        What the container says; None when nothing is known of the file.
    sound : Sound or None
        How loud speech is over time; None when there is no sound.
    """

    track: LandmarkTrack
    signals: Mapping[str, np.ndarray]
    info: VideoInfo | None = None
    sound: Sound | None = None

    @property
    def time_s(self) -> np.ndarray:
        """``(n_frames,)`` presentation times."""
        return self.track.time_s

    @property
    def frame_step_s(self) -> float:
        """Typical time between frames, seconds; NaN for a single frame."""
        return self.track.frame_step_s


@dataclass(frozen=True)
class VideoFeature:
    """Description of one column of the feature table.

    Attributes
    ----------
    name : str
        Column name, ``<family>__<signal>__<statistic>``.
    family, unit, meaning, reference : str
        As for :class:`FrameSignal`.
    confounded_by : tuple of str
        What else moves the value besides the face.
    """

    name: str
    family: str
    unit: str
    meaning: str
    reference: str
    confounded_by: tuple[str, ...]


SummaryFunction = Callable[[Recording], dict[str, float]]


@dataclass(frozen=True)
class Summary:
    """A function from a recording to several video features; call it with the recording.

    Attributes
    ----------
    features : tuple of VideoFeature
        Exactly the values it returns, in this order.
    function : callable
        From a :class:`Recording` to one value per feature name.
    """

    features: tuple[VideoFeature, ...]
    function: SummaryFunction

    def __call__(self, recording: Recording) -> dict[str, float]:
        """One value per declared feature, in the declared order.

        Raises
        ------
        KeyError
            When the function leaves a declared feature out.
        """
        values = self.function(recording)
        undeclared = values.keys() - {feature.name for feature in self.features}
        if undeclared:
            raise KeyError(f"undeclared features: {sorted(undeclared)}")
        return {feature.name: float(values[feature.name]) for feature in self.features}


def summary(
    *,
    family: str,
    reference: str,
    confounded_by: tuple[str, ...],
    features: Mapping[str, tuple[str, str]],
) -> Callable[[SummaryFunction], Summary]:
    """Declare a function of a recording as a summary.

    Parameters
    ----------
    family, reference, confounded_by
        Shared by all its features.
    features : Mapping[str, tuple of str]
        ``{"<signal>__<statistic>": (unit, meaning)}``.
    """

    def declare(function: SummaryFunction) -> Summary:
        described = tuple(
            VideoFeature(f"{family}__{name}", family, unit, meaning, reference, confounded_by)
            for name, (unit, meaning) in features.items()
        )
        return Summary(described, function)

    return declare


def first_sentence(function: Callable) -> str:
    """First paragraph of a docstring on one line, without its full stop."""
    paragraph = inspect.getdoc(function).partition("\n\n")[0]
    return " ".join(paragraph.split()).removesuffix(".")
