"""Pulse: the colour of the skin changes with each heartbeat, everywhere on the face at once.

Remote photoplethysmography reads it from forehead and both cheeks. A generated face may carry a
rate, its driver's perhaps, so the rate is no evidence; that regions beat together is (FakeCatcher,
Ciftci, Demir & Yin 2020). Compression takes the pulse away as well as manipulation does: where no
region has one, nothing agrees, and the signal-to-noise ratio says so.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from featurize.computed_once import computed_once
from featurize.declaration import Recording, summary
from featurize.types import LandmarkTrack
from featurize.video_features.pulse_signals import (
    BAND_HZ,
    GROUP,
    REGIONS,
    WINDOW_S,
    Pulses,
    pulses_of,
    window_groups,
)
from featurize.video_features.sampling import GRID_HZ
from featurize.video_features.statistics import percentile

MIN_WINDOWS = 3
"""What is compared over time is unknown of fewer windows."""

LOCKING_WINDOW_S = 1.9
"""Half of a window, so that a clip of 6 s has three of them at any frame rate."""

PEAK_HALF_WIDTH_HZ = 2 / WINDOW_S
"""Half of the main lobe of a Hann window: a steady pulse is no narrower."""

_PAIRS = tuple(combinations(range(len(REGIONS)), 2))
_WINDOW = round(WINDOW_S * GRID_HZ)
_LOCKING_WINDOW = round(LOCKING_WINDOW_S * GRID_HZ)
# Spectra are padded with zeros to steps of 3 beats a minute.
_N_FFT = 1000
_ALL_HZ = np.fft.rfftfreq(_N_FFT, 1 / GRID_HZ)
_IN_BAND = np.clip(_ALL_HZ, *BAND_HZ) == _ALL_HZ
_FREQUENCY_HZ = _ALL_HZ[_IN_BAND]

_REFERENCE = (
    "POS (Wang et al. 2017) and CHROM (de Haan & Jeanne 2013); agreement of regions after "
    "FakeCatcher (Ciftci, Demir & Yin 2020)"
)
_CONFOUNDERS = (
    "compression",
    "head motion and speech",
    "hair on the forehead",
    "make-up",
    "small faces",
    "few or repeated frames",
    "skin tone and light",
)


@summary(
    family="pulse",
    reference=_REFERENCE,
    confounded_by=_CONFOUNDERS,
    features={
        **{
            f"snr_{region}_db__median": (
                "dB",
                f"How far the pulse of the {region.replace('_', ' ')} (POS) stands out of other "
                "changes of colour between 0.7 and 4 Hz",
            )
            for region in REGIONS
        },
        "agreement_forehead_cheek_left__median": (
            "1",
            "Correlation of the pulses of forehead and left cheek over 3.8 s",
        ),
        "agreement_forehead_cheek_right__median": (
            "1",
            "Correlation of the pulses of forehead and right cheek over 3.8 s",
        ),
        "agreement_cheeks__median": ("1", "Correlation of the pulses of both cheeks over 3.8 s"),
        "phase_locking__mean": (
            "1",
            "How constant the phases between the regions' pulses stay over the video at the "
            "dominant rate; 0 by chance, 1 for coherent pulses",
        ),
        "phase_difference_deg__median": (
            "deg",
            "How far the regions' pulses are out of phase at the dominant rate, mean of three "
            "pairs, from 0 to 120",
        ),
        "rate_difference_bpm__median": (
            "1/min",
            "Highest minus lowest of the regions' own pulse rates over 3.8 s",
        ),
        "rate_change_bpm__median": (
            "1/min",
            "Absolute change of the common pulse rate from one window of 3.8 s to that a second "
            "later",
        ),
        "pos_to_chrom__correlation": (
            "1",
            "Correlation of what POS and CHROM, two ways to read the pulse, find in a region",
        ),
    },
)
def pulse_agreement(recording: Recording) -> dict[str, float]:
    """Strength of the pulse in each region, and agreement between regions and methods.

    Values are medians over windows of 3.8 s, one every second, so they do not depend on how long
    the video is. NaN when forehead and both cheeks are not seen together in a clip of 4 s without
    a break, or at fewer than 8 frames a second, or when the colour does not change; what is
    compared over time needs three windows: a clip of 6 s.
    """
    found, phase_locking = _course(recording.track)
    names = ("forehead_cheek_left", "forehead_cheek_right", "cheeks")
    return {
        **{
            f"pulse__snr_{region}_db__median": _median(found.snr_db[:, number])
            for number, region in enumerate(REGIONS)
        },
        **{
            f"pulse__agreement_{name}__median": _median(found.agreement[:, number])
            for number, name in enumerate(names)
        },
        "pulse__phase_locking__mean": phase_locking,
        "pulse__phase_difference_deg__median": _median(found.phase_difference_deg),
        "pulse__rate_difference_bpm__median": 60 * _median(np.ptp(found.rates_hz, axis=1)),
        "pulse__rate_change_bpm__median": 60 * _steps_hz(found),
        "pulse__pos_to_chrom__correlation": _median(found.methods.ravel()),
    }


@summary(
    family="quality",
    reference=_REFERENCE,
    confounded_by=(*_CONFOUNDERS, "identity and state of the person"),
    features={
        "pulse_rate_bpm__median": (
            "1/min",
            "Rate of the pulse that the regions have in common, if there is one: information, "
            "since good fakes carry their driver's",
        )
    },
)
def pulse_rate(recording: Recording) -> dict[str, float]:
    """Pulse rate, from 42 to 240 beats a minute, in steps of 3; NaN as for the pulse itself."""
    rate_hz = _course(recording.track).windows.common_hz
    return {"quality__pulse_rate_bpm__median": 60 * _median(rate_hz)}


class _Windows(NamedTuple):
    """What is kept of windows; NaN where a region has no pulse that changes.

    Attributes
    ----------
    stretch : numpy.ndarray
        ``(n_windows,)`` number of the unbroken stretch.
    rates_hz, snr_db, methods : numpy.ndarray
        ``(n_windows, n_regions)`` dominant rate, how far it stands out, and correlation of POS and
        CHROM.
    agreement : numpy.ndarray
        ``(n_windows, n_pairs)`` correlation of regions.
    common_hz, phase_difference_deg : numpy.ndarray
        ``(n_windows,)`` dominant rate of all regions together, and how far they are apart at it.
    power : numpy.ndarray
        ``(n_groups, n_frequencies)`` power of the windows and regions of a group, added up.
    """

    stretch: np.ndarray
    rates_hz: np.ndarray
    snr_db: np.ndarray
    methods: np.ndarray
    agreement: np.ndarray
    common_hz: np.ndarray
    phase_difference_deg: np.ndarray
    power: np.ndarray


class _Course(NamedTuple):
    """The pulse over a whole video."""

    windows: _Windows
    phase_locking: float


@computed_once
def _course(track: LandmarkTrack) -> _Course:
    pulses = pulses_of(track)
    none = np.empty((0, len(REGIONS), _WINDOW))
    groups = [
        _compared(number, pos, chrom)
        for number, stretch in enumerate(zip(pulses.pos, pulses.chrom, strict=True))
        for pos, chrom in zip(*map(window_groups, stretch), strict=True)
    ]
    parts = zip(_compared(0, none, none), *groups, strict=True)
    windows = _Windows(*map(np.concatenate, parts))
    return _Course(windows, _phase_locking(pulses, windows.power.sum(axis=0)))


def _compared(stretch: int, pos: np.ndarray, chrom: np.ndarray) -> _Windows:
    """Regions and methods compared in windows ``(n_windows, n_regions, n_samples)``."""
    known = np.isfinite(pos).all(axis=(1, 2))
    spectra = np.fft.rfft(pos[known] * np.hanning(_WINDOW), _N_FFT, axis=-1)[..., _IN_BAND]
    power = np.abs(spectra) ** 2
    rates_hz = _dominant_hz(power)
    common_hz = _dominant_hz(power.sum(axis=1))
    return _Windows(
        stretch=np.full(len(pos), stretch),
        rates_hz=_where(known, rates_hz),
        snr_db=_where(known, _snr_db(power, rates_hz)),
        methods=_of_pairs(pos, chrom),
        agreement=_correlations(pos),
        common_hz=_where(known, common_hz),
        phase_difference_deg=_where(known, _phase_difference_deg(spectra, common_hz)),
        power=power.sum(axis=(0, 1))[None],
    )


def _where(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of the known windows in their places among all, NaN in the others."""
    every = np.full((len(known), *values.shape[1:]), np.nan)
    every[known] = values
    return every


