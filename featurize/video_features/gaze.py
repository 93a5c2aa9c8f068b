"""Gaze: how the eyes jump, rest and move together, and whether the irises keep their size.

Only where the eyes are open: lids that pass over an iris move what is found of it. Gaze is the
offset of the iris in its eye, in eye widths; about 0.007 of them are one degree. Landmarks know it
to 0.004 or so, which leaves jumps of under four degrees out of reach, as are those of videos under
20 frames per second. How fast a jump is at its fastest, the other half of the main sequence, cannot
be told from usual video: the jump is over within two frames.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from featurize.computed_once import computed_once
from featurize.declaration import Recording, summary
from featurize.scratch import blocks, scratch
from featurize.types import typical_step_s
from featurize.video_features.blinks import blinks_of
from featurize.video_features.functionals import MIN_FRAMES, together
from featurize.video_features.sampling import GRID_HZ, Segment, derivative, joined, segments
from featurize.video_features.statistics import pearson, percentile

NOISE_FACTOR = 6.0
"""A saccade is faster than this many median absolute deviations of the velocity."""

MIN_SPEED_PER_S = 0.2
"""Slower movements are no saccades however still the eyes are otherwise, eye widths per second."""

MIN_AMPLITUDE = 0.02
"""Shorter jumps are noise, eye widths: about three degrees."""

REST_S = 0.1
"""The gaze before and after a saccade is its mean over so long."""

MIN_FIXATION_S = 0.2
"""Shorter rests between saccades are not looked at."""

MIN_FPS = 20.0
"""In slower video a jump cannot be told from a glide."""

MIN_SEEN_S = 2.0
"""Figures from less time with open eyes are NaN."""

BLINK_MARGINS_S = (0.1, 0.15)
"""How long before and after a blink, as ``find_blinks`` times it, lids still move."""

VELOCITY_WINDOW_S = 0.24
DRIFT_STEP_S = 1.0

_SIGNALS = ("x_left", "y_left", "x_right", "y_right")


def find_saccades(gaze: np.ndarray, time_s: np.ndarray) -> pd.DataFrame:
    """Find saccades, the fast jumps of both eyes from one point of rest to the next.

    Where the velocity, over five samples at 50 Hz, leaves the ellipse of six median absolute
    deviations on each axis, which the jumps themselves hardly change (Engbert & Kliegl 2003, with a
    least speed and a least amplitude).

    Parameters
    ----------
    gaze : numpy.ndarray
        ``(n_frames, 2)`` direction of the gaze, horizontal and vertical, in eye widths; NaN where
        unknown or where the eyes are closed.
    time_s : numpy.ndarray
        ``(n_frames,)`` increasing times.

    Returns
    -------
    pandas.DataFrame
        One row per saccade in order of time: ``start_s``, ``end_s`` and ``amplitude``, the distance
        in eye widths.
    """
    stretches = segments(gaze, time_s)
    rows = [
        (
            segment.start_s + start / GRID_HZ,
            segment.start_s + end / GRID_HZ,
            _amplitude(segment.values, start, end),
        )
        for segment, jumps in zip(stretches, _jumps(stretches), strict=True)
        for start, end in jumps
    ]
    return pd.DataFrame(rows, columns=["start_s", "end_s", "amplitude"], dtype=float)


def _jumps(stretches: list[Segment]) -> list[list[tuple[int, int]]]:
    """Last sample before and first after each saccade, by segment."""
    if not stretches:
        return []
    velocities = [_velocity(segment.values) for segment in stretches]
    spread = np.array([_spread(axis) for axis in joined(velocities, 2).T])
    limit = np.maximum(NOISE_FACTOR * spread, MIN_SPEED_PER_S)
    found = []
    for segment, velocity in zip(stretches, velocities, strict=True):
        # The first two samples have no velocity of five samples, nor have the last two.
        fast = np.zeros(len(segment.values), bool)
        for block in blocks(len(velocity)):
            is_fast = np.sum((velocity[block] / limit) ** 2, axis=1) > 1
            fast[2 + block.start : 2 + block.stop] = is_fast
        turns = np.flatnonzero(np.diff(fast.astype(np.int8)))
        pairs = [(int(a), int(b) + 1) for a, b in turns.reshape(-1, 2)]
        found.append([pair for pair in pairs if _amplitude(segment.values, *pair) >= MIN_AMPLITUDE])
    return found


def _amplitude(gaze: np.ndarray, start: int, end: int) -> float:
    """How far the gaze rests after a saccade from where it rested before."""
    rest = round(REST_S * GRID_HZ)
    before, after = gaze[max(start + 1 - rest, 0) : start + 1], gaze[end : end + rest]
    return float(np.linalg.norm(after.mean(axis=0) - before.mean(axis=0)))


def _velocity(gaze: np.ndarray) -> np.ndarray:
    """Velocity over five samples (Engbert & Kliegl 2003), ``(n_samples - 4, 2)`` per second."""
    velocity = scratch((len(gaze) - 4, 2))
    for block in blocks(len(velocity)):
        near = gaze[block.start : block.stop + 4]
        velocity[block] = (near[4:] + near[3:-1] - near[1:-3] - near[:-4]) * (GRID_HZ / 6)
    return velocity


def _spread(values: np.ndarray) -> float:
    """Root of the median squared distance from the median."""
    squares = values - np.median(values)
    return float(np.sqrt(np.median(np.square(squares, out=squares), overwrite_input=True)))


def _fixation_dispersions(gaze: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Root mean square distance from the middle of each rest between saccades, in eye widths."""
    stretches = segments(gaze, time_s)
    spreads = []
    for segment, jumps in zip(stretches, _jumps(stretches), strict=True):
        edges = [0, *(place for jump in jumps for place in jump), len(segment.values)]
        for start, stop in list(pairwise(edges))[::2]:
            if stop - start >= MIN_FIXATION_S * GRID_HZ:
                spreads.append(np.sqrt(segment.values[start:stop].var(axis=0).sum()))
    return np.array(spreads)


