"""Head-pose trajectory: how the head moves over the video."""

import numpy as np

from featurize.declaration import Recording, summary
from featurize.video_features.functionals import (
    HIGH_FREQUENCY_HZ,
    JERK_WINDOW_S,
    MIN_FRAMES,
    SPECTRUM_RANGE_HZ,
    VELOCITY_WINDOW_S,
    collect,
    power_spectrum,
)
from featurize.video_features.sampling import GRID_HZ, derivative, joined
from featurize.video_features.statistics import pearson, percentile, ratio, sum_of_squares

_ANGLES = ("head_pose__yaw_deg", "head_pose__pitch_deg", "head_pose__roll_deg")
SWAY_BANDS_HZ = {
    "slow": (SPECTRUM_RANGE_HZ[0], 1.5),
    "nod": (1.5, HIGH_FREQUENCY_HZ),
    "tremor": (HIGH_FREQUENCY_HZ, SPECTRUM_RANGE_HZ[1]),
}

REVERSAL_DEG_PER_S = 1.0
"""Slower rotation is that of a head at rest, and has no direction."""


@summary(
    family="head_pose",
    reference="head dynamics as in Agarwal & Farid 2019; smoothness after Flash & Hogan 1985",
    confounded_by=("camera shake", "speaking style", "landmark noise at small faces", "frame rate"),
    features={
        "angular_speed_deg_per_s__median": ("deg/s", "Typical speed of head rotation"),
        "angular_speed_deg_per_s__p95": ("deg/s", "Speed of the fastest head rotations"),
        "angular_jerk_deg_per_s3__median": ("deg/s^3", "Typical jerk of head rotation"),
        "angular_jerk_deg_per_s3__p95": ("deg/s^3", "Jerk of the most abrupt head rotations"),
        "still__share": ("1", "Share of time with the head turning slower than 2 deg/s"),
        "yaw_deg__range": ("deg", "Range of yaw between its 2.5th and 97.5th percentile"),
        "pitch_deg__range": ("deg", "Range of pitch between its 2.5th and 97.5th percentile"),
        "roll_deg__range": ("deg", "Range of roll between its 2.5th and 97.5th percentile"),
        "sway__slow_share": ("1", "Share of rotation power between 0.5 and 1.5 Hz"),
        "sway__nod_share": ("1", "Share of rotation power between 1.5 and 4 Hz"),
        "sway__tremor_share": ("1", "Share of rotation power between 4 and 10 Hz"),
        "sway__centroid_hz": ("Hz", "Centre of the rotation spectrum between 0.5 and 10 Hz"),
        "sway__slope": ("1", "Exponent of the fall of rotation power with frequency"),
        "yaw_roll__coupling": ("1", "How far the head tilts whenever it turns, either way"),
        "reversals__rate_per_s": ("1/s", "How often the head's rotation turns back, per axis"),
    },
)
def head_trajectory(recording: Recording) -> dict[str, float]:
    """Speed, jerk, range and sway spectrum of the head's rotation.

    Speed and jerk are lengths of the vector of the three angles' derivatives; the spectrum is the
    sum of theirs. Coupling is ``|r|`` of the velocities of yaw and roll, in [0, 1]. A reversal is a
    change of sign between velocities of more than 1 deg/s. NaN where the face is not seen long
    enough (0.5 s for speed, 2 s for spectra, twelve frames for ranges).
    """
    signals = collect(recording, list(_ANGLES))
    velocities = [derivative(s, 1, VELOCITY_WINDOW_S) for s in signals.segments]
    velocity, speed = joined(velocities, 3), _lengths(velocities)
    jerk = _lengths([derivative(s, 3, JERK_WINDOW_S) for s in signals.segments])
    low, high = (
        np.stack([np.percentile(angle, [2.5, 97.5]) for angle in signals.frames.T], axis=1)
        if len(signals.frames) >= MIN_FRAMES
        else np.full((2, 3), np.nan)
    )
    power, frequency_hz = power_spectrum(signals)
    total = power.sum(axis=1)
    band = (frequency_hz >= SPECTRUM_RANGE_HZ[0]) & (frequency_hz <= SPECTRUM_RANGE_HZ[1])
    shares = {
        f"head_pose__sway__{name}_share": _share(total, frequency_hz, low_hz, high_hz)
        for name, (low_hz, high_hz) in SWAY_BANDS_HZ.items()
    }
    return {
        "head_pose__angular_speed_deg_per_s__median": percentile(speed, 50),
        "head_pose__angular_speed_deg_per_s__p95": percentile(speed, 95),
        "head_pose__angular_jerk_deg_per_s3__median": percentile(jerk, 50),
        "head_pose__angular_jerk_deg_per_s3__p95": percentile(jerk, 95),
        "head_pose__still__share": float(np.mean(speed < 2)) if len(speed) else np.nan,
        "head_pose__yaw_deg__range": high[0] - low[0],
        "head_pose__pitch_deg__range": high[1] - low[1],
        "head_pose__roll_deg__range": high[2] - low[2],
        **shares,
        "head_pose__sway__centroid_hz": ratio(
            np.sum(total[band] * frequency_hz[band]), np.sum(total[band])
        ),
        "head_pose__sway__slope": _slope(total[band], frequency_hz[band]),
        "head_pose__yaw_roll__coupling": abs(pearson(velocity[:, 0], velocity[:, 2])),
        "head_pose__reversals__rate_per_s": _reversals_per_s(velocities),
    }


def _lengths(pieces: list[np.ndarray]) -> np.ndarray:
    squares = sum_of_squares(joined(pieces, 3))
    return np.sqrt(squares, out=squares)


def _reversals_per_s(velocities: list[np.ndarray]) -> float:
    """Mean over the axes."""
    count, duration_s = 0, 0.0
    for velocity in velocities:
        duration_s += len(velocity) / GRID_HZ
        for axis in velocity.T:
            moving = axis[np.abs(axis) > REVERSAL_DEG_PER_S]
            count += np.count_nonzero(moving[1:] * moving[:-1] < 0)
    return ratio(count / 3, duration_s)


def _share(power: np.ndarray, frequency_hz: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Share of the power above ``low_hz`` and up to ``high_hz``; the first band takes both ends."""
    lowest_hz, highest_hz = SPECTRUM_RANGE_HZ
    whole = np.sum(power[(frequency_hz >= lowest_hz) & (frequency_hz <= highest_hz)])
    above = frequency_hz >= low_hz if low_hz == lowest_hz else frequency_hz > low_hz
    return ratio(np.sum(power[above & (frequency_hz <= high_hz)]), whole)


def _slope(power: np.ndarray, frequency_hz: np.ndarray) -> float:
    """Slope of log power over log frequency; -2 for a random walk, 0 for white noise."""
    if not np.all(power > 0):
        return float("nan")
    return float(np.polyfit(np.log(frequency_hz), np.log(power), 1)[0])
