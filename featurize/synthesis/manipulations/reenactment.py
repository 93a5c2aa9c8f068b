"""Parts of a face drawn anew: bent in place, or borrowed from another moment and settled in."""

import cv2
import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.blending import as_levels, match_lighting
from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.masks import (
    REGIONS,
    dilated,
    grid_corners,
    hull_mask,
    region_mask,
    softened,
)
from featurize.synthesis.manipulations.texture import sharpened, through_low_resolution
from featurize.synthesis.manipulations.warping import face_triangles, warp

WARP_MARGIN = 0.28
"""The surroundings that a warp reaches are less than this beyond the points, of their extent."""
# Skin that is shorter elsewhere than this share of its size here, the size of the face apart, is
# not shown there.
_LEAST_SHARE = 0.6
_MOST_DETAIL = 0.9
_MOVING = np.zeros(MEDIAPIPE_478.n_points, bool)
_MOVING[
    MEDIAPIPE_478.indices((*MEDIAPIPE_478.regions["eyes"], *MEDIAPIPE_478.regions["mouth"]))
] = True


def bent(frame: np.ndarray, points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Deform a face within its frame.

    Parameters
    ----------
    frame : numpy.ndarray
        ``(h, w, 3)`` uint8; not changed.
    points, wanted : numpy.ndarray
        ``(478, 2)`` pixels: where the landmarks are, and where they shall be.

    Returns
    -------
    numpy.ndarray
        uint8; away from the face it is the frame byte for byte.
    """
    result = np.array(frame)
    box = FaceBox.around(points, WARP_MARGIN, (frame.shape[1], frame.shape[0]))
    if not box.is_empty:
        moved = warp(box.cut(frame), box.within(points), box.within(wanted), box.size)
        box.cut(result)[:] = moved
    return result


def borrowed(
    source: np.ndarray, points: np.ndarray, wanted: np.ndarray, box: FaceBox
) -> np.ndarray:
    """Face of another frame, brought to where it is wanted.

    Parameters
    ----------
    source : numpy.ndarray
        ``(h, w, 3)`` uint8, the other frame.
    points, wanted : numpy.ndarray
        ``(478, 2)`` pixels: landmarks in the other frame, and where they shall be in this one.
    box : FaceBox
        What to draw of this frame.

    Returns
    -------
    numpy.ndarray
        uint8, of the box's size.
    """
    around = FaceBox.around(points, WARP_MARGIN, (source.shape[1], source.shape[0]))
    if around.is_empty:
        return np.zeros((box.size[1], box.size[0], 3), np.uint8)
    return warp(
        around.cut(source),
        around.within(points),
        box.within(wanted),
        box.size,
        surroundings_move=True,
    )


def region_box(points: np.ndarray, reach_px: float, size_px: tuple[int, int]) -> FaceBox:
    """Box around points that leaves ``reach_px`` on every side."""
    extent = float(np.ptp(points, axis=0).max())
    return FaceBox.around(points, reach_px / max(extent, 1.0), size_px)


def region(points: np.ndarray, grown: float, feather_px: float, box: FaceBox) -> np.ndarray:
    """Mask over a box: hull of points, grown about its middle, with a soft edge of a width."""
    middle = points.mean(axis=0)
    hull = hull_mask(box.within(middle + grown * (points - middle)), box.size)
    return softened(hull, feather_px / 2)


def seen(points: np.ndarray, wanted: np.ndarray, feather_px: float, box: FaceBox) -> np.ndarray:
    """Mask over a box of what another frame shows of the face well enough to be borrowed.

    Skin that is turned away there is out of sight, or too short to be stretched.

    Parameters
    ----------
    points, wanted : numpy.ndarray
        ``(478, 2)`` pixels: landmarks in the other frame, and where they shall be in this one.
    feather_px : float
        Width of the mask's soft edge.
    box : FaceBox
        What to draw of this frame.
    """
    triangles = face_triangles()
    here, there = _areas(wanted[triangles]), _areas(points[triangles])
    share = there / np.maximum(here, 1e-3)
    short = (here > 0) & (share < _LEAST_SHARE * max(float(np.median(share)), 1e-3))
    # Lids and lips are thin when they are closed, not turned away.
    short &= ~_MOVING[triangles].any(axis=1)
    mask = np.ones((box.size[1], box.size[0]), np.float32)
    if not short.any():
        return mask
    corners = grid_corners(box.within(wanted)[triangles[short]], box.size, 0)
    cv2.fillPoly(mask, list(corners), 0.0)
    mask = dilated(mask, -(1.0 + feather_px / 2))
    return softened(mask, 1.0 + feather_px / 2)


def settled(
    patch: np.ndarray, under: np.ndarray, mask: np.ndarray, strength: float = 1.0
) -> np.ndarray:
    """Bring a patch to the light of what it covers, as told along the edge of its mask.

    Parameters
    ----------
    patch, under : numpy.ndarray
        ``(h, w, 3)`` uint8.
    mask : numpy.ndarray
        ``(h, w)`` in [0, 1]; its edge is where it is 0.05 to 0.95.
    strength : float
        1 does it wholly, 0 not at all.

    Returns
    -------
    numpy.ndarray
        uint8.
    """
    edge = ((mask > 0.05) & (mask < 0.95)).astype(np.float32)
    return match_lighting(patch, under, edge, strength)


def blended(under: np.ndarray, patch: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Lay a patch over what it covers; uint8, equal to ``under`` where the mask is 0."""
    below = under.astype(np.float32)
    return as_levels(below + mask[..., None] * (patch - below))


def lend(
    clip: FaceClip,
    lender: int,
    wanted: np.ndarray,
    hulls: list[np.ndarray],
    grown: float,
    feather_iod: float,
    picture: np.ndarray,
    opacity: float = 1.0,
) -> None:
    """Lay a part of the face of one frame of a clip into a picture, in its light.

    Parameters
    ----------
    clip : FaceClip
        Whose face.
    lender : int
        The frame it is taken from.
    wanted : numpy.ndarray
        ``(478, 2)`` pixels of the picture: where the landmarks shall be.
    hulls : list of numpy.ndarray
        ``(n, 2)`` pixels of the picture each: what is covered.
    grown : float
        How much larger than these hulls.
    feather_iod : float
        Width of the soft edge, in the lender's distances between the pupils.
    picture : numpy.ndarray
        ``(h, w, 3)`` uint8, of the size of the clip's frames; changed.
    opacity : float
        From 0 to 1.
    """
    feather_px = feather_iod * float(clip.interocular_px[lender])
    extent = max(float(np.ptp(hull, axis=0).max()) for hull in hulls)
    reach_px = 2 * feather_px + (grown - 1) * extent
    box = region_box(np.vstack(hulls), reach_px, clip.size_px)
    if box.is_empty:
        return
    points, under = clip.points_px[lender], box.cut(picture)
    patch = borrowed(clip.frames[lender], points, wanted, box)
    mask = region(hulls[0], grown, feather_px, box)
    for hull in hulls[1:]:
        mask = np.maximum(mask, region(hull, grown, feather_px, box))
    mask = mask * seen(points, wanted, feather_px, box)
    under[:] = blended(under, settled(patch, under, mask), opacity * mask)


def redrawn(
    rgb: np.ndarray, face_px: float, resolution_px: float, sharpening: float = 0.0
) -> np.ndarray:
    """Part of a face as a network draws it that knows it at a lower resolution.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(h, w, 3)`` uint8.
    face_px, resolution_px : float
        Longer side of the whole face, in pixels of ``rgb`` and of the network. A network loses
        some detail however many pixels it has.
    sharpening : float
        By which share detail is amplified afterwards, as face restoration does.

    Returns
    -------
    numpy.ndarray
        uint8, of the same size.
    """
    scale = min(resolution_px / max(face_px, 1.0), _MOST_DETAIL)
    rgb = through_low_resolution(rgb, round(scale * max(rgb.shape[:2])))
    return sharpened(rgb, sharpening, 0.7 / scale) if sharpening > 0 else rgb


def retouch(
    picture: np.ndarray,
    points: np.ndarray,
    mask_shape: str,
    feather_px: float,
    resolution_px: float,
    tint_levels: np.ndarray,
) -> None:
    """Draw the face of a picture anew, at a resolution and in another colour, within a mask.

    Parameters
    ----------
    picture : numpy.ndarray
        ``(h, w, 3)`` uint8; changed.
    points : numpy.ndarray
        ``(478, 2)`` landmarks in it.
    mask_shape : str
        As in :func:`featurize.synthesis.manipulations.masks.region_mask`.
    feather_px : float
        Width of the mask's soft edge.
    resolution_px : float
        As in :func:`redrawn`.
    tint_levels : numpy.ndarray
        ``(3,)`` added to red, green and blue.
    """
    parts = ("right-eye", "left-eye") if mask_shape == "eyes" else (mask_shape,)
    named = {name for part in parts for name in REGIONS[part]}
    around = points[MEDIAPIPE_478.indices(sorted(named))]
    box = region_box(around, feather_px, (picture.shape[1], picture.shape[0]))
    if box.is_empty:
        return
    under = box.cut(picture)
    drawn = redrawn(under, float(np.ptp(points, axis=0).max()), resolution_px)
    mask = softened(region_mask(box.within(points), mask_shape, box.size), feather_px / 2)
    under[:] = blended(under, drawn + tint_levels.astype(np.float32), mask)


def _areas(corners: np.ndarray) -> np.ndarray:
    """Twice the signed areas of ``(n, 3, 2)`` triangles; above 0 when clockwise in the image."""
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    one, other = b - a, c - a
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
