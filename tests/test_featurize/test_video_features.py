"""Summaries of a whole video: known head turns, known tremor, known expressions."""

import numpy as np
import pytest

from featurize.declaration import Recording
from featurize.landmarks.schema import BLENDSHAPE_NAMES, MEDIAPIPE_478
from featurize.registry import compute_signals, compute_video_features
from featurize.video_features.correlations import pairwise_correlations
from featurize.video_features.expression_dynamics import expression_dynamics
from featurize.video_features.head_motion import head_trajectory
from featurize.video_features.stability import RigidResidual, jitter_iod, landmark_stability
from featurize.video_features.statistics import pearson
from tests.test_featurize.tracks import POINTS, make_track, recording_of, turn

RATES_HZ = (24, 30000 / 1001, 60)


class TestHeadTrajectory:
    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_sway_of_known_size_and_rate(self, fps: float) -> None:
        track = make_track(
            duration_s=8,
            fps=fps,
            rotation=lambda t: turn(yaw_deg=10 * np.sin(2 * np.pi * t)),
        )
        found = head_trajectory(compute_signals(track))
        peak_speed = 10 * 2 * np.pi
        assert found["head_pose__yaw_deg__range"] == pytest.approx(20, abs=0.3)
        assert found["head_pose__pitch_deg__range"] < 0.01
        assert found["head_pose__angular_speed_deg_per_s__median"] == pytest.approx(
            peak_speed / np.sqrt(2), rel=0.05
        )
        assert found["head_pose__angular_jerk_deg_per_s3__median"] == pytest.approx(
            10 * (2 * np.pi) ** 3 / np.sqrt(2), rel=0.1
        )
        assert found["head_pose__sway__slow_share"] > 0.85
        assert found["head_pose__sway__centroid_hz"] == pytest.approx(1.0, abs=0.1)

    def test_tremor_is_told_from_nodding(self) -> None:
        def share(frequency_hz: float) -> dict[str, float]:
            track = make_track(
                duration_s=6,
                fps=50,
                rotation=lambda t: turn(pitch_deg=np.sin(2 * np.pi * frequency_hz * t)),
            )
            return head_trajectory(compute_signals(track))

        def total(found: dict[str, float]) -> float:
            return sum(
                found[f"head_pose__sway__{name}_share"] for name in ("slow", "nod", "tremor")
            )

        assert total(share(2.5)) == pytest.approx(1)
        assert total(share(4.0)) == pytest.approx(1)
        assert share(2.5)["head_pose__sway__nod_share"] > 0.9
        assert share(6.0)["head_pose__sway__tremor_share"] > 0.9

    def test_still_head(self) -> None:
        track = make_track(duration_s=3)
        found = head_trajectory(compute_signals(track))
        assert found["head_pose__still__share"] == 1
        assert found["head_pose__angular_speed_deg_per_s__p95"] < 0.01

    def test_frame_without_face_is_not_bridged(self) -> None:
        turned = {"rotation": lambda t: turn(yaw_deg=0 if t < 2 else 40)}
        whole = head_trajectory(compute_signals(make_track(duration_s=4, **turned)))
        cut = head_trajectory(
            compute_signals(make_track(duration_s=4, missing=slice(48, 52), **turned))
        )
        assert whole["head_pose__angular_speed_deg_per_s__p95"] > 20
        assert cut["head_pose__angular_speed_deg_per_s__p95"] < 0.01


def tremble(region: str, size_iod: float, seed: int = 0):
    """A shape whose points of one region tremble independently, frame by frame."""
    members = [POINTS[name] for name in MEDIAPIPE_478.regions[region]]
    rng = np.random.default_rng(seed)

    def shape(_: float, face: np.ndarray) -> np.ndarray:
        face = face.copy()
        iod = np.linalg.norm(face[POINTS["left_eye_outer"]] - face[POINTS["right_eye_outer"]])
        face[members] += rng.normal(0, size_iod * iod, (len(members), 3))
        return face

    return shape


MOVES = {
    "rotation": lambda t: turn(15 * np.sin(3 * t), 8 * np.sin(2 * t), 10 * np.sin(4 * t)),
    "shift_px": lambda t: (20 * np.sin(5 * t), 10 * np.cos(3 * t)),
}


