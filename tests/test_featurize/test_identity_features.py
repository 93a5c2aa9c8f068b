"""Face embeddings with known motion: closed forms, and what must not matter."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import special_ortho_group

from featurize.networks.facts import IDENTITY_NETWORK
from featurize.sampled_frames import sampled_frames
from featurize.types import FaceSamples
from featurize.video_features.identity import MAX_STRETCHES, identity_features

N_DIMS = 16
HOME = np.zeros(N_DIMS)
HOME[0] = 1.4
OF_NEIGHBOURS = "neighbour_distance"


@dataclass
class Face:
    """What the summary reads of a recording, without landmarks."""

    time_s: np.ndarray
    signals: dict[str, np.ndarray]
    samples: dict[str, FaceSamples] = field(default_factory=dict)

    @property
    def track(self) -> "Face":
        return self


def still(_: float) -> float:
    return 0.0


def seen(
    embedding: Callable[[float], np.ndarray],
    duration_s: float = 20.0,
    fps: float = 25.0,
    start_s: float = 0.0,
    yaw_deg: Callable[[float], float] = still,
    pitch_deg: Callable[[float], float] = still,
    missing: slice | None = None,
) -> Face:
    """A face whose embedding and pose are functions of time since the video began."""
    since_s = np.arange(round(duration_s * fps)) / fps
    present = np.ones(len(since_s), bool)
    if missing is not None:
        present[missing] = False
    frames = sampled_frames(since_s + start_s, present)
    values = np.array([embedding(t) for t in since_s[frames]], np.float32).reshape(-1, N_DIMS)
    poses = {"yaw": yaw_deg, "pitch": pitch_deg}
    signals = {
        f"head_pose__{name}_deg": np.array([angle(t) for t in since_s])
        for name, angle in poses.items()
    }
    return Face(since_s + start_s, signals, {IDENTITY_NETWORK: FaceSamples(frames, values)})


def along(axis: int, way: float) -> np.ndarray:
    """Away from home along one axis."""
    moved = HOME.copy()
    moved[axis] += way
    return moved


def values_of(face: Face) -> dict[str, float]:
    return {
        name.removeprefix("identity__"): value for name, value in identity_features(face).items()
    }


def restless(seed: int = 0) -> Callable[[float], np.ndarray]:
    """Noise that differs every half second, on slow waves; between them it stays as it is."""
    rng = np.random.default_rng(seed)
    noise, waves = rng.normal(0, 0.04, (4000, N_DIMS)), rng.normal(0, 0.05, (3, N_DIMS))

    def embedding(t: float) -> np.ndarray:
        swing = np.sin(np.array([0.5, 0.9, 1.7]) * t) @ waves
        return HOME + swing + noise[int(2 * t + 1e-6)]

    return embedding


def assert_alike(some: dict[str, float], others: dict[str, float], abs_: float) -> None:
    for name, value in some.items():
        assert others[name] == pytest.approx(value, abs=abs_, rel=1e-3, nan_ok=True), name


def test_every_feature_is_described() -> None:
    features = identity_features.features
    assert 25 <= len(features) <= 35
    for feature in features:
        assert feature.name.startswith("identity__")
        assert feature.name.count("__") == 2
        assert feature.unit in ("1", "1/s", "1/deg")
        assert len(feature.meaning) > 15
    assert len({feature.meaning for feature in features}) == len(features)


def test_a_face_that_stays_what_it_is() -> None:
    found = values_of(seen(lambda _: HOME))
    for name in ("distance_to_median__p95", "step_distance__p95", "neighbour_distance__p95"):
        assert found[name] == pytest.approx(0, abs=1e-6)
    assert found["similarity_within__mean"] == pytest.approx(1)
    assert found["similarity__within_to_between"] == pytest.approx(0, abs=1e-9)
    assert found["drift__slope_per_s"] == pytest.approx(0, abs=1e-9)
    # Of what does not vary there is no shape, no correlation and nothing to explain.
    for name in ("similarity_between__kurtosis", "embedding__dimensions", "drift__share"):
        assert np.isnan(found[name])


def test_a_steady_drift_along_a_line() -> None:
    found = values_of(seen(lambda t: along(1, 0.01 * t), duration_s=20))
    assert found["drift__slope_per_s"] == pytest.approx(0.01, rel=1e-3)
    assert found["drift__share"] == pytest.approx(1, abs=1e-3)
    assert found["embedding__dimensions"] == pytest.approx(1, abs=1e-3)
    # A frame of 25 per second lies up to 0.02 s behind the half second.
    assert found["step_distance__median"] == pytest.approx(0.005, rel=0.05)
    # Uniform over 0.195 to either side of the middle.
    assert found["distance_to_median__mean"] == pytest.approx(0.05, rel=0.05)
    assert found["neighbour_distance__median"] == pytest.approx(0.01 / 25, rel=1e-2)
    assert found["neighbour_distance__to_step"] == pytest.approx(2 / 25, rel=0.05)
    assert found["similarity__within_to_between"] > 0


def test_drift_is_what_happens_within_ten_seconds() -> None:
    """There and back within 40 s: over the whole video nothing is left of it."""
    found = values_of(seen(lambda t: along(1, 0.01 * abs(t % 40 - 20)), duration_s=160, fps=10))
    assert 0.006 < found["drift__slope_per_s"] < 0.01
    assert found["drift__share"] == pytest.approx(0, abs=0.02)


def test_a_jump_is_a_tail_of_steps_and_of_similarity_between_windows() -> None:
    found = values_of(seen(lambda t: along(1, 0.5 * (t >= 10))))
    assert found["step_distance__median"] == pytest.approx(0, abs=1e-6)
    assert found["step_distance__std"] == pytest.approx(0.5 * np.sqrt(1 / 39 - 1 / 39**2), rel=1e-3)
    assert found["similarity_within__std"] == pytest.approx(0, abs=1e-6)
    # Half of the windows are one face, half the other: the cosine of the angle between them.
    apart = 1.4 / np.hypot(1.4, 0.5)
    assert found["similarity_between__p05"] == pytest.approx(apart, abs=1e-5)
    assert found["similarity_between__p95"] == pytest.approx(1, abs=1e-5)
    pairs = np.array([apart] * 5 * 5 + [1.0] * 2 * 10)
    standard = (pairs - pairs.mean()) / pairs.std()
    assert found["similarity_between__mean"] == pytest.approx(pairs.mean(), abs=1e-5)
    assert found["similarity_between__std"] == pytest.approx(pairs.std(), abs=1e-5)
    assert found["similarity_between__skewness"] == pytest.approx(np.mean(standard**3), abs=1e-3)
    assert found["similarity_between__kurtosis"] == pytest.approx(
        np.mean(standard**4) - 3, abs=1e-3
    )


def test_independent_noise_of_two_and_of_many_directions() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, (400, 2))
    found = values_of(seen(lambda t: HOME + np.append(noise[int(2 * t)], [0.0] * 14), 200))
    assert found["embedding__dimensions"] == pytest.approx(2, abs=0.1)
    for name in ("short", "long"):
        assert found[f"embedding__autocorrelation_{name}"] == pytest.approx(0, abs=0.1)
    # Lengths of plane normal vectors: Rayleigh.
    assert found["distance_to_median__mean"] == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.06)
    assert found["step_distance__median"] == pytest.approx(
        0.1 * np.sqrt(2) * np.sqrt(2 * np.log(2)), rel=0.08
    )


def test_autocorrelation_of_a_sine() -> None:
    found = values_of(seen(lambda t: along(1, 0.2 * np.sin(2 * np.pi * t / 8)), 160))
    assert found["embedding__autocorrelation_short"] == pytest.approx(np.cos(np.pi / 8), abs=0.01)
    assert found["embedding__autocorrelation_long"] == pytest.approx(0, abs=0.01)


class TestPose:
    @staticmethod
    def nodding(slope: float, noise: float, seed: int = 2) -> Face:
        """Yaw moves the embedding along a line, and noise in other directions does."""
        rng = np.random.default_rng(seed)
        yaws, pitches = rng.uniform(-20, 20, 400), rng.uniform(-8, 8, 400)
        off = rng.normal(0, noise, (400, N_DIMS))

        def embedding(t: float) -> np.ndarray:
            step = int(2 * t + 1e-6)
            return along(1, slope * yaws[step]) + off[step]

        return seen(
            embedding,
            100,
            yaw_deg=lambda t: yaws[int(2 * t + 1e-6)],
            pitch_deg=lambda t: pitches[int(2 * t + 1e-6)],
        )

    def test_what_yaw_explains(self) -> None:
        found = values_of(self.nodding(0.01, 0.0))
        assert found["pose__yaw_slope_per_deg"] == pytest.approx(0.01, rel=1e-3)
        assert found["pose__pitch_slope_per_deg"] == pytest.approx(0, abs=1e-5)
        assert found["pose__explained_share"] == pytest.approx(1, abs=1e-3)
        assert found["pose__distance_at_equal_pose"] == pytest.approx(0, abs=1e-4)
        assert found["pose__residual_std"] == pytest.approx(0, abs=1e-4)

    def test_what_pose_does_not_explain(self) -> None:
        found = values_of(self.nodding(0.0, 0.03))
        assert abs(found["pose__yaw_slope_per_deg"]) < 3e-4
        assert found["pose__explained_share"] < 0.05
        # Distances of independent noise in sixteen directions.
        assert found["pose__distance_at_equal_pose"] == pytest.approx(
            0.03 * np.sqrt(2 * N_DIMS), rel=0.05
        )

    def test_drift_that_is_only_turning(self) -> None:
        """A head that keeps turning, and turns the embedding with it, does not drift by itself."""
        turn = {"yaw_deg": lambda t: 1.5 * t + 6 * np.sin(2.1 * t)}
        face = seen(lambda t: along(1, 0.01 * (1.5 * t + 6 * np.sin(2.1 * t))), **turn)
        found = values_of(face)
        assert found["drift__slope_per_s"] > 0.005
        assert found["drift__at_equal_pose_per_s"] == pytest.approx(0, abs=1e-4)

    def test_a_mirrored_head_is_the_same(self) -> None:
        face = self.nodding(0.01, 0.02)
        mirrored = Face(face.time_s, dict(face.signals), face.samples)
        mirrored.signals["head_pose__yaw_deg"] = -face.signals["head_pose__yaw_deg"]
        assert values_of(mirrored) == values_of(face)

    def test_a_head_that_does_not_turn_has_no_slope(self) -> None:
        found = values_of(seen(restless(), pitch_deg=lambda t: 5 * np.sin(t)))
        assert np.isnan(found["pose__yaw_slope_per_deg"])
        assert np.isfinite(found["pose__pitch_slope_per_deg"])
        found = values_of(seen(restless()))
        assert np.isnan(found["pose__explained_share"])
        assert found["pose__distance_at_equal_pose"] > 0

    def test_an_unknown_pose_takes_nothing_else_away(self) -> None:
        face = self.nodding(0.01, 0.02)
        face.signals["head_pose__yaw_deg"] = np.full(len(face.time_s), np.nan)
        found = values_of(face)
        assert {name for name in found if np.isnan(found[name])} == {
            "drift__at_equal_pose_per_s",
            *(name for name in found if name.startswith("pose__")),
        }


class TestWhatDoesNotMatter:
    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 2**31), n_samples=st.integers(0, 30))
    def test_the_axes_of_the_space(self, seed: int, n_samples: int) -> None:
        rng = np.random.default_rng(seed)
        cloud = rng.normal(0, 0.1, (60, N_DIMS)) + HOME
        turned = cloud @ special_ortho_group.rvs(N_DIMS, random_state=seed)
        sway = {"yaw_deg": lambda t: 9 * np.sin(t)}
        here, there = (
            values_of(seen(lambda t, v=v: v[int(2 * t)], n_samples / 2, **sway))
            for v in (cloud, turned)
        )
        assert_alike(here, there, 1e-4)

    @pytest.mark.parametrize("fps", [15, 25, 29.97, 59.94])
    def test_the_frame_rate(self, fps: float) -> None:
        pose = {"yaw_deg": lambda t: 9 * np.sin(t), "pitch_deg": lambda t: 4 * np.cos(0.7 * t)}
        usual, other = (values_of(seen(restless(), fps=rate, **pose)) for rate in (50, fps))
        for name, value in usual.items():
            if name.endswith(("skewness", "kurtosis")):
                assert other[name] == pytest.approx(value, abs=0.25), name
            elif OF_NEIGHBOURS not in name:
                assert other[name] == pytest.approx(value, rel=0.08, abs=2e-4), name

    def test_when_the_video_begins(self) -> None:
        usual, late = (values_of(seen(restless(), start_s=start)) for start in (0.0, 5000.0))
        assert_alike(usual, late, 1e-6)

    def test_neighbours_change_nothing_but_the_change_from_frame_to_frame(self) -> None:
        face = seen(restless())
        frames, values = (
            face.samples[IDENTITY_NETWORK].frames,
            face.samples[IDENTITY_NETWORK].values.copy(),
        )
        neighbours = np.flatnonzero(np.diff(frames) == 1) + 1
        assert len(neighbours) == 20
        values[neighbours] += 0.3
        shaken = Face(face.time_s, face.signals, {IDENTITY_NETWORK: FaceSamples(frames, values)})
        usual, found = values_of(face), values_of(shaken)
        assert found["neighbour_distance__median"] == pytest.approx(0.3 * 4, rel=1e-4)
        for name in usual:
            if OF_NEIGHBOURS not in name:
                assert found[name] == pytest.approx(usual[name], nan_ok=True)


@pytest.mark.parametrize(("fps", "is_known"), [(3, False), (8, True), (9, True), (12.5, True)])
def test_change_is_known_where_frames_are_near_enough(fps: float, is_known: bool) -> None:
    for start_s in (0.0, 0.021):
        found = values_of(seen(lambda t: along(1, 0.01 * t), fps=fps, start_s=start_s))
        expected = 0.01 / fps if is_known else np.nan
        assert found["neighbour_distance__median"] == pytest.approx(expected, rel=1e-2, nan_ok=True)


class TestLittleAndMuch:
    def test_without_samples_everything_is_unknown(self) -> None:
        face = Face(np.arange(50) / 25, {})
        assert all(np.isnan(value) for value in values_of(face).values())
        none = {
            IDENTITY_NETWORK: FaceSamples(np.empty(0, np.int64), np.empty((0, N_DIMS), np.float32))
        }
        face = Face(np.arange(50) / 25, seen(restless()).signals, none)
        assert all(np.isnan(value) for value in values_of(face).values())

    @pytest.mark.parametrize(
        ("n_samples", "known"),
        [
            (3, set()),
            (4, {"distance_to_median__mean", "step_distance__std", "similarity_within__mean"}),
            (6, {"similarity_between__mean", "similarity__within_to_between"}),
            (7, {"similarity_between__kurtosis"}),
            (8, {"similarity_within__skewness"}),
        ],
    )
    def test_few_samples(self, n_samples: int, known: set[str]) -> None:
        found = values_of(seen(restless(), n_samples / 2))
        assert all(np.isfinite(found[name]) for name in known)
        shorter = values_of(seen(restless(), (n_samples - 1) / 2))
        assert all(np.isnan(shorter[name]) for name in known)

    def test_no_step_leads_over_a_gap(self) -> None:
        """Another face after a gap of three seconds is far from the median, but is no step."""
        face = seen(lambda t: along(1, 0.5 * (t >= 10)), missing=slice(175, 250))
        found = values_of(face)
        assert found["step_distance__std"] == pytest.approx(0, abs=1e-6)
        assert found["distance_to_median__p95"] > 0.2

    def test_ten_hours_are_sampled_evenly(self) -> None:
        """A drift over hours is seen whole, though most pairs are never formed."""
        n_samples = 10 * 3600 * 2
        time_s = np.arange(n_samples) / 2
        way = np.zeros((n_samples, N_DIMS), np.float32)
        way[:, 0], way[:, 1] = 1.4, np.linspace(0, 0.5, n_samples)
        samples = {IDENTITY_NETWORK: FaceSamples(np.arange(n_samples), way)}
        pose = dict.fromkeys(("head_pose__yaw_deg", "head_pose__pitch_deg"), np.zeros(n_samples))
        found = values_of(Face(time_s, pose, samples))
        assert found["drift__share"] == pytest.approx(1, abs=1e-3)
        assert found["distance_to_median__p95"] == pytest.approx(0.25 * 0.95, rel=0.05)
        assert found["similarity_between__p05"] < 0.97

    def test_a_video_just_within_the_limit_is_measured_whole(self) -> None:
        """One far sample in the last stretch counts as long as no stretch is left out."""
        limit_s = MAX_STRETCHES * 10.0
        found = values_of(seen(lambda t: along(1, 0.7 * (t >= limit_s - 0.75)), limit_s, fps=4))
        assert found["distance_to_median__mean"] == pytest.approx(0.7 / 1000, rel=1e-2)
