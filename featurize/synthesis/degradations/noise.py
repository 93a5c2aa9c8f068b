"""Noise of the sensor: new in every frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np

from featurize.synthesis.degradations.degradation import Degradation, within
from featurize.synthesis.degradations.film import Film

# A frame's noise is cut from a larger field, at a place drawn anew. So many places in each
# direction that two frames of a clip hardly ever share one, and drawing costs next to nothing.
_PLACES = 256
_SHOT = np.sqrt(np.arange(256, dtype=np.float32) / 127.5)


@dataclass(frozen=True)
class Noise(Degradation):
    """Grain that is independent from pixel to pixel and from frame to frame.

    Attributes
    ----------
    kind : str
        ``gaussian``: the same everywhere. ``shot``: its variance goes with the level, as that of
        counted photons does.
    sigma : float
        Standard deviation in levels of 255, of ``shot`` at the middle grey: 1.5 to 3, 3 to 7 or
        7 to 14.
    grey : bool
        Whether red, green and blue have the same noise.
    """

    name: ClassVar[str] = "noise"

    kind: str
    sigma: float
    grey: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw kind, size and whether it is coloured."""
        sigma = within(rng, {1: (1.5, 3.0), 2: (3.0, 7.0), 3: (7.0, 14.0)}, strength)
        kind = "gaussian" if rng.random() < 0.5 else "shot"
        return cls(strength, kind, sigma, bool(rng.random() < 0.5))

    def film(self, film: Film, seed: int) -> Film:
        """Add noise to each picture; rounded to whole levels, and cut at black and white."""
        return Film(self._noisy(film, np.random.default_rng(seed)), film.time_s)

    def _noisy(self, film: Film, rng: np.random.Generator) -> Iterator[np.ndarray]:
        field: np.ndarray | None = None
        levels = _SHOT.reshape(256, 1)
        for rgb in film:
            height, width = rgb.shape[:2]
            if field is None:
                field = self._field(height + _PLACES, width + _PLACES, rng)
            down, right = rng.integers(0, _PLACES, 2)
            here = field[down : down + height, right : right + width]
            if self.kind == "shot":
                here = cv2.multiply(here, cv2.LUT(rgb, levels))
            yield cv2.add(rgb, here, dtype=cv2.CV_8U)

    def _field(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        channels = 1 if self.grey else 3
        field = rng.standard_normal((height, width, channels), np.float32) * np.float32(self.sigma)
        return np.repeat(field, 3, axis=2) if self.grey else field
