"""Blinks: found in the eye aspect ratio, then counted, timed and compared between the eyes."""

from dataclasses import astuple, dataclass, fields

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d
from scipy.signal import find_peaks

from featurize.computed_once import computed_once
from featurize.declaration import Recording, summary
from featurize.scratch import blocks, scratch
from featurize.types import frame_durations_s
from featurize.video_features.functionals import MIN_FRAMES, together
from featurize.video_features.sampling import GRID_HZ, Segment, joined, segments, stretches
from featurize.video_features.statistics import pearson

LEVEL_WINDOW_S = 0.9
"""Dips that last longer than this are followed by the open-eye level: gazes, squints, sleep."""

MIN_DEPTH = 0.25
"""Least closure to call a dip a blink, as a share of the open-eye level of that moment, and of
the typical one: when the eye is half shut already, noise weighs more."""

NOISE_FACTOR = 5.0
"""A blink must stand out of the closure signal by this many median absolute deviations."""

DURATION_RANGE_S = (0.07, 0.5)
"""Shorter dips are slips of the landmarks; longer closures are closed eyes."""

COMPLETE_DEPTH = 0.6
"""From here on the lids meet, as far as landmarks show it: the EAR of a shut eye is not 0."""

MAX_HALFWAY_S = 0.22
"""Only a shut eye stays in a blink: one that stops on its way, so that it is below half of the
dip for longer than this, looks down."""

ONE_EYE_SHARE = 0.4
"""Each eye must close by at least this share of the mean depth: a wink is no blink."""

EDGE_SHARE = 0.4
"""A blink lasts from where the closure rises above this share of its depth to where it falls below.
Between two blinks the eyes open as far."""

SPEED_RANGE = (EDGE_SHARE, 0.8)
"""Shares of the depth between which lid speed is measured: within the blink, as the eye need not
open further before the next one, and clear of the turn."""

MIN_BLINKS_FOR_SHARE = 2


@dataclass(frozen=True)
class _Blink:
    """One row of :func:`find_blinks`."""

    start_s: float
    end_s: float
    peak_s: float
    depth: float
    lag_s: float
    closing_s: float
    opening_s: float
    closing_speed_per_s: float
    opening_speed_per_s: float


def find_blinks(ear_left: np.ndarray, ear_right: np.ndarray, time_s: np.ndarray) -> pd.DataFrame:
    """Find blinks of both eyes in their aspect ratios.

    EARs are resampled to a common rate. The open-eye level is their morphological closing (Meyer
    1979): it fills every dip shorter than 0.9 s up to the lower of its two shoulders and follows
    everything slower, such as gaze, head pose and squints. A dip below it is a blink when it is
    deep, stands out of the noise, is shared by both eyes, is shorter than 0.5 s, and when the lid
    turns back at once unless the eye is shut. After Soukupová & Čech 2016, who compare the EAR
    with a fixed threshold.

    Parameters
    ----------
    ear_left, ear_right : numpy.ndarray
        ``(n_frames,)`` eye aspect ratio of each eye; NaN where unknown. Gaps of up to about
        0.1 s, or of one frame, are bridged.
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing times.

    Returns
    -------
    pandas.DataFrame
        One row per blink in order of time:

        - ``start_s``, ``end_s``: when the closure rises above and falls below 40 % of its depth;
        - ``peak_s``: time of deepest closure;
        - ``depth``: deepest closure, as a share of the open-eye level, in [0, 1];
        - ``lag_s``: how much later the left eye blinks than the right;
        - ``closing_s``, ``opening_s``: from 40 to 80 % of the depth and back;
        - ``closing_speed_per_s``, ``opening_speed_per_s``: mean speed of the lids meanwhile, in
          open-eye levels per second.

        A dip that is cut off by the end of the video or by missing frames is no blink.
    """
    # Left out, not NaN: landmark finders lose shut eyes for a frame; a straight line bridges it.
    known = np.isfinite(ear_left) & np.isfinite(ear_right)
    found = segments(together([ear_left[known], ear_right[known]]), time_s[known])
    levels = [_open_level(segment.values) for segment in found]
    rows: list[_Blink] = []
    if found:
        typical = np.array([np.median(eye) for eye in joined(levels, 2).T])
        for segment, level in zip(found, levels, strict=True):
            rows += _blinks_of(segment, level, typical)
    columns = [field.name for field in fields(_Blink)]
    return pd.DataFrame([astuple(row) for row in rows], columns=columns, dtype=float)


