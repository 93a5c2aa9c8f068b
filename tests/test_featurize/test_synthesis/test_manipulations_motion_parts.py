"""What head and expression do told apart, other moments, and moments that look alike."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.head_motion import HeadMotion, other_moments, smoothed
from featurize.synthesis.manipulations.retrieval import most_alike
from tests.test_featurize.test_synthesis.face_clips import photo_clip

MOUTH = np.array([61, 291, 13, 14, 0, 17])
FPS = 25.0


def moving_clip(n=20, opening=None, missing=()):
    """A face that is carried, turned and scaled in the image; the lower lip moves."""
    base = photo_clip(1).points_px[0].astype(float)
    opening = np.zeros(n) if opening is None else opening
    points = np.empty((n, 478, 2))
    for now in range(n):
        angle, scale = 0.02 * now, 1 + 0.01 * now
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        face = base.copy()
        face[[14, 17], 1] += opening[now]
        points[now] = face @ turn.T + (3 * now, -now)
    points[list(missing)] = np.nan
    pose = np.tile(np.eye(4, dtype=np.float32), (n, 1, 1))
    frames = np.zeros((n, 8, 8, 3), np.uint8)
    shapes = np.zeros((n, 52), np.float32)
    return FaceClip(frames, np.arange(n) / FPS, points.astype(np.float32), pose, shapes)


def test_a_face_that_is_only_carried_turned_and_scaled_has_no_expression():
    motion = HeadMotion(moving_clip())
    assert np.abs(motion.expression_cm).max() < 1e-3


def test_an_expression_is_found_whatever_the_head_does():
    opening = 6 * np.sin(np.arange(20))
    expression = HeadMotion(moving_clip(opening=opening)).expression_cm
    np.testing.assert_allclose(expression[:, 4], 0, atol=2e-3)
    moved = np.linalg.norm(expression[:, 14] - expression[0, 14], axis=1)
    ratio = moved[1:] / np.abs(opening[1:] - opening[0])
    # The astronaut's pupils are about 45 px apart, 6.3 cm on the average face.
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-2)
    assert 0.1 < ratio.mean() < 0.18


def test_a_face_is_where_it_was_with_its_own_expression_and_moves_with_anothers():
    clip = moving_clip(opening=np.r_[0.0, 8.0, np.zeros(8)], n=10)
    motion = HeadMotion(clip)
    own = motion.points_px(3, motion.expression_cm[3])
    np.testing.assert_allclose(own, clip.points_px[3], atol=1e-3)
    opened = motion.points_px(3, motion.expression_cm[1])
    moved = np.linalg.norm(opened - clip.points_px[3], axis=1)
    # Eight pixels of the first frame, in a frame that is 3 % larger.
    np.testing.assert_allclose(moved[[14, 17]], 8 * 1.03, rtol=0.01)
    assert np.delete(moved, [14, 17]).max() < 0.01


@pytest.mark.parametrize("axis", [0, 1])
def test_what_turning_the_head_does_is_no_expression(axis):
    """The average face, turned about an axis and seen from afar; named points are all it has."""
    n = 21
    named = MEDIAPIPE_478.indices(MEDIAPIPE_478.average_cm)
    face = np.array(list(MEDIAPIPE_478.average_cm.values()))
    base = moving_clip(n)
    points, pose = base.points_px.copy(), base.pose.copy()
    for now, angle in enumerate(np.radians(np.linspace(-20, 20, n))):
        turn = np.eye(3)
        across = [2, 1] if axis == 0 else [0, 2]
        turn[np.ix_(across, across)] = [
            [np.cos(angle), np.sin(angle)],
            [-np.sin(angle), np.cos(angle)],
        ]
        points[now][named] = 7 * (face @ turn.T)[:, :2] * (1, -1) + 100
        pose[now, :3, :3] = turn
    turned = HeadMotion(replace(base, points_px=points, pose=pose))
    told_nothing = HeadMotion(replace(base, points_px=points))
    unexplained = np.abs(told_nothing.expression_cm[:, named]).max()
    assert unexplained > 0.8
    assert np.abs(turned.expression_cm[:, named]).max() < 0.05 * unexplained


def test_missing_frames_stay_missing_and_change_no_other():
    opening = 6 * np.sin(np.arange(20))
    motion = HeadMotion(moving_clip(opening=opening, missing=(4, 5)))
    assert np.isnan(motion.expression_cm[[4, 5]]).all()
    kept = np.delete(np.arange(20), [4, 5])
    assert np.isfinite(motion.expression_cm[kept]).all()


@pytest.mark.parametrize("sigma_s", [0.02, 0.05, 0.1])
def test_smoothing_takes_from_a_sine_what_a_gaussian_does(sigma_s):
    time_s = np.arange(500) / 100
    shown = np.ones(500, bool)
    sine = np.sin(2 * np.pi * 3 * time_s)
    found = smoothed(time_s, sine, shown, sigma_s)[100:-100]
    left = np.exp(-0.5 * (2 * np.pi * 3 * sigma_s) ** 2)
    np.testing.assert_allclose(found, left * sine[100:-100], atol=1e-3)


def test_smoothing_leaves_out_what_is_missing():
    time_s, shown = np.arange(10.0), np.arange(10) != 4
    values = np.where(shown, 7.0, np.nan)
    found = smoothed(time_s, values, shown, 2.0)
    np.testing.assert_allclose(found[shown], 7.0)
    assert np.isnan(found[4])


def test_other_moments_begin_later_and_start_over():
    clip = moving_clip(21)
    moments = other_moments(clip, clip.time_s, 0.5, 1.0)
    # 20 steps of 40 ms: the other moment is 10 frames later.
    found = moments.of(np.arange(21.0))
    np.testing.assert_allclose(found, (np.arange(21) + 10) % 20, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    away=st.floats(0, 1),
    speed=st.floats(0.3, 3),
    first=st.integers(0, 5),
    n=st.integers(1, 12),
)
def test_other_moments_are_moments_at_which_the_face_is_shown(away, speed, first, n):
    missing = [*range(first), *range(first + n, 20)]
    clip = moving_clip(20, missing=missing)
    moments = other_moments(clip, clip.time_s, away, speed)
    assert clip.shown[moments.before].all()
    assert clip.shown[moments.after].all()
    assert clip.shown[moments.nearest].all()
    assert np.isfinite(moments.of(clip.points_px)).all()
    at = moments.of(clip.time_s)
    assert (at >= clip.time_s[clip.shown][0] - 1e-9).all()
    assert (at <= clip.time_s[clip.shown][-1] + 1e-9).all()


def test_what_is_most_like_a_moment_is_that_moment():
    motion = HeadMotion(moving_clip(30, opening=np.random.default_rng(0).normal(0, 5, 30)))
    found = most_alike(motion, motion.expression_cm, MOUTH)
    np.testing.assert_array_equal(found, np.arange(30))


def test_a_later_stretch_is_found_again_where_the_face_is_shown():
    opening = np.random.default_rng(1).normal(0, 8, 30)
    motion = HeadMotion(moving_clip(30, opening=opening, missing=(20,)))
    wanted = motion.expression_cm.copy()
    wanted[:10] = motion.expression_cm[15:25]
    wanted[5] = wanted[4]
    found = most_alike(motion, wanted, MOUTH)
    np.testing.assert_array_equal(found[:5], np.arange(15, 20))
    np.testing.assert_array_equal(found[6:10], np.arange(21, 25))
    assert found[20] == -1
    assert (np.delete(found, 20) != 20).all()


def test_of_equal_moments_an_unbroken_stretch_is_taken():
    # The mouth says the same twice, but for a tremble too small to leave the stretch for.
    word = 8 * np.sin(np.arange(10))
    tremble = np.random.default_rng(2).normal(0, 0.05, 10)
    motion = HeadMotion(moving_clip(20, opening=np.r_[word, word + tremble]))
    wanted = motion.expression_cm.copy()
    wanted[:10] = (motion.expression_cm[:10] + motion.expression_cm[10:]) / 2
    found = most_alike(motion, wanted, MOUTH)[:10]
    assert np.sum(np.diff(found) != 1) == 0
