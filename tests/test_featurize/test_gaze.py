"""Gaze: known jumps, rests, squints and irises are what is measured."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from featurize.declaration import Recording
from featurize.frame_features import eyes
from featurize.landmarks.schema import DLIB_68
from featurize.types import LandmarkTrack
from featurize.video_features.gaze import find_saccades, gaze_dynamics, iris_consistency
from tests.test_featurize.tracks import POINTS, make_track, mirrored, neutral_face, turn

SIGNALS = (
    *(eyes.ear_left, eyes.ear_right),
    *(eyes.gaze_x_left, eyes.gaze_y_left, eyes.gaze_x_right, eyes.gaze_y_right),
    *(eyes.iris_diameter_left_iod, eyes.iris_diameter_right_iod),
)
RATES_HZ = (24, 30000 / 1001, 60)
JUMPS = [(1.0, 0.1), (1.9, -0.06), (3.1, 0.05), (4.2, -0.12), (5.6, 0.08), (7.0, -0.05)]
"""When the eyes jump, and how far to the subject's left, in eye widths."""


def position(time_s: np.ndarray, jumps: list[tuple[float, float]] = JUMPS) -> np.ndarray:
    """Horizontal gaze that jumps within 40 ms each time and rests in between."""
    ways = [length * np.clip((np.asarray(time_s) - start) / 0.04, 0, 1) for start, length in jumps]
    return np.sum(ways, axis=0) if ways else np.zeros(np.shape(time_s))


