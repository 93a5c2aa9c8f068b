"""What happens to a picture between camera and network, drawn once and done to both of a pair."""

from collections.abc import Callable

import cv2
import numpy as np

from featurize.landmarks.people.chips import alignment
from featurize.networks.blending_lite0 import CROP_PADDING, CROP_PX
from pretraining.blending_network.self_blending import SCHEMA, colour_change

Step = Callable[[np.ndarray], np.ndarray]


def drawn_steps(rng: np.random.Generator) -> list[Step]:
    """Colour, size, blur, noise and compression, each at times; no step draws anything itself.

    JPEG and WebP stand for video codecs: WebP is the intra coding of VP8, with prediction and
    deblocking as in H.264.
    """
    steps: list[Step] = []
    if rng.random() < 0.5:
        steps.append(colour_change(rng, 1.0))
    if rng.random() < 0.4:
        steps.append(_rescaling(rng.uniform(0.4, 1.0), int(rng.integers(3))))
    if rng.random() < 0.15:
        steps.append(_blurring(rng.uniform(0.4, 1.5)))
    if rng.random() < 0.2:
        steps.append(_noise(rng.uniform(1.0, 6.0), int(rng.integers(2**31))))
    if rng.random() < 0.5:
        steps.append(_compression(".jpg", cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 98))))
    if rng.random() < 0.35:
        steps.append(_compression(".webp", cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(5, 90))))
    return steps


def drawn_misplacement(rng: np.random.Generator) -> np.ndarray:
    """``(3, 3)`` map of an aligned crop a little off its place, mirrored as often as not."""
    middle = (CROP_PX - 1) / 2
    off = cv2.getRotationMatrix2D((middle, middle), rng.normal(0, 2.0), rng.uniform(0.92, 1.08))
    off[:, 2] += rng.normal(0, 0.015 * CROP_PX, 2)
    if rng.random() < 0.5:
        off = off @ np.array([[-1.0, 0, CROP_PX - 1], [0, 1, 0], [0, 0, 1]])
    return np.vstack([off, [0, 0, 1]])


def misplaced_view(points_px: np.ndarray, off: np.ndarray) -> Step:
    """The aligned crop that the network reads, off its place.

    Parameters
    ----------
    points_px : numpy.ndarray
        ``(478, 2)`` landmarks in the picture.
    off : numpy.ndarray
        See :func:`drawn_misplacement`.
    """
    return view(alignment(points_px, SCHEMA, CROP_PX, CROP_PADDING) @ off)


def view(to_picture: np.ndarray) -> Step:
    """The crop whose pixels this ``(2, 3)`` map takes to the picture."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return lambda picture: cv2.warpAffine(
        picture, to_picture, (CROP_PX, CROP_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def done(picture: np.ndarray, steps: list[Step]) -> np.ndarray:
    """The picture after all steps."""
    for step in steps:
        picture = step(picture)
    return picture


def _rescaling(factor: float, kind: int) -> Step:
    way = (cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC)[kind]

    def step(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        small = cv2.resize(
            picture, (round(width * factor), round(height * factor)), interpolation=way
        )
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    return step


def _blurring(sigma_px: float) -> Step:
    return lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma_px)


def _noise(sigma: float, seed: int) -> Step:
    def step(picture: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, sigma, picture.shape).astype(np.float32)
        return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)

    return step


def _compression(kind: str, setting: int, quality: int) -> Step:
    def step(picture: np.ndarray) -> np.ndarray:
        _, encoded = cv2.imencode(kind, picture[:, :, ::-1], [setting, quality])
        return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1])

    return step
