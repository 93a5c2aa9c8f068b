"""A clip's own face with an expression it did not have at that moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.head_motion import HeadMotion
from featurize.synthesis.manipulations.masks import REGIONS
from featurize.synthesis.manipulations.reenactment import bent, lend, retouch
from featurize.synthesis.manipulations.retrieval import most_alike

# Parts that cannot be bent from one state to another, since something comes into sight: the hulls
# of points they are made of, and how much larger they are taken.
_PARTS: dict[str, tuple[tuple[str, ...], float]] = {
    "mouth": (("mouth",), 1.3),
    "eyes": (("right-eye", "left-eye"), 1.5),
}
_FEATHER_IOD = 0.08


@dataclass(frozen=True)
class Puppet:
    """Draws a clip with other expressions.

    The skin is bent in place. Mouth and eyes, where teeth, tongue and eyeballs come into sight, are
    borrowed from moments of the clip at which they looked most as they shall.

    Attributes
    ----------
    motion : HeadMotion
        Of the clip.
    expression_cm : numpy.ndarray
        ``(n, 478, 2)`` expression wanted in each frame, as in :attr:`HeadMotion.expression_cm`.
    off_px : numpy.ndarray
        ``(n, 2)`` how far the face is off its place in each frame.
    """

    motion: HeadMotion
    expression_cm: np.ndarray
    off_px: np.ndarray

    @cached_property
    def lenders(self) -> dict[str, np.ndarray]:
        """For each part ``(n,)`` the frame it is borrowed from."""
        return {
            part: most_alike(self.motion, self.expression_cm, np.concatenate(_hulls(part)))
            for part in _PARTS
        }

    def wanted_px(self, now: int) -> np.ndarray:
        """``(478, 2)`` float32 where the points of a frame shall be."""
        wanted = self.motion.points_px(now, self.expression_cm[now]) + self.off_px[now]
        return wanted.astype(np.float32)

    def frame(self, now: int) -> np.ndarray:
        """One frame in which the face is shown, drawn with its other expression."""
        clip, wanted = self.motion.clip, self.wanted_px(now)
        result = bent(clip.frames[now], clip.points_px[now], wanted)
        for part, (_, grown) in _PARTS.items():
            lender = int(self.lenders[part][now])
            if lender != now:
                hulls = [wanted[hull] for hull in _hulls(part)]
                lend(clip, lender, wanted, hulls, grown, _FEATHER_IOD, result)
        return result

    def frames(
        self, mask_shape: str, feather_iod: float, resolution_px: float, tint_levels: np.ndarray
    ) -> Iterator[np.ndarray]:
        """All frames of the clip, retouched; those without the face as they are.

        Parameters
        ----------
        mask_shape, resolution_px
            As for :func:`featurize.synthesis.manipulations.reenactment.retouch`.
        feather_iod : float
            Width of the mask's soft edge, in distances between the pupils.
        tint_levels : numpy.ndarray
            ``(n, 3)`` added to red, green and blue of each frame.
        """
        clip = self.motion.clip
        for now, frame in enumerate(clip.frames):
            if not clip.shown[now]:
                yield np.array(frame)
                continue
            result, feather_px = self.frame(now), feather_iod * float(clip.interocular_px[now])
            wanted = self.wanted_px(now)
            retouch(result, wanted, mask_shape, feather_px, resolution_px, tint_levels[now])
            yield result


def _hulls(part: str) -> list[np.ndarray]:
    return [MEDIAPIPE_478.indices(REGIONS[name]) for name in _PARTS[part][0]]
