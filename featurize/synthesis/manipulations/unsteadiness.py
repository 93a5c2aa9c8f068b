"""How the points of a face miss their place over a video: as a whole, and place by place.

A misfit of landmarks is never independent from point to point: a fitted model misses in position,
turn and size, and where it bends, it bends smoothly. So does the shape of another person's face.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.wandering import drift, jitter
from featurize.synthesis.manipulations.warping import displaced

_N_PLACES = 8
# Reach of a local bend, in distances between the pupils.
_REACH_IOD = 0.55
# A turn in radians, and a relative size, that moves the outline about as far as a shift of 1 does.
_TURN_PER_SHIFT = 0.6
# How much trembling swells and ebbs (standard deviation of its logarithm), and over how long.
_SWELL, _SWELL_S = 0.5, 0.4
_EYES = MEDIAPIPE_478.indices(("right_eye_outer", "left_eye_outer"))


@dataclass(frozen=True)
class Unsteadiness:
    """Displacements of all points of a face in each frame of a clip.

    Attributes
    ----------
    shift_px : numpy.ndarray
        ``(n, 2)`` of the whole face.
    turn_rad, log_scale : numpy.ndarray
        ``(n,)`` about its middle.
    bends_px : numpy.ndarray
        ``(n, n_places, 2)`` of some places, along the line of the eyes and across it.
    reach : numpy.ndarray
        ``(478, n_places)`` how much of it each point takes part in.
    """

    shift_px: np.ndarray
    turn_rad: np.ndarray
    log_scale: np.ndarray
    bends_px: np.ndarray
    reach: np.ndarray

    @classmethod
    def trembling(
        cls, rng: np.random.Generator, clip: FaceClip, sigma_iod: float, lag1: float
    ) -> Self:
        """A misfit drawn anew in each frame, larger at some times than at others.

        Parameters
        ----------
        rng : numpy.random.Generator
        clip : FaceClip
            Whose face; it must be shown in some frame.
        sigma_iod : float
            Standard deviation of the shift and of each bend over the whole video, per axis, in
            (median) distances between the pupils.
        lag1 : float
            Correlation of neighbouring frames, in [0, 1), whatever the frame rate.
        """
        n, sigma_px = clip.n_frames, sigma_iod * _median_iod(clip)
        turn = _TURN_PER_SHIFT * sigma_iod
        # Log-normal, with a mean square of 1.
        swell = drift(rng, clip.time_s, _SWELL, _SWELL_S)
        swell = np.exp(swell - _SWELL**2)[:, None]
        return cls(
            swell * jitter(rng, n, sigma_px, lag1, (2,)),
            swell[:, 0] * jitter(rng, n, turn, lag1),
            swell[:, 0] * jitter(rng, n, turn, lag1),
            swell[..., None] * jitter(rng, n, sigma_px, lag1, (_N_PLACES, 2)),
            _reach(rng, clip),
        )

    @classmethod
    def reshaping(
        cls,
        rng: np.random.Generator,
        clip: FaceClip,
        sigma_iod: float,
        drift_share: float,
        timescale_s: float,
    ) -> Self:
        """Another shape of the face, constant but for a share of it that drifts.

        Parameters
        ----------
        rng : numpy.random.Generator
        clip : FaceClip
            Whose face; it must be shown in some frame.
        sigma_iod : float
            Standard deviation of each bend, per axis, in (median) distances between the pupils.
        drift_share : float
            Standard deviation of what drifts, relative to that of what is constant.
        timescale_s : float
            Over how many seconds the drift forgets.
        """
        n, sigma_px = clip.n_frames, sigma_iod * _median_iod(clip)
        constant = rng.normal(0, sigma_px, (_N_PLACES, 2))
        moving = drift(rng, clip.time_s, drift_share * sigma_px, timescale_s, (_N_PLACES, 2))
        return cls(np.zeros((n, 2)), np.zeros(n), np.zeros(n), constant + moving, _reach(rng, clip))

    def moved(self, points: np.ndarray, now: int) -> np.ndarray:
        """``(478, 2)`` points of the face as they are in a frame, displaced."""
        along = points[_EYES[1]] - points[_EYES[0]]
        along = along / max(float(np.linalg.norm(along)), 1e-6)
        axes = np.array([along, [-along[1], along[0]]])
        bent = points + self.reach @ (self.bends_px[now] @ axes)
        scale = float(np.exp(self.log_scale[now]))
        return displaced(bent, scale, float(self.turn_rad[now]), self.shift_px[now])


def _median_iod(clip: FaceClip) -> float:
    return float(np.median(clip.interocular_px[clip.shown]))


def _reach(rng: np.random.Generator, clip: FaceClip) -> np.ndarray:
    """Draw places of the face that bend and how far around them it is felt."""
    first = int(np.argmax(clip.shown))
    points = clip.points_px[first].astype(float) / clip.interocular_px[first]
    places = points[rng.choice(len(points), _N_PLACES, replace=False)]
    apart = np.linalg.norm(points[:, None] - places, axis=2)
    return np.exp(-0.5 * (apart / _REACH_IOD) ** 2)
