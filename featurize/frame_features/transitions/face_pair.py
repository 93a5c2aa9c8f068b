"""A face in two neighbouring frames, laid over each other pixel by pixel.

Landmarks only say about where the face has gone, in whole pixels, so that their jitter is not
taken for a change of the face; the rest of the motion is followed by optical flow.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TypeVar

import cv2
import numpy as np

from featurize.frame import Frame
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import MIN_IOD_PX, NOWHERE, Zone

WINDOW_IOD = 0.2
"""Side of the squares that are taken to move as one in the last step of the flow."""

MOST_STEP_PX = 0.5
"""The last step moves no place further: it is for what is left of a pixel."""

REPEATED_SHARE = 0.99
"""A picture in which so many pixels are those of the frame before is that frame, shown again."""

LEAST_SIDE_PX = 24

Derived = TypeVar("Derived")

# Parts of a pixel to which cv2.remap rounds.
_FRACTIONS = 32
# Squared levels per pixel, added to the gradients: flat skin shows nothing that could be followed.
_FLAT = 1.0


class FacePair:
    """A face in a frame and in its neighbour, see :func:`featurize.sampled_frames.are_neighbours`.

    Moving both frames by whole pixels changes nothing in it; for a face that is reduced, moves are
    multiples of `shrink`. It is to be made with OpenCV on one thread, as
    :func:`featurize.extraction.extract` has it: the flow is searched in strips, one per thread.

    Parameters
    ----------
    earlier, later : Frame
        Both frames.
    first : FaceView
        The face in the first of them.
    move_px : numpy.ndarray
        ``(2,)`` how far landmarks have moved until the second, x and y in pixels of the picture.

    Attributes
    ----------
    first, second : FaceView
        The face in both frames. The second view has the places of the first, moved by whole pixels
        with the face, so that a part of the face is the same pixels in both.
    moved : tuple of int
        These whole pixels, x and y.
    step_s : float
        Time between the frames.
    """

    def __init__(self, earlier: Frame, later: Frame, first: FaceView, move_px: np.ndarray) -> None:
        x, y = np.rint(np.asarray(move_px, np.float64) / first.shrink)
        self.moved = int(x), int(y)
        self.first = first
        self.second = first.moved(later, self.moved)
        self.step_s = later.time_s - earlier.time_s
        self._earlier = earlier
        self._derived: dict[Callable, object] = {}

    @cached_property
    def is_known(self) -> bool:
        """Whether it can be compared: large enough, and filmed anew."""
        if self.second.iod_px < MIN_IOD_PX or min(self.second.size_px) < LEAST_SIDE_PX:
            return False
        box = self.second.picture_box
        same = self.second.luma[box] == self.standing[box]
        return same.size > 0 and float(same.mean()) < REPEATED_SHARE

    @cached_property
    def standing(self) -> np.ndarray:
        """``(height, width)`` float32 luma of the first frame at the same place of the picture."""
        if not any(self.moved):
            return self.first.luma
        return self.first.moved(self._earlier, self.moved).luma

    @cached_property
    def flow_px(self) -> np.ndarray:
        """``(height, width, 2)`` float32: where what a pixel shows was before, from that pixel.

        Beside the whole pixels of `moved`: dense inverse search (Kroeger et al. 2016), then a step
        of Lucas & Kanade (1981) in squares of :data:`WINDOW_IOD`.
        """
        before, after = self.first.luma, self.second.luma
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        flow = search.calc(after.astype(np.uint8), before.astype(np.uint8), None)
        return flow + self._last_step(flow)

    def _last_step(self, flow: np.ndarray) -> np.ndarray:
        window = 2 * round(WINDOW_IOD * self.second.iod_px / 2) + 1

        def mean(values: np.ndarray) -> np.ndarray:
            return cv2.blur(values, (window, window))

        there = _grid(*self.second.size_px) + flow
        moved = cv2.remap(self.first.luma, there, None, cv2.INTER_LINEAR)
        smooth = cv2.blur(moved, (3, 3))
        x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
        y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
        change = self.second.luma - moved
        # Light that flickers is no motion.
        change -= mean(change)
        xx, yy, xy = mean(x * x) + _FLAT, mean(y * y) + _FLAT, mean(x * y)
        xt, yt = mean(x * change), mean(y * change)
        determinant = xx * yy - xy * xy
        step = cv2.merge([(yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant])
        return np.clip(step, -MOST_STEP_PX, MOST_STEP_PX)

    @cached_property
    def _from(self) -> np.ndarray:
        """Where each pixel is read in the first view, in whole parts of a pixel."""
        places = _grid(*self.second.size_px) + self.flow_px
        return np.rint(places * np.float32(_FRACTIONS))

    @cached_property
    def followed(self) -> np.ndarray:
        """``(height, width)`` float32 luma of the first frame, moved with what it shows."""
        places = self._from / np.float32(_FRACTIONS)
        return cv2.remap(
            self.first.luma, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    @cached_property
    def residual(self) -> np.ndarray:
        """``(height, width)`` float32 levels that motion does not explain.

        Reading between pixels takes noise away; what is left is scaled so that independent noise of
        standard deviation s in both frames leaves ``sqrt(2) s`` whatever the motion.
        """
        parts = self._from.astype(np.int32) % _FRACTIONS
        scale = np.take(_noise_scale(), parts[..., 0] * _FRACTIONS + parts[..., 1])
        return (self.second.luma - self.followed) * scale

    def zone(self, part: Callable[[FaceView], Zone]) -> Zone:
        """A part of the face that both frames show; empty where one does not, or none is known."""
        if not self.is_known:
            return NOWHERE
        first = self.first.derived(part)
        if self.first.picture_box == self.second.picture_box:
            return first
        second = self.second.derived(part)
        if not first.n_pixels or not second.n_pixels:
            return NOWHERE
        both = np.zeros(self.second.size_px[::-1], np.uint8)
        both[first.box] = first.mask
        return Zone(second.box, both[second.box] & second.mask)

    def derived(self, compute: Callable[["FacePair"], Derived]) -> Derived:
        """What a function makes of this pair; computed once, for signals that share it."""
        if compute not in self._derived:
            self._derived[compute] = compute(self)
        return self._derived[compute]


@lru_cache(maxsize=2)
def _grid(width: int, height: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)


@lru_cache(maxsize=1)
def _noise_scale() -> np.ndarray:
    """``(_FRACTIONS ** 2,)`` what differences of noise are too small by, at parts of x and of y."""
    impulse = np.zeros((1, 9), np.float32)
    impulse[0, 4] = 1
    parts = np.arange(_FRACTIONS, dtype=np.float32) / _FRACTIONS
    places = np.arange(9, dtype=np.float32) + parts[:, None]
    weights = cv2.remap(impulse, places, np.zeros_like(places), cv2.INTER_CUBIC)
    left = np.sum(weights**2, axis=1)
    return np.sqrt(2 / (1 + np.outer(left, left))).ravel()
