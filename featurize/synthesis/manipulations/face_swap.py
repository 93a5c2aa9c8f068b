"""Another person's face, warped by landmarks onto the target's: the classical FaceSwap."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np
from scipy.spatial.distance import cdist

from featurize.landmarks.schema import BLENDSHAPE_NAMES
from featurize.synthesis.errors import SynthesisError
from featurize.synthesis.manipulations.blending import (
    colours,
    match_colours,
    match_lighting,
)
from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.manipulation import Manipulation, log_uniform
from featurize.synthesis.manipulations.masks import (
    EDGE_SIGMA,
    dilated,
    feathered,
    region_mask,
    softened,
)
from featurize.synthesis.manipulations.rendering import margin_for, rendered
from featurize.synthesis.manipulations.texture import through_low_resolution
from featurize.synthesis.manipulations.unsteadiness import Unsteadiness
from featurize.synthesis.manipulations.wandering import followed, frames_rng
from featurize.synthesis.manipulations.warping import aligned, warp

_DONOR_MARGIN = 0.3
# So far apart in expression counts as much as a turn of the head by a degree.
_EXPRESSION_PER_DEG = 0.08
_EXPRESSIONS = [
    BLENDSHAPE_NAMES.index(name)
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthPucker", "mouthSmileLeft")
]
# Colours of a whole video are told by so many of its frames.
_N_TOLD = 8
# Frames are compared with the donor's so many at a time: memory does not grow with the square.
_N_AT_A_TIME = 256


@dataclass(frozen=True)
class FaceSwap(Manipulation):
    """Texture of a donor's face on the mesh fitted to the target's, recoloured and blended.

    Lengths are in distances between the target's pupils (``_iod``).

    Attributes
    ----------
    donor_moments : str
        Which frame of the donor is worn: ``"tandem"`` (both videos run along), ``"nearest"`` (most
        like the target's in pose and expression) or ``"still"`` (one frame all the time).
    region : str
        What is replaced, see :data:`featurize.synthesis.manipulations.masks.REGIONS`.
    fit_trembling_iod : float
        Trembling of the landmarks fitted to the target; 0.0006 to 0.012.
    donor_trembling_iod : float
        Of those fitted to the donor: the texture slides; 0.0005 to 0.01.
    trembling_lag1 : float
        Correlation of both between neighbouring frames, whatever their rate; 0 to 0.8.
    fit_lag_s : float
        How far a smoothed fit is behind the target; 0 in most draws, at most 0.1.
    donor_shape : float
        Share of the donor's own shape in what is drawn; 0 to 0.5.
    colour_strength : float
        How far mean and spread of the colours are brought to the target's; 0.5 to 1.
    colour_each_frame : bool
        Whether that is measured frame by frame, so that it flickers, or once.
    lighting_strength : float
        How far coarse light and shade are, as Poisson blending does; 0 to 1.
    decoded_px : float
        Longer side of the face as a decoder made it, 40 to 160; 0 in half the draws, when the
        donor's pixels are worn as they are.
    edge_iod : float
        Width of the blending edge; 0.06 to 0.3.
    edge_inside : bool
        Whether the edge lies inside the region or to both sides.
    growth_iod : float
        By how much the region is grown (shrunk, if negative); -0.18 to -0.02.
    missed_share : float
        Share of frames in which the method fails and the authentic face flashes up; 0 in four of
        five draws, else 0.005 to 0.05.

    References
    ----------
    Kowalski, FaceSwap (2016), as used by Rössler et al. (2019), FaceForensics++. There a low
    detail 3-D model is fitted to 68 landmarks; here the mesh is, and its misfit is drawn.
    """

    name: ClassVar[str] = "face-swap"
    needs_donor: ClassVar[bool] = True

    donor_moments: str
    region: str
    fit_trembling_iod: float
    donor_trembling_iod: float
    trembling_lag1: float
    fit_lag_s: float
    donor_shape: float
    colour_strength: float
    colour_each_frame: bool
    lighting_strength: float
    decoded_px: float
    edge_iod: float
    edge_inside: bool
    growth_iod: float
    missed_share: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video."""
        return cls(
            donor_moments=str(rng.choice(["tandem", "nearest", "still"], p=[0.4, 0.45, 0.15])),
            region=str(rng.choice(["below-brows", "whole", "inner"], p=[0.6, 0.25, 0.15])),
            fit_trembling_iod=log_uniform(rng, 0.0006, 0.012),
            donor_trembling_iod=log_uniform(rng, 0.0005, 0.01),
            trembling_lag1=float(rng.uniform(0, 0.8)),
            fit_lag_s=log_uniform(rng, 0.01, 0.1) if rng.random() < 0.3 else 0.0,
            donor_shape=float(rng.uniform(0, 0.5)),
            colour_strength=float(rng.uniform(0.5, 1)),
            colour_each_frame=bool(rng.random() < 0.5),
            lighting_strength=float(rng.uniform(0, 1)) if rng.random() < 0.6 else 0.0,
            decoded_px=log_uniform(rng, 40, 160) if rng.random() < 0.5 else 0.0,
            edge_iod=log_uniform(rng, 0.06, 0.3),
            edge_inside=bool(rng.random() < 0.6),
            growth_iod=float(rng.uniform(-0.18, -0.02)),
            missed_share=log_uniform(rng, 0.005, 0.05) if rng.random() < 0.2 else 0.0,
        )

    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip, see :meth:`Manipulation.frames`."""
        if donor is None or not len(_in_picture(donor)):
            raise SynthesisError(
                "A face swap needs a donor: give a second clip in which a face is shown, and lies "
                "within the picture."
            )
        return self._swapped(clip, donor, frames_rng(seed))

    def _swapped(
        self, clip: FaceClip, donor: FaceClip, rng: np.random.Generator
    ) -> Iterator[np.ndarray]:
        seen = _in_picture(clip)
        if not len(seen):
            yield from map(np.array, clip.frames)
            return
        fit = Unsteadiness.trembling(rng, clip, self.fit_trembling_iod, self.trembling_lag1)
        slide = Unsteadiness.trembling(rng, clip, self.donor_trembling_iod, self.trembling_lag1)
        fitted = followed(clip.points_px, clip.time_s, self.fit_lag_s)
        missed = rng.random(clip.n_frames) < self.missed_share
        worn = _worn(clip, donor, self.donor_moments, rng)
        told = None
        if not self.colour_each_frame:
            told = _colours(donor, worn[seen]), _colours(clip, seen)

        def draw(now: int, box: FaceBox) -> tuple[np.ndarray, np.ndarray]:
            under = np.ascontiguousarray(box.cut(clip.frames[now]))
            iod = float(clip.interocular_px[now])
            target = box.within(fit.moved(fitted[now], now))
            picture, texture = _donor_face(donor, int(worn[now]), iod)
            # The misfit is in pixels of the clip, to which the donor's face has been brought.
            own_shape = aligned(texture, target)
            drawn = target + self.donor_shape * (own_shape - target)
            face = warp(picture, slide.moved(texture, now), drawn, box.size, surroundings_move=True)
            if self.decoded_px > 0:
                face = through_low_resolution(face, round(self.decoded_px))
            mask = self._mask(drawn, iod, box.size)
            own, wanted = told or (colours(face, mask), colours(under, mask))
            face = match_colours(face, own, wanted, self.colour_strength)
            if self.lighting_strength > 0:
                face = match_lighting(face, under, mask, self.lighting_strength)
            return face, mask

        margin = margin_for(0.0 if self.edge_inside else self.edge_iod)
        yield from rendered(clip, margin, draw, missed)

    def _mask(self, points: np.ndarray, iod: float, size: tuple[int, int]) -> np.ndarray:
        mask = dilated(region_mask(points, self.region, size), self.growth_iod * iod)
        if self.edge_inside:
            return feathered(mask, self.edge_iod * iod)
        return softened(mask, EDGE_SIGMA * self.edge_iod * iod)


def _in_picture(clip: FaceClip) -> np.ndarray:
    """Frames that show the face, and have enough of it in the picture to be worked on."""
    shown = np.flatnonzero(clip.shown & (clip.interocular_px > 0))
    boxes = (FaceBox.around(clip.points_px[now], 0.0, clip.size_px) for now in shown)
    return shown[[not box.is_empty for box in boxes]] if len(shown) else shown


def _donor_face(donor: FaceClip, moment: int, iod: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut the donor's face out of a frame, no larger than about ``iod``, with its landmarks."""
    box = FaceBox.around(donor.points_px[moment], _DONOR_MARGIN, donor.size_px)
    picture = np.ascontiguousarray(box.cut(donor.frames[moment]))
    points = box.within(donor.points_px[moment])
    scale = iod / float(donor.interocular_px[moment])
    if scale > 0.8:
        return picture, points
    size = tuple(max(8, round(side * scale)) for side in box.size)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small, points * np.array(size, np.float32) / box.size


def _worn(clip: FaceClip, donor: FaceClip, moments: str, rng: np.random.Generator) -> np.ndarray:
    """Which frame of the donor each frame of the clip wears; of those that show the face."""
    there = _in_picture(donor)
    if moments == "still":
        return np.full(clip.n_frames, rng.choice(there))
    if moments == "tandem":
        # The donor's film runs to and fro, at its own pace.
        last = donor.time_s[there[-1]] - donor.time_s[there[0]]
        past = np.mod(clip.time_s, 2 * last) if last > 0 else np.zeros(clip.n_frames)
        when = donor.time_s[there[0]] + np.minimum(past, 2 * last - past)
        nearest = np.interp(when, donor.time_s[there], np.arange(len(there)))
        return there[np.rint(nearest).astype(int)]
    blocks = range(0, clip.n_frames, _N_AT_A_TIME)
    nearest = [_nearest(clip, donor, there, slice(at, at + _N_AT_A_TIME)) for at in blocks]
    return np.concatenate(nearest)


def _nearest(clip: FaceClip, donor: FaceClip, there: np.ndarray, part: slice) -> np.ndarray:
    """Which of some of the donor's frames is most like each of a part of the clip's."""
    here = clip.shown[part, None, None]
    turns = np.where(here, clip.pose[part, :3, :3], 0).reshape(len(here), 9)
    # The trace of the turn from one to the other.
    trace = turns @ donor.pose[there, :3, :3].reshape(len(there), 9).T
    apart = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    faces = [
        np.nan_to_num(shapes[:, _EXPRESSIONS])
        for shapes in (clip.blendshapes[part], donor.blendshapes[there])
    ]
    return there[np.argmin(apart + cdist(*faces) / _EXPRESSION_PER_DEG, axis=1)]


def _colours(clip: FaceClip, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of the colours of a face over a video."""
    told = []
    for moment in moments[:: max(1, len(moments) // _N_TOLD)]:
        box = FaceBox.around(clip.points_px[moment], 0, clip.size_px)
        mask = region_mask(box.within(clip.points_px[moment]), "below-brows", box.size)
        told.append(colours(box.cut(clip.frames[moment]), mask))
    return tuple(np.mean(part, axis=0) for part in zip(*told, strict=True))
