"""Which frames are looked at closely: one of each half second, of each face, at any rate."""

import numpy as np
import pytest

from featurize.declaration import PixelSignal, pixel_signal
from featurize.frame import Frame
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.detection import FaceDetection
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478
from tests.test_featurize.tracks import make_track

FACE_PX = make_track(duration_s=0.1).points_px[0]
PICTURE = np.full((480, 640, 3), 90, np.uint8)


@pixel_signal(unit="1", reference="none", confounded_by=())
def brightness(view: FaceView) -> float:
    """Mean level of red."""
    return float(view.rgb[..., 0].mean())


def seen(times_s: np.ndarray, present: np.ndarray | None = None) -> np.ndarray:
    """Times of the frames that are sampled of a face that is there when ``present``."""
    observer = PixelObserver((brightness,))
    column = observer.names.index(brightness.column)
    sampled = []
    for index, time_s in enumerate(times_s):
        here = present is None or present[index]
        faces = {7: FaceDetection(FACE_PX, 1.0)} if here else {}
        measured = observer.measure(Frame(index, time_s, PICTURE), faces, MEDIAPIPE_478)
        assert measured.keys() == faces.keys()
        if here and np.isfinite(measured[7][column]):
            assert measured[7][column] == 90
            sampled.append(time_s)
    return np.array(sampled)


@pytest.mark.parametrize("fps", [12, 24, 29.97, 60, 120])
def test_one_frame_of_each_stretch(fps: float) -> None:
    times_s = np.arange(round(4 * fps)) / fps
    sampled_s = seen(times_s)
    assert len(sampled_s) == 8
    late_s = sampled_s - 0.5 * np.arange(8)
    assert late_s.min() > -1e-6
    assert late_s.max() < 1 / fps


def test_a_face_that_comes_later_is_sampled_at_once_and_then_with_the_others() -> None:
    times_s = np.arange(100) / 25
    sampled_s = seen(times_s, times_s >= 1.2)
    assert sampled_s == pytest.approx([1.2, 1.52, 2.0, 2.52, 3.0, 3.52])


@pytest.mark.parametrize("every", [2, 3, 7])
def test_a_face_that_is_lost_now_and_then_is_sampled_no_more_often(every: int) -> None:
    times_s = np.arange(600) / 50
    sampled_s = seen(times_s, np.arange(600) % every == 0)
    stretch = np.floor(sampled_s / 0.5 + 1e-6)
    np.testing.assert_array_equal(stretch, np.arange(24))


def test_a_long_gap_between_frames_is_not_made_up_for() -> None:
    times_s = np.array([0.0, 0.04, 0.08, 5.0, 5.04, 5.52])
    assert seen(times_s) == pytest.approx([0.0, 5.0, 5.52])


def test_every_face_has_its_own_turn() -> None:
    observer = PixelObserver((brightness,))
    two = {1: FaceDetection(FACE_PX, 1.0), 2: FaceDetection(FACE_PX + 20, 1.0)}
    measured = observer.measure(Frame(0, 0.0, PICTURE), two, MEDIAPIPE_478)
    assert all(np.isfinite(values[-1]) for values in measured.values())


def test_what_is_measured_is_named_in_its_order() -> None:
    assert isinstance(brightness, PixelSignal)
    assert PixelObserver((brightness,)).names[-1] == brightness.column
    assert brightness.meaning == "Mean level of red"
    track = make_track(duration_s=1.0)
    assert np.isnan(brightness(track)).all()


def test_views_of_either_scheme_hold_the_face() -> None:
    dlib_px = np.array([*AVERAGE_FACE_CM.values()]) * [12, -12, -12] + [300, 240, 0]
    for schema, points_px in ((MEDIAPIPE_478, FACE_PX), (DLIB_68, dlib_px)):
        view = FaceView(Frame(0, 0.0, PICTURE), points_px, schema)
        outline = view.at(schema.regions["face"])
        assert (outline > 0).all()
        assert (outline < view.size_px).all()
