"""Landmarks as MediaPipe's Face Landmarker gives them: 478 points, irises, 52 blendshapes, pose."""

import math
from typing import Self

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.detection import FaceCrop, FaceDetection, Region
from featurize.landmarks.mediapipe478.face_finder import REGION_PER_FACE, find_faces
from featurize.landmarks.mediapipe478.face_mesh import CROP_PX, FaceMesh
from featurize.landmarks.mediapipe478.metric_pose import with_metric_pose
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.types import LandmarkTrack

MIN_PRESENCE_LOG_ODDS = 0.0
"""A region holds a face when the mesh network gives it better than even odds, as in MediaPipe."""

CONFIDENCE_SLOPE = 0.33
CONFIDENCE_MIDDLE_LOG_ODDS = 7.4
"""The network is sure of a face long after its landmarks have gone wrong. Its log-odds tell how far
wrong all the same: with this slope and middle they become the probability that landmarks are within
5 % of the interocular distance of those of the undisturbed picture, on average over the face.
Measured by ``benchmarks/confidence.py``."""

# Outer corner, inner corner and the points of the iris, centre first, of each eye.
_EYES = tuple(
    (
        MEDIAPIPE_478.points[f"{side}_eye_outer"],
        MEDIAPIPE_478.points[f"{side}_eye_inner"],
        MEDIAPIPE_478.indices(
            (f"{side}_iris_centre", *(f"{side}_iris_edge_{number}" for number in range(1, 5)))
        ),
    )
    for side in ("right", "left")
)
_RIGHT_EYE, _LEFT_EYE = (eye[0] for eye in _EYES)


class MediaPipeBackend:
    """Landmarks of MediaPipe's bundle, its regions and networks, without its smoothing.

    Face Landmarker in video mode smooths landmarks over time (One Euro filter), which hides the
    jitter that manipulated faces show, so it is left out here. With that filter put behind, the
    points are those of Face Landmarker: see ``benchmarks/parity.py``.

    Raises
    ------
    ModelFileError
        When the model file is missing or damaged.
    """

    schema = MEDIAPIPE_478

    def __init__(self) -> None:
        self._mesh = FaceMesh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def search(self, frame: Frame, thorough: bool) -> list[Region]:
        """Where faces are; see :class:`featurize.landmarks.detection.LandmarkBackend`."""
        return find_faces(self._mesh, frame, thorough)

    def fit(self, frame: Frame, region: Region) -> FaceDetection | None:
        """The face in a region, or None when there is none."""
        to_frame = region.to_frame(CROP_PX)
        crop = frame.crop(to_frame, (CROP_PX, CROP_PX))
        in_crop, presence = self._mesh.landmarks(crop)
        if presence < MIN_PRESENCE_LOG_ODDS:
            return None
        points = np.empty((MEDIAPIPE_478.n_points, 3), np.float32)
        points[:, :2] = in_crop[:, :2] @ to_frame[:, :2].T + to_frame[:, 2]
        points[:, 2] = in_crop[:, 2] * (region.side_px / CROP_PX)
        return FaceDetection(
            points_px=without_stray_irises(points),
            confidence=confidence_of(presence),
            blendshapes=self._mesh.blendshapes(points),
            crop=FaceCrop(crop, to_frame),
        )

    def region_after(self, detection: FaceDetection) -> Region:
        """The square around all landmarks, turned with the eyes and half as large again."""
        left, top, right, bottom = detection.box_px
        across = detection.points_px[_LEFT_EYE] - detection.points_px[_RIGHT_EYE]
        return Region(
            ((left + right) / 2, (top + bottom) / 2),
            max(right - left, bottom - top) * REGION_PER_FACE,
            float(np.arctan2(across[1], across[0])),
        )

    def completed(self, track: LandmarkTrack) -> LandmarkTrack:
        """The track with the pose of the head in centimetres."""
        return with_metric_pose(track)


def confidence_of(presence_log_odds: float) -> float:
    """Probability in [0, 1] that landmarks are right, from the network's log-odds of a face.

    Examples
    --------
    >>> [round(confidence_of(log_odds), 2) for log_odds in (0.0, 7.4, 19.0)]
    [0.08, 0.5, 0.98]
    """
    steps = CONFIDENCE_SLOPE * (presence_log_odds - CONFIDENCE_MIDDLE_LOG_ODDS)
    return float(1 / (1 + np.exp(-steps)))


def without_stray_irises(points_px: np.ndarray) -> np.ndarray:
    """Set an iris that lies outside its own eye to NaN: there the iris model has failed.

    Parameters
    ----------
    points_px : numpy.ndarray
        ``(478, 3)``.

    Returns
    -------
    numpy.ndarray
        The same, with the five points of an iris NaN where its centre is further than half an eye
        width from the middle of its eye. On 65 916 frames of 219 clips irises stray by up to six
        eye widths on one clip, and on all others stay within 0.37.
    """
    kept = points_px.copy()
    for outer, inner, iris in _EYES:
        right, left, centre = points_px[[outer, inner, iris[0]], :2].tolist()
        middle = (right[0] + left[0]) / 2, (right[1] + left[1]) / 2
        if math.dist(centre, middle) > math.dist(right, left) / 2:
            kept[iris] = np.nan
    return kept
