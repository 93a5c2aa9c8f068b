"""How expressions come and go: activity, and the two sides of the face against each other."""

import numpy as np

from featurize.declaration import Recording, summary
from featurize.frame_features.expression import BLENDSHAPE_SIGNALS
from featurize.video_features.functionals import VELOCITY_WINDOW_S, together
from featurize.video_features.sampling import (
    derivative,
    groups_of,
    joined,
    long_stretches,
    n_samples,
    segments,
)
from featurize.video_features.statistics import pearson, percentile, sum_of_squares

# Blinks and gaze are brief by nature and have their own family.
_NO_EXPRESSION = ("eye_blink", "eye_look")
EXPRESSIONS: tuple[str, ...] = tuple(
    signal.column for signal in BLENDSHAPE_SIGNALS if not signal.name.startswith(_NO_EXPRESSION)
)

MIN_STD = 0.001
"""A coefficient that varies by less says nothing: its correlations are those of rounding."""

SIDES: dict[str, str] = {
    "brow_down": "Lowering of the brows",
    "brow_outer_up": "Raising of the outer brows",
    "eye_squint": "Squinting",
    "mouth_smile": "Smiling",
    "mouth_upper_up": "Raising of the upper lip",
    "mouth_press": "Pressing of the lips",
}


@summary(
    family="expression",
    reference="asymmetry of expressions: Ekman, Hager & Friesen 1981; facial activity from FACS, "
    "Ekman & Friesen 1978",
    confounded_by=("speech", "acted emotion", "frame rate", "landmark noise at small faces"),
    features={
        "activity_per_s__median": ("1/s", "Typical speed of the whole expression"),
        "activity_per_s__p95": ("1/s", "Speed of the fastest changes of expression"),
        "activity__still_share": ("1", "Share of time with less than a fifth of the mean activity"),
    }
    | {
        f"{stem}_left_right__pearson": ("1", f"{meaning}: how far both sides move together")
        for stem, meaning in SIDES.items()
    }
    | {
        "mouth_smile_left_right__asymmetry": (
            "1",
            "Smiling: difference of the spread of both sides over their sum",
        )
    },
)
def expression_dynamics(recording: Recording) -> dict[str, float]:
    """Activity and left-right agreement of the expression coefficients.

    Activity is the length of the velocity vector of all coefficients, without blinks and gaze.
    Sides are compared where both vary by at least 0.001 (standard deviation). How much later one
    side moves than the other is no feature: within what the frame rate can tell, both sides of
    filmed and of generated faces move at once. NaN when the backend has no blendshapes.
    """
    speed = _speed(recording)
    left, right = (_spread(recording, f"mouth_smile_{side}") for side in ("left", "right"))
    return {
        "expression__activity_per_s__median": percentile(speed, 50),
        "expression__activity_per_s__p95": percentile(speed, 95),
        "expression__activity__still_share": (
            float(np.mean(speed < 0.2 * np.mean(speed))) if len(speed) else np.nan
        ),
        "expression__mouth_smile_left_right__asymmetry": (
            abs(left - right) / (left + right) if min(left, right) >= MIN_STD else np.nan
        ),
        **{
            f"expression__{stem}_left_right__pearson": _side_correlation(recording, stem)
            for stem in SIDES
        },
    }


def known_together(recording: Recording) -> np.ndarray:
    """``(n_frames,)`` bool: where all expressions are known."""
    known = np.ones(len(recording.time_s), bool)
    for column in EXPRESSIONS:
        known &= np.isfinite(recording.signals[column])
    return known


def _speed(recording: Recording) -> np.ndarray:
    """``(n,)`` length of the velocity of all signals together, at a common rate."""
    speeds = []
    for stretch in long_stretches(known_together(recording), recording.time_s):
        squares: float | np.ndarray = 0.0
        for group in groups_of(EXPRESSIONS, n_samples(recording.time_s[stretch])):
            values = together([recording.signals[column][stretch] for column in group])
            (segment,) = segments(values, recording.time_s[stretch])
            squares = squares + sum_of_squares(derivative(segment, 1, VELOCITY_WINDOW_S))
        speeds.append(np.sqrt(squares)[:, None])
    return joined(speeds, 1)[:, 0]


def _known(recording: Recording, name: str) -> np.ndarray:
    values = recording.signals[f"expression__{name}"]
    return values[np.isfinite(values)]


def _spread(recording: Recording, name: str) -> float:
    values = _known(recording, name)
    return float(np.std(values)) if len(values) else np.nan


def _side_correlation(recording: Recording, stem: str) -> float:
    # Both come from one network, so that they are known in the same frames.
    left, right = _known(recording, f"{stem}_left"), _known(recording, f"{stem}_right")
    if not len(left) or min(left.std(), right.std()) < MIN_STD:
        return np.nan
    return pearson(left, right)
