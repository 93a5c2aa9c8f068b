"""The photograph that the performer is made of, taken apart into face, neck and what lies behind.

It is ``skimage.data.astronaut()``, NASA's portrait of Eileen Collins, in the public domain.
``astronaut_points.csv`` beside this file holds what was measured on it: the 478 landmarks that
MediaPipe's FaceLandmarker finds in its columns 100 to 350 and rows 0 to 250, enlarged three times
(``z_px`` grows away from the viewer); the outline of the head by GrabCut, its jaw and the outlines
of neck, hairline and collar by hand.

All coordinates are pixels of the photograph, x to the right, y down, and *relief* towards the
viewer.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
import skimage.data
from scipy.interpolate import LinearNDInterpolator

# Texture pixels per pixel of the photograph.
TEXTURE_SCALE = 2
# Left, top, width, height of the piece that holds the head and room for a dropped jaw.
HEAD_BOX = (108, -16, 236, 244)
# The same for the whole picture that the camera sees; a square.
FRAME_BOX = (92, -8, 264, 264)

# Ellipsoid of the skull: centre x, centre y, relief of the centre, half axes.
_SKULL = (227.0, 92.0, -62.0, 80.0, 88.0, 80.0)
# Beyond this share of the half axes the skull falls off straight: a steeper edge would hide
# itself when the head turns and tear the outline of the hair.
_SKULL_EDGE = 0.78
_RELIEF_FLOOR = -110.0
# Ellipse of the collar's lining: centre, axes, turn. Its folds are taken for a second face now and
# then, so they are blurred and darkened.
_LINING = ((213.0, 207.0), (140.0, 80.0), 30.0)
_COLLAR_RGB = (88.0, 80.0, 98.0)


@dataclass(frozen=True)
class Photograph:
    """The photograph and its parts; shared by all performers, so its arrays are read-only.

    Attributes
    ----------
    rgb : numpy.ndarray
        ``(512, 512, 3)`` uint8, red first.
    points : dict
        ``face`` (478, 3): x, y, relief of the landmarks; ``head_outline`` and ``neck_outline``
        (n, 2): polygons; ``hairline`` and ``collar`` (n, 2): lines from image left to right, the
        collar's where the neck hides it.
    relief : numpy.ndarray
        ``(h, w)`` float32 over ``HEAD_BOX`` at scale 1: how near each point of the head is.
    neck : numpy.ndarray
        Like ``rgb``, with the skin of the neck where the chin hides it.
    plate : numpy.ndarray
        ``(h, w, 3)`` uint8 over ``FRAME_BOX`` at ``TEXTURE_SCALE``: without head and neck.
    """

    rgb: np.ndarray
    points: dict[str, np.ndarray]
    relief: np.ndarray
    neck: np.ndarray
    plate: np.ndarray


@cache
def load_photograph() -> Photograph:
    """Load the photograph and take it apart; the work is done once per process."""
    rgb, points = skimage.data.astronaut(), _load_points()
    neck = _neck_skin(rgb, points["head_outline"], points["neck_outline"])
    photograph = Photograph(rgb, points, _relief(points["face"]), neck, _behind(rgb, points))
    for array in (rgb, photograph.relief, neck, photograph.plate, *points.values()):
        array.flags.writeable = False
    return photograph


def _load_points() -> dict[str, np.ndarray]:
    """Read what was measured on the photograph, see :class:`Photograph`."""
    text = files("featurize.synthesis").joinpath("astronaut_points.csv").read_text("utf-8")
    points: dict[str, list[list[float]]] = {}
    for row in csv.DictReader(text.splitlines()):
        point = [float(row["x_px"]), float(row["y_px"])]
        if row["part"] == "face":
            point.append(-float(row["z_px"]))
        points.setdefault(row["part"], []).append(point)
    return {part: np.array(rows) for part, rows in points.items()}


def window(image: np.ndarray, box: tuple[int, int, int, int], scale: int) -> np.ndarray:
    """Cut ``box`` from an image, mirroring it outside, and enlarge it."""
    left, top, width, height = box
    x = (np.arange(width * scale) + 0.5) / scale - 0.5 + left
    y = (np.arange(height * scale) + 0.5) / scale - 0.5 + top
    x, y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return cv2.remap(image, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)


def inside(polygon: np.ndarray, box: tuple[int, int, int, int], scale: int) -> np.ndarray:
    """Return 0 or 255 over ``box``: which pixels lie in the polygon."""
    left, top, width, height = box
    mask = np.zeros((height * scale, width * scale), np.uint8)
    corners = (polygon - (left, top) + 0.5) * scale - 0.5
    fixed_point = np.round(corners * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed_point], 255, cv2.LINE_AA, shift=4)
    return mask


def _behind(photo: np.ndarray, points: dict[str, np.ndarray]) -> np.ndarray:
    """Paint the head and neck out of the photograph; returned over ``FRAME_BOX``."""
    size = photo.shape[1], photo.shape[0]
    whole = (0, 0, *size)
    hole = inside(points["head_outline"], whole, 1) | inside(points["neck_outline"], whole, 1)
    hole = cv2.dilate(hole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    collar = points["collar"]
    ends = [(collar[-1, 0], size[1]), (collar[0, 0], size[1])]
    inside_collar = inside(np.vstack([collar, ends]), whole, 1)
    # Backdrop and the dark inside of the collar are filled apart, each from its own pixels.
    rows = np.arange(size[1])[:, None]
    backdrop = _filled(photo, (hole == 0) & (rows < collar[0, 1] - 4))
    dark = _filled(photo, (hole == 0) & (inside_collar > 0))
    edge = inside_collar[..., None] / 255.0
    filled = np.round(backdrop * (1 - edge) + dark * edge).astype(np.uint8)
    rim = np.round(collar * 16).astype(np.int32)
    cv2.polylines(filled, [rim], False, _COLLAR_RGB, 5, cv2.LINE_AA, shift=4)
    weight = cv2.GaussianBlur(hole, (0, 0), 1.5)[..., None] / 255.0
    mixed = photo * (1 - weight) + filled * weight
    lining = np.zeros(hole.shape, np.uint8)
    cv2.ellipse(lining, _LINING, 255, -1)
    weight = cv2.GaussianBlur(lining, (0, 0), 4.0)[..., None] / 255.0
    mixed += (cv2.GaussianBlur(mixed, (0, 0), 5.0) * 0.6 - mixed) * weight
    return window(np.round(mixed).astype(np.uint8), FRAME_BOX, TEXTURE_SCALE)


def _filled(photo: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Spread the known colours: sharply where some are near, widely where none is."""
    weight = known.astype(np.float32)
    spread = np.zeros(photo.shape, np.float32)
    for sigma in (40.0, 15.0, 5.0):
        total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
        colour = cv2.GaussianBlur(photo * weight[..., None], (0, 0), sigma)
        trust = np.clip(total / 0.05, 0, 1) if spread.any() else np.ones_like(total)
        spread += trust * (colour / np.maximum(total, 1e-6) - spread)
    return spread


