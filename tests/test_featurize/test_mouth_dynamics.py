"""Mouths that open, close and move their corners as scripted."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from featurize.declaration import Recording
from featurize.frame_features import mouth
from featurize.landmarks.dlib68.points import AVERAGE_FACE_CM
from featurize.landmarks.schema import DLIB_68
from featurize.registry import compute_signals
from featurize.types import LandmarkTrack
from featurize.video_features.mouth_opening import mouth_closure, mouth_rhythm
from featurize.video_features.mouth_shape import mouth_shape
from tests.test_featurize.tracks import POINTS, make_track, mirrored, turn

RATES_HZ = (24, 30000 / 1001, 60)
Curve = Callable[[float], float]


def iod(face: np.ndarray) -> float:
    return float(np.linalg.norm(face[POINTS["left_eye_outer"]] - face[POINTS["right_eye_outer"]]))


def lips(gap_iod: Curve, thickness_iod: Curve = lambda _: 0.1):
    """The lower lip hangs straight below the upper one, whose thickness is as told."""

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        inner = face[POINTS["lip_upper_inner_middle"]]
        for name, below in (
            ("lip_lower_inner_middle", gap_iod(t)),
            ("lip_upper_outer_middle", -thickness_iod(t)),
        ):
            face[POINTS[name]] = inner - [0, below * iod(face), 0]
        return face

    return shape


def wave(frequency_hz: float, amplitude: float = 0.05, level: float = 0.1) -> Curve:
    return lambda t: level + amplitude * np.sin(2 * np.pi * frequency_hz * t)


def rhythm(gap_iod: Curve, **scene) -> dict[str, float]:
    return mouth_rhythm(compute_signals(make_track(shape=lips(gap_iod), **scene)))


def closure(gap_iod: Curve, **scene) -> dict[str, float]:
    return mouth_closure(compute_signals(make_track(shape=lips(gap_iod), **scene)))


def everything(track: LandmarkTrack) -> dict[str, float]:
    recording = compute_signals(track)
    return mouth_rhythm(recording) | mouth_closure(recording) | mouth_shape(recording)


def talking(t: float, face: np.ndarray) -> np.ndarray:
    """Speech at 3.1 and 4.7 Hz, smiles that are stronger on the left."""
    gap = 0.06 - 0.04 * np.cos(2 * np.pi * 3.1 * t) - 0.02 * np.cos(2 * np.pi * 4.7 * t)
    face = lips(lambda _: gap, lambda _: 0.1 - 0.3 * gap)(t, face)
    smile = np.sin(2 * np.pi * 0.7 * t) * iod(face)
    face[POINTS["left_mouth_corner"]] += [0.04 * smile, 0.02 * smile, 0]
    face[POINTS["right_mouth_corner"]] += [-0.03 * smile, 0.02 * smile, 0]
    return face


class TestRhythm:
    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_syllables_are_between_2_and_8_hz(self, fps: float) -> None:
        name = "mouth__gap_modulation__syllable_share"
        both = lambda t: wave(1.0, 0.03)(t + 0.25) + wave(4.0, 0.03, 0)(t)  # noqa: E731
        scene = {"fps": fps, "duration_s": 8}
        assert rhythm(wave(5.0), **scene)[name] > 0.97
        assert rhythm(wave(1.0), **scene)[name] < 0.1
        assert rhythm(both, **scene)[name] == pytest.approx(0.5, abs=0.07)

    @pytest.mark.parametrize("fps", RATES_HZ)
    @pytest.mark.parametrize("frequency_hz", [1.7, 3.3, 5.0])
    def test_peak(self, fps: float, frequency_hz: float) -> None:
        found = rhythm(wave(frequency_hz), fps=fps, duration_s=8)
        assert found["mouth__gap_modulation__peak_hz"] == pytest.approx(frequency_hz, abs=0.15)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_speed_for_range_is_that_of_a_sine_however_large(self, fps: float) -> None:
        # From the 5th to the 95th percentile a sine spans 2 sin(0.45 pi) amplitudes.
        expected = 2 * np.pi * 2.2 / np.sqrt(2) / (2 * np.sin(0.45 * np.pi))
        for amplitude in (0.02, 0.08):
            found = rhythm(wave(2.2, amplitude), fps=fps, duration_s=8)
            assert found["mouth__gap_speed_per_range__rms"] == pytest.approx(expected, rel=0.05)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_opening_three_times_as_fast_as_closing(self, fps: float) -> None:
        def bite(t: float) -> float:
            return float(np.interp(t % 0.9, [0, 0.2, 0.8, 0.9], [0.02, 0.12, 0.02, 0.02]))

        name = "mouth__opening_against_closing__speed_asymmetry"
        found = rhythm(bite, fps=fps, duration_s=9)[name]
        assert found == pytest.approx((3 - 1) / (3 + 1), abs=0.08)
        backwards = rhythm(lambda t: bite(9 - t), fps=fps, duration_s=9)[name]
        assert backwards == pytest.approx(-found, abs=0.02)

    @pytest.mark.parametrize("fps", RATES_HZ)
    @pytest.mark.parametrize(("first_iod", "last_iod", "only"), [(0.02, 0.12, 1), (0.12, 0.02, -1)])
    def test_a_gap_that_moves_one_way_only(
        self, fps: float, first_iod: float, last_iod: float, only: int
    ) -> None:
        """The slowest of the speeds has the sign of the others: there is no speed of closing."""
        ramp = lambda t: first_iod + (last_iod - first_iod) * (t / 2) ** 2  # noqa: E731
        found = rhythm(ramp, fps=fps, duration_s=2)
        assert found["mouth__opening_against_closing__speed_asymmetry"] == only

    def test_mouth_that_stays_shut_has_no_rhythm(self) -> None:
        found = rhythm(lambda t: 0.005 + 0.002 * np.sin(20 * t), noise_px=0.05)
        assert np.isnan(list(found.values())).all()

    def test_spectrum_needs_its_frame_rate_and_2_s_but_speed_does_not(self) -> None:
        for scene in ({"fps": 12, "duration_s": 6}, {"fps": 25, "duration_s": 1.6}):
            found = rhythm(wave(2.0), **scene)
            assert np.isnan(found["mouth__gap_modulation__syllable_share"])
            assert np.isnan(found["mouth__gap_modulation__peak_hz"])
            assert np.isfinite(found["mouth__gap_speed_per_range__rms"])


class TestClosure:
    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_lips_that_meet_twice_a_second(self, fps: float) -> None:
        found = closure(wave(2.0, 0.05, 0.05), fps=fps, duration_s=10)
        assert found["mouth__closure__rate_per_min"] == pytest.approx(120, rel=0.06)
        assert found["mouth__closure__complete_share"] == 1
        assert found["mouth__closing_gap_iod__median"] < 0.006

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_lips_that_never_meet(self, fps: float) -> None:
        found = closure(wave(2.0, 0.05, 0.08), fps=fps, duration_s=10)
        assert found["mouth__closure__rate_per_min"] == 0
        assert found["mouth__closure__complete_share"] == 0
        assert found["mouth__closed__share"] == 0
        assert found["mouth__closing_gap_iod__median"] == pytest.approx(0.03, abs=0.004)
        # 5 and 95 % of a sine are 0.9877 of its amplitude away from the middle.
        resting = (0.08 - 0.04938) / (0.08 + 0.04938)
        assert found["mouth__resting_gap__share_of_opening"] == pytest.approx(resting, abs=0.02)

    def test_every_other_closing_stays_open(self) -> None:
        found = closure(
            lambda t: 0.05 - 0.05 * np.cos(2 * np.pi * 2 * t) + 0.03 * (int(t * 2 + 0.5) % 2),
            fps=50,
            duration_s=12,
        )
        assert found["mouth__closure__complete_share"] == pytest.approx(0.5, abs=0.05)

    def test_rate_counts_speaking_time_only(self) -> None:
        """Five seconds of speech and five of rest close the lips as often as speech alone."""

        def gap(t: float) -> float:
            return wave(2.0, 0.05, 0.05)(t) if t < 5 else 0.05

        alone = closure(wave(2.0, 0.05, 0.05), duration_s=5)["mouth__closure__rate_per_min"]
        found = closure(gap, duration_s=10)["mouth__closure__rate_per_min"]
        assert found == pytest.approx(alone, rel=0.12)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_share_of_time_closed(self, fps: float) -> None:
        found = closure(lambda t: 0.003 if t < 4 else 0.1, fps=fps, duration_s=10)
        assert found["mouth__closed__share"] == pytest.approx(0.4, abs=0.01)

    def test_silence_has_no_closures_but_is_closed(self) -> None:
        found = closure(lambda _: 0.004, duration_s=10)
        assert found.pop("mouth__closed__share") == 1
        assert np.isnan(list(found.values())).all()

    def test_lip_that_thins_as_the_mouth_opens(self) -> None:
        gap = wave(2.0)
        name = "mouth__upper_lip_thickness_x_lip_gap__pearson"
        for sign in (-1, 1):
            thickness = lambda t, sign=sign: 0.1 + sign * 0.2 * gap(t)  # noqa: E731
            found = mouth_closure(compute_signals(make_track(shape=lips(gap, thickness))))
            assert found[name] == pytest.approx(sign, abs=1e-3)


def test_thickness_of_the_lips() -> None:
    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = lips(lambda _: 0.05, lambda _: 0.08)(t, face)
        lower = face[POINTS["lip_lower_inner_middle"]]
        face[POINTS["lip_lower_outer_middle"]] = lower - [0, 0.12 * iod(face), 0]
        return face

    track = make_track(duration_s=0.2, shape=shape, rotation=lambda _: turn(20, 10, 15))
    assert mouth.upper_lip_thickness_iod(track) == pytest.approx(0.08, rel=1e-4)
    assert mouth.lower_lip_thickness_iod(track) == pytest.approx(0.12, rel=1e-4)


def corners(left: Curve, right: Curve):
    """Corners move sideways, each by so many iod to its own side."""

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        face[POINTS["left_mouth_corner"], 0] += left(t) * iod(face)
        face[POINTS["right_mouth_corner"], 0] -= right(t) * iod(face)
        return face

    return shape


class TestShape:
    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_corners_that_move_alike_apart_and_unequally(self, fps: float) -> None:
        def found(right: float) -> dict[str, float]:
            shape = corners(wave(1.0, 0.04, 0), wave(1.0, right, 0))
            return mouth_shape(compute_signals(make_track(shape=shape, fps=fps)))

        pearson = "mouth__corner_sideways_left_right__pearson"
        asymmetry = "mouth__corner_motion_left_right__asymmetry"
        assert found(0.04)[pearson] == pytest.approx(1, abs=1e-3)
        assert found(0.04)[asymmetry] == pytest.approx(0, abs=1e-3)
        assert found(-0.04)[pearson] == pytest.approx(-1, abs=1e-3)
        assert found(0.01)[asymmetry] == pytest.approx(0.6, abs=0.01)

    @pytest.mark.parametrize("n_ways", [1, 2, 3])
    def test_dimension_counts_independent_motions_of_equal_size(self, n_ways: int) -> None:
        names = [name for name in DLIB_68.regions["mouth"] if "outer" in name][:n_ways]

        def shape(t: float, face: np.ndarray) -> np.ndarray:
            face = face.copy()
            for number, name in enumerate(names, start=1):
                face[POINTS[name], 1] += wave(number, 0.04, 0)(t) * iod(face)
            return face

        found = mouth_shape(compute_signals(make_track(shape=shape)))
        assert found["mouth__shape__dimension"] == pytest.approx(n_ways, abs=0.01)
        assert found["mouth__shape_fine_motion_iod__rms"] < 1e-4

    def test_fine_motion_is_what_five_directions_leave(self) -> None:
        names = DLIB_68.regions["mouth"][:8]

        def shape(t: float, face: np.ndarray) -> np.ndarray:
            face = face.copy()
            for number, name in enumerate(names, start=1):
                face[POINTS[name], 1] += wave(number, 0.04, 0)(t) * iod(face)
            return face

        found = mouth_shape(compute_signals(make_track(shape=shape)))[
            "mouth__shape_fine_motion_iod__rms"
        ]
        # Three of eight sines of 0.04 are left, over twenty points.
        assert found == pytest.approx(np.sqrt(3 * 0.04**2 / 2 / 20), rel=1e-3)

    def test_mouth_that_does_not_move(self) -> None:
        assert np.isnan(list(mouth_shape(compute_signals(make_track())).values())).all()


@pytest.fixture(scope="module")
def plain() -> dict[str, float]:
    return everything(make_track(duration_s=8, shape=talking))


def test_all_is_known_of_a_mouth_that_talks(plain) -> None:
    assert np.isfinite(list(plain.values())).all()


@pytest.mark.parametrize(
    "scene",
    [
        {"scale": 0.4},
        {"shift_px": lambda t: (60 + 10 * t, -40)},
        {"rotation": lambda t: turn(roll_deg=25 + 5 * np.sin(t))},
        {"rotation": lambda t: turn(yaw_deg=15 * np.sin(t), pitch_deg=8 * np.sin(2 * t))},
    ],
    ids=["scale", "translation", "roll", "turning"],
)
@pytest.mark.filterwarnings("error")
def test_place_size_and_pose_do_not_matter(plain, scene) -> None:
    found = everything(make_track(duration_s=8, shape=talking, **scene))
    for name, value in plain.items():
        assert found[name] == pytest.approx(value, rel=2e-3, abs=1e-4), name


def test_mirror_changes_nothing(plain) -> None:
    found = everything(mirrored(make_track(duration_s=8, shape=talking)))
    for name, value in plain.items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize("fps", RATES_HZ)
def test_frame_rate_does_not_matter(plain, fps: float) -> None:
    found = everything(make_track(duration_s=8, fps=fps, shape=talking))
    for name, value in plain.items():
        assert found[name] == pytest.approx(value, rel=0.08, abs=0.03), name


@pytest.mark.filterwarnings("error")
def test_a_gap_changes_little_and_nothing_is_made_up_of_nothing(plain) -> None:
    found = everything(make_track(duration_s=8, shape=talking, missing=slice(90, 100)))
    for name, value in plain.items():
        assert found[name] == pytest.approx(value, rel=0.1, abs=0.05), name
    for missing in (slice(None), slice(11, None)):
        nothing = everything(make_track(duration_s=8, shape=talking, missing=missing))
        assert np.isnan(list(nothing.values())).all()


@pytest.mark.filterwarnings("error")
def test_dlib_has_it_all_too() -> None:
    def shape(t: float) -> np.ndarray:
        places = {name: np.array(place) for name, place in AVERAGE_FACE_CM.items()}
        gap = (0.06 - 0.06 * np.cos(2 * np.pi * 3 * t)) * 8.8
        for name, place in places.items():
            if "lip_lower" in name:
                place[1] -= gap
            elif "mouth_corner" in name:
                place[0] *= 1 + 0.1 * np.sin(5 * t)
        upper, lower = places["lip_upper_inner_middle"], places["lip_lower_inner_middle"]
        lower[:] = upper - [0, gap, 0]
        places["lip_upper_outer_middle"][1] -= 0.2 * gap
        return 20 * np.array([*places.values()]) * [1, -1, -1] + [256, 256, 0]

    still = make_track(duration_s=8)
    recording = compute_signals(
        replace(
            still,
            points_px=np.stack([shape(t) for t in still.time_s]).astype(np.float32),
            schema="dlib68",
            blendshapes=None,
            flow_px=None,
        )
    )
    assert isinstance(recording, Recording)
    found = mouth_rhythm(recording) | mouth_closure(recording) | mouth_shape(recording)
    assert np.isfinite(list(found.values())).all()
    assert found["mouth__gap_modulation__peak_hz"] == pytest.approx(3, abs=0.1)
    assert found["mouth__closure__complete_share"] == 1
    assert found["mouth__corner_motion_left_right__asymmetry"] == pytest.approx(0, abs=1e-3)
