"""Where dlib's HOG face detector looks: its windows, as places in a frame.

The detector slides a window of fixed size over a pyramid of ever smaller copies of the picture, in
steps of one cell. To look for a face again near a known place, the windows of one level around that
place are enough, provided that they are the very windows of the whole pyramid: the shape predictor
answers to a shift of its box by half a cell with points that are 1 to 2 % of the interocular
distance away.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

CELL_PX = 8
WINDOW_PX = 72
"""Distance from the first to the last pixel of a window in its level."""

LEVEL_RATIO = 1.2
LOWEST_LEVEL = -5
"""Levels below 0 are enlarged pictures, down to windows of 29 px."""

SCAN_PX = 14 * CELL_PX
"""Side of a piece of a level that holds a window and one step more on each side."""

_CORNER_PX = 0.3
"""By this dlib moves a corner at every level on the way back to the picture."""


def nearest_level(window_side_px: float) -> tuple[int, float]:
    """The level whose windows are nearest to a size, and how far off they are, in levels."""
    level = np.log(window_side_px / WINDOW_PX) / np.log(LEVEL_RATIO)
    nearest = max(round(level), LOWEST_LEVEL)
    return nearest, level - nearest


def window_side_px(level: int) -> float:
    """Side of the windows of a level in the picture."""
    return WINDOW_PX * LEVEL_RATIO**level


@dataclass(frozen=True)
class Scan:
    """A square piece of one level, in step with the windows of the whole picture.

    Attributes
    ----------
    level : int
        0 is the picture itself, every next level smaller by 1.2.
    start : numpy.ndarray
        ``(2,)`` x and y of the piece's first pixel in its level, whole cells.
    scale : numpy.ndarray
        ``(2,)`` pixels of the picture to a pixel of the level, across and down.
    """

    level: int
    start: np.ndarray
    scale: np.ndarray

    @classmethod
    def around(cls, centre_px: np.ndarray, level: int, frame_size_px: tuple[int, int]) -> Self:
        """The piece with the given place nearest to its middle."""
        scale = np.array([_scale(size, level) for size in frame_size_px])
        start = CELL_PX * np.round((centre_px / scale - SCAN_PX / 2) / CELL_PX)
        return cls(level, start, scale)

    @property
    def start_px(self) -> np.ndarray:
        """``(2,)`` x and y of the piece's first pixel in the frame."""
        return self.start * self.scale

    def box_px(self, in_scan: tuple[int, int, int, int]) -> np.ndarray:
        """A window as a box of the frame: left, top, right, bottom in dlib's whole pixels."""
        corners = np.array(in_scan, dtype=np.float64) + np.tile(self.start, 2)
        factor = LEVEL_RATIO**self.level
        offset = _CORNER_PX * (factor - 1) / (LEVEL_RATIO - 1) if self.level > 0 else 0.0
        return np.floor(corners * factor + offset + 0.5)


def _scale(size_px: int, level: int) -> float:
    """Pixels of a picture to a pixel of a level; dlib lays the corner pixels onto each other."""
    if level <= 0:
        return LEVEL_RATIO**level
    scale = 1.0
    for _ in range(level):
        smaller = 5 * size_px // 6
        scale *= max(size_px - 1, 1) / max(smaller - 1, 1)
        size_px = smaller
    return scale
