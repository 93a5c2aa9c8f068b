import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.synthesis.degradations import STRENGTHS, Film
from featurize.synthesis.degradations.focus import Blur, Sharpen
from featurize.synthesis.degradations.geometry import Enlarging, Letterbox, Scaling
from featurize.synthesis.degradations.light import Brightness, Colour, Contrast
from featurize.synthesis.degradations.noise import Noise
from featurize.synthesis.degradations.occluder import Occluder
from tests.test_featurize.test_synthesis.degradation_films import grey, panned

SEEDS = st.integers(0, 2**32 - 1)


def after(kind, film, seed=0):
    return np.stack(list(kind.film(film, seed)))


def one_picture(rgb):
    return Film(rgb[None], np.zeros(1))


@given(SEEDS, st.sampled_from(STRENGTHS))
def test_brightness_moves_the_mean_by_what_it_says(seed, strength):
    kind = Brightness.drawn(np.random.default_rng(seed), strength)
    assert after(kind, grey(120)).mean() - 120 == pytest.approx(kind.shift, abs=0.5)


def test_brightness_stops_at_black_and_white():
    assert after(Brightness(3, 60.0), grey(250)).min() == 255
    assert after(Brightness(3, -60.0), grey(5)).max() == 0


@given(SEEDS, st.sampled_from(STRENGTHS))
def test_contrast_scales_the_spread_and_keeps_the_middle(seed, strength):
    ramp = np.repeat(np.arange(80, 176, dtype=np.uint8), 3).reshape(8, 12, 3)
    kind = Contrast.drawn(np.random.default_rng(seed), strength)
    changed = after(kind, one_picture(ramp)).astype(float)
    assert changed.mean() == pytest.approx(127.5, abs=0.3)
    assert changed.std() / ramp.std() == pytest.approx(kind.gain, rel=0.02)


def test_colour_gains_on_a_grey_wall():
    warm = after(Colour(2, red_gain=1.2, blue_gain=0.8, gamma=1.0, saturation=1.0), grey(100))
    np.testing.assert_array_equal(warm[0, 0, 0], [120, 100, 80])


def test_gamma_keeps_black_and_white_and_darkens_between():
    kind = Colour(2, red_gain=1.0, blue_gain=1.0, gamma=2.0, saturation=1.0)
    levels = [after(kind, grey(level))[0, 0, 0, 0] for level in (0, 128, 255)]
    assert levels == [0, 64, 255]


def test_without_saturation_all_channels_agree():
    pale = after(Colour(3, red_gain=1.0, blue_gain=1.0, gamma=1.0, saturation=0.0), panned())
    assert np.ptp(pale.astype(int), axis=-1).max() <= 1


@given(SEEDS)
def test_saturation_leaves_greys_alone(seed):
    kind = Colour.drawn(np.random.default_rng(seed), 3)
    kind = Colour(3, red_gain=1.0, blue_gain=1.0, gamma=1.0, saturation=kind.saturation)
    assert abs(int(after(kind, grey(90)).max()) - 90) <= 1


@pytest.mark.parametrize("kind", ["gaussian", "motion"])
@pytest.mark.parametrize("size_px", [1.0, 2.0])
def test_a_blurred_line_spreads_as_far_as_it_says(kind, size_px):
    upright = np.zeros((41, 41, 3), np.uint8)
    upright[:, 20] = 250

    def spread_px(line):
        profile = after(Blur(2, kind, size_px, 0.0), one_picture(line))[0, 20, :, 0].astype(float)
        return np.sqrt((profile * (np.arange(41) - 20) ** 2).sum() / profile.sum())

    assert spread_px(upright) == pytest.approx(size_px, rel=0.06)
    lying = after(Blur(2, kind, size_px, 0.0), one_picture(upright.transpose(1, 0, 2)))
    assert np.array_equal(lying[0], upright.transpose(1, 0, 2)) == (kind == "motion")


def test_motion_blur_goes_the_way_it_says():
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    spread = after(Blur(3, "motion", 2.5, 45.0), one_picture(point))[0, ..., 0]
    rows, columns = np.nonzero(spread > 5)
    assert np.corrcoef(rows, columns)[0, 1] > 0.9


@given(SEEDS, st.sampled_from(STRENGTHS))
def test_blur_and_sharpening_keep_a_wall_as_it_is(seed, strength):
    for kind in (Blur, Sharpen):
        drawn = kind.drawn(np.random.default_rng(seed), strength)
        assert np.abs(after(drawn, grey(130, width=32, height=32)).astype(int) - 130).max() <= 1


def test_sharpening_overshoots_on_both_sides_of_an_edge():
    edge = np.full((20, 20, 3), 80, np.uint8)
    edge[:, 10:] = 160
    sharp = after(Sharpen(2, 1.0, 1.0), one_picture(edge))[0]
    assert sharp[:, 9].max() < 80
    assert sharp[:, 10].min() > 160


