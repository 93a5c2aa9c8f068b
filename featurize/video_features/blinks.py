"""Blinks: found in the eye aspect ratio, then counted, timed and compared between the eyes."""

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

from featurize.declaration import Recording, summary
from featurize.types import frame_durations_s
from featurize.video_features.functionals import MIN_FRAMES
from featurize.video_features.sampling import GRID_HZ, Segment, segments
from featurize.video_features.statistics import pearson

BASELINE_WINDOW_S = 2.0
"""Open-eye level is the running median over this long: longer than blinks, shorter than gazes."""

MIN_DEPTH = 0.25
"""Least closure, as a share of the open-eye level, to call a dip a blink."""

NOISE_FACTOR = 5.0
"""A blink must stand out of the closure signal by this many median absolute deviations."""

MAX_DURATION_S = 0.5
"""Longer closures are closed eyes, not blinks."""

ONE_EYE_SHARE = 0.4
"""Each eye must close by at least this share of the mean depth: a wink is no blink."""

EDGE_SHARE = 0.6
"""A blink lasts from where the closure rises above 40 % of its depth to where it falls below."""


def find_blinks(ear_left: np.ndarray, ear_right: np.ndarray, time_s: np.ndarray) -> pd.DataFrame:
    """Find blinks of both eyes in their aspect ratios.

    The mean EAR is resampled to a common rate and divided by its running median, which follows
    gaze and head pose; dips that are deep, brief and shared by both eyes are blinks. After
    Soukupová & Čech 2016, with an adaptive level instead of a fixed threshold.

    Parameters
    ----------
    ear_left, ear_right : numpy.ndarray
        ``(n_frames,)`` eye aspect ratio of each eye; NaN where unknown.
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing times.

    Returns
    -------
    pandas.DataFrame
        One row per blink in order of time: ``start_s``, ``end_s``, ``peak_s`` (time of deepest
        closure), ``depth`` (closure as a share of the open-eye level, in [0, 1]) and ``lag_s``
        (how much later the left eye is deepest than the right).
    """
    ear = np.stack([ear_left, ear_right], axis=1)
    rows = [row for segment in segments(ear, time_s) for row in _blinks_of(segment)]
    columns = ["start_s", "end_s", "peak_s", "depth", "lag_s"]
    return pd.DataFrame(rows, columns=columns, dtype=float)


def _blinks_of(segment: Segment) -> list[tuple[float, float, float, float, float]]:
    closure = _closure(segment.values)
    both = closure.mean(axis=1)
    noise = float(np.median(np.abs(both - np.median(both))))
    peaks, shape = find_peaks(
        both,
        height=MIN_DEPTH,
        prominence=max(MIN_DEPTH, NOISE_FACTOR * noise),
        width=(1, MAX_DURATION_S * GRID_HZ),
        rel_height=EDGE_SHARE,
    )
    rows = []
    for number, peak in enumerate(peaks):
        left_edge, right_edge = shape["left_ips"][number], shape["right_ips"][number]
        around = slice(int(left_edge), int(np.ceil(right_edge)) + 1)
        each = closure[around].max(axis=0)
        if each.min() < ONE_EYE_SHARE * both[peak]:
            continue
        deepest = closure[around].argmax(axis=0)
        rows.append(
            (
                segment.start_s + left_edge / GRID_HZ,
                segment.start_s + right_edge / GRID_HZ,
                segment.start_s + peak / GRID_HZ,
                float(min(both[peak], 1.0)),
                float(deepest[0] - deepest[1]) / GRID_HZ,
            )
        )
    return rows


def _closure(ear: np.ndarray) -> np.ndarray:
    """Share by which each eye is closed against its running open level, ``(n_samples, 2)``."""
    window = int(BASELINE_WINDOW_S * GRID_HZ) | 1
    open_level = median_filter(ear, size=(window, 1), mode="nearest")
    return 1 - ear / np.maximum(open_level, 1e-6)


def _intervals_s(peaks_s: np.ndarray, unseen_s: np.ndarray) -> np.ndarray:
    """Times between neighbouring blinks, where no frame between them is unseen."""
    before = np.searchsorted(unseen_s, peaks_s)
    return np.diff(peaks_s)[before[1:] == before[:-1]]


@summary(
    family="eyes",
    reference="Li, Chang & Lyu 2018 (In Ictu Oculi); Bentivoglio et al. 1997 for normal rates",
    confounded_by=("speaking or reading", "clip length", "frame rate", "looking down"),
    features={
        "blink__rate_per_min": ("1/min", "Blinks per minute of face time"),
        "blink__duration_median_s": ("s", "Typical time from closing to opening of a blink"),
        "blink__completeness_median": ("1", "Typical closure of a blink, as a share of open"),
        "blink__completeness_std": ("1", "Spread of the closure from blink to blink"),
        "blink__interval_cv": ("1", "Variability of the time between blinks (needs 3 blinks)"),
        "blink__lag_abs_median_s": ("s", "How far apart in time the two eyes are most closed"),
        "ear_left_right__pearson": ("1", "How far the two eyes open and close together"),
        "closed__share": ("1", "Share of frames with both eyes less than half open (PERCLOS)"),
    },
)
def blink_features(recording: Recording) -> dict[str, float]:
    """Blink frequency, duration, completeness, interval variability and synchrony.

    NaN where there are too few blinks for the figure, or frames with both eyes (12); the rate is 0
    when nobody blinks.
    """
    left, right = recording.signals["eyes__ear_left"], recording.signals["eyes__ear_right"]
    blinks = find_blinks(left, right, recording.time_s)
    known = np.isfinite(left) & np.isfinite(right)
    if np.count_nonzero(known) < MIN_FRAMES:
        return {feature.name: np.nan for feature in blink_features.features}
    seen_s = frame_durations_s(recording.time_s)[known].sum()
    intervals_s = _intervals_s(blinks["peak_s"].to_numpy(), recording.time_s[~known])
    mean_ear = (left[known] + right[known]) / 2
    return {
        "eyes__blink__rate_per_min": 60 * len(blinks) / seen_s,
        "eyes__blink__duration_median_s": (blinks["end_s"] - blinks["start_s"]).median(),
        "eyes__blink__completeness_median": blinks["depth"].median(),
        "eyes__blink__completeness_std": blinks["depth"].std(),
        "eyes__blink__interval_cv": (
            float(np.std(intervals_s, ddof=1) / np.mean(intervals_s))
            if len(intervals_s) > 1
            else np.nan
        ),
        "eyes__blink__lag_abs_median_s": blinks["lag_s"].abs().median(),
        "eyes__ear_left_right__pearson": pearson(left[known], right[known]),
        "eyes__closed__share": float(np.mean(mean_ear < 0.5 * np.percentile(mean_ear, 90))),
    }