class TestStability:
    def test_rigid_motion_leaves_nothing(self) -> None:
        found = landmark_stability(compute_signals(make_track(**MOVES)))
        assert found["stability__residual_face_iod__rms"] < 1e-4
        assert found["stability__jitter_face_iod__rms"] < 1e-5

    @pytest.mark.parametrize("region", ["mouth", "brows", "nose", "eyes"])
    def test_tremor_is_found_in_the_region_that_trembles(self, region: str) -> None:
        found = landmark_stability(
            compute_signals(make_track(shape=tremble(region, 0.01), **MOVES))
        )
        levels = {
            other: found[f"stability__jitter_{other}_iod__rms"]
            for other in ("mouth", "brows", "nose", "eyes")
        }
        assert max(levels, key=levels.get) == region
        # Two of three directions are seen, and a cubic over seven frames follows 3/7 of the noise
        # power at its middle: 0.01 * sqrt(2 * (1 - 1/3)).
        assert levels[region] == pytest.approx(0.01 * np.sqrt(2 * (1 - 1 / 3)), rel=0.15)

    def test_slow_expression_is_no_jitter(self) -> None:
        mouth = [POINTS[name] for name in MEDIAPIPE_478.regions["mouth"]]

        def speaking(t: float, face: np.ndarray) -> np.ndarray:
            face = face.copy()
            face[mouth, 1] -= 8 * np.sin(2 * np.pi * 1.0 * t)
            return face

        found = landmark_stability(compute_signals(make_track(shape=speaking, **MOVES)))
        assert found["stability__residual_face_iod__rms"] > 0.02
        assert found["stability__jitter_mouth_iod__rms"] < 0.002

    def test_it_does_not_matter_where_the_head_looks_in_the_middle_of_the_clip(self) -> None:
        def trembling_in_depth(t: float, face: np.ndarray) -> np.ndarray:
            rng = np.random.default_rng(round(t * 1000))
            return face + rng.normal(0, 0.5, face.shape) * [0, 0, 1]

        looks = (lambda _: turn(), lambda t: turn(yaw_deg=35 if 1.7 < t < 2.3 else 0))
        found = [
            landmark_stability(
                compute_signals(make_track(shape=trembling_in_depth, rotation=rotation))
            )["stability__jitter_face_iod__p95"]
            for rotation in looks
        ]
        assert found[1] < 1.3 * found[0]

    def test_same_relative_jitter_at_any_face_size(self) -> None:
        found = [
            landmark_stability(compute_signals(make_track(scale=s, shape=tremble("mouth", 0.01))))
            for s in (0.5, 1.0)
        ]
        name = "stability__jitter_mouth_iod__rms"
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-3)

    def test_residual_is_nan_where_the_face_is_missing(self) -> None:
        track = make_track(duration_s=2, missing=slice(20, 25), noise_px=0.3)
        left = RigidResidual(track).of(["chin", "nose_tip"], slice(10, 40))
        assert left.shape == (30, 2, 2)
        assert np.flatnonzero(np.isnan(left[:, 0, 0])).tolist() == [10, 11, 12, 13, 14]

    def test_irises_that_are_unknown_leave_the_rest_known(self) -> None:
        track = make_track(duration_s=3, noise_px=0.3)
        irises = [POINTS[name] for name in MEDIAPIPE_478.regions["irises"]]
        track.points_px[::5, irises] = np.nan
        found = landmark_stability(compute_signals(track))
        unknown = {name for name, value in found.items() if np.isnan(value)}
        assert unknown == {
            "stability__jitter_irises_iod__rms",
            "stability__jitter_irises_iod__p95",
            "stability__jitter_irises__over_outline",
        }

    def test_gap_widens_the_unknown_by_half_a_window(self) -> None:
        track = make_track(duration_s=2, missing=slice(20, 25), noise_px=0.3)
        level = jitter_iod(RigidResidual(track), ["chin", "nose_tip"], track.time_s)
        unknown = np.flatnonzero(np.isnan(level))
        assert unknown.tolist() == [0, 1, 2, *range(17, 28), 47, 48, 49]


def with_blendshapes(**curves) -> Recording:
    def shapes(time_s: np.ndarray) -> np.ndarray:
        values = np.zeros((len(time_s), 52))
        for name, curve in curves.items():
            values[:, BLENDSHAPE_NAMES.index(name)] = curve(time_s)
        return values

    return compute_signals(make_track(duration_s=12, blendshapes=shapes))


def bump(at_s: float, length_s: float, height: float):
    return lambda t: height * np.exp(-(((t - at_s) / (length_s / 2.355)) ** 2) / 2)


