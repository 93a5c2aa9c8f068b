"""Frame signals: closed forms, and what must not change them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.extraction import make_backend
from featurize.frame import Frame
from featurize.frame_features import eyes, geometry, head_pose, mouth
from featurize.frame_features.observer import PixelObserver
from featurize.landmarks.schema import MEDIAPIPE_478
from featurize.registry import FRAME_SIGNALS, MEASURED_SIGNALS, compute_signals
from featurize.types import LandmarkTrack
from featurize.video import VideoReader
from tests.test_featurize.tracks import POINTS, make_track, mirrored, neutral_face, turn

SHAPE_SIGNALS = [
    signal for signal in FRAME_SIGNALS if signal.family in ("geometry", "eyes", "mouth")
]


def place(**points: tuple[float, float, float]):
    """A shape that puts named points at given places (face axes, pixels) and leaves the rest."""

    def shape(_: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        for name, position in points.items():
            face[POINTS[name]] = position
        return face

    return shape


def value(signal, **scene) -> float:
    """The signal's value for a scene that does not move."""
    values = signal(make_track(duration_s=0.2, **scene))
    assert np.ptp(values) < 1e-6
    return float(values[0])


EYES_300_APART = {
    "right_eye_outer": (-150, 0, 0),
    "left_eye_outer": (150, 0, 0),
}


