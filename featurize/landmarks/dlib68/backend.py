"""dlib's 68 points, found by its HOG detector or its convolutional network.

The only file that imports dlib for landmarks.
"""

import threading
from itertools import islice
from typing import Self

import dlib
import numpy as np

from featurize.assets import MMOD_FACE_DETECTOR, SHAPE_PREDICTOR_68, locate
from featurize.errors import OptionError
from featurize.frame import Frame
from featurize.landmarks.detection import Box, FaceCrop, FaceDetection, Region
from featurize.landmarks.dlib68 import DETECTORS
from featurize.landmarks.dlib68.average_face import AverageFace
from featurize.landmarks.dlib68.hog_windows import (
    LEVEL_RATIO,
    LOWEST_LEVEL,
    SCAN_PX,
    WINDOW_PX,
    Scan,
    nearest_level,
    window_side_px,
)
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68
from featurize.types import LandmarkTrack

REGION_PER_WINDOW = 1.4
"""A region is this much larger than the detector's window: all points of a face lie within."""

SEARCH_PX = 640
THOROUGH_SEARCH_PX = {"hog": 1920, "cnn": 1280}
"""A picture is searched at no more than this length of its longer side, however large it is, and a
thorough search enlarges a small one up to twice. Faces are found from about a ninth of the longer
side, thoroughly from 1/26 (HOG) or 1/16 (network), if they are not under 36 px."""

SEARCH_SCORE, FOLLOW_SCORE = 0.0, -0.5
"""Least score of a window that holds a face: in a whole picture dlib's own, a lower one where a
face is known to be. Of 914 scans away from any face none scored above -0.5. Of faces covered or
blurred so that they score between -0.5 and 0, half have landmarks wrong by more than 7 % of the
interocular distance, under 1 % by more than 30 %."""

CONFIDENCE_SLOPE = 1.83
CONFIDENCE_MIDDLE_SCORE = 0.37
"""With these the detector's score becomes the probability that landmarks are within 5 % of the
interocular distance of those of the undisturbed picture, on average over the face. Fitted on 1039
pictures of ten real clips, clean, covered, blurred or noisy."""

LEVEL_CHECK_FRAMES = 5
"""Every so many frames a level beside that of the frame before is tried, up and down by turns."""

PREDICTOR_PX = (100, 700)
"""Sides of the detector's window within which points are read at the picture's own resolution. dlib
rounds points to whole pixels: a smaller face is enlarged first, a larger one reduced."""

# dlib's network puts its box further up and to the left than its HOG detector, on whose boxes the
# predictor was trained; in sides of the box. Measured on six real clips.
_NETWORK_SHIFT = (0.05, 0.07)
_NETWORK_SIZE = 1.04

_WIDE_PX = 192
"""Side at which HOG looks into a wide region: it sees faces from 3/8 of it."""

_CONFIRM_PX = 128
"""Side at which the network looks into a region: it sees faces from 80 px."""

# The detector keeps notes while it works, so no two threads may share one.
_of_thread = threading.local()

_PLACES_CM = np.array([*AVERAGE_FACE_CM.values()])
_RIGID = DLIB_68.indices(DLIB_68.rigid_cm)


