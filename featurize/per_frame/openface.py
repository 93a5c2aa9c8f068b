"""What this package knows of a frame under the names, units and signs of OpenFace 2.

Read off its recorder (``RecorderCSV.cpp``), its pose (``RotationHelpers.h``,
``LandmarkDetectorFunc.h``), its gaze (``GazeEstimation.cpp``) and the page "Output Format" of its
wiki. Its axes are those of the camera: x to the right of the picture, y down, z away from the
camera. A head that faces the camera upright has the rotation 0.

What OpenFace has and this package does not measure is left out, not made up: action units
(``AU01_r`` and the like: blendshapes are other quantities on another scale), 3D landmarks in
millimetres, landmarks of the eye region and parameters of its face model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from featurize.frame_features import eyes, head_pose
from featurize.landmarks.schema import DLIB_68, SCHEMES
from featurize.types import LandmarkTrack

OPENFACE = "OpenFace 2 (Baltrusaitis et al. 2018)"

IRIS_DISTANCE = 0.4
"""From the middle of the eyeball to the iris, in eye widths: about 10 mm of 26 mm, so that one
degree is 0.007 eye widths."""


@dataclass(frozen=True)
class FrameColumn:
    """Description of one column of a per-frame file.

    Attributes
    ----------
    name : str
        As in the file's first line.
    unit : str
        ``"1"`` for a pure number.
    meaning : str
        In one sentence, without its full stop.
    reference : str
        Where the measure comes from.
    """

    name: str
    unit: str
    meaning: str
    reference: str


HEAD_COLUMNS: tuple[FrameColumn, ...] = (
    FrameColumn("frame", "1", "Number of the frame, from 1", OPENFACE),
    FrameColumn(
        "face_id",
        "1",
        "Number of the face, as `face` in the feature table: 0 is the main",
        OPENFACE,
    ),
    FrameColumn("timestamp", "s", "Presentation time of the frame in the video", OPENFACE),
    FrameColumn(
        "confidence",
        "1",
        "How likely the landmarks are right, from 0 to 1; 0 where the face is not seen",
        "probability that landmarks are within 5 % of the interocular distance",
    ),
    FrameColumn(
        "success",
        "1",
        "1 where the face is seen and its confidence is one half or more; where it is 0, all that "
        "follows is empty",
        OPENFACE,
    ),
)
"""What every row has."""

_GAZE = (
    f"{OPENFACE}, from the offset of the iris on an eyeball of average size and place: shows how "
    "the gaze moves; where it points may be off by 10 degrees and more"
)
_PLACE = (
    f"{OPENFACE}, from MediaPipe's face geometry, which takes the camera to see 63 degrees from "
    "top to bottom; OpenFace makes another guess where the camera is not known"
)
_TURN = (
    f"{OPENFACE}, R = Rx Ry Rz; Kabsch 1976 in weak perspective, so against the line of sight, "
    "where OpenFace guesses a camera"
)
_POINT = (
    "300-W (Sagonas et al. 2016); dlib's own points, or of MediaPipe's mesh those that were "
    "measured to lie nearest"
)


def _gaze_columns() -> list[FrameColumn]:
    ways = {"x": "to the right of the picture", "y": "down", "z": "away from the camera"}
    eyes_of = ("right eye, the left one in the picture", "left eye, the right one in the picture")
    vectors = [
        FrameColumn(
            f"gaze_{eye}_{axis}",
            "1",
            f"Part {way} of the direction in which the subject's {whose}, looks; of length 1",
            _GAZE,
        )
        for eye, whose in enumerate(eyes_of)
        for axis, way in ways.items()
    ]
    meanings = {
        "x": "Direction in which both eyes look, positive to the right of the picture",
        "y": "Direction in which both eyes look, positive down",
    }
    return vectors + [
        FrameColumn(f"gaze_angle_{axis}", "rad", f"{meaning}; 0 is towards the camera", _GAZE)
        for axis, meaning in meanings.items()
    ]


def _pose_columns() -> list[FrameColumn]:
    places = {
        "x": "Place of the head from the camera to the right of the picture",
        "y": "Place of the head from the camera down",
        "z": "Place of the head from the camera away from it",
    }
    turns = {
        "x": "Pitch of the head, positive when it looks down",
        "y": "Yaw of the head, positive when the subject turns to their own right",
        "z": "Roll of the head, positive clockwise in the picture",
    }
    return [FrameColumn(f"pose_T{axis}", "mm", text, _PLACE) for axis, text in places.items()] + [
        FrameColumn(f"pose_R{axis}", "rad", text, _TURN) for axis, text in turns.items()
    ]


def _point_columns() -> list[FrameColumn]:
    words = {"x": "from the left", "y": "from the top"}
    return [
        FrameColumn(
            f"{axis}_{number}",
            "px",
            f"Place {words[axis]} of the upright frame of the landmark {name}",
            _POINT,
        )
        for axis in "xy"
        for name, number in DLIB_68.points.items()
    ]


OPENFACE_COLUMNS: tuple[FrameColumn, ...] = (
    *_gaze_columns(),
    *_pose_columns(),
    *_point_columns(),
)
"""What OpenFace also measures, in its order."""

_BETWEEN: Mapping[str, tuple[str, str]] = {
    f"{side}_{name}": (f"{side}_{one}", other if other == "subnasale" else f"{side}_{other}")
    for side in ("right", "left")
    for name, one, other in (
        ("jaw_1", "outline_8", "outline_9"),
        ("jaw_2", "outline_9", "outline_10"),
        ("nostril_sill", "nostril", "subnasale"),
    )
}
"""Points of dlib's that no point of the mesh lies near, and the two between which they lie. On 21
pictures the 68 of the mesh are on average within 0.037 interocular distances of dlib's own (jaw
0.068, brows 0.043, nose 0.032, eyes 0.014, mouth 0.024); those of the usual table, which has one
point of the mesh for each, within 0.043 (jaw 0.092)."""


_GAZE_SIGNALS = {
    "right": (eyes.gaze_x_right, eyes.gaze_y_right),
    "left": (eyes.gaze_x_left, eyes.gaze_y_left),
}


def openface_values(track: LandmarkTrack, signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """The columns :data:`OPENFACE_COLUMNS` of some frames of a face.

    Parameters
    ----------
    track : LandmarkTrack
        The frames.
    signals : Mapping[str, numpy.ndarray]
        ``(n_frames,)`` values of their frame signals by column name.

    Returns
    -------
    numpy.ndarray
        ``(n_frames, n_columns)`` float64; NaN where unknown.
    """
    turns = _turns(signals)
    gazes = [_gaze(signals, turns, side) for side in ("right", "left")]
    both = sum(gazes) / 2
    gaze_angles = np.arctan2(both[:, :2], -both[:, 2:])
    places_mm = np.stack(
        [
            10 * signals[head_pose.translation_x_cm.column],
            -10 * signals[head_pose.translation_y_cm.column],
            -10 * signals[head_pose.translation_z_cm.column],
        ],
        axis=1,
    )
    points = _points_68(track)
    return np.hstack(
        [*gazes, gaze_angles, places_mm, _euler(turns), points[..., 0], points[..., 1]]
    )


def _turns(signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """``(n, 3, 3)`` rotations of the head in OpenFace's axes, from its yaw, pitch and roll."""
    yaw, pitch, roll = (
        np.radians(signals[signal.column])
        for signal in (head_pose.yaw_deg, head_pose.pitch_deg, head_pose.roll_deg)
    )
    # Theirs of x points the same way, those of y and z the other.
    return _about(1, -yaw) @ _about(0, -pitch) @ _about(2, roll)


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    """``(n, 3, 3)`` right-handed rotations about one axis."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    turns = np.zeros((len(angle), 3, 3))
    turns[:, axis, axis] = 1
    turns[:, one, one] = turns[:, two, two] = np.cos(angle)
    turns[:, two, one] = np.sin(angle)
    turns[:, one, two] = -turns[:, two, one]
    return turns


def _euler(turns: np.ndarray) -> np.ndarray:
    """``(n, 3)`` angles about x, y and z whose rotations, multiplied in this order, are these."""
    return np.stack(
        [
            np.arctan2(-turns[:, 1, 2], turns[:, 2, 2]),
            np.arcsin(np.clip(turns[:, 0, 2], -1, 1)),
            np.arctan2(-turns[:, 0, 1], turns[:, 0, 0]),
        ],
        axis=1,
    )


def _gaze(signals: Mapping[str, np.ndarray], turns: np.ndarray, side: str) -> np.ndarray:
    """``(n, 3)`` direction in which an eye looks; NaN for an iris that is on no eyeball."""
    x, y = (signals[signal.column] for signal in _GAZE_SIGNALS[side])
    across, down = x / IRIS_DISTANCE, -y / IRIS_DISTANCE
    outwards = 1 - across**2 - down**2
    outwards = np.sqrt(np.where(outwards >= 0, outwards, np.nan))
    in_head = np.stack([across, down, -outwards], axis=1)
    return np.einsum("nij,nj->ni", turns, in_head)


def _points_68(track: LandmarkTrack) -> np.ndarray:
    """``(n, 68, 2)`` points of 300-W in the picture."""
    known = SCHEMES[track.schema].points
    pairs = [
        [known[one] for one in ((name, name) if name in known else _BETWEEN[name])]
        for name in DLIB_68.points
    ]
    return track.points_px[:, pairs, :2].astype(np.float64).mean(axis=2)
