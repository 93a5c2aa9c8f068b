"""What the landmark backend measures on manipulated films of a scripted performer."""

import numpy as np
import pytest

from featurize import extract_landmarks
from featurize.synthesis import Blink, Bumps, Performer, Script, Sines, write_video
from featurize.synthesis.manipulations.blinks import AbsentBlinks
from featurize.synthesis.manipulations.expression_transfer import ExpressionTransfer
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.lower_face import LowerFace
from featurize.synthesis.manipulations.portrait import GeneratedPortrait
from featurize.synthesis.manipulations.smoothed_motion import SmoothedMotion

FPS = 25
# A mouth that opens four times in the first half and stays closed in the second.
SCRIPT = Script(
    2.4,
    yaw_deg=Sines((6.0,), (0.5,), (0.0,)),
    mouth_opening=Bumps((0.2, 0.45, 0.7, 0.95), (0.24,) * 4, (0.5, 0.8, 0.6, 0.7)),
    blinks=(Blink(0.5), Blink(1.6)),
)
TALKING = slice(2, 29)


def tracked(path, frames, time_s):
    write_video(path, frames, time_s, crf=10)
    (track,) = extract_landmarks(path)
    # One frame or so may not be trusted: an eye half shut, a jaw of another moment.
    assert track.present.mean() > 0.95
    return track


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """The clip, and the track that was measured on it."""
    folder = tmp_path_factory.mktemp("scene")
    performer, times = Performer(320, 2), SCRIPT.frame_times(FPS)
    frames = np.array([performer.frame(SCRIPT, t) for t in times])
    track = tracked(folder / "real.mp4", frames, times)
    points = np.ascontiguousarray(track.points_px[..., :2])
    return FaceClip(frames, times, points, track.pose, track.blendshapes), track


@pytest.fixture
def remeasured(scene, tmp_path):
    clip, _ = scene

    def measure(manipulation, seed=0):
        return tracked(tmp_path / "fake.mp4", manipulation.frames(clip, None, seed), clip.time_s)

    return measure


def distance(track, a, b):
    return np.linalg.norm(track.points_px[:, a, :2] - track.points_px[:, b, :2], axis=1)


def ear(track):
    right = (distance(track, 160, 144) + distance(track, 158, 153)) / distance(track, 33, 133)
    left = (distance(track, 385, 380) + distance(track, 387, 373)) / distance(track, 362, 263)
    return (right + left) / 4


def mar(track):
    return distance(track, 13, 14) / distance(track, 78, 308)


def yaw_deg(track):
    return np.degrees(np.arctan2(track.pose[:, 0, 2], track.pose[:, 2, 2]))


def correlation(a, b):
    known = np.isfinite(a) & np.isfinite(b)
    return np.corrcoef(a[known], b[known])[0, 1]


def near_blinks(track):
    peaks = [blink.peak_s for blink in SCRIPT.blinks]
    return np.min(np.abs(track.time_s[:, None] - peaks), axis=1) < 0.06


@pytest.mark.parametrize("held_s", [0.0, 0.8])
def test_covered_blinks_are_not_measured_any_more(scene, remeasured, held_s):
    _, real = scene
    fake = remeasured(AbsentBlinks(held_s, 0.0, 0.0005, 0.08, 600.0))
    for track, low, high in ((real, 0.0, 0.5), (fake, 0.8, 1.3)):
        shut = ear(track)[near_blinks(track)] / np.nanmedian(ear(track))
        assert low <= np.nanmin(shut) <= high


def test_what_is_left_of_a_blink_is_measured_as_half_of_one(remeasured):
    fake = remeasured(AbsentBlinks(0.0, 0.5, 0.0005, 0.08, 600.0))
    shut = ear(fake)[near_blinks(fake)] / np.nanmedian(ear(fake))
    assert 0.35 < np.nanmin(shut) < 0.85


@pytest.mark.parametrize(
    "manipulation",
    [
        LowerFace("lower", 0.5, 1.0, 1.0, 0.015, 0.002, 300.0, 0.0, 0.1, 0.0005, 1.0, 0.3),
        LowerFace("box", 0.5, 1.0, 1.0, 0.015, 0.002, 96.0, 0.0, 0.1, 0.0005, 1.0, 0.3),
        ExpressionTransfer(0.5, 1.0, 1.0, False, 0.015, 0.0005, 300.0, "whole", 0.1, 0.3),
    ],
    ids=["lower", "box", "transfer"],
)
def test_the_mouth_follows_the_other_moment_and_the_head_the_clip(scene, remeasured, manipulation):
    clip, real = scene
    fake = remeasured(manipulation)
    # Half a clip later, and from the beginning again at the end.
    length = clip.time_s[-1]
    other = np.interp((clip.time_s + 0.5 * length) % length, clip.time_s, mar(real))
    assert correlation(mar(fake), other) > 0.85
    assert correlation(mar(fake), mar(real)) < 0.3
    assert np.nanmax(mar(fake)[TALKING]) < 0.5 * np.nanmax(mar(real)[TALKING])
    assert correlation(yaw_deg(fake), yaw_deg(real)) > 0.97
    # Eyes blink when they did.
    assert np.nanmax(np.abs(ear(fake) - ear(real))) < 0.07


def test_smoothed_motion_loses_what_is_fast_and_keeps_the_head(scene, remeasured):
    _, real = scene
    fake = remeasured(SmoothedMotion(0.12, 0.0, 1.0, False, False, 700.0, 0.2))

    def fast(values):
        return np.nanmean(np.diff(values, n=2) ** 2)

    assert fast(mar(fake)) < 0.35 * fast(mar(real))
    assert fast(ear(fake)) < 0.35 * fast(ear(real))
    assert correlation(yaw_deg(fake), yaw_deg(real)) > 0.97


def test_a_late_expression_is_measured_late(scene, remeasured):
    _, real = scene
    fake = remeasured(SmoothedMotion(0.03, 0.1, 1.0, False, False, 700.0, 0.2))
    centred = [np.nan_to_num(mar(track) - np.nanmean(mar(track))) for track in (real, fake)]
    shifts = np.arange(-6, 7)
    alike = [np.dot(centred[0], np.roll(centred[1], -shift)) for shift in shifts]
    # An exponential follower 0.1 s behind is late by one to three frames for syllables.
    assert 1 <= shifts[int(np.argmax(alike))] <= 4


def test_a_portrait_is_driven_by_head_and_mouth_of_the_clip(scene, remeasured):
    _, real = scene
    fake = remeasured(GeneratedPortrait(1.0, 1.0, 0.01, 350.0, True, 0.0003))
    assert correlation(mar(fake), mar(real)) > 0.85
    assert correlation(yaw_deg(fake), yaw_deg(real)) > 0.9
    assert np.nanstd(yaw_deg(fake)) > 0.4 * np.nanstd(yaw_deg(real))
