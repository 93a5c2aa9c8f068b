"""Spectrum of the residual, lengths of bones, and the inner face against the outline."""

from collections.abc import Callable

import numpy as np
import pytest

from featurize.video_features.stability.bone_lengths import bone_lengths
from featurize.video_features.stability.inner_face import inner_against_outline
from featurize.video_features.stability.spectrum import residual_spectra
from tests.test_featurize.stability_scenes import (
    IOD_PX,
    MOVES,
    RATES_HZ,
    found,
    members,
    open_mouth,
    wave,
    wide,
)
from tests.test_featurize.tracks import POINTS, turn


class TestSpectrum:
    @pytest.mark.parametrize("fps", RATES_HZ)
    @pytest.mark.parametrize("ratio", [0.1, 1.0])
    def test_two_waves(self, fps: float, ratio: float) -> None:
        shape = open_mouth(lambda t: wave(2, 0.03)(t) + wave(6, 0.03 * ratio)(t))
        values = found(residual_spectra, duration_s=8, fps=fps, shape=shape, **MOVES)
        assert values["spectrum_mouth_db__middle_over_low"] == pytest.approx(
            20 * np.log10(ratio), abs=0.3
        )

    def test_slow_motion_between_two_frequencies_does_not_leak(self) -> None:
        values = found(residual_spectra, duration_s=8, shape=open_mouth(wave(1.25, 0.1)))
        assert values["spectrum_mouth_db__middle_over_low"] < -50

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_the_fast_end(self, fps: float) -> None:
        shape = open_mouth(lambda t: wave(6, 0.03)(t) + wave(10, 0.01)(t))
        values = found(residual_spectra, duration_s=8, fps=fps, shape=shape)
        assert values["spectrum_face_db__high_over_middle"] == pytest.approx(
            20 * np.log10(1 / 3), abs=0.3
        )

    def test_frequencies_on_the_edge_of_a_band_belong_to_it_at_any_frame_rate(self) -> None:
        """Waves at 0.5, 4 and 8 Hz, which the last bit of the step must not send away."""
        rng = np.random.default_rng(0)
        frequencies_hz = np.arange(0.5, 11.5, 0.5)
        phases_rad = rng.uniform(0, 2 * np.pi, len(frequencies_hz))

        def broadband(t: float) -> float:
            waves = np.sin(2 * np.pi * frequencies_hz * t + phases_rad)
            return float(np.sum(0.02 / (1 + frequencies_hz) * waves))

        found_db = [
            found(residual_spectra, duration_s=12, fps=fps, shape=open_mouth(broadband))
            for fps in (24, 25, 30000 / 1001, 30, 60)
        ]
        for name in ("spectrum_mouth_db__middle_over_low", "spectrum_face_db__high_over_middle"):
            values = [of_rate[name] for of_rate in found_db]
            assert np.ptp(values) < 0.3, (name, values)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_flat_or_not(self, fps: float) -> None:
        flat = found(residual_spectra, duration_s=12, fps=fps, noise_px=1.0)
        tone = found(residual_spectra, duration_s=12, fps=fps, shape=open_mouth(wave(6, 0.03)))
        assert flat["spectrum_mouth__flatness"] > 0.9
        assert tone["spectrum_mouth__flatness"] < 0.1

    @pytest.mark.parametrize(("fps", "n_unknown"), [(12, 9), (16, 9), (20, 1), (23.976, 0)])
    def test_only_what_the_frame_rate_carries(self, fps: float, n_unknown: int) -> None:
        values = found(residual_spectra, duration_s=6, fps=fps, noise_px=1.0)
        unknown = {name for name, value in values.items() if np.isnan(value)}
        assert len(values) == 9
        assert len(unknown) == n_unknown
        if n_unknown == 1:
            assert unknown == {"spectrum_face_db__high_over_middle"}

    def test_shorter_than_a_window(self) -> None:
        values = found(residual_spectra, duration_s=1.9, noise_px=1.0)
        assert np.isnan([*values.values()]).all()


