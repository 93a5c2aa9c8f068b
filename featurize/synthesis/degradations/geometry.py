"""The size of the picture: made smaller, made larger, framed by bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np

from featurize.synthesis.degradations.degradation import (
    Degradation,
    PictureDegradation,
    within,
)
from featurize.synthesis.degradations.film import Film

# Shorter side below which nothing is scaled: a face of a 256 px portrait is then 90 px wide, or 60.
SMALLEST_PX = {1: 192, 2: 192, 3: 128}
_LARGEST_PX = 1024
_UPWARDS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


def _even(side_px: float) -> int:
    return max(2, 2 * round(side_px / 2))


def smaller_size(size_px: tuple[int, int], factor: float, smallest_px: int) -> tuple[int, int]:
    """Return a scaled size with both sides even.

    Parameters
    ----------
    size_px : tuple of int
        Width and height.
    factor : float
        Wanted scale, 1 or less.
    smallest_px : int
        The shorter side is not made smaller than this; where it is already, the size is kept.
    """
    factor = max(factor, smallest_px / min(size_px))
    return size_px if factor >= 1 else (_even(size_px[0] * factor), _even(size_px[1] * factor))


def made_smaller(rgb: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Scale down by the mean over the area of each new pixel."""
    if rgb.shape[1::-1] == size_px:
        return rgb
    return cv2.resize(rgb, size_px, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Scaling(PictureDegradation):
    """Made smaller, and perhaps brought back to its size: sharpness is lost either way.

    Attributes
    ----------
    factor : float
        Scale: 0.8 to 0.95, 0.6 to 0.8 or 0.4 to 0.6. The shorter side is not made smaller than
        192 px, at strength 3 than 128 px.
    back : bool
        Whether the picture is brought back to the size that it had.
    interpolation : str
        How it is brought back: ``linear``, ``cubic`` or ``lanczos``.
    """

    name: ClassVar[str] = "scaling"

    factor: float
    back: bool
    interpolation: str

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the scale; every second film is brought back to its size."""
        ranges = {1: (0.8, 0.95), 2: (0.6, 0.8), 3: (0.4, 0.6)}
        factor = within(rng, ranges, strength)
        return cls(strength, factor, bool(rng.random() < 0.5), str(rng.choice(list(_UPWARDS))))

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Scale one picture."""
        size_px = rgb.shape[1::-1]
        small = made_smaller(rgb, smaller_size(size_px, self.factor, SMALLEST_PX[self.strength]))
        if not self.back or small.shape == rgb.shape:
            return small
        return cv2.resize(small, size_px, interpolation=_UPWARDS[self.interpolation])


@dataclass(frozen=True)
class Enlarging(PictureDegradation):
    """Made larger than it was filmed: many pixels, little in them.

    Attributes
    ----------
    factor : float
        Scale: 1.1 to 1.25, 1.25 to 1.5 or 1.5 to 2. The longer side is not made larger than
        1024 px.
    interpolation : str
        ``linear``, ``cubic`` or ``lanczos``.
    """

    name: ClassVar[str] = "enlarging"

    factor: float
    interpolation: str

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the scale."""
        factor = within(rng, {1: (1.1, 1.25), 2: (1.25, 1.5), 3: (1.5, 2.0)}, strength)
        return cls(strength, factor, str(rng.choice(list(_UPWARDS))))

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Scale one picture."""
        width, height = rgb.shape[1::-1]
        factor = min(self.factor, _LARGEST_PX / max(width, height))
        if factor <= 1:
            return rgb
        size_px = _even(width * factor), _even(height * factor)
        return cv2.resize(rgb, size_px, interpolation=_UPWARDS[self.interpolation])


@dataclass(frozen=True)
class Letterbox(Degradation):
    """Black bars beside the picture, or above and below it; the picture itself is kept.

    Attributes
    ----------
    bar : float
        Width of each bar, as a share of that side of the picture: 0.03 to 0.08, 0.08 to 0.17 or
        0.17 to 0.3.
    upright : bool
        Bars beside the picture, as around a film made with a phone held upright; otherwise above
        and below it.
    """

    name: ClassVar[str] = "letterbox"

    bar: float
    upright: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the width of the bars and where they are."""
        bar = within(rng, {1: (0.03, 0.08), 2: (0.08, 0.17), 3: (0.17, 0.3)}, strength)
        return cls(strength, bar, bool(rng.random() < 0.5))

    def film(self, film: Film, seed: int) -> Film:
        """Put bars around each picture; nothing is drawn."""
        return Film(self._framed(film), film.time_s)

    def _framed(self, film: Film) -> Iterator[np.ndarray]:
        for rgb in film:
            height, width = rgb.shape[:2]
            beside = _even(width * self.bar) if self.upright else 0
            above = 0 if self.upright else _even(height * self.bar)
            framed = np.zeros((height + 2 * above, width + 2 * beside, 3), np.uint8)
            framed[above : above + height, beside : beside + width] = rgb
            yield framed
