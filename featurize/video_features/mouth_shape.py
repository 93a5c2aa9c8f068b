"""How the shape of the mouth varies: in how many ways, and how alike its two corners move."""

import numpy as np

from featurize.declaration import Recording, summary
from featurize.frame_features.points import frontal, interocular_distance_px, named_points
from featurize.landmarks.schema import DLIB_68, SCHEMES
from featurize.scratch import scratch
from featurize.types import LandmarkTrack, pieces
from featurize.video_features.functionals import MIN_FRAMES, VELOCITY_WINDOW_S
from featurize.video_features.sampling import derivative, joined, segments
from featurize.video_features.statistics import pearson, ratio, rms, sum_of_squares

POINTS = DLIB_68.regions["mouth"]
"""The twenty points of the lips that both landmark schemes have."""

MAIN_DIRECTIONS = 5
"""Opening, widening, protrusion, smile and sideways shift; the rest is fine motion."""

MIN_MOTION_IOD = 0.001
"""A mouth whose points stay within less than this, root mean square, has no shape space."""

MIN_SPEED_IOD_PER_S = 0.005
"""Corners slower than this stand still."""

_CORNERS = [POINTS.index("left_mouth_corner"), POINTS.index("right_mouth_corner")]


@summary(
    family="mouth",
    reference="participation ratio of the principal components (Gao & Ganguli 2015); asymmetry of "
    "facial movement after Schmidt et al. 2006",
    confounded_by=("what is said", "landmark noise", "face size", "large yaw", "clip length"),
    features={
        "corner_sideways_left_right__pearson": (
            "1",
            "How far both corners of the mouth move outwards together",
        ),
        "corner_motion_left_right__asymmetry": (
            "1",
            "Difference of the speeds of both corners over their sum",
        ),
        "shape__dimension": ("1", "Number of independent ways in which the mouth moves"),
        "shape_fine_motion_iod__rms": (
            "iod",
            "Motion of the lips outside their five main directions",
        ),
    },
)
def mouth_shape(recording: Recording) -> dict[str, float]:
    """Symmetry of the corners and dimension of the mouth's shape space.

    Points are turned to the frontal plane, relative to the middle of the rigid points of the face,
    in iod. The corners' velocities, each to its own side, are correlated, and the root mean squares
    of their speeds compared. The dimension is the participation ratio of the covariance of
    all twenty points, ``(sum l)^2 / sum l^2`` over its eigenvalues: 1 for a mouth that only opens
    and closes, at most 40. Fine motion is the root mean square per point of what the five largest
    leave. NaN for a mouth that does not move, with fewer than 12 frames, or 0.5 s on end for the
    corners.
    """
    places, corners = _followed(recording.track)
    found = segments(corners, recording.time_s)
    speed = joined([derivative(segment, 1, VELOCITY_WINDOW_S) for segment in found], 4)
    left, right = (
        rms(np.sqrt(sum_of_squares(of_corner))) for of_corner in (speed[:, :2], speed[:, 2:])
    )
    moving = min(left, right) >= MIN_SPEED_IOD_PER_S
    # Rounding can make the smallest eigenvalues of a covariance negative.
    variances = np.maximum(np.linalg.eigvalsh(places.covariance)[::-1], 0)
    moved = np.sqrt(variances.sum() / len(POINTS)) >= MIN_MOTION_IOD
    known = places.n_frames >= MIN_FRAMES and moved
    return {
        "mouth__corner_sideways_left_right__pearson": (
            pearson(speed[:, 0], speed[:, 2]) if moving else np.nan
        ),
        "mouth__corner_motion_left_right__asymmetry": (
            abs(left - right) / (left + right) if moving else np.nan
        ),
        "mouth__shape__dimension": (
            ratio(variances.sum() ** 2, np.sum(variances**2)) if known else np.nan
        ),
        "mouth__shape_fine_motion_iod__rms": (
            np.sqrt(variances[MAIN_DIRECTIONS:].sum() / len(POINTS)) if known else np.nan
        ),
    }


class _Covariance:
    """Covariance of rows that come in pieces."""

    def __init__(self, n_columns: int) -> None:
        self.n_frames = 0
        self._sum = np.zeros(n_columns)
        self._products = np.zeros((n_columns, n_columns))

    def add(self, rows: np.ndarray) -> None:
        self.n_frames += len(rows)
        self._sum += rows.sum(axis=0)
        self._products += rows.T @ rows

    @property
    def covariance(self) -> np.ndarray:
        n_frames = max(self.n_frames, 1)
        mean = self._sum / n_frames
        return self._products / n_frames - np.outer(mean, mean)


def _followed(track: LandmarkTrack) -> tuple[_Covariance, np.ndarray]:
    """Covariance of all points, and the corners as ``(n_frames, 4)``: left out and up, right too.

    Only the corners are kept for every frame, so that a long video needs little memory.
    """
    places = _Covariance(2 * len(POINTS))
    corners = scratch((track.n_frames, 4))
    for frames in pieces(track.n_frames):
        mouth = _frontal_iod(track.part(frames))
        corners[frames] = (mouth[:, _CORNERS] * [[1, 1], [-1, 1]]).reshape(-1, 4)
        places.add(mouth[np.isfinite(mouth).all(axis=(1, 2))].reshape(-1, 2 * len(POINTS)))
    return places, corners


def _frontal_iod(track: LandmarkTrack) -> np.ndarray:
    """Points of the mouth in the frontal plane of the face, ``(n_frames, 20, 2)``."""
    rigid = named_points(track, *SCHEMES[track.schema].rigid_cm)
    offsets = named_points(track, *POINTS) - rigid.mean(axis=1, keepdims=True)
    return frontal(track, offsets)[..., :2] / interocular_distance_px(track)[:, None, None]
