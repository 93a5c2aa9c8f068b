"""What the landmark backend measures on a scripted clip is what the script says."""

import cv2
import numpy as np
import pytest

from featurize import extract_landmarks
from featurize.synthesis import (
    Blink,
    Bumps,
    FaceSwapFaults,
    Performer,
    Sampled,
    Script,
    Sines,
    manipulated_frame,
    random_script,
    write_video,
)
from featurize.synthesis.photograph import load_photograph

FPS = 25


def film(path, script, times, identity_seed=None, faults=None, size_px=320):
    performer = Performer(size_px, identity_seed)
    if faults is None:
        frames = (performer.frame(script, t) for t in times)
    else:
        frames = (manipulated_frame(performer, script, t, faults) for t in times)
    write_video(path, frames, times, crf=18)
    tracks = extract_landmarks(path)
    assert len(tracks) == 1
    return tracks[0]


def distance(track, a, b):
    return np.linalg.norm(track.points_px[:, a, :2] - track.points_px[:, b, :2], axis=1)


def mean_ear(track):
    right = (distance(track, 160, 144) + distance(track, 158, 153)) / distance(track, 33, 133)
    left = (distance(track, 385, 380) + distance(track, 387, 373)) / distance(track, 362, 263)
    return (right + left) / 4


def mouth_aspect(track):
    return distance(track, 13, 14) / distance(track, 78, 308)


def pose_deg(track):
    """Yaw, pitch, roll of matrices that apply roll first, then pitch, then yaw."""
    R = track.pose[:, :3, :3]
    yaw = np.arctan2(R[:, 0, 2], R[:, 2, 2])
    pitch = np.arcsin(np.clip(R[:, 1, 2], -1, 1))
    roll = -np.arctan2(R[:, 1, 0], R[:, 1, 1])
    return np.degrees([yaw, pitch, roll])


def count_dips(signal, threshold):
    below = signal < threshold
    return int(below[0]) + int(np.sum(below[1:] & ~below[:-1]))


@pytest.fixture(scope="module")
def blinking(tmp_path_factory):
    blinks = tuple(Blink(start, depth=depth) for start, depth in [(0.5, 1), (1.4, 1), (3.2, 0.9)])
    script = Script(
        4.5,
        yaw_deg=Sines((8.0,), (0.3,), (0.0,)),
        mouth_opening=Bumps((0.9, 1.6, 2.3, 3.0, 3.8), (0.6,) * 5, (0.3, 0.6, 0.45, 0.8, 0.5)),
        blinks=blinks,
    )
    folder = tmp_path_factory.mktemp("blinking")
    times = script.frame_times(FPS)
    real = film(folder / "real.mp4", script, times, identity_seed=3)
    fake = film(folder / "fake.mp4", script, times, 3, FaceSwapFaults(seed=1))
    return script, real, fake


@pytest.mark.parametrize(("axis", "limit_deg"), [("yaw", 25), ("pitch", 15), ("roll", 20)])
def test_head_pose_is_recovered_over_its_range(tmp_path, axis, limit_deg):
    turn = Sampled((0.0, 0.5, 1.5, 2.0), (0.0, -limit_deg, limit_deg, 0.0))
    script = Script(2.0, **{f"{axis}_deg": turn})
    times = script.frame_times(FPS)
    track = film(tmp_path / "turn.mp4", script, times)
    assert track.present.all()
    found = pose_deg(track)
    truth = np.array([turn(t) for t in times])
    index = ["yaw", "pitch", "roll"].index(axis)
    slope, offset = np.polyfit(truth, found[index], 1)
    assert 0.85 < slope < 1.15
    assert abs(offset) < 4
    assert np.std(found[index] - truth) < 3
    others = np.delete(found, index, axis=0)
    assert np.abs(others).max() < 5


