"""One frame that is wrong, in its pose or its points, costs itself and no other."""

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from featurize.synthesis import SynthesisError
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.manipulations.head_motion import HeadMotion
from featurize.synthesis.manipulations.masks import hull_mask
from featurize.synthesis.manipulations.retrieval import most_alike
from featurize.synthesis.manipulations.warping import warp
from tests.test_featurize.test_synthesis.face_clips import donor_clip, photo_clip

WRONG = 2


def film(kind, clip, seed=0):
    manipulation = kind.drawn(np.random.default_rng(seed))
    return np.array(list(manipulation.frames(clip, donor_clip(), seed)))


def with_pose(clip, turn):
    pose = clip.pose.copy()
    pose[WRONG, :3, :3] = turn
    return replace(clip, pose=pose)


def profile(yaw_deg):
    angle = np.radians(yaw_deg)
    return [
        [np.cos(angle), 0, np.sin(angle)],
        [0, 1, 0],
        [-np.sin(angle), 0, np.cos(angle)],
    ]


def as_dot(points):
    return np.repeat(points[:1], len(points), axis=0)


def as_line(points):
    return points[:, :1] * np.float32([1, 0.5])


def test_a_frame_with_points_but_no_pose_does_not_show_the_face():
    clip = photo_clip(5)
    assert with_pose(clip, np.nan).shown.tolist() == [True, True, False, True, True]
    assert np.isnan(with_pose(clip, np.nan).interocular_px).tolist() == [
        *(False, False, True, False, False)
    ]


@pytest.mark.parametrize("collapsed", [as_dot, as_line])
def test_points_in_one_place_or_on_a_line_are_no_face(collapsed):
    clip = photo_clip(5)
    points = clip.points_px.copy()
    points[WRONG] = collapsed(points[WRONG])
    assert replace(clip, points_px=points).shown.tolist() == [True, True, False, True, True]
    # However small, a face is one.
    assert replace(clip, points_px=clip.points_px / 20).shown.all()


@pytest.mark.parametrize("kind", MANIPULATIONS.values(), ids=MANIPULATIONS)
def test_a_frame_without_a_pose_is_like_one_without_a_face(kind):
    missing, clip = photo_clip(5, missing=(WRONG,)), photo_clip(5)
    # Before films are made: with points that lie nowhere they would take for ever.
    motion = HeadMotion(with_pose(clip, np.nan))
    np.testing.assert_array_equal(motion.expression_cm, HeadMotion(missing).expression_cm)
    np.testing.assert_array_equal(film(kind, with_pose(clip, np.nan)), film(kind, missing))


@pytest.mark.parametrize("yaw_deg", [85, 89, 90, 91])
def test_a_profile_in_one_frame_bends_no_face_out_of_shape(yaw_deg):
    """The same points with another pose: less is expected of it, but no more than centimetres."""
    clip = with_pose(photo_clip(5), profile(yaw_deg))
    expression = HeadMotion(clip).expression_cm
    assert np.abs(expression).max() < 40
    assert np.abs(np.delete(expression, WRONG, axis=0)).max() < 10


@pytest.mark.parametrize("kind", MANIPULATIONS.values(), ids=MANIPULATIONS)
def test_films_with_a_profile_in_one_frame_are_made(kind):
    clip = with_pose(photo_clip(5), profile(90))
    # Before films are made: with points as far away as that they would take for ever.
    assert np.abs(HeadMotion(clip).expression_cm).max() < 40
    assert film(kind, clip).shape == clip.frames.shape


@pytest.mark.parametrize("where", [np.nan, np.inf])
def test_points_that_lie_nowhere_are_refused(where):
    clip = photo_clip(1)
    points = clip.points_px[0].copy()
    points[5] = where
    with pytest.raises(SynthesisError, match="lie nowhere"):
        warp(clip.frames[0], clip.points_px[0], points, (256, 256))


@pytest.mark.parametrize("far", [1e5, 1e8, 1e30])
def test_points_far_away_are_drawn_as_if_they_were_near(far):
    """What a picture shows of a polygon that covers it does not depend on where its corners are."""
    corners = np.array([(-far, -far), (far, -far), (far, far), (-far, far)])
    assert hull_mask(corners, (60, 40)).min() == 1
    assert hull_mask(corners + 3 * far, (60, 40)).max() == 0
    points = photo_clip(1).points_px[0]
    moved = points + np.float32(far)
    assert warp(np.zeros((50, 60, 3), np.uint8), points, moved, (60, 50)).shape == (50, 60, 3)


def test_moments_are_found_without_a_table_of_all_pairs():
    n, one = 1500, photo_clip(1)
    rng = np.random.default_rng(0)
    points = one.points_px + rng.normal(0, 1, (n, 478, 2)).astype(np.float32)
    clip = replace(
        one,
        frames=np.zeros((n, 2, 2, 3), np.uint8),
        time_s=np.arange(n) / 60,
        points_px=points,
        pose=np.tile(one.pose, (n, 1, 1)),
        blendshapes=np.zeros((n, 52), np.float32),
    )
    motion = HeadMotion(clip)
    wanted = motion.expression_cm
    tracemalloc.start()
    found = most_alike(motion, wanted, np.arange(10))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found, np.arange(n))
    assert peak < 4 * n**2  # two tables of eight bytes had four times as much


def test_a_warp_of_sound_points_is_what_it_was():
    """Corners are only held back beyond four times the picture's longer side."""
    clip = photo_clip(1)
    shifted = clip.points_px[0] + np.float32([7, 0])
    there = warp(clip.frames[0], clip.points_px[0], shifted, (256, 256), surroundings_move=True)
    by_hand = cv2.warpAffine(
        clip.frames[0], np.float32([[1, 0, 7], [0, 1, 0]]), (256, 256), borderMode=1
    )
    assert np.abs(there.astype(int) - by_hand).max() <= 2