class TestBoneLengths:
    def test_noise_of_twice_the_size(self) -> None:
        one, two = (found(bone_lengths, duration_s=8, noise_px=n) for n in (0.5, 1.0))
        for name in ("cv_median", "cv_without_pose_median", "fast_median", "fast_max"):
            assert two[f"bone_lengths__{name}"] == pytest.approx(
                2 * one[f"bone_lengths__{name}"], rel=0.02
            )

    @pytest.mark.parametrize("fps", [25, 60])
    def test_white_noise_is_nothing_but_fast(self, fps: float) -> None:
        values = found(bone_lengths, duration_s=750 / fps, fps=fps, noise_px=0.5)
        ratio = values["bone_lengths__fast_median"] / values["bone_lengths__cv_median"]
        assert ratio == pytest.approx(1, rel=0.03)

    def test_one_point_that_trembles(self) -> None:
        """It spoils a quarter of the distances: the worst one, but not the typical one."""
        rng = np.random.default_rng(0)

        def shape(_: float, face: np.ndarray) -> np.ndarray:
            face = face.copy()
            face[POINTS["left_eye_inner"]] += rng.normal(0, 0.01 * IOD_PX, 3)
            return face

        values = found(bone_lengths, duration_s=8, shape=shape)
        # The nearest of the other points is the nasion, less than half an eye distance away.
        assert values["bone_lengths__fast_max"] > 0.02
        assert values["bone_lengths__fast_median"] < 0.1 * values["bone_lengths__fast_max"]

    def test_a_face_that_stretches(self) -> None:
        """Widths by 5 % more than heights, in a wave that is no jitter."""
        values = found(bone_lengths, duration_s=10, shape=wide(wave(0.5, 0.05)))
        assert 0.005 < values["bone_lengths__cv_median"] < 0.05
        assert values["bone_lengths__fast_max"] < 1e-3

    def test_stretching_with_the_turn_of_the_head_is_explained_by_pose(self) -> None:
        def yaw_deg(t: float) -> float:
            return 20 * np.sin(2 * t)

        turning = {"duration_s": 10, "rotation": lambda t: turn(yaw_deg(t), 5 * np.sin(3 * t))}
        with_turn = found(bone_lengths, shape=wide(lambda t: yaw_deg(t) / 400), **turning)
        without = found(bone_lengths, shape=wide(wave(1.3, 0.05)), **turning)
        assert with_turn["bone_lengths__pose_share"] > 0.97
        assert without["bone_lengths__pose_share"] < 0.2
        assert (
            with_turn["bone_lengths__cv_without_pose_median"]
            < 0.2 * (with_turn["bone_lengths__cv_median"])
        )


class TestInnerAgainstOutline:
    INNER = tuple(
        {
            number
            for name, number in POINTS.items()
            if name.endswith(("eye_inner", "eye_outer")) or number in members("nose")
        }
    )

    def sliding(self, move: Callable[[float, np.ndarray], np.ndarray]) -> dict[str, float]:
        def shape(t: float, face: np.ndarray) -> np.ndarray:
            face = face.copy()
            middle = face[list(self.INNER)].mean(axis=0)
            face[list(self.INNER)] = middle + move(t, face[list(self.INNER)] - middle)
            return face

        values = found(inner_against_outline, duration_s=20, shape=shape, **MOVES)
        return {name.removeprefix("inner_against_outline_"): v for name, v in values.items()}

    def test_turning(self) -> None:
        values = self.sliding(lambda t, face: face @ turn(roll_deg=wave(0.55, 2)(t)).T)
        assert values["roll_deg__std"] == pytest.approx(2 / np.sqrt(2), rel=0.1)
        assert values["log_scale__std"] < 2e-3

    def test_growing(self) -> None:
        values = self.sliding(lambda t, face: face * (1 + wave(0.55, 0.03)(t)))
        assert values["log_scale__std"] == pytest.approx(0.03 / np.sqrt(2), rel=0.1)
        assert values["roll_deg__std"] < 0.1

    @pytest.mark.parametrize(("axis", "name"), [(0, "x_iod"), (1, "y_iod")])
    def test_shifting(self, axis: int, name: str) -> None:
        along = np.eye(3)[axis]
        values = self.sliding(lambda t, face: face + wave(0.55, 0.03)(t) * IOD_PX * along)
        assert values[f"{name}__std"] == pytest.approx(0.03 / np.sqrt(2), rel=0.35)
        other = {"x_iod": "y_iod", "y_iod": "x_iod"}[name]
        assert values[f"{other}__std"] < 0.3 * values[f"{name}__std"]

    def test_slow_sliding_is_no_jitter_and_trembling_is(self) -> None:
        slow = self.sliding(lambda t, face: face + wave(0.5, 0.03)(t) * IOD_PX)
        rng = np.random.default_rng(0)
        fast = self.sliding(lambda _, face: face + rng.normal(0, 0.01, 3) * IOD_PX)
        assert slow["x_iod__fast_rms"] < 1e-3
        assert fast["x_iod__fast_rms"] == pytest.approx(0.01, rel=0.3)

    def test_speech_does_not_slide(self) -> None:
        jaw = [POINTS[n] for n in ("chin", "left_gonion", "right_gonion")] + members("mouth")

        def speaking(t: float, face: np.ndarray) -> np.ndarray:
            face = face.copy()
            face[jaw, 1] -= wave(3, 0.1)(t) * IOD_PX
            return face

        values = found(inner_against_outline, shape=speaking, **MOVES)
        assert max(values.values()) < 0.01
