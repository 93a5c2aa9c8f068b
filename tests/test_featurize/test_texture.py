"""Spectrum, residual, sharpness and noise of pictures whose texture is known in closed form."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.frame_features.texture.residual import (
    cooccurrence_direction,
    cooccurrence_entropy_bit,
    residual_correlation,
    residual_std_levels,
    residual_tails,
)
from featurize.frame_features.texture.sharpness import (
    LAPLACE,
    chroma_noise_inner_to_around_db,
    noise_inner_levels,
    noise_inner_to_around_db,
    noise_inner_to_ring_db,
    sharpness_inner_to_around_db,
    sharpness_inner_to_ring_db,
    sharpness_mouth_to_inner_db,
)
from featurize.frame_features.texture.spectrum import (
    spectrum_checkerboard_db,
    spectrum_slope,
    spectrum_top_deviation_db,
)
from featurize.frame_features.texture.zones import INNER_FROM_IOD, zone
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478
from tests.test_featurize.faces import face_points, view_of, white_noise

BOTH = pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)


def power_law(exponent: float, std: float = 40.0, seed: int = 0, size: int = 512) -> np.ndarray:
    """Grey levels whose power falls with frequency as f to minus the exponent."""
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    f[0, 0] = 1
    spectrum = np.fft.rfft2(np.random.default_rng(seed).normal(size=(size, size)))
    values = np.fft.irfft2(spectrum * f ** (-exponent / 2), (size, size))
    return 127.5 + std * (values - values.mean()) / values.std()


def blurred_inside(picture: np.ndarray, mask: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.where(mask, cv2.filter2D(picture, cv2.CV_64F, kernel), picture)


def in_picture_of(view, mask: np.ndarray, size: int = 512) -> np.ndarray:
    """A mask of a view as one of the whole picture."""
    whole = np.zeros((size, size), bool)
    left, top = view.corner
    whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return whole


@BOTH
@settings(max_examples=8, deadline=None)
@given(exponent=st.floats(0, 2.5), seed=st.integers(0, 99))
def test_the_slope_of_a_power_law_is_found(schema, exponent: float, seed: int) -> None:
    view = view_of(power_law(exponent, seed=seed), schema=schema)
    assert spectrum_slope.read(view) == pytest.approx(-exponent, abs=0.45)
    assert spectrum_top_deviation_db.read(view) == pytest.approx(0, abs=2)


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.4, 1.0), offset=st.floats(-15, 15))
def test_slope_and_correlation_do_not_change_with_contrast_and_brightness(gain, offset) -> None:
    picture = power_law(1.5, std=30)
    one, other = view_of(picture), view_of(127.5 + gain * (picture - 127.5) + offset)
    for signal, tolerance in (
        (spectrum_slope, 0.03),
        (residual_correlation, 0.02),
    ):
        assert signal.read(other) == pytest.approx(signal.read(one), abs=tolerance)


def test_enlarging_empties_the_top_of_the_spectrum() -> None:
    small = power_law(1.0, size=256)
    large = cv2.resize(small, (512, 512), interpolation=cv2.INTER_CUBIC)
    as_it_is = spectrum_top_deviation_db.read(view_of(power_law(1.0)))
    assert spectrum_top_deviation_db.read(view_of(large)) < as_it_is - 8


@pytest.mark.parametrize("pattern", ["along x", "along y", "both"])
def test_a_checkerboard_shows(pattern: str) -> None:
    y, x = np.indices((512, 512))
    sign = (-1.0) ** {"along x": x, "along y": y, "both": x + y}[pattern]
    noise = white_noise(5)
    without = spectrum_checkerboard_db.read(view_of(noise))
    assert abs(without) < 4
    shown = spectrum_checkerboard_db.read(view_of(noise + 3 * sign))
    # A constant of height h under a Hann window of n x n pixels has (n / 1.5)² h² in its bin; the
    # eight around share 1.25 more of it: (1 + 1/4 * 2 ...)² - 1.
    n, variance = 108, 25.0
    true_db = 10 * math.log10(1 + (n / 1.5) ** 2 * 9 / variance * (1 + 2 / 4) ** 2 / 9)
    assert shown == pytest.approx(true_db, abs=2)


@pytest.mark.parametrize("kernel", [(9, 1), (1, 9)])
def test_blur_along_one_axis_makes_rows_and_columns_differ(kernel: tuple[int, int]) -> None:
    smeared = cv2.blur(white_noise(40), kernel)
    assert cooccurrence_direction.read(view_of(smeared)) > 0.2
    assert cooccurrence_direction.read(view_of(white_noise(40))) < 0.03


@BOTH
@settings(max_examples=8, deadline=None)
@given(sigma=st.floats(2, 25), seed=st.integers(0, 99))
def test_white_noise_is_measured(schema, sigma: float, seed: int) -> None:
    view = view_of(white_noise(sigma, seed), schema=schema)
    rounded = math.sqrt(sigma**2 + 1 / 12)
    assert noise_inner_levels.read(view) == pytest.approx(rounded, rel=0.06)
    assert residual_std_levels.read(view) == pytest.approx(math.sqrt(6) * rounded, rel=0.04)
    assert residual_tails.read(view) == pytest.approx(math.log10(3), abs=0.04)
    assert residual_correlation.read(view) == pytest.approx(-2 / 3, abs=0.02)
    for signal in (
        noise_inner_to_ring_db,
        noise_inner_to_around_db,
        sharpness_inner_to_ring_db,
        sharpness_inner_to_around_db,
        sharpness_mouth_to_inner_db,
    ):
        assert signal.read(view) == pytest.approx(0, abs=1.1), signal.name


def test_noise_is_measured_on_shading_and_across_edges() -> None:
    y, x = np.indices((512, 512))
    shading = 0.3 * (x - 256) + 40 * np.sign(np.sin(x / 9) * np.sin(y / 9))
    view = view_of(white_noise(4) + shading)
    assert noise_inner_levels.read(view) == pytest.approx(4, rel=0.2)


def test_noise_is_told_from_the_flatter_half() -> None:
    """A beard is texture on less than half of the inner face."""
    y = np.indices((512, 512))[0]
    picture = np.where(y > 265, white_noise(40), white_noise(4))
    view = view_of(picture)
    inner = in_picture_of(view, view.inside_iod > INNER_FROM_IOD)
    assert 0.3 < np.mean(y[inner] > 265) < 0.48
    assert noise_inner_levels.read(view) == pytest.approx(4, rel=0.1)


def test_the_residual_is_that_of_the_inner_face_alone() -> None:
    """The filter reads one pixel beside the inner face, and no further."""
    sharp = view_of(white_noise(40))
    inner = (sharp.inside_iod > INNER_FROM_IOD).astype(np.uint8)
    read = in_picture_of(sharp, cv2.dilate(inner, np.ones((3, 3))))
    view = view_of(np.where(read, 127.0, white_noise(40)))
    assert residual_std_levels.read(view) == 0
    assert cooccurrence_entropy_bit.read(view) == 0
    assert math.isnan(residual_correlation.read(view))


def true_entropy_bit(sigma: float) -> float:
    """Of neighbouring residuals of Gaussian noise, in steps of 3 truncated at 2, by integration."""
    covariance = sigma**2 * np.array([[6.0, -4.0], [-4.0, 6.0]])
    axis = np.linspace(-12 * sigma, 12 * sigma, 1201)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    weight = np.exp(-np.einsum("...i,ij,...j", grid, np.linalg.inv(covariance), grid) / 2)
    value = np.clip(np.rint(axis / 3), -2, 2).astype(int) + 2
    joint = np.zeros((5, 5))
    np.add.at(joint, (value[:, None], value[None]), weight / weight.sum())
    known = joint[joint > 1e-12]
    return -float(np.sum(known * np.log2(known)))


@pytest.mark.parametrize("sigma", [3.0, 6.0, 15.0])
def test_entropy_of_white_noise(sigma: float) -> None:
    value = cooccurrence_entropy_bit.read(view_of(white_noise(sigma)))
    assert value == pytest.approx(true_entropy_bit(sigma), abs=0.04)


def test_entropy_grows_with_weak_noise() -> None:
    values = [cooccurrence_entropy_bit.read(view_of(white_noise(s))) for s in (0.2, 0.4, 0.7, 1.2)]
    assert values == sorted(values)
    assert values[-1] < math.log2(25)


def test_stripes_are_told_from_their_direction() -> None:
    x = np.indices((512, 512))[1]
    view = view_of(127.5 + 60 * np.where(x % 2, 1, -1))
    # Along rows residuals alternate between two values: one bit. Along columns all are zero: none.
    assert cooccurrence_entropy_bit.read(view) == pytest.approx(0.5, abs=0.01)
    assert cooccurrence_direction.read(view) == pytest.approx(1)
    assert residual_correlation.read(view) == pytest.approx(-1)


@BOTH
@pytest.mark.parametrize(
    ("signal", "place"),
    [
        (sharpness_inner_to_ring_db, "inner"),
        (sharpness_inner_to_around_db, "inner"),
        (sharpness_mouth_to_inner_db, "mouth"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_blur_in_one_place_is_what_the_filter_takes(schema, signal, place: str) -> None:
    """Mean squared Laplacian of white noise, before and after a Gaussian filter."""
    sharp = view_of(white_noise(40), schema=schema)
    lips = sharp.at(schema.regions["mouth"])
    mouth = sharp.filled(lips.mean(axis=0) + 1.4 * (lips - lips.mean(axis=0)))
    mask = mouth if place == "mouth" else sharp.inside_iod > 0.1
    line = cv2.getGaussianKernel(7, 1.0)
    kernel = line @ line.T
    after = cv2.filter2D(np.pad(kernel, 2), cv2.CV_64F, LAPLACE.astype(float))
    picture = blurred_inside(white_noise(40), in_picture_of(sharp, mask), kernel)
    change_db = 10 * math.log10(np.sum(after**2) / np.sum(LAPLACE**2))
    # The mouth is a part of the inner face it is compared with.
    inner = sharp.inside_iod > 0.12
    left = 1 - np.mean(mask[inner]) * (1 - 10 ** (change_db / 10)) if place == "mouth" else 1
    expected = change_db - 10 * math.log10(left)
    got = signal.read(view_of(picture, schema=schema)) - signal.read(sharp)
    assert got == pytest.approx(expected, abs=0.5)


def test_less_noise_in_the_face_is_a_ratio_of_variances() -> None:
    sharp = view_of(white_noise(8))
    face = in_picture_of(sharp, sharp.inside_iod > 0.1)
    view = view_of(np.where(face, white_noise(4, seed=1), white_noise(8)))
    expected = 20 * math.log10(4 / 8)
    assert noise_inner_to_ring_db.read(view) == pytest.approx(expected, abs=0.6)
    assert noise_inner_to_around_db.read(view) == pytest.approx(expected, abs=0.6)


def test_noise_of_colour_alone_is_told_from_noise_of_luma() -> None:
    rng = np.random.default_rng(0)
    sharp = view_of(white_noise(8))
    face = in_picture_of(sharp, sharp.inside_iod > 0.1)[..., None]
    grey = np.repeat(white_noise(8)[..., None], 3, axis=2)
    # Half as much of the same colour noise in the face: a quarter of the variance.
    colours = rng.normal(0, 16, (512, 512, 3))
    view = view_of(grey + np.where(face, colours / 2, colours))
    expected = 10 * math.log10(1 / 4)
    assert chroma_noise_inner_to_around_db.read(view) == pytest.approx(expected, abs=0.5)
    assert chroma_noise_inner_to_around_db.read(view_of(grey)) == pytest.approx(0, abs=0.2)


def colour_sampled_by_fours(face: np.ndarray, sigma: float = 12.0) -> np.ndarray:
    """Noise whose means over the video's blocks of four pixels have one deviation everywhere.

    In the face each block is of one colour, as after 4:2:0 subsampling; beside it each pixel is of
    its own, and twice as far from grey.
    """
    rng = np.random.default_rng(0)
    size = len(face)
    coarse = rng.normal(0, sigma, (size // 2, size // 2, 3)).repeat(2, axis=0).repeat(2, axis=1)
    return 127.5 + np.where(face[..., None], coarse, rng.normal(0, 2 * sigma, (size, size, 3)))


@pytest.mark.parametrize("move", [(0, 0), (1, 0), (0, 1), (1, 1), (3, 2)])
@pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)
def test_colour_is_read_in_the_blocks_of_the_video(schema, move: tuple[int, int]) -> None:
    """Wherever the view begins: blocks across two samples of colour would be smoother."""
    still = view_of(white_noise(8), schema=schema)
    picture = colour_sampled_by_fours(in_picture_of(still, still.inside_iod > 0))
    view = view_of(picture, face_points(schema=schema) + np.array([*move, 0]), schema)
    corner = tuple(np.add(still.corner, move))
    assert view.corner == corner
    assert chroma_noise_inner_to_around_db.read(view) == pytest.approx(0, abs=0.6)


def test_colour_of_a_large_face_moves_with_its_pixels() -> None:
    """One pixel of a reduced view holds whole samples of colour, wherever the view begins."""
    points = face_points(300, (700.0, 700.0))
    y, x = np.indices((1400, 1400))
    picture = colour_sampled_by_fours(np.hypot(x - 700, y - 700) < 330)
    one = view_of(picture, points)
    other = view_of(np.roll(picture, (-2, 2), axis=(0, 1)), points + np.array([2, -2, 0]))
    assert one.shrink == other.shrink == 2
    assert other.corner == (one.corner[0] + 1, one.corner[1] - 1)
    found = chroma_noise_inner_to_around_db.read(one)
    assert chroma_noise_inner_to_around_db.read(other) == pytest.approx(found, rel=1e-6)


@BOTH
def test_a_spectrum_needs_a_square_on_the_face(schema) -> None:
    """Turned away, a face is narrower than the square of 1.08 interocular distances."""
    for share, is_known in ((0.9, True), (0.5, False), (0.3, False)):
        points = face_points(schema=schema)
        middle = points[:, 0].mean()
        points[:, 2] = math.sqrt(1 - share**2) * (points[:, 0] - middle)
        points[:, 0] = middle + share * (points[:, 0] - middle)
        view = view_of(power_law(1.5), points, schema)
        for signal in (spectrum_slope, spectrum_top_deviation_db, spectrum_checkerboard_db):
            assert math.isfinite(signal.read(view)) == is_known, (signal.name, share)


@pytest.mark.parametrize("cut", ["left", "top", "right", "bottom"])
def test_filters_in_a_zone_do_not_read_beside_the_picture(cut: str) -> None:
    """Five pixels wide, they find what they find in the whole picture."""
    picture, points = white_noise(40), face_points()
    at = {"left": (190, 0), "top": (0, 190), "right": (0, 0), "bottom": (0, 0)}[cut]
    right, bottom = {"right": (320, 512), "bottom": (512, 320)}.get(cut, (512, 512))
    part = picture[at[1] : bottom, at[0] : right]
    whole, view = view_of(picture), view_of(part, points - [*at, 0])
    assert view.size_px == whole.size_px
    seen = zone(view, np.ones(view.size_px[::-1], bool), least_share=0.0)
    assert 0 < seen.n_pixels < whole.luma.size
    there, here = (seen.of(cv2.blur(v.luma, (5, 5))) for v in (whole, view))
    np.testing.assert_array_equal(here, there)
