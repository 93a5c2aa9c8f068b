"""Pose of the inner face against the whole face: closed forms, invariances, hostile input."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.frame_features import head_pose
from featurize.frame_features.points import fit_in_picture
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, SCHEMES, Schema
from featurize.registry import FRAME_SIGNALS
from featurize.types import LandmarkTrack
from tests.test_featurize.tracks import make_track, mirrored, turn

SIGNALS = [signal for signal in FRAME_SIGNALS if "_disagreement_" in signal.name][:5]
ANGLES = {
    "yaw_deg": head_pose.yaw_disagreement_deg,
    "pitch_deg": head_pose.pitch_disagreement_deg,
    "roll_deg": head_pose.roll_disagreement_deg,
}
ANGLE = st.floats(-50, 50)
both_schemes = pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)


PX_PER_CM = 9.0


def average_face(
    schema: Schema,
    head: np.ndarray,
    inner: np.ndarray | None = None,
    shift_cm: tuple[float, float, float] = (0, 0, 0),
) -> LandmarkTrack:
    """One frame of the average face, its inner part turned about its middle and shifted."""
    points = np.full((1, schema.n_points, 3), np.nan)
    for name, place in schema.average_cm.items():
        points[0, schema.points[name]] = place
    if inner is not None:
        corners = ("eye_inner", "eye_outer", "mouth_corner")
        own = [n for n in schema.average_cm if n.endswith(corners)]
        own += [*schema.regions["brows"], *schema.regions["nose"]]
        own = [schema.points[name] for name in dict.fromkeys(own)]
        middle = points[0, own].mean(axis=0)
        points[0, own] = (points[0, own] - middle) @ inner.T + middle + shift_cm
    points = points @ head.T * (PX_PER_CM * np.array([1, -1, -1])) + [300, 200, 0]
    return LandmarkTrack(
        points_px=points.astype(np.float32),
        time_s=np.zeros(1),
        confidence=np.ones(1, np.float32),
        schema=schema.name,
        frame_size_px=(640, 480),
    )


@both_schemes
def test_the_average_face_lies_where_its_rigid_points_say(schema: Schema) -> None:
    assert {*schema.rigid_cm, *schema.regions["outline"], *schema.regions["brows"]} <= {
        *schema.average_cm
    }
    for name, place in schema.rigid_cm.items():
        assert schema.average_cm[name] == place
    names = [*schema.average_cm]
    places = np.array([*schema.average_cm.values()])
    for first, second in zip(*schema.mirror, strict=True):
        by_number = {number: name for name, number in schema.points.items()}
        if by_number[first] in names:
            here, there = (names.index(by_number[n]) for n in (first, second))
            assert places[here] * (-1, 1, 1) == pytest.approx(places[there], abs=2e-3)


@given(yaw=ANGLE, pitch=ANGLE, roll=ANGLE, scale=st.floats(0.1, 100))
@settings(max_examples=40, deadline=None)
def test_a_known_placement_comes_back(yaw: float, pitch: float, roll: float, scale: float) -> None:
    reference = np.array([*DLIB_68.average_cm.values()])
    true = turn(yaw, pitch, roll)
    seen = (scale * reference @ true.T)[None, :, :2] + [30, -7]
    turns, scales, origins = fit_in_picture(seen, reference)
    assert turns[0] == pytest.approx(true, abs=1e-8)
    assert scales[0] == pytest.approx(scale)
    assert origins[0] == pytest.approx((30, -7), abs=1e-6 * scale)


@given(seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_whatever_is_seen_a_rotation_comes_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turns, _, _ = fit_in_picture(rng.normal(size=(5, 9, 2)), rng.normal(size=(9, 3)))
    assert turns @ np.swapaxes(turns, 1, 2) == pytest.approx(np.tile(np.eye(3), (5, 1, 1)))
    assert np.linalg.det(turns) == pytest.approx(1)


@both_schemes
@given(yaw=ANGLE, pitch=ANGLE, roll=ANGLE)
@settings(max_examples=20, deadline=None)
def test_a_head_in_one_piece_agrees(schema: Schema, yaw: float, pitch: float, roll: float) -> None:
    track = average_face(schema, turn(yaw, pitch, roll))
    for signal in SIGNALS:
        assert signal(track)[0] == pytest.approx(0, abs=0.05 if signal.unit == "deg" else 1e-3)


@both_schemes
@pytest.mark.parametrize("axis", ANGLES)
@pytest.mark.parametrize("angle_deg", [-12.0, 6.0])
def test_an_inner_face_that_is_turned_by_itself(schema: Schema, axis: str, angle_deg) -> None:
    """The whole face goes along in part, as it holds the inner one."""
    track = average_face(schema, np.eye(3), turn(**{axis: angle_deg}))
    seen = {name: signal(track)[0] for name, signal in ANGLES.items()}
    assert 0.6 < seen[axis] / angle_deg < 1
    assert all(abs(seen[other]) < 0.4 * abs(seen[axis]) for other in ANGLES.keys() - {axis})
    together = head_pose.pose_disagreement_deg(track)[0]
    assert together == pytest.approx(np.linalg.norm([*seen.values()]), rel=0.02)


@both_schemes
@pytest.mark.parametrize("shift_cm", [(0.8, 0, 0), (0, -0.8, 0)])
def test_an_inner_face_in_the_wrong_place(schema: Schema, shift_cm: tuple) -> None:
    """The whole face goes along in part."""
    seen = [
        head_pose.place_disagreement_iod(
            average_face(schema, np.eye(3), np.eye(3), tuple(part * c for c in shift_cm))
        )[0]
        for part in (0, 0.5, 1)
    ]
    corners = schema.average_cm["left_eye_outer"], schema.average_cm["right_eye_outer"]
    shift_iod = 0.8 / np.linalg.norm(np.subtract(*corners))
    assert seen[0] == pytest.approx(0, abs=1e-5)
    assert seen[1] == pytest.approx(seen[2] / 2, rel=0.1)
    assert 0.2 * shift_iod < seen[2] < 1.5 * shift_iod


def test_the_disagreement_of_a_trembling_turn_is_as_large_as_the_turn_is() -> None:
    sizes = [
        head_pose.yaw_disagreement_deg(average_face(DLIB_68, turn(10), turn(angle)))[0]
        for angle in (-8, -4, 0, 4, 8)
    ]
    steps = np.diff(sizes)
    assert steps == pytest.approx(np.full(4, steps.mean()), rel=0.05)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_place_size_and_roll_make_no_difference(signal) -> None:
    track = make_track(duration_s=1, rotation=lambda _: turn(15, -5, 0), noise_px=1)
    seen = signal(track)
    moved = replace(track, points_px=(track.points_px * 1.7 + [40, -25, 0]).astype(np.float32))
    assert signal(moved) == pytest.approx(seen, rel=1e-3, abs=1e-4)
    about_view = turn(roll_deg=25)[:2, :2] * [[1, -1], [-1, 1]]
    tilted = track.points_px.copy()
    tilted[..., :2] = tilted[..., :2] @ about_view.T
    rolled = signal(replace(track, points_px=tilted))
    # The picture's own axes tell yaw from pitch.
    if not signal.name.startswith(("yaw", "pitch", "roll")):
        assert rolled == pytest.approx(seen, rel=1e-3, abs=1e-4)


def test_a_mirror_changes_the_sign_of_yaw_and_roll() -> None:
    track = make_track(duration_s=1, rotation=lambda _: turn(15, -5, 4), noise_px=1)
    for signal in SIGNALS:
        sign = -1 if signal.name.startswith(("yaw", "roll")) else 1
        assert signal(mirrored(track)) == pytest.approx(sign * signal(track), abs=2e-3)


def test_depth_is_not_looked_at() -> None:
    track = make_track(duration_s=0.4, noise_px=1)
    flat = replace(track, points_px=track.points_px * np.float32([1, 1, 0]))
    for signal in SIGNALS[:4]:
        assert signal(flat) == pytest.approx(signal(track))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_face_that_is_a_point_a_line_or_missing(scheme: str) -> None:
    n_points = SCHEMES[scheme].n_points
    point = np.full((1, n_points, 3), 7.0)
    line = point * np.arange(n_points)[:, None]
    for points in (point, line, np.full(point.shape, np.nan)):
        track = LandmarkTrack(
            points_px=points.astype(np.float32),
            time_s=np.zeros(1),
            confidence=np.ones(1, np.float32),
            schema=scheme,
            frame_size_px=(640, 480),
        )
        for signal in SIGNALS[:4]:
            assert not np.isinf(signal(track)).any()
            if points is not line:
                assert np.isnan(signal(track)).all()