@pytest.mark.parametrize("identity_seed", [0, 1, 2])
def test_every_frame_of_a_natural_performance_is_tracked(tmp_path, identity_seed):
    script = random_script(20 + identity_seed, 3.0)
    track = film(tmp_path / "clip.mp4", script, script.frame_times(FPS), identity_seed)
    assert track.present.all()
    found = pose_deg(track)
    for index, name in enumerate(("yaw_deg", "pitch_deg", "roll_deg")):
        error = found[index] - [getattr(script, name)(t) for t in track.time_s]
        assert np.std(error) < 3
        assert abs(np.mean(error)) < 5


def test_blinks_are_found_and_complete(blinking):
    script, real, _ = blinking
    ear = mean_ear(real)
    open_ear = np.median(ear)
    assert count_dips(ear, 0.6 * open_ear) == len(script.blinks)
    for blink in script.blinks:
        near = np.abs(real.time_s - blink.peak_s) < 0.08
        assert ear[near].min() < 0.5 * open_ear


def test_a_half_blink_closes_the_eye_less_than_a_whole_one(tmp_path):
    script = Script(3.0, blinks=(Blink(0.5, 0.4, 0.5), Blink(1.6, 0.4, 1.0)))
    track = film(tmp_path / "clip.mp4", script, script.frame_times(FPS))
    ear = mean_ear(track) / np.median(mean_ear(track))
    half, whole = (ear[np.abs(track.time_s - b.peak_s) < 0.08].min() for b in script.blinks)
    assert 0.5 < half < 0.9
    assert whole < 0.4


def test_mouth_opening_is_recovered(blinking):
    script, real, fake = blinking
    truth = [script.mouth_opening(t) for t in real.time_s]
    assert np.corrcoef(mouth_aspect(real), truth)[0, 1] > 0.95
    assert np.corrcoef(mouth_aspect(fake), truth)[0, 1] > 0.90


def test_a_swapped_face_does_not_blink_and_trembles(blinking):
    _, real, fake = blinking
    ear = mean_ear(fake)
    assert count_dips(ear, 0.6 * np.median(ear)) == 0

    def tremble(track):
        points = track.points_px[:, [1, 4, 33, 133, 362, 263, 61, 291, 168], :2]
        return np.median(np.linalg.norm(np.diff(points, n=2, axis=0), axis=2))

    assert tremble(fake) > 2.5 * tremble(real)


def test_the_same_motion_is_measured_at_any_frame_rate(tmp_path):
    script = Script(
        2.0, yaw_deg=Sines((12.0,), (0.5,), (0.0,)), mouth_opening=Bumps((1.0,), (0.8,), (0.7,))
    )
    uneven = np.sort(np.random.default_rng(0).choice(120, 60, replace=False)) / 60
    at = np.linspace(0.1, 1.8, 30)
    measured = []
    for name, times in (
        ("24", script.frame_times(24)),
        ("60", script.frame_times(60)),
        ("uneven", uneven),
    ):
        track = film(tmp_path / f"{name}.mp4", script, times)
        np.testing.assert_allclose(track.time_s, times, atol=1e-4)
        yaw = np.interp(at, track.time_s, pose_deg(track)[0])
        mouth = np.interp(at, track.time_s, mouth_aspect(track))
        measured.append((yaw, mouth))
    for yaw, mouth in measured[1:]:
        assert np.sqrt(np.mean((yaw - measured[0][0]) ** 2)) < 0.7
        assert np.sqrt(np.mean((mouth - measured[0][1]) ** 2)) < 0.03


def test_the_points_beside_the_photograph_are_those_of_the_backend(tmp_path):
    photograph = load_photograph()
    piece = cv2.resize(photograph.rgb[:250, 100:350], (750, 750), interpolation=cv2.INTER_CUBIC)
    write_video(tmp_path / "still.mp4", [piece] * 3, np.arange(3) / FPS, crf=5)
    (track,) = extract_landmarks(tmp_path / "still.mp4")
    found = track.points_px[-1] / 3 * (1, 1, -1) + (100, 0, 0)
    np.testing.assert_allclose(found, photograph.points["face"], atol=4.0)
    assert np.abs(found - photograph.points["face"]).mean() < 0.6
