"""Lighting: what the shades of skin patches say of the light on the face.

Measured in linear light: stored levels are undone of their gamma. What matters are ratios between
patches, so a brighter picture has the same values.
"""

import numpy as np

from featurize.computed_once import computed_once
from featurize.declaration import frame_signal
from featurize.frame_features.points import rotation
from featurize.frame_features.skin import PATCHES, skin_colour
from featurize.scratch import blocks, let_go, scratch
from featurize.types import LandmarkTrack

GAMMA = 2.2
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])

# Three patches a side, from forehead to jaw.
_SIDES = {
    side: tuple(f"{place}_{side}" for place in ("forehead", "cheek", "jowl"))
    for side in ("left", "right")
}
_UPPER = ("forehead_left", "forehead_middle", "forehead_right")
_LOWER = ("jowl_left", "chin", "jowl_right")
_CHEEKS = ("cheek_left", "cheek_right")
_ORDER = tuple(PATCHES)
_OF_FACE = tuple(name for name in PATCHES if name != "neck")
_FACE_PLACES = [_ORDER.index(name) for name in _OF_FACE]
_NORMALS = np.array([PATCHES[name].unit_normal for name in _OF_FACE])
# Least squares solution of normals @ light = luminance.
_TO_LIGHT = np.linalg.pinv(_NORMALS)

_SHADING_CONFOUNDERS = ("light of the scene", "hair on the forehead", "beard", "glasses", "make-up")
_LIGHT_REFERENCE = "Lambertian shading as in Kee & Farid 2010 (3-D lighting of faces)"
_NECK_CONFOUNDERS = ("clothes or hair over the neck", "shadow of the chin", "make-up", "beard")
_NECK_REFERENCE = "colour mismatch of face and neck, cf. Matern et al. 2019"


def luminance(track: LandmarkTrack, *patches: str) -> np.ndarray:
    """``(n_frames,)`` mean linear luminance of patches in [0, 1]; NaN where one was not seen."""
    numbers = [_ORDER.index(patch) for patch in patches]
    mean, every = np.empty(track.n_frames), luminances(track)
    for block in blocks(track.n_frames):
        mean[block] = every[block, numbers].mean(axis=1)
        let_go(every)
    return mean


@computed_once
def luminances(track: LandmarkTrack) -> np.ndarray:
    """``(n_frames, n_patches)`` the same of each patch, in the order of :data:`PATCHES`."""
    values = scratch((track.n_frames, len(PATCHES)))
    # One patch at a time, as linear light of all takes nine times the memory of what is returned.
    # Added up in a fixed order, so that a frame has the same value in every piece of a track.
    for number, patch in enumerate(PATCHES):
        colour = skin_colour(track, patch)
        for block in blocks(track.n_frames):
            values[block, number] = (_linear(colour[block]) * _LUMINANCE).sum(axis=1)
            let_go(values)
    return values


@computed_once
def light_vectors(track: LandmarkTrack) -> np.ndarray:
    """``(n_frames, 3)`` light on the face in the face's own axes (to its left, up, out).

    The vector whose products with the normals of the patches come nearest to their luminances:
    Lambert's law for one distant light and skin of one colour. Light from all around adds to it a
    vector that points out of the face. NaN where a patch of the face was not seen.
    """
    vectors = scratch((track.n_frames, 3))
    for block in blocks(track.n_frames):
        vectors[block] = luminances(track)[block, _FACE_PLACES] @ _TO_LIGHT.T
    return vectors


