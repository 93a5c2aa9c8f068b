"""Inner face, border and surroundings, and how two parts of a picture are compared."""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from featurize.frame_features.face_view import FaceView

MIN_IOD_PX = 32.0
"""A smaller face shows no texture: everything is NaN."""

MIN_ZONE_PX = 200
"""Fewer pixels say nothing."""

INNER_FROM_IOD = 0.12
RING_WITHIN_IOD = 0.08
AROUND_FROM_IOD = 0.16
"""How far the inner face and the surroundings stay away from the contour of the face, and the ring
reaches to either side of it."""

FILTER_REACH_PX = 2
"""Pixels nearer to the picture's edge are left out: filters would read beside it."""

ROUNDING_VARIANCE = 1 / 12
"""Of whole levels: the least noise there can be, added to both sides of every ratio."""


@dataclass(frozen=True)
class Zone:
    """A part of a view, as the rectangle around it and a mask in that rectangle.

    Attributes
    ----------
    box : tuple of slice
        Rows and columns.
    mask : numpy.ndarray
        uint8, 1 where it belongs to the part; of the size of the box.
    """

    box: tuple[slice, slice]
    mask: np.ndarray

    @cached_property
    def n_pixels(self) -> int:
        """How many pixels it has."""
        return cv2.countNonZero(self.mask)

    def mean(self, values: np.ndarray) -> float:
        """Mean of ``(height, width)`` values of the view over the zone; NaN of an empty one."""
        if not self.n_pixels:
            return math.nan
        return cv2.mean(values[self.box], self.mask)[0]

    def of(self, values: np.ndarray) -> np.ndarray:
        """``(n_pixels,)`` values of the zone."""
        return values[self.box][self.mask.view(bool)]


NOWHERE = Zone((slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.uint8))


def zone(view: FaceView, mask: np.ndarray, least_share: float, least_px: int = MIN_ZONE_PX) -> Zone:
    """The part of a mask that filters may be read in; empty where too little of it is seen.

    Parameters
    ----------
    view : FaceView
        The face.
    mask : numpy.ndarray
        ``(height, width)`` bool.
    least_share : float
        So much of it must lie in the picture.
    least_px : int
        So many pixels it must have there.
    """
    if view.iod_px < MIN_IOD_PX:
        return NOWHERE
    rows, columns = (
        slice(part.start + FILTER_REACH_PX, max(0, part.stop - FILTER_REACH_PX))
        for part in view.picture_box
    )
    pixels = mask.view(np.uint8)
    inside = pixels[rows, columns]
    n_pixels = cv2.countNonZero(inside) if inside.size else 0
    if n_pixels < max(least_px, least_share * cv2.countNonZero(pixels)):
        return NOWHERE
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(inside))
    part = inside[top : top + height, left : left + width]
    top, left = top + rows.start, left + columns.start
    box = slice(top, top + height), slice(left, left + width)
    return Zone(box, np.ascontiguousarray(part))


def inner(view: FaceView) -> Zone:
    """The face from jaw to brows without its border."""
    return zone(view, view.inside_iod > INNER_FROM_IOD, least_share=0.9)


def ring(view: FaceView) -> Zone:
    """The border of the face, to both sides of its contour."""
    return zone(view, np.abs(view.inside_iod) < RING_WITHIN_IOD, least_share=0.8)


def around(view: FaceView) -> Zone:
    """What is beside the face: hair, neck, background."""
    return zone(view, view.inside_iod < -AROUND_FROM_IOD, least_share=0.25)


def mouth(view: FaceView) -> Zone:
    """The outer contour of the lips and a little beside it."""
    points = view.at(view.schema.regions["mouth"])
    middle = points.mean(axis=0)
    return zone(view, view.filled(middle + 1.25 * (points - middle)), least_share=0.9)


def ratio_db(one: float, other: float, floor: float) -> float:
    """How much larger one mean square is than another, in decibels.

    Parameters
    ----------
    one, other : float
        Mean squares in squared levels; NaN makes NaN.
    floor : float
        What rounding to whole levels alone would give; added to both, so that two parts without any
        detail compare as 0 dB.
    """
    return 10 * math.log10((one + floor) / (other + floor))


def square_of_filter(kernel: np.ndarray) -> float:
    """Mean square of what a filter makes of white noise of variance 1."""
    return float(np.sum(np.square(kernel)))
