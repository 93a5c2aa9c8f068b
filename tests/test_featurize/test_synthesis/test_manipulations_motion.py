"""What all manipulations of motion have in common, on a photographed face with moving lips."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.synthesis.manipulations.blinks import AbsentBlinks
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.manipulations.expression_transfer import ExpressionTransfer
from featurize.synthesis.manipulations.face_box import FaceBox
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.lower_face import LowerFace
from featurize.synthesis.manipulations.portrait import GeneratedPortrait
from featurize.synthesis.manipulations.reenactment import blended, redrawn, region, seen
from featurize.synthesis.manipulations.smoothed_motion import SmoothedMotion
from tests.test_featurize.test_synthesis.face_clips import donor_clip, photo_clip

IN_PLACE = (LowerFace, ExpressionTransfer, AbsentBlinks, SmoothedMotion)
KINDS = (*IN_PLACE, GeneratedPortrait)

# What the docstrings say: (low, high), with True when 0 may be drawn besides.
RANGES = {
    LowerFace: {
        "away_share": (0.2, 0.8, False),
        "speed": (0.7, 1.4, False),
        "gain": (0.7, 1.15, False),
        "smoothing_s": (0.015, 0.1, False),
        "lag_s": (0.002, 0.05, False),
        "resolution_px": (48, 400, False),
        "sharpening": (0, 0.8, False),
        "feather_iod": (0.03, 0.35, False),
        "jitter_iod": (0.0005, 0.012, False),
        "light_matched": (0.6, 1, False),
        "colour_levels": (0.3, 5, False),
    },
    ExpressionTransfer: {
        "away_share": (0.2, 0.8, False),
        "speed": (0.7, 1.4, False),
        "gain": (0.5, 1.2, False),
        "smoothing_s": (0.015, 0.15, False),
        "jitter_iod": (0.0005, 0.01, False),
        "resolution_px": (80, 500, False),
        "feather_iod": (0.05, 0.4, False),
        "colour_levels": (0.3, 6, False),
    },
    AbsentBlinks: {
        "held_s": (0.4, 6, True),
        "closing_left": (0, 0.5, False),
        "jitter_iod": (0.0003, 0.006, False),
        "feather_iod": (0.05, 0.2, False),
        "resolution_px": (70, 600, False),
    },
    SmoothedMotion: {
        "smoothing_s": (0.03, 0.4, False),
        "lag_s": (0.02, 0.25, True),
        "gain": (0.6, 1.1, False),
        "resolution_px": (100, 700, False),
        "feather_iod": (0.1, 0.4, False),
    },
    GeneratedPortrait: {
        "head_gain": (0.4, 1, False),
        "expression_gain": (0.6, 1, False),
        "smoothing_s": (0.01, 0.15, False),
        "resolution_px": (90, 350, False),
        "jitter_iod": (0.0003, 0.004, False),
    },
}


def drawn(kind, seed=0):
    return kind.drawn(np.random.default_rng(seed))


def film(manipulation, clip, seed=0, donor=None):
    return np.array(list(manipulation.frames(clip, donor, seed)))


def talking_clip(n=6, missing=(), shift=(0, 0), moving=1.0):
    """The photographed face, panned, its landmarks told as if the lips moved."""
    clip = photo_clip(n, moving=moving, missing=missing)
    points = clip.points_px.copy()
    points[:, [14, 17, 87, 317], 1] += 4 * np.sin(2.1 * np.arange(n))[:, None]
    points += np.array(shift, np.float32)
    return FaceClip(clip.frames, clip.time_s, points, clip.pose, clip.blendshapes)


def around_face(clip, now, wider_iod):
    mask = np.zeros(clip.frames.shape[1:3], np.uint8)
    corners = cv2.convexHull(clip.points_px[now]).round().astype(np.int32)
    cv2.fillConvexPoly(mask, corners, 1)
    radius = int(np.ceil(wider_iod * clip.interocular_px[now]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask, kernel) > 0


@pytest.mark.parametrize("kind", KINDS)
class TestEach:
    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 2**32))
    def test_parameters_are_within_what_is_documented(self, kind, seed):
        parameters = drawn(kind, seed).parameters()
        numbers = {k: v for k, v in parameters.items() if isinstance(v, float)}
        assert set(numbers) == set(RANGES[kind])
        for name, value in numbers.items():
            low, high, may_be_zero = RANGES[kind][name]
            assert low <= value <= high or (may_be_zero and value == 0), (name, value)

    def test_resolutions_are_drawn_evenly_over_doublings(self, kind):
        low, high, _ = RANGES[kind]["resolution_px"]
        values = np.array([drawn(kind, seed).resolution_px for seed in range(400)])
        assert np.mean(values < np.sqrt(low * high)) == pytest.approx(0.5, abs=0.1)

    def test_it_is_in_the_catalogue(self, kind):
        assert MANIPULATIONS[kind.name] is kind

    def test_same_seed_same_bytes(self, kind):
        clip = talking_clip()
        np.testing.assert_array_equal(
            film(drawn(kind), clip, seed=3), film(drawn(kind), clip, seed=3)
        )

    @pytest.mark.parametrize("seed", range(5))
    def test_frames_are_the_clips_size_and_it_is_not_written_to(self, kind, seed):
        clip = talking_clip(4)
        before = clip.frames.copy()
        clip.frames.flags.writeable = False
        out = film(drawn(kind, seed), clip, seed)
        assert out.shape == before.shape
        assert out.dtype == np.uint8
        np.testing.assert_array_equal(clip.frames, before)
        for now in range(4):
            face = around_face(clip, now, 0)
            assert (out[now][face] != before[now][face]).any(axis=1).mean() > 0.02

    def test_a_clip_without_any_face_passes(self, kind):
        clip = talking_clip(3, missing=(0, 1, 2))
        np.testing.assert_array_equal(film(drawn(kind), clip), clip.frames)

    @pytest.mark.parametrize("n", [1, 2])
    def test_a_clip_of_a_frame_or_two(self, kind, n):
        assert film(drawn(kind), talking_clip(n)).shape[0] == n

    @pytest.mark.parametrize("shift", [(-140, 0), (150, 40), (0, 160), (2000, 2000)])
    def test_a_face_partly_or_wholly_outside_of_the_frame(self, kind, shift):
        clip = talking_clip(3, shift=shift)
        for seed in range(3):
            assert film(drawn(kind, seed), clip).shape == clip.frames.shape


@pytest.mark.parametrize("kind", IN_PLACE)
def test_a_frame_without_a_face_passes(kind):
    clip = talking_clip(missing=(0, 3))
    out = film(drawn(kind), clip)
    for now in (0, 3):
        np.testing.assert_array_equal(out[now], clip.frames[now])
    for now in (1, 2, 4, 5):
        assert not np.array_equal(out[now], clip.frames[now])


@pytest.mark.parametrize("seed", range(3))
def test_a_portrait_goes_on_where_the_face_is_missing(seed):
    clip = photo_clip(12, size=400, moving=2.0, missing=(0, 4, 5, 6, 11))
    steady = replace(drawn(GeneratedPortrait, seed), head_gain=1.0)
    out = film(steady, clip, seed).astype(int)
    steps = np.abs(np.diff(out, axis=0))
    # The foot of the picture is the still's throughout; the clip's is panned.
    assert steps[:, -40:].max() == 0
    assert np.abs(np.diff(clip.frames[:, -40:].astype(int), axis=0)).mean() > 5
    # Nor does the head jump into the gap or out of it.
    moved = steps.mean(axis=(1, 2, 3))
    assert moved.max() < 4 * np.median(moved) + 0.5


@pytest.mark.parametrize("roll_deg", [0, 30, 45])
@pytest.mark.parametrize("feather_iod", [0.03, 0.35])
def test_a_pasted_box_fades_out_on_all_sides_however_the_head_is_tilted(roll_deg, feather_iod):
    still = photo_clip(1, size=256)
    turn = cv2.getRotationMatrix2D((128, 110), -roll_deg, 1.0)
    turn[:, 2] += 128
    grey = np.full((1, 512, 512, 3), 90, np.uint8)
    points = (still.points_px @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    clip = replace(still, frames=grey, points_px=points)
    box = replace(drawn(LowerFace), region="box", feather_iod=feather_iod, jitter_iod=0.0)
    change = np.abs(film(replace(box, colour_levels=60.0), clip)[0].astype(int) - 90).max(axis=2)
    assert change.max() > 15
    # A box cut off by its patch changes at once by as much as inside it.
    steepest = max(np.abs(np.diff(change, axis=axis)).max() for axis in (0, 1))
    softest_px = max(1.0, feather_iod * clip.interocular_px[0] / 2)
    assert steepest <= 1.5 * change.max() / np.sqrt(2 * np.pi) / softest_px + 2
    ys, xs = np.nonzero(change)
    rim = change[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    assert max(rim[0].max(), rim[-1].max(), rim[:, 0].max(), rim[:, -1].max()) < 0.1 * change.max()


@pytest.mark.parametrize("kind", IN_PLACE)
@pytest.mark.parametrize("seed", range(6))
def test_only_the_face_is_changed(kind, seed):
    clip = talking_clip(4)
    out = film(drawn(kind, seed), clip, seed)
    for now in range(4):
        far = ~around_face(clip, now, 0.9)
        np.testing.assert_array_equal(out[now][far], clip.frames[now][far])


@pytest.mark.parametrize("kind", [LowerFace, ExpressionTransfer, AbsentBlinks, GeneratedPortrait])
def test_another_seed_gives_other_bytes(kind):
    clip = talking_clip()
    assert not np.array_equal(film(drawn(kind), clip, 1), film(drawn(kind), clip, 2))


def test_a_lower_face_leaves_eyes_and_brows_alone():
    clip = talking_clip()
    for seed in range(12):
        manipulation = drawn(LowerFace, seed)
        if manipulation.region == "box":
            continue
        out = film(manipulation, clip, seed)
        for now in range(clip.n_frames):
            eyes = int(clip.points_px[now][[145, 374], 1].max())
            np.testing.assert_array_equal(out[now][:eyes], clip.frames[now][:eyes])
            assert not np.array_equal(out[now][eyes:], clip.frames[now][eyes:])


def test_a_portrait_stands_still_around_the_head_and_moves_with_it():
    clip = photo_clip(8, size=400, moving=2.0)
    for seed in range(4):
        out = film(drawn(GeneratedPortrait, seed), clip, seed)
        # The chest at the foot of the frame, and what is beside the shoulders.
        for part in (np.s_[:, -40:], np.s_[:, :, -60:]):
            still = out[part]
            np.testing.assert_array_equal(still, np.broadcast_to(still[:1], still.shape))
            assert (clip.frames[part][0] != clip.frames[part][-1]).mean() > 0.5
        assert not np.array_equal(out[0], out[-1])


def test_a_donor_changes_an_expression_transfer_and_nothing_else_of_these():
    clip, donor = talking_clip(), donor_clip()
    points = donor.points_px.copy()
    points[::2, [14, 17, 87, 317], 1] += 6
    donor = FaceClip(donor.frames, donor.time_s, points, donor.pose, donor.blendshapes)
    for kind in KINDS:
        same = np.array_equal(film(drawn(kind), clip), film(drawn(kind), clip, donor=donor))
        assert same == (kind is not ExpressionTransfer)


def test_detail_that_the_network_does_not_know_is_gone():
    noise = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
    spread = [redrawn(noise, 120, resolution).std() for resolution in (1000, 60, 30)]
    assert noise.std() > spread[0] > spread[1] > spread[2]
    flat = np.full((40, 60, 3), 77, np.uint8)
    np.testing.assert_array_equal(redrawn(flat, 60, 20, 0.5), flat)


def test_a_mask_of_nothing_keeps_and_a_mask_of_all_replaces():
    under, patch = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 200, np.uint8)
    np.testing.assert_array_equal(blended(under, patch, np.zeros((4, 4))), under)
    np.testing.assert_array_equal(blended(under, patch, np.ones((4, 4))), patch)


def test_skin_turned_away_is_not_seen():
    points = photo_clip(1).points_px[0]
    box = FaceBox.around(points, 0.1, (256, 256))
    assert seen(points, points, 4.0, box).min() == 1
    # Turned by 60 degrees about the upright: the cheek on one side folds behind the nose.
    middle = points[:, 0].mean()
    depth = -((points[:, 0] - middle) ** 2) / 60
    turned = points.copy()
    turned[:, 0] = middle + 0.5 * (points[:, 0] - middle) + 0.87 * depth
    visible = seen(turned, points, 4.0, box)
    half = round(middle) - box.left
    assert visible[:, :half].mean() != pytest.approx(visible[:, half:].mean(), abs=0.05)


def test_a_region_is_full_inside_and_nothing_far_outside():
    square = np.array([(40, 40), (80, 40), (80, 80), (40, 80)], float)
    mask = region(square, 1.0, 6.0, FaceBox(0, 0, 120, 120))
    assert mask[60, 60] == pytest.approx(1, abs=1e-3)
    assert mask[60, 20] == pytest.approx(0, abs=1e-3)
    assert mask[60, 40] == pytest.approx(0.5, abs=0.15)
    wider = region(square, 1.5, 6.0, FaceBox(0, 0, 120, 120))
    assert wider.sum() == pytest.approx(1.5**2 * mask.sum(), rel=0.08)
