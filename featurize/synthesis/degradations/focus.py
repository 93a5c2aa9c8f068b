"""Sharpness: blurred by the lens or by motion, sharpened by the camera."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import cv2
import numpy as np

from featurize.synthesis.degradations.degradation import PictureDegradation, within


@dataclass(frozen=True)
class Blur(PictureDegradation):
    """Out of focus, or shaken along a line; the same in all frames.

    Attributes
    ----------
    kind : str
        ``gaussian`` or ``motion``.
    size_px : float
        Standard deviation of the Gaussian: 0.5 to 0.8, 0.8 to 1.4 or 1.4 to 2.5 px. The line is
        3.5 times as long: an even line of that length has the same standard deviation.
    angle_deg : float
        Direction of the line.
    """

    name: ClassVar[str] = "blur"

    kind: str
    size_px: float
    angle_deg: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw kind, size and direction; two of three are Gaussian."""
        size_px = within(rng, {1: (0.5, 0.8), 2: (0.8, 1.4), 3: (1.4, 2.5)}, strength)
        kind = "gaussian" if rng.random() < 2 / 3 else "motion"
        return cls(strength, kind, size_px, float(rng.uniform(0, 180)))

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Blur one picture."""
        if self.kind == "gaussian":
            return cv2.GaussianBlur(rgb, (0, 0), self.size_px, borderType=cv2.BORDER_REPLICATE)
        return cv2.filter2D(rgb, -1, self._line, borderType=cv2.BORDER_REPLICATE)

    @cached_property
    def _line(self) -> np.ndarray:
        length_px = np.sqrt(12) * self.size_px
        reach = int(np.ceil(length_px / 2))
        along = np.linspace(-length_px / 2, length_px / 2, 400)
        turn = np.radians(self.angle_deg)
        edges = np.arange(-reach - 0.5, reach + 1)
        line = np.histogram2d(along * np.sin(turn), along * np.cos(turn), bins=(edges, edges))[0]
        return line / line.sum()


@dataclass(frozen=True)
class Sharpen(PictureDegradation):
    """Sharpened by an unsharp mask, as phones do.

    Attributes
    ----------
    amount : float
        How much of the difference from the blurred picture is added: 0.3 to 0.6, 0.6 to 1.2 or
        1.2 to 2.
    sigma_px : float
        Standard deviation of that blur, 0.8 to 1.6 px.
    """

    name: ClassVar[str] = "sharpen"

    amount: float
    sigma_px: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw amount and width."""
        amount = within(rng, {1: (0.3, 0.6), 2: (0.6, 1.2), 3: (1.2, 2.0)}, strength)
        return cls(strength, amount, float(rng.uniform(0.8, 1.6)))

    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Sharpen one picture."""
        soft = cv2.GaussianBlur(rgb, (0, 0), self.sigma_px, borderType=cv2.BORDER_REPLICATE)
        return cv2.addWeighted(rgb, 1 + self.amount, soft, -self.amount, 0)
