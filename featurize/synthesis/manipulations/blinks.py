"""Eyes that do not blink, or stare."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.head_motion import HeadMotion, smoothed
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.masks import REGIONS
from featurize.synthesis.manipulations.reenactment import lend, retouch
from featurize.synthesis.manipulations.wandering import frames_rng, jitter

_EYES = [MEDIAPIPE_478.indices(REGIONS[side]) for side in ("right-eye", "left-eye")]
_IRISES = MEDIAPIPE_478.indices(MEDIAPIPE_478.regions["irises"])
_GROWN = 1.7
# An eye less open than this share of what is usual in the clip is closing or opening.
_CLOSING = 0.8
# Lids and brows move for so long before and after.
_AROUND_S = 0.06
# Over so long one held moment passes into the next.
_CHANGE_S = 0.03


@dataclass(frozen=True)
class AbsentBlinks(Manipulation):
    """Open eyes of another moment are laid over every blink, or over all frames.

    Early face swaps did not blink, because few portraits have their eyes closed (Li, Chang and Lyu
    2018); faces drawn from sound alone look straight ahead. Where a clip shows no blink to take
    away, the eyes are held.

    Attributes
    ----------
    held_s : float
        For how long the eyes are held as they were at one moment; 0: only blinks are covered, by
        the open eyes before. 0 in half the draws, else 0.4 to 6.
    closing_left : float
        Share of a covered blink that remains, as of networks that blink by halves; 0 in half the
        draws, else up to 0.5.
    jitter_iod : float
        Standard deviation, per axis, of the misplacement of the laid-in eyes, in distances between
        the pupils; 0.0003 to 0.006.
    feather_iod : float
        Width of their soft edge; 0.05 to 0.2.
    resolution_px : float
        Pixels along the longer side of the face at which the eyes are drawn anew in all frames;
        70 to 600.
    """

    name: ClassVar[str] = "absent-blinks"

    held_s: float
    closing_left: float
    jitter_iod: float
    feather_iod: float
    resolution_px: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            held_s=log_uniform(rng, 0.4, 6.0) if rng.random() < 0.5 else 0.0,
            closing_left=float(max(0.0, rng.uniform(-0.5, 0.5))),
            jitter_iod=log_uniform(rng, 0.0003, 0.006),
            feather_iod=log_uniform(rng, 0.05, 0.2),
            resolution_px=log_uniform(rng, 70.0, 600.0),
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`; the donor is not looked at."""
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        motion = HeadMotion(clip)
        tremble = jitter(frames_rng(seed), clip.n_frames, self.jitter_iod, 0.3, (2,))
        lenders, cover = self._plan(clip, motion)
        shape = motion.expression_cm[np.maximum(lenders, 0)]
        shape = smoothed(clip.time_s, shape, clip.shown & (lenders >= 0), _CHANGE_S)
        left = self.closing_left
        for now, frame in enumerate(clip.frames):
            if not clip.shown[now]:
                yield np.array(frame)
                continue
            result, points = np.array(frame), clip.points_px[now]
            if cover[now] > 0:
                wanted = motion.points_px(now, shape[now])
                wanted = (1 - left) * wanted + left * points
                wanted = wanted + tremble[now] * clip.interocular_px[now]
                hulls = [np.vstack([wanted[eye], points[eye]]) for eye in _EYES]
                lender = int(lenders[now])
                lend(
                    clip,
                    lender,
                    wanted.astype(np.float32),
                    hulls,
                    _GROWN,
                    self.feather_iod,
                    result,
                    float(cover[now]),
                )
            feather_px = self.feather_iod * float(clip.interocular_px[now])
            retouch(result, points, "eyes", feather_px, self.resolution_px, np.zeros(3))
            yield result

    def _plan(self, clip: FaceClip, motion: HeadMotion) -> tuple[np.ndarray, np.ndarray]:
        """``(n,)`` frame that lends its eyes to each (-1: none), and how much they cover."""
        shown = np.flatnonzero(clip.shown)
        closing = _near(clip.time_s, self._closing(motion) & clip.shown, _AROUND_S) & clip.shown
        is_open = clip.shown & ~closing
        if not is_open.any():
            is_open = clip.shown
        lenders, cover = np.full(clip.n_frames, -1), np.zeros(clip.n_frames)
        if self.held_s == 0 and closing.any():
            lenders[shown] = [_last_before(is_open, now) for now in shown]
            cover[closing] = 1.0
        else:
            held_s = self.held_s or float(clip.time_s[-1]) + 1.0
            first = np.searchsorted(clip.time_s, np.floor(clip.time_s / held_s) * held_s)
            lenders[shown] = [_last_before(is_open, int(first[now])) for now in shown]
            cover[shown] = 1.0
        return lenders, cover

    def _closing(self, motion: HeadMotion) -> np.ndarray:
        """``(n,)`` bool: whether the lids are away from where they usually are."""
        heights = [np.ptp(motion.local_cm[:, eye, 1], axis=1) for eye in _EYES]
        opening = np.mean(heights, axis=0)
        return opening < _CLOSING * np.nanmedian(opening)


def _near(time_s: np.ndarray, marked: np.ndarray, reach_s: float) -> np.ndarray:
    """``(n,)`` bool: which frames are within a time of a marked one."""
    return (np.abs(time_s[:, None] - time_s[marked]) <= reach_s + 1e-9).any(axis=1)


def _last_before(marked: np.ndarray, now: int) -> int:
    """Last marked frame up to a frame, or else the first after it."""
    before = np.flatnonzero(marked[: now + 1])
    return int(before[-1]) if len(before) else int(np.argmax(marked))