def gaze_of(fps: float, noise: float = 0.003, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``(n_frames, 2)`` gaze over eight seconds with the noise of landmarks; and its times."""
    time_s = np.arange(round(8 * fps)) / fps
    noisy = np.random.default_rng(seed).normal(0, noise, (len(time_s), 2))
    return np.stack([position(time_s), np.zeros_like(time_s)], axis=1) + noisy, time_s


def recorded(track: LandmarkTrack) -> Recording:
    """A recording of what the eyes do."""
    return Recording(track, {signal.column: signal(track) for signal in SIGNALS})


class TestFindSaccades:
    @pytest.mark.parametrize("fps", [*RATES_HZ, 120])
    @pytest.mark.parametrize("noise", [0.0, 0.003])
    def test_known_jumps_are_found_with_time_and_length(self, fps: float, noise: float) -> None:
        gaze, time_s = gaze_of(fps, noise)
        found = find_saccades(gaze, time_s)
        assert len(found) == len(JUMPS)
        for row, (start_s, length) in zip(found.itertuples(), JUMPS, strict=True):
            assert row.start_s < start_s + 0.02 < row.end_s
            assert row.amplitude == pytest.approx(abs(length), abs=0.015)

    def test_direction_does_not_matter(self) -> None:
        gaze, time_s = gaze_of(30)
        diagonal = gaze @ np.array([[0.6, 0.8], [-0.8, 0.6]])
        found, other = find_saccades(gaze, time_s), find_saccades(diagonal, time_s)
        assert len(other) == len(found)
        assert other["amplitude"].to_numpy() == pytest.approx(found["amplitude"], abs=0.01)

    @pytest.mark.parametrize("noise", [0.002, 0.004, 0.02])
    def test_noise_hardly_ever_jumps(self, noise: float) -> None:
        rng = np.random.default_rng(2)
        found = find_saccades(rng.normal(0, noise, (1500, 2)), np.arange(1500) / 25)
        assert len(found) <= 1

    def test_a_glide_is_no_jump(self) -> None:
        time_s = np.arange(240) / 30
        gaze = np.stack([0.1 * np.sin(2 * np.pi * 0.25 * time_s), 0 * time_s], axis=1)
        assert find_saccades(gaze, time_s).empty

    def test_a_jump_in_a_gap_is_not_guessed(self) -> None:
        gaze, time_s = gaze_of(30)
        gaze[(time_s > 4.1) & (time_s < 4.5)] = np.nan
        assert len(find_saccades(gaze, time_s)) == len(JUMPS) - 1

    @given(arrays(float, (60, 2), elements=st.sampled_from([0.0, 0.1, -0.3, 5.0, np.nan])))
    @settings(max_examples=40, deadline=None)
    @pytest.mark.filterwarnings("error")
    def test_whatever_comes_in_the_table_is_sound(self, gaze: np.ndarray) -> None:
        found = find_saccades(gaze, np.arange(60) / 30)
        assert (found["start_s"] < found["end_s"]).all()
        assert (found["amplitude"] >= 0.02).all()

    def test_nothing_to_find(self) -> None:
        assert find_saccades(np.empty((0, 2)), np.empty(0)).empty
        assert find_saccades(np.full((50, 2), np.nan), np.arange(50) / 25).empty


IRISES = {side: [POINTS[f"{side}_iris_centre"]] for side in ("left", "right")}
for side, indices in IRISES.items():
    indices += [POINTS[f"{side}_iris_edge_{number}"] for number in (1, 2, 3, 4)]


def looking(
    left: Callable[[float], float], right: Callable[[float], float]
) -> Callable[[float, np.ndarray], np.ndarray]:
    """A shape whose irises are moved to the subject's left, by eye widths as told."""

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        for side, way in (("left", left), ("right", right)):
            corners = face[[POINTS[f"{side}_eye_outer"], POINTS[f"{side}_eye_inner"]]]
            face[IRISES[side], 0] += way(t) * np.linalg.norm(corners[0] - corners[1])
        return face

    return shape


def gaze_features(**scene) -> dict[str, float]:
    """Gaze features of a scene, by name without the family."""
    found = gaze_dynamics(recorded(make_track(**({"duration_s": 8} | scene))))
    return {name.removeprefix("eyes__"): value for name, value in found.items()}


TOGETHER = looking(position, position)


class TestGazeDynamics:
    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_known_performance(self, fps: float) -> None:
        found = gaze_features(fps=fps, shape=TOGETHER, noise_px=0.05)
        assert found["saccade__rate_per_min"] == pytest.approx(60 * 6 / 8, rel=0.02)
        assert found["saccade__amplitude_median"] == pytest.approx(0.07, abs=0.01)
        assert found["gaze_x_left_right__pearson"] > 0.95
        assert found["vergence__std"] < 0.01
        assert found["fixation__dispersion_median"] < 0.01

    @pytest.mark.parametrize(
        "scene",
        [
            {"shift_px": lambda _: (37.0, -21.0)},
            {"scale": 0.5},
            {"rotation": lambda _: turn(roll_deg=30)},
            {"rotation": lambda _: turn(20, -10, 5)},
        ],
        ids=["moved", "half the size", "tilted", "turned"],
    )
    def test_place_size_and_pose_do_not_matter(self, scene) -> None:
        still, other = gaze_features(shape=TOGETHER), gaze_features(shape=TOGETHER, **scene)
        assert other == pytest.approx(still, rel=0.05, abs=0.003)

    def test_a_mirror_changes_nothing(self) -> None:
        track = make_track(duration_s=6, shape=looking(position, lambda t: 0.5 * position(t)))
        seen, reflected = (
            gaze_dynamics(recorded(t)) | iris_consistency(recorded(t))
            for t in (track, mirrored(track))
        )
        assert reflected == pytest.approx(seen, rel=1e-3, abs=1e-4)

    def test_eyes_that_go_their_own_ways(self) -> None:
        """Each drifts by a sine of its own: no conjugacy, and a vergence of both."""

        def sine(frequency_hz: float) -> Callable[[float], float]:
            return lambda t: 0.05 * np.sin(2 * np.pi * frequency_hz * t)

        apart = gaze_features(shape=looking(sine(0.5), sine(0.75)))
        assert abs(apart["gaze_x_left_right__pearson"]) < 0.15
        assert apart["vergence__std"] == pytest.approx(0.05, rel=0.05)
        against = gaze_features(shape=looking(sine(0.5), lambda t: -sine(0.5)(t)))
        assert against["gaze_x_left_right__pearson"] < -0.99
        assert against["vergence__std"] == pytest.approx(0.1 / np.sqrt(2), rel=0.05)

    def test_vergence_that_changes_slowly_drifts_and_trembling_does_not(self) -> None:
        """A ramp of a hundredth a second has medians that are a hundredth apart."""
        slow = gaze_features(shape=looking(lambda t: 0.01 * t, lambda _: 0.0))
        assert slow["vergence__drift"] == pytest.approx(
            0.01 * np.std(np.arange(8), ddof=1), rel=0.02
        )
        trembling = gaze_features(
            shape=looking(lambda t: 0.02 * np.sin(2 * np.pi * 6 * t), lambda _: 0.0)
        )
        assert trembling["vergence__drift"] < 0.3 * trembling["vergence__std"]

    def test_what_irises_do_behind_lids_does_not_count(self) -> None:
        """In a blink the irises fly off; the eyes are 10 % open."""
        steady = recorded(make_track(duration_s=8, shape=TOGETHER, noise_px=0.05))
        signals = dict(steady.signals)
        closure = 0.9 * np.exp(-(((steady.time_s - 4.9) / 0.07) ** 2))
        for side in ("left", "right"):
            signals[f"eyes__ear_{side}"] = signals[f"eyes__ear_{side}"] * (1 - closure)
            for axis in ("x", "y"):
                signals[f"eyes__gaze_{axis}_{side}"] = (
                    signals[f"eyes__gaze_{axis}_{side}"] + 0.3 * closure
                )
            signals[f"eyes__iris_diameter_{side}_iod"] = signals[
                f"eyes__iris_diameter_{side}_iod"
            ] * (1 - closure if side == "left" else 1)
        blinking = Recording(steady.track, signals)
        still, seen = gaze_dynamics(steady), gaze_dynamics(blinking)
        assert seen["eyes__saccade__rate_per_min"] == pytest.approx(
            still["eyes__saccade__rate_per_min"], rel=0.1
        )
        assert seen["eyes__saccade__amplitude_median"] == pytest.approx(
            still["eyes__saccade__amplitude_median"], abs=0.005
        )
        assert iris_consistency(blinking) == pytest.approx(iris_consistency(steady), abs=0.004)

    def test_a_gap_of_missing_frames(self) -> None:
        whole = gaze_features(shape=TOGETHER)
        holed = gaze_features(shape=TOGETHER, missing=slice(60, 70))
        assert holed["saccade__rate_per_min"] == pytest.approx(60 * 6 / 7.56, rel=0.03)
        for name in ("saccade__amplitude_median", "vergence__std", "fixation__dispersion_median"):
            assert holed[name] == pytest.approx(whole[name], abs=0.003)

    @pytest.mark.filterwarnings("error")
    def test_a_static_photograph(self) -> None:
        found = gaze_features()
        assert found["saccade__rate_per_min"] == 0
        assert found["fixation__dispersion_median"] == pytest.approx(0, abs=1e-5)
        assert np.isnan(found["saccade__amplitude_median"])

    @pytest.mark.filterwarnings("error")
    def test_too_slow_too_short_and_eyes_shut(self) -> None:
        slow = gaze_features(fps=12, shape=TOGETHER)
        unknown = {name for name, value in slow.items() if np.isnan(value)}
        assert unknown == {name for name in slow if name.startswith(("saccade", "fixation"))}
        assert all(np.isnan([*gaze_features(duration_s=1.5).values()]))
        recording = recorded(make_track(duration_s=4))
        nothing = np.full(100, np.nan)
        shut = Recording(recording.track, dict(recording.signals) | {"eyes__ear_left": nothing})
        assert all(np.isnan([*gaze_dynamics(shut).values(), *iris_consistency(shut).values()]))


def with_irises(left_px: float, right_px: Callable[[float], float]):
    """A shape whose irises are round, of the given radii, on eyes 300 pixels apart."""

    def shape(t: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        face[POINTS["right_eye_outer"]], face[POINTS["left_eye_outer"]] = (-150, 0, 0), (150, 0, 0)
        for side, radius in (("left", left_px), ("right", right_px(t))):
            centre, *edges = IRISES[side]
            ways = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
            face[edges] = face[centre] + radius * ways
        return face

    return shape


class TestIrises:
    @pytest.mark.parametrize("turned", [np.eye(3), turn(25, -12, 20)], ids=["frontal", "turned"])
    @pytest.mark.parametrize("scale", [1.0, 0.3])
    def test_diameter_in_interocular_distances(self, turned: np.ndarray, scale: float) -> None:
        track = make_track(
            duration_s=0.2,
            shape=lambda t, face: with_irises(21, lambda _: 18)(t, face / scale) * scale,
            scale=scale,
            rotation=lambda _: turned,
        )
        assert eyes.iris_diameter_left_iod(track) == pytest.approx(42 / 300, rel=1e-3)
        assert eyes.iris_diameter_right_iod(track) == pytest.approx(36 / 300, rel=1e-3)

    def test_an_iris_seen_from_the_side_is_as_large(self) -> None:
        """Half as wide and as high as ever: the longer axis counts."""

        def shape(t: float, face: np.ndarray) -> np.ndarray:
            face = with_irises(21, lambda _: 21)(t, face)
            centre, *edges = IRISES["left"]
            face[edges, 0] = (face[edges, 0] + face[centre, 0]) / 2
            return face

        track = make_track(duration_s=0.2, shape=shape)
        assert eyes.iris_diameter_left_iod(track) == pytest.approx(42 / 300, rel=1e-3)

    def test_alike_and_steady(self) -> None:
        recording = recorded(make_track(shape=with_irises(21, lambda _: 21)))
        assert list(iris_consistency(recording).values()) == pytest.approx([0, 0, 0], abs=1e-4)

    def test_one_larger_than_the_other(self) -> None:
        for left, right in ((22, 20), (20, 22)):
            shape = with_irises(left, lambda _, right=right: right)
            found = iris_consistency(recorded(make_track(shape=shape)))
            assert [*found.values()] == pytest.approx([np.log(1.1), 0, 0], abs=1e-4)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_one_that_changes_size(self, fps: float) -> None:
        """The logarithm of a sine's factor spends half its time within 0.707 of its swing."""
        shape = with_irises(21, lambda t: 21 * np.exp(0.1 * np.sin(2 * np.pi * t)))
        found = iris_consistency(recorded(make_track(fps=fps, shape=shape)))
        assert found["eyes__iris_left_to_right__iqr"] == pytest.approx(0.2 * 0.7071, rel=0.05)
        assert found["eyes__iris_diameter_iod__open_cv"] == pytest.approx(
            0.5 * 0.1 / np.sqrt(2), rel=0.05
        )


@pytest.mark.filterwarnings("error")
def test_dlib_has_no_irises() -> None:
    face = neutral_face()[[POINTS["nose_tip"]] * DLIB_68.n_points]
    face += np.random.default_rng(0).normal(0, 20, face.shape)
    track = LandmarkTrack(
        points_px=np.tile(face, (100, 1, 1)).astype(np.float32),
        time_s=np.arange(100) / 25,
        confidence=np.ones(100, np.float32),
        schema="dlib68",
        frame_size_px=(512, 512),
    )
    recording = recorded(track)
    found = gaze_dynamics(recording) | iris_consistency(recording)
    assert np.isnan([*found.values()]).all()
    assert np.isfinite(recording.signals["eyes__ear_left"]).all()
