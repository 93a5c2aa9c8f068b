"""Optical flow from crop to crop: known moves of a photograph, and what cannot be followed."""

from importlib.resources import files

import cv2
import numpy as np
import pandas as pd
import pytest
from skimage.data import astronaut

from featurize.frame import Frame
from featurize.landmarks.detection import FaceCrop, FaceDetection, Region
from featurize.landmarks.flow import FlowMeter
from featurize.landmarks.schema import MEDIAPIPE_478

NAMED = MEDIAPIPE_478.indices(MEDIAPIPE_478.points)
SIZE_PX = (512, 512)
FACE = Region((226.0, 125.0), 165.0)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return astronaut()


@pytest.fixture(scope="module")
def points_px() -> np.ndarray:
    text = files("featurize.synthesis").joinpath("astronaut_points.csv")
    table = pd.read_csv(str(text)).query("part == 'face'").sort_values("index")
    return table[["x_px", "y_px", "z_px"]].to_numpy(np.float32)


def similarity(
    shift_px: tuple[float, float], turn_deg: float = 0.0, scale: float = 1.0
) -> np.ndarray:
    """Turn clockwise and scale about the middle of the face, then shift."""
    c, s = scale * np.cos(np.radians(turn_deg)), scale * np.sin(np.radians(turn_deg))
    turn, middle = np.array([[c, -s], [s, c]]), np.array(FACE.centre_px)
    return np.column_stack([turn, middle - turn @ middle + shift_px])


