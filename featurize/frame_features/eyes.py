"""Eye opening and gaze, from the lid contours and the irises."""

import numpy as np

from featurize.declaration import FrameSignal, frame_signal
from featurize.frame_features.points import frontal, in_iod, named_points
from featurize.types import LandmarkTrack

_EAR_CONTOUR = (
    "eye_outer",
    "eye_upper_3",
    "eye_upper_5",
    "eye_inner",
    "eye_lower_5",
    "eye_lower_3",
)


def _eye_aspect_ratio(track: LandmarkTrack, side: str) -> np.ndarray:
    p = named_points(track, *(f"{side}_{point}" for point in _EAR_CONTOUR))
    heights_px = np.linalg.norm(p[:, [1, 2]] - p[:, [5, 4]], axis=2)
    width_px = np.linalg.norm(p[:, 0] - p[:, 3], axis=1)
    return heights_px.sum(axis=1) / (2 * width_px)


_EAR_REFERENCE = "Soukupová & Čech 2016, with distances in three dimensions"
_EAR_CONFOUNDERS = ("eye shape", "gaze down", "large yaw or pitch", "glasses", "small faces")


@frame_signal(unit="1", reference=_EAR_REFERENCE, confounded_by=_EAR_CONFOUNDERS)
def ear_left(track: LandmarkTrack) -> np.ndarray:
    """Eye aspect ratio (EAR) of the subject's left eye: lid opening over eye width.

    ``(|p2 - p6| + |p3 - p5|) / (2 |p1 - p4|)`` over the six points of the lid contour, in three
    dimensions. About 0.3 open, below 0.1 closed. The six points are dlib's; of MediaPipe's mesh
    those that lie nearest to them are taken.
    """
    return _eye_aspect_ratio(track, "left")


@frame_signal(unit="1", reference=_EAR_REFERENCE, confounded_by=_EAR_CONFOUNDERS)
def ear_right(track: LandmarkTrack) -> np.ndarray:
    """Eye aspect ratio (EAR) of the subject's right eye: lid opening over eye width.

    As :func:`ear_left`, on the other side.
    """
    return _eye_aspect_ratio(track, "right")


@frame_signal(
    unit="1", reference=_EAR_REFERENCE, confounded_by=("one eye turned away or hidden", "winking")
)
def ear_difference(track: LandmarkTrack) -> np.ndarray:
    """Difference of the eye aspect ratios, left minus right.

    ``ear_left - ear_right``.
    """
    return _eye_aspect_ratio(track, "left") - _eye_aspect_ratio(track, "right")


def _gaze(track: LandmarkTrack, side: str) -> np.ndarray:
    """Offset of the iris from the middle of the eye, in eye widths: to the subject's left, up."""
    points = named_points(
        track, *(f"{side}_{p}" for p in ("eye_outer", "eye_inner", "iris_centre"))
    )
    outer, inner, iris = np.moveaxis(frontal(track, points)[..., :2], 1, 0)
    along = outer - inner if side == "left" else inner - outer
    width_px = np.linalg.norm(along, axis=1, keepdims=True)
    along = along / width_px
    upwards = np.stack([-along[:, 1], along[:, 0]], axis=1)
    offset = (iris - (outer + inner) / 2) / width_px
    return np.stack([np.sum(offset * along, axis=1), np.sum(offset * upwards, axis=1)], axis=1)


_GAZE_REFERENCE = "iris offset as in Wood & Bulling 2014 (EyeTab), turned to frontal first"
_GAZE_CONFOUNDERS = ("closed eyes", "glasses", "small faces", "pose error at large yaw")


def _gaze_signal(side: str, axis: int) -> FrameSignal:
    direction = ("towards the subject's left", "upwards")[axis]

    def function(track: LandmarkTrack) -> np.ndarray:
        return _gaze(track, side)[:, axis]

    function.__name__ = f"gaze_{('x', 'y')[axis]}_{side}"
    function.__doc__ = f"""Offset of the {side} iris from the middle of its eye, {direction}.

    In widths of that eye, in the frontal plane of the face; 0 when the iris is centred. NaN with
    dlib, which has no irises.
    """
    return frame_signal(unit="1", reference=_GAZE_REFERENCE, confounded_by=_GAZE_CONFOUNDERS)(
        function
    )


gaze_x_left = _gaze_signal("left", 0)
gaze_y_left = _gaze_signal("left", 1)
gaze_x_right = _gaze_signal("right", 0)
gaze_y_right = _gaze_signal("right", 1)


@frame_signal(unit="1", reference=_GAZE_REFERENCE, confounded_by=_GAZE_CONFOUNDERS)
def gaze_disagreement(track: LandmarkTrack) -> np.ndarray:
    """How far the two irises look in different directions.

    Length of the difference of the two gaze offsets, in eye widths. NaN with dlib, which has no
    irises.
    """
    return np.linalg.norm(_gaze(track, "left") - _gaze(track, "right"), axis=1)


def _iris_diameter_iod(track: LandmarkTrack, side: str) -> np.ndarray:
    """The larger of the iris's two diameters."""
    edges = named_points(track, *(f"{side}_iris_edge_{number}" for number in (1, 2, 3, 4)))
    diameters_px = np.linalg.norm(edges[:, :2] - edges[:, 2:], axis=2)
    return in_iod(track, diameters_px.max(axis=1))


_IRIS_REFERENCE = "iris diameter as in Ablavatski et al. 2020 (MediaPipe Iris)"
_IRIS_CONFOUNDERS = ("half-shut eyes", "small faces", "large yaw or pitch", "glasses", "identity")


@frame_signal(unit="iod", reference=_IRIS_REFERENCE, confounded_by=_IRIS_CONFOUNDERS)
def iris_diameter_left_iod(track: LandmarkTrack) -> np.ndarray:
    """Diameter of the left iris over the interocular distance.

    The larger of its width and height, in three dimensions. MediaPipe gives one depth to a whole
    iris, so it is a diameter in the picture; a turn of the eye makes the round iris an ellipse, but
    leaves the longer axis as it is. About 0.14 in everyone. NaN with dlib, which has no irises.
    """
    return _iris_diameter_iod(track, "left")


@frame_signal(unit="iod", reference=_IRIS_REFERENCE, confounded_by=_IRIS_CONFOUNDERS)
def iris_diameter_right_iod(track: LandmarkTrack) -> np.ndarray:
    """Diameter of the right iris over the interocular distance.

    As :func:`iris_diameter_left_iod`, on the other side.
    """
    return _iris_diameter_iod(track, "right")
