"""Head rotation from the rigid landmarks, and position from the backend's metric pose."""

import numpy as np

from featurize.declaration import FrameSignal, frame_signal
from featurize.frame_features.points import rotation
from featurize.types import LandmarkTrack

_ROTATION = "Kabsch 1976, on the rigid points of MediaPipe's canonical face, in weak perspective"
_POSITION = "MediaPipe Face Geometry (weighted Procrustes fit of a canonical face); dlib: its scale"


@frame_signal(unit="deg", reference=_ROTATION, confounded_by=("close cameras", "camera shake"))
def yaw_deg(track: LandmarkTrack) -> np.ndarray:
    """Turn of the head to the side; positive when the subject turns to their own left.

    Angle of the face's outward axis in the horizontal plane, in (-180, 180].
    """
    outward = rotation(track)[:, :, 2]
    return np.degrees(np.arctan2(outward[:, 0], outward[:, 2]))


@frame_signal(
    unit="deg", reference=_ROTATION, confounded_by=("close cameras", "camera height", "identity")
)
def pitch_deg(track: LandmarkTrack) -> np.ndarray:
    """Nod of the head; positive when the subject looks up.

    Elevation of the face's outward axis, in [-90, 90].
    """
    outward = rotation(track)[:, :, 2]
    return np.degrees(np.arcsin(np.clip(outward[:, 1], -1, 1)))


@frame_signal(unit="deg", reference=_ROTATION, confounded_by=("camera roll",))
def roll_deg(track: LandmarkTrack) -> np.ndarray:
    """Tilt of the head; positive towards the subject's left shoulder (clockwise in the picture).

    Rotation about the face's outward axis after yaw and pitch, in (-180, 180].
    """
    axes = rotation(track)
    return np.degrees(np.arctan2(-axes[:, 1, 0], axes[:, 1, 1]))


def _translation(axis: int, direction: str) -> FrameSignal:
    def function(track: LandmarkTrack) -> np.ndarray:
        if track.pose is None:
            return np.full(track.n_frames, np.nan)
        return track.pose[:, axis, 3].astype(np.float64)

    function.__name__ = f"translation_{'xyz'[axis]}_cm"
    function.__doc__ = f"""Place of the head {direction}.

    In centimetres of an average adult face, seen by a camera with a vertical field of view of 63
    degrees, which is what the backend assumes.
    """
    return frame_signal(
        unit="cm", reference=_POSITION, confounded_by=("framing", "focal length", "face size")
    )(function)


translation_x_cm = _translation(0, "across the picture, positive to the subject's left")
translation_y_cm = _translation(1, "up the picture")
translation_z_cm = _translation(2, "along the line of sight, positive towards the viewer")
