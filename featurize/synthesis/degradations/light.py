"""Light and colour: brightness, contrast, and the camera's idea of white."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import cv2
import numpy as np

from featurize.synthesis.degradations.degradation import (
    PictureDegradation,
    either_sign,
    within,
)

_LEVELS = np.arange(256, dtype=np.float64)
_GREY = 127.5
# Rec. 601, as the encoders have it.
_LUMA = np.array([0.299, 0.587, 0.114])


def _table(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Brightness(PictureDegradation):
    """Brighter or darker throughout.

    Attributes
    ----------
    shift : float
        Added to every level of 255, and cut at black and white: 5 to 15, 15 to 35 or 35 to 60,
        up or down.
    """

    name: ClassVar[str] = "brightness"

    shift: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the shift."""
        shift = within(rng, {1: (5.0, 15.0), 2: (15.0, 35.0), 3: (35.0, 60.0)}, strength)
        return cls(strength, either_sign(rng, shift))

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Shift one picture."""
        return cv2.LUT(rgb, self._levels)

    @cached_property
    def _levels(self) -> np.ndarray:
        return _table(_LEVELS + self.shift)


@dataclass(frozen=True)
class Contrast(PictureDegradation):
    """More or less contrast, around the middle grey.

    Attributes
    ----------
    gain : float
        Distance of a level from 127.5 afterwards, for each level before: 5 to 15 % more or less,
        15 to 30 % or 30 to 50 %.
    """

    name: ClassVar[str] = "contrast"

    gain: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the gain."""
        change = within(rng, {1: (0.05, 0.15), 2: (0.15, 0.3), 3: (0.3, 0.5)}, strength)
        return cls(strength, 1 + either_sign(rng, change))

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Change one picture."""
        return cv2.LUT(rgb, self._levels)

    @cached_property
    def _levels(self) -> np.ndarray:
        return _table(_GREY + self.gain * (_LEVELS - _GREY))


@dataclass(frozen=True)
class Colour(PictureDegradation):
    """White balance, gamma and saturation, each changed by as much as the strength allows at most.

    Attributes
    ----------
    red_gain, blue_gain : float
        Factors of red and blue: up to 5, 10 or 20 % more or less.
    gamma : float
        Exponent of all levels: up to a factor of 1.1, 1.25 or 1.5 up or down.
    saturation : float
        Factor of all differences from grey: up to 10, 30 or 60 % more or less.
    """

    name: ClassVar[str] = "colour"

    red_gain: float
    blue_gain: float
    gamma: float
    saturation: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw all four; each goes at least half as far as it may."""
        balance = {1: (0.025, 0.05), 2: (0.05, 0.1), 3: (0.1, 0.2)}
        gamma = {1: (0.05, 0.1), 2: (0.125, 0.22), 3: (0.22, 0.4)}
        saturation = {1: (0.05, 0.1), 2: (0.15, 0.3), 3: (0.3, 0.6)}
        return cls(
            strength,
            red_gain=1 + either_sign(rng, within(rng, balance, strength)),
            blue_gain=1 + either_sign(rng, within(rng, balance, strength)),
            gamma=float(np.exp(either_sign(rng, within(rng, gamma, strength)))),
            saturation=1 + either_sign(rng, within(rng, saturation, strength)),
        )

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Change one picture."""
        return cv2.transform(cv2.LUT(rgb, self._levels), self._mixing)

    @cached_property
    def _levels(self) -> np.ndarray:
        curve = 255 * (_LEVELS / 255) ** self.gamma
        return _table(curve[:, None] * [self.red_gain, 1.0, self.blue_gain]).reshape(256, 1, 3)

    @cached_property
    def _mixing(self) -> np.ndarray:
        return self.saturation * np.eye(3) + (1 - self.saturation) * np.tile(_LUMA, (3, 1))
