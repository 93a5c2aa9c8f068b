"""The whole family: what must not change it, and what it cannot know."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.landmarks.schema import DLIB_68
from featurize.registry import video_features
from featurize.types import LandmarkTrack
from tests.test_featurize.stability_scenes import (
    MOVES,
    RATES_HZ,
    both,
    everything,
    open_mouth,
    tremble,
    wave,
    wide,
)
from tests.test_featurize.tracks import make_track, mirrored, turn


@pytest.fixture(scope="module")
def trembling() -> LandmarkTrack:
    shape = both(
        open_mouth(lambda t: wave(1.2, 0.06)(t) + wave(5, 0.02)(t)), tremble("face", 0.004)
    )
    return make_track(duration_s=8, shape=shape, **MOVES)


@pytest.fixture(scope="module")
def seen(trembling: LandmarkTrack) -> dict[str, float]:
    return everything(trembling)


def test_declared_features_are_those_of_the_family(seen) -> None:
    declared = [feature.name for feature in video_features() if feature.family == "stability"]
    flow = [name for name in declared if "__flow_" in name]
    assert len(flow) == 18
    assert {f"stability__{name}" for name in seen} == {*declared} - {*flow}
    assert np.isfinite([*seen.values()]).all()


@pytest.mark.parametrize("change", ["moved and half the size", "rolled", "mirrored"])
def test_what_makes_no_difference(trembling: LandmarkTrack, seen, change: str) -> None:
    if change == "mirrored":
        other = mirrored(trembling)
    else:
        roll = turn(roll_deg=20 if change == "rolled" else 0) * [[1, -1, 1], [-1, 1, 1], [1, 1, 1]]
        points = trembling.points_px @ (roll.T if change == "rolled" else 0.5 * np.eye(3)) + [
            30,
            7,
            0,
        ]
        other = replace(trembling, points_px=points.astype(np.float32))
    changed = everything(other)
    for name, value in seen.items():
        # A tilt of the camera mixes the angles that the polynomial is made of.
        of_pose = change == "rolled" and ("__std" in name or "pose" in name)
        assert changed[name] == pytest.approx(value, rel=0.15 if of_pose else 0.01, abs=1e-3), name


def test_same_motion_at_any_frame_rate() -> None:
    shape = both(open_mouth(wave(1.2, 0.06)), wide(wave(0.7, 0.03)))
    values = [
        everything(make_track(duration_s=10, fps=fps, shape=shape, **MOVES)) for fps in RATES_HZ
    ]
    for name in (
        "residual_face_iod__rms",
        "bone_lengths__cv_median",
        "bone_lengths__cv_without_pose_median",
        "inner_against_outline_log_scale__std",
        "inner_against_outline_y_iod__std",
    ):
        assert values[1][name] == pytest.approx(values[0][name], rel=0.03), name
        assert values[2][name] == pytest.approx(values[0][name], rel=0.03), name


def test_a_gap_changes_little(trembling: LandmarkTrack, seen) -> None:
    points = trembling.points_px.copy()
    points[90:101] = np.nan
    holed = everything(replace(trembling, points_px=points))
    assert np.isfinite([*holed.values()]).all()
    for name in seen:
        if name.endswith(("iod__rms", "fast_rms", "cv_median", "fast_median", "successive")):
            assert holed[name] == pytest.approx(seen[name], rel=0.1), name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "scene",
    [
        pytest.param({"duration_s": 0}, id="nothing"),
        pytest.param({"duration_s": 0.04}, id="0.04 s"),
        pytest.param({"duration_s": 0.28}, id="0.28 s"),
        pytest.param({"duration_s": 0.4}, id="0.4 s"),
        pytest.param({"duration_s": 0.9}, id="0.9 s"),
        pytest.param({"duration_s": 3, "missing": slice(None)}, id="no face at all"),
        pytest.param({"duration_s": 3, "missing": slice(0, None, 2)}, id="every other frame"),
        pytest.param({"duration_s": 3, "noise_px": 0}, id="no noise"),
        pytest.param({"duration_s": 3, "fps": 8}, id="8 fps"),
        pytest.param({"duration_s": 2, "fps": 120}, id="120 fps"),
        pytest.param({"duration_s": 2, "rotation": lambda _: turn(85)}, id="profile"),
        pytest.param(
            {"duration_s": 2, "shape": lambda _, face: 0 * face, "noise_px": 0}, id="a point"
        ),
        pytest.param(
            {"duration_s": 2, "shape": lambda t, face: face * (t < 1), "noise_px": 0},
            id="a point after a second",
        ),
    ],
)
def test_poor_recordings(scene: dict) -> None:
    values = everything(make_track(**{"noise_px": 0.3} | scene))
    assert not any(np.isinf(value) for value in values.values())
    if scene["duration_s"] < 0.28 or "missing" in scene:
        assert np.isnan(
            [v for name, v in values.items() if "jitter" in name or "fast" in name]
        ).all()
    if scene["duration_s"] < 1 or scene.get("missing") == slice(None):
        assert np.isnan([v for name, v in values.items() if "unexplained" in name]).all()
        assert np.isnan(
            [v for name, v in values.items() if "bone" in name or "inner" in name]
        ).all()


@pytest.mark.filterwarnings("error")
def test_a_photograph_shown_as_a_film() -> None:
    values = everything(make_track(duration_s=4))
    for name, value in values.items():
        if "over" in name or "burst" in name or "together" in name or "successive" in name:
            assert np.isnan(value), name
        elif name.endswith("rms") or "cv" in name:
            assert value < 1e-5, name


def test_dlib_lacks_the_irises_only() -> None:
    """The average face in dlib's points, turning and trembling."""
    places, noise_px = np.array([*DLIB_68.average_cm.values()]) * 9, 0.5
    time_s = np.arange(200) / 25
    points = np.array([places @ turn(10 * np.sin(t), 5 * np.sin(2 * t)).T for t in time_s])
    points += np.random.default_rng(0).normal(0, noise_px, points.shape)
    values = everything(
        LandmarkTrack(
            points_px=(points * [1, -1, -1] + [300, 200, 0]).astype(np.float32),
            time_s=time_s,
            confidence=np.ones(200, np.float32),
            schema="dlib68",
            frame_size_px=(640, 480),
        )
    )
    assert {name for name, v in values.items() if np.isnan(v)} == {"jitter_irises_iod__rms"}
    # The fit of the head's motion by few points adds to it.
    assert values["second_difference_mouth_iod__rms"] == pytest.approx(
        noise_px * np.sqrt(2) / (9 * 2 * 4.40), rel=0.1
    )
