"""Sharpness and noise of the inner face against its border, its surroundings and its mouth.

A face that was made elsewhere and pasted in has been through other resampling than the picture
around it. All are NaN where a part has fewer than 200 pixels or is cut by the picture's border (a
tenth of the inner face, a fifth of the ring, three quarters of the surroundings), or the face is
smaller than 32 pixels between the eyes.
"""

import math

import cv2
import numpy as np

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import (
    ROUNDING_VARIANCE,
    Zone,
    around,
    inner,
    mouth,
    ratio_db,
    ring,
    square_of_filter,
)

LAPLACE = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
IMMERKAER = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
"""Blind to linear and to quadratic shading along either axis; white noise of standard deviation s
has 6 s after it."""

SMOOTHING_PX = 5

_REFERENCE = "Li & Lyu 2019 (face-warping artefacts), by the Laplacian's mean square"
_NOISE_REFERENCE = "Immerkær 1996, in the flatter half of the pixels"
_CONFOUNDERS = ("depth of field", "hair and background", "face size", "compression", "make-up")


def _detail(view: FaceView) -> np.ndarray:
    """Square of the Laplacian, squared levels."""
    return cv2.filter2D(view.luma, cv2.CV_32F, LAPLACE) ** 2


def _noise(view: FaceView) -> np.ndarray:
    """Absolute value of Immerkær's filter, scaled so that its root mean square is that of noise."""
    filtered = cv2.filter2D(view.luma, cv2.CV_32F, IMMERKAER)
    return np.abs(filtered) / np.float32(math.sqrt(square_of_filter(IMMERKAER)))


def _steepness(view: FaceView) -> np.ndarray:
    """Squared gradient of the smoothed picture: where it is low, only noise is left."""
    smooth = cv2.blur(view.luma, (SMOOTHING_PX, SMOOTHING_PX))
    return cv2.Sobel(smooth, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1) ** 2


def detail_ratio_db(view: FaceView, one: Zone, other: Zone) -> float:
    """Mean squared Laplacian of one part over that of another, in decibels."""
    squares = view.derived(_detail)
    floor = ROUNDING_VARIANCE * square_of_filter(LAPLACE)
    return ratio_db(one.mean(squares), other.mean(squares), floor)


