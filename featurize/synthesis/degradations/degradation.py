"""What every degradation is, and the ones that change each picture by itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.degradations.film import Film
from featurize.synthesis.errors import SynthesisError

STRENGTHS = (1, 2, 3)

Range = tuple[float, float]


@dataclass(frozen=True)
class Degradation(ABC):
    """What happens to a film on its way, whoever is in it and whether or not it is manipulated.

    Attributes
    ----------
    strength : int
        1 mild, 2 plain or 3 hard. The other fields are parameters drawn within the strength, and
        hold for the whole film.
    """

    name: ClassVar[str]

    strength: int

    def __post_init__(self) -> None:
        if self.strength not in STRENGTHS:
            raise SynthesisError(f"strength must be 1, 2 or 3, not {self.strength!r}.")

    @classmethod
    @abstractmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the parameters of one film.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws them; in the same state, the same parameters.
        strength : int
            1 mild, 2 plain, 3 hard.

        Raises
        ------
        SynthesisError
            When there is no such strength.
        """

    @abstractmethod
    def film(self, film: Film, seed: int) -> Film:
        """Return the degraded film; it reads the given one, once, while it is iterated over.

        Parameters
        ----------
        film : Film
            What comes in. Both sides even, where an encoder is at work.
        seed : int
            Draws what changes from frame to frame, 0 or above. It depends on nothing in the
            pictures: two films of the same times and size are degraded alike.

        Raises
        ------
        SynthesisError
            When the film cannot be degraded so, perhaps only while it is iterated over.
        """


class PictureDegradation(Degradation):
    """A degradation that changes each picture by itself, in the same way."""

    @abstractmethod
    def picture(self, rgb: np.ndarray) -> np.ndarray:
        """Return the degraded picture, uint8; the given one is left as it is."""

    def film(self, film: Film, seed: int) -> Film:
        """Degrade each picture; nothing is drawn."""
        return Film((self.picture(rgb) for rgb in film), film.time_s)


def within(rng: np.random.Generator, ranges: Mapping[int, Range], strength: int) -> float:
    """Draw evenly from the range of a strength.

    Raises
    ------
    SynthesisError
        When there is no such strength.
    """
    if strength not in ranges:
        raise SynthesisError(f"strength must be 1, 2 or 3, not {strength!r}.")
    return float(rng.uniform(*ranges[strength]))


def either_sign(rng: np.random.Generator, size: float) -> float:
    """Return the size, or its negative, by the toss of a coin."""
    return size if rng.random() < 0.5 else -size


def held(film: Film, picked: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pictures at the given places, which never go back, and may repeat or leave out."""
    places = iter(picked)
    place = next(places, None)
    for k, rgb in enumerate(film):
        while place == k:
            yield rgb
            place = next(places, None)
