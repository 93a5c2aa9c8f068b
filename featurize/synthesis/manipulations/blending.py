"""Colours of a made-up face brought to those of its surroundings, and the face put into a frame."""

import cv2
import numpy as np

from featurize.synthesis.manipulations.face_box import FaceBox

_LEAST_SPREAD = 1e-3
# Colours are told by at most about so many pixels.
_N_TOLD = 6000
# Lighting is compared at so many pixels of the longer side.
_LIGHTING_PX = 48


def colours(rgb: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, each ``(3,)``, of L*, a*, b* where a mask is over one half.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(h, w, 3)`` uint8.
    mask : numpy.ndarray
        ``(h, w)``; where it is nowhere over one half, the whole picture counts.
    """
    step = max(1, int(np.sqrt(mask.size / _N_TOLD)))
    few, inside = rgb[::step, ::step], mask[::step, ::step] > 0.5
    pixels = few[inside] if inside.any() else few.reshape(-1, 3)
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0]
    return lab.mean(axis=0), lab.std(axis=0)


def match_colours(
    rgb: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    wanted: tuple[np.ndarray, np.ndarray],
    strength: float = 1.0,
) -> np.ndarray:
    """Shift and stretch the colours of a picture in L*a*b* from one mean and spread to another.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(h, w, 3)`` uint8.
    own, wanted : tuple of numpy.ndarray
        Mean and spread of the picture, and those it should have; see :func:`colours`.
    strength : float
        From 0 (nothing changes) to 1 (mean and spread are as wanted).

    Returns
    -------
    numpy.ndarray
        uint8, clipped to [0, 255].

    References
    ----------
    Reinhard, Ashikhmin, Gooch and Shirley (2001), Color transfer between images; in CIE L*a*b*
    in place of its l-alpha-beta.
    """
    gain = (wanted[1] + _LEAST_SPREAD) / (own[1] + _LEAST_SPREAD)
    gain = 1 + strength * (np.clip(gain, 0.4, 2.5) - 1)
    offset = own[0] + strength * (wanted[0] - own[0]) - gain * own[0]
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lab = cv2.transform(lab, np.column_stack([np.diag(gain), offset]))
    return as_levels(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * np.float32(255))


def match_lighting(
    rgb: np.ndarray, wanted: np.ndarray, mask: np.ndarray, strength: float
) -> np.ndarray:
    """Give a picture the coarse light and shade of another where a mask is, about as Poisson does.

    Parameters
    ----------
    rgb, wanted : numpy.ndarray
        ``(h, w, 3)`` uint8: the picture to change, and the one whose light it should show.
    mask : numpy.ndarray
        ``(h, w)`` in [0, 1]: where the two are compared.
    strength : float
        From 0 (nothing changes) to 1.

    Returns
    -------
    numpy.ndarray
        uint8.
    """
    height, width = mask.shape
    scale = min(1.0, _LIGHTING_PX / max(height, width))
    small = (max(2, round(width * scale)), max(2, round(height * scale)))
    weight = cv2.resize(mask, small, interpolation=cv2.INTER_AREA) + 1e-3
    apart = [cv2.resize(p, small, interpolation=cv2.INTER_AREA) for p in (wanted, rgb)]
    apart = (apart[0].astype(np.float32) - apart[1]) * weight[..., None]
    sigma = 0.12 * max(small)
    spread = cv2.GaussianBlur(apart, (0, 0), sigma)
    spread /= cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    light = cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR)
    return as_levels(rgb + np.float32(strength) * light)


def paste(frame: np.ndarray, box: FaceBox, face: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put a face into a frame.

    Parameters
    ----------
    frame : numpy.ndarray
        ``(h, w, 3)`` uint8; not changed.
    box : FaceBox
        Where in the frame.
    face : numpy.ndarray
        Of the box's size, 3 channels, uint8 or float32 in levels of 255.
    mask : numpy.ndarray
        Of the box's size: how much of it is the new face, in [0, 1].

    Returns
    -------
    numpy.ndarray
        uint8; where the mask is 0 it is the frame byte for byte.
    """
    pasted = np.array(frame)
    under = box.cut(pasted).astype(np.float32)
    box.cut(pasted)[:] = as_levels(under + mask[..., None] * (face - under))
    return pasted


def as_levels(values: np.ndarray) -> np.ndarray:
    """Rounded to whole levels in [0, 255], uint8."""
    return cv2.add(values, np.zeros(4), dtype=cv2.CV_8U)
