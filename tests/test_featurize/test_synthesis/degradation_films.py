"""Small films for the tests of degradations."""

import numpy as np
from skimage.data import astronaut

from featurize.synthesis.degradations import Film

_PHOTOGRAPH = np.ascontiguousarray(astronaut()[60:360, 150:470])


def panned(n_frames=10, width=96, height=64, fps=25.0):
    """A camera that moves over a photograph by 3 px a frame: no two frames are alike."""
    frames = [
        _PHOTOGRAPH[k % 20 : k % 20 + height, 3 * (k % 20) : 3 * (k % 20) + width]
        for k in range(n_frames)
    ]
    return Film(np.stack(frames), np.arange(n_frames) / fps)


def numbered(n_frames, fps=25.0, width=16, height=16):
    """Frame k is of the level k throughout."""
    frames = (np.full((height, width, 3), k, np.uint8) for k in range(n_frames))
    return Film(frames, np.arange(n_frames) / fps)


def grey(level=120, n_frames=4, width=256, height=192):
    frames = np.full((n_frames, height, width, 3), level, np.uint8)
    return Film(frames, np.arange(n_frames) / 25)


def mse(one, other):
    return float(((np.asarray(one, float) - np.asarray(other, float)) ** 2).mean())
