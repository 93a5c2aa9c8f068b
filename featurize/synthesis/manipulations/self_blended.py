"""Self-blended faces: a face blended with an altered copy of itself, carried over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.masks import dilated, region_mask, softened
from featurize.synthesis.manipulations.rendering import margin_for, rendered
from featurize.synthesis.manipulations.texture import (
    recoloured,
    sharpened,
    through_low_resolution,
)
from featurize.synthesis.manipulations.unsteadiness import Unsteadiness
from featurize.synthesis.manipulations.wandering import drift, frames_rng, jitter
from featurize.synthesis.manipulations.warping import displaced, warp


@dataclass(frozen=True)
class SelfBlended(Manipulation):
    """The face itself, resized, shifted, bent, recoloured, sharpened or softened, and put back.

    Lengths are in distances between the pupils (``_iod``).

    Attributes
    ----------
    region : str
        What is blended, see :data:`featurize.synthesis.manipulations.masks.REGIONS`.
    resolution_iod_px : float
        Pixels between the pupils at the low resolution that the copy goes through; 12 to 100.
    sharpening : float
        0 in half the draws; else by which share detail is amplified, 0.1 to 0.8.
    shift_x_iod, shift_y_iod : float
        Of the copy, all the time; within 0.06 and 0.04.
    log_scale : float
        Logarithm of its size; within 0.05.
    bend_iod : float
        Of its shape, all the time; 0.002 to 0.04.
    drift_share : float
        How much of shift and shape drifts, relative to what is constant; 0 to 0.6.
    trembling_iod : float
        Of the copy's place and shape from frame to frame; 0.0006 to 0.012.
    trembling_lag1 : float
        Correlation between neighbouring frames, whatever their rate; 0 to 0.8.
    colour_levels : float
        Standard deviation of what is added to red, green and blue, all the time; 0.5 to 12.
    flicker_levels : float
        The same from frame to frame; 0.05 to 2.
    log_contrast, log_saturation : float
        Logarithms of factors; within 0.15 and 0.25.
    mask_bend_iod : float
        How far the mask is bent from the region; 0.01 to 0.1.
    growth_iod : float
        By how much the region is grown, or shrunk; -0.15 to 0.08.
    edge_iod : float
        Sigma of the blending edge; 0.01 to 0.15.
    opacity : float
        Of the copy; 0.25, 0.5, 0.75 or 1, the last in half the draws.

    References
    ----------
    Shiohara and Yamasaki (2022), Detecting Deepfakes with Self-Blended Images. There every image
    is drawn anew, and either copy may be altered; here the parameters hold for a video, drift and
    tremble, the shape is bent on the landmark mesh, and only the inner copy is altered.
    """

    name: ClassVar[str] = "self-blended"

    region: str
    resolution_iod_px: float
    sharpening: float
    shift_x_iod: float
    shift_y_iod: float
    log_scale: float
    bend_iod: float
    drift_share: float
    trembling_iod: float
    trembling_lag1: float
    colour_levels: float
    flicker_levels: float
    log_contrast: float
    log_saturation: float
    mask_bend_iod: float
    growth_iod: float
    edge_iod: float
    opacity: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            region=str(rng.choice(["whole", "below-brows", "inner"], p=[0.45, 0.35, 0.2])),
            resolution_iod_px=log_uniform(rng, 12, 100),
            sharpening=log_uniform(rng, 0.1, 0.8) if rng.random() < 0.5 else 0.0,
            shift_x_iod=float(np.clip(rng.normal(0, 0.02), -0.06, 0.06)),
            shift_y_iod=float(np.clip(rng.normal(0, 0.013), -0.04, 0.04)),
            log_scale=float(rng.uniform(-0.05, 0.05)),
            bend_iod=log_uniform(rng, 0.002, 0.04),
            drift_share=float(rng.uniform(0, 0.6)),
            trembling_iod=log_uniform(rng, 0.0006, 0.012),
            trembling_lag1=float(rng.uniform(0, 0.8)),
            colour_levels=log_uniform(rng, 0.5, 12),
            flicker_levels=log_uniform(rng, 0.05, 2),
            log_contrast=float(rng.uniform(-0.15, 0.15)),
            log_saturation=float(rng.uniform(-0.25, 0.25)),
            mask_bend_iod=log_uniform(rng, 0.01, 0.1),
            growth_iod=float(rng.uniform(-0.15, 0.08)),
            edge_iod=log_uniform(rng, 0.01, 0.15),
            opacity=float(rng.choice([0.25, 0.5, 0.75, 1, 1, 1])),
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`; the donor is not looked at."""
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        rng, times = frames_rng(seed), clip.time_s
        shape = Unsteadiness.reshaping(rng, clip, self.bend_iod, self.drift_share, 1.5)
        mask_shape = Unsteadiness.reshaping(rng, clip, self.mask_bend_iod, self.drift_share, 1.5)
        trembling = Unsteadiness.trembling(rng, clip, self.trembling_iod, self.trembling_lag1)
        shift = np.array([self.shift_x_iod, self.shift_y_iod])
        shift = shift * (1 + drift(rng, times, self.drift_share, 1.5, (2,)))
        constant = rng.normal(0, self.colour_levels, 3)
        flicker = jitter(rng, clip.n_frames, self.flicker_levels, self.trembling_lag1, (3,))
        colour = constant * (1 + drift(rng, times, 0.5 * self.drift_share, 2.0, (3,))) + flicker

        def draw(now: int, box: FaceBox) -> tuple[np.ndarray, np.ndarray]:
            points = box.within(clip.points_px[now])
            iod = float(clip.interocular_px[now])
            face = np.ascontiguousarray(box.cut(clip.frames[now]))
            longer = round(max(box.size) * self.resolution_iod_px / iod)
            face = through_low_resolution(face, longer)
            if self.sharpening > 0:
                face = sharpened(face, self.sharpening, 0.02 * iod + 0.5)
            moved = displaced(points, float(np.exp(self.log_scale)), 0.0, shift[now] * iod)
            moved = trembling.moved(shape.moved(moved, now), now)
            face = warp(face, points, moved, box.size, surroundings_move=True)
            gains = np.exp(self.log_contrast), np.exp(self.log_saturation)
            face = recoloured(face, colour[now], *gains)
            mask = region_mask(mask_shape.moved(points, now), self.region, box.size)
            mask = softened(dilated(mask, self.growth_iod * iod), self.edge_iod * iod)
            return face, self.opacity * mask

        yield from rendered(clip, margin_for(3 * self.edge_iod), draw)
