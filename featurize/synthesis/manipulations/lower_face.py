"""Mouth and lower face taken from other moments: lip-sync and neural textures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.blending import paste
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.head_motion import (
    HeadMotion,
    other_moments,
    smoothed,
    smoothstep,
)
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.masks import (
    OUTLINE,
    REGIONS,
    box_corners,
    box_mask,
    softened,
)
from featurize.synthesis.manipulations.reenactment import (
    blended,
    borrowed,
    redrawn,
    region,
    region_box,
    seen,
    settled,
)
from featurize.synthesis.manipulations.wandering import drift, followed, frames_rng, jitter

_OUTLINE = MEDIAPIPE_478.indices(OUTLINE)
_LOWER = MEDIAPIPE_478.indices(REGIONS["lower"])
_MOUTH = MEDIAPIPE_478.indices(REGIONS["mouth"])
_CHEEKS = MEDIAPIPE_478.indices(("right_cheek", "left_cheek"))
# How much larger what is covered is than the lips about their middle, and than the lower face
# downwards from the cheeks, so that no second chin shows below the new one.
_MOUTH_GROWN, _LOWER_GROWN = 1.45, 1.1
# The mouth of the average face, and how far from it a mouth that is changed alone moves the face.
_MOUTH_CM = (0.0, 4.3)
_MOUTH_REACH_CM = (3.0, 6.5)


@dataclass(frozen=True)
class LowerFace(Manipulation):
    """The lower face moves as at another moment of the clip, on the head as it is held now.

    Wav2Lip and its heirs draw the whole box of the face anew, at 96 pixels at first and at 256
    and more by now, and paste it; others keep to the lower face or, as Neural Textures do, to the
    mouth. The inside of the mouth, teeth and skin are another moment's, brought here by a warp.

    Lengths are in distances between the pupils (``_iod``).

    Attributes
    ----------
    region : str
        What is pasted: ``"box"``, ``"lower"`` or ``"mouth"``.
    away_share : float
        How much later the other moment is, as a share of the clip's length; it starts over at the
        end. 0.2 to 0.8.
    speed : float
        How fast the other moments pass; 0.7 to 1.4, often 1.
    gain : float
        Size of the mouth's movement compared with that of the other moments; 0.7 to 1.15.
    smoothing_s : float
        Standard deviation of the Gaussian that smooths the movement over time; 0.015 to 0.1.
    lag_s : float
        How far the pasted piece is behind the head; 0.002 to 0.05.
    resolution_px : float
        Pixels along the longer side of the face that the network draws; 48 to 400.
    sharpening : float
        By which share detail is amplified afterwards, as by face restoration; 0 in half the draws,
        at most 0.8.
    feather_iod : float
        Width of the soft edge; 0.03 to 0.35.
    jitter_iod : float
        Standard deviation, per axis, of the pasted piece's misplacement from frame to frame; 0.0005
        to 0.012.
    light_matched : float
        Share of the difference in light, along the edge, that is evened out; 0.6 to 1.
    colour_levels : float
        Standard deviation of the difference in colour, per channel, which drifts; 0.3 to 5.

    References
    ----------
    Prajwal et al. (2020), A Lip Sync Expert Is All You Need for Speech to Lip Generation In The
    Wild; Thies, Zollhöfer and Nießner (2019), Deferred Neural Rendering.
    """

    name: ClassVar[str] = "lower-face"

    region: str
    away_share: float
    speed: float
    gain: float
    smoothing_s: float
    lag_s: float
    resolution_px: float
    sharpening: float
    feather_iod: float
    jitter_iod: float
    light_matched: float
    colour_levels: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            region=str(rng.choice(["box", "lower", "mouth"], p=[0.35, 0.4, 0.25])),
            away_share=float(rng.uniform(0.2, 0.8)),
            speed=float(rng.choice([1.0, rng.uniform(0.7, 1.4)])),
            gain=float(rng.uniform(0.7, 1.15)),
            smoothing_s=log_uniform(rng, 0.015, 0.1),
            lag_s=log_uniform(rng, 0.002, 0.05),
            resolution_px=log_uniform(rng, 48.0, 400.0),
            sharpening=float(max(0.0, rng.uniform(-1.0, 0.8))),
            feather_iod=log_uniform(rng, 0.03, 0.35),
            jitter_iod=log_uniform(rng, 0.0005, 0.012),
            light_matched=float(rng.uniform(0.6, 1.0)),
            colour_levels=log_uniform(rng, 0.3, 5.0),
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`; the donor is not looked at."""
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        rng = frames_rng(seed)
        motion = HeadMotion(clip)
        moments = other_moments(clip, clip.time_s, self.away_share, self.speed)
        expression = self.gain * moments.of(motion.expression_cm)
        expression = smoothed(clip.time_s, expression, clip.shown, self.smoothing_s)
        weight = self._weight(motion)[:, None]
        off_px = self._off_px(clip, rng)
        tint = drift(rng, clip.time_s, self.colour_levels, 2.0, (3,)).astype(np.float32)
        for now, frame in enumerate(clip.frames):
            if not clip.shown[now]:
                yield np.array(frame)
                continue
            points = clip.points_px[now]
            wanted = points + weight * (motion.points_px(now, expression[now]) - points)
            wanted = (wanted + off_px[now]).astype(np.float32)
            other = int(moments.nearest[now])
            yield self._pasted(frame, clip, now, other, wanted, tint[now])

    def _weight(self, motion: HeadMotion) -> np.ndarray:
        """``(478,)`` how much each point follows the other moment."""
        if self.region != "mouth":
            return motion.below_nose
        away = np.linalg.norm(motion.rest_cm - _MOUTH_CM, axis=1)
        near = 1 - smoothstep((away - _MOUTH_REACH_CM[0]) / np.ptp(_MOUTH_REACH_CM))
        return motion.below_nose * near

    def _off_px(self, clip: FaceClip, rng: np.random.Generator) -> np.ndarray:
        """``(n, 2)`` misplacement of the pasted piece."""
        middle = clip.points_px.mean(axis=1).astype(np.float64)
        behind = followed(middle, clip.time_s, self.lag_s) - middle
        tremble = jitter(rng, clip.n_frames, self.jitter_iod, 0.3, (2,))
        return behind + tremble * clip.interocular_px[:, None]

    def _pasted(
        self,
        frame: np.ndarray,
        clip: FaceClip,
        now: int,
        other: int,
        wanted: np.ndarray,
        tint: np.ndarray,
    ) -> np.ndarray:
        """One frame with the piece in it."""
        points = clip.points_px[now]
        feather_px = self.feather_iod * float(clip.interocular_px[now])
        covered = self._covered(points, wanted, feather_px)
        # A box stands upright in the face: when the head is tilted, its corners stand out.
        boxed = self.region == "box"
        around = box_corners(points) if boxed else covered
        box = region_box(around, 2 * feather_px, clip.size_px)
        if box.is_empty:
            return np.array(frame)
        under = box.cut(frame)
        patch = borrowed(clip.frames[other], clip.points_px[other], wanted, box)
        mask = region(covered, 1.0, feather_px, box)
        mask *= seen(clip.points_px[other], wanted, feather_px, box)
        drawn = blended(under, settled(patch, under, mask, self.light_matched), mask)
        face_px = float(np.ptp(points[_OUTLINE], axis=0).max())
        drawn = redrawn(drawn, face_px, self.resolution_px, self.sharpening) + tint
        if boxed:
            mask = softened(box_mask(box.within(points), box.size), feather_px / 2)
        return paste(frame, box, drawn, mask)

    def _covered(self, points: np.ndarray, wanted: np.ndarray, feather_px: float) -> np.ndarray:
        """Points whose hull is replaced: the part where it is and where it shall be, and more."""
        if self.region == "mouth":
            lips = np.vstack([points[_MOUTH], wanted[_MOUTH]])
            half_px = max(float(np.ptp(lips, axis=0).max()) / 2, 1.0)
            # The lips that were there must not show through the soft edge.
            return _grown(lips, lips.mean(axis=0), _MOUTH_GROWN + 0.5 * feather_px / half_px)
        lower = np.vstack([points[_LOWER], wanted[_LOWER]])
        return _grown(lower, points[_CHEEKS].mean(axis=0), _LOWER_GROWN)


def _grown(points: np.ndarray, about: np.ndarray, factor: float) -> np.ndarray:
    return about + factor * (points - about)