class Dlib68Backend:
    """dlib's 68 points on the box of its HOG face detector.

    The points are nearly always the very points of the plain way, detector and predictor on every
    whole frame. Where a face is known to be, the same detector is run on the same windows, but only
    on those around that place.

    The points have no depth: theirs is that of an average face, laid onto those points that do not
    move with the expression. Head pose follows from that.

    Parameters
    ----------
    detector : str
        ``"hog"``, or ``"cnn"``, dlib's network (King 2015, "Max-margin object detection"), which
        also finds faces from the side and takes seconds a picture unless dlib was built with CUDA.
        Where only the network sees a face, its landmarks are not trusted: they were learned on
        faces from the front. It is followed, and known when it turns back.

    Raises
    ------
    OptionError
        When there is no such detector.
    ModelFileError
        When a model file is missing or damaged.
    """

    schema = DLIB_68

    def __init__(self, detector: str = "hog") -> None:
        if detector not in DETECTORS:
            raise OptionError(
                f"dlib has no face detector {detector!r}: use {' or '.join(DETECTORS)}."
            )
        self._hog, self._predictor = _models()
        self._network = (
            dlib.cnn_face_detection_model_v1(str(locate(MMOD_FACE_DETECTOR)))
            if detector == "cnn"
            else None
        )
        self._average_face = AverageFace(DLIB_68.rigid_cm)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def search(self, frame: Frame, thorough: bool) -> list[Region]:
        """Where faces are; see :class:`featurize.landmarks.detection.LandmarkBackend`."""
        width, height = frame.size_px
        longer = max(width, height)
        limit = min(longer, SEARCH_PX)
        if thorough:
            limit = min(2 * longer, THOROUGH_SEARCH_PX["hog" if self._network is None else "cnn"])
        scale = longer / limit
        size_px = (max(round(width / scale), 1), max(round(height / scale), 1))
        picture = frame.crop(_scaled(np.zeros(2), scale), size_px)
        if self._network is None:
            windows, _, _ = self._hog.run(picture, 0, SEARCH_SCORE)
            boxes = [_corners(window) for window in windows]
        else:
            boxes = self._network_boxes(picture)
        return [
            Region(
                ((left + right) / 2 * scale, (top + bottom) / 2 * scale),
                (right - left) * scale * REGION_PER_WINDOW,
            )
            for left, top, right, bottom in boxes
        ]

    def fit(self, frame: Frame, region: Region) -> FaceDetection | None:
        """The face in a region, or None when the detector sees none there."""
        found = self._window(frame, region)
        if found is None:
            return None
        score, box = found
        crop = _crop_around(frame, box)
        step_px, start_px = crop.to_frame[0, 0], crop.to_frame[:, 2]
        in_crop = np.round((box - np.tile(start_px, 2)) / step_px)
        shape = self._predictor(crop.rgb, dlib.rectangle(*(int(edge) for edge in in_crop)))
        points = np.empty((DLIB_68.n_points, 3), np.float32)
        points[:, :2] = np.array([(p.x, p.y) for p in shape.parts()]) * step_px + start_px
        placement = self._average_face.laid_onto(points[_RIGID, :2].astype(np.float64))
        points[:, 2] = placement.depth_px(_PLACES_CM)
        return FaceDetection(
            points_px=points,
            confidence=confidence_of(score),
            pose=placement.pose(frame.size_px),
            crop=crop,
        )

    def region_after(self, detection: FaceDetection) -> Region:
        """The window in which the face was seen: a face moves less than a window's step a frame."""
        crop = detection.crop
        side_px = crop.rgb.shape[0] * crop.to_frame[0, 0]
        level, _ = nearest_level(side_px / REGION_PER_WINDOW)
        centre = crop.to_frame[:, 2] + (side_px - crop.to_frame[0, 0]) / 2
        return Region(
            (float(centre[0]), float(centre[1])), window_side_px(level) * REGION_PER_WINDOW
        )

    def completed(self, track: LandmarkTrack) -> LandmarkTrack:
        """The track as it is: depth and pose came with the points."""
        return track

    def _window(self, frame: Frame, region: Region) -> tuple[float, np.ndarray] | None:
        """Score and box of the window of the whole picture's pyramid that best shows the face."""
        level, off = nearest_level(region.side_px / REGION_PER_WINDOW)
        is_followed = abs(off) < 0.05
        if not is_followed:
            # No window's size: the region comes from a search, or is wider than the face.
            region = self._narrowed(frame, region)
            level, _ = nearest_level(region.side_px / REGION_PER_WINDOW)
        found = self._scan(frame, region, level)
        beside: tuple[int, ...] = (level + 1, max(level - 1, LOWEST_LEVEL))
        if found and is_followed:
            turn, is_between = divmod(frame.index, LEVEL_CHECK_FRAMES)
            beside = () if is_between else (beside[turn % 2],)
        found += [window for other in beside for window in self._scan(frame, region, other)]
        if found:
            return max(found, key=lambda window: window[0])
        if self._network is not None and (box := self._confirmed(frame, region)) is not None:
            return FOLLOW_SCORE, box
        return None

    def _narrowed(self, frame: Frame, region: Region) -> Region:
        """The region of the face that is anywhere in a wide region; the same when none is seen."""
        to_frame = region.to_frame(_WIDE_PX)
        windows, _, _ = self._hog.run(frame.crop(to_frame, (_WIDE_PX, _WIDE_PX)), 0, SEARCH_SCORE)
        if len(windows) == 0:
            return region
        left, top, right, bottom = _corners(windows[0])
        x, y = to_frame @ ((left + right) / 2, (top + bottom) / 2, 1)
        side_px = (right - left) * region.side_px / _WIDE_PX
        return Region((float(x), float(y)), side_px * REGION_PER_WINDOW)

    def _scan(self, frame: Frame, region: Region, level: int) -> list[tuple[float, np.ndarray]]:
        """Score and box of the best window of one level near a region's middle, if it is a face."""
        scan = Scan.around(np.array(region.centre_px), level, frame.size_px)
        piece = frame.crop(_scaled(scan.start_px, scan.scale), (SCAN_PX, SCAN_PX))
        windows, scores, _ = self._hog.run(piece, 0, FOLLOW_SCORE)
        # The best comes first. Larger windows are of higher levels, out of step with the picture's.
        of_level = (
            (score, scan.box_px(_corners(window)))
            for window, score in zip(windows, scores, strict=True)
            if window.width() < WINDOW_PX * LEVEL_RATIO
        )
        return list(islice(of_level, 1))

    def _confirmed(self, frame: Frame, region: Region) -> np.ndarray | None:
        """Box of the face that the network sees in a region, None when it sees none."""
        scale = region.side_px / _CONFIRM_PX
        start_px = np.array(region.centre_px) - scale * (_CONFIRM_PX - 1) / 2
        piece = frame.crop(_scaled(start_px, scale), (_CONFIRM_PX, _CONFIRM_PX))
        boxes = self._network_boxes(piece)
        if not boxes:
            return None
        return np.round(np.array(boxes[0]) * scale + np.tile(start_px, 2))

    def _network_boxes(self, picture: np.ndarray) -> list[Box]:
        """Faces that dlib's network sees, surest first, with the boxes that HOG would give."""
        boxes = []
        for found in self._network(picture, 0):
            left, top, right, bottom = _corners(found.rect)
            side = right - left
            x, y = (left + right) / 2 + _NETWORK_SHIFT[0] * side, (top + bottom) / 2
            y += _NETWORK_SHIFT[1] * side
            half = side * _NETWORK_SIZE / 2
            boxes.append((x - half, y - half, x + half, y + half))
        return boxes


