"""The dlib backend: the points of the plain way, followed cheaply, and features on its points."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from featurize.assets import SHAPE_PREDICTOR_68, locate
from featurize.errors import OptionError
from featurize.frame import Frame
from featurize.frame_features import eyes, head_pose, mouth
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.detection import FaceDetection, Region
from featurize.landmarks.dlib68.average_face import AverageFace
from featurize.landmarks.dlib68.backend import Dlib68Backend
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68, MEDIAPIPE_478, mirror_name
from featurize.registry import MEASURED_SIGNALS, compute_signals, compute_video_features
from featurize.types import LandmarkTrack
from featurize.video import VideoReader
from tests.test_featurize.tracks import make_track, turn

PLACES_CM = np.array([*AVERAGE_FACE_CM.values()])
OUTER_EYES = DLIB_68.indices(("right_eye_outer", "left_eye_outer"))


@pytest.fixture(scope="module")
def backend() -> Iterator[Dlib68Backend]:
    with Dlib68Backend() as started:
        yield started


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """A photograph whose face, 180 px wide, needs no scaling by anyone."""
    return cv2.resize(astronaut()[:320, 60:380], (640, 640), interpolation=cv2.INTER_CUBIC)


@cache
def detector_and_predictor() -> tuple[dlib.fhog_object_detector, dlib.shape_predictor]:
    predictor = dlib.shape_predictor(str(locate(SHAPE_PREDICTOR_68)))
    return dlib.get_frontal_face_detector(), predictor


def plain(picture: np.ndarray) -> np.ndarray:
    """``(68, 2)``: dlib's own way, detector on the whole picture, then predictor."""
    detector, predictor = detector_and_predictor()
    (window,) = detector(picture, 0)
    return np.array([(point.x, point.y) for point in predictor(picture, window).parts()])


def found(backend: Dlib68Backend, picture: np.ndarray) -> FaceDetection:
    frame = Frame(0, 0.0, picture)
    (region,) = backend.search(frame, thorough=True)
    face = backend.fit(frame, region)
    assert face is not None
    return face


