"""The person who performs: the photograph, given another look."""

from dataclasses import dataclass

import cv2
import numpy as np

from featurize.synthesis.identity import Look, make_look, recolour_plate, tint
from featurize.synthesis.photograph import (
    HEAD_BOX,
    TEXTURE_SCALE,
    inside,
    load_photograph,
    window,
)

_PUPILS = (468, 473)


@dataclass(frozen=True)
class Subject:
    """A person, ready to be posed.

    Attributes
    ----------
    mirrored : bool
        Whether frames are to be swapped left to right.
    landmarks : numpy.ndarray
        ``(478, 3)`` x, y, relief of the MediaPipe landmarks.
    head : numpy.ndarray
        ``(h, w, 4)`` uint8, colour times alpha, alpha: the head over ``HEAD_BOX`` at
        ``TEXTURE_SCALE``.
    relief : numpy.ndarray
        ``(h, w)`` float32 over ``HEAD_BOX`` at scale 1: how near each point of the head is.
    neck : numpy.ndarray
        Like ``head``: the neck, continued upwards behind the face.
    plate : numpy.ndarray
        ``(h, w, 3)`` uint8 over ``FRAME_BOX`` at ``TEXTURE_SCALE``: all that never moves.
    """

    mirrored: bool
    landmarks: np.ndarray
    head: np.ndarray
    relief: np.ndarray
    neck: np.ndarray
    plate: np.ndarray

    @property
    def interocular_px(self) -> float:
        """Distance between the pupils."""
        right, left = self.landmarks[list(_PUPILS), :2]
        return float(np.linalg.norm(left - right))


def make_subject(identity_seed: int | None = None) -> Subject:
    """Make a person of the photograph.

    Parameters
    ----------
    identity_seed : int or None
        None: the person on the photograph. Otherwise proportions of the face, colours, side and
        background vary; same seed, same person.
    """
    look = make_look(identity_seed)
    photograph = load_photograph()
    points = photograph.points
    head = _cut(_toned(look, photograph.rgb, points), points["head_outline"], feather_px=0.7)
    skin = tint(photograph.neck, np.array(look.skin_gain))
    neck = _cut(skin, points["neck_outline"], feather_px=1.0)
    landmarks = points["face"].copy()
    landmarks[:, :2] = look.destination(landmarks[:, :2])
    landmarks[:, 2] *= look.depth
    return Subject(
        mirrored=look.mirrored,
        landmarks=landmarks,
        head=_reshaped(look, head),
        relief=_reshaped(look, photograph.relief * np.float32(look.depth)),
        neck=_reshaped(look, neck),
        plate=recolour_plate(look, photograph.plate),
    )


def _toned(look: Look, photo: np.ndarray, points: dict[str, np.ndarray]) -> np.ndarray:
    """Give skin, hair and light of the photograph another colour."""
    face, hairline = points["face"][:, :2], points["hairline"]
    hull = cv2.convexHull(face.astype(np.float32))[:, 0]
    size = photo.shape[1], photo.shape[0]
    below = np.vstack([hairline, [(size[0], hairline[-1, 1]), (size[0], size[1])]])
    below = np.vstack([below, [(0, size[1]), (0, hairline[0, 1])]])
    skin = inside(hull, (0, 0, *size), 1) & inside(below, (0, 0, *size), 1)
    skin = cv2.GaussianBlur(skin, (0, 0), 2.0)[..., None] / 255.0
    gain = np.array(look.skin_gain) * skin + np.array(look.hair_gain) * (1 - skin)
    light = 1 + look.light_slope * np.clip((np.arange(size[0]) - 225) / 60, -1, 1)
    return tint(photo, gain * light[None, :, None])


def _reshaped(look: Look, layer: np.ndarray) -> np.ndarray:
    """Apply the person's proportions to something that lies over ``HEAD_BOX``."""
    left, top, width, _ = HEAD_BOX
    scale = layer.shape[1] / width
    columns, rows = np.meshgrid(np.arange(layer.shape[1]), np.arange(layer.shape[0]))
    x, y = look.source((columns + 0.5) / scale - 0.5 + left, (rows + 0.5) / scale - 0.5 + top)
    x, y = (x - left + 0.5) * scale - 0.5, (y - top + 0.5) * scale - 0.5
    x, y = x.astype(np.float32), y.astype(np.float32)
    return cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _cut(image: np.ndarray, outline: np.ndarray, feather_px: float) -> np.ndarray:
    """Cut a shape from an image, as colour times alpha and alpha, over ``HEAD_BOX``."""
    colour = window(image, HEAD_BOX, TEXTURE_SCALE)
    alpha = inside(outline, HEAD_BOX, TEXTURE_SCALE)
    alpha = cv2.GaussianBlur(alpha, (0, 0), feather_px * TEXTURE_SCALE)
    premultiplied = colour * (alpha[..., None] / 255.0)
    return np.dstack([np.round(premultiplied).astype(np.uint8), alpha])
