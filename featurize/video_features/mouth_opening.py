"""How the mouth opens and closes over time: its rhythm, its speed, and whether the lips ever meet.

Everything is read off the gap between the lips in the middle of the mouth, at a common rate.
"""

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.signal import find_peaks

from featurize.declaration import Recording, summary
from featurize.types import frame_durations_s
from featurize.video_features.functionals import (
    MIN_FRAMES,
    SPECTRUM_RANGE_HZ,
    Signals,
    collect,
    power_spectrum,
)
from featurize.video_features.sampling import GRID_HZ, derivative
from featurize.video_features.statistics import pearson, percentile, ratio, rms

GAP = "mouth__lip_gap_iod"
THICKNESS = "mouth__upper_lip_thickness_iod"

SYLLABLE_BAND_HZ = (2.0, 8.0)
"""Syllables follow each other at this rate in every language studied."""

LOWEST_RHYTHM_HZ = 1.0
"""Below are sentences and pauses, not the rhythm of speech."""

SPEED_WINDOW_S = 0.16
"""Shorter than for other velocities: a syllable opens the mouth in a tenth of a second."""

CLOSED_GAP_IOD = {"mediapipe478": 0.015, "dlib68": 0.025}
"""Lips nearer to each other than this are closed. Closed lips of filmed faces measure between 0.002
and 0.008 in MediaPipe's mesh, and up to 0.022 in dlib's points."""

MIN_RANGE_IOD = 0.01
"""A mouth whose gap stays within less than this has no rhythm, speed or asymmetry to speak of."""

SPEAKING_RANGE_IOD = 0.03
SPEAKING_WINDOW_S = 1.0
"""The mouth speaks where its gap moves by more than this within a second."""

MIN_SPEAKING_S = 2.0
MIN_CLOSING_IOD = 0.015
"""Least depth of a minimum of the gap to count as a closing movement."""

MIN_CLOSINGS = 5

_BILABIALS = "Agarwal et al. 2020: lips must meet for m, b and p, and generated ones often do not"


@summary(
    family="mouth",
    reference="Chandrasekaran et al. 2009 (rhythm of mouth opening, 2 to 7 Hz)",
    confounded_by=("what is said", "speaking style", "landmark noise", "frame rate", "clip length"),
    features={
        "gap_modulation__syllable_share": (
            "1",
            "Share of the lip gap's power between 0.5 and 10 Hz that lies between 2 and 8 Hz",
        ),
        "gap_modulation__peak_hz": ("Hz", "Frequency at which the lip gap moves most per octave"),
        "opening_against_closing__speed_asymmetry": (
            "1",
            "Opening against closing speed: -1 only closing is fast, 0 equal, 1 only opening",
        ),
        "gap_speed_per_range__rms": ("1/s", "Speed of the lips over the range of their gap"),
    },
)
def mouth_rhythm(recording: Recording) -> dict[str, float]:
    """Rhythm and speed of the gap between the lips.

    The peak is that of power times frequency, above 1 Hz, interpolated between the half hertz of
    the spectrum. The asymmetry compares the 95th percentile of the gap's velocity with its 5th:
    their difference over their sum, in [-1, 1]; 1 when the gap only opens, -1 when it only closes.
    The range is from the 5th to the 95th percentile of the gap, so that speed over range tells how
    fast a mouth is for how far it opens. NaN when the gap stays within 0.01 iod, as there is
    nothing to time; without 2 s on end, or at less than 20 frames per second, for the spectrum;
    without 0.5 s on end for speeds.
    """
    gap = collect(recording, [GAP])
    low_iod, high_iod = _span(gap)
    values = dict.fromkeys((feature.name for feature in mouth_rhythm.features), np.nan)
    if not high_iod - low_iod >= MIN_RANGE_IOD:
        return values
    power, frequency_hz = power_spectrum(gap)
    speed = _joined([derivative(piece, 1, SPEED_WINDOW_S)[:, 0] for piece in gap.segments])
    fastest = percentile(speed, 95), -percentile(speed, 5)
    # Where the gap moves one way only, the other end of the velocities has the same sign.
    opening, closing = (max(value, 0.0) for value in fastest)
    return values | {
        "mouth__gap_modulation__syllable_share": ratio(
            _power_between(power[:, 0], frequency_hz, *SYLLABLE_BAND_HZ),
            _power_between(power[:, 0], frequency_hz, *SPECTRUM_RANGE_HZ),
        ),
        "mouth__gap_modulation__peak_hz": _peak_hz(power[:, 0], frequency_hz),
        "mouth__opening_against_closing__speed_asymmetry": ratio(
            opening - closing, opening + closing
        ),
        "mouth__gap_speed_per_range__rms": rms(speed) / (high_iod - low_iod),
    }


