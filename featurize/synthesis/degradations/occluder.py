"""Something in front of the camera for a while: a bar, a hand, a caption."""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import cv2
import numpy as np

from featurize.synthesis.degradations.degradation import Degradation, within
from featurize.synthesis.degradations.film import Film

_KINDS = ("bar", "hand", "caption")
# Offsets and length of a palm's fingers, in half widths of the palm.
_FINGERS = ((-0.75, 1.9), (-0.25, 2.3), (0.25, 2.4), (0.75, 2.0))
_PALM_AND_FINGERS = 6.5  # their area, in squares of half a palm's width


@dataclass(frozen=True)
class Occluder(Degradation):
    """Something that covers a part of the picture, perhaps of the face, for a part of the time.

    It cannot know where the face is. Bars and hands wander around the middle of the picture;
    captions stay in its lower part.

    Attributes
    ----------
    kind : str
        ``bar`` (from top to bottom), ``hand`` or ``caption``.
    area : float
        Share of the picture that it covers: 0.03 to 0.06, 0.06 to 0.12 or 0.12 to 0.2.
    shown : float
        Share of the time: 0.2 to 0.4, 0.4 to 0.7 or 0.7 to 1.
    colour : tuple of int
        Red, green and blue.
    """

    name: ClassVar[str] = "occluder"

    kind: str
    area: float
    shown: float
    colour: tuple[int, int, int]

    @classmethod
    def drawn(cls, rng: np.random.Generator, strength: int) -> Self:
        """Draw what it is, its size, colour and how long it is there."""
        area = within(rng, {1: (0.03, 0.06), 2: (0.06, 0.12), 3: (0.12, 0.2)}, strength)
        shown = within(rng, {1: (0.2, 0.4), 2: (0.4, 0.7), 3: (0.7, 1.0)}, strength)
        kind = str(rng.choice(_KINDS))
        if kind == "hand":
            light = rng.uniform(0.35, 1.0)
            colour = (int(225 * light), int(172 * light), int(142 * light))
        else:
            colour = tuple(int(level) for level in rng.integers(0, 256, 3))
        return cls(strength, kind, area, shown, colour)

    def film(self, film: Film, seed: int) -> Film:
        """Cover a part of the pictures; when and where is drawn."""
        return Film(self._covered(film, np.random.default_rng(seed)), film.time_s)

    def _covered(self, film: Film, rng: np.random.Generator) -> Iterator[np.ndarray]:
        start = rng.uniform(0, 1 - self.shown)
        beats, phases = rng.uniform(0.5, 1.5, 2), rng.uniform(0, 2 * np.pi, 2)
        turn = rng.uniform(0, 2 * np.pi)
        words = _words(rng)
        elapsed = (film.time_s - film.time_s[0]) / film.duration_s
        for rgb, share in zip(film, elapsed, strict=True):
            if not start <= share <= start + self.shown:
                yield rgb
                continue
            covered = rgb.copy()
            place = 0.5 + np.array([0.35, 0.25]) * np.sin(2 * np.pi * beats * share + phases)
            if self.kind == "bar":
                self._draw_bar(covered, place[0])
            elif self.kind == "hand":
                self._draw_hand(covered, place, turn)
            else:
                self._draw_caption(covered, words)
            yield covered

    def _draw_bar(self, rgb: np.ndarray, centre: float) -> None:
        width = rgb.shape[1]
        left = round(width * (centre - self.area / 2))
        rgb[:, max(0, left) : left + round(width * self.area)] = self.colour

    def _draw_hand(self, rgb: np.ndarray, place: np.ndarray, turn: float) -> None:
        height, width = rgb.shape[:2]
        half = np.sqrt(self.area * height * width / _PALM_AND_FINGERS)
        centre = place * (width, height)
        up = np.array([np.sin(turn), -np.cos(turn)])
        across = np.array([-up[1], up[0]])
        for beside, length in _FINGERS:
            root = centre + half * beside * across
            ends = [tuple(int(v) for v in np.round(p)) for p in (root, root + half * length * up)]
            cv2.line(rgb, *ends, self.colour, max(1, round(0.42 * half)), cv2.LINE_AA)
        box = (tuple(centre), (2 * half, 2.4 * half), float(np.degrees(turn)))
        cv2.ellipse(rgb, box, self.colour, -1, cv2.LINE_AA)

    def _draw_caption(self, rgb: np.ndarray, words: str) -> None:
        height, width = rgb.shape[:2]
        band = rgb[round(height * (0.95 - self.area / 0.9)) : round(height * 0.95)]
        band = band[:, round(width * 0.05) : round(width * 0.95)]
        band[:] = cv2.addWeighted(band, 0.35, np.full_like(band, self.colour), 0.65, 0)
        (text_width, text_height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, 1, 1)
        scale = min(0.92 * band.shape[1] / text_width, 0.6 * band.shape[0] / text_height)
        ink = (0, 0, 0) if sum(self.colour) > 380 else (255, 255, 255)
        corner = (round(0.04 * band.shape[1]), round((band.shape[0] + scale * text_height) / 2))
        text = np.ascontiguousarray(band)
        cv2.putText(text, words, corner, cv2.FONT_HERSHEY_DUPLEX, scale, ink, 1, cv2.LINE_AA)
        band[:] = text


def _words(rng: np.random.Generator) -> str:
    letters = list(string.ascii_lowercase)
    return " ".join("".join(rng.choice(letters, n)) for n in rng.integers(2, 9, 4))