@pytest.mark.parametrize("grey_noise", [True, False])
@pytest.mark.parametrize("sigma", [2.0, 6.0, 12.0])
def test_gaussian_noise_has_the_deviation_it_says(sigma, grey_noise):
    noise = after(Noise(2, "gaussian", sigma, grey_noise), grey(127)).astype(float) - 127
    # Rounding to whole levels adds a variance of 1/12.
    assert noise.std() == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.02)
    assert abs(noise.mean()) < 0.1
    assert (np.ptp(noise, axis=-1).max() == 0) == grey_noise


def test_noise_is_new_from_pixel_to_pixel_and_frame_to_frame():
    noise = after(Noise(2, "gaussian", 8.0, False), grey(127, n_frames=3)).astype(float)[..., 0]
    for one, other in [
        (noise[0], noise[1]),
        (noise[1], noise[2]),
        (noise[0, :, 1:], noise[0, :, :-1]),
        (noise[0, 1:], noise[0, :-1]),
    ]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


def test_the_variance_of_shot_noise_goes_with_the_level():
    variances = [after(Noise(2, "shot", 6.0, True), grey(level)).var() for level in (40, 80, 160)]
    assert variances[1] / variances[0] == pytest.approx(2, rel=0.05)
    assert variances[2] / variances[1] == pytest.approx(2, rel=0.05)


@given(SEEDS, st.sampled_from(STRENGTHS))
def test_letterbox_bars_are_black_and_the_picture_is_unchanged(seed, strength):
    film = panned(2, width=120, height=80)
    kind = Letterbox.drawn(np.random.default_rng(seed), strength)
    framed = after(kind, film)
    beside, above = (framed.shape[2] - 120) // 2, (framed.shape[1] - 80) // 2
    assert (beside > 0) != (above > 0)
    assert framed.shape[1] % 2 == framed.shape[2] % 2 == 0
    inside = framed[:, above : above + 80, beside : beside + 120]
    np.testing.assert_array_equal(inside, film.frames)
    assert framed.sum() == inside.sum()


@given(st.integers(40, 400), st.integers(40, 400), SEEDS, st.sampled_from(STRENGTHS))
def test_scaled_films_have_even_sides_and_faces_stay_big(width, height, seed, strength):
    before = np.zeros((2 * height, 2 * width, 3), np.uint8)
    rng = np.random.default_rng(seed)
    for kind in (Scaling.drawn(rng, strength), Enlarging.drawn(rng, strength)):
        new_height, new_width = after(kind, one_picture(before))[0].shape[:2]
        assert new_height % 2 == new_width % 2 == 0
        assert abs(new_width / width - new_height / height) * min(width, height) <= 2.1
        floor_px = 128 if strength == 3 else 192
        assert min(new_width, new_height) >= min(floor_px, 2 * width, 2 * height)
        assert max(new_width, new_height) <= max(1024, 2 * width, 2 * height)


def test_scaling_there_and_back_keeps_size_and_mean():
    film = panned(2, width=256, height=256)
    soft = after(Scaling(3, 0.5, True, "cubic"), film)
    assert soft.shape == film.frames.shape
    assert soft.mean() == pytest.approx(film.frames.mean(), abs=1)
    edges = [cv2.Laplacian(frames[0], cv2.CV_64F).std() for frames in (soft, film.frames)]
    assert edges[0] < 0.7 * edges[1]


@pytest.mark.parametrize("kind", ["bar", "hand", "caption"])
@pytest.mark.parametrize("area", [0.04, 0.1, 0.2])
def test_occluders_cover_as_much_and_as_long_as_they_say(kind, area):
    film = grey(120, n_frames=100, width=128, height=96)
    covered = after(Occluder(2, kind, area, 0.5, (255, 255, 255)), film)[..., 0].astype(int)
    # Of the edges of bars and hands, what is covered by half; captions are not quite opaque.
    covered = np.abs(covered - 120) > (0 if kind == "caption" else 60)
    share = covered.mean(axis=(1, 2))
    assert (share > 0).mean() == pytest.approx(0.5, abs=0.03)
    shown = np.flatnonzero(share > 0)
    assert np.all(np.diff(shown) == 1)
    # The largest, because bars and hands may reach over the edge of the picture.
    assert share.max() == pytest.approx(area, rel=0.15, abs=0.006)


def test_bars_and_hands_move_and_captions_stay():
    film = grey(120, n_frames=60, width=128, height=96)
    moved = {}
    for kind in ("bar", "hand", "caption"):
        pictures = after(Occluder(3, kind, 0.1, 1.0, (20, 30, 40)), film)
        moved[kind] = len({picture.tobytes() for picture in pictures})
    assert moved["caption"] == 1
    assert moved["bar"] > 20
    assert moved["hand"] > 20
