"""Colour and gradient across the contour of the face, where a swapped face is blended in.

Profiles along the normals of the convex hull of jaw and brows, which face swaps are cut along. All
are NaN where less than three quarters of the profiles lie in the picture, or the face is smaller
than 32 pixels between the eyes.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import (
    MIN_IOD_PX,
    ratio_db,
)

N_PROFILES = 128
DEPTH_IOD = (np.arange(20) - 9.5) / 50
"""Where profiles are read: distance from the contour, positive in the face; the same on either
side."""

NEAR_IOD, FAR_IOD = 0.04, 0.12
"""Bands to either side that are compared; nearer than that the contour is not known."""

LEAST_PROFILES = 0.75
SMALLEST_STEP_LAB = 0.5
"""Difference of colour that rounding alone makes; added to both sides of ratios, squared."""

_REFERENCE = "Li et al. 2020 (face X-ray) and Matern et al. 2019, as colour along the normals"
_CONFOUNDERS = ("background", "hair and beard", "neck in shadow", "make-up", "large yaw", "blur")


@dataclass(frozen=True)
class Profiles:
    """Colour along the normals of the contour.

    Attributes
    ----------
    lab : numpy.ndarray
        ``(n_profiles, n_depths, 3)`` CIELAB at each of :data:`DEPTH_IOD`.
    """

    lab: np.ndarray

    def band(self, low_iod: float, high_iod: float) -> np.ndarray:
        """``(n_profiles, 3)`` mean colour between two depths."""
        return self.lab[:, (low_iod <= DEPTH_IOD) & (high_iod >= DEPTH_IOD)].mean(axis=1)

    def gradient(self, low_iod: float, high_iod: float) -> float:
        """Mean square of the change of colour from sample to sample between two depths."""
        steps = np.diff(self.lab, axis=1)
        # Bands begin and end at such middles: rounding must not put these beside them.
        middle = np.round((DEPTH_IOD[1:] + DEPTH_IOD[:-1]) / 2, 6)
        chosen = steps[:, (low_iod <= middle) & (high_iod >= middle)]
        return float(np.mean(np.sum(chosen**2, axis=2)))


def _profiles(view: FaceView) -> Profiles | None:
    if view.iod_px < MIN_IOD_PX:
        return None
    places, normals = _contour(view.face_points)
    read_at = places[:, None] - normals[:, None] * (DEPTH_IOD * view.iod_px)[:, None]
    rows, columns = view.picture_box
    low, high = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
    inside = ((read_at >= low) & (read_at <= high)).all(axis=(1, 2))
    if inside.mean() < LEAST_PROFILES:
        return None
    at = read_at[inside].astype(np.float32)
    rgb = cv2.remap(view.rgb, at, None, cv2.INTER_LINEAR).astype(np.float32) / 255
    return Profiles(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB))


def _contour(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places evenly along the convex hull of points, and the outward normals there."""
    hull = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    closed = np.vstack([hull, hull[:1]])
    lengths = np.linalg.norm(np.diff(closed, axis=0), axis=1)
    reached = np.concatenate([[0], np.cumsum(lengths)])
    at = (np.arange(N_PROFILES) + 0.5) / N_PROFILES * reached[-1]
    places = np.column_stack([np.interp(at, reached, closed[:, axis]) for axis in (0, 1)])
    along = np.roll(places, -1, axis=0) - np.roll(places, 1, axis=0)
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    outward = np.sign(np.sum(normals * (places - places.mean(axis=0))))
    return places, normals * outward


@pixel_signal(unit="dE", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def border_colour_step_de(view: FaceView) -> float:
    """Difference of colour between just inside and just outside the contour of the face.

    Distance in CIELAB (CIE 1976) of the mean colours 0.04 to 0.12 interocular distances to either
    side, along each normal; median over the contour.
    """
    profiles = view.derived(_profiles)
    if profiles is None:
        return math.nan
    step = profiles.band(NEAR_IOD, FAR_IOD) - profiles.band(-FAR_IOD, -NEAR_IOD)
    return float(np.median(np.linalg.norm(step, axis=1)))


@pixel_signal(unit="dB", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def border_gradient_db(view: FaceView) -> float:
    """Change of colour at the contour of the face over that on parallels on either side.

    ``10 log10`` of the mean squared change in CIELAB along the normals within 0.04 interocular
    distances of the contour, over that from 0.1 to 0.18 inside and outside.
    """
    profiles = view.derived(_profiles)
    if profiles is None:
        return math.nan
    beside = (profiles.gradient(-0.18, -0.1) + profiles.gradient(0.1, 0.18)) / 2
    return ratio_db(profiles.gradient(-0.04, 0.04), beside, SMALLEST_STEP_LAB**2)


@pixel_signal(unit="dB", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def border_seam_db(view: FaceView) -> float:
    """How far one parallel of the contour stands out by a change of colour common to its length.

    Change of the mean colour of the contour's parallels from one to the next, within 0.19
    interocular distances inside: ``10 log10`` of the largest squared change in CIELAB over the
    median. A mask that was blended in leaves a line parallel to the contour.
    """
    profiles = view.derived(_profiles)
    if profiles is None:
        return math.nan
    inside = DEPTH_IOD > 0
    changes = np.sum(np.diff(profiles.lab[:, inside].mean(axis=0), axis=0) ** 2, axis=1)
    floor = SMALLEST_STEP_LAB**2 / N_PROFILES
    return ratio_db(float(changes.max()), float(np.median(changes)), floor)
