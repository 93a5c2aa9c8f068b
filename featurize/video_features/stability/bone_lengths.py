"""Bones do not stretch: distances between points on bone over the clip."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from featurize.declaration import Recording, summary
from featurize.scratch import blocks, let_go, scratch
from featurize.types import pieces
from featurize.video_features.stability.pose_regression import MIN_FRAMES, std_without_pose
from featurize.video_features.stability.rigid_residual import RigidResidual, rigid_residual
from featurize.video_features.stability.slow_and_fast import slow_and_fast
from featurize.video_features.statistics import mean_of_blocks, rms_of_parts, std_of_blocks

BONY = (
    "nasion",
    "subnasale",
    *("right_eye_outer", "left_eye_outer", "right_eye_inner", "left_eye_inner"),
    *("right_zygion", "left_zygion"),
)
"""Points over bone, or held by ligaments to it, that both landmark schemes have."""

# Distances that change by no more are constant but for the rounding of float32 pixels.
_ROUNDING = 1e-6


@summary(
    family="stability",
    reference="rigidity of the skull; distances as in Farkas 1994, in 3-D",
    confounded_by=(
        "head turn range",
        "error of depth",
        "face size",
        "hair over ears",
        "frame rate",
        "blur",
        "compression",
    ),
    features={
        "bone_lengths__cv_median": ("1", "Typical variation of distances between bony points"),
        "bone_lengths__cv_without_pose_median": (
            "1",
            "Typical variation of distances between bony points that head pose does not explain",
        ),
        "bone_lengths__pose_share": (
            "1",
            "Share of the variation of distances between bony points that head pose explains",
        ),
        "bone_lengths__fast_median": ("1", "Typical jitter of distances between bony points"),
        "bone_lengths__fast_max": ("1", "Jitter of the least stable distance of bony points"),
    },
)
def bone_lengths(recording: Recording) -> dict[str, float]:
    """Variation of the 28 distances between eight bony points, each over its mean.

    Distances are in three dimensions after the size of the face is taken out by all of its rigid
    points. ``cv = std / mean``; without pose, of what a second-order polynomial of yaw, pitch and
    roll leaves; its share in the variance is ``1 - sum(cv_without^2) / sum(cv^2)``, in [0, 1].
    Fast is the root mean square of what a local cubic over 0.28 s leaves, as the white noise that
    would leave it. Median and maximum are over the distances. NaN with fewer than 25 frames of the
    face; fast ones, when it is never seen for 0.28 s on end (at least seven frames, which below 25
    frames per second take longer); the share, of a face that stands still.
    """
    lengths = _lengths(rigid_residual(recording))
    known = np.zeros(len(lengths), bool)
    for block in blocks(len(lengths)):
        known[block] = np.isfinite(lengths[block]).all(axis=1)

    def seen() -> Iterator[np.ndarray]:
        for block in blocks(len(lengths)):
            yield lengths[block][known[block]]
            let_go(lengths)

    cv = left = fast = np.full(lengths.shape[1], np.nan)
    if np.count_nonzero(known) >= MIN_FRAMES:
        mean = mean_of_blocks(seen)
        for block in blocks(len(lengths)):
            lengths[block] /= mean
            let_go(lengths)
        cv, left = std_of_blocks(seen), std_without_pose(lengths, recording)
        parts = slow_and_fast(lengths.__getitem__, known, recording.time_s)
        fast = rms_of_parts((part.noise for part in parts), lengths.shape[1])
    varies = np.sum(cv**2) > _ROUNDING**2
    return {
        "stability__bone_lengths__cv_median": np.median(cv),
        "stability__bone_lengths__cv_without_pose_median": np.median(left),
        "stability__bone_lengths__pose_share": (
            1 - np.sum(left**2) / np.sum(cv**2) if varies else np.nan
        ),
        "stability__bone_lengths__fast_median": np.median(fast),
        "stability__bone_lengths__fast_max": np.max(fast),
    }


def _lengths(residual: RigidResidual) -> np.ndarray:
    """``(n_frames, 28)`` distances in interocular distances."""
    first, second = np.array([*combinations(range(len(BONY)), 2)]).T
    lengths = scratch((residual.n_frames, len(first)))
    for piece in pieces(residual.n_frames):
        points = residual.laid(BONY, piece)
        lengths[piece] = np.linalg.norm(points[:, first] - points[:, second], axis=2)
        let_go(lengths)
    return lengths
