"""Faces that tremble, speak, stretch and turn by known amounts, and the stability found in them."""

from collections.abc import Callable

import numpy as np

from featurize.declaration import Recording, Summary
from featurize.frame_features import head_pose
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.types import LandmarkTrack
from featurize.video_features.stability.bone_lengths import bone_lengths
from featurize.video_features.stability.coupling import jitter_coupling
from featurize.video_features.stability.inner_face import inner_against_outline
from featurize.video_features.stability.jitter import landmark_jitter
from featurize.video_features.stability.spectrum import residual_spectra
from tests.test_featurize.tracks import POINTS, make_track, neutral_face, turn

SUMMARIES = (
    landmark_jitter,
    jitter_coupling,
    residual_spectra,
    bone_lengths,
    inner_against_outline,
)
RATES_HZ = (24, 30000 / 1001, 60)
MOVES = {
    "rotation": lambda t: turn(15 * np.sin(3 * t), 8 * np.sin(2 * t), 10 * np.sin(4 * t)),
    "shift_px": lambda t: (20 * np.sin(5 * t), 10 * np.cos(3 * t)),
}
IOD_PX = float(np.linalg.norm(neutral_face()[33] - neutral_face()[263]))

Shape = Callable[[float, np.ndarray], np.ndarray]


def members(region: str) -> list[int]:
    return [POINTS[name] for name in MEDIAPIPE_478.regions[region]]


def iod_of(face: np.ndarray) -> float:
    return float(np.linalg.norm(face[POINTS["left_eye_outer"]] - face[POINTS["right_eye_outer"]]))


def tremble(region: str, size_iod: float, seed: int = 0) -> Shape:
    """A shape whose points of one region tremble independently, frame by frame."""
    rng = np.random.default_rng(seed)

    def shape(_: float, face: np.ndarray) -> np.ndarray:
        face, points = face.copy(), members(region)
        face[points] += rng.normal(0, size_iod * iod_of(face), (len(points), 3))
        return face

    return shape


def open_mouth(of_time: Callable[[float], float]) -> Shape:
    """A shape whose lower lip moves down by so many interocular distances."""
    lower = [number for name, number in POINTS.items() if "lip_lower" in name]

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        face[lower, 1] -= of_time(t) * iod_of(face)
        return face

    return shape


def both(first: Shape, second: Shape) -> Shape:
    return lambda t, face: second(t, first(t, face))


def recording(track: LandmarkTrack) -> Recording:
    """With the signals that the family rests on."""
    angles = (head_pose.yaw_deg, head_pose.pitch_deg, head_pose.roll_deg)
    return Recording(track, {angle.column: angle(track) for angle in angles})


def found(summary: Summary, **scene) -> dict[str, float]:
    values = summary(recording(make_track(**scene)))
    return {name.removeprefix("stability__"): value for name, value in values.items()}


def everything(track: LandmarkTrack) -> dict[str, float]:
    of_track = recording(track)
    values = {name: value for summary in SUMMARIES for name, value in summary(of_track).items()}
    return {name.removeprefix("stability__"): value for name, value in values.items()}


def wave(frequency_hz: float, height: float) -> Callable[[float], float]:
    return lambda t: height * np.sin(2 * np.pi * frequency_hz * t)


def wide(of_time: Callable[[float], float]) -> Shape:
    """A face that grows to the sides by a share, as no bone does."""
    return lambda t, face: face * [1 + of_time(t), 1, 1]
