"""What the scripted performer is to do, as a function of time: the truth that tests compare with.

A script knows nothing of frames. It is evaluated at any moment, so the same motion can be
rendered at 24, 29.97 or 60 frames per second, or at irregular times.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from featurize.synthesis.curves import Bumps, Constant, Curve, Sines
from featurize.synthesis.errors import SynthesisError

_CLOSING_SHARE = 0.30
_CLOSED_SHARE = 0.10


@dataclass(frozen=True)
class Blink:
    """One blink of both eyes: lids come down fast, stay a moment, go up slowly.

    The closing takes 30 % of the time, the eye stays at its deepest for 10 %, the opening takes
    60 %: lids fall in about 100 ms and rise in about 200 ms in spontaneous blinks
    (VanderWerf et al. 2003, J Neurophysiol 89:2784).

    Attributes
    ----------
    start_s : float
        When the lids begin to move.
    duration_s : float
        From then until they are at rest again.
    depth : float
        Share of the eye that the lid covers at the deepest, in [0, 1].

    Raises
    ------
    SynthesisError
        When the start is not finite, or duration or depth is out of range.
    """

    start_s: float
    duration_s: float = 0.32
    depth: float = 1.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.start_s):
            raise SynthesisError(f"A blink needs a finite start_s, not {self.start_s}.")
        _check_positive("The duration_s of a blink", self.duration_s)
        if not 0 <= self.depth <= 1:
            raise SynthesisError(f"A blink needs a depth from 0 to 1, not {self.depth}.")

    @property
    def peak_s(self) -> float:
        """Middle of the moment for which the lid is at its deepest."""
        return self.start_s + (_CLOSING_SHARE + _CLOSED_SHARE / 2) * self.duration_s

    def closure(self, time_s: float) -> float:
        """Share of the eye that the lid covers at ``time_s``, in [0, ``depth``]."""
        phase = (time_s - self.start_s) / self.duration_s
        if not 0.0 < phase < 1.0:
            return 0.0
        if phase < _CLOSING_SHARE:
            way = phase / _CLOSING_SHARE
        else:
            opening_share = 1 - _CLOSING_SHARE - _CLOSED_SHARE
            way = min((1 - phase) / opening_share, 1.0)
        return self.depth * (0.5 - 0.5 * float(np.cos(np.pi * way)))


@dataclass(frozen=True)
class State:
    """Everything about the performer at one moment; the fields are those of :class:`Script`."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    shift_right_iod: float = 0.0
    shift_down_iod: float = 0.0
    scale: float = 1.0
    mouth_opening: float = 0.0
    gaze_right: float = 0.0
    eye_closure: float = 0.0

    def mirrored(self) -> "State":
        """Return the state as a mirror shows it."""
        return replace(
            self,
            yaw_deg=-self.yaw_deg,
            roll_deg=-self.roll_deg,
            shift_right_iod=-self.shift_right_iod,
            gaze_right=-self.gaze_right,
        )


@dataclass(frozen=True)
class Script:
    """A performance: how a face moves over ``duration_s`` seconds.

    Attributes
    ----------
    duration_s : float
        Length of the performance.
    yaw_deg, pitch_deg, roll_deg : Curve
        Head rotation from frontal, applied roll first, then pitch, then yaw. Yaw > 0: turns to
        the subject's own left; pitch > 0: looks up; roll > 0: tilts to the subject's own left
        shoulder. Looks natural within 25, 15 and 20 degrees.
    shift_right_iod, shift_down_iod : Curve
        Where the head moves to in the image, in distances between the pupils.
    scale : Curve
        Size of the head relative to its usual size.
    mouth_opening : Curve
        0: lips nearly closed (an eighth of the gap on the photograph stays), 1: as wide as it
        gets.
    gaze_right : Curve
        Where the eyes look relative to the face: -1 image left, 0 straight, 1 image right.
    blinks : tuple of Blink
        In order of time. Where two overlap, the deeper one counts.

    Raises
    ------
    SynthesisError
        When the duration is not above 0 and finite, or blinks are not in order of time.
    """

    duration_s: float
    yaw_deg: Curve = field(default_factory=Constant)
    pitch_deg: Curve = field(default_factory=Constant)
    roll_deg: Curve = field(default_factory=Constant)
    shift_right_iod: Curve = field(default_factory=Constant)
    shift_down_iod: Curve = field(default_factory=Constant)
    scale: Curve = field(default_factory=lambda: Constant(1.0))
    mouth_opening: Curve = field(default_factory=Constant)
    gaze_right: Curve = field(default_factory=Constant)
    blinks: tuple[Blink, ...] = ()

    def __post_init__(self) -> None:
        _check_positive("The duration_s of a script", self.duration_s)
        starts_s = [blink.start_s for blink in self.blinks]
        if starts_s != sorted(starts_s):
            raise SynthesisError(
                f"The blinks of a script must be in order of time, not start at {starts_s} s."
            )

    def at(self, time_s: float) -> State:
        """State of the face at ``time_s`` seconds.

        Examples
        --------
        >>> script = Script(5.0, blinks=(Blink(1.0, duration_s=0.4, depth=0.8),))
        >>> script.at(script.blinks[0].peak_s).eye_closure
        0.8
        """
        return State(
            yaw_deg=self.yaw_deg(time_s),
            pitch_deg=self.pitch_deg(time_s),
            roll_deg=self.roll_deg(time_s),
            shift_right_iod=self.shift_right_iod(time_s),
            shift_down_iod=self.shift_down_iod(time_s),
            scale=self.scale(time_s),
            mouth_opening=self.mouth_opening(time_s),
            gaze_right=self.gaze_right(time_s),
            eye_closure=max((blink.closure(time_s) for blink in self.blinks), default=0.0),
        )

    def without_blinks(self) -> "Script":
        """Return the same performance with eyes that never close."""
        return replace(self, blinks=())

    def frame_times(self, fps: float) -> np.ndarray:
        """Presentation times, in seconds from 0, of a clip of this performance.

        Parameters
        ----------
        fps : float
            Frames per second.

        Returns
        -------
        numpy.ndarray
            ``(n_frames,)`` float64; all are earlier than ``duration_s``.

        Raises
        ------
        SynthesisError
            When ``fps`` is not above 0 and finite.
        """
        _check_positive("fps", fps)
        return np.arange(round(self.duration_s * fps)) / fps


