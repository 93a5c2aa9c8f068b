"""Warps, masks, colours and random courses that manipulations are made of."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.synthesis import SynthesisError
from featurize.synthesis.manipulations.blending import (
    colours,
    match_colours,
    match_lighting,
    paste,
)
from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.masks import (
    REGIONS,
    box_mask,
    dilated,
    feathered,
    hull_mask,
    region_mask,
    softened,
)
from featurize.synthesis.manipulations.rendering import rendered
from featurize.synthesis.manipulations.texture import recoloured, through_low_resolution
from featurize.synthesis.manipulations.unsteadiness import Unsteadiness
from featurize.synthesis.manipulations.wandering import drift, followed, frames_rng, jitter
from featurize.synthesis.manipulations.warping import aligned, displaced, face_triangles, warp
from tests.test_featurize.faces import face_points, photograph
from tests.test_featurize.test_synthesis.face_clips import photo_clip

SIZE = (256, 256)


@pytest.fixture(scope="module")
def clip():
    return photo_clip()


@pytest.fixture(scope="module")
def face(clip):
    return clip.frames[0], clip.points_px[0]


def rng(seed=0):
    return np.random.default_rng(seed)


def smooth_picture(size=256, seed=3):
    clouds = rng(seed).uniform(40, 210, (9, 9, 3)).astype(np.float32)
    return cv2.resize(clouds, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 255)


class TestWarp:
    def test_mesh_is_a_surface_without_holes(self):
        mesh = face_triangles()
        edges = {(a, b) for t in mesh for a, b in zip(t, np.roll(t, -1), strict=True)}
        assert len(edges) == 3 * len(mesh)  # every edge once in each direction at most
        rim = [edge for edge in edges if edge[::-1] not in edges]
        # Euler: V - E + F = 1 for a disc.
        assert len({p for t in mesh for p in t}) - (len(edges) + len(rim)) // 2 + len(mesh) == 1

    @pytest.mark.parametrize("enlarged", [0.5, 1, 2, 4])
    @pytest.mark.parametrize("surroundings_move", [False, True])
    def test_identity_changes_nothing(self, face, enlarged, surroundings_move):
        size = round(256 * enlarged)
        picture = cv2.resize(face[0], (size, size), interpolation=cv2.INTER_AREA)
        points = face[1] * enlarged
        out = warp(picture, points, points, (size, size), surroundings_move=surroundings_move)
        assert np.abs(out.astype(int) - picture).max() <= 1

    @settings(max_examples=15, deadline=None)
    @given(st.integers(-12, 12), st.integers(-12, 12))
    def test_a_shift_is_a_shift(self, dx, dy):
        clip = photo_clip(1)
        picture, points = clip.frames[0], clip.points_px[0]
        out = warp(picture, points, points + np.float32([dx, dy]), SIZE, surroundings_move=True)
        inner = slice(16, -16)
        shifted = np.roll(picture, (dy, dx), (0, 1))
        assert np.abs(out[inner, inner].astype(int) - shifted[inner, inner]).max() <= 1

    @pytest.mark.parametrize("size", [150, 300, 600])
    def test_a_similarity_is_what_opencv_makes_of_it(self, size):
        picture = smooth_picture(size)
        points = face_points(0.22 * size, (size / 2, size / 2))[:, :2].astype(np.float32)
        moved = displaced(points, 1.08, np.radians(7), np.array([3.0, -2.0]))
        matrix, _ = cv2.estimateAffine2D(points, moved)
        out = warp(picture, points, moved, (size, size), surroundings_move=True)
        truth = cv2.warpAffine(picture, matrix, (size, size))
        inner = slice(size // 8, -size // 8)
        assert np.abs(out - truth)[inner, inner].mean() < 0.5

    def test_landmarks_come_to_lie_where_they_are_sent(self, face):
        points = face[1]
        moved = Unsteadiness.reshaping(rng(2), photo_clip(), 0.03, 0, 1).moved(points, 0)
        # A blob on the tip of the nose is found again on the new tip.
        picture = np.zeros((256, 256), np.float32)
        cv2.circle(picture, tuple(int(v) for v in np.rint(points[4])), 5, 1.0, -1, cv2.LINE_AA)
        out = warp(picture, points, moved, SIZE)
        y, x = np.mgrid[:256, :256]
        found = np.array([(out * x).sum(), (out * y).sum()]) / out.sum()
        assert np.abs(found - (moved[4] + np.rint(points[4]) - points[4])).max() < 0.7

    def test_surroundings_stay_when_asked_to(self, face):
        picture, points = face
        moved = displaced(points, 1.1, 0.1, np.zeros(2))
        out = warp(picture, points, moved, SIZE)
        np.testing.assert_array_equal(out[-8:], picture[-8:])
        assert not np.array_equal(out, picture)

    def test_a_mesh_without_area_is_survived(self, face):
        squeezed = face[1].copy()
        squeezed[:, 0] = 100
        assert np.isfinite(warp(face[0].astype(np.float32), face[1], squeezed, SIZE)).all()

    def test_aligned_undoes_a_similarity(self, face):
        moved = displaced(face[1], 1.3, 0.4, np.array([20.0, -7.0]))
        np.testing.assert_allclose(aligned(moved, face[1]), face[1], atol=1e-3)

    def test_a_turn_is_clockwise_in_the_image(self):
        points = np.zeros((478, 2))
        points[0], points[1] = (1, 0), (-1, 0)
        np.testing.assert_allclose(
            displaced(points, 1, np.pi / 2, np.zeros(2))[0], (0, 1), atol=1e-6
        )


class TestMasks:
    @pytest.mark.parametrize("region", [*REGIONS, "eyes"])
    def test_nothing_outside_the_hull_and_all_well_inside(self, face, region):
        mask = region_mask(face[1], region, SIZE)
        assert mask.shape == (256, 256)
        assert mask.dtype == np.float32
        assert mask.min() == 0
        assert mask.max() == 1
        hull = cv2.convexHull(face[1])
        for y, x in rng(1).integers(0, 256, (300, 2)):
            if cv2.pointPolygonTest(hull, (float(x), float(y)), True) < -2:
                assert mask[y, x] == 0

    def test_regions_hold_their_parts(self, face):
        area = {name: region_mask(face[1], name, SIZE).sum() for name in REGIONS}
        assert area["whole"] > area["below-brows"] > area["inner"] > area["mouth"]
        assert area["below-brows"] > area["lower"] > area["mouth"] > area["left-eye"] > 0

    def test_a_face_out_of_the_picture_has_an_empty_mask(self, face):
        assert region_mask(face[1] + 1000, "whole", SIZE).max() == 0

    def test_area_of_a_rectangle_and_its_growth(self):
        corners = np.array([(20, 30), (80, 30), (80, 90), (20, 90)], np.float32)
        mask = hull_mask(corners, (120, 120))
        assert mask.sum() == pytest.approx(61 * 61, rel=0.03)
        assert dilated(mask, 5).sum() == pytest.approx(71 * 71 - (4 - np.pi) * 25, rel=0.03)
        assert dilated(mask, -5).sum() == pytest.approx(51 * 51, rel=0.03)

    @settings(max_examples=20, deadline=None)
    @given(st.floats(0, 60), st.floats(-30, 30))
    def test_edges_stay_in_bounds_and_inside(self, width, growth):
        points = photo_clip(1).points_px[0]
        mask = region_mask(points, "whole", SIZE)
        inner = feathered(mask, width)
        assert inner.min() >= 0
        assert inner.max() <= 1
        assert not np.any(inner[mask == 0])
        for other in (dilated(mask, growth), softened(mask, width)):
            assert other.min() >= 0
            assert other.max() <= 1

    def test_softening_keeps_the_area(self, face):
        mask = region_mask(face[1], "inner", SIZE)
        for sigma in (1, 5, 9):
            assert softened(mask, sigma).sum() == pytest.approx(mask.sum(), rel=0.02)

    def test_square_holds_the_face_at_any_turn(self, face):
        for turn in (0, 0.5):
            points = displaced(face[1], 0.8, turn, np.zeros(2))
            assert box_mask(points, SIZE)[region_mask(points, "whole", SIZE) > 0.5].min() > 0.5


class TestColours:
    def test_mean_and_spread_become_those_wanted(self, face):
        picture = smooth_picture().clip(60, 190).astype(np.uint8)
        other = (0.6 * smooth_picture(seed=8) + 50).clip(60, 180).astype(np.uint8)
        mask = region_mask(face[1], "whole", SIZE)
        wanted = colours(other, mask)
        mean, spread = colours(match_colours(picture, colours(picture, mask), wanted), mask)
        np.testing.assert_allclose(mean, wanted[0], atol=1)
        np.testing.assert_allclose(spread, wanted[1], atol=1.2)

    def test_no_strength_changes_nothing(self, face):
        wanted = np.array([50.0, 0, 0]), np.array([9.0, 9, 9])
        own = colours(face[0], np.ones(SIZE))
        out = match_colours(face[0], own, wanted, 0)
        assert np.abs(out.astype(int) - face[0]).max() <= 1

    def test_light_from_one_side_is_taken_over(self):
        flat = np.full((200, 200, 3), 120, np.uint8)
        lit = np.broadcast_to(np.linspace(60, 200, 200)[None, :, None], (200, 200, 3))
        out = match_lighting(flat, lit.astype(np.uint8), np.ones((200, 200), np.float32), 1.0)
        middle = out[100, 40:160, 0].astype(float)
        assert np.corrcoef(middle, np.arange(120))[0, 1] > 0.99
        assert middle[-1] - middle[0] > 50

    def test_pasted_where_the_mask_is_and_nowhere_else(self, face):
        frame = face[0].copy()
        box = FaceBox(50, 40, 150, 160)
        mask = np.zeros((120, 100), np.float32)
        mask[20:60, 30:70] = 1
        mask[60:70, 30:70] = 0.5
        out = paste(frame, box, np.full((120, 100, 3), 7, np.uint8), mask)
        np.testing.assert_array_equal(frame, face[0])
        assert np.all(out[60:100, 80:120] == 7)
        half = (frame[100:110, 80:120].astype(float) + 7) / 2
        assert np.abs(out[100:110, 80:120] - half).max() <= 0.5
        out[60:110, 80:120] = frame[60:110, 80:120]
        np.testing.assert_array_equal(out, frame)

    def test_recolouring_by_nothing_and_by_levels(self, face):
        np.testing.assert_array_equal(recoloured(face[0], np.zeros(3), 1.0, 1.0), face[0])
        grey = np.full((20, 20, 3), 100, np.uint8)
        np.testing.assert_array_equal(
            recoloured(grey, np.array([5, 0, -9]), 1.2, 0.4)[0, 0], (105, 100, 91)
        )

    def test_low_resolution_kills_fine_stripes_and_keeps_coarse_ones(self):
        x = np.arange(256)
        for period, kept in ((4, False), (64, True)):
            wave = 128 + 60 * np.sin(2 * np.pi * x / period)
            picture = np.broadcast_to(wave[None, :, None], (256, 256, 3)).astype(np.uint8)
            amplitude = through_low_resolution(picture, 64).std() / picture.std()
            assert (amplitude > 0.9) if kept else (amplitude < 0.1)


class TestCourses:
    def test_jitter_has_the_spread_and_memory_asked_for(self):
        course = jitter(rng(), 40_000, 2.0, 0.6)
        assert course.std() == pytest.approx(2, rel=0.03)
        assert np.corrcoef(course[1:], course[:-1])[0, 1] == pytest.approx(0.6, abs=0.02)

    def test_drift_has_the_covariance_asked_for(self):
        courses = drift(rng(), np.array([0.0, 1.0, 2.0]), 3.0, 2.0, (20_000,))
        for lag in (0, 1, 2):
            covariance = np.mean(courses[0] * courses[lag])
            assert covariance == pytest.approx(9 * np.exp(-(lag**2) / 8), abs=0.25)

    def test_a_dropped_frame_does_not_change_the_drift_of_others(self):
        time = np.arange(20) / 25
        kept = np.delete(time, 7)
        np.testing.assert_allclose(
            np.delete(drift(rng(5), time, 1, 1), 7), drift(rng(5), kept, 1, 1)
        )

    def test_a_follower_of_a_ramp_is_behind_by_its_lag(self):
        time = np.arange(2000) / 500
        late = followed(3 * time, time, 0.1)
        assert late[-1] == pytest.approx(3 * (time[-1] - 0.1), abs=0.01)
        np.testing.assert_array_equal(followed(time, time, 0), time)

    @pytest.mark.parametrize("fps", [10, 25, 60])
    @pytest.mark.parametrize("lag_s", [0.002, 0.02, 0.05, 0.1])
    def test_its_lag_is_the_same_at_all_frame_rates(self, fps, lag_s):
        time = np.arange(5 * fps) / fps
        late = followed(3 * time + 1, time, lag_s)
        assert time[-1] - (late[-1] - 1) / 3 == pytest.approx(lag_s, rel=1e-6)

    @pytest.mark.parametrize("fps", [25, 60])
    def test_a_follower_of_a_step_comes_near_as_an_exponential(self, fps):
        time = np.arange(fps) / fps
        values = np.r_[0.0, np.ones(fps - 1)]
        late = followed(values, time, 0.1)
        np.testing.assert_allclose(
            1 - late[1:], (1 - late[1]) * np.exp(-(time[1:] - time[1]) / 0.1), atol=1e-12
        )

    def test_a_follower_starts_anew_after_a_gap(self):
        values = np.array([0, 0, np.nan, 8, 8.0])
        late = followed(values, np.arange(5) / 25, 0.5)
        np.testing.assert_array_equal(late, values)

    def test_trembling_grows_with_its_sigma_and_is_smooth_over_the_face(self, clip):
        spread = []
        for sigma in (0.002, 0.01):
            fit = Unsteadiness.trembling(rng(1), photo_clip(200), sigma, 0)
            apart = np.array([fit.moved(clip.points_px[0], k) for k in range(200)])
            apart = apart - clip.points_px[0]
            spread.append(apart.std(axis=0).mean() / clip.interocular_px[0])
            neighbours = np.linalg.norm(apart[:, 1] - apart[:, 2], axis=1).mean()
            assert neighbours < 0.5 * np.linalg.norm(apart[:, 1], axis=1).mean()
        assert spread[1] == pytest.approx(5 * spread[0], rel=0.1)
        assert 1 < spread[0] / 0.002 < 3

    def test_frames_are_not_drawn_with_the_numbers_of_the_parameters(self):
        assert frames_rng(4).random() != np.random.default_rng(4).random()


class TestClip:
    def test_knows_its_face(self):
        clip = photo_clip(4, missing=(2,))
        assert clip.n_frames == 4
        assert clip.size_px == (256, 256)
        np.testing.assert_array_equal(clip.shown, [True, True, False, True])
        points = photograph()[1]
        pupils = np.linalg.norm(points[468, :2] - points[473, :2])
        np.testing.assert_allclose(clip.interocular_px[[0, 1, 3]], pupils, rtol=1e-5)
        assert np.isnan(clip.interocular_px[2])

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"frames": np.zeros((4, 256, 255, 3), np.uint8)}, "even"),
            ({"frames": np.zeros((4, 256, 256, 3))}, "uint8"),
            ({"frames": np.zeros((3, 256, 256, 3), np.uint8)}, "frames of a clip of 4"),
            ({"time_s": np.array([0.1, 0.2, 0.3, 0.4])}, "from 0"),
            ({"time_s": np.array([0, 0.2, 0.2, 0.4])}, "increase"),
            ({"points_px": np.zeros((4, 68, 2))}, "points_px"),
            ({"pose": np.zeros((4, 3, 3))}, "pose"),
            ({"blendshapes": np.zeros((4, 51))}, "blendshapes"),
            ({"time_s": np.zeros(0), "frames": np.zeros((0, 2, 2, 3), np.uint8)}, "uint8"),
        ],
    )
    def test_refuses_what_does_not_fit(self, change, said):
        clip = photo_clip(4)
        parts = {name: getattr(clip, name) for name in clip.__dataclass_fields__}
        with pytest.raises(SynthesisError, match=said):
            FaceClip(**(parts | change))


class TestRendering:
    def test_a_box_lies_within_its_frame(self):
        box = FaceBox.around(np.array([(-40.0, 10), (90, 700)]), 0.1, (100, 60))
        assert (box.left, box.right, box.bottom) == (0, 100, 60)
        assert FaceBox.around(np.array([(500.0, 500), (600, 600)]), 0.1, (100, 60)).is_empty

    def test_no_seam_at_the_box_but_at_the_frame_the_face_goes_on(self):
        clip = photo_clip(1)
        shifted = FaceClip(
            clip.frames,
            clip.time_s,
            clip.points_px - np.float32([90, 0]),
            clip.pose,
            clip.blendshapes,
        )

        def white(now, box):
            return np.full((*box.size[::-1], 3), 255, np.uint8), np.ones(box.size[::-1], np.float32)

        out = next(rendered(shifted, 0.1, white)).astype(int)
        box = FaceBox.around(shifted.points_px[0], 0.1, shifted.size_px)
        assert box.left == 0
        row = (box.top + box.bottom) // 2
        assert np.all(out[row, 0] == 255)
        np.testing.assert_array_equal(out[row, box.right - 1], clip.frames[0][row, box.right - 1])
