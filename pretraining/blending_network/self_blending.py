"""Faces blended into themselves, the way Shiohara and Yamasaki make them.

"Detecting Deepfakes with Self-Blended Images", CVPR 2022. Two slightly different copies of one
picture are blended, one inside a mask and one outside it, so that nothing is wrong with the face
but that it was put there: what all face swaps have in common. Changed from the paper: masks come
from the 478-point mesh and are, besides the whole face, those of methods that replace less of it;
the copy may be bent a little, as an expression drawn onto a face is; sizes are shares of the
square from brows to mouth, not pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.landmarks.people.chips import alignment
from featurize.landmarks.schema import SCHEMES

SCHEMA = SCHEMES["mediapipe478"]


def _indices(*names: str) -> np.ndarray:
    every = [name for region in names for name in SCHEMA.regions.get(region, (region,))]
    return SCHEMA.indices(every)


_SIDES = ("right", "left")
_JAW = tuple(f"{side}_outline_{number}" for side in _SIDES for number in range(8, 16))
_LOWER = ("nose_bridge_4", "chin", "right_gonion", "left_gonion", "right_cheek", "left_cheek")
REGIONS: Mapping[str, tuple[float, np.ndarray]] = {
    "face": (0.45, _indices("outline")),
    "inner": (0.20, _indices("brows", "eyes", "nose", "mouth")),
    "lower": (0.15, _indices(*_LOWER, *_JAW)),
    "mouth": (0.10, _indices("mouth", "subnasale", "chin")),
    "eyes": (0.04, _indices("brows", "eyes", "nasion")),
}
"""How often each region is replaced, and the points whose convex hull it is; the rest are boxes."""

BLEND_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
"""How much of the copy shows in the middle of the mask, one of these at random."""


@dataclass(frozen=True)
class Pair:
    """A picture and its blended counterpart, alike wherever the mask is 0.

    Attributes
    ----------
    authentic, blended : numpy.ndarray
        ``(height, width, 3)`` uint8.
    mask : numpy.ndarray
        ``(height, width)`` float32 in [0, 1]: the share of the other copy.
    """

    authentic: np.ndarray
    blended: np.ndarray
    mask: np.ndarray


def self_blended(picture: np.ndarray, points_px: np.ndarray, rng: np.random.Generator) -> Pair:
    """One picture blended into itself.

    Parameters
    ----------
    picture : numpy.ndarray
        ``(height, width, 3)`` uint8 of an authentic face.
    points_px : numpy.ndarray
        ``(478, 2)`` landmarks in it.
    rng : numpy.random.Generator
        Draws everything.

    Returns
    -------
    Pair
        The authentic one is the picture itself, or what a change of colour and sharpness made of
        all of it, as often.
    """
    square_px = float(np.hypot(*alignment(points_px, SCHEMA, 1.0, 0.0)[:, 0]))
    mask = drawn_mask(picture.shape[:2], points_px, square_px, rng)
    changed = _changed(picture, rng)
    inner, outer = (changed, picture) if rng.random() < 0.5 else (picture, changed)
    inner = _moved(inner, points_px, square_px, rng)
    share = mask[:, :, None]
    mixed = outer + share * (inner.astype(np.float32) - outer)
    return Pair(outer, np.clip(np.rint(mixed), 0, 255).astype(np.uint8), mask)


def drawn_mask(
    shape: tuple[int, int], points_px: np.ndarray, square_px: float, rng: np.random.Generator
) -> np.ndarray:
    """A mask of a region of the face, its edge bent and feathered.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    points_px : numpy.ndarray
        ``(478, 2)`` landmarks.
    square_px : float
        Side of the square from brows to mouth.
    rng : numpy.random.Generator
        Draws everything.

    Returns
    -------
    numpy.ndarray
        ``(height, width)`` float32 in [0, 1].
    """
    mask = np.zeros(shape, np.uint8)
    corners = _corners(points_px, rng).round().astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(corners), 255)
    feathered = _bent(mask, 0.07 * square_px * rng.random(), 0.25 * square_px, rng)
    grown_px = round(square_px * rng.uniform(-0.04, 0.08))
    kernel = np.ones((2 * abs(grown_px) + 1,) * 2, np.uint8)
    change = cv2.dilate if grown_px > 0 else cv2.erode
    feathered = change(feathered, kernel).astype(np.float32) / 255
    feathered = cv2.GaussianBlur(feathered, (0, 0), square_px * rng.uniform(0.006, 0.1))
    if rng.random() < 0.5:  # nothing of the copy beyond the edge itself
        feathered = np.maximum(2 * feathered - 1, 0)
    # The tail of a Gaussian changes no pixel, but the mask says where the pictures may differ.
    feathered[feathered < 1 / 255] = 0
    return np.clip(feathered, 0, 1) * np.float32(rng.choice(BLEND_RATIOS))


def _corners(points_px: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``(n, 2)`` points around a region: one of :data:`REGIONS`, or a box around the lower face."""
    drawn = rng.random()
    for share, indices in REGIONS.values():
        if drawn < share:
            return points_px[indices]
        drawn -= share
    lower = points_px[REGIONS["lower" if rng.random() < 0.5 else "face"][1]]
    (left, top), (right, bottom) = lower.min(axis=0), lower.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _changed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other colours, and sharper or softer."""
    recoloured = colour_change(rng, 1.0)(picture)
    height, width = picture.shape[:2]
    kind = rng.random()
    if kind < 0.5:
        factor = rng.uniform(1.3, 4.0)
        small = (max(8, round(width / factor)), max(8, round(height / factor)))
        ways = (cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_NEAREST)
        down = cv2.resize(recoloured, small, interpolation=ways[rng.integers(len(ways))])
        return cv2.resize(down, (width, height), interpolation=ways[rng.integers(3)])
    soft = cv2.GaussianBlur(recoloured, (0, 0), rng.uniform(0.6, 1.8))
    if kind < 0.8:
        amount = rng.uniform(0.3, 1.2)
        return cv2.addWeighted(recoloured, 1 + amount, soft, -amount, 0)
    return soft


def colour_change(rng: np.random.Generator, strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """A change of brightness, contrast, white balance and saturation, drawn once.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws it.
    strength : float
        1 for shifts of up to 20 levels a channel and contrast of up to 10 % more or less.

    Returns
    -------
    callable
        From ``(height, width, 3)`` uint8 to the same.
    """
    offset = rng.uniform(-20, 20, 3) * strength * rng.random() + rng.uniform(-12, 12) * strength
    gain = 1 + rng.uniform(-0.1, 0.1) * strength
    saturation = 1 + rng.uniform(-0.25, 0.25) * strength
    luma = np.array([0.299, 0.587, 0.114])
    mixing = gain * (saturation * np.eye(3) + (1 - saturation) * np.tile(luma, (3, 1)))
    whole = np.column_stack([mixing, offset + 128 * (1 - gain)])
    return lambda picture: cv2.transform(picture, whole)


def _moved(
    picture: np.ndarray, points_px: np.ndarray, square_px: float, rng: np.random.Generator
) -> np.ndarray:
    """The copy shifted, scaled and turned a little about the face, at times bent."""
    middle = points_px.mean(axis=0)
    turn, scale = rng.normal(0, 1.0), rng.uniform(0.95, 1.05)
    to_copy = cv2.getRotationMatrix2D(middle.astype(float).tolist(), turn, scale)
    to_copy[:, 2] += rng.uniform(-1, 1, 2) * square_px * (0.04, 0.025)
    size = picture.shape[1::-1]
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    moved = cv2.warpAffine(picture, to_copy, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.4:
        moved = _bent(moved, 0.04 * square_px * rng.random(), 0.2 * square_px, rng)
    return moved


def _bent(
    picture: np.ndarray, reach_px: float, scale_px: float, rng: np.random.Generator
) -> np.ndarray:
    """Elastic deformation: a smooth random field of shifts, of this standard deviation."""
    height, width = picture.shape[:2]
    coarse = (max(2, round(height / scale_px)), max(2, round(width / scale_px)), 2)
    shifts = rng.normal(0, reach_px, coarse).astype(np.float32)
    field = cv2.resize(shifts, (width, height), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(
        picture,
        x + field[:, :, 0],
        y + field[:, :, 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
