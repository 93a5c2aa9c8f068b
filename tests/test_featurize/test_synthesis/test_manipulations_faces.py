"""Face swap, self-blended face and autoencoder look on clips of a photographed face."""

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.synthesis import SynthesisError
from featurize.synthesis.manipulations.autoencoder import AutoencoderLook
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.manipulations.face_swap import FaceSwap
from featurize.synthesis.manipulations.masks import feathered, region_mask
from featurize.synthesis.manipulations.self_blended import SelfBlended
from tests.test_featurize.test_synthesis.face_clips import donor_clip, photo_clip

KINDS = (FaceSwap, SelfBlended, AutoencoderLook)

# What the docstrings say: (low, high), with True when 0 may be drawn besides.
RANGES = {
    FaceSwap: {
        "fit_trembling_iod": (0.0006, 0.012, False),
        "donor_trembling_iod": (0.0005, 0.01, False),
        "trembling_lag1": (0, 0.8, False),
        "fit_lag_s": (0.01, 0.1, True),
        "donor_shape": (0, 0.5, False),
        "colour_strength": (0.5, 1, False),
        "lighting_strength": (0, 1, True),
        "decoded_px": (40, 160, True),
        "edge_iod": (0.06, 0.3, False),
        "growth_iod": (-0.18, -0.02, False),
        "missed_share": (0.005, 0.05, True),
    },
    SelfBlended: {
        "resolution_iod_px": (12, 100, False),
        "sharpening": (0.1, 0.8, True),
        "shift_x_iod": (-0.06, 0.06, False),
        "shift_y_iod": (-0.04, 0.04, False),
        "log_scale": (-0.05, 0.05, False),
        "bend_iod": (0.002, 0.04, False),
        "drift_share": (0, 0.6, False),
        "trembling_iod": (0.0006, 0.012, False),
        "trembling_lag1": (0, 0.8, False),
        "colour_levels": (0.5, 12, False),
        "flicker_levels": (0.05, 2, False),
        "log_contrast": (-0.15, 0.15, False),
        "log_saturation": (-0.25, 0.25, False),
        "mask_bend_iod": (0.01, 0.1, False),
        "growth_iod": (-0.15, 0.08, False),
        "edge_iod": (0.01, 0.15, False),
        "opacity": (0.25, 1, False),
    },
    AutoencoderLook: {
        "decoded_px": (48, 200, False),
        "softness_px": (0.2, 0.9, False),
        "grid_levels": (0.3, 4, True),
        "sharpening": (0.1, 1, True),
        "identity_iod": (0.004, 0.06, False),
        "identity_drift_share": (0, 0.4, False),
        "alignment_trembling_iod": (0.0006, 0.012, False),
        "trembling_lag1": (0, 0.8, False),
        "alignment_lag_s": (0.01, 0.08, True),
        "expression_lag_s": (0.02, 0.2, True),
        "colour_levels": (0.5, 10, False),
        "flicker_levels": (0.05, 3, False),
        "log_contrast": (-0.15, 0.15, False),
        "growth_iod": (-0.15, 0.05, False),
        "edge_iod": (0.06, 0.3, False),
        "missed_share": (0.005, 0.05, True),
    },
}


def drawn(kind, seed=0):
    return kind.drawn(np.random.default_rng(seed))


def film(manipulation, clip, seed=0):
    return np.array(list(manipulation.frames(clip, donor_clip(), seed)))


def hull(clip, now, wider_iod):
    """Where the face of a frame is, widened."""
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

    def test_strengths_are_drawn_evenly_over_doublings(self, kind):
        name = next(n for n in RANGES[kind] if n.endswith("trembling_iod"))
        low, high, _ = RANGES[kind][name]
        values = [getattr(drawn(kind, seed), name) for seed in range(400)]
        assert np.mean(np.array(values) < np.sqrt(low * high)) == pytest.approx(0.5, abs=0.1)

    def test_same_seed_same_bytes_other_seed_others(self, kind):
        clip = photo_clip(4, moving=1)
        one = film(drawn(kind), clip, seed=3)
        np.testing.assert_array_equal(one, film(drawn(kind), clip, seed=3))
        assert not np.array_equal(one, film(drawn(kind), clip, seed=4))

    @pytest.mark.parametrize("seed", range(6))
    def test_only_the_face_is_changed(self, kind, seed):
        clip = photo_clip(3, moving=2)
        before = clip.frames.copy()
        out = film(drawn(kind, seed), clip, seed)
        assert out.shape == clip.frames.shape
        assert out.dtype == np.uint8
        np.testing.assert_array_equal(clip.frames, before)
        for now in range(3):
            far = ~hull(clip, now, 0.95)
            np.testing.assert_array_equal(out[now][far], before[now][far])
            middle = hull(clip, now, 0)
            assert (out[now][middle] != before[now][middle]).any(axis=1).mean() > 0.2

    def test_a_frame_without_a_face_passes(self, kind):
        clip = photo_clip(5, missing=(0, 3))
        out = film(drawn(kind), clip)
        for now in (0, 3):
            np.testing.assert_array_equal(out[now], clip.frames[now])
        for now in (1, 2, 4):
            assert not np.array_equal(out[now], clip.frames[now])

    def test_a_clip_without_any_face_passes(self, kind):
        clip = photo_clip(3, missing=(0, 1, 2))
        np.testing.assert_array_equal(film(drawn(kind), clip), clip.frames)

    def test_a_face_at_the_rim_and_one_outside_are_survived(self, kind):
        clip = photo_clip(3)
        places = clip.points_px + np.float32([[[-130, 0]], [[0, 140]], [[900, 0]]])
        moved = FaceClip(clip.frames, clip.time_s, places, clip.pose, clip.blendshapes)
        out = film(drawn(kind), moved)
        np.testing.assert_array_equal(out[2], clip.frames[2])

    def test_one_frame_and_a_tiny_face_are_enough(self, kind):
        clip = photo_clip(1)
        small = np.array([cv2.resize(clip.frames[0], (64, 64), interpolation=cv2.INTER_AREA)])
        tiny = FaceClip(small, clip.time_s, clip.points_px / 4, clip.pose, clip.blendshapes)
        assert film(drawn(kind), tiny).shape == (1, 64, 64, 3)

    def test_frames_are_given_one_by_one(self, kind):
        frames = drawn(kind).frames(photo_clip(3), donor_clip(), 0)
        assert next(frames).shape == (256, 256, 3)

    def test_is_in_the_catalogue(self, kind):
        assert MANIPULATIONS[kind.name] is kind
        assert kind.needs_donor is (kind is FaceSwap)


