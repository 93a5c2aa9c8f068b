"""Optical flow of the named points from the face crop of one frame to that of the next.

It says where the skin under a landmark went, by the pixels alone: a second opinion beside the
landmarks themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from featurize.landmarks.detection import FaceCrop, FaceDetection
from featurize.landmarks.schema import Schema

SIDE_PX = 128
"""Flow is measured in crops reduced to this side. Known shifts are met within 0.05 px of a crop of
256 px (median), where crops of 256 px with windows of 21 px meet them within 0.03 at four times the
cost; landmarks and flow differ by 0.5."""

WINDOW_PX = 11
LEVELS = 2
REACH_PX = 10.0
"""How far, in the reduced crop, a point may go elsewhere than the face as a whole, about 0.2
interocular distances: what two levels of such windows find further off is chance."""

MAX_RETURN_PX = 0.5
"""A point that the way back misses by more than this, in the reduced crop, is not measured."""

_HALF_WINDOW_PX = WINDOW_PX // 2
_COARSE_HALF_WINDOW_PX = (WINDOW_PX // 2 + 1) * 2 ** (LEVELS - 1)
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)


@dataclass(frozen=True)
class _View:
    """What is kept of a face until the next frame."""

    grey: np.ndarray
    to_frame: np.ndarray
    points_px: np.ndarray


class FlowMeter:
    """Follow the named points of each face from frame to frame by the pixels under them.

    Pyramidal Lucas-Kanade flow with a check forward and back, as in the calibrator of LRNet (Sun et
    al. 2021, "Improving the Efficiency and Robustness of Deepfakes Detection through Precise
    Geometric Features"; Bouguet 2000 for the flow). Changed: it starts from the landmarks as
    detected, not as calibrated before, so that the flow of a frame depends on two frames only; the
    face as a whole is first moved, turned and scaled as its landmarks were, since Lucas-Kanade
    windows only shift; from there flow is searched, not from each landmark's own detection, which
    would draw it there; positions are not rounded to whole pixels; two levels of windows of 11 px
    in crops of 128 px instead of four of 15 px in 400 px.

    It keeps the last view of the faces of one frame, nothing older.

    Parameters
    ----------
    schema : Schema
        Whose named points are followed.
    frame_size_px : tuple of int
        Width and height of the upright frame: beyond it there are no pixels to follow.
    """

    def __init__(self, schema: Schema, frame_size_px: tuple[int, int]) -> None:
        self._indices = schema.indices(schema.points)
        self._frame_size_px = np.array(frame_size_px, dtype=np.float64)
        self._last: dict[int, _View] = {}

    def measure(self, faces: Mapping[int, FaceDetection]) -> dict[int, np.ndarray]:
        """Take all faces of the next frame, and say whereto the points of the frame before went.

        Parameters
        ----------
        faces : Mapping of int to FaceDetection
            By trail. A trail that was not in the frame before starts anew.

        Returns
        -------
        dict of int to numpy.ndarray
            By trail, ``(n_named, 2)`` float32: x and y in pixels of this upright frame, in the
            order of ``schema.points``. NaN in the first frame of a trail, for a point that was
            unknown in the frame before, one too near to the border of the picture or without
            texture to follow, and one that the flow back does not bring home.
        """
        views = {
            trail: self._view(detection.crop, detection.points_px)
            for trail, detection in faces.items()
            if detection.crop is not None
        }
        flows = {}
        for trail in faces:
            before, now = self._last.get(trail), views.get(trail)
            flows[trail] = np.full((len(self._indices), 2), np.nan, dtype=np.float32)
            if before is None or now is None:
                continue
            known = np.isfinite(before.points_px).all(axis=1)
            if known.any():  # OpenCV refuses to follow no point at all
                flows[trail][known] = self._flow(before, now, known)
        self._last = views
        return flows

    def _view(self, crop: FaceCrop, points_px: np.ndarray) -> _View:
        grey = cv2.cvtColor(crop.rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        # A pixel of the small picture is the mean of a square of the large one.
        scale = crop.rgb.shape[0] / SIDE_PX
        turn, start = crop.to_frame[:, :2], crop.to_frame[:, 2]
        to_frame = np.column_stack([turn * scale, start + turn @ np.full(2, (scale - 1) / 2)])
        named_px = points_px[self._indices, :2].astype(np.float64)
        return _View(small, to_frame, named_px)

    def _flow(self, before: _View, now: _View, known: np.ndarray) -> np.ndarray:
        """Where the known points of one view are in the next, ``(n_known, 2)`` frame pixels."""
        whole = _motion_of_the_whole(before.points_px, now.points_px)
        into_crop = cv2.invertAffineTransform(now.to_frame)
        moved_grey = cv2.warpAffine(
            before.grey,
            _chain(into_crop, whole, before.to_frame),
            (SIDE_PX, SIDE_PX),
            borderMode=cv2.BORDER_REPLICATE,
        )
        start_px = before.points_px[known]
        start = _mapped(_chain(into_crop, whole), start_px)
        end, found = _lucas_kanade(moved_grey, now.grey, start, start, LEVELS)
        # It is sought at home, in one level: on real clips that finds the same as two from afar.
        home, returned = _lucas_kanade(now.grey, moved_grey, end, start, 1)
        end_px = _mapped(now.to_frame, end)
        start_in_crop = _mapped(cv2.invertAffineTransform(before.to_frame), start_px)
        trusted = (
            found
            & returned
            & (np.linalg.norm(end - start, axis=1) <= REACH_PX)
            & (np.linalg.norm(home - start, axis=1) <= MAX_RETURN_PX)
            & self._inside(start_in_crop, start_px, before.to_frame)
            & self._inside(end, end_px, now.to_frame)
        )
        return np.where(trusted[:, None], end_px, np.nan)

    def _inside(
        self, in_crop: np.ndarray, in_frame: np.ndarray, to_frame: np.ndarray
    ) -> np.ndarray:
        """Whether the window around a point lies inside the crop, and the coarse one in the frame.

        The border of the frame would be followed as if it were of the face.
        """
        reach_px = _COARSE_HALF_WINDOW_PX * np.abs(to_frame[:, :2]).sum(axis=1)
        crop_end = SIDE_PX - 1 - _HALF_WINDOW_PX
        frame_end = self._frame_size_px - 1 - reach_px
        of_crop = (in_crop >= _HALF_WINDOW_PX) & (in_crop <= crop_end)
        of_frame = (in_frame >= reach_px) & (in_frame <= frame_end)
        return (of_crop & of_frame).all(axis=1)


def _lucas_kanade(
    before: np.ndarray, now: np.ndarray, start: np.ndarray, guess: np.ndarray, levels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where points of one picture are in the next, and whether there was texture to say so."""
    end, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        start.astype(np.float32),
        guess.astype(np.float32),
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=levels - 1,
        criteria=_CRITERIA,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return end.astype(np.float64), found[:, 0] > 0


def _mapped(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:, :2].T + affine[:, 2]


def _chain(last: np.ndarray, *earlier: np.ndarray) -> np.ndarray:
    """One ``(2, 3)`` affine map for several; the rightmost is applied first."""
    for affine in earlier:
        turn = last[:, :2] @ affine[:, :2]
        last = np.column_stack([turn, last[:, :2] @ affine[:, 2] + last[:, 2]])
    return last


def _motion_of_the_whole(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The similarity that lays the points of a face best onto those of the next frame.

    Parameters
    ----------
    before, now : numpy.ndarray
        ``(n, 2)``; fitted where both are known (Umeyama 1991; in the plane, complex numbers make it
        one quotient).

    Returns
    -------
    numpy.ndarray
        ``(2, 3)``; no motion where nothing can be fitted.
    """
    both = np.isfinite(before).all(axis=1) & np.isfinite(now).all(axis=1)
    old, new = before[both] @ [1, 1j], now[both] @ [1, 1j]
    if not both.any():
        return np.eye(2, 3)
    centred = old - old.mean()
    size = np.vdot(centred, centred).real
    turn = np.vdot(centred, new) / size if size > 0 else 1
    shift = new.mean() - turn * old.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
