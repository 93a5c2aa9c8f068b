"""Summaries of a whole video: known head turns, known tremor."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.registry import compute_signals, compute_video_features
from featurize.video_features.head_motion import head_trajectory
from tests.test_featurize.tracks import make_track, turn

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

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_reversals_of_a_shake_of_known_rate(self, fps: float) -> None:
        track = make_track(
            duration_s=12, fps=fps, rotation=lambda t: turn(yaw_deg=6 * np.sin(2 * np.pi * 1.5 * t))
        )
        found = head_trajectory(compute_signals(track))
        # Two a period of one axis in three.
        assert found["head_pose__reversals__rate_per_s"] == pytest.approx(2 * 1.5 / 3, rel=0.06)

    @pytest.mark.parametrize(("lag_rad", "expected"), [(0, 1), (np.pi, 1), (np.pi / 2, 0)])
    def test_coupling_of_turning_and_tilting(self, lag_rad: float, expected: float) -> None:
        track = make_track(
            duration_s=10,
            rotation=lambda t: turn(
                yaw_deg=10 * np.sin(2 * np.pi * 0.5 * t),
                roll_deg=5 * np.sin(2 * np.pi * 0.5 * t + lag_rad),
            ),
        )
        found = head_trajectory(compute_signals(track))
        assert found["head_pose__yaw_roll__coupling"] == pytest.approx(expected, abs=0.02)

    @pytest.mark.parametrize(("n_frames", "known"), [(1, False), (11, False), (12, True)])
    def test_range_of_few_frames_is_unknown_not_zero(self, n_frames: int, known: bool) -> None:
        found = head_trajectory(compute_signals(make_track(duration_s=n_frames / 25, noise_px=0.3)))
        for angle in ("yaw", "pitch", "roll"):
            value = found[f"head_pose__{angle}_deg__range"]
            assert (value > 0) if known else np.isnan(value), angle

    def test_still_head(self) -> None:
        track = make_track(duration_s=3)
        found = head_trajectory(compute_signals(track))
        assert found["head_pose__reversals__rate_per_s"] == 0
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


MOVES = {
    "rotation": lambda t: turn(15 * np.sin(3 * t), 8 * np.sin(2 * t), 10 * np.sin(4 * t)),
    "shift_px": lambda t: (20 * np.sin(5 * t), 10 * np.cos(3 * t)),
}


@pytest.mark.filterwarnings("error")
def test_what_a_very_slow_video_does_not_show_is_unknown() -> None:
    """A frame every ten seconds: nothing is known of what happens between two of them."""
    track = make_track(duration_s=12, noise_px=0.3, **MOVES)
    slow = replace(track, time_s=np.arange(track.n_frames) * 10.0)
    found = compute_video_features(compute_signals(slow))
    between = ("velocity_rms", "jerk_rms", "autocorrelation", "hf_share", "successive", "fast_rms")
    needs_time = [
        name
        for name in found
        if name.endswith(between)
        or "jitter" in name
        or "spectrum" in name
        or ("head_pose__" in name and ("angular" in name or "sway" in name or "rate_per_s" in name))
    ]
    assert len(needs_time) > 100
    assert [name for name in needs_time if not np.isnan(found[name])] == []
    assert np.isfinite(found["head_pose__yaw_deg__std"])


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
