"""Masks of regions of a face from its landmarks, all ``(h, w)`` float32 in [0, 1]."""

import cv2
import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.errors import SynthesisError


def _both_sides(*stems: str) -> tuple[str, ...]:
    return tuple(f"{side}_{stem}" for stem in stems for side in ("right", "left"))


_LEFT_OUTLINE = (
    *(f"outline_{number}" for number in range(1, 8)),
    "zygion",
    *(f"outline_{number}" for number in range(8, 11)),
    "gonion",
    *(f"outline_{number}" for number in range(11, 16)),
)

OUTLINE: tuple[str, ...] = (
    "forehead_top",
    *(f"left_{stem}" for stem in _LEFT_OUTLINE),
    "chin",
    *(f"right_{stem}" for stem in reversed(_LEFT_OUTLINE)),
)
"""The closed outline of the face, clockwise in the image."""

_JAW = _both_sides("zygion", "gonion", *(f"outline_{number}" for number in range(8, 16)))
_BROWS = _both_sides(
    *(f"brow_{row}_{number}" for row in ("upper", "lower") for number in range(1, 6))
)
_REGIONS = MEDIAPIPE_478.regions
_LIPS = _REGIONS["mouth"]

REGIONS: dict[str, tuple[str, ...]] = {
    "whole": OUTLINE,
    # What lies between the 68 points of the classical methods: brows, cheeks, jaw.
    "below-brows": (*_BROWS, *_JAW, "chin"),
    # Without the sides of cheeks and jaw.
    "inner": (*_BROWS, *_REGIONS["nose"], *_LIPS, *_both_sides("cheekbone", "outline_13")),
    "lower": (
        *_both_sides("gonion", "nostril", "cheek", *(f"outline_{n}" for n in range(9, 16))),
        *_LIPS,
        "subnasale",
        "chin",
    ),
    "mouth": _LIPS,
    "right-eye": tuple(name for name in _REGIONS["eyes"] if name.startswith("right_")),
    "left-eye": tuple(name for name in _REGIONS["eyes"] if name.startswith("left_")),
}
"""Named points whose convex hull a region is."""

_INDICES = {name: MEDIAPIPE_478.indices(points) for name, points in REGIONS.items()}
_FRACTION_BITS = 4
# Corners of polygons lie no further from their picture than so many times its longer side.
_FURTHEST = 4.0

EDGE_SIGMA = 0.35
"""Sigma of :func:`softened`, by width of :func:`feathered`, whose edge is about as wide."""


def region_mask(points: np.ndarray, region: str, size: tuple[int, int]) -> np.ndarray:
    """Mask of a region, 1 inside, with an antialiased edge.

    Parameters
    ----------
    points : numpy.ndarray
        ``(478, 2)`` landmarks in pixels of the mask; may lie outside of it.
    region : str
        A key of :data:`REGIONS`, or ``"eyes"`` for both.
    size : tuple of int
        Width and height of the mask.
    """
    if region == "eyes":
        both = (region_mask(points, side, size) for side in ("right-eye", "left-eye"))
        return np.maximum(*both)
    return hull_mask(points[_INDICES[region]], size)


def hull_mask(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mask of the convex hull of ``(n, 2)`` points."""
    hull = cv2.convexHull(np.ascontiguousarray(points, dtype=np.float32))
    corners = grid_corners(hull, size, _FRACTION_BITS)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_AA, _FRACTION_BITS)
    return mask.astype(np.float32) / 255


def grid_corners(points: np.ndarray, size: tuple[int, int], fraction_bits: int) -> np.ndarray:
    """Corners of polygons as OpenCV wants them to fill a picture: int32, of fixed point.

    Those far outside are drawn near: OpenCV goes through every row down to the last corner.

    Raises
    ------
    SynthesisError
        When a point is nowhere.
    """
    if not np.isfinite(points).all():
        raise SynthesisError("Landmarks of the face lie nowhere: leave the clip out.")
    furthest = _FURTHEST * max(size)
    return np.rint(np.clip(points, -furthest, furthest) * 2**fraction_bits).astype(np.int32)


def dilated(mask: np.ndarray, width_px: float) -> np.ndarray:
    """Mask grown by a width on all sides; a negative width erodes it."""
    if abs(width_px) < 0.5:
        return mask
    inside = (mask >= 0.5).astype(np.uint8)
    grown = inside if width_px < 0 else 1 - inside
    # Half a pixel: a distance is measured to the middle of the nearest pixel beyond the edge.
    beyond = cv2.distanceTransform(grown, cv2.DIST_L2, 5) - 0.5
    return np.clip(0.5 + abs(width_px) - beyond if width_px > 0 else 0.5 + beyond + width_px, 0, 1)


def feathered(mask: np.ndarray, width_px: float) -> np.ndarray:
    """Mask that rises smoothly from 0 at its edge to 1 at a width inside; 0 wherever it was."""
    inside = (mask >= 0.5).astype(np.uint8)
    # Half a pixel: a distance is measured to the middle of the nearest pixel outside.
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) - 0.5
    rise = np.clip(distance / max(width_px, 1.0), 0, 1)
    # Distances are to whole pixels: without the little blur a narrow edge has steps.
    return cv2.GaussianBlur(rise * rise * (3 - 2 * rise), (3, 3), 0) * inside


def softened(mask: np.ndarray, sigma_px: float) -> np.ndarray:
    """Mask blurred with a Gaussian, so that its edge lies half inside and half outside."""
    if sigma_px < 0.3:
        return mask
    # A wide blur needs no fine grid.
    step = max(1, int(sigma_px / 3))
    size = tuple(-(-side // step) for side in mask.shape[::-1])
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / step, borderType=cv2.BORDER_REPLICATE)
    return np.clip(cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_LINEAR), 0, 1)


def box_mask(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mask of the square of :func:`box_corners`, 1 inside."""
    return hull_mask(box_corners(points), size)


def box_corners(points: np.ndarray) -> np.ndarray:
    """``(4, 2)`` corners of the square around landmarks that stands upright in the face."""
    right, left = (
        points[_INDICES["right-eye"]].mean(axis=0),
        points[_INDICES["left-eye"]].mean(axis=0),
    )
    along = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
    axes = np.array([along, [-along[1], along[0]]])
    places = points @ axes.T
    low, high = places.min(axis=0), places.max(axis=0)
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    return corners @ axes