def _noise_levels(view: FaceView, part: Zone) -> float:
    if not part.n_pixels:
        return math.nan
    steepness = view.derived(_steepness)
    # Every fourth pixel tells the median well enough.
    some = part.of(steepness)[::4]
    median = float(np.partition(some, len(some) // 2)[len(some) // 2])
    flat = cv2.bitwise_and(part.mask, cv2.inRange(steepness[part.box], 0, median))
    mean_size = cv2.mean(view.derived(_noise)[part.box], flat)[0]
    return math.sqrt(math.pi / 2) * mean_size


def _inner_noise_levels(view: FaceView) -> float:
    return _noise_levels(view, view.derived(inner))


def _noise_ratio_db(view: FaceView, other: Zone) -> float:
    one, other_levels = view.derived(_inner_noise_levels), _noise_levels(view, other)
    return ratio_db(one**2, other_levels**2, ROUNDING_VARIANCE)


@pixel_signal(unit="dB", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def sharpness_inner_to_ring_db(view: FaceView) -> float:
    """Sharpness of the inner face over that of the border of the face.

    ``10 log10`` of the mean squared Laplacian of the face 0.12 interocular distances and more
    inside its contour from jaw to brows, over that within 0.08 of the contour. Hardly changes with
    contrast.
    """
    return detail_ratio_db(view, view.derived(inner), view.derived(ring))


@pixel_signal(unit="dB", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def sharpness_inner_to_around_db(view: FaceView) -> float:
    """Sharpness of the inner face over that of what is around the face.

    ``10 log10`` of the mean squared Laplacian of the face 0.12 interocular distances and more
    inside its contour, over that 0.16 and more outside.
    """
    return detail_ratio_db(view, view.derived(inner), view.derived(around))


@pixel_signal(
    unit="dB",
    reference="Prajwal et al. 2020 (lip-sync generators draw the mouth small), as Li & Lyu 2019",
    confounded_by=("beard", "make-up", "open mouth", "depth of field", "compression"),
)
def sharpness_mouth_to_inner_db(view: FaceView) -> float:
    """Sharpness of the mouth over that of the inner face.

    ``10 log10`` of the mean squared Laplacian in the outer contour of the lips, enlarged by a
    quarter, over that of the inner face.
    """
    return detail_ratio_db(view, view.derived(mouth), view.derived(inner))


@pixel_signal(unit="levels", reference=_NOISE_REFERENCE, confounded_by=_CONFOUNDERS)
def noise_inner_levels(view: FaceView) -> float:
    """Noise of the inner face.

    Standard deviation of white noise, in levels of 255: ``sqrt(pi / 2) / 6`` times the mean
    absolute value of Immerkær's filter, in the half of the pixels where the smoothed picture is
    flattest. 0 where nothing changes.
    """
    return view.derived(_inner_noise_levels)


@pixel_signal(unit="dB", reference=_NOISE_REFERENCE, confounded_by=_CONFOUNDERS)
def noise_inner_to_ring_db(view: FaceView) -> float:
    """Noise of the inner face over that of the border of the face.

    ``20 log10`` of the standard deviations, as for the inner face alone.
    """
    return _noise_ratio_db(view, view.derived(ring))


@pixel_signal(unit="dB", reference=_NOISE_REFERENCE, confounded_by=_CONFOUNDERS)
def noise_inner_to_around_db(view: FaceView) -> float:
    """Noise of the inner face over that of what is around the face.

    ``20 log10`` of the standard deviations, as for the inner face alone.
    """
    return _noise_ratio_db(view, view.derived(around))


def _first_block(view: FaceView) -> tuple[int, int]:
    """Column and row of the view where the first block of four pixels begins.

    A video has one sample of colour for each four pixels, from the corner of the picture on. A
    block across two of them would mix them, and be smoother. A pixel of a view that is reduced
    holds whole samples already.
    """
    x, y = (corner % 2 if view.shrink == 1 else 0 for corner in view.corner)
    return x, y


def _chroma_noise(view: FaceView) -> np.ndarray:
    """Mean square of Immerkær's filter of both colour differences, at half the resolution."""
    x, y = _first_block(view)
    rgb = view.rgb[y:, x:]
    height, width = (length // 2 * 2 for length in rgb.shape[:2])
    half = cv2.resize(rgb[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    differences = cv2.cvtColor(half, cv2.COLOR_RGB2YCrCb)[..., 1:]
    red, blue = cv2.split(cv2.filter2D(differences, cv2.CV_16S, IMMERKAER).astype(np.float32))
    return red**2 + blue**2


def _halved(part: Zone, first: tuple[int, int]) -> Zone:
    """The zone at half the resolution: blocks of four pixels that all belong to it."""
    (rows, columns), whole, (x, y) = part.box, part.mask, first
    top, left = (y - rows.start) % 2, (x - columns.start) % 2
    even = whole[top : top + (len(whole) - top) // 2 * 2]
    even = even[:, left : left + (whole.shape[1] - left) // 2 * 2]
    blocks = even[::2, ::2] & even[1::2, ::2] & even[::2, 1::2] & even[1::2, 1::2]
    row, column = (rows.start + top - y) // 2, (columns.start + left - x) // 2
    height, width = blocks.shape
    return Zone((slice(row, row + height), slice(column, column + width)), blocks)


@pixel_signal(
    unit="dB",
    reference="Li & Lyu 2019, of the noise in the colour differences",
    confounded_by=("hair and background", "compression", "light", "make-up"),
)
def chroma_noise_inner_to_around_db(view: FaceView) -> float:
    """Noise of colour in the inner face over that around the face.

    ``10 log10`` of the mean square of Immerkær's filter of both colour differences (Cb and Cr) at
    half the resolution, as most videos store them: of blocks of 2 x 2 pixels from the corner of the
    picture on.
    """
    first = _first_block(view)
    parts = [_halved(view.derived(part), first) for part in (inner, around)]
    if not all(part.n_pixels for part in parts):
        return math.nan
    noise = view.derived(_chroma_noise)
    one, other = (part.mean(noise) for part in parts)
    return ratio_db(one, other, 2 * ROUNDING_VARIANCE * square_of_filter(IMMERKAER))
