"""The expression of another moment, or of another person, on the face as it is: Face2Face."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.head_motion import HeadMotion, other_moments, smoothed
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.puppet import Puppet
from featurize.synthesis.manipulations.wandering import drift, frames_rng, jitter


@dataclass(frozen=True)
class ExpressionTransfer(Manipulation):
    """The face is bent to the expression of other moments while the head goes on as it does.

    The other moments are a donor's if one is given, else the clip's own. The mouth's inside is
    retrieved from moments of the clip that look most alike; the face is drawn anew and blended in.

    Attributes
    ----------
    away_share : float
        How much later the other moments are, as a share of their clip's length; they start over
        at its end. 0.2 to 0.8.
    speed : float
        How fast they pass; 0.7 to 1.4, often 1.
    gain : float
        Size of the transferred expression; 0.5 to 1.2.
    eyes : bool
        Whether eyes and brows take part, or only the lower face.
    smoothing_s : float
        Standard deviation of the Gaussian that smooths the expression over time; 0.015 to 0.15.
    jitter_iod : float
        Standard deviation, per axis, of the face's misplacement from frame to frame, in distances
        between the pupils; 0.0005 to 0.01.
    resolution_px : float
        Pixels along the longer side of the face at which it is drawn anew; 80 to 500.
    mask_shape : str
        What is drawn anew: ``"whole"``, ``"below-brows"`` or ``"inner"``.
    feather_iod : float
        Width of the soft edge of what is drawn anew; 0.05 to 0.4.
    colour_levels : float
        Standard deviation of its difference in colour, per channel, which drifts; 0.3 to 6.

    References
    ----------
    Thies et al. (2016), Face2Face: Real-time Face Capture and Reenactment of RGB Videos; here the
    model of the face is the clip's own landmarks, and its texture the clip's own frames.
    """

    name: ClassVar[str] = "expression-transfer"
    welcomes_donor: ClassVar[bool] = True

    away_share: float
    speed: float
    gain: float
    eyes: bool
    smoothing_s: float
    jitter_iod: float
    resolution_px: float
    mask_shape: str
    feather_iod: float
    colour_levels: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            away_share=float(rng.uniform(0.2, 0.8)),
            speed=float(rng.choice([1.0, rng.uniform(0.7, 1.4)])),
            gain=float(rng.uniform(0.5, 1.2)),
            eyes=bool(rng.random() < 0.5),
            smoothing_s=log_uniform(rng, 0.015, 0.15),
            jitter_iod=log_uniform(rng, 0.0005, 0.01),
            resolution_px=log_uniform(rng, 80.0, 500.0),
            mask_shape=str(rng.choice(["whole", "below-brows", "inner"], p=[0.3, 0.45, 0.25])),
            feather_iod=log_uniform(rng, 0.05, 0.4),
            colour_levels=log_uniform(rng, 0.3, 6.0),
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`; a donor is welcome, not needed."""
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        rng, motion = frames_rng(seed), HeadMotion(clip)
        driver = clip if donor is None or not donor.shown.any() else donor
        moments = other_moments(driver, clip.time_s, self.away_share, self.speed)
        driving = motion if driver is clip else HeadMotion(driver)
        expression = self.gain * moments.of(driving.expression_cm)
        expression = smoothed(clip.time_s, expression, clip.shown, self.smoothing_s)
        if not self.eyes:
            expression = motion.only_below_nose(expression)
        tremble = jitter(rng, clip.n_frames, self.jitter_iod, 0.3, (2,))
        puppet = Puppet(motion, expression, tremble * clip.interocular_px[:, None])
        tint = drift(rng, clip.time_s, self.colour_levels, 2.0, (3,)).astype(np.float32)
        yield from puppet.frames(self.mask_shape, self.feather_iod, self.resolution_px, tint)
