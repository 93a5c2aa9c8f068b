"""What no texture may depend on, and pictures that show none."""

import math
import warnings

import cv2
import numpy as np
import pytest

from featurize.declaration import PixelSignal
from featurize.frame import Frame
from featurize.frame_features.face_view import FaceView
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478
from featurize.registry import PIXEL_SIGNALS
from tests.test_featurize.faces import (
    face_points,
    mirrored,
    photograph,
    quarter_turned,
    view_of,
    white_noise,
)

TEXTURE = [signal for signal in PIXEL_SIGNALS if signal.family == "texture"]
EACH = pytest.mark.parametrize("signal", TEXTURE, ids=lambda signal: signal.name)
MEDIAPIPE_ONLY = ("iris_",)
NEEDS_OPEN_MOUTH = ("teeth_",)
"""Open in the landmarks of the photograph, closed in dlib's average face."""

TOLERANCE = {"dB": 0.6, "dE": 0.6, "levels": 1.0, "1": 0.05, "bit": 0.03}
"""In a mirror and after a quarter turn masks begin at other pixels."""

CONSTANT = {
    "residual_std_levels": 0.0,
    "cooccurrence_entropy_bit": 0.0,
    "cooccurrence_direction": 0.0,
    "noise_inner_levels": 0.0,
    "border_colour_step_de": 0.0,
    "iris_colour_difference_de": 0.0,
    "iris_hue_difference_de": 0.0,
    "iris_highlight_levels": 0.0,
    "teeth_detail_db": 0.0,
}
"""Of a picture of one level; what compares two parts is 0 dB, everything else is unknown."""


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def portrait() -> tuple[np.ndarray, np.ndarray]:
    """The photograph enlarged to twice its size, so that eyes can be seen, with the same grain."""
    picture, points = photograph()
    large = cv2.resize(picture[:280, 90:370], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(0, 3, large.shape)
    points = (points - [90, 0, 0] + [0.5, 0.5, 0]) * 2 - [0.5, 0.5, 0]
    return np.clip(np.rint(large + grain), 0, 255).astype(np.uint8), points


def read(signal: PixelSignal, picture: np.ndarray, points: np.ndarray) -> float:
    return signal.read(FaceView(Frame(0, 0.0, picture), points, MEDIAPIPE_478))


@EACH
def test_whole_pixel_moves_change_nothing(signal: PixelSignal, portrait) -> None:
    picture, points = portrait
    moved = np.roll(picture, (12, -8), axis=(0, 1))
    one, other = read(signal, picture, points), read(signal, moved, points + np.array([-8, 12, 0]))
    assert np.isfinite(one)
    assert other == pytest.approx(one, rel=1e-6, abs=1e-9)


@EACH
def test_a_mirror_changes_nothing(signal: PixelSignal, portrait) -> None:
    picture, points = portrait
    there = read(signal, *mirrored(picture, points, MEDIAPIPE_478))
    assert there == pytest.approx(read(signal, picture, points), abs=TOLERANCE[signal.unit])


@EACH
def test_a_quarter_turn_changes_little(signal: PixelSignal, portrait) -> None:
    picture, points = portrait
    turned = read(signal, *quarter_turned(picture, points))
    assert turned == pytest.approx(read(signal, picture, points), abs=TOLERANCE[signal.unit])


@EACH
@pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda schema: schema.name)
def test_noise_has_all_but_what_is_not_seen(signal: PixelSignal, schema) -> None:
    value = signal.read(view_of(white_noise(40), schema=schema))
    unseen = schema is DLIB_68 and signal.name.startswith((*MEDIAPIPE_ONLY, *NEEDS_OPEN_MOUTH))
    assert math.isnan(value) == unseen


@EACH
@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_picture_of_one_level(signal: PixelSignal, level: int) -> None:
    value = signal.read(view_of(np.full((512, 512), float(level))))
    if signal.name in CONSTANT:
        assert value == pytest.approx(CONSTANT[signal.name], abs=1e-4)
    elif "_to_" in signal.name or signal.name.startswith("border_"):
        assert value == pytest.approx(0, abs=1e-4)
    else:
        assert math.isnan(value)


@EACH
@pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda schema: schema.name)
def test_small_faces_show_no_texture(signal: PixelSignal, schema) -> None:
    points = face_points(20, (100.0, 100.0), schema)
    assert math.isnan(signal.read(view_of(white_noise(20), points, schema)))


@EACH
@pytest.mark.parametrize(
    "centre", [(30.0, 250.0), (490.0, 250.0), (250.0, 10.0), (250.0, 505.0), (-900.0, 0.0)]
)
def test_faces_cut_by_the_picture_show_no_texture(signal: PixelSignal, centre) -> None:
    view = view_of(white_noise(20), face_points(100, centre))
    if signal.name.startswith("iris_") and centre == (250.0, 505.0):
        return  # both eyes are in the picture
    assert math.isnan(signal.read(view))


@EACH
def test_degenerate_landmarks_are_unknown(signal: PixelSignal) -> None:
    assert math.isnan(signal.read(view_of(white_noise(20), np.full((478, 3), 200.0))))


@EACH
def test_profiles_and_tiny_pictures_raise_nothing(signal: PixelSignal) -> None:
    points = face_points(100)
    flat = points.copy()
    flat[:, 0] = 250 + 0.05 * (flat[:, 0] - 250)
    behind = points.copy()
    corners = MEDIAPIPE_478.indices(("right_eye_outer", "left_eye_outer"))
    behind[corners] = [[250, 200, 0], [250, 200, 100]]
    noise = white_noise(20)
    for picture, places in ((noise, flat), (noise, behind), (noise[:3, :2], points)):
        value = signal.read(view_of(picture, places))
        assert not math.isinf(value)


@EACH
@pytest.mark.parametrize("schema", [MEDIAPIPE_478, DLIB_68], ids=lambda schema: schema.name)
def test_faces_turned_nearly_to_a_profile_raise_nothing(signal: PixelSignal, schema) -> None:
    """Inner faces of three pixels to a few across."""
    noise = white_noise(20)
    for share in (0.13, 0.1445, 0.15, 0.167, 0.169, 0.18):
        points = face_points(160, schema=schema)
        points[:, 2] = math.sqrt(1 - share**2) * (points[:, 0] - 256)
        points[:, 0] = 256 + share * (points[:, 0] - 256)
        assert not math.isinf(signal.read(view_of(noise, points, schema)))


def test_large_faces_are_read_as_well() -> None:
    view = view_of(white_noise(60, size=1400), face_points(300, (700.0, 700.0)))
    assert view.shrink == 2
    assert [signal.name for signal in TEXTURE if math.isnan(signal.read(view))] == []
    # Means of four pixels: half the noise.
    fine = view_of(white_noise(20, size=1400), face_points(300, (700.0, 700.0)))
    values = {signal.name: signal.read(fine) for signal in TEXTURE}
    assert values["noise_inner_levels"] == pytest.approx(10, rel=0.05)