def _dominant_hz(power: np.ndarray) -> np.ndarray:
    """Frequency of the highest peak in band, along the last axis."""
    return _FREQUENCY_HZ[power.argmax(axis=-1)]


def _snr_db(power: np.ndarray, rate_hz: np.ndarray) -> np.ndarray:
    """Power near a rate and its double against the rest of the band (de Haan & Jeanne 2013)."""
    away_hz = np.abs(_FREQUENCY_HZ - rate_hz[..., None] * np.array([1, 2])[:, None, None, None])
    near = (away_hz <= PEAK_HALF_WIDTH_HZ).any(axis=0)
    signal, noise = (np.sum(power, axis=-1, where=part) for part in (near, ~near))
    return 10 * np.log10(signal / noise)


def _of_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlation along the last axis of series without mean; NaN stays NaN."""
    scale = np.sqrt(np.sum(first**2, axis=-1) * np.sum(second**2, axis=-1))
    return np.sum(first * second, axis=-1) / scale


def _correlations(windows: np.ndarray) -> np.ndarray:
    """``(n_windows, n_pairs)`` correlations between regions."""
    return np.stack([_of_pairs(windows[:, i], windows[:, j]) for i, j in _PAIRS], axis=1)


def _phase_difference_deg(spectra: np.ndarray, rate_hz: np.ndarray) -> np.ndarray:
    """``(n_windows,)`` mean over pairs of regions of the angle between them at a rate."""
    at_rate = spectra[np.arange(len(spectra)), :, np.searchsorted(_FREQUENCY_HZ, rate_hz)]
    angles = [np.angle(at_rate[:, i] * at_rate[:, j].conj()) for i, j in _PAIRS]
    return np.degrees(np.mean(np.abs(angles), axis=0))


def _phase_locking(pulses: Pulses, power: np.ndarray) -> float:
    """Pairwise phase consistency (Vinck et al. 2010), which is 0 by chance however few windows.

    Of windows that share no sample, at the dominant rate of the video, whose power is given; mean
    over pairs of regions.
    """
    if not power.any():
        return np.nan
    rate_hz = _dominant_hz(power)
    wave = np.exp(-2j * np.pi * rate_hz * np.arange(_LOCKING_WINDOW) / GRID_HZ)
    wave *= np.hanning(_LOCKING_WINDOW)
    beats = np.concatenate([_beats(stretch, wave) for stretch in pulses.pos])
    n = len(beats)
    if n < MIN_WINDOWS:
        return np.nan
    locking = []
    for i, j in _PAIRS:
        turns = np.exp(1j * np.angle(beats[:, i] * beats[:, j].conj()))
        locking.append((np.abs(turns.sum()) ** 2 - n) / (n * (n - 1)))
    return float(np.mean(locking))


def _beats(stretch: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """``(n_windows, n_regions)`` complex amplitude in windows that follow each other."""
    windows = sliding_window_view(stretch, _LOCKING_WINDOW, axis=0)[::_LOCKING_WINDOW]
    # Some at a time, as products make complex copies of what they multiply.
    parts = [windows[first : first + GROUP] @ wave for first in range(0, len(windows), GROUP)]
    return np.concatenate(parts)


def _steps_hz(windows: _Windows) -> float:
    """Median absolute change of the common rate from a window to the next of the same stretch."""
    changes = np.abs(np.diff(windows.common_hz))
    known = np.isfinite(changes) & (np.diff(windows.stretch) == 0)
    return _median(changes[known]) if known.sum() >= MIN_WINDOWS - 1 else np.nan


def _median(values: np.ndarray) -> float:
    """Median of what is known; NaN of nothing."""
    return percentile(values[np.isfinite(values)], 50)
