"""Colour of the patches of skin, read off the pixels of every frame."""

from functools import cache

import cv2
import numpy as np

from featurize.frame_features.skin import PATCHES, patch_corners_px
from featurize.landmarks.detection import FaceCrop
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import Schema

MIN_PIXELS = 20
"""Of a patch of fewer pixels, of the crop or of the video, the colour is not known."""

MIN_FACING = 0.35
"""Cosine of the angle to the line of sight from which on a patch counts as seen: further round
(beyond 70 degrees) it is a sliver whose edges are something else."""

_IOD_CM = AVERAGE_FACE_CM["left_eye_outer"][0] - AVERAGE_FACE_CM["right_eye_outer"][0]


def patch_colours(
    crop: FaceCrop, points_px: np.ndarray, schema: Schema, frame_size_px: tuple[int, int]
) -> np.ndarray:
    """Mean colour of each patch in one frame.

    Of levels as a screen shows them: not proportional to light (gamma), and where the video stores
    a limited range, stretched to the full one. All pixels count: leaving out bright ones would
    leave out others in each frame.

    Parameters
    ----------
    crop : FaceCrop
        Pixels of the face.
    points_px : numpy.ndarray
        ``(n_points, 3)`` landmarks in pixels of the upright frame, with depth.
    schema : Schema
        Their scheme.
    frame_size_px : tuple of int
        Width and height of the upright frame.

    Returns
    -------
    numpy.ndarray
        ``(n_patches, 3)`` float32 red, green and blue from 0 to 255, in the order of
        :data:`PATCHES`. NaN for a patch that is turned away from the camera (:data:`MIN_FACING`),
        not wholly in crop and picture, or smaller than :data:`MIN_PIXELS`.
    """
    colours = np.full((len(PATCHES), 3), np.nan, np.float32)
    in_frame = patch_corners_px(points_px, schema)
    right, left = points_px[schema.indices(("right_eye_outer", "left_eye_outer"))]
    px_per_cm = float(np.linalg.norm(left - right)) / _IOD_CM
    to_frame = np.asarray(crop.to_frame, np.float64)
    ((xx, xy, x), (yx, yy, y)) = to_frame.tolist()
    determinant = xx * yy - xy * yx
    into_crop = np.array([[yy, -yx], [-xy, xx]]) / determinant
    in_crop = (in_frame - (x, y)) @ into_crop
    video_px_per_px = abs(determinant)
    areas_px = _areas(in_frame)
    usable = areas_px > MIN_FACING * px_per_cm**2 * _areas_cm2()
    usable &= np.minimum(areas_px, areas_px / video_px_per_px) >= MIN_PIXELS
    usable &= _inside(in_frame, frame_size_px) & _inside(in_crop, crop.rgb.shape[1::-1])
    if usable.any():
        colours[usable] = _means(crop.rgb, in_crop[usable])
    return colours


@cache
def _areas_cm2() -> np.ndarray:
    return np.array([patch.area_cm2 for patch in PATCHES.values()])


def _areas(corners: np.ndarray) -> np.ndarray:
    """``(n,)`` areas of quadrangles ``(n, 4, 2)``, negative when seen from behind."""
    ax, ay = (corners[:, 2] - corners[:, 0]).T
    bx, by = (corners[:, 3] - corners[:, 1]).T
    # y points down, so corners that run counter-clockwise on the face have a negative sign.
    return (ay * bx - ax * by) / 2


def _inside(corners: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """``(n,)`` bool: which quadrangles lie wholly in a picture."""
    return ((corners >= 0) & (corners <= np.array(size_px) - 1)).all(axis=(1, 2))


def _means(rgb: np.ndarray, corners: np.ndarray) -> list[tuple[float, ...]]:
    """Mean colour of the pixels that each quadrangle of ``(n, 4, 2)`` covers or touches."""
    starts = np.floor(corners.min(axis=1)).astype(int)
    sizes = np.ceil(corners.max(axis=1)).astype(int) + 1 - starts
    # Corners in sixteenths of a pixel.
    outlines = np.rint((corners - starts[:, None]) * 16).astype(np.int32)
    means = []
    for (x, y), (width, height), outline in zip(
        starts.tolist(), sizes.tolist(), outlines, strict=True
    ):
        mask = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(mask, outline, 1, shift=4)
        means.append(cv2.mean(rgb[y : y + height, x : x + width], mask)[:3])
    return means
