"""A film on its way from the camera to a file: pictures, one after the other, and their times."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from featurize.synthesis.errors import SynthesisError


@dataclass(frozen=True, eq=False)
class Film:
    """Pictures with presentation times.

    Iterate over the film itself rather than over ``frames``: it checks what it gives. What a
    degradation returns can be iterated over once.

    Attributes
    ----------
    frames : iterable of numpy.ndarray
        ``(height, width, 3)`` uint8, red first, all of one size; an array ``(n, height, width, 3)``
        or a generator.
    time_s : numpy.ndarray
        ``(n,)`` float64 presentation times in seconds, increasing from 0 or later.

    Raises
    ------
    SynthesisError
        When there is no time or times do not increase; while iterating, when a frame is no such
        picture, or there are more or fewer of them than times.
    """

    frames: Iterable[np.ndarray]
    time_s: np.ndarray

    def __post_init__(self) -> None:
        time_s = np.array(self.time_s, np.float64)
        if time_s.ndim != 1 or len(time_s) == 0 or not np.isfinite(time_s).all():
            raise SynthesisError("time_s of a film must be a row of at least one finite time.")
        if time_s[0] < 0 or np.any(np.diff(time_s) <= 0):
            raise SynthesisError(
                "time_s of a film must increase from frame to frame, from 0 or later."
            )
        time_s.flags.writeable = False
        object.__setattr__(self, "time_s", time_s)

    def __iter__(self) -> Iterator[np.ndarray]:
        size: tuple[int, ...] | None = None
        n = 0
        for rgb in self.frames:
            if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
                raise SynthesisError(
                    "Frames of a film must be (height, width, 3) uint8, "
                    f"not {rgb.shape} {rgb.dtype}."
                )
            size = size or rgb.shape
            if rgb.shape != size:
                raise SynthesisError(
                    f"Frames of a film must be of one size: {size[:2]} is followed by "
                    f"{rgb.shape[:2]}."
                )
            n += 1
            if n > self.n_frames:
                break
            yield rgb
        if n != self.n_frames:
            found = "more" if n > self.n_frames else str(n)
            raise SynthesisError(f"A film of {self.n_frames} times has {found} frames.")

    @property
    def n_frames(self) -> int:
        """Number of pictures."""
        return len(self.time_s)

    @property
    def step_s(self) -> float:
        """Usual time from one picture to the next; 1/25 s for a single picture."""
        return float(np.median(np.diff(self.time_s))) if self.n_frames > 1 else 1 / 25

    @property
    def duration_s(self) -> float:
        """Time from the start of the first picture to the end of the last."""
        return float(self.time_s[-1] - self.time_s[0]) + self.step_s
