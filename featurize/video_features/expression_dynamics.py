"""How expressions come and go: activity, brief events, and the two sides against each other."""

import numpy as np
from scipy.signal import find_peaks

from featurize.declaration import Recording, summary
from featurize.frame_features.expression import BLENDSHAPE_SIGNALS
from featurize.video_features.functionals import VELOCITY_WINDOW_S, collect
from featurize.video_features.sampling import GRID_HZ, Segment, derivative, groups_of
from featurize.video_features.statistics import pearson

MICRO_DURATION_S = (1 / 25, 1 / 2)
MICRO_PROMINENCE = 0.1
"""Least rise of a coefficient to count as a brief expression."""

SAME_EVENT_S = 0.25
"""Rises of several coefficients closer in time than this are one event."""

# Blinks and gaze are brief by nature and have their own family; "neutral" is no expression.
_NO_EXPRESSION = ("eye_blink", "eye_look", "neutral")
EXPRESSIONS: tuple[str, ...] = tuple(
    signal.column for signal in BLENDSHAPE_SIGNALS if not signal.name.startswith(_NO_EXPRESSION)
)
# Speech moves the mouth as fast as a micro-expression; only the upper face tells them apart.
_UPPER_FACE: tuple[str, ...] = tuple(
    column
    for column in EXPRESSIONS
    if column.startswith(
        ("expression__brow", "expression__eye", "expression__cheek", "expression__nose")
    )
)
SIDES: dict[str, str] = {
    "brow_down": "Lowering of the brows",
    "brow_outer_up": "Raising of the outer brows",
    "eye_squint": "Squinting",
    "mouth_smile": "Smiling",
    "mouth_frown": "Pulling down of the lip corners",
    "mouth_upper_up": "Raising of the upper lip",
}


@summary(
    family="expression",
    reference="Yan et al. 2013 (micro-expressions last 1/25 to 1/2 s); Ekman & Friesen 1978 (FACS)",
    confounded_by=("speech", "acted emotion", "frame rate", "landmark noise at small faces"),
    features={
        "activity_per_s__median": ("1/s", "Typical speed of the whole expression"),
        "activity_per_s__p95": ("1/s", "Speed of the fastest changes of expression"),
        "activity__still_share": ("1", "Share of time with less than a fifth of the mean activity"),
        "micro_expression__rate_per_min": (
            "1/min",
            "Brief rises (1/25 to 1/2 s) of upper-face coefficients per minute",
        ),
        "micro_expression__prominence_median": ("1", "Typical rise of the brief expressions"),
        "brief_movement__rate_per_min": (
            "1/min",
            "Brief rises (1/25 to 1/2 s) of any expression coefficient, speech included",
        ),
    }
    | {
        f"{stem}_left_right__pearson": ("1", f"{meaning}: how far both sides move together")
        for stem, meaning in SIDES.items()
    },
)
def expression_dynamics(recording: Recording) -> dict[str, float]:
    """Activity, brief events and left-right agreement of the expression coefficients.

    Activity is the length of the velocity vector of all coefficients, without blinks and gaze. A
    brief event is a rise of at least 0.1 that lasts 1/25 to 1/2 s, and more than one frame, at half
    its height; rises of several coefficients within 0.25 s are one event. NaN when the backend has
    no blendshapes.
    """
    signals = collect(recording, list(EXPRESSIONS))
    speed = np.concatenate([_speed(segment) for segment in signals.segments] or [np.empty(0)])
    if not len(speed):
        speed = np.array([np.nan])
    upper = {EXPRESSIONS.index(column) for column in _UPPER_FACE}
    minutes = sum(segment.duration_s for segment in signals.segments) / 60
    found = [_brief_rises(segment.values, recording.frame_step_s) for segment in signals.segments]
    micro = [_events([rise for rise in rises if rise[1] in upper]) for rises in found]
    brief = [_events(rises) for rises in found]
    rises = [rise for events in micro for rise in events]
    return {
        "expression__activity_per_s__median": np.median(speed),
        "expression__activity_per_s__p95": np.percentile(speed, 95),
        "expression__activity__still_share": (
            np.mean(speed < 0.2 * np.mean(speed)) if np.isfinite(speed).all() else np.nan
        ),
        "expression__micro_expression__rate_per_min": (len(rises) / minutes if minutes else np.nan),
        "expression__micro_expression__prominence_median": (np.median(rises) if rises else np.nan),
        "expression__brief_movement__rate_per_min": (
            sum(len(events) for events in brief) / minutes if minutes else np.nan
        ),
        **{
            f"expression__{stem}_left_right__pearson": _side_correlation(recording, stem)
            for stem in SIDES
        },
    }


def _speed(segment: Segment) -> np.ndarray:
    """Length of the velocity of all signals together."""
    n_samples, n_signals = segment.values.shape
    parts = (
        Segment(segment.start_s, segment.values[:, group])
        for group in groups_of(range(n_signals), n_samples)
    )
    squares = (np.sum(derivative(part, 1, VELOCITY_WINDOW_S) ** 2, axis=1) for part in parts)
    return np.sqrt(sum(squares))


def _brief_rises(values: np.ndarray, frame_step_s: float) -> list[tuple[int, int, float]]:
    """Sample, signal and height of each brief rise in ``(n_samples, n_signals)`` coefficients.

    A single frame that sticks out is noise, so a rise lasts at least one and a half frames.
    """
    shortest_s = max(MICRO_DURATION_S[0], 1.5 * frame_step_s)
    found: list[tuple[int, int, float]] = []
    for number, column in enumerate(values.T):
        peaks, shape = find_peaks(
            column,
            prominence=MICRO_PROMINENCE,
            width=(shortest_s * GRID_HZ, MICRO_DURATION_S[1] * GRID_HZ),
        )
        rises = shape["prominences"].tolist()
        found += [(peak, number, rise) for peak, rise in zip(peaks.tolist(), rises, strict=True)]
    return sorted(found)


def _events(rises: list[tuple[int, int, float]]) -> list[float]:
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


def _side_correlation(recording: Recording, stem: str) -> float:
    left = recording.signals[f"expression__{stem}_left"]
    right = recording.signals[f"expression__{stem}_right"]
    known = np.isfinite(left) & np.isfinite(right)
    return pearson(left[known], right[known])
