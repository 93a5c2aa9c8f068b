"""Power spectrum of the inner face: upsampling and grids show at its high end.

A square of the face's middle at the video's own resolution, from the eyes to the mouth, under a
Hann window. All are NaN where less than 90 % of the square lies on the face (the head is turned
away), any of it beside the picture, all of it has one level, or the face is smaller than 32 pixels
between the eyes.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import fft2

from featurize.declaration import pixel_signal
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import MIN_IOD_PX, ROUNDING_VARIANCE

SIDE_IOD = 1.2
SIDES_PX = (32, 40, 48, 64, 80, 96, 108, 128, 144, 160, 192, 216, 256)
"""Sides of squares that are quickly transformed; the largest that fits is taken."""

LEAST_ON_FACE = 0.9
FIT_RANGE = (0.06, 0.3)
"""Where the power law is fitted, in cycles per pixel: from details of the size of an eye to where
sampling begins to show."""

TOP_RANGE = (0.4, 0.5)
NEIGHBOURS = 5
"""Frequencies to either side that one is compared with."""

_REFERENCE = "Durall et al. 2019, at the video's own resolution, windowed"
_CONFOUNDERS = ("compression", "blur", "resized video", "face size", "beauty filters", "beard")


@dataclass(frozen=True)
class Spectrum:
    """Power of a windowed square.

    Attributes
    ----------
    power : numpy.ndarray
        ``(side, side)`` squared levels per frequency, as :func:`scipy.fft.fft2` orders them; white
        noise of variance v has v everywhere.
    frequency : numpy.ndarray
        ``(n_bins,)`` cycles per pixel of the azimuthal average, from 1 / side to 1/2.
    average : numpy.ndarray
        ``(n_bins,)`` azimuthal average of the power.
    """

    power: np.ndarray
    frequency: np.ndarray
    average: np.ndarray

    def mean(self, low: float, high: float) -> float:
        """Mean over rings of a range of frequencies."""
        return float(self.average[self.within(low, high)].mean())

    def within(self, low: float, high: float) -> np.ndarray:
        """``(n_bins,)`` bool: which rings are in a range of frequencies."""
        return (self.frequency >= low) & (self.frequency <= high)

    def line(self) -> tuple[float, float]:
        """Slope and offset of the power law, log power over log frequency (both base 10)."""
        fitted = self.within(*FIT_RANGE)
        f = self.frequency[fitted]
        slope, offset = np.polyfit(np.log10(f), np.log10(self.average[fitted]), 1)
        return float(slope), float(offset)


@lru_cache(maxsize=len(SIDES_PX))
def _window(side: int) -> np.ndarray:
    hann = np.hanning(side + 2)[1:-1]
    window = np.outer(hann, hann)
    return (window / np.sqrt(np.sum(window**2))).astype(np.float32)


@lru_cache(maxsize=len(SIDES_PX))
def _ring_numbers(side: int) -> tuple[np.ndarray, np.ndarray]:
    """For each frequency the number of its ring, and how many each ring has."""
    along = np.fft.fftfreq(side) * side
    numbers = np.rint(np.hypot(*np.meshgrid(along, along))).astype(np.intp).ravel()
    return numbers, np.bincount(numbers)


def _spectrum(view: FaceView) -> Spectrum | None:
    sides = [side for side in SIDES_PX if side <= SIDE_IOD * view.iod_px]
    if not sides or view.iod_px < MIN_IOD_PX:
        return None
    side = sides[-1]
    names = ("right_eye_outer", "left_eye_outer", "right_mouth_corner", "left_mouth_corner")
    left, top = np.rint(view.at(names).mean(axis=0) - (side - 1) / 2).astype(int)
    box = slice(top, top + side), slice(left, left + side)
    if min(left, top) < 0 or view.face[box].shape != (side, side):
        return None
    if not view.in_picture[box].all() or view.face[box].mean() < LEAST_ON_FACE:
        return None
    patch = view.luma[box]
    if patch.min() == patch.max():
        return None
    window = _window(side)
    transformed = fft2((patch - patch.mean()) * window)
    power = transformed.real**2 + transformed.imag**2 + np.float32(ROUNDING_VARIANCE)
    numbers, counts = _ring_numbers(side)
    rings = np.arange(1, side // 2 + 1)
    average = np.bincount(numbers, power.ravel())[rings] / counts[rings]
    return Spectrum(power, rings / side, average)


@pixel_signal(unit="1", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def spectrum_slope(view: FaceView) -> float:
    """Exponent of the power law that the power spectrum of the inner face follows.

    Slope of log power over log frequency between 0.06 and 0.3 cycles per pixel, azimuthal average.
    White noise has 0, natural pictures about -2 to -3, blurred ones less. Does not change with
    brightness or contrast.
    """
    spectrum = view.derived(_spectrum)
    return math.nan if spectrum is None else spectrum.line()[0]


@pixel_signal(unit="dB", reference=_REFERENCE, confounded_by=_CONFOUNDERS)
def spectrum_top_deviation_db(view: FaceView) -> float:
    """How far the highest frequencies of the inner face lie above the power law of the lower ones.

    ``10 log10`` of azimuthal power over the fitted law, mean from 0.4 to 0.5 cycles per pixel. 0
    where the law goes on, negative where upsampling has left the top empty, positive where noise
    was added.
    """
    spectrum = view.derived(_spectrum)
    if spectrum is None:
        return math.nan
    slope, offset = spectrum.line()
    top = spectrum.within(*TOP_RANGE)
    law = slope * np.log10(spectrum.frequency[top]) + offset
    return float(10 * np.mean(np.log10(spectrum.average[top]) - law))


@pixel_signal(
    unit="dB",
    reference="Odena, Dumoulin & Olah 2016 (checkerboard artefacts), Durall et al. 2019",
    confounded_by=("interlacing", "compression", "resized video", "clothes or beard in the square"),
)
def spectrum_checkerboard_db(view: FaceView) -> float:
    """How far patterns that alternate from pixel to pixel stand out of the inner face's spectrum.

    Power at half a cycle per pixel along x, along y and along both, mean of 3 x 3 frequencies each,
    over the noise in the 11 x 11 around, told by its median; ``10 log10`` of the largest. About 2
    dB for noise: strided upsampling in generators leaves such grids.
    """
    spectrum = view.derived(_spectrum)
    if spectrum is None:
        return math.nan
    half = len(spectrum.power) // 2
    around = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    middle = slice(NEIGHBOURS - 1, NEIGHBOURS + 2)
    strongest = 0.0
    for row, column in ((half, half), (0, half), (half, 0)):
        block = np.take(
            np.take(spectrum.power, row + around, 0, mode="wrap"), column + around, 1, mode="wrap"
        )
        near = block[middle, middle].mean()
        block[middle, middle] = np.nan
        # Power of noise is distributed exponentially: its median is ln 2 of its mean.
        strongest = max(strongest, near * math.log(2) / np.nanmedian(block))
    return 10 * math.log10(strongest)
