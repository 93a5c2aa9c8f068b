"""When pictures are shown: another frame rate, frames that never arrived."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.degradations.degradation import Degradation, held, within
from featurize.synthesis.degradations.film import Film
from featurize.synthesis.errors import SynthesisError

_RATES_HZ = {
    1: (24.0, 25.0, 30000 / 1001, 30.0),
    2: (15.0, 16.0, 18.0, 20.0),
    3: (10.0, 12.0, 12.5),
}


@dataclass(frozen=True)
class FrameRate(Degradation):
    """Brought to a constant frame rate, as FFmpeg's filter ``fps`` does it.

    Attributes
    ----------
    fps : float
        Pictures a second: a standard rate from 24 to 30, one from 15 to 20, or 10 to 12.5.
    """

    name: ClassVar[str] = "frame-rate"

    fps: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the rate."""
        if strength not in _RATES_HZ:
            raise SynthesisError(f"strength must be 1, 2 or 3, not {strength!r}.")
        return cls(strength, float(rng.choice(_RATES_HZ[strength])))

    def film(self, film: Film, seed: int) -> Film:
        """Show the film at the rate; nothing is drawn."""
        return at_rate(film, self.fps)


def at_rate(film: Film, fps: float) -> Film:
    """Show a film at a constant rate, for as long as before.

    Parameters
    ----------
    film : Film
        Of any rate, constant or not.
    fps : float
        Pictures a second.

    Returns
    -------
    Film
        It begins when the other began. Each picture goes to the nearest of the new times, and stays
        on the screen until the next; of several at one time the last is shown.
    """
    n_frames = max(1, round(film.duration_s * fps))
    shown_from = (film.time_s - film.time_s[0]) * fps
    # A hair above one half: halves would go up or down as rounding has it.
    shown_from = np.floor(shown_from + 0.5 + 1e-6)
    picked = np.searchsorted(shown_from, np.arange(n_frames), side="right") - 1
    return Film(held(film, picked), film.time_s[0] + np.arange(n_frames) / fps)


@dataclass(frozen=True)
class DroppedFrames(Degradation):
    """Frames that never arrived: the ones before them stay on the screen longer.

    Attributes
    ----------
    share : float
        Share of frames that are lost, on average: 0.01 to 0.04, 0.04 to 0.1 or 0.1 to 0.25.
    burst : int
        How many are lost in a row each time: 1, up to 3 or up to 6.
    """

    name: ClassVar[str] = "dropped-frames"

    share: float
    burst: int

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw how many are lost."""
        share = within(rng, {1: (0.01, 0.04), 2: (0.04, 0.1), 3: (0.1, 0.25)}, strength)
        return cls(strength, share, int(rng.integers(1, {1: 1, 2: 3, 3: 6}[strength] + 1)))

    def lost(self, n_frames: int, seed: int) -> np.ndarray:
        """Say which frames are lost, as ``(n_frames,)`` bool; the first and the last never are."""
        rng = np.random.default_rng(seed)
        starts = np.flatnonzero(rng.random(n_frames) < self.share / self.burst)
        lost = np.zeros(n_frames, bool)
        lost[np.minimum(starts[:, None] + np.arange(self.burst), n_frames - 1)] = True
        lost[[0, -1]] = False
        return lost

    def film(self, film: Film, seed: int) -> Film:
        """Leave out frames; the times of the others are kept."""
        kept = np.flatnonzero(~self.lost(film.n_frames, seed))
        return Film(held(film, kept), film.time_s[kept])
