"""The look of faces decoded by an autoencoder: soft, patterned, and never quite in place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.masks import (
    EDGE_SIGMA,
    box_mask,
    dilated,
    feathered,
    region_mask,
    softened,
)
from featurize.synthesis.manipulations.rendering import margin_for, rendered
from featurize.synthesis.manipulations.texture import (
    recoloured,
    sharpened,
    through_low_resolution,
)
from featurize.synthesis.manipulations.unsteadiness import Unsteadiness
from featurize.synthesis.manipulations.wandering import drift, followed, frames_rng, jitter
from featurize.synthesis.manipulations.warping import aligned, warp


@dataclass(frozen=True)
class AutoencoderLook(Manipulation):
    """The aligned crop decoded at a low resolution with another shape, and put back.

    Lengths are in distances between the pupils (``_iod``).

    Attributes
    ----------
    mask_shape : str
        ``"square"`` (the crop's own edges) or one of
        :data:`featurize.synthesis.manipulations.masks.REGIONS`.
    decoded_px : float
        Longer side of the decoded crop; 48 to 200.
    softness_px : float
        Sigma of the decoder's blur, in its pixels; 0.2 to 0.9.
    grid_levels : float
        Height of the decoder's chequerboard, in levels of 255; 0 in most draws, at most 4.
    sharpening : float
        By which share detail is amplified afterwards; 0 in most draws, at most 1.
    identity_iod : float
        How far the shape is pulled towards another face, all the time; 0.004 to 0.06.
    identity_drift_share : float
        How much of that drifts, relative to what is constant; 0 to 0.4.
    alignment_trembling_iod : float
        Of the crop's place, turn, size and shape from frame to frame; 0.0006 to 0.012.
    trembling_lag1 : float
        Correlation between neighbouring frames, whatever their rate; 0 to 0.8.
    alignment_lag_s : float
        How far the crop is behind the head; 0 in most draws, at most 0.08.
    expression_lag_s : float
        How far the expression is behind, which damps it too; 0 in half the draws, at most 0.2.
    colour_levels : float
        Standard deviation of what is added to the light, all the time; 0.4 of it to red, green
        and blue besides; 0.5 to 10.
    flicker_levels : float
        The same from frame to frame; 0.05 to 3.
    log_contrast : float
        Logarithm of a factor; within 0.15.
    growth_iod : float
        By how much the mask is grown, or shrunk; -0.15 to 0.05.
    edge_iod : float
        Width of the blending edge; 0.06 to 0.3.
    edge_inside : bool
        Whether the edge lies inside the mask or to both sides.
    missed_share : float
        Share of frames in which the method fails and the authentic face flashes up; 0 in four of
        five draws, else 0.005 to 0.05.

    References
    ----------
    The Deepfakes of Rössler et al. (2019), FaceForensics++, and of Dolhansky et al. (2020), DFDC;
    Li and Lyu (2019), Exposing DeepFake Videos By Detecting Face Warping Artifacts, for what the
    low resolution of the decoder leaves behind.
    """

    name: ClassVar[str] = "autoencoder-look"

    mask_shape: str
    decoded_px: float
    softness_px: float
    grid_levels: float
    sharpening: float
    identity_iod: float
    identity_drift_share: float
    alignment_trembling_iod: float
    trembling_lag1: float
    alignment_lag_s: float
    expression_lag_s: float
    colour_levels: float
    flicker_levels: float
    log_contrast: float
    growth_iod: float
    edge_iod: float
    edge_inside: bool
    missed_share: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        shapes = ["square", "below-brows", "whole", "inner"]
        return cls(
            mask_shape=str(rng.choice(shapes, p=[0.12, 0.5, 0.23, 0.15])),
            decoded_px=log_uniform(rng, 48, 200),
            softness_px=log_uniform(rng, 0.2, 0.9),
            grid_levels=log_uniform(rng, 0.3, 4) if rng.random() < 0.3 else 0.0,
            sharpening=log_uniform(rng, 0.1, 1) if rng.random() < 0.3 else 0.0,
            identity_iod=log_uniform(rng, 0.004, 0.06),
            identity_drift_share=float(rng.uniform(0, 0.4)),
            alignment_trembling_iod=log_uniform(rng, 0.0006, 0.012),
            trembling_lag1=float(rng.uniform(0, 0.8)),
            alignment_lag_s=log_uniform(rng, 0.01, 0.08) if rng.random() < 0.3 else 0.0,
            expression_lag_s=log_uniform(rng, 0.02, 0.2) if rng.random() < 0.5 else 0.0,
            colour_levels=log_uniform(rng, 0.5, 10),
            flicker_levels=log_uniform(rng, 0.05, 3),
            log_contrast=float(rng.uniform(-0.15, 0.15)),
            growth_iod=float(rng.uniform(-0.15, 0.05)),
            edge_iod=log_uniform(rng, 0.06, 0.3),
            edge_inside=bool(rng.random() < 0.6),
            missed_share=log_uniform(rng, 0.005, 0.05) if rng.random() < 0.2 else 0.0,
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`; the donor is not looked at."""
        if not clip.shown.any():
            yield from map(np.array, clip.frames)
            return
        rng, times = frames_rng(seed), clip.time_s
        identity = Unsteadiness.reshaping(
            rng, clip, self.identity_iod, self.identity_drift_share, 1.5
        )
        alignment = Unsteadiness.trembling(
            rng, clip, self.alignment_trembling_iod, self.trembling_lag1
        )
        # Light is missed by more than hue.
        constant = rng.normal(0, self.colour_levels) + rng.normal(0, 0.4 * self.colour_levels, 3)
        flicker = jitter(rng, clip.n_frames, self.flicker_levels, self.trembling_lag1)
        hue_flicker = jitter(rng, clip.n_frames, 0.3 * self.flicker_levels, 0.5, (3,))
        wander = drift(rng, times, 0.15 * self.colour_levels, 2.0, (3,))
        colour = constant + wander + flicker[:, None] + hue_flicker
        late = self._late(clip)
        missed = rng.random(clip.n_frames) < self.missed_share

        def draw(now: int, box: FaceBox) -> tuple[np.ndarray, np.ndarray]:
            points = box.within(clip.points_px[now])
            iod = float(clip.interocular_px[now])
            face = np.ascontiguousarray(box.cut(clip.frames[now]))
            face = through_low_resolution(
                face, round(self.decoded_px), self.softness_px, self.grid_levels
            )
            decoded = alignment.moved(identity.moved(box.within(late[now]), now), now)
            face = warp(face, points, decoded, box.size, surroundings_move=True)
            if self.sharpening > 0:
                face = sharpened(face, self.sharpening, 0.02 * iod + 0.5)
            face = recoloured(face, colour[now], float(np.exp(self.log_contrast)), 1.0)
            return face, self._mask(points, decoded, iod, box.size)

        margin = margin_for(0.0 if self.edge_inside else self.edge_iod)
        yield from rendered(clip, margin, draw, missed)

    def _late(self, clip: FaceClip) -> np.ndarray:
        """Landmarks whose expression, and whose place, come late."""
        there = np.flatnonzero(clip.shown)
        anchor = clip.points_px[there[0]]
        late = np.full(clip.points_px.shape, np.nan, np.float32)
        for now in there:
            late[now] = aligned(clip.points_px[now], anchor)
        late = followed(late, clip.time_s, self.expression_lag_s)
        for now in there:
            late[now] = aligned(late[now], clip.points_px[now])
        return followed(late, clip.time_s, self.alignment_lag_s)

    def _mask(
        self, points: np.ndarray, decoded: np.ndarray, iod: float, size: tuple[int, int]
    ) -> np.ndarray:
        if self.mask_shape == "square":
            mask = box_mask(points, size)
        else:
            mask = region_mask(decoded, self.mask_shape, size)
        mask = dilated(mask, self.growth_iod * iod)
        if self.edge_inside:
            return feathered(mask, self.edge_iod * iod)
        return softened(mask, EDGE_SIGMA * self.edge_iod * iod)