@computed_once
def blinks_of(recording: Recording) -> pd.DataFrame:
    """Blinks of a recording, as :func:`find_blinks` finds them."""
    signals = recording.signals
    return find_blinks(signals["eyes__ear_left"], signals["eyes__ear_right"], recording.time_s)


def _open_level(ear: np.ndarray) -> np.ndarray:
    """Aspect ratio of the open eye at each moment, ``(n_samples, 2)``."""
    window = int(LEVEL_WINDOW_S * GRID_HZ) | 1
    levels = scratch(ear.shape)
    for number, eye in enumerate(ear.T):
        calm = median_filter(eye, size=5, mode="nearest")
        highest = maximum_filter1d(calm, window, mode="nearest")
        level = minimum_filter1d(highest, window, output=calm, mode="nearest")
        np.maximum(level, 1e-6, out=level)
        # The closing runs along the upper edge of the noise; the open eye is in the middle of it.
        share = np.divide(eye, level, out=highest)
        levels[:, number] = level * np.median(share, overwrite_input=True).clip(1e-6)
    return levels


def _blinks_of(segment: Segment, level: np.ndarray, typical: np.ndarray) -> list[_Blink]:
    closure, (both, drop) = scratch(level.shape), scratch((2, len(level)))
    for block in blocks(len(level)):
        ear = segment.values[block]
        closure[block] = 1 - ear / level[block]
        both[block] = closure[block].mean(axis=1)
        drop[block] = ((level[block] - ear) / typical).mean(axis=1)
    noise = float(np.median(np.abs(both - np.median(both))))
    least = max(MIN_DEPTH, NOISE_FACTOR * noise)
    peaks, shape = find_peaks(both, height=least, prominence=least)
    blinks = []
    for peak, prominence in zip(peaks, shape["prominences"], strict=True):
        depth = float(both[peak])
        if drop[peak] < MIN_DEPTH or prominence < (1 - EDGE_SHARE) * depth:
            continue
        start, end = _crossings(both, peak, EDGE_SHARE)
        duration_s = (end - start) / GRID_HZ
        half_s = float(np.diff(_crossings(both, peak, 0.5))[0]) / GRID_HZ
        if not DURATION_RANGE_S[0] <= duration_s <= DURATION_RANGE_S[1]:
            continue
        if depth < COMPLETE_DEPTH and half_s > MAX_HALFWAY_S:
            continue
        around = slice(int(start), int(np.ceil(end)) + 1)
        if closure[around].max(axis=0).min() < ONE_EYE_SHARE * depth:
            continue
        shut, reopened = _crossings(both, peak, SPEED_RANGE[1])
        closing_s, opening_s = (shut - start) / GRID_HZ, (end - reopened) / GRID_HZ
        way = (SPEED_RANGE[1] - SPEED_RANGE[0]) * depth
        blinks.append(
            _Blink(
                start_s=segment.start_s + start / GRID_HZ,
                end_s=segment.start_s + end / GRID_HZ,
                peak_s=segment.start_s + peak / GRID_HZ,
                depth=min(depth, 1.0),
                lag_s=_lag_s(closure, (start, end)),
                closing_s=closing_s,
                opening_s=opening_s,
                closing_speed_per_s=way / closing_s,
                opening_speed_per_s=way / opening_s,
            )
        )
    return blinks


def _crossings(closure: np.ndarray, peak: int, share: float) -> tuple[float, float]:
    """Places, in samples, where a closure crosses a share of its peak; at most 0.9 s away."""
    height = share * closure[peak]
    reach = int(LEVEL_WINDOW_S * GRID_HZ)
    first = max(peak - reach, 0)
    start, end = float(first), float(min(peak + reach, len(closure) - 1))
    below = first + np.flatnonzero(closure[first:peak] < height)
    if below.size:
        last = below[-1]
        start = last + (height - closure[last]) / (closure[last + 1] - closure[last])
    below = peak + np.flatnonzero(closure[peak : peak + reach + 1] < height)
    if below.size:
        last = below[0]
        end = last - (height - closure[last]) / (closure[last - 1] - closure[last])
    return float(start), float(end)


