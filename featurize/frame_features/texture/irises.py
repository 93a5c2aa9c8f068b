"""Irises of both eyes against each other: colour, and the light that mirrors in them.

Both irises are brought to the same small square, one iris wide and turned like the line of the
eyes; lids are cut off by the contour of the eye. All are NaN without irises (dlib), where an eye is
closed or beside the picture, where an iris is smaller than 3 pixels in radius, and where less than
a third of it is seen.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView

SIDE_PX = 32
"""Of the square that an iris is brought to."""

MIN_RADIUS_PX = 3.0
LEAST_SEEN = 1 / 3
DISK_PER_IRIS = 0.8
"""Radius of what is looked at over that of the iris: beside it is the white of the eye."""

HIGHLIGHT_LEVELS = 40.0
"""A reflection is so much lighter than the median of its iris."""

_COLOUR_REFERENCE = "Matern et al. 2019 (eye colour), as distances in CIELAB"
_LIGHT_REFERENCE = "Matern et al. 2019 and Hu, Li & Lyu 2021 (corneal highlights)"
_CONFOUNDERS = ("face size", "glasses", "light from one side", "gaze", "blur", "contact lenses")


@dataclass(frozen=True)
class Iris:
    """One iris as a small square.

    Attributes
    ----------
    rgb : numpy.ndarray
        ``(side, side, 3)`` float32 in [0, 1].
    luma : numpy.ndarray
        ``(side, side)`` float32 levels of 255.
    seen : numpy.ndarray
        ``(side, side)`` bool: on the iris and between the lids.
    """

    rgb: np.ndarray
    luma: np.ndarray
    seen: np.ndarray

    @cached_property
    def above_median(self) -> np.ndarray:
        """``(side, side)`` levels above the median of the iris; 0 where it is not seen."""
        above = np.maximum(self.luma - np.median(self.luma[self.seen]), 0)
        return np.where(self.seen, above, 0)

    @cached_property
    def highlight_levels(self) -> float:
        """How far the lightest 2 % of the iris are above its median, levels of 255."""
        return float(np.percentile(self.above_median[self.seen], 98))

    @cached_property
    def colour(self) -> np.ndarray:
        """``(3,)`` median colour in CIELAB, without reflections."""
        kept = self.seen & (self.above_median < HIGHLIGHT_LEVELS)
        return np.median(cv2.cvtColor(self.rgb[kept][None], cv2.COLOR_RGB2LAB)[0], axis=0)


_AXIS = (np.arange(SIDE_PX) - (SIDE_PX - 1) / 2) / (SIDE_PX / 2)
_X, _Y = np.meshgrid(_AXIS, _AXIS)
_IN_DISK = np.hypot(_X, _Y) <= DISK_PER_IRIS


def _irises(view: FaceView) -> tuple[Iris, Iris] | None:
    """Right and left."""
    if "left_iris_centre" not in view.schema.points:
        return None
    irises = []
    for side in ("right", "left"):
        iris = _iris(view, side)
        if iris is None:
            return None
        irises.append(iris)
    return irises[0], irises[1]


def _iris(view: FaceView, side: str) -> Iris | None:
    (centre,) = view.at([f"{side}_iris_centre"])
    edge = view.at(f"{side}_iris_edge_{number}" for number in range(1, 5))
    radius_px = float(np.linalg.norm(edge - centre, axis=1).mean())
    if math.isnan(radius_px):  # the backend is known to have got this iris wrong
        return None
    rows, columns = view.picture_box
    start = np.array([columns.start, rows.start]) + radius_px
    stop = np.array([columns.stop, rows.stop]) - 1 - radius_px
    right, left = view.at(("right_eye_outer", "left_eye_outer"))
    apart_px = float(np.linalg.norm(left - right))
    if min(radius_px, apart_px) < MIN_RADIUS_PX or (centre < start).any() or (centre > stop).any():
        return None
    across = (left - right) / apart_px
    turn = np.column_stack([across, [-across[1], across[0]]]) * (radius_px / (SIDE_PX / 2))
    to_view = np.column_stack([turn, centre - turn @ np.full(2, (SIDE_PX - 1) / 2)])
    lids = view.at(name for name in view.schema.regions["eyes"] if name.startswith(side))
    outline = (lids - to_view[:, 2]) @ np.linalg.inv(turn).T
    open_part = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    hull = cv2.convexHull(np.rint(outline).astype(np.int32))
    cv2.fillConvexPoly(open_part, hull, 1)
    seen = open_part.view(bool) & _IN_DISK
    if seen.sum() < LEAST_SEEN * _IN_DISK.sum():
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    rgb, luma = (
        cv2.warpAffine(plane, to_view, (SIDE_PX, SIDE_PX), flags=flags)
        for plane in (view.rgb, view.luma)
    )
    return Iris(rgb.astype(np.float32) / 255, luma, seen)


@pixel_signal(unit="dE", reference=_COLOUR_REFERENCE, confounded_by=_CONFOUNDERS)
def iris_colour_difference_de(view: FaceView) -> float:
    """Difference of the colours of the two irises.

    Distance in CIELAB (CIE 1976) of their median colours without reflections.
    """
    irises = view.derived(_irises)
    if irises is None:
        return math.nan
    right, left = irises
    return float(np.linalg.norm(left.colour - right.colour))


@pixel_signal(unit="dE", reference=_COLOUR_REFERENCE, confounded_by=_CONFOUNDERS)
def iris_hue_difference_de(view: FaceView) -> float:
    """Difference of the hues of the two irises, weighted by how colourful they are.

    ``2 sqrt(C_left C_right) sin(dh / 2)`` of chroma C and angle of hue h in CIELAB: the hue term of
    the colour difference, without lightness, so that light from one side counts less.
    """
    irises = view.derived(_irises)
    if irises is None:
        return math.nan
    right, left = (iris.colour[1:] for iris in irises)
    chroma = np.linalg.norm(right) * np.linalg.norm(left)
    # 4 sin²(dh / 2) = 2 (1 - cos dh)
    return float(np.sqrt(max(0.0, 2 * (chroma - right @ left))))


@pixel_signal(unit="levels", reference=_LIGHT_REFERENCE, confounded_by=_CONFOUNDERS)
def iris_highlight_levels(view: FaceView) -> float:
    """How bright the reflections in the eyes are, in the eye where they are weaker.

    98th percentile of luma in the iris over its median, in levels of 255; the smaller of both eyes.
    """
    irises = view.derived(_irises)
    if irises is None:
        return math.nan
    return min(iris.highlight_levels for iris in irises)


@pixel_signal(unit="1", reference=_LIGHT_REFERENCE, confounded_by=_CONFOUNDERS)
def iris_highlight_overlap(view: FaceView) -> float:
    """How much the reflections of both eyes lie at the same place of the iris.

    Intersection over union, soft: sum of the smaller over sum of the larger of both eyes' luma
    above the median of the iris, where both irises are seen. 1 for equal reflections, 0 for none in
    common; NaN where the brighter eye has no reflection of at least 40 levels.
    """
    irises = view.derived(_irises)
    if irises is None or max(iris.highlight_levels for iris in irises) < HIGHLIGHT_LEVELS:
        return math.nan
    both = irises[0].seen & irises[1].seen
    right, left = (iris.above_median[both] for iris in irises)
    union = float(np.maximum(right, left).sum())
    return float(np.minimum(right, left).sum()) / union if union > 0 else math.nan


@pixel_signal(unit="1", reference=_LIGHT_REFERENCE, confounded_by=_CONFOUNDERS)
def iris_highlight_distance(view: FaceView) -> float:
    """Distance of the reflections of both eyes from the same place of the iris.

    Of the centres of what is at least 40 levels over the median of the iris, weighted by how much,
    each taken from the centre of its iris in radii of the iris. NaN where either eye has no such
    reflection.
    """
    irises = view.derived(_irises)
    if irises is None:
        return math.nan
    centres = []
    for iris in irises:
        weight = np.maximum(iris.above_median - HIGHLIGHT_LEVELS, 0)
        total = float(weight.sum())
        if total == 0:
            return math.nan
        centres.append(((weight * _X).sum() / total, (weight * _Y).sum() / total))
    return math.dist(*centres)
