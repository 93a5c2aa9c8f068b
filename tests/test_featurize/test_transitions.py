"""Pairs of frames between which what changes is known, and what no transition may depend on."""

import math
import warnings
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.declaration import PairSignal
from featurize.frame import Frame
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.texture.zones import inner, mouth, ring
from featurize.frame_features.transitions.differences import (
    brightness_skin_to_around_percent,
    residual_eyes_to_inner_db,
    residual_inner_levels,
    residual_inner_to_around_db,
    residual_mouth_to_inner_db,
    residual_ring_to_inner_db,
    swim_skin_iod_per_s,
    unexplained_ring_db,
    unexplained_skin_db,
)
from featurize.frame_features.transitions.face_pair import FacePair
from featurize.frame_features.transitions.parts import eyes
from featurize.frame_features.transitions.persistence import (
    grip_around,
    grip_skin,
    held_inner,
    held_inner_less_around,
)
from featurize.frame_features.transitions.texture_changes import change_of_noise_inner_db
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, Schema
from featurize.registry import TRANSITION_SIGNALS
from tests.test_featurize.faces import as_picture, face_points, mirrored, view_of, white_noise

BOTH = pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)
STEP_S = 0.04


@pytest.fixture(autouse=True)
def _as_in_extraction():
    """One thread, as while a video is read, and no warning of numpy."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    cv2.setNumThreads(before)


@cache
def blobs() -> np.ndarray:
    """A smooth pattern that can be followed anywhere, 25 levels of deviation."""
    noise = np.random.default_rng(0).normal(size=(512, 512))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return 127.5 + 25 * smooth / smooth.std()


def shifted(values: np.ndarray, x: float, y: float) -> np.ndarray:
    """A picture moved to the right and down, exactly, as if it went on beside its edges."""
    fy, fx = np.fft.fftfreq(values.shape[0])[:, None], np.fft.rfftfreq(values.shape[1])
    moved = np.fft.rfft2(values) * np.exp(-2j * np.pi * (fx * x + fy * y))
    return np.fft.irfft2(moved, values.shape)


def pair_of(
    one: np.ndarray,
    other: np.ndarray,
    move: tuple[float, float] = (0.0, 0.0),
    schema: Schema = MEDIAPIPE_478,
    points: np.ndarray | None = None,
    step_s: float = STEP_S,
) -> FacePair:
    """The face of two pictures; its landmarks move as said."""
    points = face_points(schema=schema) if points is None else points
    earlier, later = Frame(0, 0.0, as_picture(one)), Frame(1, step_s, as_picture(other))
    return FacePair(earlier, later, FaceView(earlier, points, schema), np.array(move))


def inside(
    part: Callable, schema: Schema = MEDIAPIPE_478, size: int = 512, reach_px: int = 0
) -> np.ndarray:
    """``(size, size)`` bool: a part of the face as pixels of the whole picture."""
    view = view_of(np.zeros((size, size)), schema=schema)
    zone = view.derived(part)
    whole = np.zeros((size, size), np.uint8)
    left, top = view.corner
    rows, columns = zone.box
    whole[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop] = (
        zone.mask
    )
    if reach_px:
        whole = cv2.dilate(whole, np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8))
    return whole.view(bool)


def noisy(values: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    return values + np.random.default_rng(seed).normal(0, sigma, values.shape)


@BOTH
@settings(max_examples=10, deadline=None)
@given(
    sigma=st.floats(2, 10),
    x=st.floats(-9, 9),
    y=st.floats(-9, 9),
    jitter=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
)
def test_independent_noise_differs_by_the_root_of_two(schema, sigma, x, y, jitter) -> None:
    """However far the face has moved, and wherever landmarks say it is."""
    one, other = noisy(blobs(), sigma, 1), noisy(shifted(blobs(), x, y), sigma, 2)
    pair = pair_of(one, other, (x + jitter[0], y + jitter[1]), schema)
    true_levels = math.sqrt(2) * math.sqrt(sigma**2 + 1 / 12)
    assert residual_inner_levels.read(pair) == pytest.approx(true_levels, rel=0.06)
    assert residual_inner_to_around_db.read(pair) == pytest.approx(0, abs=0.6)
    assert residual_ring_to_inner_db.read(pair) == pytest.approx(0, abs=0.6)
    assert abs(held_inner.read(pair)) < 0.1
    assert abs(grip_skin.read(pair)) < 0.1
    assert change_of_noise_inner_db.read(pair) < 1


@BOTH
@settings(max_examples=10, deadline=None)
@given(x=st.floats(-9, 9), y=st.floats(-9, 9))
def test_a_face_that_only_moves_leaves_nothing(schema, x: float, y: float) -> None:
    """Rounding to whole levels is noise of 0.29 levels; 25 levels of texture are explained."""
    if abs(x) + abs(y) < 0.2:
        x = 1.0
    pair = pair_of(blobs(), shifted(blobs(), x, y), (x, y), schema)
    assert residual_inner_levels.read(pair) < 1.0
    assert unexplained_skin_db.read(pair) < -24
    assert unexplained_ring_db.read(pair) < -24
    assert brightness_skin_to_around_percent.read(pair) < 0.3
    assert swim_skin_iod_per_s.read(pair) < 0.0015 / STEP_S


@pytest.mark.parametrize("move", [(5, -3), (-40, 25)])
def test_whole_pixels_leave_nothing_at_all(move: tuple[int, int]) -> None:
    picture = noisy(blobs(), 5, 0)
    pair = pair_of(picture, np.roll(picture, move[::-1], axis=(0, 1)), move)
    assert pair.moved == move
    assert residual_inner_levels.read(pair) == 0
    assert held_inner.read(pair) == pytest.approx(1)
    assert swim_skin_iod_per_s.read(pair) == pytest.approx(0, abs=1e-6)


def values_of(pair: FacePair) -> dict[str, float]:
    return {signal.name: signal.read(pair) for signal in TRANSITION_SIGNALS}


def test_moving_both_frames_by_whole_pixels_changes_nothing() -> None:
    one, other = noisy(blobs(), 3, 1), noisy(shifted(blobs(), 2.3, -1.6), 3, 2)
    points = np.round(face_points(), 3)
    here = values_of(pair_of(one, other, (2.3, -1.6), points=points))
    one, other = (np.roll(values, (12, -7), axis=(0, 1)) for values in (one, other))
    there = values_of(pair_of(one, other, (2.3, -1.6), points=points + np.array([-7, 12, 0])))
    assert all(map(math.isfinite, here.values()))
    assert there == pytest.approx(here, rel=1e-6, abs=1e-9)


def test_a_mirror_changes_little() -> None:
    pictures = [as_picture(noisy(shifted(blobs(), 1.4 * n, 0.7 * n), 3, n)) for n in (0, 1)]
    points = face_points()
    here = values_of(pair_of(*pictures, (1.4, 0.7), points=points))
    flipped = [mirrored(picture, points, MEDIAPIPE_478) for picture in pictures]
    there = values_of(pair_of(flipped[0][0], flipped[1][0], (-1.4, 0.7), points=flipped[0][1]))
    tolerance = {"dB": 0.25, "levels": 0.05, "1": 0.02, "%": 0.1, "iod/s": 0.02}
    for signal in TRANSITION_SIGNALS:
        expected = pytest.approx(here[signal.name], abs=tolerance[signal.unit])
        assert there[signal.name] == expected, signal.name


@pytest.mark.parametrize("jitter", [(0.0, 0.0), (3.0, -2.0)])
def test_a_frame_that_is_shown_again_says_nothing(jitter: tuple[float, float]) -> None:
    picture = noisy(blobs(), 5, 0)
    values = values_of(pair_of(picture, picture, jitter))
    assert all(map(math.isnan, values.values()))


@BOTH
def test_small_faces_say_nothing(schema: Schema) -> None:
    points = face_points(20, (100.0, 100.0), schema)
    pair = pair_of(white_noise(20, 1), white_noise(20, 2), (1, 1), schema, points)
    assert all(map(math.isnan, values_of(pair).values()))


@pytest.mark.parametrize("move", [(0, 0), (30, 0)])
@pytest.mark.parametrize("centre", [(30.0, 250.0), (490.0, 250.0), (250.0, 10.0), (-900.0, 0.0)])
def test_faces_cut_by_the_picture_raise_nothing(centre, move) -> None:
    pictures = white_noise(20, 1), white_noise(20, 2)
    values = values_of(pair_of(*pictures, move, points=face_points(100, centre)))
    assert not any(map(math.isinf, values.values()))
    # The spectrum is that of a square in the middle of the face.
    of_face = {n for n in values if ("inner" in n or "skin" in n) and "spectrum" not in n}
    assert all(math.isnan(values[name]) for name in of_face)


def test_a_face_that_leaves_the_picture_is_compared_while_both_frames_show_it() -> None:
    one, other = noisy(blobs(), 4, 1), noisy(np.roll(blobs(), 3, axis=1), 4, 2)
    points = face_points(centre_px=(512 - 78.0, 240.0))
    pair = pair_of(one, other, (3, 0), points=points)
    assert residual_inner_levels.read(pair) == pytest.approx(4 * math.sqrt(2), rel=0.06)
    assert math.isnan(residual_inner_levels.read(pair_of(one, other, (40, 0), points=points)))


@pytest.mark.parametrize("level", [0, 255])
def test_pictures_without_any_texture_raise_nothing(level: int) -> None:
    one = np.full((512, 512), 127.0)
    values = values_of(pair_of(one, np.full((512, 512), float(level))))
    assert not any(map(math.isinf, values.values()))
    assert math.isnan(values["held_inner"])
    assert values["residual_inner_levels"] == pytest.approx(
        math.sqrt(math.pi / 2) * abs(level - 127)
    )


def test_degenerate_landmarks_say_nothing() -> None:
    pictures = white_noise(20, 1), white_noise(20, 2)
    values = values_of(pair_of(*pictures, points=np.full((478, 3), 200.0)))
    assert all(map(math.isnan, values.values()))


@BOTH
@pytest.mark.parametrize(
    ("signal", "part"),
    [
        (residual_eyes_to_inner_db, eyes),
        (residual_mouth_to_inner_db, mouth),
        (residual_ring_to_inner_db, ring),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_changes_in_one_part_is_found_there(signal: PairSignal, part, schema) -> None:
    """New noise in one part alone: it differs from the inner face by its share of it."""
    one = np.rint(blobs())
    other = np.rint(np.where(inside(part, schema), noisy(one, 6, 2), one))
    squares = (other - one) ** 2
    means = [squares[inside(p, schema)].mean() for p in (part, inner)]
    true_db = 10 * math.log10((means[0] + 1 / 12) / (means[1] + 1 / 12))
    assert true_db > 4
    pair = pair_of(one, np.roll(other, (-3, 5), axis=(0, 1)), (5, -3), schema)
    assert signal.read(pair) == pytest.approx(true_db, abs=1.0)


@pytest.mark.parametrize("gain", [0.94, 1.05])
def test_brightness_that_flickers(gain: float) -> None:
    picture = noisy(blobs(), 2, 1)
    everywhere = pair_of(picture, gain * picture)
    assert brightness_skin_to_around_percent.read(everywhere) == pytest.approx(0, abs=0.3)
    face = inside(inner, reach_px=8)
    of_the_face = pair_of(picture, np.where(face, gain * picture, picture))
    true_percent = 100 * abs(math.log(gain))
    assert brightness_skin_to_around_percent.read(of_the_face) == pytest.approx(
        true_percent, rel=0.1
    )


@BOTH
@pytest.mark.parametrize("move", [(3.0, 2.0), (-2.5, 1.5), (1.5, 0.0)])
def test_what_sticks_to_the_face_is_told_from_what_sticks_to_the_screen(schema, move) -> None:
    """A pattern moves; fine texture moves with it or stays where it was."""
    fine = white_noise(6, 3) - 127.5
    moved = shifted(blobs(), *move)
    with_the_face = pair_of(blobs() + fine, moved + shifted(fine, *move), move, schema)
    on_the_screen = pair_of(blobs() + fine, moved + fine, move, schema)
    for signal in (grip_skin, grip_around):
        assert signal.read(with_the_face) > 0.55
        assert signal.read(on_the_screen) < -0.55
    assert held_inner.read(with_the_face) > 0.7
    # Negative where noise after the filter is against itself, a pixel or two away.
    assert held_inner.read(on_the_screen) < 0.2


def test_a_face_held_before_a_background_that_is_not() -> None:
    fine = white_noise(6, 3) - 127.5
    face = inside(inner, reach_px=12)
    other = blobs() + np.where(face, fine, white_noise(6, 4) - 127.5)
    pair = pair_of(blobs() + fine, other)
    assert held_inner.read(pair) > 0.95
    assert held_inner_less_around.read(pair) > 0.9


@pytest.mark.parametrize("amplitude_px", [0.5, 1.0])
def test_skin_that_swims(amplitude_px: float) -> None:
    """Rows are moved to and fro by a wave that no affine motion follows."""
    y, x = np.indices((512, 512)).astype(np.float32)
    wave = amplitude_px * np.sin(2 * np.pi * y / 90).astype(np.float32)
    other = cv2.remap(blobs().astype(np.float32), x - wave, y, cv2.INTER_LANCZOS4)
    pair = pair_of(blobs(), other)
    true = amplitude_px / math.sqrt(2) / pair.second.iod_px / STEP_S
    assert swim_skin_iod_per_s.read(pair) == pytest.approx(true, rel=0.15)
    still = pair_of(blobs(), noisy(blobs(), 1, 1))
    assert swim_skin_iod_per_s.read(still) < 0.25 * true


def test_turning_and_growing_is_not_swimming() -> None:
    points = face_points()
    turn = cv2.getRotationMatrix2D((256, 240), 0.8, 1.008)
    other = cv2.warpAffine(blobs(), turn, (512, 512), flags=cv2.INTER_LANCZOS4)
    pair = pair_of(blobs(), other, points=points)
    most_px = np.abs(points[:, :2] @ turn[:, :2].T + turn[:, 2] - points[:, :2]).max()
    assert most_px > 1
    assert swim_skin_iod_per_s.read(pair) < 0.0013 / STEP_S


def test_large_faces_are_read_as_well() -> None:
    """Means of four pixels: half the noise, and moves of two pixels are one of the view."""
    coarse = cv2.resize(blobs(), (1400, 1400), interpolation=cv2.INTER_CUBIC)
    one, other = noisy(coarse, 12, 1), noisy(np.roll(coarse, (-4, 6), axis=(0, 1)), 12, 2)
    pair = pair_of(one, other, (6, -4), points=face_points(300, (700.0, 700.0)))
    assert pair.first.shrink == 2
    assert pair.moved == (3, -2)
    assert residual_inner_levels.read(pair) == pytest.approx(6 * math.sqrt(2), rel=0.06)


def test_the_first_frame_s_view_is_left_as_it_was() -> None:
    one, other = noisy(blobs(), 3, 1), noisy(blobs(), 3, 2)
    pair = pair_of(one, other, (2, 1))
    luma, corner = pair.first.luma.copy(), pair.first.corner
    for signal in TRANSITION_SIGNALS:
        signal.read(pair)
    np.testing.assert_array_equal(pair.first.luma, luma)
    assert pair.first.corner == corner
    assert pair.second.corner == (corner[0] + 2, corner[1] + 1)