class TestExpressionDynamics:
    def test_brief_brow_raise_is_a_micro_expression_and_a_long_one_is_not(self) -> None:
        brief = expression_dynamics(with_blendshapes(browInnerUp=bump(5, 0.25, 0.4)))
        long = expression_dynamics(with_blendshapes(browInnerUp=bump(5, 2.5, 0.4)))
        assert brief["expression__micro_expression__rate_per_min"] == pytest.approx(5, rel=0.02)
        assert brief["expression__micro_expression__prominence_median"] == pytest.approx(
            0.4, abs=0.03
        )
        assert long["expression__micro_expression__rate_per_min"] == 0

    def test_one_movement_of_several_muscles_is_one_event(self) -> None:
        both = with_blendshapes(
            browInnerUp=bump(5, 0.25, 0.4), browOuterUpLeft=bump(5.05, 0.25, 0.3)
        )
        assert expression_dynamics(both)[
            "expression__micro_expression__rate_per_min"
        ] == pytest.approx(5, rel=0.02)

    def test_speech_is_brief_movement_but_no_micro_expression(self) -> None:
        speech = with_blendshapes(jawOpen=lambda t: 0.3 + 0.3 * np.sin(2 * np.pi * 3 * t))
        found = expression_dynamics(speech)
        assert found["expression__micro_expression__rate_per_min"] == 0
        assert found["expression__brief_movement__rate_per_min"] > 100

    @pytest.mark.parametrize("frequency_hz", [2.5, 3.8, 4.2, 5.0, 6.0])
    def test_every_syllable_counts_however_fast(self, frequency_hz: float) -> None:
        speech = with_blendshapes(
            jawOpen=lambda t: 0.3 + 0.3 * np.sin(2 * np.pi * frequency_hz * t)
        )
        rate = expression_dynamics(speech)["expression__brief_movement__rate_per_min"]
        assert rate == pytest.approx(60 * frequency_hz, rel=0.05)

    def test_a_single_frame_that_sticks_out_is_no_expression(self) -> None:
        def spike(t: np.ndarray) -> np.ndarray:
            return np.where(np.arange(len(t)) == 100, 0.4, 0.0)

        found = expression_dynamics(with_blendshapes(browInnerUp=spike))
        assert found["expression__micro_expression__rate_per_min"] == 0

    def test_activity_is_the_speed_of_the_coefficients(self) -> None:
        found = expression_dynamics(with_blendshapes(jawOpen=lambda t: 0.05 * t))
        assert found["expression__activity_per_s__median"] == pytest.approx(0.05, rel=1e-3)

    def test_sides_that_move_together_and_against_each_other(self) -> None:
        wave = lambda t: 0.3 + 0.2 * np.sin(2 * t)  # noqa: E731
        against = lambda t: 0.3 - 0.2 * np.sin(2 * t)  # noqa: E731
        together = expression_dynamics(with_blendshapes(mouthSmileLeft=wave, mouthSmileRight=wave))
        apart = expression_dynamics(with_blendshapes(mouthSmileLeft=wave, mouthSmileRight=against))
        name = "expression__mouth_smile_left_right__pearson"
        assert together[name] == pytest.approx(1, abs=1e-4)
        assert apart[name] == pytest.approx(-1, abs=1e-4)


class TestCorrelations:
    def test_coupled_and_uncoupled_signals(self) -> None:
        rng = np.random.default_rng(3)
        nod = rng.normal(size=400)
        recording = recording_of(
            head_pose__pitch_deg=nod,
            head_pose__yaw_deg=rng.normal(size=400),
            expression__jaw_open=0.5 - 0.1 * nod,
            expression__brow_inner_up=0.6 * nod + 0.8 * rng.normal(size=400),
        )
        found = pairwise_correlations(recording)
        assert found["correlation__jaw_open_x_pitch__pearson"] == pytest.approx(-1)
        assert found["correlation__brow_inner_up_x_pitch__pearson"] == pytest.approx(0.6, abs=0.1)
        assert abs(found["correlation__yaw_x_pitch__pearson"]) < 0.15

    def test_constant_signals_have_no_correlation(self) -> None:
        found = pairwise_correlations(compute_signals(make_track(duration_s=2, noise_px=0.2)))
        assert np.isnan(found["correlation__mouth_smile_x_pitch__pearson"])

    @pytest.mark.parametrize("sign", [1, -1])
    def test_pearson(self, sign: int) -> None:
        first = np.array([0.0, 1, 2, 5])
        assert pearson(first, sign * 3 * first + 2) == pytest.approx(sign)
        assert np.isnan(pearson(first, np.ones(4)))


def test_gap_of_missing_frames_changes_little() -> None:
    """Half a second without the face in ten: features of steady motion stay where they were."""
    whole = compute_video_features(compute_signals(make_track(duration_s=10, **MOVES)))
    gap = compute_video_features(
        compute_signals(make_track(duration_s=10, missing=slice(120, 132), **MOVES))
    )
    for name in (
        "head_pose__yaw_deg__std",
        "head_pose__yaw_deg__velocity_rms",
        "head_pose__angular_speed_deg_per_s__median",
        "head_pose__roll_deg__autocorrelation",
    ):
        assert gap[name] == pytest.approx(whole[name], rel=0.08), name