@computed_once
def _eyes_open(recording: Recording) -> np.ndarray:
    """``(n_frames,)`` bool: both eyes are known and open, and no blink is near."""
    left, right = recording.signals["eyes__ear_left"], recording.signals["eyes__ear_right"]
    time_s, ear = recording.time_s, (left + right) / 2
    is_open = np.isfinite(ear)
    if not is_open.any():
        return is_open
    is_open[is_open] = ear[is_open] >= 0.5 * np.percentile(ear[is_open], 90)
    before_s, after_s = BLINK_MARGINS_S
    for blink in blinks_of(recording).itertuples():
        first, stop = np.searchsorted(time_s, [blink.start_s - before_s, blink.end_s + after_s])
        is_open[first:stop] = False
    return is_open


def _drift(values: np.ndarray, time_s: np.ndarray) -> float:
    """Spread of the medians of successive seconds; NaN for fewer than three."""
    known = np.isfinite(values)
    # Counted from the first frame, and by the middles of frames: the clock is not to decide.
    middle_s = time_s - time_s[0] + typical_step_s(time_s) / 2
    values, seconds = values[known], middle_s[known] // DRIFT_STEP_S
    bounds = [0, *(np.flatnonzero(np.diff(seconds)) + 1).tolist(), len(values)]
    medians = [
        float(np.median(values[first:stop]))
        for first, stop in pairwise(bounds)
        if stop - first >= MIN_FRAMES // 2
    ]
    return float(pd.Series(medians).std()) if len(medians) > 2 else float("nan")