def difference_iod(points: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of points, in interocular distances."""
    iod = np.linalg.norm(np.diff(other[OUTER_EYES, :2], axis=0))
    return float(np.linalg.norm(points[:, :2] - other[:, :2], axis=1).mean() / iod)


def track_of(faces: list[FaceDetection | None], size_px: tuple[int, int]) -> LandmarkTrack:
    def stacked(name: str, shape: tuple[int, ...]) -> np.ndarray:
        missing = np.full(shape, np.nan, np.float32)
        return np.array([missing if face is None else getattr(face, name) for face in faces])

    return LandmarkTrack(
        points_px=stacked("points_px", (68, 3)),
        time_s=np.arange(len(faces)) / 25,
        confidence=np.array([face.confidence if face else 0 for face in faces], np.float32),
        schema="dlib68",
        frame_size_px=size_px,
        pose=stacked("pose", (4, 4)),
    )


def test_points_are_those_of_the_plain_way(backend: Dlib68Backend, portrait: np.ndarray) -> None:
    points = found(backend, portrait).points_px
    assert points.shape == (68, 3)
    assert points[:, :2].tolist() == plain(portrait).tolist()


def test_a_face_is_followed_as_if_searched_anew(
    backend: Dlib68Backend, portrait: np.ndarray
) -> None:
    """It moves, grows and tilts; no frame after the first is searched."""
    region = None
    differences = []
    for index in range(24):
        phase = 2 * np.pi * index / 24
        zoom = cv2.getRotationMatrix2D((320, 320), 6 * np.sin(phase), 1 + 0.1 * np.sin(phase))
        zoom[:, 2] += 40 * np.sin(phase), 25 * np.cos(phase)
        picture = cv2.warpAffine(portrait, zoom, (640, 640), borderMode=cv2.BORDER_REFLECT)
        frame = Frame(index, index / 25, picture)
        if region is None:
            (region,) = backend.search(frame, thorough=False)
        face = backend.fit(frame, region)
        assert face is not None
        differences.append(difference_iod(face.points_px, plain(picture)))
        region = backend.region_after(face)
    assert np.mean(differences) < 0.01
    assert np.mean(np.equal(differences, 0)) > 0.3, "the same windows of the same pyramid"


def test_sides_are_the_subjects(backend: Dlib68Backend, portrait: np.ndarray) -> None:
    x, y = found(backend, portrait).points_px.T[:2]
    for name, number in DLIB_68.points.items():
        if name.startswith("left_"):
            assert x[number] > x[DLIB_68.points[mirror_name(name)]], name
    order = ("nasion", "nose_tip", "subnasale", "lip_upper_outer_middle", "chin")
    assert (np.diff(y[DLIB_68.indices(order)]) > 0).all()


def test_mirrored_picture_gives_mirrored_points(
    backend: Dlib68Backend, portrait: np.ndarray
) -> None:
    seen = found(backend, portrait).points_px.copy()
    reflected = found(backend, np.ascontiguousarray(portrait[:, ::-1])).points_px
    seen[:, 0] = 639 - seen[:, 0]
    here, there = DLIB_68.mirror
    assert difference_iod(reflected[here], seen[there]) < 0.03


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((360, 480, 3), np.uint8),
        np.full((360, 480, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 255, (360, 480, 3), dtype=np.uint8),
        np.zeros((3, 500, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ],
    ids=["black", "white", "noise", "a strip", "a pixel"],
)
def test_no_face_where_there_is_none(backend: Dlib68Backend, picture: np.ndarray) -> None:
    frame = Frame(0, 0.0, picture)
    assert backend.search(frame, thorough=True) == []
    for side_px in (20, 150, 2000):
        assert backend.fit(frame, Region((240, 180), side_px)) is None


def test_a_face_is_found_anywhere_in_a_wide_region(
    backend: Dlib68Backend, portrait: np.ndarray
) -> None:
    frame = Frame(3, 0.12, portrait)
    expected = found(backend, portrait)
    region = backend.region_after(expected)
    x, y = region.centre_px
    for side, right, down in ((1.5, 0.2, -0.1), (1.5, -0.2, 0.2), (2.2, 0.4, 0.3), (1.2, 0, 0)):
        side_px = region.side_px * side
        wide = Region((x + right * region.side_px, y + down * region.side_px), side_px)
        face = backend.fit(frame, wide)
        assert face is not None
        assert difference_iod(face.points_px, expected.points_px) < 0.03


def test_no_face_beside_the_face(backend: Dlib68Backend, portrait: np.ndarray) -> None:
    frame = Frame(0, 0.0, portrait)
    (region,) = backend.search(frame, thorough=True)
    for x, y in ((80, 560), (560, 80), (600, 600), (-300, 200), (5000, 5000)):
        assert backend.fit(frame, Region((x, y), region.side_px)) is None


def test_a_small_face_is_found_by_a_thorough_search(
    backend: Dlib68Backend, portrait: np.ndarray
) -> None:
    picture = np.full((720, 1280, 3), 90, np.uint8)
    picture[100:260, 900:1060] = cv2.resize(portrait, (160, 160), interpolation=cv2.INTER_AREA)
    frame = Frame(0, 0.0, picture)
    assert backend.search(frame, thorough=False) == []
    (region,) = backend.search(frame, thorough=True)
    face = backend.fit(frame, region)
    assert face is not None
    expected = plain(portrait) / 4 + (900, 100)
    assert difference_iod(face.points_px, expected) < 0.05


def test_a_face_that_fills_an_8k_frame(backend: Dlib68Backend, portrait: np.ndarray) -> None:
    picture = np.zeros((4320, 7680, 3), np.uint8)
    large = cv2.resize(portrait, (4320, 4320), interpolation=cv2.INTER_LINEAR)
    picture[:, 1680:6000] = large
    face = found(backend, picture)
    expected = plain(portrait) * 6.75 + (1680, 0)
    assert difference_iod(face.points_px, expected) < 0.03
    assert max(face.crop.rgb.shape[:2]) <= 1000, "work does not grow with the frame"


def test_a_face_at_the_edge_is_right_or_nothing(
    backend: Dlib68Backend, portrait: np.ndarray
) -> None:
    whole = found(backend, portrait)
    centre = whole.points_px[:, 0].mean()
    for cut_px in range(int(centre) - 150, int(centre) + 30, 20):
        face = backend.fit(
            Frame(0, 0.0, np.ascontiguousarray(portrait[:, cut_px:])),
            Region((centre - cut_px, whole.points_px[:, 1].mean()), 1.4 * 180),
        )
        if face is not None:
            off = difference_iod(face.points_px + np.array([cut_px, 0, 0]), whole.points_px)
            assert off < 0.1 or face.confidence < 0.5


def test_confidence_falls_when_the_face_is_covered(
    backend: Dlib68Backend, portrait: np.ndarray
) -> None:
    """The more of it, the less; where landmarks go wrong, confidence is low or the face gone."""
    clean = found(backend, portrait)
    region = backend.region_after(clean)
    left, top, right, bottom = (int(v) for v in clean.box_px)
    confidences = [clean.confidence]
    for share in (0.25, 0.5, 0.75, 1.0):
        covered = portrait.copy()
        covered[bottom - int(share * (bottom - top)) : bottom, left:right] = 120
        face = backend.fit(Frame(1, 0.04, covered), region)
        confidences.append(0.0 if face is None else face.confidence)
        if face is not None and difference_iod(face.points_px, clean.points_px) > 0.1:
            assert face.confidence < 0.5
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert clean.confidence > 0.8
    assert confidences[-1] == 0
    assert np.all(np.diff(confidences) <= 0.02)


def test_blur_lowers_confidence(backend: Dlib68Backend, portrait: np.ndarray) -> None:
    clean = found(backend, portrait)
    blurred = cv2.GaussianBlur(portrait, (0, 0), 16)
    face = backend.fit(Frame(1, 0.04, blurred), backend.region_after(clean))
    assert face is None or face.confidence < clean.confidence - 0.2


def test_network_finds_the_face_and_an_unknown_detector_is_refused(portrait: np.ndarray) -> None:
    small = cv2.resize(portrait[100:600, 100:600], (250, 250), interpolation=cv2.INTER_AREA)
    frame = Frame(0, 0.0, small)
    with Dlib68Backend(detector="cnn") as by_network:
        (region,) = by_network.search(frame, thorough=False)
        face = by_network.fit(frame, region)
        assert face is not None
        expected = (plain(portrait) - 100) / 2
        assert difference_iod(face.points_px, expected) < 0.05
        assert by_network.fit(Frame(1, 0.04, np.zeros_like(small)), region) is None
    with pytest.raises(OptionError, match="hog or cnn"):
        Dlib68Backend(detector="haar")


@given(
    yaw=st.floats(-60, 60),
    pitch=st.floats(-40, 40),
    roll=st.floats(-60, 60),
    px_per_cm=st.floats(1, 200),
)
@settings(max_examples=50, deadline=None)
def test_turn_and_depth_come_back_from_a_flat_picture(yaw, pitch, roll, px_per_cm) -> None:
    """The average face, turned as told and seen without depth."""
    seen = PLACES_CM @ turn(yaw, pitch, roll).T * px_per_cm * (1, -1, -1) + (300, 200, 0)
    rigid = DLIB_68.indices(DLIB_68.rigid_cm)
    placement = AverageFace(DLIB_68.rigid_cm).laid_onto(seen[rigid, :2])
    assert placement.turn == pytest.approx(turn(yaw, pitch, roll), abs=1e-6)
    assert placement.px_per_cm == pytest.approx(px_per_cm)
    assert placement.origin_px == pytest.approx((300, 200), abs=1e-4)
    assert placement.depth_px(PLACES_CM) == pytest.approx(seen[:, 2], abs=1e-4 * px_per_cm)


def dlib_track(track: LandmarkTrack) -> LandmarkTrack:
    """The same face in dlib's points, as far as both schemes have them, its depth unseen."""
    named = [name for name in DLIB_68.points if name in MEDIAPIPE_478.points]
    points = np.full((track.n_frames, 68, 3), np.nan)
    points[:, DLIB_68.indices(named)] = track.points_px[:, MEDIAPIPE_478.indices(named)]
    rigid_cm = {name: DLIB_68.rigid_cm[name] for name in DLIB_68.rigid_cm if name in named}
    average, rigid = AverageFace(rigid_cm), DLIB_68.indices(rigid_cm)
    for face in points:
        placement = average.laid_onto(face[rigid, :2])
        unknown = np.isnan(face[:, 0])
        drawn = PLACES_CM @ placement.turn.T * placement.px_per_cm * (1, -1, -1)
        face[unknown] = drawn[unknown] + (*placement.origin_px, 0)
        face[:, 2] = placement.depth_px(PLACES_CM)
    return replace(track, points_px=points.astype(np.float32), schema="dlib68", flow_px=None)


@pytest.mark.parametrize("axis", ["yaw_deg", "pitch_deg", "roll_deg"])
def test_head_turns_of_a_real_face_come_back(axis: str) -> None:
    """A face that is not the average one, by 15 degrees each way: right to a fifth of the turn."""
    track = make_track(duration_s=2, rotation=lambda t: turn(**{axis: 15 * np.sin(np.pi * t)}))
    signal = {s.name: s for s in (head_pose.yaw_deg, head_pose.pitch_deg, head_pose.roll_deg)}[axis]
    seen, told = signal(dlib_track(track)), 15 * np.sin(np.pi * track.time_s)
    assert seen - seen[0] == pytest.approx(told, abs=3)
    assert np.corrcoef(seen, told)[0, 1] > 0.999


def test_eye_opening_means_the_same_in_both_schemes() -> None:
    track = make_track(duration_s=0.2)
    flat = replace(track, points_px=track.points_px * np.float32([1, 1, 0]))
    in_dlib = dlib_track(flat)
    in_dlib.points_px[..., 2] = 0
    for signal in (eyes.ear_left, eyes.ear_right, eyes.ear_difference):
        assert signal(in_dlib) == pytest.approx(signal(flat), abs=1e-5)


def test_mouth_opening_of_an_ellipse_is_five_percent_higher() -> None:
    """As documented: the points beside the middle stand nearer to it than MediaPipe's."""

    def ellipse(_: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        for name, number in MEDIAPIPE_478.points.items():
            side = -1 if name.startswith("right_") else 1
            up = 1 if "upper" in name else -1
            stem = name.removeprefix("right_").removeprefix("left_")
            share = {
                "lip_upper_inner_middle": 0,
                "lip_lower_inner_middle": 0,
                **{f"lip_{lip}_inner_4": 0.308 for lip in ("upper", "lower")},
                **{f"lip_{lip}_inner_3": 0.476 for lip in ("upper", "lower")},
                "mouth_inner_corner": 1,
            }.get(stem)
            if share is not None:
                face[number] = (side * 50 * share, up * 15 * np.sqrt(1 - share**2) - 100, 0)
        return face

    track = make_track(duration_s=0.2, shape=ellipse)
    flat = replace(track, points_px=track.points_px * np.float32([1, 1, 0]))
    in_dlib = dlib_track(flat)
    in_dlib.points_px[..., 2] = 0
    assert mouth.mar(in_dlib) / mouth.mar(flat) == pytest.approx(1.05, abs=0.005)


def test_features_of_a_film_with_dlib(backend: Dlib68Backend, clip: Path) -> None:
    """Blinks at 1.0 and 2.6 s, a sway of 8 degrees every two seconds; and no column is missing."""
    faces, measured, region = [], [], None
    observer = PixelObserver(MEASURED_SIGNALS)
    with VideoReader(clip) as video:
        for frame in video:
            face = None if region is None else backend.fit(frame, region)
            if face is None:
                (region,) = backend.search(frame, thorough=True)
                face = backend.fit(frame, region)
            assert face is not None
            region = backend.region_after(face)
            faces.append(face)
            measured.append(observer.measure(frame, {0: face}, DLIB_68)[0])
    track = track_of(faces, (256, 256))
    track = replace(track, appearance=np.array(measured), measures=observer.names)
    recording = compute_signals(track)
    unknown = {name for name, values in recording.signals.items() if np.isnan(values).all()}
    assert {name for name in unknown if not name.startswith("expression__")} == {
        "geometry__pupil_distance_iod",
        "geometry__nose_width_iod",
        "geometry__mouth_to_nose_width",
        *(f"eyes__gaze_{axis}_{side}" for axis in "xy" for side in ("left", "right")),
        "eyes__gaze_disagreement",
        *(f"eyes__iris_diameter_{side}_iod" for side in ("left", "right")),
        *(name for name in recording.signals if "__iris_" in name),
        "texture__teeth_detail_db",  # her mouth is closed
        *(name for name in recording.signals if "__flow_" in name),
    }
    assert sum(name.startswith("expression__") for name in unknown) == 52 - 7
    sampled = {signal.column for signal in MEASURED_SIGNALS}
    for name in recording.signals.keys() - unknown - sampled:
        assert np.isfinite(recording.signals[name]).all(), name

    yaw = recording.signals["head_pose__yaw_deg"]
    sway = np.sin(np.pi * recording.time_s)
    assert np.corrcoef(yaw, sway)[0, 1] > 0.95
    values = compute_video_features(recording)
    assert np.isfinite(values["stability__jitter_face_iod__rms"])
    assert np.isnan(values["stability__jitter_irises_iod__rms"])
    assert np.isfinite(values["correlation__mouth_width_x_yaw__pearson"])
    assert np.isnan(values["correlation__brow_inner_up_x_yaw__pearson"])
    ear = (recording.signals["eyes__ear_left"] + recording.signals["eyes__ear_right"]) / 2
    for moment_s in (1.0, 2.6):
        around = np.abs(recording.time_s - moment_s) < 0.2
        assert ear[around].min() < 0.75 * np.median(ear)
