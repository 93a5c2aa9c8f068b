"""Border, eyes and mouth of painted faces: steps, colours and reflections that were put there."""

import math
import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.frame_features.texture.border import (
    DEPTH_IOD,
    N_PROFILES,
    SMALLEST_STEP_LAB,
    Profiles,
    border_colour_step_de,
    border_gradient_db,
    border_seam_db,
)
from featurize.frame_features.texture.irises import (
    iris_colour_difference_de,
    iris_highlight_distance,
    iris_highlight_levels,
    iris_highlight_overlap,
    iris_hue_difference_de,
)
from featurize.frame_features.texture.teeth import teeth_detail_db
from featurize.frame_features.texture.zones import INNER_FROM_IOD
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478
from tests.test_featurize.faces import as_picture, face_points, view_of, white_noise

BOTH = pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda s: s.name)
IRIS_SIGNALS = (
    iris_colour_difference_de,
    iris_hue_difference_de,
    iris_highlight_levels,
    iris_highlight_overlap,
    iris_highlight_distance,
)
SKIN, NECK = (200, 150, 130), (120, 90, 80)


def lab(rgb: tuple[int, int, int]) -> np.ndarray:
    return cv2.cvtColor(np.float32([[rgb]]) / 255, cv2.COLOR_RGB2LAB)[0, 0]


def difference_de(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    return float(np.linalg.norm(lab(one) - lab(other)))


def two_colours(schema, depth_iod: float = 0.0) -> np.ndarray:
    """Skin within a parallel of the contour, another colour outside."""
    picture = np.full((512, 512, 3), NECK, np.uint8)
    view = view_of(picture, schema=schema)
    left, top = view.corner
    rows, columns = np.nonzero(view.inside_iod > depth_iod)
    picture[rows + top, columns + left] = SKIN
    return picture


@BOTH
def test_a_step_of_colour_at_the_contour_is_its_difference(schema) -> None:
    view = view_of(two_colours(schema), schema=schema)
    assert border_colour_step_de.read(view) == pytest.approx(difference_de(SKIN, NECK), abs=0.1)
    # Twenty intervals; all of the change within 0.04 of the contour, nothing on the parallels.
    assert border_gradient_db.read(view) > 20


@BOTH
def test_a_seam_inside_the_face_stands_out(schema) -> None:
    y, x = np.indices((512, 512))
    shading = np.repeat((0.2 * (x + y))[..., None], 3, axis=2)
    without = border_seam_db.read(view_of(shading, schema=schema))
    inside = two_colours(schema, depth_iod=0.09).astype(float)
    with_seam = view_of(0.15 * inside + 0.8 * shading, schema=schema)
    assert border_seam_db.read(with_seam) > without + 6
    assert border_colour_step_de.read(with_seam) < difference_de(SKIN, NECK) / 2


@BOTH
def test_a_seam_is_its_difference_over_what_rounding_leaves(schema) -> None:
    view = view_of(two_colours(schema, depth_iod=0.1), schema=schema)
    floor = SMALLEST_STEP_LAB**2 / N_PROFILES
    expected_db = 10 * math.log10(1 + difference_de(SKIN, NECK) ** 2 / floor)
    assert border_seam_db.read(view) == pytest.approx(expected_db, abs=2)


@BOTH
def test_a_seam_outside_the_face_is_none_of_its_own(schema) -> None:
    y, x = np.indices((512, 512))
    shading = np.repeat((0.2 * (x + y))[..., None], 3, axis=2)
    outside = two_colours(schema, depth_iod=-0.1).astype(float)
    plain = np.full_like(outside, SKIN)
    without, with_seam = (
        border_seam_db.read(view_of(0.15 * paint + 0.8 * shading, schema=schema))
        for paint in (plain, outside)
    )
    assert with_seam == pytest.approx(without, abs=0.5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99))
def test_inside_and_outside_are_looked_at_alike(seed: int) -> None:
    lab = np.random.default_rng(seed).normal(size=(4, len(DEPTH_IOD), 3)).cumsum(axis=1)
    one, mirror = Profiles(lab), Profiles(lab[:, ::-1])
    for low, high in ((0.1, 0.18), (-0.04, 0.04), (0.04, 0.12), (0.0, 0.06)):
        assert mirror.gradient(-high, -low) == pytest.approx(one.gradient(low, high), rel=1e-9)
        np.testing.assert_allclose(mirror.band(-high, -low), one.band(low, high))


