"""One face in one frame, for features that look at pixels: at the video's own resolution.

Texture is what compression, blending and generators leave in single pixels, so the picture is
neither turned nor resized; where things are is said by landmarks, in masks.
"""

import math
from collections.abc import Callable, Iterable
from copy import copy
from functools import cached_property
from typing import Self, TypeVar

import cv2
import numpy as np

from featurize.frame import Frame
from featurize.landmarks.schema import Schema

MARGIN_IOD = 0.6
"""What a view holds beside the face on each side, in interocular distances."""

MOST_SIDE_PX = 512
"""A larger face is reduced by 2, 4, ... in both directions until it fits."""

Derived = TypeVar("Derived")


class FaceView:
    """A face's pixels and places.

    Moving picture and landmarks by whole pixels changes nothing in it, bit for bit, and mirroring
    both mirrors it; for a face that is reduced, moves and widths are multiples of `shrink`.

    Parameters
    ----------
    frame : Frame
        The picture.
    points_px : numpy.ndarray
        ``(n_points, 3)`` landmarks in pixels of the picture, all of them known.
    schema : Schema
        Their scheme.

    Attributes
    ----------
    schema : Schema
        Scheme of the landmarks.
    shrink : int
        Pixels of the video, in each direction, that make one of the view: 1 but for large faces.
    points : numpy.ndarray
        ``(n_points, 2)`` landmarks as pixel indices (x, y) of the view.
    iod_px : float
        Interocular distance in pixels of the view, measured in three dimensions.
    size_px : tuple of int
        Width and height of the view.
    corner : tuple of int
        Which pixel of the picture, counted in pixels of the view, is the first of the view.
    """

    def __init__(self, frame: Frame, points_px: np.ndarray, schema: Schema) -> None:
        self.schema = schema
        self._frame = frame
        points = np.asarray(points_px, np.float64)
        right, left = points[schema.indices(("right_eye_outer", "left_eye_outer"))]
        iod_px = float(np.linalg.norm(left - right))
        face = points[schema.indices(schema.regions["face"]), :2]
        low = np.floor(face.min(axis=0) - MARGIN_IOD * iod_px)
        high = np.ceil(face.max(axis=0) + MARGIN_IOD * iod_px)
        side_px = max(1.0, float((high - low).max()))
        self.shrink = 1 << max(0, math.ceil(math.log2(side_px / MOST_SIDE_PX)))
        # Blocks of pixels that are averaged to one begin where those of the picture do.
        first = np.floor(low / self.shrink)
        width, height = (np.floor(high / self.shrink) - first).astype(int) + 1
        self.size_px = int(width), int(height)
        self.corner = int(first[0]), int(first[1])
        # The middle of the first block.
        self._start = first * self.shrink + (self.shrink - 1) / 2
        self.points = (points[:, :2] - self._start) / self.shrink
        self.iod_px = iod_px / self.shrink
        self._derived: dict[Callable, object] = {}

    def moved(self, frame: Frame, by: tuple[int, int]) -> Self:
        """Its places in another frame of the video, moved by whole pixels of the view.

        Parameters
        ----------
        frame : Frame
            The picture.
        by : tuple of int
            To the right and down, in pixels of the view.
        """
        other = copy(self)
        other._frame = frame
        other.corner = self.corner[0] + by[0], self.corner[1] + by[1]
        other._start = self._start + self.shrink * np.array(by)
        other._derived = {}
        # What landmarks alone tell stays what it is; pixels are others.
        for name in ("rgb", "luma", "picture_box", "in_picture"):
            other.__dict__.pop(name, None)
        return other

    @cached_property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, red first; beside the picture its edges go on."""
        return self._frame.crop(self._to_frame, self.size_px)

    @cached_property
    def luma(self) -> np.ndarray:
        """``(height, width)`` float32 in whole levels from 0 (black) to 255.

        That of the video itself; limited range, in which videos store 16 to 235, is stretched.
        """
        return self._frame.grey_crop(self._to_frame, self.size_px).astype(np.float32)

    @cached_property
    def picture_box(self) -> tuple[slice, slice]:
        """Rows and columns that lie in the picture; beside it there is nothing to measure."""
        rows, columns = (
            slice(
                min(length, max(0, math.ceil(-start / self.shrink))),
                max(0, min(length, math.floor((end - 1 - start) / self.shrink) + 1)),
            )
            for start, length, end in zip(
                self._start[::-1], self.size_px[::-1], self._frame.size_px[::-1], strict=True
            )
        )
        return rows, columns

    @cached_property
    def in_picture(self) -> np.ndarray:
        """``(height, width)`` bool: False beside the picture."""
        mask = np.zeros(self.size_px[::-1], bool)
        mask[self.picture_box] = True
        return mask

    def at(self, names: Iterable[str]) -> np.ndarray:
        """``(n, 2)`` named points as pixel indices of the view."""
        return self.points[self.schema.indices(names)]

    def filled(self, outline: np.ndarray) -> np.ndarray:
        """``(height, width)`` bool mask of the convex hull of ``(n, 2)`` places in the view."""
        mask = np.zeros(self.size_px[::-1], np.uint8)
        corners = np.rint(cv2.convexHull(outline.astype(np.float32))).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 1)
        return mask.view(bool)

    @cached_property
    def face_points(self) -> np.ndarray:
        """``(n, 2)`` points of the face from jaw to brows, without the forehead."""
        return self.at(name for name in self.schema.regions["face"] if name not in _ABOVE_BROWS)

    @cached_property
    def face(self) -> np.ndarray:
        """``(height, width)`` bool mask of the face from jaw to brows, which both schemes know."""
        return self.filled(self.face_points)

    @cached_property
    def inside_iod(self) -> np.ndarray:
        """``(height, width)`` float32 distance from the face's contour, in interocular distances.

        Positive in the face, negative outside.
        """
        face = self.face.view(np.uint8)
        distance_px = cv2.distanceTransform(face, cv2.DIST_L2, cv2.DIST_MASK_5)
        distance_px -= cv2.distanceTransform(1 - face, cv2.DIST_L2, cv2.DIST_MASK_5)
        # The contour runs half a pixel from the pixels on either side of it.
        distance_px -= face
        distance_px += 0.5
        distance_px /= max(self.iod_px, 1.0)
        return distance_px

    def derived(self, compute: Callable[["FaceView"], Derived]) -> Derived:
        """What a function makes of this view; computed once, for signals that share it."""
        if compute not in self._derived:
            self._derived[compute] = compute(self)
        return self._derived[compute]

    @property
    def _to_frame(self) -> np.ndarray:
        return np.column_stack([self.shrink * np.eye(2), self._start])


_ABOVE_BROWS = frozenset(
    f"{side}{place}"
    for side in ("", "right_", "left_")
    for place in (
        *("glabella", "forehead_top", "forehead_middle"),
        *(f"forehead_{number}" for number in range(1, 4)),
        *(f"outline_{number}" for number in range(1, 7)),
    )
)
"""Points between brows and hair, by the names of either scheme; some exist on no face."""
