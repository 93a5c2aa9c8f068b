"""The adversary's smoothing in closed form; which clips are degraded; films are made once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featurize.landmarks.schema import SCHEMES
from featurize.synthesis.dataset import make_dataset
from featurize.types import LandmarkTrack
from pretraining import films
from pretraining.films import BASELINE, chosen_clips, degraded_films
from pretraining.keeping import Kept, fingerprint
from pretraining.smoothing import SPANS, smoothed
from tests.test_pretraining.made_up import corpus

N_NAMED = len(SCHEMES["mediapipe478"].points)


def track_of(points_px: np.ndarray, pose: np.ndarray | None = None) -> LandmarkTrack:
    n = len(points_px)
    return LandmarkTrack(
        points_px=points_px.astype(np.float32),
        time_s=np.arange(n) / 25,
        confidence=np.ones(n, np.float32),
        schema="mediapipe478",
        frame_size_px=(640, 480),
        pose=pose,
        flow_px=np.zeros((n, N_NAMED, 2), np.float32),
    )


@pytest.mark.parametrize("n_frames", SPANS)
def test_steady_motion_stays_as_it_is(n_frames: int) -> None:
    steps = np.arange(40.0)[:, None, None]
    points = 100 + steps * np.ones((1, 478, 3))
    after = smoothed(track_of(points), n_frames)
    np.testing.assert_allclose(after.points_px, points, rtol=1e-5)
    np.testing.assert_allclose(after.flow_px, 0, atol=1e-3)


@pytest.mark.parametrize("n_frames", SPANS)
def test_white_tremor_shrinks_as_that_of_a_mean(n_frames: int) -> None:
    tremor = np.random.default_rng(0).normal(0, 1, (400, 478, 3))
    after = smoothed(track_of(tremor), n_frames)
    inside = after.points_px[n_frames:-n_frames]
    assert inside.std() == pytest.approx(n_frames**-0.5, rel=0.03)


def test_the_flow_keeps_its_distance_to_what_was_detected() -> None:
    tremor = np.random.default_rng(0).normal(0, 1, (60, 478, 3))
    before = track_of(tremor)
    after = smoothed(before, 5)
    named = SCHEMES["mediapipe478"].indices(SCHEMES["mediapipe478"].points)
    np.testing.assert_allclose(
        after.flow_px - after.points_px[:, named, :2],
        before.flow_px - before.points_px[:, named, :2],
        atol=1e-5,
    )


def test_nothing_is_smoothed_across_a_gap_and_poses_stay_rotations() -> None:
    points = np.zeros((30, 478, 3))
    points[10:12] = np.nan
    points[12:] = 100.0
    angle = np.random.default_rng(1).normal(0, 0.3, 30)
    pose = np.tile(np.eye(4, dtype=np.float32), (30, 1, 1))
    pose[:, 0, 0] = pose[:, 1, 1] = np.cos(angle)
    pose[:, 0, 1], pose[:, 1, 0] = -np.sin(angle), np.sin(angle)
    after = smoothed(track_of(points, pose), 5)
    np.testing.assert_array_equal(after.present, track_of(points).present)
    np.testing.assert_allclose(after.points_px[:10], 0)
    np.testing.assert_allclose(after.points_px[12:], 100, rtol=1e-6)
    shown = after.pose[after.present, :3, :3]
    np.testing.assert_allclose(
        shown @ shown.transpose(0, 2, 1), np.tile(np.eye(3), (28, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(shown), 1, atol=1e-5)


def test_clips_are_taken_in_turn_from_every_source() -> None:
    table = corpus(4, n_clips=6)
    clips = chosen_clips(table, 16, seed=0)
    assert clips.groupby(["label", "source"]).size().tolist() == [2] * 8
    assert clips["path"].is_unique
    pd.testing.assert_frame_equal(clips, chosen_clips(table.sample(frac=1), 16, seed=0))
    assert set(clips["path"]) != set(chosen_clips(table, 16, seed=1)["path"])


def test_films_are_rendered_and_measured_once(tmp_path: Path, monkeypatch) -> None:
    make_dataset(tmp_path / "clips", n_people=2, duration_s=4.0, n_jobs=1)
    found = sorted((tmp_path / "clips").glob("*.mp4"))[:1]
    clips = pd.DataFrame({"path": [str(found[0])], "label": "real", "group": "a", "method": "none"})
    clips = clips.assign(dataset="d", source=0)
    monkeypatch.setattr(films, "STRENGTHS", (3,))
    monkeypatch.setattr(films, "DEGRADATIONS", {"blur": None})
    made, times_ns = [], []
    for _ in range(2):
        made.append(degraded_films(clips, tmp_path / "films", store=tmp_path / "store", n_jobs=1))
        rendered = sorted((tmp_path / "films").rglob("*.mp4"))
        times_ns.append([film.stat().st_mtime_ns for film in rendered])
    pd.testing.assert_frame_equal(*made)
    assert times_ns[0] == times_ns[1]
    table = made[0].set_index("chain")
    assert set(table.index) == {BASELINE, "blur:3"}
    sharpness = table["quality__blur__median"]
    assert sharpness["blur:3"] != sharpness[BASELINE]
    assert (table["clip"] == str(found[0])).all()


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    table = corpus(1)
    made = []

    def make() -> pd.DataFrame:
        made.append(1)
        return table

    for _ in range(2):
        pd.testing.assert_frame_equal(
            Kept(tmp_path, fingerprint(table)).table("a, b", make), table, check_dtype=False
        )
    assert len(made) == 1
    changed = table.assign(fps=30.0)
    assert fingerprint(changed) != fingerprint(table)
    Kept(tmp_path, fingerprint(changed)).table("a, b", make)
    assert len(made) == 2
