"""The inner face against the outline of the head: a swapped face slides on its new head."""

from collections.abc import Sequence

import numpy as np

from featurize.declaration import Recording, summary
from featurize.landmarks.schema import SCHEMES, Schema
from featurize.scratch import scratch
from featurize.types import pieces
from featurize.video_features.sampling import all_known
from featurize.video_features.stability.pose_regression import MIN_FRAMES, std_without_pose
from featurize.video_features.stability.rigid_residual import RigidResidual, rigid_residual
from featurize.video_features.stability.slow_and_fast import slow_and_fast
from featurize.video_features.statistics import rms_of_parts

COMPONENTS = {
    "x_iod": ("iod", "to the side"),
    "y_iod": ("iod", "up and down"),
    "roll_deg": ("deg", "by turning in the picture plane"),
    "log_scale": ("1", "by growing and shrinking"),
}


@summary(
    family="stability",
    reference="inner face against outer face as in Yang, Li & Lyu 2019, by similarities in the "
    "frontal plane",
    confounded_by=(
        "head turn range",
        "error of depth",
        "hair over the outline",
        "background edges",
        "face size",
        "frame rate",
        "compression",
    ),
    features={
        f"inner_against_outline_{component}__{statistic}": (unit, f"{meaning} {how}")
        for component, (unit, how) in COMPONENTS.items()
        for statistic, meaning in (
            ("std", "How far the inner face slides on the head, beyond what pose explains,"),
            ("fast_rms", "Jitter of the inner face against the outline of the head,"),
        )
    },
)
def inner_against_outline(recording: Recording) -> dict[str, float]:
    """Motion of the inner face against the outline, in the frontal plane of the head.

    In every frame a similarity (shift, turn, size) lays the mean inner face (corners of the eyes,
    nose) onto that of the frame, and another the outline above the mouth, which speech does not
    move. Their difference is 0 for a rigid head. ``std`` is of what a polynomial of yaw, pitch and
    roll leaves of it; ``fast_rms`` of what a local cubic over 0.28 s leaves, as the white noise
    that would leave it. NaN with fewer than 25 frames of the face; jitter, when it is never seen
    for 0.28 s on end (at least seven frames, which below 25 frames per second take longer).
    """
    schema = SCHEMES[recording.track.schema]
    difference = _difference(rigid_residual(recording), schema)
    known = all_known(difference)
    std = fast = np.full(len(COMPONENTS), np.nan)
    if np.count_nonzero(known) >= MIN_FRAMES:
        std = std_without_pose(difference, recording)
        parts = slow_and_fast(difference.__getitem__, known, recording.time_s)
        fast = rms_of_parts((part.noise for part in parts), len(COMPONENTS))
    values: dict[str, float] = {}
    for number, component in enumerate(COMPONENTS):
        values[f"stability__inner_against_outline_{component}__std"] = std[number]
        values[f"stability__inner_against_outline_{component}__fast_rms"] = fast[number]
    return values


def _inner(schema: Schema) -> tuple[str, ...]:
    corners = tuple(name for name in schema.points if name.endswith(("eye_inner", "eye_outer")))
    return (*corners, *schema.regions["nose"])


def _outline_above_mouth(schema: Schema) -> tuple[str, ...]:
    mouth_cm = schema.average_cm["left_mouth_corner"][1]
    return tuple(
        name for name in schema.regions["outline"] if schema.average_cm[name][1] > mouth_cm
    )


def _difference(residual: RigidResidual, schema: Schema) -> np.ndarray:
    """``(n_frames, 4)`` similarity of the inner face less that of the outline."""
    difference = scratch((residual.n_frames, len(COMPONENTS)))
    inner, outline = _inner(schema), _outline_above_mouth(schema)
    for piece in pieces(residual.n_frames):
        difference[piece] = _similarity(residual, inner, piece)
        difference[piece] -= _similarity(residual, outline, piece)
    return difference


def _similarity(residual: RigidResidual, names: Sequence[str], frames: slice) -> np.ndarray:
    """Shift, turn and growth of some points against the mean face, by least squares.

    Turning is counted clockwise as seen, as roll is: towards the subject's left.
    """
    mean = residual.mean(names)[:, :2]
    points = mean + residual.of(names, frames)
    middle, origin = points.mean(axis=1, keepdims=True), mean.mean(axis=0)
    points, mean = points - middle, mean - origin
    along = np.sum(points * mean, axis=(1, 2))
    across = np.sum(points[..., 0] * mean[:, 1] - points[..., 1] * mean[:, 0], axis=1)
    size = np.hypot(along, across) / np.sum(mean**2)
    shift = middle[:, 0] - origin
    return np.column_stack([shift, np.degrees(np.arctan2(across, along)), np.log(size)])