@computed_once
def light_directions(track: LandmarkTrack) -> np.ndarray:
    """``(n_frames, 3)`` unit vectors towards the light, in picture axes (right, up, to the viewer).

    Where the light comes from in the scene: a lamp stays where it is when the head turns.
    """
    return unit(np.einsum("fij,fj->fi", rotation(track), light_vectors(track)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length one along the last axis; NaN for those of no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.full(vectors.shape, np.nan), where=length > 0)


def _contrast(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Difference over sum, in [-1, 1]; NaN where both are black."""
    total = first + second
    return np.divide(first - second, total, out=np.full(total.shape, np.nan), where=total > 0)


@frame_signal(unit="1", reference=_LIGHT_REFERENCE, confounded_by=_SHADING_CONFOUNDERS)
def shading_left_right(track: LandmarkTrack) -> np.ndarray:
    """How much brighter the left side of the face is than the right.

    Difference over sum of the mean luminances of forehead, cheek and jowl of either side, in
    [-1, 1]; 0 in even light. NaN where one of these patches was not seen, as on a head that is
    turned by more than about 25 degrees.
    """
    return _contrast(luminance(track, *_SIDES["left"]), luminance(track, *_SIDES["right"]))


@frame_signal(unit="1", reference=_LIGHT_REFERENCE, confounded_by=_SHADING_CONFOUNDERS)
def shading_top_bottom(track: LandmarkTrack) -> np.ndarray:
    """How much brighter the forehead is than jowls and chin.

    Difference over sum of their mean luminances, in [-1, 1].
    """
    return _contrast(luminance(track, *_UPPER), luminance(track, *_LOWER))


@frame_signal(
    unit="deg", reference=_LIGHT_REFERENCE, confounded_by=(*_SHADING_CONFOUNDERS, "ambient light")
)
def light_azimuth_deg(track: LandmarkTrack) -> np.ndarray:
    """From which side the light seems to come; 0 from the camera, positive from image right.

    Of the light that explains the luminances of all patches of the face best, in (-180, 180]. Too
    frontal where light comes from all around.
    """
    direction = light_directions(track)
    return np.degrees(np.arctan2(direction[:, 0], direction[:, 2]))


@frame_signal(
    unit="deg", reference=_LIGHT_REFERENCE, confounded_by=(*_SHADING_CONFOUNDERS, "ambient light")
)
def light_elevation_deg(track: LandmarkTrack) -> np.ndarray:
    """From how high the light seems to come; 0 level with the camera, positive from above.

    As :func:`light_azimuth_deg`, in [-90, 90].
    """
    return np.degrees(np.arcsin(np.clip(light_directions(track)[:, 1], -1, 1)))


@frame_signal(unit="1", reference=_LIGHT_REFERENCE, confounded_by=_SHADING_CONFOUNDERS)
def light_fit_residual(track: LandmarkTrack) -> np.ndarray:
    """How far the shades of the face are from what one light could do.

    Root mean square over the patches of what the light leaves unexplained, over their mean
    luminance; 0 for evenly coloured skin under one distant light.
    """
    seen = luminances(track)[:, _FACE_PLACES]
    explained = light_vectors(track) @ _NORMALS.T
    left = np.sqrt(np.mean((seen - explained) ** 2, axis=1))
    mean = seen.mean(axis=1)
    return np.divide(left, mean, out=np.full(mean.shape, np.nan), where=mean > 0)


@frame_signal(unit="1", reference=_NECK_REFERENCE, confounded_by=_NECK_CONFOUNDERS)
def face_to_neck_redness(track: LandmarkTrack) -> np.ndarray:
    """How much redder the cheeks are than the neck.

    Difference of the share of red in red, green and blue (linear light), in [-1, 1]. NaN where the
    neck is not in the crop of the face; with dlib, whose crop is tighter, that is often so.
    """
    return _redness(track, *_CHEEKS) - _redness(track, "neck")


@frame_signal(unit="stop", reference=_NECK_REFERENCE, confounded_by=_NECK_CONFOUNDERS)
def face_to_neck_brightness_stops(track: LandmarkTrack) -> np.ndarray:
    """How much brighter the cheeks are than the neck, in stops.

    ``log2`` of the ratio of their luminances: 1 is twice as bright. NaN where the neck is not in
    the crop of the face, or black.
    """
    cheeks, neck = luminance(track, *_CHEEKS), luminance(track, "neck")
    known = (cheeks > 0) & (neck > 0)
    ratio = np.divide(cheeks, neck, out=np.full(track.n_frames, np.nan), where=known)
    return np.log2(ratio)


def _linear(colour: np.ndarray) -> np.ndarray:
    """Red, green and blue light in [0, 1] of levels from 0 to 255."""
    return (colour / 255) ** GAMMA


def _redness(track: LandmarkTrack, *patches: str) -> np.ndarray:
    linear = np.mean([_linear(skin_colour(track, patch)) for patch in patches], axis=0)
    total = linear.sum(axis=1)
    return np.divide(linear[:, 0], total, out=np.full(total.shape, np.nan), where=total > 0)
