"""Brief expressions: rises of a coefficient that last 1/25 to 1/2 s, blinks left out."""

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

from featurize.declaration import Recording, summary
from featurize.video_features.blinks import blinks_of
from featurize.video_features.expression_dynamics import EXPRESSIONS, known_together
from featurize.video_features.sampling import GRID_HZ, long_stretches, n_samples, segments
from featurize.video_features.statistics import noise_std

MICRO_DURATION_S = (1 / 25, 1 / 2)
MICRO_PROMINENCE = 0.1
"""Least rise of a coefficient to count as a brief expression."""

NOISE_FACTOR = 7.0
"""A rise must stand out of its coefficient's noise by this many standard deviations: white noise
does so once in ten minutes, and by five five times a minute."""

SAME_EVENT_S = 0.25
"""Rises of several coefficients closer in time than this are one event."""

BLINK_MARGIN_S = 0.1
"""Squint and brows move with a blink, and a little longer."""

# Speech moves the mouth as fast as a micro-expression; only the upper face tells them apart.
_UPPER_FACE: frozenset[int] = frozenset(
    number
    for number, column in enumerate(EXPRESSIONS)
    if column.startswith(("expression__brow", "expression__eye"))
)

_Rise = tuple[int, int, float]


@summary(
    family="expression",
    reference="Yan et al. 2013 (micro-expressions last 1/25 to 1/2 s)",
    confounded_by=("speech", "missed blinks", "frame rate", "landmark noise at small faces"),
    features={
        "micro_expression__rate_per_min": (
            "1/min",
            "Brief rises (1/25 to 1/2 s) of upper-face coefficients per minute, without blinks",
        ),
        "micro_expression__prominence_median": ("1", "Typical rise of the brief expressions"),
        "brief_movement__rate_per_min": (
            "1/min",
            "Brief rises (1/25 to 1/2 s) of any expression coefficient, speech included",
        ),
    },
)
def micro_expressions(recording: Recording) -> dict[str, float]:
    """Rate and size of brief expressions.

    A brief event is a rise of at least 0.1, and of seven times the noise of the coefficient, that
    lasts 1/25 to 1/2 s, and more than one frame, at half its height; rises of several coefficients
    within 0.25 s are one event. Events within 0.1 s of a blink are part of it: of the brief rises
    of squint nearly half are. At less than 37 frames per second the shortest events are missed, as
    they last a single frame. NaN when the backend has no blendshapes, or without 0.5 s on end.
    """
    known = known_together(recording)
    stretches = long_stretches(known, recording.time_s)
    if not stretches:
        return {feature.name: np.nan for feature in micro_expressions.features}
    blinks = blinks_of(recording)
    minutes = sum(n_samples(recording.time_s[stretch]) for stretch in stretches) / GRID_HZ / 60
    rises_of: list[list[_Rise]] = [[] for _ in stretches]
    for number, column in enumerate(EXPRESSIONS):
        values = recording.signals[column]
        least = max(MICRO_PROMINENCE, NOISE_FACTOR * _noise_std(values[known]))
        for stretch, rises in zip(stretches, rises_of, strict=True):
            (segment,) = segments(values[stretch, None], recording.time_s[stretch])
            rises += _brief_rises(segment.values[:, 0], number, least, recording.frame_step_s)
    found = [
        _without_blinks(sorted(rises), float(recording.time_s[stretch.start]), blinks)
        for stretch, rises in zip(stretches, rises_of, strict=True)
    ]
    micro = [_events([rise for rise in rises if rise[1] in _UPPER_FACE]) for rises in found]
    brief = [_events(rises) for rises in found]
    heights = [height for events in micro for height in events]
    return {
        "expression__micro_expression__rate_per_min": len(heights) / minutes,
        "expression__micro_expression__prominence_median": (
            float(np.median(heights)) if heights else np.nan
        ),
        "expression__brief_movement__rate_per_min": (
            sum(len(events) for events in brief) / minutes
        ),
    }


def _noise_std(values: np.ndarray) -> float:
    """Standard deviation of the noise of a signal, all of it known.

    The lesser of two estimates: second differences take speech at 4 Hz and above for noise, and the
    median power of the upper half of the spectrum, which knows no rhythm, takes steps for noise.
    """
    by_differences = noise_std(values)
    # In place, as each array is as long as the video.
    values = values - values.mean()
    taper = np.hanning(len(values))
    values *= taper
    scale = np.log(2) * np.sum(np.square(taper, out=taper))
    spectrum = np.fft.rfft(values)
    power = np.abs(spectrum[len(spectrum) // 2 :])
    # Power of white noise is exponentially distributed: its median is log 2 of its mean.
    floor = np.median(np.square(power, out=power), overwrite_input=True) / scale
    return min(by_differences, float(np.sqrt(floor)))


def _brief_rises(values: np.ndarray, number: int, least: float, frame_step_s: float) -> list[_Rise]:
    """Sample, signal and height of each brief rise of a signal.

    A single frame that sticks out is noise, so a rise lasts at least one and a half frames.
    """
    shortest_s = max(MICRO_DURATION_S[0], 1.5 * frame_step_s)
    width = shortest_s * GRID_HZ, MICRO_DURATION_S[1] * GRID_HZ
    peaks, shape = find_peaks(values, prominence=least, width=width)
    rises = shape["prominences"].tolist()
    return [(peak, number, rise) for peak, rise in zip(peaks.tolist(), rises, strict=True)]


def _without_blinks(rises: list[_Rise], start_s: float, blinks: pd.DataFrame) -> list[_Rise]:
    """Rises of a segment that are not part of a blink; blinks come in order and never overlap."""
    starts_s = blinks["start_s"].to_numpy() - BLINK_MARGIN_S
    ends_s = blinks["end_s"].to_numpy() + BLINK_MARGIN_S
    times_s = start_s + np.array([peak for peak, _, _ in rises], float) / GRID_HZ
    n_begun = np.searchsorted(starts_s, times_s, side="right")
    n_over = np.searchsorted(ends_s, times_s, side="left")
    return [rise for rise, apart in zip(rises, n_begun == n_over, strict=True) if apart]


def _events(rises: list[_Rise]) -> list[float]:
    """Highest rise of each event: of rises in order of time that belong together."""
    events: list[float] = []
    opened, moving = -np.inf, set()
    for peak, number, rise in rises:
        # A coefficient that rises again starts a new event, however soon.
        if peak - opened > SAME_EVENT_S * GRID_HZ or number in moving:
            opened, moving = peak, set()
            events.append(rise)
        moving.add(number)
        events[-1] = max(events[-1], rise)
    return events
