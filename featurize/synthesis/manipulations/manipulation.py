"""What every manipulation has in common."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.manipulations.face_clip import FaceClip


class Manipulation(ABC):
    """A way to manipulate the face of a clip.

    Each is a frozen dataclass. Its fields are the parameters of one video, with units in their
    names; what varies from frame to frame is drawn from a seed while the frames are made.

    Attributes
    ----------
    name : str
        Lower case with hyphens; the column ``method`` of a manifest says ``pseudo-<name>``.
    needs_donor : bool
        Whether it takes another person's face from a second clip.
    welcomes_donor : bool
        Whether it can do with and without one.
    """

    name: ClassVar[str]
    needs_donor: ClassVar[bool] = False
    welcomes_donor: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Draw the parameters of one video, from hardly visible to crude."""

    @abstractmethod
    def frames(self, clip: FaceClip, donor: FaceClip | None, seed: int) -> Iterator[np.ndarray]:
        """Manipulate a clip.

        Parameters
        ----------
        clip : FaceClip
            The authentic video; not changed.
        donor : FaceClip or None
            Another person's; used only by manipulations that need or welcome one.
        seed : int
            Draws what varies from frame to frame; 0 or above. Same seed, same bytes.

        Yields
        ------
        numpy.ndarray
            As many frames as the clip has, ``(h, w, 3)`` uint8. Outside the face, and where the
            face is missing, they are the clip's byte for byte; of a portrait, which is made whole,
            they are the portrait's.

        Raises
        ------
        SynthesisError
            When it needs a donor and has none, or the face is shown in no frame of the donor; when
            landmarks lie nowhere.
        """

    def parameters(self) -> dict[str, float | str | bool]:
        """The parameters by name, for a manifest."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw between two positive numbers so that each doubling is as likely as any other."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
