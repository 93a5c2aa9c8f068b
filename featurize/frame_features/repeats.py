"""How the whole picture changes from frame to frame: what tells frames that were never filmed.

A frame rate is raised by showing frames twice, or by mixing neighbours into frames in between.
Either hides in landmarks as motion that stops and jumps.
"""

import math
from collections import deque

import numpy as np

from featurize.frame import Frame

MEASURES: tuple[str, ...] = ("picture__change", "picture__blend")
"""Mean absolute change of luma since the frame before, in levels; and how far the frame before was
from the mean of its neighbours, over half the difference of these (mean absolute values): 0 for a
mixture of both in equal parts, 1 for a copy of one of them, 1.7 where only noise changes."""

BAND_PX = 4
"""What is compared are two bands of so many pixels: from corner to corner, and down the middle,
where faces are. They are of the video's own resolution: means over many pixels would change evenly
while something moves past, as mixtures do."""

# Pixels of the picture from one of a band to the next; from 2 on, pixels would be averaged.
_STEP_PX = 1.5


class RepeatMeter:
    """Measure the frames of one video in their order."""

    def __init__(self) -> None:
        self._last: deque[np.ndarray] = deque(maxlen=2)

    def measure(self, frame: Frame) -> np.ndarray:
        """Change and blend with the next frame, ``(2,)``; NaN where there is no neighbour.

        The blend is that of the frame before. It is NaN too where its neighbours are alike.
        """
        seen = _bands(frame)
        change = blend = np.nan
        if self._last:
            change = float(np.abs(seen - self._last[-1]).mean())
        if len(self._last) == 2:
            first, middle = self._last
            difference = int(np.abs(seen - first).sum())
            if difference:
                blend = int(np.abs(2 * middle - first - seen).sum()) / difference
        self._last.append(seen)
        return np.array([change, blend])


def _bands(frame: Frame) -> np.ndarray:
    """Luma along a diagonal and the vertical middle, ``(n,)`` int16."""
    width, height = frame.size_px
    n, n_down = (max(2, math.ceil(side / _STEP_PX)) for side in (max(width, height), height))
    across, down = (width - 1) / (n - 1), (height - 1) / (n - 1)
    half = (BAND_PX - 1) / 2
    bands = [
        ([[across, 0, 0], [down, 1, -half]], n),
        ([[0, 1, width / 2 - half], [(height - 1) / (n_down - 1), 0, 0]], n_down),
    ]
    pieces = [frame.grey_crop(np.array(band), (length, BAND_PX)) for band, length in bands]
    return np.concatenate([piece.ravel() for piece in pieces]).astype(np.int16)