@pytest.mark.parametrize(
    ("signal", "first", "second", "length_px"),
    [
        (geometry.eye_spacing_iod, "right_eye_inner", "left_eye_inner", 120),
        (geometry.pupil_distance_iod, "right_iris_centre", "left_iris_centre", 210),
        (geometry.cheekbone_distance_iod, "right_zygion", "left_zygion", 450),
        (geometry.nose_width_iod, "right_nose_ala", "left_nose_ala", 90),
        (geometry.mouth_width_iod, "right_mouth_corner", "left_mouth_corner", 180),
        (geometry.jaw_width_iod, "right_gonion", "left_gonion", 330),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_widths_in_interocular_distances(signal, first, second, length_px) -> None:
    half = length_px / 2
    shape = place(**EYES_300_APART, **{first: (-half, -50, 5), second: (half, -50, 5)})
    assert value(signal, shape=shape) == pytest.approx(length_px / 300, rel=1e-4)
    turned = {"rotation": lambda _: turn(yaw_deg=30, pitch_deg=10)}
    assert value(signal, shape=shape, **turned) == pytest.approx(length_px / 300, rel=1e-4)


def test_heights_and_ratios() -> None:
    shape = place(
        **EYES_300_APART,
        nasion=(0, 0, 0),
        subnasale=(0, -150, 0),
        lip_upper_outer_middle=(0, -225, 0),
        chin=(0, -400, 0),
        right_zygion=(-225, 0, 0),
        left_zygion=(225, 0, 0),
        right_gonion=(-150, -200, 0),
        left_gonion=(150, -200, 0),
        right_mouth_corner=(-90, -240, 0),
        left_mouth_corner=(90, -240, 0),
        right_nose_ala=(-60, -140, 0),
        left_nose_ala=(60, -140, 0),
    )
    expected = {
        geometry.face_height_iod: 400 / 300,
        geometry.nose_length_iod: 150 / 300,
        geometry.upper_face_width_to_height: 450 / 225,
        geometry.jaw_to_cheekbone_width: 300 / 450,
        geometry.mouth_to_nose_width: 180 / 120,
        geometry.lower_to_whole_height: 250 / 400,
    }
    for signal, ratio in expected.items():
        assert value(signal, shape=shape) == pytest.approx(ratio, rel=1e-4), signal.name


def eye_contour(side: str, width: float, opening: float) -> dict[str, tuple[float, float, float]]:
    """The six points of an eye as a rectangle with its corners pulled out to the sides."""
    outwards = 1 if side == "left" else -1
    middle = 100 * outwards
    points = {"eye_outer": (width / 2, 0), "eye_inner": (-width / 2, 0)}
    points |= {"eye_upper_3": (width / 6, opening / 2), "eye_lower_3": (width / 6, -opening / 2)}
    points |= {"eye_upper_5": (-width / 6, opening / 2), "eye_lower_5": (-width / 6, -opening / 2)}
    return {f"{side}_{k}": (middle + outwards * x, y, 0) for k, (x, y) in points.items()}


@pytest.mark.parametrize("opening", [0, 12, 30, 60])
def test_ear_is_opening_over_width(opening: float) -> None:
    shape = place(**eye_contour("left", 60, opening), **eye_contour("right", 60, opening / 2))
    assert value(eyes.ear_left, shape=shape) == pytest.approx(opening / 60, abs=1e-5)
    assert value(eyes.ear_right, shape=shape) == pytest.approx(opening / 120, abs=1e-5)
    assert value(eyes.ear_difference, shape=shape) == pytest.approx(opening / 120, abs=1e-5)


@pytest.mark.parametrize(
    ("iris", "x", "y"),
    [((100, 0, 0), 0, 0), ((112, 0, 0), 0.2, 0), ((100, 6, 0), 0, 0.1), ((88, -6, 0), -0.2, -0.1)],
)
def test_gaze_is_the_offset_of_the_iris_in_eye_widths(iris, x: float, y: float) -> None:
    other = (iris[0] - 200, iris[1], iris[2])
    shape = place(
        **eye_contour("left", 60, 20),
        **eye_contour("right", 60, 20),
        left_iris_centre=iris,
        right_iris_centre=other,
    )
    scene = {"shape": shape, "rotation": lambda _: turn(roll_deg=15, yaw_deg=20)}
    assert value(eyes.gaze_x_left, **scene) == pytest.approx(x, abs=1e-4)
    assert value(eyes.gaze_x_right, **scene) == pytest.approx(x, abs=1e-4)
    assert value(eyes.gaze_y_left, **scene) == pytest.approx(y, abs=1e-4)
    assert value(eyes.gaze_y_right, **scene) == pytest.approx(y, abs=1e-4)
    assert value(eyes.gaze_disagreement, **scene) == pytest.approx(0, abs=1e-4)


def test_crossed_eyes_disagree() -> None:
    shape = place(
        **eye_contour("left", 60, 20),
        **eye_contour("right", 60, 20),
        left_iris_centre=(94, 0, 0),
        right_iris_centre=(-94, 0, 0),
    )
    assert value(eyes.gaze_disagreement, shape=shape) == pytest.approx(0.2, abs=1e-4)


def test_mouth_opening() -> None:
    points = {
        "right_mouth_inner_corner": (-80, -200, 0),
        "left_mouth_inner_corner": (80, -200, 0),
        "lip_upper_inner_middle": (0, -180, 0),
        "lip_lower_inner_middle": (0, -220, 0),
    }
    for side, x in (("right", -40), ("left", 40)):
        points[f"{side}_lip_upper_inner_3"] = (x, -190, 0)
        points[f"{side}_lip_lower_inner_3"] = (x, -210, 0)
    shape = place(**EYES_300_APART, **points)
    assert value(mouth.mar, shape=shape) == pytest.approx((40 + 20 + 20) / 3 / 160, rel=1e-4)
    assert value(mouth.lip_gap_iod, shape=shape) == pytest.approx(40 / 300, rel=1e-4)


def test_smile_lifts_the_corners() -> None:
    flat = {
        "right_mouth_corner": (-80, -200, 0),
        "left_mouth_corner": (80, -200, 0),
        "lip_upper_outer_middle": (0, -190, 0),
        "lip_lower_outer_middle": (0, -210, 0),
    }
    assert value(
        mouth.lip_corner_height_iod, shape=place(**EYES_300_APART, **flat)
    ) == pytest.approx(0, abs=1e-5)
    smile = flat | {"right_mouth_corner": (-80, -170, 0), "left_mouth_corner": (80, -170, 0)}
    scene = {"shape": place(**EYES_300_APART, **smile), "rotation": lambda _: turn(roll_deg=40)}
    assert value(mouth.lip_corner_height_iod, **scene) == pytest.approx(0.1, rel=1e-2)


@pytest.mark.parametrize("angle_deg", [-25.0, -5.0, 0.0, 10.0, 30.0])
@pytest.mark.parametrize("axis", ["yaw_deg", "pitch_deg", "roll_deg"])
def test_pose_angles_one_at_a_time(axis: str, angle_deg: float) -> None:
    signals = {s.name: s for s in (head_pose.yaw_deg, head_pose.pitch_deg, head_pose.roll_deg)}
    for name, signal in signals.items():
        seen = value(signal, rotation=lambda _: turn(**{axis: angle_deg}))
        assert seen == pytest.approx(angle_deg if name == axis else 0, abs=1e-3)


@given(yaw=st.floats(-60, 60), pitch=st.floats(-40, 40), roll=st.floats(-60, 60))
@settings(max_examples=30, deadline=None)
def test_pose_angles_together(yaw: float, pitch: float, roll: float) -> None:
    scene = {"rotation": lambda _: turn(yaw, pitch, roll)}
    assert value(head_pose.yaw_deg, **scene) == pytest.approx(yaw, abs=1e-2)
    assert value(head_pose.pitch_deg, **scene) == pytest.approx(pitch, abs=1e-2)
    assert value(head_pose.roll_deg, **scene) == pytest.approx(roll, abs=1e-2)


def test_nose_moves_where_the_signs_say() -> None:
    def nose_px(**angles: float) -> np.ndarray:
        track = make_track(duration_s=0.2, rotation=lambda _: turn(**angles))
        return track.points_px[0, POINTS["nose_tip"], :2]

    assert nose_px(yaw_deg=20)[0] > nose_px()[0], "own left is the right of the picture"
    assert nose_px(pitch_deg=20)[1] < nose_px()[1], "up is up"
    tilted = make_track(duration_s=0.2, rotation=lambda _: turn(roll_deg=20)).points_px[0]
    assert tilted[POINTS["left_eye_outer"], 1] > tilted[POINTS["right_eye_outer"], 1]


def test_symmetric_face_has_no_asymmetry_and_a_shift_is_measured() -> None:
    here, there = MEDIAPIPE_478.mirror

    def symmetric(_: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        face[here] = (face[here] + face[there] * [-1, 1, 1]) / 2
        return face

    def lopsided(t: float, face: np.ndarray) -> np.ndarray:
        face = symmetric(t, face)
        iod = face[POINTS["left_eye_outer"], 0] - face[POINTS["right_eye_outer"], 0]
        for name in MEDIAPIPE_478.regions["brows"]:
            if name.startswith("left_"):
                face[POINTS[name], 1] += 0.1 * iod
        return face

    turned = {"rotation": lambda _: turn(20, -10, 15)}
    assert value(geometry.asymmetry_brows_iod, shape=symmetric, **turned) < 1e-3
    assert value(geometry.asymmetry_mouth_iod, shape=symmetric, **turned) < 1e-3
    assert value(geometry.asymmetry_brows_iod, shape=lopsided, **turned) == pytest.approx(
        0.1, abs=1e-3
    )
    assert value(geometry.asymmetry_mouth_iod, shape=lopsided, **turned) < 1e-3


SCENES = {
    "moved": {"shift_px": lambda _: (37.0, -21.0)},
    "half the size": {"scale": 0.5},
    "tilted": {"rotation": lambda _: turn(roll_deg=30)},
    "turned": {"rotation": lambda _: turn(25, -12, 5)},
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_shape_does_not_depend_on_place_size_or_pose(scene) -> None:
    still = make_track(duration_s=0.2)
    other = make_track(duration_s=0.2, **scene)
    for signal in SHAPE_SIGNALS:
        assert signal(other) == pytest.approx(signal(still), rel=2e-3, abs=2e-4), signal.column


MIRROR_SIGN = {
    "eyes__gaze_x_left": ("eyes__gaze_x_right", -1),
    "eyes__gaze_x_right": ("eyes__gaze_x_left", -1),
    "eyes__gaze_y_left": ("eyes__gaze_y_right", 1),
    "eyes__gaze_y_right": ("eyes__gaze_y_left", 1),
    "eyes__ear_left": ("eyes__ear_right", 1),
    "eyes__ear_right": ("eyes__ear_left", 1),
    "eyes__ear_difference": ("eyes__ear_difference", -1),
    "eyes__iris_diameter_left_iod": ("eyes__iris_diameter_right_iod", 1),
    "eyes__iris_diameter_right_iod": ("eyes__iris_diameter_left_iod", 1),
    "head_pose__yaw_deg": ("head_pose__yaw_deg", -1),
    "head_pose__roll_deg": ("head_pose__roll_deg", -1),
    "head_pose__yaw_disagreement_deg": ("head_pose__yaw_disagreement_deg", -1),
    "head_pose__roll_disagreement_deg": ("head_pose__roll_disagreement_deg", -1),
    "head_pose__translation_x_cm": ("head_pose__translation_x_cm", -1),
}


def test_mirror_swaps_the_sides_and_nothing_else() -> None:
    track = make_track(
        duration_s=0.2,
        rotation=lambda _: turn(15, -8, 10),
        shift_px=lambda _: (12.0, 5.0),
        noise_px=1.0,
    )
    seen = compute_signals(track).signals
    reflected = compute_signals(mirrored(track)).signals
    for signal in FRAME_SIGNALS:
        if signal.family == "expression":
            continue
        name, sign = MIRROR_SIGN.get(signal.column, (signal.column, 1))
        mirrored_values = pytest.approx(sign * seen[name], abs=2e-4, nan_ok=True)
        assert reflected[signal.column] == mirrored_values, signal.column


def test_missing_frames_are_nan_and_only_they() -> None:
    track = make_track(duration_s=2, noise_px=0.5, missing=slice(10, 15))
    names = PixelObserver(MEASURED_SIGNALS).names
    levels = np.random.default_rng(0).uniform(60, 200, (track.n_frames, len(names)))
    levels[10:15] = np.nan
    track = replace(track, appearance=levels.astype(np.float32), measures=names)
    for column, values in compute_signals(track).signals.items():
        # Flow needs the frame before as well.
        unknown = [0, *range(10, 16)] if "__flow_" in column else [*range(10, 15)]
        assert np.flatnonzero(np.isnan(values)).tolist() == unknown, column


def test_expression_signals_are_the_blendshapes() -> None:
    ramp = np.linspace(0, 1, 52)
    track = make_track(duration_s=0.4, blendshapes=lambda t: np.tile(ramp, (len(t), 1)))
    signals = compute_signals(track).signals
    assert signals["expression__jaw_open"][0] == pytest.approx(25 / 51, abs=1e-6)
    assert signals["expression__mouth_upper_up_right"][0] == pytest.approx(49 / 51)
    assert sum(column.startswith("expression__") for column in signals) == 52 - 7
    assert "expression__nose_sneer_right" not in signals


def test_a_coefficient_that_nobody_could_see_is_none() -> None:
    levels = np.array([0.0, 0.0009, 0.0011, 0.5])
    track = make_track(duration_s=0.16, blendshapes=lambda t: np.tile(levels[:, None], 52))
    seen = compute_signals(track).signals["expression__mouth_smile_left"]
    assert seen == pytest.approx([0.0, 0.0, 0.0011, 0.5])


@pytest.mark.parametrize("left_px", [0, 200])
def test_the_same_face_at_another_place_of_the_picture(clip: Path, left_px: int) -> None:
    """The backend's own pose turns a face by up to 14 degrees when its place changes."""
    with VideoReader(clip) as video:
        frame = next(iter(video)).rgb

    def seen(left: int, top: int) -> dict[str, float]:
        picture = np.full((320, 456, 3), 128, np.uint8)
        picture[top : top + 256, left : left + 256] = frame
        picture_frame = Frame(0, 0.0, picture)
        with make_backend("mediapipe") as backend:
            (region,) = backend.search(picture_frame, thorough=False)
            face = backend.fit(picture_frame, region)
            track = LandmarkTrack(
                points_px=face.points_px[None],
                time_s=np.zeros(1),
                confidence=np.ones(1, np.float32),
                schema="mediapipe478",
                frame_size_px=(456, 320),
                blendshapes=face.blendshapes[None],
            )
            track = backend.completed(track)
        return {name: float(values[0]) for name, values in compute_signals(track).signals.items()}

    middle, moved = seen(100, 32), seen(left_px, 0)
    for name in ("yaw_deg", "pitch_deg", "roll_deg"):
        assert moved[f"head_pose__{name}"] == pytest.approx(middle[f"head_pose__{name}"], abs=1.5)
    for family in ("geometry__asymmetry_", "eyes__gaze_", "mouth__lip_corner"):
        for name in middle:
            if name.startswith(family):
                assert moved[name] == pytest.approx(middle[name], abs=0.05), name


def test_without_pose_and_blendshapes_only_their_signals_are_nan() -> None:
    from dataclasses import replace

    track = replace(make_track(duration_s=0.4), pose=None, blendshapes=None)
    signals = compute_signals(track).signals
    assert np.isfinite(signals["eyes__ear_left"]).all()
    assert np.isfinite(signals["geometry__mouth_width_iod"]).all()
    assert np.isfinite(signals["head_pose__yaw_deg"]).all()
    assert np.isnan(signals["head_pose__translation_z_cm"]).all()
    assert np.isnan(signals["expression__jaw_open"]).all()


def test_neutral_face_is_human() -> None:
    """Rough human proportions, from any anatomy book: guards against swapped indices."""
    face = neutral_face()
    assert face.shape == (478, 3)
    assert 0.3 < value(geometry.eye_spacing_iod) < 0.5
    assert 1.3 < value(geometry.cheekbone_distance_iod) < 1.8
    assert 0.3 < value(geometry.nose_width_iod) < 0.6
    assert 0.2 < value(eyes.ear_left) < 0.45
    assert 0.55 < value(geometry.lower_to_whole_height) < 0.75
