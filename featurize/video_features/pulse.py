"""Pulse: the colour of the skin changes with each heartbeat, everywhere on the face at once.

Remote photoplethysmography reads it from forehead and both cheeks. A generated face may carry a
rate, its driver's perhaps, so the rate is no evidence; that regions beat together is (FakeCatcher,
Ciftci, Demir & Yin 2020). Compression takes the pulse away as well as manipulation does: where no
region has one, nothing agrees, and the signal-to-noise ratio says so.
"""

from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from featurize.declaration import Recording, summary
from featurize.video_features.pulse_signals import BAND_HZ, REGIONS, WINDOW_S, Pulses, pulses_of
from featurize.video_features.sampling import GRID_HZ
from featurize.video_features.statistics import percentile

MIN_WINDOWS = 3
"""What is compared over time is unknown of fewer windows."""

LOCKING_WINDOW_S = 2.0
PEAK_HALF_WIDTH_HZ = 0.25

_PAIRS = tuple(combinations(range(len(REGIONS)), 2))
_WINDOW = round(WINDOW_S * GRID_HZ)
_LOCKING_WINDOW = round(LOCKING_WINDOW_S * GRID_HZ)
# Spectra are padded with zeros to steps of 3 beats a minute.
_N_FFT = 1000
_FREQUENCY_HZ = np.fft.rfftfreq(_N_FFT, 1 / GRID_HZ)
_IN_BAND = np.clip(_FREQUENCY_HZ, *BAND_HZ) == _FREQUENCY_HZ

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
            "Correlation of the pulses of forehead and left cheek over 4 s",
        ),
        "agreement_forehead_cheek_right__median": (
            "1",
            "Correlation of the pulses of forehead and right cheek over 4 s",
        ),
        "agreement_cheeks__median": ("1", "Correlation of the pulses of both cheeks over 4 s"),
        "phase_locking__mean": (
            "1",
            "How constant the phases between the regions' pulses stay over the video at the "
            "dominant rate; 0 by chance, 1 for coherent pulses",
        ),
        "phase_difference_deg__median": (
            "deg",
            "How far the regions' pulses are out of phase at the dominant rate, from 0 to 180",
        ),
        "rate_difference_bpm__median": (
            "1/min",
            "Highest minus lowest of the regions' own pulse rates over 4 s",
        ),
        "rate_change_bpm__median": (
            "1/min",
            "Absolute change of the common pulse rate from one 4 s window to that a second later",
        ),
        "pos_to_chrom__correlation": (
            "1",
            "Correlation of what POS and CHROM, two ways to read the pulse, find in a region",
        ),
    },
)
def pulse_agreement(recording: Recording) -> dict[str, float]:
    """Strength of the pulse in each region, and agreement between regions and methods.

    Values are medians over windows of 4 s, one every second, so they do not depend on how long the
    video is. NaN when forehead and both cheeks are not seen together for 4 s without a break, or
    at fewer than 8 frames a second, or when the colour does not change; what is compared over time
    needs three windows: 6 s.
    """
    pulses = pulses_of(recording.track)
    spectra = _spectra(pulses.pos)
    power = np.abs(spectra) ** 2
    rates_hz = _dominant_hz(power)
    common_hz = _dominant_hz(power.sum(axis=1))
    snr_db = _snr_db(power, rates_hz)
    alike = _correlations(pulses.pos)
    methods = _of_pairs(pulses.pos, pulses.chrom)
    names = ("forehead_cheek_left", "forehead_cheek_right", "cheeks")
    return {
        **{
            f"pulse__snr_{region}_db__median": _median(snr_db[:, number])
            for number, region in enumerate(REGIONS)
        },
        **{
            f"pulse__agreement_{name}__median": _median(alike[:, number])
            for number, name in enumerate(names)
        },
        "pulse__phase_locking__mean": _phase_locking(pulses),
        "pulse__phase_difference_deg__median": _median(_phase_difference_deg(spectra, common_hz)),
        "pulse__rate_difference_bpm__median": 60 * _median(np.ptp(rates_hz, axis=1)),
        "pulse__rate_change_bpm__median": 60 * _steps(common_hz),
        "pulse__pos_to_chrom__correlation": _median(methods.ravel()),
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
    pulses = pulses_of(recording.track)
    power = np.abs(_spectra(pulses.pos)) ** 2
    return {"quality__pulse_rate_bpm__median": 60 * _median(_dominant_hz(power.sum(axis=1)))}


def _spectra(windows: np.ndarray) -> np.ndarray:
    """``(n_windows, n_regions, n_frequencies)`` complex, of the windows that all regions have."""
    known = windows[np.isfinite(windows).all(axis=(1, 2))]
    return np.fft.rfft(known * np.hanning(_WINDOW), _N_FFT, axis=-1)


def _dominant_hz(power: np.ndarray) -> np.ndarray:
    """Frequency of the highest peak in band, along the last axis."""
    return _FREQUENCY_HZ[_IN_BAND][power[..., _IN_BAND].argmax(axis=-1)]


def _snr_db(power: np.ndarray, rate_hz: np.ndarray) -> np.ndarray:
    """Power near a rate and its double against the rest of the band (de Haan & Jeanne 2013)."""
    away_hz = np.abs(_FREQUENCY_HZ - rate_hz[..., None] * np.array([1, 2])[:, None, None, None])
    near = (away_hz <= PEAK_HALF_WIDTH_HZ).any(axis=0) & _IN_BAND
    signal = np.sum(power, axis=-1, where=near)
    noise = np.sum(power, axis=-1, where=~near & _IN_BAND)
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
    at_rate = spectra[:, :, np.searchsorted(_FREQUENCY_HZ, rate_hz)].diagonal(axis1=0, axis2=2).T
    angles = [np.angle(at_rate[:, i] * at_rate[:, j].conj()) for i, j in _PAIRS]
    return np.degrees(np.mean(np.abs(angles), axis=0))


def _phase_locking(pulses: Pulses) -> float:
    """Pairwise phase consistency (Vinck et al. 2010), which is 0 by chance however few windows.

    Of windows that share no sample, at the dominant rate of the video; mean over pairs of regions.
    """
    power = np.abs(_spectra(pulses.pos)) ** 2
    if not len(power):
        return np.nan
    rate_hz = _dominant_hz(power.sum(axis=(0, 1)))
    wave = np.exp(-2j * np.pi * rate_hz * np.arange(_LOCKING_WINDOW) / GRID_HZ)
    wave *= np.hanning(_LOCKING_WINDOW)
    parts = [
        sliding_window_view(stretch, _LOCKING_WINDOW, axis=0)[::_LOCKING_WINDOW] @ wave
        for stretch in pulses.stretches
    ]
    beats = np.concatenate(parts)
    n = len(beats)
    if n < MIN_WINDOWS:
        return np.nan
    locking = []
    for i, j in _PAIRS:
        turns = np.exp(1j * np.angle(beats[:, i] * beats[:, j].conj()))
        locking.append((np.abs(turns.sum()) ** 2 - n) / (n * (n - 1)))
    return float(np.mean(locking))


def _steps(rate_hz: np.ndarray) -> float:
    """Median absolute change from window to window."""
    return _median(np.abs(np.diff(rate_hz))) if len(rate_hz) >= MIN_WINDOWS else np.nan


def _median(values: np.ndarray) -> float:
    """Median of what is known; NaN of nothing."""
    return percentile(values[np.isfinite(values)], 50)
