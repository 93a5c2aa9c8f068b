"""The part of a frame around the face: manipulations work on it and leave the rest alone."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class FaceBox:
    """Columns from ``left`` until before ``right``, rows from ``top`` until before ``bottom``.

    It lies within its frame, and is empty when the face lies outside of it.
    """

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, points_px: np.ndarray, margin: float, size_px: tuple[int, int]) -> Self:
        """Box around points, wider by ``margin`` times their longer extent on every side."""
        low, high = points_px.min(axis=0), points_px.max(axis=0)
        more = margin * float((high - low).max())
        first = np.clip(np.floor(low - more), 0, size_px).astype(int)
        stop = np.clip(np.ceil(high + more) + 1, first, size_px).astype(int)
        return cls(int(first[0]), int(first[1]), int(stop[0]), int(stop[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.right - self.left, self.bottom - self.top

    @property
    def is_empty(self) -> bool:
        """Whether too little of the face is in the frame to be worked on: no side over 8 px."""
        return min(self.size) < 8

    def cut(self, frame: np.ndarray) -> np.ndarray:
        """View of the pixels in the box."""
        return frame[self.top : self.bottom, self.left : self.right]

    def within(self, points_px: np.ndarray) -> np.ndarray:
        """Points counted from the corner of the box, float32."""
        return (points_px - (self.left, self.top)).astype(np.float32)
