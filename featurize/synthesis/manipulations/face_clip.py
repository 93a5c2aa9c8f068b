"""A short stretch of video with the landmarks of one face: what a manipulation works on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.errors import SynthesisError

_PUPILS = MEDIAPIPE_478.indices(("right_iris_centre", "left_iris_centre"))
# Points that spread by less than this, along whatever line, are no face: nothing can be told from
# where they lie, and what was divided by it would spoil all other frames.
_LEAST_SPREAD_PX = 0.25


@dataclass(frozen=True)
class FaceClip:
    """Frames, and in nearly every one of them the same face.

    Attributes
    ----------
    frames : numpy.ndarray
        ``(n, h, w, 3)`` uint8, red first, both sides even; may be a memory map. Not written to.
    time_s : numpy.ndarray
        ``(n,)`` float, strictly increasing from 0.
    points_px : numpy.ndarray
        ``(n, 478, 2)`` float32, x to the right and y down, of MediaPipe's mesh; a row of NaN where
        the face is missing.
    pose : numpy.ndarray
        ``(n, 4, 4)`` float32, as in :class:`featurize.types.LandmarkTrack`.
    blendshapes : numpy.ndarray
        ``(n, 52)`` float32, as in :class:`featurize.types.LandmarkTrack`.

    Raises
    ------
    SynthesisError
        When there is no frame, shapes disagree, a side is odd, or times do not increase from 0.
    """

    frames: np.ndarray
    time_s: np.ndarray
    points_px: np.ndarray
    pose: np.ndarray
    blendshapes: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.time_s)
        shape, pixel = self.frames.shape, self.frames.dtype
        if len(shape) != 4 or shape[3] != 3 or pixel != np.uint8 or 0 in shape:
            raise SynthesisError(f"Frames must be (n, h, w, 3) uint8, not {shape} {pixel}.")
        if shape[1] % 2 or shape[2] % 2:
            raise SynthesisError(f"Both sides of a frame must be even, not {shape[1:3]}.")
        expected = {
            "frames": (n, *shape[1:]),
            "time_s": (n,),
            "points_px": (n, MEDIAPIPE_478.n_points, 2),
            "pose": (n, 4, 4),
            "blendshapes": (n, 52),
        }
        for name, should in expected.items():
            if getattr(self, name).shape != should:
                raise SynthesisError(
                    f"{name} of a clip of {n} frames must be {should}, "
                    f"not {getattr(self, name).shape}."
                )
        if self.time_s[0] != 0 or not np.all(np.diff(self.time_s) > 0):
            raise SynthesisError("Times of a clip must increase from 0 on.")

    @property
    def n_frames(self) -> int:
        """Number of frames, at least 1."""
        return len(self.time_s)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self.frames.shape[2], self.frames.shape[1]

    @cached_property
    def shown(self) -> np.ndarray:
        """``(n,)`` bool: in which frames the face is there, with a pose, and is no line or dot."""
        known = np.isfinite(self.points_px).all(axis=(1, 2)) & np.isfinite(self.pose).all((1, 2))
        known[known] = _least_spread_px(self.points_px[known]) >= _LEAST_SPREAD_PX
        return known

    @cached_property
    def interocular_px(self) -> np.ndarray:
        """``(n,)`` distance between the pupils; NaN where the face is missing."""
        right, left = np.moveaxis(self.points_px[:, _PUPILS], 1, 0)
        return np.where(self.shown, np.linalg.norm(left - right, axis=1), np.nan)


def _least_spread_px(points: np.ndarray) -> np.ndarray:
    """``(n,)`` standard deviation of ``(n, k, 2)`` points along the line on which it is least."""
    away = points.astype(np.float64) - points.mean(axis=1, keepdims=True, dtype=np.float64)
    x, y, mixed = ((away[..., i] * away[..., j]).mean(axis=1) for i, j in ((0, 0), (1, 1), (0, 1)))
    least = (x + y) / 2 - np.hypot((x - y) / 2, mixed)
    return np.sqrt(np.maximum(least, 0.0))
