"""One still frame brought to life by the motion of the clip it is from: a generated portrait."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.head_motion import (
    HeadMotion,
    moments_at,
    smoothed,
    smoothstep,
)
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.masks import REGIONS
from featurize.synthesis.manipulations.reenactment import WARP_MARGIN, lend, redrawn
from featurize.synthesis.manipulations.unsteadiness import Unsteadiness
from featurize.synthesis.manipulations.wandering import frames_rng
from featurize.synthesis.manipulations.warping import warp

_LIPS = MEDIAPIPE_478.indices(("lip_upper_inner_middle", "lip_lower_inner_middle"))
_INSIDE = MEDIAPIPE_478.indices(name for name in MEDIAPIPE_478.regions["mouth"] if "inner" in name)
_EYES = [MEDIAPIPE_478.indices(REGIONS[side]) for side in ("right-eye", "left-eye")]
_RIGID = MEDIAPIPE_478.indices(MEDIAPIPE_478.regions["rigid"])
# Ellipse of head and hair on the average face: its middle and half axes in centimetres. Beyond it
# the motion fades until it is gone at a multiple of the half axes.
_HEAD_MIDDLE_CM = (0.0, -1.5)
_HEAD_HALF_CM = (9.0, 12.5)
_STILL_FROM = 1.9
# The head moves away from the still by less than this, in distances between the pupils: further,
# and the picture around it would tear.
_FURTHEST_IOD = 0.45
# It turns away from it by less than this.
_FURTHEST_RAD = 0.35
# The still shows a face to the front, closed lips and open eyes: what counts as much as a radian.
_PER_LIPS_CM, _PER_LIDS_CM = 0.3, 1.0
# The mouth's inside is borrowed once the lips are so much further apart than on the still.
_PARTING_CM = (0.08, 0.35)
# The field is found on a grid this many pixels wide.
_GRID_PX = 4


@dataclass(frozen=True)
class GeneratedPortrait(Manipulation):
    """A single frame is warped after the clip's own landmarks; what is around the head stands.

    The texture of the face is that of the still all the time, but for the inside of the mouth,
    which is that of one other frame. The warp fades out around the head, so that shoulders stand
    still, and neck, hair and the nearby background are stretched. Where the clip loses the face the
    portrait goes on, from where it was to where it is found again, as generators do that are given
    the motion of a film: of the film itself nothing is ever seen.

    Attributes
    ----------
    head_gain, expression_gain : float
        How much of the motion of the head, and of the expression, is followed; 0.4 to 1 and 0.6
        to 1; a head that goes too far for a still is followed less.
    smoothing_s : float
        Standard deviation of the Gaussian that smooths the motion over time; 0.01 to 0.15.
    resolution_px : float
        Pixels along the longer side of the face at which the still is drawn; 90 to 350.
    background_too : bool
        Whether what is around the head is drawn at that resolution too, or pasted back.
    jitter_iod : float
        Standard deviation of the misplacement of the landmarks from frame to frame, in distances
        between the pupils; 0.0003 to 0.004.

    References
    ----------
    Siarohin et al. (2019), First Order Motion Model for Image Animation; Guo et al. (2024),
    LivePortrait. The motion is that of landmarks here, not of learnt keypoints.
    """

    name: ClassVar[str] = "generated-portrait"

    head_gain: float
    expression_gain: float
    smoothing_s: float
    resolution_px: float
    background_too: bool
    jitter_iod: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            head_gain=float(rng.uniform(0.4, 1.0)),
            expression_gain=float(rng.uniform(0.6, 1.0)),
            smoothing_s=log_uniform(rng, 0.01, 0.15),
            resolution_px=log_uniform(rng, 90.0, 350.0),
            background_too=bool(rng.random() < 0.35),
            jitter_iod=log_uniform(rng, 0.0003, 0.004),
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip; the donor is not looked at.

        Unlike those of other manipulations, frames are not the clip's outside of the face either,
        nor where the face is missing, but the still's. A clip that shows no face stays as it is.
        """
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        motion = HeadMotion(clip)
        still, mouth = _chosen(motion)
        moving = _moving_box(motion, still)
        if moving.is_empty:
            yield from map(np.array, clip.frames)
            return
        stills = self._stills(clip, still, mouth)
        moments = moments_at(clip, clip.time_s)
        wanted = moments.of(self._wanted(motion, still))
        rng = frames_rng(seed)
        shaking = Unsteadiness.trembling(rng, clip, self.jitter_iod, 0.5)
        lips_cm = _lips_cm(motion)
        parted = (moments.of(lips_cm) - lips_cm[still] - _PARTING_CM[0]) / np.ptp(_PARTING_CM)
        parted = smoothstep(parted)
        background = stills.frames[0] if self.background_too else clip.frames[still]
        for now in range(clip.n_frames):
            points = shaking.moved(wanted[now], now).astype(np.float32)
            result = np.array(background)
            where, share = _field(motion, still, points, moving)
            drawn = cv2.remap(
                stills.frames[0], where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            under = moving.cut(result)
            under[:] = np.where(share[..., None] > 0, drawn, under)
            if parted[now] > 0:
                inside = [points[_INSIDE]]
                lend(stills, 1, points, inside, 1.0, 0.03, result, float(parted[now]))
            yield result

    def _stills(self, clip: FaceClip, still: int, mouth: int) -> FaceClip:
        """The still and the frame of the open mouth as a clip of two, drawn anew."""
        face_px = float(np.ptp(clip.points_px[still], axis=0).max())
        pair = np.array([still, mouth])
        drawn = [redrawn(clip.frames[one], face_px, self.resolution_px) for one in pair]
        times = np.array([0.0, 1.0])
        points, pose, shapes = clip.points_px[pair], clip.pose[pair], clip.blendshapes[pair]
        return FaceClip(np.stack(drawn), times, points, pose, shapes)

    def _wanted(self, motion: HeadMotion, still: int) -> np.ndarray:
        """``(n, 478, 2)`` where the landmarks shall be; NaN where the face is missing."""
        clip, here = motion.clip, motion.clip.points_px[still].astype(np.float64)
        change = motion.expression_cm - motion.expression_cm[still]
        local = smoothed(clip.time_s, motion.local_cm - change, clip.shown, self.smoothing_s)
        change = smoothed(clip.time_s, change, clip.shown, self.smoothing_s)
        to_px = smoothed(clip.time_s, motion.to_px, clip.shown, self.smoothing_s)
        turned = np.einsum("nij,nkj->nki", to_px[:, :, :2], local) + to_px[:, None, :, 2] - here
        bent = np.einsum("nij,nkj->nki", to_px[:, :, :2], change)
        furthest_px = _FURTHEST_IOD * float(clip.interocular_px[still])
        carried = np.linalg.norm(turned[clip.shown].mean(axis=1), axis=1).max()
        facing = np.linalg.norm(motion.facing - motion.facing[still], axis=1)[clip.shown].max()
        limits = furthest_px / max(carried, 1e-6), _FURTHEST_RAD / max(facing, 1e-6)
        return here + min(self.head_gain, *limits) * turned + self.expression_gain * bent


def _lips_cm(motion: HeadMotion) -> np.ndarray:
    """``(n,)`` how far apart the lips are."""
    upper, lower = np.moveaxis(motion.local_cm[:, _LIPS], 1, 0)
    return np.linalg.norm(lower - upper, axis=1)


def _chosen(motion: HeadMotion) -> tuple[int, int]:
    """Frame of the still, and the frame in which the mouth is open widest."""
    shown = np.flatnonzero(motion.clip.shown)
    facing, lips = motion.facing[shown], _lips_cm(motion)[shown]
    lids = np.mean([np.ptp(motion.local_cm[shown][:, eye, 1], axis=1) for eye in _EYES], axis=0)
    turned = np.linalg.norm(facing, axis=1)
    closed = np.maximum(np.median(lids) - lids, 0)
    unusual = turned + _PER_LIPS_CM * lips + _PER_LIDS_CM * closed
    return int(shown[unusual.argmin()]), int(shown[lips.argmax()])


def _moving_box(motion: HeadMotion, still: int) -> FaceBox:
    """Box outside of which nothing moves."""
    to_px = motion.to_px[still]
    reach = _STILL_FROM * np.array(_HEAD_HALF_CM)
    corners = np.array([(x, y) for x in (-1, 1) for y in (-1, 1)]) * reach + _HEAD_MIDDLE_CM
    corners = corners @ to_px[:, :2].T + to_px[:, 2]
    return FaceBox.around(corners, 0.0, motion.clip.size_px)


def _field(
    motion: HeadMotion, still: int, points: np.ndarray, box: FaceBox
) -> tuple[np.ndarray, np.ndarray]:
    """Where in the still each pixel of a box comes from, and how much it moves with the head.

    First the head is carried as a whole, ever less around it; then the face is bent.
    """
    here = motion.clip.points_px[still]
    known = np.column_stack([here[_RIGID], np.ones(len(_RIGID))]).astype(np.float64)
    carry = np.linalg.lstsq(known, points[_RIGID].astype(np.float64), rcond=None)[0].T
    back = np.linalg.inv(carry[:, :2])
    to_cm = np.linalg.inv(motion.to_px[still][:, :2])
    width, height = box.size
    nodes = (max(2, -(-width // _GRID_PX)), max(2, -(-height // _GRID_PX)))
    x = box.left + (np.arange(nodes[0]) + 0.5) * width / nodes[0] - 0.5
    y = box.top + (np.arange(nodes[1]) + 0.5) * height / nodes[1] - 0.5
    place = np.stack(np.meshgrid(x, y), axis=-1)
    source = (place - carry[:, 2]) @ back.T
    # How far out: of the place itself, so that what stands does so whatever the head does.
    local = (place - motion.to_px[still][:, 2]) @ to_cm.T
    radius = np.linalg.norm((local - _HEAD_MIDDLE_CM) / _HEAD_HALF_CM, axis=-1)
    share = 1 - smoothstep((radius - 1) / (_STILL_FROM - 1))
    shift = (share[..., None] * (source - place)).astype(np.float32)
    shift = cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(share.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    columns = np.arange(box.left, box.right, dtype=np.float32)
    rows = np.arange(box.top, box.bottom, dtype=np.float32)
    where = shift + np.stack(np.meshgrid(columns, rows), axis=-1)
    carried = here @ carry[:, :2].T + carry[:, 2]
    face = FaceBox.around(carried, WARP_MARGIN, motion.clip.size_px)
    in_box = FaceBox(
        max(face.left, box.left),
        max(face.top, box.top),
        min(face.right, box.right),
        min(face.bottom, box.bottom),
    )
    if not in_box.is_empty:
        part = where[
            in_box.top - box.top : in_box.bottom - box.top,
            in_box.left - box.left : in_box.right - box.left,
        ]
        part[:] = warp(part, in_box.within(carried), in_box.within(points), in_box.size)
    return where, share
