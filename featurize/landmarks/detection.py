"""What a landmark backend says of a face in a frame, and the interface all backends share."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from featurize.landmarks.schema import Schema
from featurize.types import Frame


@dataclass(frozen=True)
class FaceDetection:
    """One face in one frame. Shapes and units as in :class:`featurize.types.LandmarkTrack`."""

    points_px: np.ndarray
    confidence: float
    blendshapes: np.ndarray | None = None
    pose: np.ndarray | None = None

    @property
    def box_px(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the landmarks."""
        x, y = self.points_px[:, 0], self.points_px[:, 1]
        return float(np.nanmin(x)), float(np.nanmin(y)), float(np.nanmax(x)), float(np.nanmax(y))


class LandmarkBackend(Protocol):
    """Finds the faces of one frame after another. One instance serves one video."""

    schema: Schema

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def detect(self, frame: Frame) -> list[FaceDetection]:
        """All faces of the frame, in no particular order."""
        ...


def overlap(
    box: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), in [0, 1].

    Examples
    --------
    >>> overlap((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    """
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    area = (box[2] - box[0]) * (box[3] - box[1])
    other_area = (other[2] - other[0]) * (other[3] - other[1])
    return shared / (area + other_area - shared)
