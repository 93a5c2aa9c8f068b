"""Motion of a face taken apart: what the head does, and what the expression does."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import RBFInterpolator

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.face_clip import FaceClip

_RIGID = MEDIAPIPE_478.indices(MEDIAPIPE_478.rigid_cm)
# Face on the page: x to the subject's left, y down, centimetres.
_RIGID_CM = np.array(list(MEDIAPIPE_478.rigid_cm.values()))[:, :2] * (1.0, -1.0)
# Turning of the head, in radians, under which what the points do is hardly put down to it.
_TURN_FLOOR_RAD = 0.03
# A face seen from the side hides how far its points stand out: beyond 78 degrees they are taken to
# lean as they do there, lest a pose that is wrong in one frame spoil the mean of all.
_LEAST_FACING = 0.2
# Rows of the average face, in centimetres down from its middle, between which the lower face
# begins: from above the tip of the nose to the upper lip.
_LOWER_CM = (0.8, 3.0)


@dataclass(frozen=True)
class HeadMotion:
    """How the head and the expression of a clip move.

    In each frame where the face is shown, the affine map is found that brings the points over bone
    of an average face to where they are seen. Through it, all points are told in centimetres of
    that face. What turning the head does there, because a face is not flat, is taken out by the
    relief of the average face. The rest, a displacement of each point from its mean place, is the
    expression; another moment's or another face's can be put in its place.

    Attributes
    ----------
    clip : FaceClip
        What is taken apart.
    """

    clip: FaceClip

    @cached_property
    def to_px(self) -> np.ndarray:
        """``(n, 2, 3)`` from centimetres to pixels; NaN where the face is missing."""
        known = np.column_stack([_RIGID_CM, np.ones(len(_RIGID_CM))])
        maps = np.linalg.pinv(known) @ self.clip.points_px[:, _RIGID].astype(np.float64)
        return np.swapaxes(maps, 1, 2)

    @cached_property
    def local_cm(self) -> np.ndarray:
        """``(n, 478, 2)`` all points on the average face, x to the subject's left, y down."""
        away = self.clip.points_px - self.to_px[:, None, :, 2]
        return np.einsum("nij,nkj->nki", _inverse(self.to_px[:, :, :2]), away)

    @cached_property
    def rest_cm(self) -> np.ndarray:
        """``(478, 2)`` mean place of each point on the average face."""
        return self.local_cm[self.clip.shown].mean(axis=0)

    @cached_property
    def facing(self) -> np.ndarray:
        """``(n, 2)`` rightward and upward part of the direction the face looks in, length 1."""
        facing = self.clip.pose[:, [0, 1], 2].astype(np.float64)
        return np.where(self.clip.shown[:, None], np.clip(facing, -1, 1), 0.0)

    @cached_property
    def expression_cm(self) -> np.ndarray:
        """``(n, 478, 2)`` how far each point is from where it is on average when the head is so."""
        expression = np.full(self.local_cm.shape, np.nan)
        shown = self.clip.shown
        if shown.any():
            by_turning = self._leaning[:, None] * _off_plane_cm(self.rest_cm)[:, None]
            still = (self.local_cm - by_turning)[shown]
            still -= still.mean(axis=0)
            # The outline slips over the cheek as the head turns aside; sideways only, so that the
            # opening of a mouth is never put down to turning.
            aside = self.facing[shown, 0] - self.facing[shown, 0].mean()
            slip = aside @ still[..., 0] / (aside @ aside + len(aside) * _TURN_FLOOR_RAD**2)
            still[..., 0] -= aside[:, None] * slip
            expression[shown] = still
        return expression

    @cached_property
    def _leaning(self) -> np.ndarray:
        """``(n, 2)`` centimetres by which a centimetre towards the viewer shows beside its foot."""
        across, out = self.clip.pose[:, :2, :2].astype(np.float64), self.facing
        return np.einsum("nij,nj->ni", _inverse(across, _LEAST_FACING), out) * (1.0, -1.0)

    @cached_property
    def below_nose(self) -> np.ndarray:
        """``(478,)`` how much a point belongs to the lower face, from 0 to 1."""
        return smoothstep((self.rest_cm[:, 1] - _LOWER_CM[0]) / (_LOWER_CM[1] - _LOWER_CM[0]))

    def only_below_nose(self, expression_cm: np.ndarray) -> np.ndarray:
        """``(n, 478, 2)`` another expression in the lower face, and the clip's own above."""
        weight = self.below_nose[:, None]
        return self.expression_cm + weight * (expression_cm - self.expression_cm)

    def points_px(self, frame: int, expression_cm: np.ndarray) -> np.ndarray:
        """``(478, 2)`` float32 where the points of a frame would be with another expression."""
        change = expression_cm - self.expression_cm[frame]
        moved = change @ self.to_px[frame, :, :2].T
        return (self.clip.points_px[frame] + moved).astype(np.float32)