@summary(
    family="eyes",
    reference=(
        "Engbert & Kliegl 2003 for saccades; vergence and conjugacy after Demir & Çiftçi 2021 "
        "(Where do deep fakes look?)"
    ),
    confounded_by=("face size", "landmark noise", "frame rate", "head turning", "glasses", "task"),
    features={
        "saccade__rate_per_min": ("1/min", "Jumps of the gaze per minute with open eyes"),
        "saccade__amplitude_median": ("1", "Typical length of a jump of the gaze, in eye widths"),
        "fixation__dispersion_median": (
            "1",
            "How far the gaze strays while it rests between jumps, in eye widths",
        ),
        "vergence__std": ("1", "Spread of the angle between the two gazes, in eye widths"),
        "vergence__drift": (
            "1",
            "Spread of that angle from second to second, in eye widths (needs 3 s)",
        ),
        "gaze_x_left_right__pearson": ("1", "How far both eyes move sideways together"),
        "gaze_y_left_right__pearson": ("1", "How far both eyes move up and down together"),
    },
)
def gaze_dynamics(recording: Recording) -> dict[str, float]:
    """Saccades, fixations, vergence and conjugacy of the gaze while the eyes are open.

    NaN without irises (dlib), and for less than 2 s of open eyes in stretches of half a second.
    Saccades and fixations are NaN below 20 frames per second, the amplitude without a saccade.
    """
    values = {feature.name: np.nan for feature in gaze_dynamics.features}
    gaze = together([recording.signals[f"eyes__gaze_{name}"] for name in _SIGNALS])
    gaze[~_eyes_open(recording)] = np.nan
    stretches = segments(gaze, recording.time_s)
    seen_s = sum(segment.duration_s for segment in stretches)
    if seen_s < MIN_SEEN_S:
        return values
    velocity = joined([derivative(s, 1, VELOCITY_WINDOW_S) for s in stretches], 4)
    vergence = gaze[:, 0] - gaze[:, 2]
    values |= {
        "eyes__vergence__std": float(np.nanstd(vergence)),
        "eyes__vergence__drift": _drift(vergence, recording.time_s),
        "eyes__gaze_x_left_right__pearson": pearson(velocity[:, 0], velocity[:, 2]),
        "eyes__gaze_y_left_right__pearson": pearson(velocity[:, 1], velocity[:, 3]),
    }
    # A thousandth of tolerance: 20 fps is 20 fps, whatever the sum of its steps says.
    if 1 / typical_step_s(recording.time_s) < 0.999 * MIN_FPS:
        return values
    both = together([(gaze[:, axis] + gaze[:, axis + 2]) / 2 for axis in (0, 1)])
    amplitudes = find_saccades(both, recording.time_s)["amplitude"]
    values["eyes__saccade__rate_per_min"] = 60 * len(amplitudes) / seen_s
    values["eyes__saccade__amplitude_median"] = amplitudes.median()
    values["eyes__fixation__dispersion_median"] = percentile(
        _fixation_dispersions(both, recording.time_s), 50
    )
    return values


@summary(
    family="eyes",
    reference="the human iris measures 11.7 mm in everyone (Rüfer et al. 2005), left as right",
    confounded_by=(
        "face size",
        "landmark noise",
        "large yaw or pitch",
        "glasses",
        "half-shut eyes",
    ),
    features={
        "iris_left_to_right__abs_median": (
            "1",
            "Typical natural logarithm of left iris diameter over right, its absolute value",
        ),
        "iris_left_to_right__iqr": (
            "1",
            "Variation of the logarithm of left iris diameter over right while the eyes are open",
        ),
        "iris_diameter_iod__open_cv": (
            "1",
            "Coefficient of variation of the mean iris diameter while the eyes are open",
        ),
    },
)
def iris_consistency(recording: Recording) -> dict[str, float]:
    """Whether the irises stay alike, and as large as they are.

    NaN without irises (dlib), and for fewer than 12 frames with open eyes.
    """
    left = recording.signals["eyes__iris_diameter_left_iod"]
    right = recording.signals["eyes__iris_diameter_right_iod"]
    known = _eyes_open(recording) & (left > 0) & (right > 0)
    if np.count_nonzero(known) < MIN_FRAMES:
        return {feature.name: np.nan for feature in iris_consistency.features}
    ratio = np.log(left[known] / right[known])
    diameter_iod = (left[known] + right[known]) / 2
    low, middle, high = np.percentile(ratio, [25, 50, 75])
    return {
        "eyes__iris_left_to_right__abs_median": abs(middle),
        "eyes__iris_left_to_right__iqr": high - low,
        "eyes__iris_diameter_iod__open_cv": diameter_iod.std() / diameter_iod.mean(),
    }