def _models() -> tuple[dlib.fhog_object_detector, dlib.shape_predictor]:
    """HOG detector and predictor of this thread: reading them takes half a second."""
    path = locate(SHAPE_PREDICTOR_68)
    if getattr(_of_thread, "path", None) != path:
        _of_thread.hog = dlib.get_frontal_face_detector()
        _of_thread.predictor = dlib.shape_predictor(str(path))
        _of_thread.path = path
    return _of_thread.hog, _of_thread.predictor


def confidence_of(score: float) -> float:
    """Probability in [0, 1] that landmarks are right, from the score of the detector's window.

    Examples
    --------
    >>> [round(confidence_of(score), 2) for score in (-0.5, 0.37, 2.0)]
    [0.17, 0.5, 0.95]
    """
    return float(1 / (1 + np.exp(-CONFIDENCE_SLOPE * (score - CONFIDENCE_MIDDLE_SCORE))))


def build() -> str:
    """Which dlib this is, and whether its network runs on a GPU."""
    return f"dlib {dlib.__version__} {'with' if dlib.DLIB_USE_CUDA else 'without'} CUDA"


def _corners(rectangle: dlib.rectangle) -> tuple[int, int, int, int]:
    return rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom()


def _crop_around(frame: Frame, box: np.ndarray) -> FaceCrop:
    """The surroundings of a detector's box, at a resolution that suits the predictor."""
    side_px = box[2] - box[0] + 1
    least, most = PREDICTOR_PX
    # Whole multiples, so that the box falls on whole pixels.
    step_px = 1 / np.ceil(least / side_px) if side_px < least else max(1.0, side_px / most)
    start_px = np.floor(box[:2] - (REGION_PER_WINDOW - 1) / 2 * side_px)
    size = int(np.ceil(REGION_PER_WINDOW * side_px / step_px))
    to_frame = _scaled(start_px, step_px)
    return FaceCrop(frame.crop(to_frame, (size, size)), to_frame)


def _scaled(start_px: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """Map from a picture to the frame: pixel ``p`` shows what is at ``start_px + p * scale``."""
    return np.column_stack([np.eye(2) * scale, start_px])