def moved(move: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    after = points_px.copy()
    after[:, :2] = points_px[:, :2] @ move[:, :2].T + move[:, 2]
    return after


def shown(move: np.ndarray, picture: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(picture, move, SIZE_PX, flags=cv2.INTER_CUBIC)


def detected(
    picture: np.ndarray, points_px: np.ndarray, region: Region = FACE, side_px: int = 256
) -> FaceDetection:
    to_frame = region.to_frame(side_px)
    rgb = Frame(0, 0.0, picture).crop(to_frame, (side_px, side_px))
    return FaceDetection(points_px, 1.0, crop=FaceCrop(rgb, to_frame))


def flow_of(*detections: FaceDetection, size_px: tuple[int, int] = SIZE_PX) -> np.ndarray:
    """Flow to the last of the detections of one trail."""
    meter = FlowMeter(MEDIAPIPE_478, size_px)
    for detection in detections:
        flow = meter.measure({7: detection})[7]
    return flow


def errors_px(flow: np.ndarray, expected_px: np.ndarray) -> np.ndarray:
    """Errors of what was measured, which must be nearly everything."""
    assert flow.shape == (len(NAMED), 2)
    assert flow.dtype == np.float32
    measured = np.isfinite(flow).all(axis=1)
    assert measured.mean() > 0.95
    return np.linalg.norm(flow - expected_px[NAMED, :2], axis=1)[measured]


@pytest.mark.parametrize("follows", [False, True], ids=["crop stays", "crop follows"])
@pytest.mark.parametrize(
    "shift_px", [(0.0, 0.0), (0.4, -0.3), (-6.2, 3.7), (18.5, 9.25), (-14.0, -22.0)], ids=str
)
def test_a_shift_of_the_face(picture, points_px, shift_px, follows) -> None:
    move = similarity(shift_px)
    after = moved(move, points_px)
    region = Region(tuple(np.add(FACE.centre_px, shift_px)), FACE.side_px) if follows else FACE
    flow = flow_of(detected(picture, points_px), detected(shown(move, picture), after, region))
    errors = errors_px(flow, after)
    assert np.median(errors) < 0.1
    assert np.percentile(errors, 95) < 0.25


def test_a_shift_of_forty_pixels_with_the_crop_after_it(picture, points_px) -> None:
    move = similarity((40.0, 30.0))
    after = moved(move, points_px)
    region = Region((266.0, 155.0), 180.0, roll_rad=0.05)
    flow = flow_of(detected(picture, points_px), detected(shown(move, picture), after, region))
    assert np.median(errors_px(flow, after)) < 0.1


@pytest.mark.parametrize(("turn_deg", "scale"), [(4.0, 1.03), (-8.0, 0.95)])
def test_a_head_that_tilts_and_comes_nearer(picture, points_px, turn_deg, scale) -> None:
    move = similarity((5.0, 2.0), turn_deg, scale)
    after = moved(move, points_px)
    flow = flow_of(detected(picture, points_px), detected(shown(move, picture), after))
    assert np.median(errors_px(flow, after)) < 0.1


def test_crops_of_another_size(picture, points_px) -> None:
    move = similarity((3.3, -2.1))
    after = moved(move, points_px)
    flow = flow_of(
        detected(picture, points_px, side_px=192),
        detected(shown(move, picture), after, side_px=192),
    )
    assert np.median(errors_px(flow, after)) < 0.1


def test_points_that_jump_over_a_still_face_do_not_drag_the_flow(picture, points_px) -> None:
    away = points_px + np.float32([6, -4, 0])
    flow = flow_of(detected(picture, points_px), detected(picture, away))
    assert np.percentile(errors_px(flow, points_px), 95) < 0.2


def test_flow_starts_from_the_points_as_detected(picture, points_px) -> None:
    noisy = points_px.copy()
    noisy[:, :2] += np.random.default_rng(0).normal(0, 1.5, (478, 2))
    move = similarity((4.0, 1.0))
    flow = flow_of(detected(picture, noisy), detected(shown(move, picture), moved(move, points_px)))
    assert np.median(errors_px(flow, moved(move, noisy))) < 0.1


def test_two_faces_keep_apart_and_a_trail_that_was_away_starts_anew(picture, points_px) -> None:
    still = detected(picture, points_px)
    move = similarity((8.0, 0.0))
    gone_on = detected(shown(move, picture), moved(move, points_px))
    meter = FlowMeter(MEDIAPIPE_478, SIZE_PX)
    assert np.isnan(meter.measure({1: still, 2: still})[1]).all()
    both = meter.measure({2: gone_on, 1: still})
    assert np.median(errors_px(both[1], points_px)) < 0.01
    assert np.median(errors_px(both[2], moved(move, points_px))) < 0.1
    meter.measure({2: gone_on})
    after = meter.measure({1: still, 2: gone_on, 3: still})
    assert np.isnan(after[1]).all()
    assert np.median(errors_px(after[2], moved(move, points_px))) < 0.01
    assert np.isnan(after[3]).all()
    assert meter.measure({}) == {}
    assert np.isnan(meter.measure({2: gone_on})[2]).all()


def test_an_unknown_point_has_no_flow_and_harms_no_other(picture, points_px) -> None:
    whole = flow_of(detected(picture, points_px), detected(picture, points_px))
    holed = points_px.copy()
    holed[473:478] = np.nan
    lost = np.isin(NAMED, np.arange(473, 478))
    before = flow_of(detected(picture, holed), detected(picture, points_px))
    assert np.isnan(before[lost]).all()
    np.testing.assert_array_equal(before[~lost], whole[~lost])
    # Unknown now is no hindrance: flow does not ask where the point is found.
    after = flow_of(detected(picture, points_px), detected(picture, holed))
    np.testing.assert_array_equal(after, whole)
    nothing = np.full_like(points_px, np.nan)
    assert np.isnan(flow_of(detected(picture, nothing), detected(picture, nothing))).all()


def test_a_face_without_a_crop_breaks_the_flow(picture, points_px) -> None:
    with_crop, without = detected(picture, points_px), FaceDetection(points_px, 1.0)
    assert np.isnan(flow_of(with_crop, without)).all()
    assert np.isnan(flow_of(without, with_crop)).all()


def test_nothing_to_follow(points_px) -> None:
    grey = np.full((512, 512, 3), 128, np.uint8)
    assert np.isnan(flow_of(detected(grey, points_px), detected(grey, points_px))).all()


def test_another_picture_is_not_followed(picture, points_px) -> None:
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    flow = flow_of(detected(picture, points_px), detected(noise, points_px))
    assert np.isnan(flow).any(axis=1).mean() > 0.9


def test_points_beyond_the_border_of_the_picture_are_unknown(picture, points_px) -> None:
    border_px = 226  # through the middle of the face
    half = np.ascontiguousarray(picture[:, :border_px])
    move = similarity((-3.0, 0.0))
    after = moved(move, points_px)
    half_after = np.ascontiguousarray(shown(move, picture)[:, :border_px])
    flow = flow_of(detected(half, points_px), detected(half_after, after), size_px=(border_px, 512))
    inside = points_px[NAMED, 0] < border_px - 20
    assert inside.sum() > 40
    assert np.isnan(flow[points_px[NAMED, 0] > border_px]).all()
    measured = np.isfinite(flow).all(axis=1)
    assert measured[inside].mean() > 0.95
    assert np.linalg.norm(flow - after[NAMED, :2], axis=1)[measured].max() < 0.6


def test_same_input_same_bytes(picture, points_px) -> None:
    move = similarity((2.5, 1.5), turn_deg=1.0)
    scene = detected(picture, points_px), detected(shown(move, picture), moved(move, points_px))
    assert flow_of(*scene).tobytes() == flow_of(*scene).tobytes()