@pytest.mark.parametrize("band", [(10, 18), (-18, -10), (-4, 4)])
def test_bands_hold_the_changes_at_their_ends(band: tuple[int, int]) -> None:
    """Of five changes, in hundredths of the interocular distance, each counts for a fifth."""
    for number, middle in enumerate(range(-18, 19, 2)):
        lab = np.zeros((1, len(DEPTH_IOD), 3))
        lab[:, number + 1 :] = 1
        share = 3 / 5 * (band[0] <= middle <= band[1])
        assert Profiles(lab).gradient(band[0] / 100, band[1] / 100) == pytest.approx(share)


def test_evenly_shaded_pictures_have_no_border() -> None:
    x = np.indices((512, 512))[1]
    view = view_of(np.clip(40 + 0.35 * x, 0, 255))
    assert abs(border_gradient_db.read(view)) < 1.5


def eyes_painted(
    right: tuple[int, int, int] = (90, 60, 40),
    left: tuple[int, int, int] = (90, 60, 40),
    highlights: dict[str, tuple[float, float]] | None = None,
    strength: int = 120,
) -> np.ndarray:
    """White eyes, an iris in each; highlights at places of the iris in its radii."""
    points = face_points(iod_px=200)
    picture = np.full((512, 512, 3), 210, np.uint8)
    named = MEDIAPIPE_478.points
    for side, colour in (("right", right), ("left", left)):
        centre = points[named[f"{side}_iris_centre"], :2]
        edges = [points[named[f"{side}_iris_edge_{number}"], :2] for number in (1, 2, 3, 4)]
        radius = np.linalg.norm(np.array(edges) - centre, axis=1).mean()
        y, x = np.indices((512, 512))
        picture[np.hypot(x - centre[0], y - centre[1]) < radius * 1.05] = colour
        if highlights and side in highlights:
            at = centre + radius * np.array(highlights[side])
            spot = np.hypot(x - at[0], y - at[1]) < 0.3 * radius
            picture[spot] = np.minimum(np.array(colour) + strength, 255)
    return picture


def eyes_of(picture: np.ndarray):
    return view_of(picture, face_points(iod_px=200))


COLOUR = st.tuples(*[st.integers(20, 130)] * 3)


@settings(max_examples=25, deadline=None)
@given(right=COLOUR, left=COLOUR)
def test_colours_of_irises_are_compared(right, left) -> None:
    view = eyes_of(eyes_painted(right, left))
    expected = difference_de(right, left)
    assert iris_colour_difference_de.read(view) == pytest.approx(expected, abs=0.3)
    _, *one = lab(right)
    _, *other = lab(left)
    turn = math.atan2(one[1], one[0]) - math.atan2(other[1], other[0])
    hue_de = 2 * math.sqrt(math.hypot(*one) * math.hypot(*other)) * abs(math.sin(turn / 2))
    assert iris_hue_difference_de.read(view) == pytest.approx(hue_de, abs=0.3)


def test_irises_of_one_hue_but_unlike_light_differ_in_lightness_alone() -> None:
    view = eyes_of(eyes_painted((120, 80, 40), (60, 40, 20)))
    assert iris_colour_difference_de.read(view) > 15
    assert iris_hue_difference_de.read(view) < 2.5


def test_the_colour_of_an_iris_is_that_beside_its_reflection() -> None:
    """Two colours, and a reflection on so much of the lighter one that the darker one prevails."""
    dark, light = (70, 50, 30), (95, 75, 50)
    one_colour = eyes_painted(dark, dark)
    points = face_points(iod_px=200)
    right = points[MEDIAPIPE_478.points["right_iris_centre"], :2]
    edges = MEDIAPIPE_478.indices(f"right_iris_edge_{number}" for number in range(1, 5))
    radius = np.linalg.norm(points[edges, :2] - right, axis=1).mean()
    y, x = np.indices((512, 512))
    in_iris = np.hypot(x - right[0], y - right[1]) < 1.05 * radius
    across = (x - right[0]) / radius
    picture = one_colour.copy()
    picture[in_iris & (across > -0.15)] = light
    assert iris_colour_difference_de.read(eyes_of(picture)) > difference_de(dark, light) - 0.3
    picture[in_iris & (across > 0.1)] = 200
    assert iris_colour_difference_de.read(eyes_of(picture)) == pytest.approx(0, abs=0.3)


def test_equal_reflections_overlap() -> None:
    place = (-0.3, -0.2)
    view = eyes_of(eyes_painted(highlights={"right": place, "left": place}))
    assert iris_highlight_levels.read(view) == pytest.approx(120, abs=3)
    assert iris_highlight_overlap.read(view) > 0.8
    assert iris_highlight_distance.read(view) < 0.1