def trembling_px(frames, clip):
    """How far the face of a clip that stands still trembles, by optical flow at its landmarks."""
    corners = clip.points_px[0][[4, 33, 133, 362, 263, 61, 291, 168]][:, None]
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    flown = [cv2.calcOpticalFlowPyrLK(grey[0], g, corners, None, winSize=(15, 15))[0] for g in grey]
    return np.std(flown, axis=0).mean()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (FaceSwap, ("fit_trembling_iod", "donor_trembling_iod")),
        (SelfBlended, ("trembling_iod",)),
        (AutoencoderLook, ("alignment_trembling_iod",)),
    ],
)
def test_the_face_trembles_as_much_as_it_is_told(kind, names):
    clip = photo_clip(16)
    calm = replace(drawn(kind, 1), trembling_lag1=0.0, **dict.fromkeys(names, 0.0))
    if kind is not FaceSwap:
        calm = replace(calm, flicker_levels=0.0)
    if kind is SelfBlended:
        calm = replace(calm, drift_share=0.0, opacity=1.0)
    if kind is AutoencoderLook:
        calm = replace(calm, identity_drift_share=0.0)
    else:
        calm = replace(calm, edge_iod=0.1)
    measured = [
        trembling_px(film(replace(calm, **{names[0]: sigma}), clip), clip)
        for sigma in (0.0, 0.005, 0.02)
    ]
    iod = clip.interocular_px[0]
    assert measured[0] < 0.002 * iod
    assert measured[0] < measured[1] < measured[2]
    assert 0.01 * iod < measured[2] < 0.06 * iod


@pytest.mark.parametrize("kind", [FaceSwap, AutoencoderLook])
def test_where_the_method_fails_the_authentic_face_flashes_up(kind):
    clip = photo_clip(40)
    out = film(replace(drawn(kind), missed_share=0.3), clip)
    authentic = (out == clip.frames).all(axis=(1, 2, 3))
    assert 4 <= authentic.sum() <= 20


