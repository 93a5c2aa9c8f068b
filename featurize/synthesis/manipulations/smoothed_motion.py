"""Motion of the face that is too smooth, or comes late."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.head_motion import HeadMotion, smoothed
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.puppet import Puppet
from featurize.synthesis.manipulations.wandering import followed

# A face further off its head than this, in distances between the pupils, shows at once.
_FURTHEST_IOD = 0.08


@dataclass(frozen=True)
class SmoothedMotion(Manipulation):
    """The expression is a Gaussian or an exponential mean of itself over time.

    So move faces that are drawn from coefficients predicted from sound or smoothed against
    flicker: speech loses its quick closures, blinks are slow and half. With ``head_too`` the inner
    face is also placed by the smoothed position of the head, so it swims on it.

    Attributes
    ----------
    smoothing_s : float
        Standard deviation of the Gaussian; 0.03 to 0.4.
    lag_s : float
        How far the expression is behind, as an exponential follower is; 0 in half the draws, else
        0.02 to 0.25.
    gain : float
        Size of the expression after smoothing; 0.6 to 1.1.
    head_too : bool
        Whether the place of the face follows the head as smoothed and as late.
    lower_only : bool
        Whether eyes and brows are left as they are.
    resolution_px : float
        Pixels along the longer side of the face at which it is drawn anew; 100 to 700.
    feather_iod : float
        Width of the soft edge of what is drawn anew, in distances between the pupils; 0.1 to 0.4.
    """

    name: ClassVar[str] = "smoothed-motion"

    smoothing_s: float
    lag_s: float
    gain: float
    head_too: bool
    lower_only: bool
    resolution_px: float
    feather_iod: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            smoothing_s=log_uniform(rng, 0.03, 0.4),
            lag_s=log_uniform(rng, 0.02, 0.25) if rng.random() < 0.5 else 0.0,
            gain=float(rng.uniform(0.6, 1.1)),
            head_too=bool(rng.random() < 0.4),
            lower_only=bool(rng.random() < 0.3),
            resolution_px=log_uniform(rng, 100.0, 700.0),
            feather_iod=log_uniform(rng, 0.1, 0.4),
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`; donor and seed change nothing."""
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        motion = HeadMotion(clip)
        expression = self.gain * self._late(clip, motion.expression_cm)
        if self.lower_only:
            expression = motion.only_below_nose(expression)
        puppet = Puppet(motion, expression, self._off_px(clip))
        tint = np.zeros((clip.n_frames, 3))
        yield from puppet.frames("below-brows", self.feather_iod, self.resolution_px, tint)

    def _late(self, clip: FaceClip, values: np.ndarray) -> np.ndarray:
        """Values over time as smoothed and as late as the parameters say."""
        smooth = smoothed(clip.time_s, values, clip.shown, self.smoothing_s)
        return followed(smooth, clip.time_s, self.lag_s)

    def _off_px(self, clip: FaceClip) -> np.ndarray:
        """``(n, 2)`` how far the face is off its place on the head."""
        off = np.zeros((clip.n_frames, 2))
        if self.head_too:
            middle = clip.points_px.mean(axis=1).astype(np.float64)
            off = self._late(clip, middle) - middle
        furthest = _FURTHEST_IOD * clip.interocular_px[:, None]
        distance = np.linalg.norm(off, axis=1, keepdims=True)
        return off * furthest / np.maximum(furthest + distance, 1e-9)