def _neck_skin(photo: np.ndarray, outline: np.ndarray, neck_outline: np.ndarray) -> np.ndarray:
    """Paint skin in the neck's outline where the photograph shows the chin before it."""
    size = photo.shape[1], photo.shape[0]
    neck = inside(neck_outline, (0, 0, *size), 1)
    chin = cv2.dilate(inside(outline, (0, 0, *size), 1), np.ones((5, 5), np.uint8))
    skin = _filled(photo, cv2.erode(neck, np.ones((9, 9), np.uint8)) & ~chin > 0)
    # The chin throws its shadow on the neck.
    shade = 1 - 0.25 * np.clip((184 - np.arange(size[1])) / 24, 0, 1)
    weight = cv2.GaussianBlur(chin, (0, 0), 2.0)[..., None] / 255.0
    mixed = photo * (1 - weight) + skin * shade[:, None, None] * weight
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def _relief(face: np.ndarray) -> np.ndarray:
    """Continue the relief of the face over the whole head.

    An ellipsoid stands for the skull; the face's distance from it is kept inside the face and
    fades with the distance from it.
    """
    left, top, width, height = HEAD_BOX
    x, y = np.meshgrid(np.arange(width) + left, np.arange(height) + top)
    skull = _skull(x, y)
    offset = _corrected(face) - _skull(face[:, 0], face[:, 1])
    # The interpolator is slow outside the hull of its points.
    near = inside(cv2.convexHull(face[:, :2].astype(np.float32))[:, 0], HEAD_BOX, 1) > 0
    known_offset = np.full(x.shape, np.nan)
    known_offset[near] = LinearNDInterpolator(face[:, :2], offset)(x[near], y[near])
    known = np.isfinite(known_offset)
    distance, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(nearest.max() + 1)
    of_label[nearest[known]] = known_offset[known]
    spread = of_label[nearest] * np.exp(-distance / 25.0)
    relief = skull + np.where(known, known_offset, spread)
    relief = cv2.GaussianBlur(relief.astype(np.float32), (0, 0), 1.6)
    return np.maximum(relief, _RELIEF_FLOOR)


def _corrected(face: np.ndarray) -> np.ndarray:
    """Relief of the landmarks, mended where a single photograph deceives.

    With the depths as MediaPipe estimated them, yaw of the rendered head came back from
    MediaPipe 20 % too small, and pitch 10 % too large. Cheeks that fall back further and a
    flatter mouth (the smile had been read as protruding) bring both to about 10 %.
    """
    x, y, relief = face.T
    side = np.clip((x - 225) / 45, -1, 1) ** 2
    mouth = np.exp(-(((x - 223) / 25) ** 2) - ((y - 148) / 14) ** 2)
    return 0.97 * relief - 9.5 * side - 9.0 * mouth


def _skull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Relief of the skull, continued straight outside."""
    centre_x, centre_y, centre, half_x, half_y, half_z = _SKULL
    radius = np.hypot((x - centre_x) / half_x, (y - centre_y) / half_y)
    inner = np.minimum(radius, _SKULL_EDGE)
    dome = np.sqrt(1 - inner**2)
    slope = _SKULL_EDGE / np.sqrt(1 - _SKULL_EDGE**2)
    return centre + half_z * (dome - slope * (radius - inner))
