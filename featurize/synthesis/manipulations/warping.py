"""Warps of a face that move its landmarks: piecewise affine over the triangles of the mesh.

The triangles are those of MediaPipe's face mesh (``face_triangles.csv``), with eyes and mouth
closed by a ladder between the lids and between the lips. Around the face lies a ring of triangles
that carries the warp over to its surroundings.
"""

import csv
from functools import cache
from importlib.resources import files

import cv2
import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.masks import OUTLINE, grid_corners

N_MESH = 468
"""Points of the mesh without the irises, which are not warped by themselves."""

RING_SCALE = 1.45
"""How far from the middle of the outline the ring lies, relative to the outline itself."""

_FRACTION_BITS = 4
# The map is worked out at every pixel of a result up to the first size, at every second up to the
# next, and at every fourth beyond: over a larger face it is smoother.
_FINE_PX, _MIDDLE_PX = 160, 480
# Height, in points of the map, under which a triangle is a sliver.
_THIN = 0.5


@cache
def face_triangles() -> np.ndarray:
    """``(898, 3)`` corners of the mesh's triangles, clockwise in the image of a frontal face."""
    text = files("featurize.synthesis").joinpath("face_triangles.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return np.array([[int(row[corner]) for corner in "abc"] for row in rows], np.intp)


@cache
def _ring_triangles() -> np.ndarray:
    """Corners of the triangles between the outline and the ring; the ring's count from 468."""
    inner = MEDIAPIPE_478.indices(OUTLINE)
    outer = N_MESH + np.arange(len(inner))
    next_inner, next_outer = np.roll(inner, -1), np.roll(outer, -1)
    near = np.column_stack([inner, outer, next_outer])
    return np.vstack([near, np.column_stack([inner, next_outer, next_inner])])


def ring(points: np.ndarray) -> np.ndarray:
    """``(36, 2)`` points around the face, beyond its outline, of ``(478, 2)`` landmarks."""
    outline = points[MEDIAPIPE_478.indices(OUTLINE)]
    middle = outline.mean(axis=0)
    return middle + RING_SCALE * (outline - middle)


def warp(
    rgb: np.ndarray,
    from_points: np.ndarray,
    to_points: np.ndarray,
    size: tuple[int, int],
    *,
    surroundings_move: bool = False,
) -> np.ndarray:
    """Warp a picture so that landmarks at one place come to lie at another.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(h, w)`` or ``(h, w, channels)``, uint8 or float32.
    from_points, to_points : numpy.ndarray
        ``(478, 2)``, pixels: where the landmarks are in ``rgb``, and where in the result.
    size : tuple of int
        Width and height of the result.
    surroundings_move : bool
        True when ``from_points`` is a face at another place or of another picture: the ring
        around the face is warped along with it, and what lies beyond follows the ring as a whole.
        False for a face deformed in its own picture: the ring stays and what lies beyond is kept.

    Returns
    -------
    numpy.ndarray
        Of the type of ``rgb``. Where the mesh folds over, the side towards the viewer is shown.

    Raises
    ------
    SynthesisError
        When a landmark is nowhere.
    """
    ring_from = ring(from_points)
    ring_to = ring(to_points) if surroundings_move else ring_from
    source = np.vstack([from_points[:N_MESH], ring_from]).astype(np.float32)
    target = np.vstack([to_points[:N_MESH], ring_to]).astype(np.float32)
    beyond = _fitted_map(ring_to, ring_from) if surroundings_move else np.eye(2, 3)
    where = _backward_map(source, target, beyond, size)
    return cv2.remap(rgb, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def displaced(points: np.ndarray, scale: float, turn_rad: float, shift: np.ndarray) -> np.ndarray:
    """Points enlarged and turned (clockwise in the image) about their middle, then shifted."""
    middle = points[:N_MESH].mean(axis=0)
    cosine, sine = scale * np.cos(turn_rad), scale * np.sin(turn_rad)
    turned = (points - middle) @ np.array([[cosine, sine], [-sine, cosine]])
    return (turned + middle + shift).astype(np.float32)


def aligned(points: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Points turned, scaled and shifted (no mirror, no shear) to lie best upon others."""
    middle, goal = points[:N_MESH].mean(axis=0), onto[:N_MESH].mean(axis=0)
    here = (points[:N_MESH] - middle) @ [1, 1j]
    there = (onto[:N_MESH] - goal) @ [1, 1j]
    turn = np.vdot(here, there) / np.vdot(here, here).real
    moved = ((points - middle) @ [1, 1j]) * turn
    return (np.stack([moved.real, moved.imag], axis=-1) + goal).astype(np.float32)


def _fitted_map(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """``(2, 3)`` affine map that takes points nearest to others."""
    middle = target.mean(axis=0)
    matrix = np.linalg.lstsq(target - middle, source - source.mean(axis=0), rcond=None)[0].T
    return np.column_stack([matrix, source.mean(axis=0) - matrix @ middle])


def _backward_map(
    source: np.ndarray, target: np.ndarray, beyond: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """``(h, w, 2)`` float32: from where in the source each pixel of the result comes."""
    mesh = face_triangles()
    sides = target[mesh[:, 1:]] - target[mesh[:, :1]]
    facing = sides[:, 0, 0] * sides[:, 1, 1] > sides[:, 0, 1] * sides[:, 1, 0]
    # What is drawn later covers what was drawn before.
    triangles = np.vstack([_ring_triangles(), mesh[~facing], mesh[facing]])
    step = 1 if max(size) <= _FINE_PX else 2 if max(size) <= _MIDDLE_PX else 4
    columns, rows = (side // step + 2 for side in size)
    which = np.zeros((rows, columns), np.int32)
    corners = grid_corners(target[triangles] / step, (columns, rows), _FRACTION_BITS)
    for number, corner in enumerate(corners, start=1):
        cv2.fillConvexPoly(which, corner, number, cv2.LINE_8, _FRACTION_BITS)
    maps = np.concatenate(
        [beyond[None], _affine_maps(target[triangles], source[triangles], _THIN * step)]
    )
    maps = maps.astype(np.float32)[which]
    x = np.arange(0, columns * step, step, dtype=np.float32)[:, None]
    y = np.arange(0, rows * step, step, dtype=np.float32)[:, None, None]
    coarse = maps[..., 0] * x + maps[..., 1] * y + maps[..., 2]
    to_coarse = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
    return cv2.warpAffine(coarse, to_coarse, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _affine_maps(target: np.ndarray, source: np.ndarray, thin_px: float) -> np.ndarray:
    """``(n, 2, 3)``: the affine map of each triangle onto its source."""
    origin = target.mean(axis=1, dtype=np.float64)
    sides = (target[:, 1:] - target[:, :1]).astype(np.float64)
    to_sides = (source[:, 1:] - source[:, :1]).astype(np.float64)
    area = sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]
    # Pixels at the edge of a sliver lie outside of it by more than its own height; its map, drawn
    # out to them, would reach far into other parts of the face. They take its shift alone.
    longest = np.maximum(np.abs(sides).max(axis=(1, 2)), 1e-6)
    flat = np.abs(area) < thin_px * longest
    area = np.where(flat, 1.0, area)
    inverse = np.empty_like(sides)
    inverse[:, 0, 0], inverse[:, 1, 1] = sides[:, 1, 1] / area, sides[:, 0, 0] / area
    inverse[:, 0, 1], inverse[:, 1, 0] = -sides[:, 0, 1] / area, -sides[:, 1, 0] / area
    linear = np.swapaxes(inverse @ to_sides, 1, 2)
    linear[flat] = np.eye(2)
    shift = source.mean(axis=1) - (linear @ origin[..., None])[..., 0]
    return np.concatenate([linear, shift[..., None]], axis=2)
