"""Head rotation from the rigid landmarks, and position from the backend's metric pose.

And the pose of the inner face against that of the whole face: a face pasted into another head has
been fitted to it in the picture, not in space, so the two do not quite agree, and not in the same
way from frame to frame.
"""

from dataclasses import dataclass

import numpy as np

from featurize.computed_once import computed_once
from featurize.declaration import FrameSignal, frame_signal
from featurize.frame_features.points import fit_in_picture, in_iod, named_points, rotation
from featurize.landmarks.schema import SCHEMES, Schema
from featurize.types import LandmarkTrack

_ROTATION = "Kabsch 1976, on the rigid points of MediaPipe's canonical face, in weak perspective"
_POSITION = "MediaPipe Face Geometry (weighted Procrustes fit of a canonical face); dlib: its scale"


@frame_signal(unit="deg", reference=_ROTATION, confounded_by=("close cameras", "camera shake"))
def yaw_deg(track: LandmarkTrack) -> np.ndarray:
    """Turn of the head to the side; positive when the subject turns to their own left.

    Angle of the face's outward axis in the horizontal plane, in (-180, 180].
    """
    return _yaw_deg(rotation(track))


@frame_signal(
    unit="deg", reference=_ROTATION, confounded_by=("close cameras", "camera height", "identity")
)
def pitch_deg(track: LandmarkTrack) -> np.ndarray:
    """Nod of the head; positive when the subject looks up.

    Elevation of the face's outward axis, in [-90, 90].
    """
    return _pitch_deg(rotation(track))


@frame_signal(unit="deg", reference=_ROTATION, confounded_by=("camera roll",))
def roll_deg(track: LandmarkTrack) -> np.ndarray:
    """Tilt of the head; positive towards the subject's left shoulder (clockwise in the picture).

    Rotation about the face's outward axis after yaw and pitch, in (-180, 180].
    """
    return _roll_deg(rotation(track))


def _yaw_deg(turns: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(turns[:, 0, 2], turns[:, 2, 2]))


def _pitch_deg(turns: np.ndarray) -> np.ndarray:
    return np.degrees(np.arcsin(np.clip(turns[:, 1, 2], -1, 1)))


def _roll_deg(turns: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(-turns[:, 1, 0], turns[:, 1, 1]))


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


@dataclass(frozen=True)
class _InnerAndWhole:
    """Poses of the inner and of the whole face: ``(n, 3, 3)`` turns, ``(n, 2)`` origins, pixels."""

    inner_turns: np.ndarray
    whole_turns: np.ndarray
    inner_origins: np.ndarray
    whole_origins: np.ndarray


def _inner_names(schema: Schema) -> tuple[str, ...]:
    """Brows, nose, corners of eyes and mouth: what a swapped face brings along."""
    corners = ("eye_inner", "eye_outer", "mouth_corner")
    return tuple(
        name
        for name in schema.average_cm
        if name.endswith(corners)
        or name in schema.regions["brows"]
        or name in schema.regions["nose"]
    )


@computed_once
def _poses(track: LandmarkTrack) -> _InnerAndWhole:
    schema = SCHEMES[track.schema]
    inner = _inner_names(schema)
    names = (*inner, *schema.regions["outline"])
    places_cm = np.array([schema.average_cm[name] for name in names])
    upright = named_points(track, *names)[..., :2] * (1, -1)
    inner_turns, _, inner_origins = fit_in_picture(
        upright[:, : len(inner)], places_cm[: len(inner)]
    )
    whole_turns, _, whole_origins = fit_in_picture(upright, places_cm)
    return _InnerAndWhole(inner_turns, whole_turns, inner_origins, whole_origins)


_DISAGREEMENT = "Yang, Li & Lyu 2019, with POS (DeMenthon & Davis 1995) for solvePnP"
_DISAGREEMENT_CONFOUNDERS = (
    "identity",
    "close cameras",
    "head pose",
    "expression",
    "jaw opening",
    "landmark noise at small faces",
)
_disagreement = frame_signal(
    unit="deg", reference=_DISAGREEMENT, confounded_by=_DISAGREEMENT_CONFOUNDERS
)


@_disagreement
def pose_disagreement_deg(track: LandmarkTrack) -> np.ndarray:
    """Angle between the pose of the inner face and that of the whole face.

    ``arccos((trace(R_inner R_whole^T) - 1) / 2)``, in [0, 180]. Each R turns the average face onto
    the points in the picture, without their depth: brows, nose, and corners of eyes and mouth; the
    same and the outline. The paper takes the angle between the outward axes alone, of dlib's
    points seen by a camera with an assumed focal length.
    """
    poses = _poses(track)
    cosine = (np.einsum("fij,fij->f", poses.inner_turns, poses.whole_turns) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@_disagreement
def yaw_disagreement_deg(track: LandmarkTrack) -> np.ndarray:
    """Yaw of the inner face less that of the whole face.

    Signs and range are those of yaw; the poses are those of the disagreement of pose.
    """
    poses = _poses(track)
    return _wrapped_deg(_yaw_deg(poses.inner_turns) - _yaw_deg(poses.whole_turns))


@_disagreement
def pitch_disagreement_deg(track: LandmarkTrack) -> np.ndarray:
    """Pitch of the inner face less that of the whole face.

    In [-180, 180]; the poses are those of the disagreement of pose.
    """
    poses = _poses(track)
    return _pitch_deg(poses.inner_turns) - _pitch_deg(poses.whole_turns)


@_disagreement
def roll_disagreement_deg(track: LandmarkTrack) -> np.ndarray:
    """Roll of the inner face less that of the whole face.

    Signs and range are those of roll; the poses are those of the disagreement of pose.
    """
    poses = _poses(track)
    return _wrapped_deg(_roll_deg(poses.inner_turns) - _roll_deg(poses.whole_turns))


@frame_signal(unit="iod", reference=_DISAGREEMENT, confounded_by=_DISAGREEMENT_CONFOUNDERS)
def place_disagreement_iod(track: LandmarkTrack) -> np.ndarray:
    """Distance between where the inner face and the whole face put the middle of the head.

    ``|o_inner - o_whole| / iod``: o is where the origin of the average face comes to lie in the
    picture; the poses are those of the disagreement of pose.
    """
    poses = _poses(track)
    return in_iod(track, np.linalg.norm(poses.inner_origins - poses.whole_origins, axis=1))


def _wrapped_deg(angle_deg: np.ndarray) -> np.ndarray:
    """The same angle in (-180, 180]."""
    return 180 - (180 - angle_deg) % 360
