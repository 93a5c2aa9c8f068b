"""What making a face anew does to its texture: detail lost, invented, or patterned."""

import cv2
import numpy as np

from featurize.synthesis.manipulations.blending import as_levels


def through_low_resolution(
    rgb: np.ndarray, longer_px: int, softness_px: float = 0.0, grid_levels: float = 0.0
) -> np.ndarray:
    """Picture made at a low resolution and enlarged again.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(h, w, 3)`` uint8.
    longer_px : int
        Longer side at the low resolution; nothing is made smaller than it is.
    softness_px : float
        Sigma of a blur at the low resolution.
    grid_levels : float
        Height of a chequerboard added there, in levels of 255: what transposed convolutions leave.

    Returns
    -------
    numpy.ndarray
        uint8, of the size of ``rgb``.
    """
    height, width = rgb.shape[:2]
    ratio = min(1.0, longer_px / max(height, width))
    size = (max(4, round(width * ratio)), max(4, round(height * ratio)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    if softness_px >= 0.2:
        small = cv2.GaussianBlur(small, (0, 0), softness_px)
    if grid_levels > 0:
        chequers = (np.add.outer(np.arange(size[1]), np.arange(size[0])) % 2) * 2 - 1
        small = as_levels(small + np.float32(grid_levels) * chequers[..., None].astype(np.float32))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def sharpened(rgb: np.ndarray, amount: float, sigma_px: float) -> np.ndarray:
    """Picture with its fine detail amplified by ``1 + amount`` (unsharp masking), uint8."""
    coarse = cv2.GaussianBlur(rgb, (0, 0), sigma_px)
    return cv2.addWeighted(rgb, 1 + amount, coarse, -amount, 0)


def recoloured(
    rgb: np.ndarray, shift_levels: np.ndarray, contrast: float, saturation: float
) -> np.ndarray:
    """Picture with other colours.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(h, w, 3)`` uint8.
    shift_levels : numpy.ndarray
        ``(3,)`` added to red, green, blue, in levels of 255.
    contrast, saturation : float
        Factors; 1 changes nothing. Contrast is about the middle of the picture's own levels.

    Returns
    -------
    numpy.ndarray
        uint8.
    """
    middle = float(rgb[::4, ::4].mean())
    grey = np.array([0.299, 0.587, 0.114])
    mix = contrast * (saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), grey))
    constant = shift_levels + (1 - contrast) * middle
    matrix = np.column_stack([mix, constant]).astype(np.float32)
    return cv2.transform(rgb, matrix)
