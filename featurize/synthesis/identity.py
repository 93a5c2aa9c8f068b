"""Makes another person of the same photograph: proportions, colours, background."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class LocalScale:
    """A place of the face that is larger or smaller than on the photograph.

    Attributes
    ----------
    centre : tuple of float
        x, y on the photograph.
    reach_px : tuple of float
        Standard deviations in x and y of the Gaussian in which the change fades.
    growth : tuple of float
        Relative growth in x and y at the centre; 0 leaves it as it is.
    """

    centre: tuple[float, float]
    reach_px: tuple[float, float]
    growth: tuple[float, float]

    def offset(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each point lies from where the photograph shows what is there."""
        dx, dy = x - self.centre[0], y - self.centre[1]
        fade = np.exp(-0.5 * ((dx / self.reach_px[0]) ** 2 + (dy / self.reach_px[1]) ** 2))
        return dx * fade * self.growth[0], dy * fade * self.growth[1]


@dataclass(frozen=True)
class Look:
    """How a person differs from the one on the photograph.

    Attributes
    ----------
    mirrored : bool
        Whether sides are swapped.
    proportions : tuple of LocalScale
        Changes of shape; their offsets add up.
    depth : float
        Factor of the relief of the face.
    skin_gain, hair_gain : tuple of float
        Factors of red, green, blue.
    light_slope : float
        Relative change of brightness from the middle of the head to its side.
    suit_turn_deg : float
        Turn of the colours of the suit round the colour circle.
    backdrop_lab : tuple of float
        Added to the backdrop's L, a, b (of CIELAB, L of 100).
    """

    mirrored: bool = False
    proportions: tuple[LocalScale, ...] = ()
    depth: float = 1.0
    skin_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    hair_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    light_slope: float = 0.0
    suit_turn_deg: float = 0.0
    backdrop_lab: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def source(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where on the photograph the person's point (x, y) is found."""
        offsets = [place.offset(x, y) for place in self.proportions]
        return x - sum(dx for dx, _ in offsets), y - sum(dy for _, dy in offsets)

    def destination(self, points: np.ndarray) -> np.ndarray:
        """Where points of the photograph lie on the person; the inverse of :meth:`source`."""
        x, y = points.T
        for _ in range(20):
            source_x, source_y = self.source(x, y)
            x, y = x + points[:, 0] - source_x, y + points[:, 1] - source_y
        return np.column_stack([x, y])


def make_look(identity_seed: int | None) -> Look:
    """Draw a person.

    Parameters
    ----------
    identity_seed : int or None
        None: the person on the photograph. Same seed, same person.
    """
    if identity_seed is None:
        return Look()
    rng = np.random.default_rng(identity_seed)

    def growth(width: float, height: float) -> tuple[float, float]:
        return float(rng.uniform(-width, width)), float(rng.uniform(-height, height))

    eyes = growth(0.12, 0.10)
    proportions = (
        LocalScale((225, 85), (70, 60), growth(0.09, 0.07)),
        LocalScale((223, 168), (48, 16), growth(0.10, 0.12)),
        LocalScale((224, 101), (26, 10), (float(rng.uniform(-0.06, 0.06)), 0.0)),
        LocalScale((203.5, 101), (9, 6), eyes),
        LocalScale((246.0, 103), (9, 6), eyes),
        LocalScale((224, 122), (11, 14), growth(0.15, 0.12)),
        LocalScale((223, 145), (20, 9), growth(0.10, 0.08)),
    )
    light = rng.uniform(0.82, 1.05)
    warmth = rng.uniform(-0.05, 0.05)
    skin = light * np.array([1 + warmth, 1.0 - 0.3 * (1 - light), 1 - warmth - 0.6 * (1 - light)])
    hair = rng.uniform(0.35, 1.05) * np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.8, 1.15)])
    return Look(
        mirrored=bool(rng.random() < 0.5),
        proportions=proportions,
        depth=float(rng.uniform(0.95, 1.08)),
        skin_gain=tuple(float(v) for v in skin),
        hair_gain=tuple(float(v) for v in hair),
        light_slope=float(rng.uniform(-0.12, 0.12)),
        suit_turn_deg=float(rng.uniform(0, 360)),
        backdrop_lab=(
            float(rng.uniform(-35, 5)),
            float(rng.uniform(-14, 14)),
            float(rng.uniform(-18, 14)),
        ),
    )


def tint(rgb: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Multiply an image by a gain that may differ by place and channel."""
    return np.round(np.clip(rgb * gain, 0, 255)).astype(np.uint8)


def recolour_plate(look: Look, plate: np.ndarray) -> np.ndarray:
    """Give suit and backdrop other colours.

    Parameters
    ----------
    look : Look
        Whose.
    plate : numpy.ndarray
        ``(h, w, 3)`` uint8, red first.
    """
    lab = cv2.cvtColor(plate.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    turn = np.radians(look.suit_turn_deg) * np.clip((chroma - 20) / 15, 0, 1)
    a, b = lab[..., 1].copy(), lab[..., 2].copy()
    lab[..., 1] = a * np.cos(turn) - b * np.sin(turn)
    lab[..., 2] = a * np.sin(turn) + b * np.cos(turn)
    # The backdrop is what is light and nearly grey.
    backdrop = np.clip((lab[..., 0] - 45) / 20, 0, 1) * np.clip((30 - chroma) / 15, 0, 1)
    lab += backdrop[..., None] * np.array(look.backdrop_lab, np.float32)
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
