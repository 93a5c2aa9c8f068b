"""What a social network does to a film that is sent to it."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.degradations.codecs import drawn_encoder
from featurize.synthesis.degradations.degradation import Degradation
from featurize.synthesis.degradations.encoder import Encoder
from featurize.synthesis.degradations.film import Film
from featurize.synthesis.degradations.geometry import SMALLEST_PX, made_smaller, smaller_size
from featurize.synthesis.degradations.timing import at_rate
from featurize.synthesis.errors import SynthesisError

_LONGER_SIDE_PX = {1: 720, 2: 540, 3: 360}
_QUALITY = {1: (23, 26), 2: (27, 30), 3: (31, 35)}
_MOST_FPS = 30.0


@dataclass(frozen=True)
class SocialNetwork(Degradation):
    """Scaled to the longer side of the network, brought to 30 fps, encoded for phones.

    The film comes as the phone or the program that cut it encoded it, and goes on in baseline
    H.264.

    Attributes
    ----------
    longer_side_px : int
        720, 540 or 360; smaller films are not enlarged.
    always_30 : bool
        Whether slower films are brought to 30 fps as well, by repeating frames; faster ones always
        are.
    sent, received : Encoder
        How it is encoded when it is sent, and by the network.
    """

    name: ClassVar[str] = "social-network"

    longer_side_px: int
    always_30: bool
    sent: Encoder
    received: Encoder

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw the network's settings."""
        if strength not in _LONGER_SIDE_PX:
            raise SynthesisError(f"strength must be 1, 2 or 3, not {strength!r}.")
        return cls(
            strength,
            _LONGER_SIDE_PX[strength],
            always_30=bool(rng.random() < 0.3),
            sent=drawn_encoder(rng, "h264", 18, 24),
            received=drawn_encoder(rng, "h264", *_QUALITY[strength], baseline=True),
        )

    def film(self, film: Film, seed: int) -> Film:
        """Send the film and receive it; nothing is drawn."""
        film = self.sent.again(film)
        if self.always_30 or 1 / film.step_s > _MOST_FPS * 1.01:
            film = at_rate(film, _MOST_FPS)
        return self.received.again(Film((self._fitted(rgb) for rgb in film), film.time_s))

    def _fitted(self, rgb: np.ndarray) -> np.ndarray:
        size_px = rgb.shape[1::-1]
        factor = self.longer_side_px / max(size_px)
        return made_smaller(rgb, smaller_size(size_px, factor, SMALLEST_PX[self.strength]))
