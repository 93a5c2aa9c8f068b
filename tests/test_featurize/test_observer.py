"""Which frames are looked at closely: one of each half second, of each face, at any rate."""

import numpy as np
import pytest

from featurize.declaration import PairSignal, PixelSignal, pair_signal, pixel_signal
from featurize.frame import Frame
from featurize.frame_features.face_view import FaceView
from featurize.frame_features.observer import PixelObserver
from featurize.frame_features.transitions.face_pair import FacePair
from featurize.landmarks.detection import FaceDetection
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478
from featurize.sampled_frames import neighbour_pairs, sampled_frames
from tests.test_featurize.tracks import make_track

FACE_PX = make_track(duration_s=0.1).points_px[0]
PICTURE = np.full((480, 640, 3), 90, np.uint8)


@pixel_signal(unit="1", reference="none", confounded_by=())
def brightness(view: FaceView) -> float:
    """Mean level of red."""
    return float(view.rgb[..., 0].mean())


@pair_signal(unit="s", reference="none", confounded_by=())
def time_between(pair: FacePair) -> float:
    """Time between both frames."""
    return pair.step_s


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


def paired(times_s: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Numbers of the frames in which a pair was read, of a face that is there when ``present``."""
    observer = PixelObserver((brightness, time_between))
    column = observer.names.index(time_between.column)
    read = []
    for index, time_s in enumerate(times_s):
        faces = {7: FaceDetection(FACE_PX, 1.0)} if present[index] else {}
        measured = observer.measure(Frame(index, time_s, PICTURE), faces, MEDIAPIPE_478)
        if present[index] and np.isfinite(measured[7][column]):
            assert measured[7][column] == pytest.approx(time_s - times_s[index - 1])
            read.append(index)
    return np.array(read, int)


def test_pairs_are_read_in_the_frame_after_every_other_sample() -> None:
    times_s = np.arange(80) / 25
    pairs = paired(times_s, np.ones(80, bool))
    np.testing.assert_array_equal(pairs, [1, 26, 51, 76])


@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_those_that_networks_look_at(seed: int) -> None:
    """Also where the face is lost now and then, and frames come at odd times."""
    rng = np.random.default_rng(seed)
    times_s = np.cumsum(rng.uniform(0.02, 0.16, 200))
    present = rng.random(200) < 0.8
    frames = sampled_frames(times_s, present)
    pairs = neighbour_pairs(frames, times_s[frames])
    of_networks = frames[pairs] + 1
    read = paired(times_s, present)
    assert len(read) > 3
    assert of_networks.tolist() == read.tolist()
    assert all(present[number - 1] and present[number] for number in read)


@pytest.mark.parametrize("fps", [3, 8, 9, 12.5, 25])
@pytest.mark.parametrize("start_s", [0.0, 0.021, 1 / 3])
def test_pairs_are_those_of_networks_at_any_rate(fps: float, start_s: float) -> None:
    times_s = start_s + np.arange(round(6 * fps)) / fps
    present = np.ones(len(times_s), bool)
    frames = sampled_frames(times_s, present)
    read = paired(times_s, present)
    assert read.tolist() == (frames[neighbour_pairs(frames, times_s[frames])] + 1).tolist()
    assert len(read) in ((0,) if fps == 3 else (6, 7))


def test_pairs_are_of_one_face() -> None:
    """A face on another trail is another one, or may be."""
    observer = PixelObserver((time_between,))
    first = observer.measure(
        Frame(0, 0.0, PICTURE), {1: FaceDetection(FACE_PX, 1.0)}, MEDIAPIPE_478
    )
    two = {1: FaceDetection(FACE_PX, 1.0), 2: FaceDetection(FACE_PX + 20, 1.0)}
    measured = observer.measure(Frame(1, 0.04, PICTURE), two, MEDIAPIPE_478)
    assert np.isnan(first[1][-1])
    assert measured[1][-1] == pytest.approx(0.04)
    assert np.isnan(measured[2][-1])


def test_pairs_are_measures_of_their_own() -> None:
    assert isinstance(time_between, PairSignal)
    assert time_between.meaning == "Time between both frames"
    assert np.isnan(time_between(make_track(duration_s=1.0))).all()
