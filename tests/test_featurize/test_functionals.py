"""Functionals: closed forms for sines and noise, frame rates, gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.declaration import Recording
from featurize.video_features.functionals import (
    DISTANCE_FUNCTIONALS,
    MOTION_FUNCTIONALS,
    Signals,
    apply_functionals,
    flicker,
)
from featurize.video_features.sampling import GRID_HZ, Segment, derivative, segments, stretches
from tests.test_featurize.tracks import make_track

RATES_HZ = (24, 25, 30000 / 1001, 60)


def functionals_of(values: np.ndarray, time_s: np.ndarray) -> dict[str, float]:
    track = make_track(duration_s=1, fps=25)
    object.__setattr__(track, "time_s", time_s)
    named = apply_functionals(Recording(track, {"s": values}), ["s"], DISTANCE_FUNCTIONALS)
    return {name.removeprefix("s__"): value for name, value in named.items()}


def sine(
    frequency_hz: float, fps: float, duration_s: float = 8, amplitude: float = 2, mean: float = 5
) -> dict[str, float]:
    time_s = np.arange(round(duration_s * fps)) / fps
    return functionals_of(mean + amplitude * np.sin(2 * np.pi * frequency_hz * time_s), time_s)


@pytest.mark.parametrize("fps", RATES_HZ)
# No whole number of samples per period, so that the phases are spread evenly.
@pytest.mark.parametrize("frequency_hz", [0.47, 0.93])
def test_slow_sine_has_its_closed_forms_at_every_frame_rate(
    fps: float, frequency_hz: float
) -> None:
    found = sine(frequency_hz, fps, duration_s=round(8 * frequency_hz) / frequency_hz)
    speed = 2 * np.pi * frequency_hz
    assert found["median"] == pytest.approx(5, abs=0.06)
    assert found["std"] == pytest.approx(2 / np.sqrt(2), rel=0.02)
    assert found["iqr"] == pytest.approx(2 * np.sqrt(2), rel=0.04)
    assert found["p05"] == pytest.approx(5 - 2 * np.sin(0.45 * np.pi), abs=0.04)
    assert found["p95"] == pytest.approx(5 + 2 * np.sin(0.45 * np.pi), abs=0.04)
    assert found["cv"] == pytest.approx(2 / np.sqrt(2) / 5, rel=0.02)
    assert found["velocity_rms"] == pytest.approx(2 * speed / np.sqrt(2), rel=0.02)
    assert found["jerk_rms"] == pytest.approx(2 * speed**3 / np.sqrt(2), rel=0.1)
    assert found["autocorrelation"] == pytest.approx(np.cos(speed * 0.2), abs=0.02)
    assert found["hf_share"] < 0.01


@pytest.mark.parametrize("fps", RATES_HZ)
def test_fast_sine_is_high_frequency(fps: float) -> None:
    assert sine(7.0, fps)["hf_share"] > 0.95


def test_equal_sines_below_and_above_share_the_power() -> None:
    time_s = np.arange(0, 8, 1 / 60)
    both = np.sin(2 * np.pi * 2 * time_s) + np.sin(2 * np.pi * 6 * time_s)
    assert functionals_of(both, time_s)["hf_share"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", [functional.name for functional in MOTION_FUNCTIONALS])
def test_natural_motion_agrees_between_frame_rates(name: str) -> None:
    """A sum of slow sines, as heads and lips move, at 24, 25, 29.97 and 60 fps: within 10 %."""
    rng = np.random.default_rng(1)
    frequencies_hz, phases = rng.uniform(0.2, 2.5, 6), rng.uniform(0, 2 * np.pi, 6)

    def motion(time_s: np.ndarray) -> np.ndarray:
        waves = np.sin(2 * np.pi * np.outer(time_s, frequencies_hz) + phases)
        return waves @ (1 / (1 + frequencies_hz))

    found = []
    for fps in RATES_HZ:
        time_s = np.arange(round(10 * fps)) / fps
        found.append(functionals_of(motion(time_s), time_s)[name])
    assert found == pytest.approx([found[-1]] * len(found), rel=0.1, abs=0.02)


def test_variable_frame_rate_gives_the_same_as_constant() -> None:
    rng = np.random.default_rng(2)
    regular_s = np.arange(240) / 30
    irregular_s = np.sort(regular_s + rng.uniform(-0.01, 0.01, 240))
    found = [
        functionals_of(np.sin(2 * np.pi * 0.8 * time_s), time_s)
        for time_s in (regular_s, irregular_s)
    ]
    for name in ("velocity_rms", "jerk_rms", "autocorrelation"):
        assert found[0][name] == pytest.approx(found[1][name], rel=0.05), name


def test_a_gap_adds_no_motion() -> None:
    """A jump across a gap would be a huge velocity if the gap were bridged."""
    time_s = np.arange(200) / 25
    values = np.where(time_s < 4, 0.1, 100.0) + 0.01 * np.sin(2 * np.pi * time_s)
    values[95:105] = np.nan
    found = functionals_of(values, time_s)
    assert found["velocity_rms"] < 0.1
    assert found["jerk_rms"] < 5


def test_constant_signal() -> None:
    found = functionals_of(np.full(200, 3.0), np.arange(200) / 25)
    assert found["std"] == 0
    assert found["velocity_rms"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(found["autocorrelation"])
    assert np.isnan(found["hf_share"])


@pytest.mark.parametrize(
    ("n_frames", "known"), [(11, set()), (13, {"median", "std", "iqr", "p05", "p95", "cv"})]
)
def test_too_few_frames_are_unknown_not_zero(n_frames: int, known: set[str]) -> None:
    rng = np.random.default_rng(0)
    found = functionals_of(rng.normal(5, 1, n_frames), np.arange(n_frames) / 30)
    assert {name for name, value in found.items() if np.isfinite(value)} == known


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1.0, 1e6])
def test_how_large_a_signal_is_does_not_decide_whether_it_is_known(scale: float) -> None:
    values = scale * (1 + np.random.default_rng(0).normal(size=200))
    found = functionals_of(values, np.arange(200) / 25)
    assert all(np.isfinite(value) for value in found.values())


def test_all_missing() -> None:
    found = functionals_of(np.full(100, np.nan), np.arange(100) / 25)
    assert all(np.isnan(value) for value in found.values())


def test_spectrum_needs_a_frame_rate_that_carries_it() -> None:
    assert np.isnan(sine(1.0, fps=12)["hf_share"])
    assert np.isfinite(sine(1.0, fps=24)["hf_share"])


@given(scale=st.floats(0.01, 100), shift=st.floats(-1000, 1000), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_scaling_and_shifting_a_signal(scale: float, shift: float, seed: int) -> None:
    time_s = np.arange(150) / 25
    values = np.cumsum(np.random.default_rng(seed).normal(size=150))
    plain, changed = functionals_of(values, time_s), functionals_of(scale * values + shift, time_s)
    for name in ("std", "iqr", "velocity_rms", "jerk_rms"):
        assert changed[name] == pytest.approx(scale * plain[name], rel=1e-4), name
    for name in ("autocorrelation", "hf_share"):
        assert changed[name] == pytest.approx(plain[name], abs=1e-4), name
    assert changed["median"] == pytest.approx(scale * plain["median"] + shift, abs=1e-6)


def flicker_of(samples: list[float], times_s: list[float], fps: float = 25) -> float:
    """Of a signal that is known at some times only, among frames in which it is not."""
    time_s = np.arange(round(times_s[-1] * fps) + 1) / fps
    values = np.full((len(time_s), 1), np.nan)
    values[np.rint(np.multiply(times_s, fps)).astype(int), 0] = samples
    return float(flicker(Signals(values, time_s))[0])


class TestFlicker:
    @pytest.mark.parametrize("fps", [10, 25, 60])
    def test_is_the_typical_step_between_samples(self, fps: float) -> None:
        times_s = [0.4 * n for n in range(11)]
        assert flicker_of([3.0] * 11, times_s, fps) == 0
        assert flicker_of([2 - 5 * t for t in times_s], times_s, fps) == pytest.approx(2)
        assert flicker_of([1.0, -1.0] * 5 + [1.0], times_s, fps) == 2
        leap = [n + 100 * (n > 5) for n in range(11)]
        assert flicker_of(leap, times_s, fps) == 1

    def test_samples_on_either_side_of_a_gap_are_no_neighbours(self) -> None:
        """Three pairs that differ by 1, and single samples, each 50 from the one before."""
        times_s, samples = [], []
        for n in range(8):
            times_s += [2.0 * n, 2.0 * n + 0.4][: 1 + (n < 3)]
            samples += [50.0 * n, 50.0 * n + 1][: 1 + (n < 3)]
        assert flicker_of(samples, times_s) == 1

    @pytest.mark.parametrize(("step_s", "known"), [(0.4, True), (0.6, True), (0.8, False)])
    def test_a_sample_that_is_left_out_makes_a_gap(self, step_s: float, known: bool) -> None:
        found = flicker_of([0.0, 1.0] * 4, [step_s * n for n in range(8)])
        assert np.isfinite(found) == known

    @pytest.mark.parametrize(("n_pairs", "known"), [(2, False), (3, True)])
    def test_needs_three_pairs_of_neighbours(self, n_pairs: int, known: bool) -> None:
        times_s = [2.0 * (n // 2) + 0.4 * (n % 2) for n in range(2 * n_pairs)]
        assert np.isfinite(flicker_of([0.0, 1.0] * n_pairs, times_s)) == known


class TestStretches:
    def test_cut_at_missing_frames_and_at_jumps_in_time(self) -> None:
        time_s = np.arange(30) / 10
        time_s[20:] += 1.0
        present = np.ones(30, bool)
        present[8:10] = False
        found = [(s.start, s.stop) for s in stretches(present, time_s)]
        assert found == [(0, 8), (10, 20), (20, 30)]

    def test_fewer_than_four_frames_are_no_stretch(self) -> None:
        present = np.array([1, 1, 1, 0, 1, 1, 1, 1, 0, 1], bool)
        assert [(s.start, s.stop) for s in stretches(present, np.arange(10) / 10)] == [(4, 8)]
        assert stretches(np.ones(3, bool), np.arange(3.0)) == []

    @given(start=st.integers(0, 10_000), at_frame=st.integers(4, 16))
    @settings(max_examples=200, deadline=None)
    def test_two_lost_frames_at_30_fps_are_bridged_wherever_they_are(
        self, start: int, at_frame: int
    ) -> None:
        """A step of 0.1 s, of which the last bit is different everywhere."""
        numbers = np.delete(np.arange(start, start + 22), [at_frame, at_frame + 1])
        assert stretches(np.ones(20, bool), numbers / 30) == [slice(0, 20)]

    @pytest.mark.parametrize(("fps", "n_lost"), [(24, 2), (25, 2), (30, 3), (60, 6), (10, 2)])
    def test_longer_gaps_are_not_bridged(self, fps: float, n_lost: int) -> None:
        time_s = np.delete(np.arange(40), np.arange(20, 20 + n_lost)) / fps
        seen = stretches(np.ones(len(time_s), bool), time_s)
        assert seen == [slice(0, 20), slice(20, len(time_s))]

    @pytest.mark.parametrize(("step_s", "n_stretches"), [(0.5, 1), (1.0, 0), (10.0, 0)])
    def test_frames_further_apart_than_half_a_second_are_no_neighbours(
        self, step_s: float, n_stretches: int
    ) -> None:
        for start_s in np.arange(0, 200, 0.7):
            time_s = start_s + np.arange(20) * step_s
            assert len(stretches(np.ones(20, bool), time_s)) == n_stretches

    @given(steps_s=st.lists(st.floats(0.01, 1000), min_size=3, max_size=60))
    @settings(max_examples=100, deadline=None)
    def test_samples_are_bounded_by_the_number_of_frames(self, steps_s: list[float]) -> None:
        time_s = np.cumsum(steps_s)
        n_samples = sum(len(s.values) for s in segments(time_s[:, None], time_s))
        assert n_samples <= 26 * len(time_s)

    def test_segments_run_at_the_common_rate_from_first_to_last_frame(self) -> None:
        time_s = 7 + np.arange(51) / 25
        (segment,) = segments(time_s[:, None], time_s)
        assert segment.start_s == 7
        expected = 7 + np.arange(len(segment.values)) / GRID_HZ
        assert segment.values[:, 0] == pytest.approx(expected)
        assert expected[-1] == pytest.approx(time_s[-1])


@pytest.mark.parametrize(("order", "expected"), [(1, 14.0), (2, 6.0), (3, 0.0)])
def test_derivatives_of_a_parabola_are_exact(order: int, expected: float) -> None:
    time_s = np.arange(100) / GRID_HZ
    segment = Segment(0.0, (3 * (time_s - time_s.mean()) ** 2 + 14 * time_s)[:, None])
    found = derivative(segment, order, 0.24)
    assert len(found) == 100 - 12
    assert found.mean() == pytest.approx(expected, abs=1e-6)
