"""Encoded on the way: by the camera, by a site, by whoever collected the films."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from featurize.synthesis.degradations.degradation import Degradation, Range, within
from featurize.synthesis.degradations.encoder import Encoder
from featurize.synthesis.degradations.film import Film

# Phones and live services have fast ones; with how often each is drawn.
_PRESETS = {"superfast": 0.45, "veryfast": 0.45, "faster": 0.1}
_KEYFRAMES = (30, 60, 250)

QUALITIES: Mapping[str, Mapping[int, Range]] = {
    "h264": {1: (18, 24), 2: (25, 31), 3: (32, 40)},
    "h265": {1: (22, 26), 2: (27, 31), 3: (32, 36)},
    "vp9": {1: (24, 32), 2: (33, 42), 3: (43, 54)},
    "mpeg4": {1: (2, 4), 2: (5, 9), 3: (10, 18)},
}


def drawn_encoder(
    rng: np.random.Generator, codec: str, lowest: float, highest: float, *, baseline: bool = False
) -> Encoder:
    """Draw an encoder of one codec, its quality evenly from a range, both ends included."""
    return Encoder(
        codec,
        quality=round(rng.uniform(lowest - 0.49, highest + 0.49)),
        preset=str(rng.choice(list(_PRESETS), p=list(_PRESETS.values()))),
        baseline=baseline,
        keyframe_every=int(rng.choice(_KEYFRAMES)),
    )


def _of_strength(rng: np.random.Generator, codec: str, strength: int) -> Encoder:
    quality = round(within(rng, QUALITIES[codec], strength))
    return drawn_encoder(rng, codec, quality, quality)


@dataclass(frozen=True)
class _Encoded(Degradation):
    """Encoded once and decoded again.

    Attributes
    ----------
    encoder : Encoder
        How.
    """

    encoder: Encoder

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw how well it is encoded."""
        return cls(strength, _of_strength(rng, cls.name, strength))

    def film(self, film: Film, seed: int) -> Film:
        """Encode and decode; nothing is drawn."""
        return self.encoder.again(film)


@dataclass(frozen=True)
class H264(_Encoded):
    """H.264, constant rate factor 18 to 24, 25 to 31 or 32 to 40."""

    name: ClassVar[str] = "h264"


@dataclass(frozen=True)
class H265(_Encoded):
    """H.265, constant rate factor 22 to 26, 27 to 31 or 32 to 36."""

    name: ClassVar[str] = "h265"


@dataclass(frozen=True)
class VP9(_Encoded):
    """VP9, constant rate factor 24 to 32, 33 to 42 or 43 to 54."""

    name: ClassVar[str] = "vp9"


@dataclass(frozen=True)
class MPEG4(_Encoded):
    """MPEG-4 part 2, as in old collections; quantiser 2 to 4, 5 to 9 or 10 to 18."""

    name: ClassVar[str] = "mpeg4"


@dataclass(frozen=True)
class DoubleCompression(Degradation):
    """H.264 twice, each time with settings of its own, as in every collection of web videos.

    Attributes
    ----------
    first, second : Encoder
        How.
    """

    name: ClassVar[str] = "double-compression"

    first: Encoder
    second: Encoder

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw both, each within the strength."""
        return cls(
            strength, _of_strength(rng, "h264", strength), _of_strength(rng, "h264", strength)
        )

    def film(self, film: Film, seed: int) -> Film:
        """Encode and decode twice; nothing is drawn."""
        return self.second.again(self.first.again(film))
