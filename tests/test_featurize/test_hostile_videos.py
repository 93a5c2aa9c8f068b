"""Videos that show a face badly: sensible values or none, no warning, no exception."""

import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from featurize import featurize_video
from featurize.errors import NoFaceError
from featurize.synthesis import Blink, Performer, Script, Sines, write_video

SIZE_PX = 256
EYES = slice(90, 112)
"""Rows of the performer's picture that hold her eyes when she moves little."""

Picture = np.ndarray


def script(duration_s: float, yaw_deg: float = 6.0) -> Script:
    return Script(
        duration_s,
        yaw_deg=Sines((yaw_deg,), (0.4,), (0.3,)),
        blinks=(Blink(0.8, 0.3, 1.0),),
    )


def row_of(
    path: Path,
    duration_s: float = 3.0,
    fps: float = 25.0,
    change: Callable[[Picture], Picture] = lambda picture: picture,
    yaw_deg: float = 6.0,
    backend: str = "mediapipe",
    script_of: Callable[[float, float], Script] = script,
) -> pd.Series:
    """The row of a rendered clip whose pictures are changed; every warning is an error."""
    performer, performance = Performer(SIZE_PX), script_of(duration_s, yaw_deg)
    times_s = performance.frame_times(fps)
    write_video(path, (change(performer.frame(performance, t)) for t in times_s), times_s)
    return features_of(path, backend)


def features_of(path: Path, backend: str = "mediapipe") -> pd.Series:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = featurize_video(path, backend=backend).iloc[0]
    assert row["status"] == "ok"
    assert not np.isinf(features(row)).any()
    return row


def features(row: pd.Series) -> np.ndarray:
    return row[[name for name in row.index if "__" in name]].to_numpy(float)


def painted(rows: slice, columns: slice, level: int) -> Callable[[Picture], Picture]:
    def change(picture: Picture) -> Picture:
        picture = picture.copy()
        picture[rows, columns] = level
        return picture

    return change


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> pd.Series:
    return row_of(tmp_path_factory.mktemp("plain") / "plain.mp4")


def test_what_is_known_of_a_plain_clip(plain: pd.Series) -> None:
    """Without it, the rest of these tests could pass on empty rows."""
    assert np.isfinite(features(plain)).mean() > 0.8


@pytest.mark.parametrize("backend", ["mediapipe", "dlib"])
def test_a_photograph_as_video(tmp_path: Path, backend: str) -> None:
    """Nothing moves: no blink, no motion, every frame a copy of the one before."""
    picture = Performer(SIZE_PX).frame(script(1.0), 0.0)
    times_s = np.arange(75) / 25
    path = tmp_path / "photograph.mp4"
    write_video(path, (picture for _ in times_s), times_s, crf=0)
    row = features_of(path, backend)
    assert row["eyes__blink__rate_per_min"] == 0
    assert row["head_pose__angular_speed_deg_per_s__median"] < 0.5
    assert row["stability__jitter_face_iod__rms"] < 0.002
    assert row["quality__repeated_frames__share"] > 0.95


def test_a_constant_colour(tmp_path: Path) -> None:
    times_s = np.arange(50) / 25
    path = tmp_path / "grey.mp4"
    write_video(path, (np.full((128, 128, 3), 127, np.uint8) for _ in times_s), times_s)
    with pytest.raises(NoFaceError):
        featurize_video(path)


def test_a_head_turned_far_to_the_side(tmp_path: Path) -> None:
    def turned(duration_s: float, yaw_deg: float) -> Script:
        return Script(duration_s, yaw_deg=Sines((yaw_deg, 30.0), (0.4, 0.0), (0.0, np.pi / 2)))

    row = row_of(tmp_path / "side.mp4", script_of=turned)
    assert abs(row["head_pose__yaw_deg__median"]) > 15


@pytest.mark.parametrize("level", [20, 128])
def test_sunglasses(tmp_path: Path, level: int) -> None:
    row = row_of(tmp_path / "glasses.mp4", change=painted(EYES, slice(86, 164), level))
    assert row["face_rate"] > 0.5
    assert not row["eyes__blink__rate_per_min"] > 60


def test_one_eye_hidden(tmp_path: Path) -> None:
    row = row_of(tmp_path / "one_eye.mp4", change=painted(EYES, slice(88, 122), 60))
    assert row["face_rate"] > 0.5
    assert not row["eyes__blink__rate_per_min"] > 60


@pytest.mark.parametrize("side", ["left", "bottom"])
def test_a_face_that_touches_the_border(tmp_path: Path, side: str) -> None:
    def cut(picture: Picture) -> Picture:
        return picture[:, 96:] if side == "left" else picture[:152]

    row = row_of(tmp_path / "cut.mp4", change=cut)
    assert np.isfinite(row["head_pose__yaw_deg__median"])


@pytest.mark.parametrize("fps", [12, 120])
def test_few_and_many_frames_a_second(tmp_path: Path, plain: pd.Series, fps: float) -> None:
    row = row_of(tmp_path / "rate.mp4", fps=fps)
    assert row["fps"] == pytest.approx(fps, rel=0.01)
    for name, tolerance in (
        ("geometry__cheekbone_distance_iod__median", 0.02),
        ("eyes__ear_left__median", 0.02),
        ("head_pose__yaw_deg__std", 0.5),
        ("head_pose__yaw_deg__velocity_rms", 2.0),
    ):
        assert row[name] == pytest.approx(plain[name], abs=tolerance), name


def test_two_seconds(tmp_path: Path) -> None:
    row = row_of(tmp_path / "short.mp4", duration_s=2.0)
    known = np.isfinite(features(row)).mean()
    assert known > 0.6


def test_a_tiny_face(tmp_path: Path) -> None:
    def small(picture: Picture) -> Picture:
        room = np.full((256, 320, 3), 120, np.uint8)
        room[96:192, 112:208] = cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)
        return room

    assert row_of(tmp_path / "tiny.mp4", change=small)["face_width_px"] < 60


def test_black_and_white(tmp_path: Path) -> None:
    def grey(picture: Picture) -> Picture:
        return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)

    row_of(tmp_path / "grey.mp4", change=grey)


def test_dark_and_overexposed(tmp_path: Path) -> None:
    row_of(tmp_path / "dark.mp4", change=lambda picture: picture // 4)
    row_of(
        tmp_path / "bright.mp4",
        change=lambda picture: np.minimum(picture.astype(int) * 2, 255).astype(np.uint8),
    )
