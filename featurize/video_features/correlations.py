"""How expressions and head movements go together: the person's own way of speaking and moving.

A face driven by somebody else, or generated, loses the couplings of the person it shows.
"""

from itertools import combinations

import numpy as np

from featurize.declaration import Recording, summary
from featurize.types import frame_durations_s
from featurize.video_features.functionals import MIN_FRAMES

_SIGNALS: dict[str, tuple[str, ...]] = {
    "brow_inner_up": ("expression__brow_inner_up",),
    "brow_outer_up": ("expression__brow_outer_up_left", "expression__brow_outer_up_right"),
    "brow_down": ("expression__brow_down_left", "expression__brow_down_right"),
    "eye_wide": ("expression__eye_wide_left", "expression__eye_wide_right"),
    "eye_squint": ("expression__eye_squint_left", "expression__eye_squint_right"),
    "mouth_upper_up": ("expression__mouth_upper_up_left", "expression__mouth_upper_up_right"),
    "mouth_smile": ("expression__mouth_smile_left", "expression__mouth_smile_right"),
    "mouth_frown": ("expression__mouth_frown_left", "expression__mouth_frown_right"),
    "mouth_shrug_lower": ("expression__mouth_shrug_lower",),
    "mouth_stretch": ("expression__mouth_stretch_left", "expression__mouth_stretch_right"),
    "mouth_press": ("expression__mouth_press_left", "expression__mouth_press_right"),
    "mouth_pucker": ("expression__mouth_pucker",),
    "jaw_open": ("expression__jaw_open",),
    "mouth_width": ("geometry__mouth_width_iod",),
    "lip_gap": ("mouth__lip_gap_iod",),
    "yaw": ("head_pose__yaw_deg",),
    "pitch": ("head_pose__pitch_deg",),
    "roll": ("head_pose__roll_deg",),
}
"""Blendshapes nearest to the action units of Agarwal & Farid; sides are averaged as there."""

_PAIRS = tuple(combinations(_SIGNALS, 2))

WINDOW_S = 10.0
"""Correlations are taken within windows of about this length and averaged, so that a long video,
whose speaker also changes posture and mood, is compared with a short one."""

MIN_STD = 0.001
"""Within a window, signals that vary by less (in their own units) count as constant: coefficients
that are near zero all the time vary by rounding."""

# Fisher's z of a perfect correlation is infinite; this bound is its value to twelve digits.
_HIGHEST = 1 - 1e-12


@summary(
    family="correlation",
    reference="Agarwal & Farid 2019, with blendshapes for OpenFace's action units, and yaw added",
    confounded_by=("identity", "what is said", "clip length", "camera shake"),
    features={
        f"{first}_x_{second}__pearson": (
            "1",
            f"Correlation of {first.replace('_', ' ')} with {second.replace('_', ' ')}",
        )
        for first, second in _PAIRS
    },
)
def pairwise_correlations(recording: Recording) -> dict[str, float]:
    """Pearson correlation of every pair of expression and head-pose signals.

    Taken within consecutive windows of about 10 s, as in the paper, and averaged after Fisher's
    transform; a video of less than 15 s is one window, and none has fewer than twelve frames.
    Couplings with a lag of up to a second were
    tried and left out: the highest of many lags tells the length of the clip first. NaN where a
    signal of the pair is constant (varies by less than 0.001 of its unit), or unknown to the
    landmark backend, and when fewer than twelve frames show the face.
    """
    seen = np.flatnonzero(_seen(recording))
    if len(seen) < MIN_FRAMES:
        matrix = np.full((len(_SIGNALS), len(_SIGNALS)), np.nan)
    else:
        seen_s = frame_durations_s(recording.time_s)[seen].sum()
        n_windows = max(1, min(round(seen_s / WINDOW_S), len(seen) // MIN_FRAMES))
        windows = np.array_split(seen, n_windows)
        matrix = _averaged([_correlations(_values(recording, window)) for window in windows])
    place = {name: number for number, name in enumerate(_SIGNALS)}
    return {
        f"correlation__{first}_x_{second}__pearson": matrix[place[first], place[second]]
        for first, second in _PAIRS
    }


def _seen(recording: Recording) -> np.ndarray:
    """``(n_frames,)`` bool: where all signals are known that are known at all."""
    seen = np.ones(len(recording.time_s), bool)
    for columns in _SIGNALS.values():
        known = np.ones(len(seen), bool)
        for column in columns:
            known &= np.isfinite(recording.signals[column])
        if known.any():
            seen &= known
    return seen


def _values(recording: Recording, frames: np.ndarray) -> np.ndarray:
    """``(n_signals, n)`` of some frames, which are near each other."""
    part = slice(frames[0], frames[-1] + 1)
    values = [
        np.mean([recording.signals[column][part] for column in columns], axis=0)
        for columns in _SIGNALS.values()
    ]
    return np.stack(values)[:, frames - frames[0]]


def _correlations(values: np.ndarray) -> np.ndarray:
    """Correlation matrix of ``(n_signals, n_frames)``; NaN for constant signals."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    moving = length >= MIN_STD * np.sqrt(values.shape[1])
    unit = centred / np.where(moving, length, np.nan)[:, None]
    return unit @ unit.T


def _averaged(matrices: list[np.ndarray]) -> np.ndarray:
    """Mean of correlations by Fisher's z, over the windows that have one; NaN where none has."""
    z = np.arctanh(np.clip(matrices, -_HIGHEST, _HIGHEST))
    known = np.isfinite(z)
    n_known = known.sum(axis=0)
    mean = np.where(known, z, 0).sum(axis=0) / np.maximum(n_known, 1)
    return np.where(n_known > 0, np.tanh(mean), np.nan)
