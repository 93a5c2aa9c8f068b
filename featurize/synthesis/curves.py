"""Quantities as functions of time: what a script is written in.

A curve is anything that takes a time in seconds and returns a number. These four are enough for
heads, mouths and eyes. Each refuses numbers that are not finite.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from featurize.synthesis.errors import SynthesisError

Curve = Callable[[float], float]


@dataclass(frozen=True)
class Constant:
    """A curve that does not move.

    Attributes
    ----------
    value : float
        Its value at every time.

    Raises
    ------
    SynthesisError
        When the value is not finite.
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        _same_length_and_finite("A constant", (self.value,))

    def __call__(self, time_s: float) -> float:
        """Value at ``time_s``."""
        return self.value


@dataclass(frozen=True)
class Sines:
    """An offset plus a sum of sines.

    Attributes
    ----------
    amplitudes, frequencies_hz, phases_rad : tuple of float
        One entry per sine; all three of the same length.
    offset : float
        Added to the sum.

    Raises
    ------
    SynthesisError
        When lengths differ or a number is not finite.
    """

    amplitudes: tuple[float, ...]
    frequencies_hz: tuple[float, ...]
    phases_rad: tuple[float, ...]
    offset: float = 0.0

    def __post_init__(self) -> None:
        _same_length_and_finite(
            "A sum of sines", self.amplitudes, self.frequencies_hz, self.phases_rad
        )
        _same_length_and_finite("The offset of sines", (self.offset,))

    def __call__(self, time_s: float) -> float:
        """Value at ``time_s``."""
        angle = 2 * np.pi * np.asarray(self.frequencies_hz) * time_s + np.asarray(self.phases_rad)
        return float(self.offset + np.dot(self.amplitudes, np.sin(angle)))


@dataclass(frozen=True)
class Sampled:
    """A curve through given points, straight between them and level outside.

    Attributes
    ----------
    times_s, values : tuple of float
        The points, at least one; times increase.

    Raises
    ------
    SynthesisError
        When there is no point, lengths differ, a number is not finite or times do not increase.
    """

    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        _same_length_and_finite("A sampled curve", self.times_s, self.values)
        if len(self.times_s) == 0 or np.any(np.diff(self.times_s) <= 0):
            raise SynthesisError(
                "A sampled curve needs at least one point, and times that increase from point to "
                f"point, not {self.times_s}."
            )

    def __call__(self, time_s: float) -> float:
        """Value at ``time_s``."""
        return float(np.interp(time_s, self.times_s, self.values))


@dataclass(frozen=True)
class Bumps:
    """A sum of raised-cosine bumps, cut off at 1: the mouth of somebody who speaks.

    Attributes
    ----------
    centres_s, widths_s, heights : tuple of float
        Time of the top, full width at the foot (above 0), and height of each bump.

    Raises
    ------
    SynthesisError
        When lengths differ, a number is not finite or a width is not above 0.
    """

    centres_s: tuple[float, ...]
    widths_s: tuple[float, ...]
    heights: tuple[float, ...]

    def __post_init__(self) -> None:
        _same_length_and_finite("A curve of bumps", self.centres_s, self.widths_s, self.heights)
        if any(width_s <= 0 for width_s in self.widths_s):
            raise SynthesisError(f"A bump needs a width above 0 s, not one of {self.widths_s}.")

    def __call__(self, time_s: float) -> float:
        """Value at ``time_s``."""
        distance = (time_s - np.asarray(self.centres_s)) / np.asarray(self.widths_s)
        bump = np.where(np.abs(distance) < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * distance), 0.0)
        return float(min(np.dot(self.heights, bump), 1.0))


def _same_length_and_finite(what: str, *columns: tuple[float, ...]) -> None:
    """Refuse columns of numbers that do not belong together or cannot be computed with."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise SynthesisError(f"{what} needs parts of the same length, not of {lengths} numbers.")
    if not np.isfinite(columns).all():
        raise SynthesisError(f"{what} needs finite numbers, not {columns}.")
