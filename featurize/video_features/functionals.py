"""Functionals: what a whole signal says in one number. Applied to every frame signal.

Location, spread and tails come from the frames as they are; velocity, jerk, autocorrelation and
spectrum from the signal resampled to a common rate.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.signal import welch

from featurize.declaration import FrameSignal, Recording, VideoFeature, first_sentence
from featurize.sampled_frames import MIN_NEIGHBOURS, MIN_SAMPLES
from featurize.scratch import blocks, scratch
from featurize.types import typical_step_s
from featurize.video_features.sampling import (
    GRID_HZ,
    GROUP_VALUES,
    Segment,
    all_known,
    derivative,
    groups_of,
    joined,
    segments,
)

MIN_FRAMES = 12
"""Functionals of fewer frames with the face are NaN."""

LONGEST_FLICKER_S = 0.7
"""Samples further apart in time are not neighbours: the face was away between them."""

VELOCITY_WINDOW_S = 0.24
JERK_WINDOW_S = 0.4
AUTOCORRELATION_LAG_S = 0.2
SPECTRUM_WINDOW_S = 2.0
SPECTRUM_RANGE_HZ = (0.5, 10.0)
HIGH_FREQUENCY_HZ = 4.0
MIN_FPS_FOR_SPECTRUM = 2 * SPECTRUM_RANGE_HZ[1]


@dataclass(frozen=True)
class Signals:
    """Several signals, seen where all of them are known.

    Attributes
    ----------
    values : numpy.ndarray
        ``(n_frames, n_signals)``; NaN where unknown.
    time_s : numpy.ndarray
        ``(n_frames,)``.
    """

    values: np.ndarray
    time_s: np.ndarray

    @cached_property
    def frames(self) -> np.ndarray:
        """``(n_present_frames, n_signals)`` values of the frames in which all are known."""
        return where(self.values, all_known(self.values))

    @cached_property
    def segments(self) -> list[Segment]:
        """The same at a common rate, cut at gaps; computed only for functionals that ask."""
        return segments(self.values, self.time_s)

    @property
    def fps(self) -> float:
        """Typical frame rate, Hz."""
        return 1 / typical_step_s(self.time_s)


@dataclass(frozen=True)
class Functional:
    """A statistic of signals.

    Attributes
    ----------
    name : str
        Last part of the column name.
    unit : str
        Unit of the result, with ``{unit}`` for that of the signal.
    function : callable
        From :class:`Signals` to ``(n_signals,)`` values.
    confounded_by : tuple of str
        What moves the statistic besides what moves the signal.
    min_frames : int
        Of fewer known frames it is NaN.
    """

    name: str
    unit: str
    function: Callable[[Signals], np.ndarray]
    confounded_by: tuple[str, ...] = ()
    min_frames: int = MIN_FRAMES

    def describe(self, signal: FrameSignal) -> VideoFeature:
        """The column this functional makes of a signal."""
        unit = self.unit.format(unit=signal.unit)
        return VideoFeature(
            name=f"{signal.column}__{self.name}",
            family=signal.family,
            unit=unit,
            meaning=f"{signal.meaning}; {_uncapitalised(first_sentence(self.function))}",
            reference=signal.reference,
            confounded_by=tuple(dict.fromkeys((*signal.confounded_by, *self.confounded_by))),
        )


def median(signals: Signals) -> np.ndarray:
    """Median."""
    return np.median(signals.frames, axis=0)


def std(signals: Signals) -> np.ndarray:
    """Standard deviation."""
    return np.std(signals.frames, axis=0)


def iqr(signals: Signals) -> np.ndarray:
    """Interquartile range."""
    low, high = np.percentile(signals.frames, [25, 75], axis=0)
    return high - low


def p05(signals: Signals) -> np.ndarray:
    """5th percentile."""
    return np.percentile(signals.frames, 5, axis=0)


def p95(signals: Signals) -> np.ndarray:
    """95th percentile."""
    return np.percentile(signals.frames, 95, axis=0)


def cv(signals: Signals) -> np.ndarray:
    """Coefficient of variation."""
    mean = np.abs(np.mean(signals.frames, axis=0))
    return _ratio(np.std(signals.frames, axis=0), mean, signals)


def flicker(signals: Signals) -> np.ndarray:
    """Median absolute change from one sampled frame to the next."""
    known = np.isfinite(signals.values).all(axis=1)
    steps = np.abs(np.diff(signals.values[known], axis=0))
    neighbours = np.diff(signals.time_s[known]) <= LONGEST_FLICKER_S
    if np.count_nonzero(neighbours) < MIN_SAMPLES - 1:
        return np.full(steps.shape[1], np.nan)
    return np.median(steps[neighbours], axis=0)


def velocity_rms(signals: Signals) -> np.ndarray:
    """Root mean square velocity."""
    return _derivative_rms(signals, 1, VELOCITY_WINDOW_S)


def jerk_rms(signals: Signals) -> np.ndarray:
    """Root mean square jerk."""
    return _derivative_rms(signals, 3, JERK_WINDOW_S)


def autocorrelation(signals: Signals) -> np.ndarray:
    """Autocorrelation at a lag of 0.2 s."""
    lag = round(AUTOCORRELATION_LAG_S * GRID_HZ)
    stretches = [s.values for s in signals.segments if len(s.values) > 2 * lag]
    if not stretches:
        return np.full(signals.frames.shape[1], np.nan)
    mean = np.mean(joined(stretches, len(signals.values.T)), axis=0)
    centred = [segment - mean for segment in stretches]
    together = sum(np.sum(segment[:-lag] * segment[lag:], axis=0) for segment in centred)
    ahead = sum(np.sum(segment[:-lag] ** 2, axis=0) for segment in centred)
    behind = sum(np.sum(segment[lag:] ** 2, axis=0) for segment in centred)
    return _ratio(together, np.sqrt(ahead * behind), signals)


def hf_share(signals: Signals) -> np.ndarray:
    """Share of its power between 0.5 and 10 Hz that lies above 4 Hz."""
    power, frequency_hz = power_spectrum(signals)
    low_hz, high_hz = SPECTRUM_RANGE_HZ
    band = (frequency_hz >= low_hz) & (frequency_hz <= high_hz)
    total = power[band].sum(axis=0)
    return _ratio(power[band & (frequency_hz > HIGH_FREQUENCY_HZ)].sum(axis=0), total, signals)


def power_spectrum(signals: Signals) -> tuple[np.ndarray, np.ndarray]:
    """Power spectral density by Welch's method over 2 s windows.

    Returns
    -------
    power : numpy.ndarray
        ``(n_frequencies, n_signals)`` in squared units per Hz; NaN when no stretch lasts 2 s, or
        when the frame rate cannot carry 10 Hz.
    frequency_hz : numpy.ndarray
        ``(n_frequencies,)``.
    """
    window = round(SPECTRUM_WINDOW_S * GRID_HZ)
    frequency_hz = np.fft.rfftfreq(window, 1 / GRID_HZ)
    stretches = [s.values for s in signals.segments if len(s.values) >= window]
    # A thousandth of tolerance: 20 fps is 20 fps, whatever the sum of its steps says.
    if not stretches or signals.fps < 0.999 * MIN_FPS_FOR_SPECTRUM:
        return np.full((len(frequency_hz), signals.frames.shape[1]), np.nan), frequency_hz
    weights = [len(values) for values in stretches]
    spectra = [_welch(values, window) for values in stretches]
    return np.average(spectra, axis=0, weights=weights), frequency_hz


# The same motion gives the same value at any frame rate, but the landmarks' own noise does not:
# more frames per second average more of it out.
_NOISE = ("landmark noise", "frame rate")

MOTION_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median),
    Functional("std", "{unit}", std),
    Functional("iqr", "{unit}", iqr),
    Functional("p05", "{unit}", p05),
    Functional("p95", "{unit}", p95),
    Functional("velocity_rms", "{unit}/s", velocity_rms, _NOISE),
    Functional("jerk_rms", "{unit}/s^3", jerk_rms, _NOISE),
    Functional("autocorrelation", "1", autocorrelation, _NOISE),
    Functional("hf_share", "1", hf_share, _NOISE),
)
"""Applied to what moves with face and head, in this order."""

DISTANCE_FUNCTIONALS: tuple[Functional, ...] = (*MOTION_FUNCTIONALS, Functional("cv", "1", cv))
"""Applied to lengths and ratios of lengths: they have a zero that means something."""

EXPRESSION_FUNCTIONALS: tuple[Functional, ...] = tuple(
    functional
    for functional in MOTION_FUNCTIONALS
    if functional.name in ("median", "std", "p05", "autocorrelation", "hf_share")
)
"""Applied to expression coefficients. Over 220 clips the four others only repeat these five: their
ranks follow from those by multiple correlations of 0.97 (iqr) to 0.99 (velocity_rms)."""

THICKNESS_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median),
    Functional("cv", "1", cv),
)
"""Applied to lengths that should stay what they are."""

NOISE_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median),
    Functional("std", "{unit}", std),
    Functional("p95", "{unit}", p95),
)
"""Applied to errors from frame to frame."""

SAMPLE_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median, min_frames=MIN_SAMPLES),
    Functional("iqr", "{unit}", iqr, min_frames=MIN_SAMPLES),
    Functional("flicker", "{unit}", flicker, min_frames=MIN_SAMPLES),
)
"""Applied to what is read off sampled frames."""

TRANSITION_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median, min_frames=MIN_NEIGHBOURS),
    Functional("iqr", "{unit}", iqr, min_frames=MIN_SAMPLES),
)
"""Applied to what is read off pairs of frames, of which there is one a second."""

QUALITY_FUNCTIONALS: tuple[Functional, ...] = (
    Functional("median", "{unit}", median, min_frames=1),
)
"""Applied to the quality of sampled frames: something is better known of one frame than nothing."""


def apply_functionals(
    recording: Recording, columns: list[str], functionals: tuple[Functional, ...]
) -> dict[str, float]:
    """Every functional of every named signal, as ``{"<column>__<functional>": value}``."""
    values: dict[str, float] = {}
    for group in _same_gaps(recording, columns):
        signals = collect(recording, group)
        for functional in functionals:
            if len(signals.frames) >= functional.min_frames:
                results = functional.function(signals)
            else:
                results = np.full(len(group), np.nan)
            for column, value in zip(group, results, strict=True):
                values[f"{column}__{functional.name}"] = float(value)
    return values


def collect(recording: Recording, columns: list[str]) -> Signals:
    """The named signals of a recording together."""
    return Signals(together([recording.signals[c] for c in columns]), recording.time_s)


def together(series: Sequence[np.ndarray]) -> np.ndarray:
    """Series of one length side by side, ``(n_frames, n_series)``."""
    values = scratch((len(series[0]), len(series)))
    for number, column in enumerate(series):
        values[:, number] = column
    return values


def where(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """``(n_known, n_signals)`` the known of frames ``(n_frames, n_signals)``, or all themselves."""
    if known.all():
        return values
    chosen, first = scratch((np.count_nonzero(known), *values.shape[1:])), 0
    for block in blocks(len(values)):
        part = values[block][known[block]]
        chosen[first : first + len(part)] = part
        first += len(part)
    return chosen


def _uncapitalised(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _same_gaps(recording: Recording, columns: list[str]) -> list[list[str]]:
    """Signals in small groups that are missing in the same frames."""
    groups: dict[bytes, list[str]] = {}
    for column in columns:
        known = np.isfinite(recording.signals[column])
        groups.setdefault(hashlib.sha256(known).digest(), []).append(column)
    n_frames = len(recording.time_s)
    return [group for alike in groups.values() for group in groups_of(alike, n_frames)]


def _derivative_rms(signals: Signals, order: int, window_s: float) -> np.ndarray:
    pieces = [derivative(segment, order, window_s) for segment in signals.segments]
    if not sum(len(piece) for piece in pieces):
        return np.full(signals.frames.shape[1], np.nan)
    return np.sqrt(np.mean(joined(pieces, len(signals.values.T)) ** 2, axis=0))


def _welch(values: np.ndarray, window: int) -> np.ndarray:
    """Mean power of windows that overlap by half, so many at a time that memory is bounded."""
    step, n_windows = window // 2, len(values) // (window // 2) - 1
    spectra, weights = [], []
    for first in range(0, n_windows, GROUP_VALUES // step):
        weights.append(min(GROUP_VALUES // step, n_windows - first))
        part = values[first * step : (first + weights[-1] - 1) * step + window]
        spectra.append(welch(part, GRID_HZ, nperseg=window, detrend="linear", axis=0)[1])
    return spectra[0] if len(spectra) == 1 else np.average(spectra, axis=0, weights=weights)


def _ratio(numerator: np.ndarray, denominator: np.ndarray, signals: Signals) -> np.ndarray:
    """Quotient; NaN where a constant signal leaves nothing but rounding to divide by."""
    rounding = 1e-16 * np.mean(signals.frames**2, axis=0)
    known = denominator > rounding
    return np.divide(numerator, denominator, out=np.full(known.shape, np.nan), where=known)