class TestFaceSwap:
    def test_without_a_donor_it_says_so(self):
        for donor in (None, photo_clip(2, missing=(0, 1))):
            with pytest.raises(SynthesisError, match="needs a donor"):
                next(drawn(FaceSwap).frames(photo_clip(2), donor, 0))

    def test_frames_in_which_the_donor_lies_outside_of_the_picture_are_not_worn(self):
        clip, donor = photo_clip(6), donor_clip(4)
        points = donor.points_px.copy()
        points[[0, 2]] += 3000
        points[3] = points[3, :1]
        for moments in ("still", "nearest", "tandem"):
            swap = replace(drawn(FaceSwap), donor_moments=moments, colour_each_frame=False)
            out = np.array(list(swap.frames(clip, replace(donor, points_px=points), 0)))
            only = replace(donor, points_px=donor.points_px[[1] * 4], frames=donor.frames[[1] * 4])
            alone = np.array(list(swap.frames(clip, only, 0)))
            np.testing.assert_array_equal(out, alone)
            assert (out != clip.frames).any(axis=(1, 2, 3)).mean() > 0.9
        with pytest.raises(SynthesisError, match="within the picture"):
            list(swap.frames(clip, replace(donor, points_px=donor.points_px + 3000), 0))

    @pytest.mark.parametrize("colour_each_frame", [True, False])
    def test_a_clip_whose_face_comes_into_the_picture_late(self, colour_each_frame):
        clip = photo_clip(20)
        points = clip.points_px.copy()
        points[:-1] += 3000
        swap = replace(drawn(FaceSwap), colour_each_frame=colour_each_frame, missed_share=0.0)
        out = np.array(list(swap.frames(replace(clip, points_px=points), donor_clip(), 0)))
        np.testing.assert_array_equal(out[:-1], clip.frames[:-1])
        assert not np.array_equal(out[-1], clip.frames[-1])

    def test_memory_does_not_grow_with_the_square_of_the_frames(self):
        n, small = 3000, photo_clip(1)
        long = FaceClip(
            np.broadcast_to(small.frames, (n, 256, 256, 3)),
            np.arange(n) / 60,
            np.broadcast_to(small.points_px, (n, 478, 2)),
            np.broadcast_to(small.pose, (n, 4, 4)),
            np.zeros((n, 52), np.float32),
        )
        swap = replace(drawn(FaceSwap), donor_moments="nearest", fit_lag_s=0.0)
        frames = swap.frames(long, long, 0)
        tracemalloc.start()
        next(frames)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # A table of nine numbers for each pair of frames had 324 MB.
        assert peak < n**2 * 4 * 3

    def test_own_face_as_donor_and_no_misfit_gives_the_clip_back(self):
        clip = photo_clip(3, moving=1)
        plain = FaceSwap("nearest", "whole", 0, 0, 0, 0, 0, 1, True, 0, 0, 0.1, True, 0, 0)
        own = photo_clip(1)
        out = np.array(list(plain.frames(clip, own, 0))).astype(int)
        assert np.abs(out - clip.frames).max() <= 3

    def test_colours_come_near_the_target_and_the_face_is_the_donor_s(self):
        clip, donor = photo_clip(2), donor_clip()
        swap = FaceSwap("still", "below-brows", 0, 0, 0, 0, 0, 1, True, 0, 0, 0.05, True, 0, 0)
        out = np.array(list(swap.frames(clip, donor, 0)))[0]
        inside = feathered(region_mask(clip.points_px[0], "below-brows", (256, 256)), 6) == 1
        before, after = clip.frames[0][inside].mean(axis=0), out[inside].mean(axis=0)
        worn = donor.frames[0][inside].mean(axis=0)
        assert np.abs(after - before).max() < 0.35 * np.abs(worn - before).max()
        grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[inside] for f in (out, donor.frames[0])]
        assert np.corrcoef(*grey)[0, 1] > 0.5

    def test_nearest_wears_the_moment_of_the_same_pose(self):
        turned = photo_clip(6)
        angle = np.radians(np.arange(6) * 10)
        pose = turned.pose.copy()
        pose[:, 0, 0] = pose[:, 2, 2] = np.cos(angle)
        pose[:, 0, 2], pose[:, 2, 0] = np.sin(angle), -np.sin(angle)
        frames = turned.frames.copy()
        for now in range(6):
            frames[now, :, :, :] = 40 * now + 10
        donor = replace(turned, pose=pose, frames=frames)
        target = replace(turned, pose=pose[::-1].copy())
        swap = FaceSwap("nearest", "whole", 0, 0, 0, 0, 0, 0, True, 0, 0, 0.05, True, 0, 0)
        out = np.array(list(swap.frames(target, donor, 0)))
        x, y = turned.points_px[0, 4].astype(int)
        levels = out[:, y, x, 0].astype(int)
        assert np.abs(levels - (40 * np.arange(6)[::-1] + 10)).max() <= 1

    def test_in_tandem_a_shorter_donor_runs_to_and_fro(self):
        clip, donor = photo_clip(9), donor_clip(4)
        frames = donor.frames.copy()
        for now in range(4):
            frames[now] = 60 * now + 20
        swap = FaceSwap("tandem", "whole", 0, 0, 0, 0, 0, 0, True, 0, 0, 0.05, True, 0, 0)
        out = np.array(list(swap.frames(clip, replace(donor, frames=frames), 0)))
        x, y = clip.points_px[0, 4].astype(int)
        worn = (out[:, y, x, 0].astype(int) - 20) / 60
        np.testing.assert_allclose(worn, [0, 1, 2, 3, 2, 1, 0, 1, 2], atol=0.03)


def detail(frames):
    return np.mean([cv2.Laplacian(f[60:200, 60:200], cv2.CV_32F).std() for f in frames])


def test_a_lower_resolution_of_the_decoder_is_softer():
    clip = photo_clip(2)
    look = replace(
        drawn(AutoencoderLook),
        sharpening=0.0,
        grid_levels=0.0,
        mask_shape="whole",
        log_contrast=0.0,
    )
    fine, coarse = (detail(film(replace(look, decoded_px=px), clip)) for px in (140.0, 40.0))
    assert coarse < fine < detail(clip.frames)


def test_the_decoded_face_keeps_its_other_shape_all_the_time():
    clip = photo_clip(6)
    look = replace(
        drawn(AutoencoderLook, 2),
        identity_iod=0.05,
        identity_drift_share=0.0,
        alignment_trembling_iod=0.0,
        colour_levels=0.0,
        flicker_levels=0.0,
    )
    out = film(look, clip).astype(int)
    assert np.abs(out - out[0]).max() == 0
    assert np.abs(out - clip.frames).max() > 20