def smoothed(
    time_s: np.ndarray, values: np.ndarray, shown: np.ndarray, sigma_s: float
) -> np.ndarray:
    """Run a Gaussian over values in time, missing frames left out.

    Parameters
    ----------
    time_s : numpy.ndarray
        ``(n,)`` when.
    values : numpy.ndarray
        ``(n, ...)``; rows that are not shown are not looked at.
    shown : numpy.ndarray
        ``(n,)`` bool.
    sigma_s : float
        Standard deviation of the Gaussian; above 0.

    Returns
    -------
    numpy.ndarray
        Shaped as ``values``; NaN where not shown.
    """
    result = np.full(values.shape, np.nan)
    when = time_s[shown]
    weight = np.exp(-0.5 * ((when[:, None] - when) / sigma_s) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    result[shown] = (weight @ values[shown].reshape(len(when), -1)).reshape(values[shown].shape)
    return result


@dataclass(frozen=True)
class Moments:
    """Moments between two frames each.

    Attributes
    ----------
    before, after : numpy.ndarray
        ``(m,)`` frame numbers.
    share : numpy.ndarray
        ``(m,)`` how far on the way from one to the other, in [0, 1].
    """

    before: np.ndarray
    after: np.ndarray
    share: np.ndarray

    @property
    def nearest(self) -> np.ndarray:
        """``(m,)`` the nearer of the two frames."""
        return np.where(self.share < 0.5, self.before, self.after)

    def of(self, values: np.ndarray) -> np.ndarray:
        """``(m, ...)`` values at the moments, straight between those of the frames."""
        share = self.share.reshape(-1, *[1] * (values.ndim - 1))
        return values[self.before] * (1 - share) + values[self.after] * share


def other_moments(clip: FaceClip, time_s: np.ndarray, away_share: float, speed: float) -> Moments:
    """Moments of a clip that pass in its stead: later ones, from the beginning again at its end.

    Parameters
    ----------
    clip : FaceClip
        Its face is shown in some frame.
    time_s : numpy.ndarray
        ``(m,)`` times at which moments are asked for.
    away_share : float
        How much later they are, as a share of the time for which the face is shown.
    speed : float
        How fast they pass.
    """
    at = clip.time_s[clip.shown]
    length = max(float(at[-1] - at[0]), 1e-6)
    return moments_at(clip, at[0] + (time_s * speed + away_share * length) % length)


def moments_at(clip: FaceClip, when: np.ndarray) -> Moments:
    """Moments of a clip at ``(m,)`` times, between the nearest frames that show the face.

    Over a gap they pass from its one side to the other; before the first such frame, and after the
    last, they stay.
    """
    shown = np.flatnonzero(clip.shown)
    at = clip.time_s[shown]
    left = np.clip(np.searchsorted(at, when, side="right") - 1, 0, max(len(at) - 2, 0))
    right = np.minimum(left + 1, len(at) - 1)
    share = np.clip((when - at[left]) / np.maximum(at[right] - at[left], 1e-9), 0.0, 1.0)
    return Moments(shown[left], shown[right], share)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Rise from 0 at 0 to 1 at 1, level at both ends and outside."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


def _off_plane_cm(places_cm: np.ndarray) -> np.ndarray:
    """``(478,)`` relief of the average face at places, above the plane through the bones."""
    known = np.array(list(MEDIAPIPE_478.average_cm.values())) * (1.0, -1.0, 1.0)
    relief = RBFInterpolator(known[:, :2], known[:, 2], kernel="linear")(places_cm)
    bones = np.array(list(MEDIAPIPE_478.rigid_cm.values()))
    level = np.column_stack([_RIGID_CM, np.ones(len(bones))])
    plane = np.linalg.lstsq(level, bones[:, 2], rcond=None)[0]
    return relief - places_cm @ plane[:2] - plane[2]


def _inverse(matrices: np.ndarray, least_det: float = 0.0) -> np.ndarray:
    """Inverse of 2 by 2 matrices, determinants taken to be no nearer to 0; NaN stays NaN."""
    a, b, c, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 0], matrices[..., 1, 1]
    turned = np.stack([np.stack([d, -b], -1), np.stack([-c, a], -1)], -2)
    det = a * d - b * c
    det = np.where(np.abs(det) < least_det, np.copysign(least_det, det), det)
    return turned / det[..., None, None]
