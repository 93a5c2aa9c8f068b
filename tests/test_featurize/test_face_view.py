"""A face's piece of a picture: exact when moved by whole pixels or mirrored, honest at edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.frame import Frame
from featurize.frame_features.face_view import MOST_SIDE_PX, FaceView
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, Schema
from tests.test_featurize.faces import face_points, mirrored, view_of, white_noise

SCHEMAS = pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)


def noise(seed: int = 0, size: int = 700) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def place(picture: np.ndarray, points: np.ndarray, schema: Schema = MEDIAPIPE_478) -> FaceView:
    return FaceView(Frame(0, 0.0, picture), points, schema)


@SCHEMAS
@settings(max_examples=10, deadline=None)
@given(x=st.integers(-60, 60), y=st.integers(-60, 60), middle=st.floats(330, 331, exclude_max=True))
def test_whole_pixel_moves_change_nothing(schema: Schema, x: int, y: int, middle: float) -> None:
    picture, points = noise(), np.round(face_points(90, (middle, 340.0), schema), 3)
    moved = np.roll(picture, (y, x), axis=(0, 1))
    one, other = place(picture, points, schema), place(moved, points + np.array([x, y, 0]), schema)
    np.testing.assert_array_equal(one.rgb, other.rgb)
    np.testing.assert_array_equal(one.luma, other.luma)
    np.testing.assert_allclose(one.points, other.points, atol=1e-9)
    np.testing.assert_array_equal(one.face, other.face)


@SCHEMAS
def test_pixels_are_those_of_the_picture(schema: Schema) -> None:
    picture, points = noise(), face_points(90, (340.3, 330.8), schema)
    view = place(picture, points, schema)
    left, top = np.rint(points[0, :2] - view.points[0]).astype(int)
    width, height = view.size_px
    assert view.shrink == 1
    np.testing.assert_array_equal(view.rgb, picture[top : top + height, left : left + width])


@SCHEMAS
def test_a_mirror_mirrors_the_view(schema: Schema) -> None:
    picture, points = noise(), face_points(90, (340.3, 330.8), schema)
    one = place(picture, points, schema)
    other = place(*mirrored(picture, points, schema), schema)
    np.testing.assert_array_equal(one.rgb, other.rgb[:, ::-1])
    assert np.mean(one.face != other.face[:, ::-1]) < 0.003


def test_a_large_face_is_reduced_to_means_of_whole_blocks() -> None:
    picture, points = noise(size=1200), face_points(250, (600.0, 610.0))
    view = place(picture, points)
    assert view.shrink == 2
    assert max(view.size_px) <= MOST_SIDE_PX + 1
    assert view.iod_px == pytest.approx(125)
    # Levels of pairs of pixels, nothing in between: interpolation would leave less.
    assert view.luma.std() == pytest.approx(
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).std() / 2, rel=0.02
    )
    moved = np.roll(picture, (-6, 14), axis=(0, 1))
    np.testing.assert_array_equal(place(moved, points + np.array([14, -6, 0])).rgb, view.rgb)


@SCHEMAS
def test_distance_from_the_contour(schema: Schema) -> None:
    view = view_of(white_noise(10), schema=schema)
    hull = np.rint(cv2.convexHull(view.face_points.astype(np.float32))).astype(np.float32)
    rng = np.random.default_rng(1)
    for x, y in rng.integers(0, view.size_px, (300, 2)):
        true_px = cv2.pointPolygonTest(hull, (float(x), float(y)), True)
        assert view.inside_iod[y, x] * view.iod_px == pytest.approx(
            true_px, abs=1 + 0.03 * abs(true_px)
        )


@SCHEMAS
def test_the_face_reaches_from_chin_to_brows(schema: Schema) -> None:
    view = view_of(white_noise(10), schema=schema)
    named = {name: view.at([name])[0] for name in schema.regions["face"]}
    rows = np.flatnonzero(view.face.any(axis=1))
    assert rows[-1] == pytest.approx(named["chin"][1], abs=1)
    highest = min(y for name, (_, y) in named.items() if "brow_upper" in name)
    assert rows[0] >= highest - 2 - 0.05 * view.iod_px * (schema is DLIB_68)
    assert view.face[tuple(np.rint(named["nose_tip"][::-1]).astype(int))]


def test_where_the_picture_ends() -> None:
    points = face_points(90, (20.0, 30.0))
    view = place(noise(size=300), points)
    left, top = np.rint(points[0, :2] - view.points[0]).astype(int)
    rows, columns = np.indices(view.size_px[::-1])
    expected = (rows + top >= 0) & (columns + left >= 0)
    np.testing.assert_array_equal(view.in_picture, expected)
    assert 0 < view.in_picture.mean() < 1


@pytest.mark.parametrize("centre", [(-900.0, 100.0), (100.0, 2000.0), (900.0, -900.0)])
def test_a_face_beside_the_picture_has_no_pixel_in_it(centre: tuple[float, float]) -> None:
    view = place(noise(size=300), face_points(90, centre))
    assert not view.in_picture.any()
    assert view.rgb.shape == (*view.size_px[::-1], 3)


def test_a_degenerate_face_is_still_a_view() -> None:
    view = place(noise(size=300), np.full((478, 3), 120.0))
    assert view.size_px == (1, 1)
    assert np.isfinite(view.inside_iod).all()


def test_what_is_derived_is_computed_once() -> None:
    view, calls = view_of(white_noise(10)), []

    def mean(of: FaceView) -> float:
        calls.append(of)
        return float(of.luma.mean())

    assert view.derived(mean) == view.derived(mean) == pytest.approx(127, abs=1)
    assert calls == [view]