@summary(
    family="mouth",
    reference=_BILABIALS,
    confounded_by=("what is said", "face size", "landmark noise", "resting face", "blur"),
    features={
        "closed__share": ("1", "Share of time with the lips closed"),
        "resting_gap__share_of_opening": ("1", "Gap of the lips at rest over that at full opening"),
        "closure__rate_per_min": ("1/min", "Closures of the lips per minute of speaking"),
        "closure__complete_share": ("1", "Share of the closing movements that close the lips"),
        "closing_gap_iod__median": ("iod", "Gap left between the lips at the end of a closing"),
        "upper_lip_thickness_x_lip_gap__pearson": (
            "1",
            "How the upper lip thins (negative) as the mouth opens",
        ),
    },
)
def mouth_closure(recording: Recording) -> dict[str, float]:
    """Whether the lips meet, at rest and between syllables.

    Closed is a gap below 0.015 iod (dlib: 0.025); rest and full opening are the 5th and 95th
    percentile of the gap. The mouth speaks where the gap moves by more than 0.03 iod within a
    second; a closing movement is a minimum of the gap, then, that is 0.015 iod deep. NaN with fewer
    than 12 frames; of closures with less than 2 s of speaking, and of what they end with for fewer
    than five; of ratios and correlation when the gap stays within 0.01 iod.
    """
    gap = collect(recording, [GAP])
    low_iod, high_iod = _span(gap)
    known = np.isfinite(gap.values[:, 0])
    durations_s = frame_durations_s(recording.time_s)[known]
    closed_iod = CLOSED_GAP_IOD[recording.track.schema]
    closed = gap.values[known, 0] < closed_iod
    ends_iod, speaking_s = _closings(gap)
    enough = len(ends_iod) >= MIN_CLOSINGS
    complete = ends_iod < closed_iod
    enough_frames = len(gap.frames) >= MIN_FRAMES
    moving = high_iod - low_iod >= MIN_RANGE_IOD
    thickness = recording.signals[THICKNESS]
    return {
        "mouth__closed__share": (
            ratio(durations_s[closed].sum(), durations_s.sum()) if enough_frames else np.nan
        ),
        "mouth__resting_gap__share_of_opening": ratio(low_iod, high_iod) if moving else np.nan,
        "mouth__closure__rate_per_min": (
            60 * np.count_nonzero(complete) / speaking_s if speaking_s >= MIN_SPEAKING_S else np.nan
        ),
        "mouth__closure__complete_share": float(np.mean(complete)) if enough else np.nan,
        "mouth__closing_gap_iod__median": float(np.median(ends_iod)) if enough else np.nan,
        "mouth__upper_lip_thickness_x_lip_gap__pearson": (
            pearson(thickness[known], gap.values[known, 0]) if moving else np.nan
        ),
    }


def _span(gap: Signals) -> tuple[float, float]:
    """5th and 95th percentile; NaN of too few frames."""
    if len(gap.frames) < MIN_FRAMES:
        return np.nan, np.nan
    low, high = np.percentile(gap.frames[:, 0], [5, 95])
    return float(low), float(high)


def _joined(pieces: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([*pieces, np.empty(0)])


def _power_between(
    power: np.ndarray, frequency_hz: np.ndarray, low_hz: float, high_hz: float
) -> float:
    return float(power[(frequency_hz >= low_hz) & (frequency_hz <= high_hz)].sum())


def _peak_hz(power: np.ndarray, frequency_hz: np.ndarray) -> float:
    """Where power times frequency is highest, by a parabola through its logarithm."""
    band = np.flatnonzero(
        (frequency_hz >= LOWEST_RHYTHM_HZ) & (frequency_hz <= SPECTRUM_RANGE_HZ[1])
    )
    per_octave = power * frequency_hz
    if not np.all(per_octave[band] > 0):
        return np.nan
    peak = int(band[np.argmax(per_octave[band])])
    if peak in (band[0], band[-1]):
        return float(frequency_hz[peak])
    before, at, after = np.log(per_octave[peak - 1 : peak + 2])
    offset = ratio(after - before, 2 * (2 * at - before - after))
    return float(frequency_hz[peak] + offset * frequency_hz[1])


def _closings(gap: Signals) -> tuple[np.ndarray, float]:
    """Gap at the end of each closing movement while speaking, and for how long there is speech."""
    window = round(SPEAKING_WINDOW_S * GRID_HZ) | 1
    ends_iod, n_speaking = [np.empty(0)], 0
    for segment in gap.segments:
        values = segment.values[:, 0]
        moved = maximum_filter1d(values, window) - minimum_filter1d(values, window)
        speaking = moved > SPEAKING_RANGE_IOD
        minima, _ = find_peaks(-values, prominence=MIN_CLOSING_IOD)
        ends_iod.append(values[minima[speaking[minima]]])
        n_speaking += np.count_nonzero(speaking)
    return np.concatenate(ends_iod), n_speaking / GRID_HZ
