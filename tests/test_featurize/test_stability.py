"""Jitter: noise of known size, expression that explains it, and whether regions share it."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from featurize.video_features.stability.coupling import jitter_coupling
from featurize.video_features.stability.jitter import landmark_jitter
from featurize.video_features.stability.rigid_residual import RigidResidual, rigid_residual
from featurize.video_features.stability.slow_and_fast import slow_and_fast
from tests.test_featurize.stability_scenes import (
    IOD_PX,
    MOVES,
    RATES_HZ,
    both,
    everything,
    found,
    members,
    open_mouth,
    recording,
    tremble,
    wave,
)
from tests.test_featurize.tracks import POINTS, make_track, neutral_face, turn

NOISE_RATES_HZ = (24, 25, 30, 60)


class TestRigidResidual:
    def test_nan_where_the_face_is_missing(self) -> None:
        track = make_track(duration_s=2, missing=slice(20, 25), noise_px=0.3)
        left = RigidResidual(track).of(["chin", "nose_tip"], slice(10, 40))
        assert left.shape == (30, 2, 2)
        assert np.flatnonzero(np.isnan(left[:, 0, 0])).tolist() == [10, 11, 12, 13, 14]

    def test_it_is_what_is_laid_onto_the_mean_face_less_that_face(self) -> None:
        residual = RigidResidual(make_track(duration_s=2, noise_px=0.5, **MOVES))
        names, frames = ["chin", "nose_tip", "left_zygion"], slice(3, 30)
        offsets = residual.laid(names, frames) - residual.mean(names)
        np.testing.assert_allclose(residual.of(names, frames), offsets[..., :2], atol=1e-12)

    def test_the_mean_face_is_the_face(self) -> None:
        residual = RigidResidual(make_track(duration_s=2, **MOVES))
        face = neutral_face()[[POINTS[name] for name in residual.names]] / IOD_PX
        mean = residual.mean(residual.names)
        seen, true = (np.linalg.norm(points - points[0], axis=1) for points in (mean, face))
        np.testing.assert_allclose(seen, true, atol=1e-4)

    def test_summaries_of_a_recording_share_one(self) -> None:
        of_track = recording(make_track(duration_s=1))
        assert rigid_residual(of_track) is rigid_residual(of_track)


class TestSlowAndFast:
    def test_pieces_make_no_difference(self) -> None:
        time_s = np.arange(700) / 25
        values = np.random.default_rng(0).normal(size=(700, 3)).cumsum(axis=0)
        read = []

        def reader(frames: slice) -> np.ndarray:
            read.append(frames.stop - frames.start)
            return values[frames]

        parts = list(slow_and_fast(reader, np.ones(700, bool), time_s))
        fast = np.concatenate([part.fast for part in parts])
        np.testing.assert_allclose(fast, (values - savgol_filter(values, 7, 3, axis=0))[3:-3])
        assert (parts[0].frames.start, parts[-1].frames.stop) == (3, 697)
        assert max(read) < 300

    def test_a_gap_takes_half_a_window_on_either_side(self) -> None:
        known = np.ones(50, bool)
        known[20:25] = False
        frames = [
            part.frames
            for part in slow_and_fast(np.zeros((50, 1)).__getitem__, known, np.arange(50) / 25)
        ]
        assert frames == [slice(3, 17), slice(28, 47)]

    @pytest.mark.parametrize(("fps", "half", "kept"), [(15, 3, 2 / 3), (60, 8, 1 - 645 / 4845)])
    def test_white_noise_is_as_large_as_it_is_with_any_window(
        self, fps: float, half: int, kept: float
    ) -> None:
        noise = np.random.default_rng(0).normal(size=(20_000, 3))
        known, time_s = np.ones(len(noise), bool), np.arange(len(noise)) / fps
        parts = list(slow_and_fast(noise.__getitem__, known, time_s))
        assert parts[0].frames.start == half
        assert {round(part.kept, 9) for part in parts} == {round(kept, 9)}
        made = np.concatenate([part.noise for part in parts])
        assert np.std(made) == pytest.approx(1, rel=0.01)

    @pytest.mark.parametrize("fps", [15, 30, 60])
    def test_the_least_window_is_seven_frames_at_any_rate(self, fps: float) -> None:
        (part,) = slow_and_fast(
            np.zeros((40, 1)).__getitem__, np.ones(40, bool), np.arange(40) / fps, 0
        )
        assert part.frames == slice(3, 37)
        assert part.kept == pytest.approx(2 / 3)


class TestJitter:
    def test_rigid_motion_leaves_nothing(self) -> None:
        values = everything(make_track(**MOVES))
        assert values["residual_face_iod__rms"] < 1e-4
        for name, value in values.items():
            if name.endswith(("iod__rms", "iod__p95", "fast_median", "cv_median", "fast_rms")):
                assert value < 1e-4 if "_deg" not in name else value < 0.01, name

    @pytest.mark.parametrize("region", ["mouth", "brows", "nose", "eyes"])
    def test_tremor_is_found_in_the_region_that_trembles(self, region: str) -> None:
        values = found(landmark_jitter, shape=tremble(region, 0.01), **MOVES)
        levels = {
            other: values[f"jitter_{other}_iod__rms"]
            for other in ("mouth", "brows", "nose", "eyes")
        }
        assert max(levels, key=levels.get) == region
        # Two of three directions are seen.
        assert levels[region] == pytest.approx(0.01 * np.sqrt(2), rel=0.15)

    @pytest.mark.parametrize("fps", NOISE_RATES_HZ)
    def test_jitter_is_as_long_as_white_noise_is(self, fps: float) -> None:
        values = found(landmark_jitter, duration_s=8, fps=fps, shape=tremble("mouth", 0.01))
        for name in ("jitter_mouth_iod__rms", "unexplained_jitter_mouth_iod__rms"):
            # The leading directions of so lively a mouth take some of its noise along.
            rel = 0.03 if name.startswith("jitter") else 0.2
            assert values[name] == pytest.approx(0.01 * np.sqrt(2), rel=rel), name

    def test_motion_of_fewer_than_twelve_frames_is_unknown_not_zero(self) -> None:
        for n_frames in (1, 11):
            values = found(landmark_jitter, duration_s=n_frames / 25, noise_px=0.5)
            assert np.isnan(values["residual_face_iod__rms"]), n_frames
        values = found(landmark_jitter, duration_s=12 / 25, noise_px=0.5)
        assert 0 < values["residual_face_iod__rms"] < 0.1

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_second_difference_is_as_long_as_white_noise_is(self, fps: float) -> None:
        values = found(landmark_jitter, fps=fps, shape=tremble("mouth", 0.01))
        assert values["second_difference_mouth_iod__rms"] == pytest.approx(
            0.01 * np.sqrt(2), rel=0.05
        )

    def test_slow_expression_is_no_jitter(self) -> None:
        values = found(landmark_jitter, shape=open_mouth(wave(1, 0.1)), **MOVES)
        assert values["residual_face_iod__rms"] > 0.01
        assert values["jitter_mouth_iod__rms"] < 0.003

    def test_fast_expression_is_jitter_that_is_explained(self) -> None:
        """Somebody who speaks slowly and fast trembles no more than somebody who speaks slowly."""
        speech = open_mouth(lambda t: wave(0.7, 0.08)(t) + wave(6, 0.04)(t))
        values = found(landmark_jitter, duration_s=6, shape=speech, **MOVES)
        assert values["jitter_mouth_iod__rms"] > 0.01
        assert values["unexplained_jitter_mouth_iod__rms"] < (
            0.02 * values["jitter_mouth_iod__rms"]
        )

    def test_noise_is_not_explained_by_expression(self) -> None:
        shape = both(open_mouth(wave(0.7, 0.08)), tremble("face", 0.005))
        values = found(landmark_jitter, duration_s=8, shape=shape)
        for region in ("mouth", "outline", "face"):
            assert values[f"unexplained_jitter_{region}_iod__rms"] == pytest.approx(
                values[f"jitter_{region}_iod__rms"], rel=0.12
            )
        assert values["unexplained_jitter_mouth__over_outline"] == pytest.approx(1, abs=0.12)

    def test_it_does_not_matter_where_the_head_looks_in_the_middle_of_the_clip(self) -> None:
        def trembling_in_depth(t: float, face: np.ndarray) -> np.ndarray:
            rng = np.random.default_rng(round(t * 1000))
            return face + rng.normal(0, 0.5, face.shape) * [0, 0, 1]

        looks = (lambda _: turn(), lambda t: turn(yaw_deg=35 if 1.7 < t < 2.3 else 0))
        values = [
            found(landmark_jitter, shape=trembling_in_depth, rotation=rotation)[
                "jitter_face_iod__p95"
            ]
            for rotation in looks
        ]
        assert values[1] < 1.3 * values[0]

    def test_irises_that_are_unknown_leave_the_rest_known(self) -> None:
        track = make_track(duration_s=3, noise_px=0.3)
        track.points_px[::5, members("irises")] = np.nan
        unknown = {name for name, value in everything(track).items() if np.isnan(value)}
        assert unknown == {"jitter_irises_iod__rms"}

    def test_bursts(self) -> None:
        def bursting(t: float, face: np.ndarray) -> np.ndarray:
            rng = np.random.default_rng(round(t * 1000))
            return face + rng.normal(0, 3 if t % 1 < 0.1 else 0.3, face.shape)

        calm = found(landmark_jitter, duration_s=6, shape=tremble("face", 0.005))
        burst = found(landmark_jitter, duration_s=6, shape=bursting)
        assert calm["jitter_face__burstiness"] < 1.4
        assert burst["jitter_face__burstiness"] > 3
        assert burst["unexplained_jitter_face__burstiness"] > 3


class TestCoupling:
    @pytest.mark.parametrize("fps", NOISE_RATES_HZ)
    def test_white_noise_is_independent_and_as_the_window_makes_it(self, fps: float) -> None:
        values = found(jitter_coupling, duration_s=750 / fps, fps=fps, noise_px=1.0)
        for name, value in values.items():
            if name.endswith("__successive"):
                # Of the window of seven: products of neighbours of (2, -3, -6, 14, -6, -3, 2).
                assert value == pytest.approx(-144 / 294, abs=0.02), name
            elif name.endswith("__strength_pearson"):
                assert abs(value) < 0.35, name
            else:
                # The fit of the head's motion errs for all of the face alike.
                assert 0 < value < 0.65, name

    @pytest.mark.parametrize("every", [20, 10])
    def test_gaps_do_not_shrink_what_successive_frames_share(self, every: int) -> None:
        track = make_track(duration_s=60, noise_px=1.0)
        track.points_px[::every] = np.nan
        values = jitter_coupling(recording(track))
        for region in ("brows", "nose", "mouth"):
            successive = values[f"stability__jitter_{region}__successive"]
            assert successive == pytest.approx(-144 / 294, abs=0.03), region

    @pytest.mark.parametrize(("in_a_row", "known"), [(7, False), (8, True)])
    def test_successive_needs_two_frames_with_their_windows(
        self, in_a_row: int, known: bool
    ) -> None:
        track = make_track(duration_s=4, noise_px=1.0)
        track.points_px[:: in_a_row + 1] = np.nan
        values = jitter_coupling(recording(track))
        for name, value in values.items():
            assert np.isfinite(value) == (known or "successive" not in name), name
            assert -1 <= value <= 1 or np.isnan(value), name

    @pytest.mark.parametrize("sign", [1, -1])
    def test_regions_that_shake_together_or_against_each_other(self, sign: int) -> None:
        lips = members("mouth")
        edge = [n for n in members("outline") if n not in members("rigid")]

        def shaking(t: float, face: np.ndarray) -> np.ndarray:
            shake = np.random.default_rng(round(t * 1000)).normal(0, 2, 3)
            face = face.copy()
            face[lips] += shake
            face[edge] += sign * shake
            return face

        values = found(jitter_coupling, duration_s=8, shape=shaking)
        assert values["jitter_mouth_outline__together"] == pytest.approx(sign, abs=0.05)
        assert values["jitter_mouth_left_right__together"] == pytest.approx(1, abs=0.01)
        assert values["jitter_mouth_outline__strength_pearson"] > 0.95

    def test_strength_without_direction(self) -> None:
        def pulsing(t: float, face: np.ndarray) -> np.ndarray:
            rng = np.random.default_rng(round(t * 1000))
            return face + rng.normal(0, 1 + np.sin(2 * t) ** 2 * 4, face.shape)

        values = found(jitter_coupling, duration_s=10, shape=pulsing)
        assert values["jitter_eyes_mouth__strength_pearson"] > 0.8
        assert values["jitter_mouth_outline__strength_pearson"] > 0.8
        assert values["jitter_mouth_outline__together"] < 0.65