def _lag_s(closure: np.ndarray, span: tuple[float, float]) -> float:
    """How much later the left eye closes: distance of the centres of gravity of the closures."""
    margin = round(0.06 * GRID_HZ)
    first = max(int(span[0]) - margin, 0)
    weights = closure[first : int(np.ceil(span[1])) + margin + 1].clip(0)
    centres = np.arange(len(weights)) @ weights / weights.sum(axis=0)
    return float(centres[0] - centres[1]) / GRID_HZ


def _intervals_s(peaks_s: np.ndarray, known_s: np.ndarray) -> np.ndarray:
    """Times between neighbouring blinks, where the eyes were seen from one to the other."""
    seen = stretches(np.ones(len(known_s), bool), known_s)
    stretch = np.searchsorted(known_s[[part.start for part in seen]], peaks_s, side="right")
    return np.diff(peaks_s)[stretch[1:] == stretch[:-1]]


@summary(
    family="eyes",
    reference=(
        "Li, Chang & Lyu 2018 (In Ictu Oculi); Bentivoglio et al. 1997 for normal rates; "
        "VanderWerf et al. 2003 for lid speeds"
    ),
    confounded_by=("speaking or reading", "clip length", "frame rate", "looking down"),
    features={
        "blink__rate_per_min": ("1/min", "Blinks per minute of face time"),
        "blink__duration_median_s": ("s", "Typical time from closing to opening of a blink"),
        "blink__completeness_median": ("1", "Typical closure of a blink, as a share of open"),
        "blink__completeness_std": ("1", "Spread of the closure from blink to blink"),
        "blink__incomplete_share": ("1", "Share of blinks that close less than 60 % (needs 2)"),
        "blink__interval_cv": ("1", "Variability of the time between blinks (needs 3 blinks)"),
        "blink__lag_abs_median_s": ("s", "How far apart in time the two eyes blink"),
        "blink__closing_speed_median_per_s": (
            "1/s",
            "Typical speed of the closing lids, in open-eye levels per second",
        ),
        "blink__opening_speed_median_per_s": (
            "1/s",
            "Typical speed of the opening lids, in open-eye levels per second",
        ),
        "blink__opening_to_closing_median": (
            "1",
            "How many times as long as the closing the opening takes; about 2 in people",
        ),
        "ear_left_right__pearson": ("1", "How far the two eyes open and close together"),
        "closed__share": ("1", "Share of frames with both eyes less than half open (PERCLOS)"),
    },
)
def blink_features(recording: Recording) -> dict[str, float]:
    """Blink frequency, duration, completeness, lid speeds, interval variability and synchrony.

    NaN where there are too few blinks for the figure, or frames with both eyes (12); the rate is 0
    when nobody blinks.
    """
    left, right = recording.signals["eyes__ear_left"], recording.signals["eyes__ear_right"]
    known = np.isfinite(left) & np.isfinite(right)
    if np.count_nonzero(known) < MIN_FRAMES:
        return {feature.name: np.nan for feature in blink_features.features}
    blinks = blinks_of(recording)
    seen_s = frame_durations_s(recording.time_s)[known].sum()
    intervals_s = _intervals_s(blinks["peak_s"].to_numpy(), recording.time_s[known])
    mean_ear = (left[known] + right[known]) / 2
    return {
        "eyes__blink__rate_per_min": 60 * len(blinks) / seen_s,
        "eyes__blink__duration_median_s": (blinks["end_s"] - blinks["start_s"]).median(),
        "eyes__blink__completeness_median": blinks["depth"].median(),
        "eyes__blink__completeness_std": blinks["depth"].std(),
        "eyes__blink__incomplete_share": (
            float((blinks["depth"] < COMPLETE_DEPTH).mean())
            if len(blinks) >= MIN_BLINKS_FOR_SHARE
            else np.nan
        ),
        "eyes__blink__interval_cv": (
            float(np.std(intervals_s, ddof=1) / np.mean(intervals_s))
            if len(intervals_s) > 1
            else np.nan
        ),
        "eyes__blink__lag_abs_median_s": blinks["lag_s"].abs().median(),
        "eyes__blink__closing_speed_median_per_s": blinks["closing_speed_per_s"].median(),
        "eyes__blink__opening_speed_median_per_s": blinks["opening_speed_per_s"].median(),
        "eyes__blink__opening_to_closing_median": (
            (blinks["opening_s"] / blinks["closing_s"]).median()
        ),
        "eyes__ear_left_right__pearson": pearson(left[known], right[known]),
        "eyes__closed__share": float(np.mean(mean_ear < 0.5 * np.percentile(mean_ear, 90))),
    }
