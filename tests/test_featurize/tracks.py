"""Landmark tracks with known motion, made from one real face by rigid moves and known noise."""

from collections.abc import Callable
from importlib.resources import files

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from featurize.declaration import Recording
from featurize.landmarks.schema import MEDIAPIPE_478, mirror_name
from featurize.registry import compute_signals
from featurize.types import LandmarkTrack

POINTS = MEDIAPIPE_478.points
FRAME_SIZE_PX = (512, 512)


def neutral_face() -> np.ndarray:
    """``(478, 3)``: a real face in its own axes (to its left, up, out), centred, in pixels.

    Frontal means that its rigid points are turned onto those of the average face.
    """
    text = files("featurize.synthesis").joinpath("astronaut_points.csv")
    table = pd.read_csv(str(text)).query("part == 'face'").sort_values("index")
    assert len(table) == 478
    points = table[["x_px", "y_px", "z_px"]].to_numpy() * [1, -1, -1]
    points -= points.mean(axis=0)
    average = np.array([*MEDIAPIPE_478.rigid_cm.values()])
    rigid = points[MEDIAPIPE_478.indices(MEDIAPIPE_478.rigid_cm)]
    to_frontal, _ = Rotation.align_vectors(
        average - average.mean(axis=0), rigid - rigid.mean(axis=0)
    )
    return to_frontal.apply(points)


def turn(yaw_deg: float = 0, pitch_deg: float = 0, roll_deg: float = 0) -> np.ndarray:
    """Rotation matrix of a head in camera axes (right, up, towards the viewer)."""
    y, p, r = np.radians([yaw_deg, pitch_deg, roll_deg])
    # The subject's left is the viewer's right; up is up; tilting to the left is clockwise.
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_x = [[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]]
    about_z = [[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]]
    return np.array(about_y) @ np.array(about_x) @ np.array(about_z)


def make_track(
    duration_s: float = 4.0,
    fps: float = 25.0,
    rotation: Callable[[float], np.ndarray] = lambda _: np.eye(3),
    shift_px: Callable[[float], tuple[float, float]] = lambda _: (0.0, 0.0),
    shape: Callable[[float, np.ndarray], np.ndarray] = lambda _, face: face,
    scale: float = 1.0,
    noise_px: float = 0.0,
    missing: slice | None = None,
    blendshapes: Callable[[np.ndarray], np.ndarray] | None = None,
    flow_noise_px: float | None = 0.0,
    seed: int = 0,
) -> LandmarkTrack:
    """A face that turns, moves and changes shape as told; every argument is a function of time.

    Flow carries the named points, with the noise they were seen with, as the face really moved, and
    adds its own noise; None is a track without flow.
    """
    time_s = np.arange(round(duration_s * fps)) / fps
    face = neutral_face() * scale
    rng = np.random.default_rng(seed)
    points = np.empty((len(time_s), 478, 3))
    pose = np.tile(np.eye(4), (len(time_s), 1, 1))
    for number, t in enumerate(time_s):
        in_camera = shape(t, face) @ rotation(t).T
        points[number] = in_camera * [1, -1, -1]
        points[number, :, :2] += np.array([256, 256]) + shift_px(t)
        pose[number, :3, :3] = rotation(t)
        pose[number, :3, 3] = (*shift_px(t), shift_px(t)[0] - 40)
    true_px = points[:, [*POINTS.values()], :2]
    points += rng.normal(0, noise_px, points.shape) if noise_px else 0
    flow = None
    if flow_noise_px is not None:
        flow = np.full(true_px.shape, np.nan)
        flow[1:] = points[:-1, [*POINTS.values()], :2] + np.diff(true_px, axis=0)
        flow += rng.normal(0, flow_noise_px, flow.shape) if flow_noise_px else 0
    shapes = np.zeros((len(time_s), 52)) if blendshapes is None else blendshapes(time_s)
    confidence = np.ones(len(time_s))
    if missing is not None:
        for array in (points, pose, shapes):
            array[missing] = np.nan
        confidence[missing] = 0
        if flow is not None:
            unseen = np.isnan(points[:, 0, 0])
            flow[unseen | np.roll(unseen, 1)] = np.nan
    return LandmarkTrack(
        points_px=points.astype(np.float32),
        time_s=time_s,
        confidence=confidence.astype(np.float32),
        schema="mediapipe478",
        frame_size_px=FRAME_SIZE_PX,
        blendshapes=shapes.astype(np.float32),
        pose=pose.astype(np.float32),
        flow_px=None if flow is None else flow.astype(np.float32),
    )


def mirrored(track: LandmarkTrack) -> LandmarkTrack:
    """The same face seen in a mirror: x flips, left and right points swap, the pose flips."""
    points = track.points_px.copy()
    points[..., 0] = track.frame_size_px[0] - points[..., 0]
    here, there = MEDIAPIPE_478.mirror
    swapped = points.copy()
    swapped[:, here] = points[:, there]
    names = list(POINTS)
    flow = track.flow_px[:, [names.index(mirror_name(name)) for name in names]]
    flow[..., 0] = track.frame_size_px[0] - flow[..., 0]
    flip = np.diag([-1, 1, 1, 1]).astype(np.float32)
    return LandmarkTrack(
        points_px=swapped,
        time_s=track.time_s,
        confidence=track.confidence,
        schema=track.schema,
        frame_size_px=track.frame_size_px,
        blendshapes=track.blendshapes,
        pose=flip @ track.pose @ flip,
        flow_px=flow,
    )


def recording_of(**signals: np.ndarray) -> Recording:
    """A recording with given signals and everything else as a still face."""
    n_frames = len(next(iter(signals.values())))
    base = compute_signals(make_track(duration_s=n_frames / 25, fps=25))
    return Recording(base.track, dict(base.signals) | signals)
