"""Where faces are in a picture, near or far: MediaPipe's face detector on the picture and on tiles.

The detector (Bazarevsky et al. 2019, BlazeFace, short range) looks at 128 by 128 pixels and misses
faces that fill less than about a fifth of them, so a thorough search also looks at ever smaller
overlapping tiles.
"""

from collections.abc import Iterator

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.detection import Region, overlap
from featurize.landmarks.mediapipe478.face_mesh import DETECTOR_PX, FaceMesh

MIN_LOG_ODDS = 0.0
"""A place is a candidate when the detector gives a face better than even odds, as in MediaPipe."""

REGION_PER_FACE = 1.5
"""Side of the region in which the mesh is fitted, against the longer side of the face's box."""

SAME_FACE_OVERLAP = 0.3
"""Boxes of one picture that overlap more are the same face."""

SMALLEST_TILE_PX = 96
"""Tiles are not smaller: a face in one would have too few pixels for landmarks."""

MOST_TILE_LEVELS = 4
"""Tiles of the last level are an eighth of the picture high."""

# Grids of anchors: cells per side, anchors per cell.
_ANCHOR_GRIDS = ((16, 2), (8, 6))


def _anchors() -> np.ndarray:
    grids = []
    for n_cells, n_anchors in _ANCHOR_GRIDS:
        centres = (np.arange(n_cells) + 0.5) * DETECTOR_PX / n_cells
        y, x = np.meshgrid(centres, centres, indexing="ij")
        grids.append(np.repeat(np.column_stack([x.ravel(), y.ravel()]), n_anchors, axis=0))
    return np.concatenate(grids)


_ANCHORS_PX = _anchors()


def find_faces(mesh: FaceMesh, frame: Frame, thorough: bool) -> list[Region]:
    """Regions of a picture that may hold a face, surest first.

    Parameters
    ----------
    mesh : FaceMesh
        The networks.
    frame : Frame
        The picture.
    thorough : bool
        Look at tiles too. Finds faces from about 5 % of the picture's height on.
    """
    tiles = _tiles(frame.size_px) if thorough else [_whole(frame.size_px)]
    candidates: list[tuple[float, Region]] = []
    for tile in tiles:
        candidates += _faces_of_tile(mesh, frame, tile)
    found: list[Region] = []
    for _, region in sorted(candidates, key=lambda candidate: -candidate[0]):
        if all(overlap(region.box_px, other.box_px) <= SAME_FACE_OVERLAP for other in found):
            found.append(region)
    return found


def _whole(size_px: tuple[int, int]) -> Region:
    width, height = size_px
    return Region((width / 2, height / 2), float(max(size_px)))


def _tiles(size_px: tuple[int, int]) -> Iterator[Region]:
    """The whole picture, then squares as high as it, half as high, a quarter ..., half apart."""
    yield _whole(size_px)
    for level in range(MOST_TILE_LEVELS):
        side = min(size_px) / 2**level
        if side < SMALLEST_TILE_PX:
            return
        columns, rows = (max(1, int(np.ceil(length / side * 2 - 1))) for length in size_px)
        if columns * rows == 1 and max(size_px) == side:
            continue
        for y in np.linspace(side / 2, size_px[1] - side / 2, rows):
            for x in np.linspace(side / 2, size_px[0] - side / 2, columns):
                yield Region((float(x), float(y)), side)


def _faces_of_tile(mesh: FaceMesh, frame: Frame, tile: Region) -> list[tuple[float, Region]]:
    """Log-odds and region of each face of a tile."""
    to_frame = tile.to_frame(DETECTOR_PX)
    raw, scores = mesh.faces(frame.crop(to_frame, (DETECTOR_PX, DETECTOR_PX)))
    likely = np.flatnonzero(scores > MIN_LOG_ODDS)
    # Centre, size and keypoints; only the size does not start from the anchor.
    shapes = raw[likely].reshape(-1, 8, 2).astype(np.float64)
    shapes[:, 0] += _ANCHORS_PX[likely]
    shapes[:, 2:] += _ANCHORS_PX[likely, None]
    odds = scores[likely]
    faces = []
    while len(odds):
        best = int(np.argmax(odds))
        same = _overlaps(shapes, shapes[best]) > SAME_FACE_OVERLAP
        same[best] = True
        # Detections of one face are averaged, weighted by their probability (BlazeFace).
        weights = 1 / (1 + np.exp(-odds[same]))
        shape = np.average(shapes[same], axis=0, weights=weights)
        faces.append((float(odds[best]), _region(shape, to_frame)))
        shapes, odds = shapes[~same], odds[~same]
    return faces


def _region(shape: np.ndarray, to_frame: np.ndarray) -> Region:
    scale = to_frame[0, 0]
    centre = shape[0] * scale + to_frame[:, 2]
    # The first two keypoints are the subject's right and left eye.
    across = shape[3] - shape[2]
    roll_rad = float(np.arctan2(across[1], across[0]))
    side_px = float(shape[1].max() * scale * REGION_PER_FACE)
    return Region((float(centre[0]), float(centre[1])), side_px, roll_rad)


def _overlaps(shapes: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of many boxes with one; rows are centre, size, ..."""
    low = np.maximum(shapes[:, 0] - shapes[:, 1] / 2, other[0] - other[1] / 2)
    high = np.minimum(shapes[:, 0] + shapes[:, 1] / 2, other[0] + other[1] / 2)
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return shared / (shapes[:, 1].prod(axis=1) + other[1].prod() - shared)