@pytest.mark.parametrize("x", [-0.2, 0.1, 0.4])
def test_reflections_apart_are_told_by_how_far(x: float) -> None:
    view = eyes_of(eyes_painted(highlights={"right": (-0.4, 0.0), "left": (x, 0.0)}))
    assert iris_highlight_distance.read(view) == pytest.approx(x + 0.4, abs=0.06)
    if x + 0.4 > 0.6:
        assert iris_highlight_overlap.read(view) < 0.05


def test_a_reflection_in_one_eye_only_overlaps_with_none() -> None:
    view = eyes_of(eyes_painted(highlights={"left": (0.2, 0.0)}))
    assert iris_highlight_overlap.read(view) == pytest.approx(0, abs=0.02)
    assert iris_highlight_levels.read(view) == pytest.approx(0, abs=3)
    assert math.isnan(iris_highlight_distance.read(view))


def test_without_reflections_there_is_nothing_to_compare() -> None:
    view = eyes_of(eyes_painted())
    assert math.isnan(iris_highlight_overlap.read(view))
    assert math.isnan(iris_highlight_distance.read(view))
    assert iris_highlight_levels.read(view) == pytest.approx(0, abs=2)


def test_closed_eyes_and_dlib_show_no_iris() -> None:
    points = face_points(iod_px=200)
    for name in ("right_eye_upper", "right_eye_lower"):
        indices = MEDIAPIPE_478.indices(f"{name}_{number}" for number in range(1, 8))
        corners = MEDIAPIPE_478.indices(("right_eye_outer", "right_eye_inner"))
        points[indices, 1] = points[corners, 1].mean()
    closed = view_of(eyes_painted(), points)
    dlib = view_of(white_noise(20), schema=DLIB_68)
    for signal in IRIS_SIGNALS:
        assert math.isnan(signal.read(closed)), signal.name
        assert math.isnan(signal.read(dlib)), signal.name


def test_an_iris_that_is_not_known_is_not_looked_at() -> None:
    """The backend leaves irises out that strayed from the eye."""
    points = face_points(iod_px=200)
    points[MEDIAPIPE_478.indices(f"left_iris_edge_{number}" for number in range(1, 5))] = np.nan
    points[MEDIAPIPE_478.indices(["left_iris_centre"])] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = view_of(eyes_painted(), points)
        assert all(math.isnan(signal.read(view)) for signal in IRIS_SIGNALS)


def mouth_open(schema, iod_px: float = 150.0, gap_iod: float = 0.25) -> np.ndarray:
    """Landmarks with the lower lip and chin moved down."""
    points = face_points(iod_px, (256.0, 220.0), schema)
    upper, lower = schema.indices(("lip_upper_inner_middle", "lip_lower_inner_middle"))
    down = gap_iod * iod_px - (points[lower, 1] - points[upper, 1])
    moved = [name for name in schema.points if "lip_lower" in name]
    points[schema.indices(moved), 1] += down
    return points


def mouth_painted(schema, inside: np.ndarray) -> np.ndarray:
    """White noise of 5 levels, and something else between the lips."""
    points = mouth_open(schema)
    lips = points[schema.indices(n for n in schema.regions["mouth"] if "inner" in n), :2]
    mask = np.zeros((512, 512), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(lips).astype(np.int32)), 1)
    return np.where(mask.astype(bool), inside, white_noise(5))


@BOTH
def test_detail_of_teeth_is_a_ratio_of_variances(schema) -> None:
    fine = mouth_painted(schema, white_noise(20, seed=1))
    flat = mouth_painted(schema, np.full((512, 512), 220.0))
    view = view_of(fine, mouth_open(schema), schema)
    # The mouth lies in the inner face, and so counts there as well.
    lips = view.at(name for name in schema.regions["mouth"] if "inner" in name)
    share = view.filled(lips).sum() / (view.inside_iod > INNER_FROM_IOD).sum()
    expected = 10 * math.log10(20**2 / (share * 20**2 + (1 - share) * 5**2))
    assert teeth_detail_db.read(view) == pytest.approx(expected, abs=0.6)
    blob = view_of(flat, mouth_open(schema), schema)
    assert teeth_detail_db.read(blob) < -10


@BOTH
def test_a_closed_mouth_shows_no_teeth(schema) -> None:
    view = view_of(white_noise(10), mouth_open(schema, gap_iod=0.02), schema)
    assert math.isnan(teeth_detail_db.read(view))


def test_pictures_are_whole_levels() -> None:
    assert as_picture(np.array([[-3.0, 254.6, 300.0]]))[0, :, 0].tolist() == [0, 255, 255]
