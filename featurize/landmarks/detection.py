"""What a landmark backend says of a face in a frame, and the interface all backends share."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.schema import Schema
from featurize.types import LandmarkTrack

MIN_CONFIDENCE = 0.5
"""Landmarks that are more likely wrong than right are not used, and begin no track."""

FIELD_OF_VIEW_DEG = 63.0
"""Vertical field of view of the camera that both backends assume, as MediaPipe does, where they
give places in centimetres."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the upright frame."""


@dataclass(frozen=True)
class Region:
    """A turned square of a frame in which a face is, or is looked for.

    Attributes
    ----------
    centre_px : tuple of float
        x and y in pixels of the upright frame.
    side_px : float
        Length of a side.
    roll_rad : float
        Turn of the square in the picture, clockwise as seen: positive when the head tilts towards
        the subject's own left shoulder.
    """

    centre_px: tuple[float, float]
    side_px: float
    roll_rad: float = 0.0

    def to_frame(self, size_px: int) -> np.ndarray:
        """``(2, 3)`` affine map from pixels of a square crop of the region to those of the frame.

        Pixel 0 of the crop lies on the edge of the region, as in MediaPipe.
        """
        scale = self.side_px / size_px
        across, down = scale * np.cos(self.roll_rad), scale * np.sin(self.roll_rad)
        turn = np.array([[across, -down], [down, across]])
        start = np.array(self.centre_px) - turn @ np.full(2, size_px / 2)
        return np.column_stack([turn, start])

    @property
    def box_px(self) -> Box:
        """The upright box around the region."""
        (x, y), half = self.centre_px, self.side_px / 2
        reach = half * (abs(np.cos(self.roll_rad)) + abs(np.sin(self.roll_rad)))
        return float(x - reach), float(y - reach), float(x + reach), float(y + reach)


@dataclass(frozen=True)
class FaceCrop:
    """The piece of a frame in which a face was fitted.

    Attributes
    ----------
    rgb : numpy.ndarray
        ``(size, size, 3)`` uint8, red first.
    to_frame : numpy.ndarray
        ``(2, 3)`` affine map from its pixels to those of the upright frame.
    """

    rgb: np.ndarray
    to_frame: np.ndarray


@dataclass(frozen=True)
class FaceDetection:
    """One face in one frame.

    Attributes
    ----------
    points_px, blendshapes, pose : numpy.ndarray
        As one row of those of :class:`featurize.types.LandmarkTrack`.
    confidence : float
        In [0, 1]: how likely the points are right, within 5 % of the interocular distance of where
        they would be in the undisturbed picture, on average over the face.
    crop : FaceCrop or None
        The pixels they were read from.
    """

    points_px: np.ndarray
    confidence: float
    blendshapes: np.ndarray | None = None
    pose: np.ndarray | None = None
    crop: FaceCrop | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the points are more likely right than wrong."""
        return self.confidence >= MIN_CONFIDENCE

    @cached_property
    def box_px(self) -> Box:
        """The upright box around the landmarks."""
        low = np.fmin.reduce(self.points_px[:, :2], axis=0)
        high = np.fmax.reduce(self.points_px[:, :2], axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


class LandmarkBackend(Protocol):
    """Finds faces in pictures and reads their landmarks.

    It keeps nothing from frame to frame: which face is followed, and when a picture is searched, is
    the business of :mod:`featurize.landmarks.people.following`.
    """

    schema: Schema

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def search(self, frame: Frame, thorough: bool) -> list[Region]:
        """Where faces are in a picture that nothing is known of, surest first.

        ``thorough`` also finds small and distant faces, and takes longer.
        """
        ...

    def fit(self, frame: Frame, region: Region) -> FaceDetection | None:
        """The face in a region, or None when there is none."""
        ...

    def region_after(self, detection: FaceDetection) -> Region:
        """Where a face is looked for in the next frame."""
        ...

    def completed(self, track: LandmarkTrack) -> LandmarkTrack:
        """A track with what is cheaper to work out for all of its frames at once."""
        ...


def overlap(box: Box, other: Box) -> float:
    """Intersection over union of two boxes, in [0, 1].

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