def _check_positive(what: str, value: float) -> None:
    """Refuse a duration or a rate that is nothing, endless or not a number."""
    if not 0 < value < np.inf:
        raise SynthesisError(f"{what} must be above 0 and finite, not {value}.")


def _sway(
    rng: np.random.Generator, size: float, low_hz: float, high_hz: float, offset: float = 0.0
) -> Sines:
    """Slow movement whose standard deviation is about ``size``, strongest where slowest."""
    frequencies = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), 5))
    amplitudes = rng.uniform(0.5, 1.0, 5) / frequencies**0.7
    amplitudes *= size * np.sqrt(2.0) / np.linalg.norm(amplitudes)
    phases = rng.uniform(0, 2 * np.pi, 5)
    return Sines(tuple(amplitudes), tuple(frequencies), tuple(phases), offset)


def _spontaneous_blinks(rng: np.random.Generator, duration_s: float) -> tuple[Blink, ...]:
    """Return about 18 blinks a minute at irregular intervals."""
    mean_interval_s = 60.0 / rng.uniform(15.0, 21.0)
    blinks = []
    start_s = rng.uniform(0.2, mean_interval_s)
    while start_s < duration_s - 0.5:
        blink = Blink(float(start_s), float(rng.uniform(0.26, 0.38)), float(rng.uniform(0.85, 1.0)))
        blinks.append(blink)
        spread = 0.5
        pause_s = mean_interval_s * rng.lognormal(-(spread**2) / 2, spread)
        start_s += max(pause_s, blink.duration_s + 0.3)
    return tuple(blinks)


def _speech(rng: np.random.Generator, duration_s: float) -> Bumps:
    """Return syllables at 3 to 5.5 per second in phrases with pauses between them."""
    rate_hz = rng.uniform(3.0, 5.5)
    centres, widths, heights = [], [], []
    time_s = rng.uniform(0.0, 0.8)
    while time_s < duration_s:
        phrase_end_s = time_s + rng.uniform(1.0, 2.5)
        while time_s < min(phrase_end_s, duration_s):
            step_s = rng.uniform(0.75, 1.3) / rate_hz
            centres.append(float(time_s))
            widths.append(float(step_s * 1.25))
            heights.append(float(rng.uniform(0.15, 0.65)))
            time_s += step_s
        time_s += rng.uniform(0.3, 0.9)
    return Bumps(tuple(centres), tuple(widths), tuple(heights))


def random_script(seed: int, duration_s: float) -> Script:
    """Draw a natural performance: head sway, spontaneous blinks, speech.

    Parameters
    ----------
    seed : int
        Same seed, same performance.
    duration_s : float
        Its length.

    Returns
    -------
    Script
        Yaw mostly within 15 degrees, pitch and roll within 8; a clip of a few seconds may hold
        no blink, as in life.

    Raises
    ------
    SynthesisError
        When the duration is not above 0 and finite.
    """
    _check_positive("duration_s", duration_s)
    rng = np.random.default_rng(seed)
    return Script(
        duration_s=duration_s,
        yaw_deg=_sway(rng, rng.uniform(3.0, 6.0), 0.08, 0.9, rng.uniform(-4, 4)),
        pitch_deg=_sway(rng, rng.uniform(1.5, 3.0), 0.1, 1.2, rng.uniform(-2, 2)),
        roll_deg=_sway(rng, rng.uniform(1.0, 2.5), 0.08, 0.9, rng.uniform(-2, 2)),
        shift_right_iod=_sway(rng, rng.uniform(0.03, 0.08), 0.08, 0.6),
        shift_down_iod=_sway(rng, rng.uniform(0.02, 0.04), 0.08, 0.6),
        scale=_sway(rng, rng.uniform(0.005, 0.02), 0.05, 0.4, 1.0),
        mouth_opening=_speech(rng, duration_s),
        gaze_right=_sway(rng, rng.uniform(0.05, 0.2), 0.1, 0.7),
        blinks=_spontaneous_blinks(rng, duration_s),
    )
