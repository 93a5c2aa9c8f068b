"""Expressions that come, stay and go as scripted."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.declaration import Recording
from featurize.frame_features.expression import BLENDSHAPE_SIGNALS, NEVER_MOVING, snake_case
from featurize.landmarks.schema import BLENDSHAPE_NAMES
from featurize.registry import compute_signals
from featurize.video_features.blinks import blink_features
from featurize.video_features.expression_dynamics import expression_dynamics
from featurize.video_features.expression_timing import expression_timing
from featurize.video_features.micro_expressions import micro_expressions
from featurize.video_features.statistics import noise_std
from tests.test_featurize.tracks import make_track

RATES_HZ = (24, 30000 / 1001, 60)


def with_blendshapes(duration_s: float = 12, fps: float = 25, missing=None, **curves) -> Recording:
    def shapes(time_s: np.ndarray) -> np.ndarray:
        values = np.zeros((len(time_s), 52))
        for name, curve in curves.items():
            values[:, BLENDSHAPE_NAMES.index(name)] = curve(time_s)
        return values

    return compute_signals(
        make_track(duration_s=duration_s, fps=fps, missing=missing, blendshapes=shapes)
    )


def bump(at_s: float, length_s: float, height: float):
    return lambda t: height * np.exp(-(((t - at_s) / (length_s / 2.355)) ** 2) / 2)


class TestExpressionDynamics:
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

    def test_smile_three_times_as_wide_on_one_side(self) -> None:
        recording = with_blendshapes(
            mouthSmileLeft=lambda t: 0.4 + 0.3 * np.sin(2 * t),
            mouthSmileRight=lambda t: 0.4 + 0.1 * np.sin(2 * t),
        )
        found = expression_dynamics(recording)["expression__mouth_smile_left_right__asymmetry"]
        assert found == pytest.approx((3 - 1) / (3 + 1), abs=1e-3)

    def test_rounding_near_zero_has_no_sides(self) -> None:
        dust = lambda t: 1e-5 * (1 + np.sin(2 * t))  # noqa: E731
        found = expression_dynamics(with_blendshapes(mouthSmileLeft=dust, mouthSmileRight=dust))
        assert np.isnan(found["expression__mouth_smile_left_right__pearson"])
        assert np.isnan(found["expression__mouth_smile_left_right__asymmetry"])

    def test_coefficients_that_never_move_are_no_signals(self) -> None:
        names = [signal.name for signal in BLENDSHAPE_SIGNALS]
        assert len(names) == len(BLENDSHAPE_NAMES) - len(NEVER_MOVING) == 45
        assert not {snake_case(name) for name in NEVER_MOVING} & set(names)
        assert set(BLENDSHAPE_NAMES) >= NEVER_MOVING


class TestMicroExpressions:
    def test_brief_brow_raise_is_a_micro_expression_and_a_long_one_is_not(self) -> None:
        brief = micro_expressions(with_blendshapes(browInnerUp=bump(5, 0.25, 0.4)))
        long = micro_expressions(with_blendshapes(browInnerUp=bump(5, 2.5, 0.4)))
        assert brief["expression__micro_expression__rate_per_min"] == pytest.approx(5, rel=0.02)
        assert brief["expression__micro_expression__prominence_median"] == pytest.approx(
            0.4, abs=0.03
        )
        assert long["expression__micro_expression__rate_per_min"] == 0

    def test_one_movement_of_several_muscles_is_one_event(self) -> None:
        both = with_blendshapes(
            browInnerUp=bump(5, 0.25, 0.4), browOuterUpLeft=bump(5.05, 0.25, 0.3)
        )
        assert micro_expressions(both)[
            "expression__micro_expression__rate_per_min"
        ] == pytest.approx(5, rel=0.02)

    def test_speech_is_brief_movement_but_no_micro_expression(self) -> None:
        speech = with_blendshapes(jawOpen=lambda t: 0.3 + 0.3 * np.sin(2 * np.pi * 3 * t))
        found = micro_expressions(speech)
        assert found["expression__micro_expression__rate_per_min"] == 0
        assert found["expression__brief_movement__rate_per_min"] > 100

    @pytest.mark.parametrize("frequency_hz", [2.5, 3.8, 4.2, 5.0, 6.0])
    def test_every_syllable_counts_however_fast(self, frequency_hz: float) -> None:
        speech = with_blendshapes(
            jawOpen=lambda t: 0.3 + 0.3 * np.sin(2 * np.pi * frequency_hz * t)
        )
        rate = micro_expressions(speech)["expression__brief_movement__rate_per_min"]
        assert rate == pytest.approx(60 * frequency_hz, rel=0.05)

    def test_a_single_frame_that_sticks_out_is_no_expression(self) -> None:
        def spike(t: np.ndarray) -> np.ndarray:
            return np.where(np.arange(len(t)) == 100, 0.4, 0.0)

        found = micro_expressions(with_blendshapes(browInnerUp=spike))
        assert found["expression__micro_expression__rate_per_min"] == 0

    @pytest.mark.parametrize("fps", RATES_HZ)
    @pytest.mark.parametrize("length_s", [0.15, 0.3, 0.45])
    def test_rate_and_height_at_every_frame_rate(self, fps: float, length_s: float) -> None:
        raises = lambda t: sum(bump(at, length_s, 0.4)(t) for at in (2.03, 5.51, 9.27))  # noqa: E731
        found = micro_expressions(with_blendshapes(fps=fps, browInnerUp=raises))
        assert found["expression__micro_expression__rate_per_min"] == pytest.approx(15, rel=0.02)
        assert found["expression__micro_expression__prominence_median"] == pytest.approx(
            0.4, abs=0.04
        )

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_noise_is_no_expression_and_hides_none(self, fps: float) -> None:
        def noisy(height: float):
            rng = np.random.default_rng(1)
            return lambda t: 0.3 + bump(6, 0.3, height)(t) + rng.normal(0, 0.04, len(t))

        name = "expression__micro_expression__rate_per_min"
        assert micro_expressions(with_blendshapes(fps=fps, browInnerUp=noisy(0)))[name] == 0
        found = micro_expressions(with_blendshapes(fps=fps, browInnerUp=noisy(0.5)))[name]
        assert found == pytest.approx(5, rel=0.02)

    @pytest.mark.parametrize("fps", [15, 24, 60])
    def test_noise_of_every_coefficient_adds_no_movements(self, fps: float) -> None:
        """Four movements of the lips and four of the brows in 24 s, apart from each other."""
        rng = np.random.default_rng(5)
        first_s = {"mouthPucker": 2.0, "browInnerUp": 5.0}

        def noisy(name: str):
            times_s = first_s[name] + 6 * np.arange(4) if name in first_s else []
            return lambda t: (
                0.3 + sum(bump(at, 0.3, 0.5)(t) for at in times_s) + rng.normal(0, 0.03, len(t))
            )

        curves = {name: noisy(name) for name in BLENDSHAPE_NAMES}
        found = micro_expressions(with_blendshapes(24, fps, **curves))
        # One event more or less is 2.5 a minute.
        assert found["expression__brief_movement__rate_per_min"] == pytest.approx(20, abs=5.1)
        assert found["expression__micro_expression__rate_per_min"] == pytest.approx(10, abs=2.6)

    @pytest.mark.parametrize("frequency_hz", [3.8, 6.0])
    def test_noise_hides_no_syllables(self, frequency_hz: float) -> None:
        rng = np.random.default_rng(6)
        speech = with_blendshapes(
            jawOpen=lambda t: (
                0.3 + 0.3 * np.sin(2 * np.pi * frequency_hz * t) + rng.normal(0, 0.03, len(t))
            )
        )
        rate = micro_expressions(speech)["expression__brief_movement__rate_per_min"]
        assert rate == pytest.approx(60 * frequency_hz, rel=0.05)

    def test_blinks_are_found_once_for_a_recording(self, monkeypatch) -> None:
        recording = with_blendshapes(browInnerUp=bump(5, 0.25, 0.4))
        micro_expressions(recording)
        monkeypatch.delattr("featurize.video_features.blinks.find_blinks")
        assert blink_features(recording)["eyes__blink__rate_per_min"] == 0

    def test_brows_that_move_with_a_blink_are_part_of_it(self) -> None:
        recording = with_blendshapes(
            eyeSquintLeft=lambda t: bump(4, 0.2, 0.4)(t) + bump(8, 0.2, 0.4)(t)
        )
        ear = 0.3 - bump(4.04, 0.2, 0.28)(recording.time_s)
        eyes = {"eyes__ear_left": ear, "eyes__ear_right": ear}
        name = "expression__micro_expression__rate_per_min"
        assert micro_expressions(recording)[name] == pytest.approx(10, rel=0.02)
        blinking = Recording(recording.track, dict(recording.signals) | eyes)
        assert micro_expressions(blinking)[name] == pytest.approx(5, rel=0.02)


def trapezia(onset_s: float, apex_s: float, offset_s: float, height: float = 0.5):
    """An event every three seconds, with straight flanks."""

    def curve(t: np.ndarray) -> np.ndarray:
        edges = np.cumsum([0.3, onset_s, apex_s, offset_s])
        return np.interp(t % 3, edges, [0, height, height, 0])

    return curve


GROUPS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "brow_raise": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "jaw_opening": ("jawOpen",),
}


def timing(group: str, curve, **scene) -> dict[str, float]:
    recording = with_blendshapes(**dict.fromkeys(GROUPS[group], curve), **scene)
    found = expression_timing(recording)
    prefix = f"expression__{group}_"
    others = [value for name, value in found.items() if not name.startswith(prefix)]
    assert np.isnan(others).all()
    return {
        name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)
    }


class TestTiming:
    @pytest.mark.parametrize("fps", RATES_HZ)
    @pytest.mark.parametrize("group", GROUPS)
    def test_onset_apex_offset_in_their_closed_forms(self, fps: float, group: str) -> None:
        found = timing(group, trapezia(0.4, 0.5, 0.8), fps=fps)
        # From 10 to 90 % of straight flanks; above 90 % is the apex and a tenth of each flank.
        assert found["onset_s__median"] == pytest.approx(0.8 * 0.4, abs=0.02)
        assert found["apex_s__median"] == pytest.approx(0.5 + 0.1 * (0.4 + 0.8), abs=0.03)
        assert found["onset__share_median"] == pytest.approx(1 / 3, abs=0.02)
        assert found["speed__asymmetry_median"] == pytest.approx(1 / 3, abs=0.05)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_backwards_onset_and_offset_change_places(self, fps: float) -> None:
        found = timing("smile", trapezia(0.8, 0.5, 0.4), fps=fps)
        assert found["onset__share_median"] == pytest.approx(2 / 3, abs=0.02)
        assert found["speed__asymmetry_median"] == pytest.approx(-1 / 3, abs=0.05)

    @pytest.mark.parametrize("height", [0.15, 0.9])
    def test_height_does_not_matter(self, height: float) -> None:
        found = timing("jaw_opening", trapezia(0.4, 0.2, 0.8, height))
        assert found["onset__share_median"] == pytest.approx(1 / 3, abs=0.02)

    def test_small_noise_does_not_matter(self) -> None:
        rng = np.random.default_rng(2)
        clean = trapezia(0.5, 0.0, 1.0)
        found = timing("jaw_opening", lambda t: clean(t) + rng.normal(0, 0.01, len(t)))
        assert found["onset__share_median"] == pytest.approx(1 / 3, abs=0.08)

    @pytest.mark.parametrize("fps", [15, 25, 60])
    @pytest.mark.parametrize(
        ("onset_s", "offset_s"), [(0.4, 0.8), (0.8, 0.4), (0.6, 0.6), (0.3, 0.9)]
    )
    def test_speeds_are_those_of_the_flanks_also_in_noise(
        self, fps: float, onset_s: float, offset_s: float
    ) -> None:
        """Straight flanks are as fast as they are short."""
        rng = np.random.default_rng(4)
        clean = trapezia(onset_s, 0.5, offset_s)
        found = timing(
            "jaw_opening",
            lambda t: clean(t) + rng.normal(0, 0.01, len(t)),
            fps=fps,
            duration_s=30,
        )
        truth = (offset_s - onset_s) / (offset_s + onset_s)
        assert found["speed__asymmetry_median"] == pytest.approx(truth, abs=0.13)

    def test_a_dip_in_a_rise_does_not_leave_the_range(self) -> None:
        """One frame low ends an event in mid-rise, and the fits go on rising through it."""

        def curve(t: np.ndarray) -> np.ndarray:
            since_s = t % 1.5
            dip = np.where(np.round(since_s * 60) == 18, 0.13, 0)
            return np.interp(since_s, [0, 0.6, 1.5], [0, 0.9, 0]) - dip

        found = timing("jaw_opening", curve, fps=60)
        assert 0 < found["speed__asymmetry_median"] <= 1

    def test_noise_alone_has_no_events(self) -> None:
        rng = np.random.default_rng(3)
        found = timing("jaw_opening", lambda t: 0.3 + rng.normal(0, 0.05, len(t)))
        assert np.isnan(list(found.values())).all()

    def test_two_events_are_too_few(self) -> None:
        found = timing("smile", trapezia(0.4, 0.5, 0.8), duration_s=6)
        assert np.isnan(list(found.values())).all()
        found = timing("smile", trapezia(0.4, 0.5, 0.8), duration_s=9)
        assert np.isfinite(list(found.values())).all()

    def test_an_event_that_is_not_seen_whole_leaves_the_others(self) -> None:
        """The face is away during the apex of the second of four smiles."""
        found = timing("smile", trapezia(0.4, 0.5, 0.8), missing=slice(97, 102))
        assert found["onset__share_median"] == pytest.approx(1 / 3, abs=0.02)
        assert found["onset_s__median"] == pytest.approx(0.32, abs=0.02)

    def test_sides_may_be_swapped(self) -> None:
        left, right = trapezia(0.4, 0.2, 0.8), trapezia(0.5, 0.1, 0.8, 0.3)
        one = with_blendshapes(mouthSmileLeft=left, mouthSmileRight=right)
        other = with_blendshapes(mouthSmileLeft=right, mouthSmileRight=left)
        for summary in (expression_timing, expression_dynamics, micro_expressions):
            assert summary(one) == pytest.approx(summary(other), nan_ok=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("missing", [slice(None), slice(11, None)])
def test_a_face_that_is_hardly_seen_has_no_dynamics(missing: slice) -> None:
    curves = dict.fromkeys(("browInnerUp", "jawOpen"), trapezia(0.1, 0.1, 0.1))
    recording = with_blendshapes(missing=missing, **curves)
    found = expression_timing(recording) | micro_expressions(recording)
    assert np.isnan(list(found.values())).all()
    assert missing.start or np.isnan(list(expression_dynamics(recording).values())).all()


@pytest.mark.filterwarnings("error")
def test_without_blendshapes_all_is_nan() -> None:
    recording = compute_signals(replace(make_track(), blendshapes=None))
    for summary in (expression_timing, expression_dynamics, micro_expressions):
        assert np.isnan(list(summary(recording).values())).all()


@pytest.mark.parametrize("sigma", [0.01, 1.0])
def test_noise_is_told_from_what_it_sits_on(sigma: float) -> None:
    time_s = np.arange(2000) / 25
    noise = np.random.default_rng(9).normal(0, sigma, len(time_s))
    smooth = 20 * sigma * np.sin(2 * np.pi * 0.2 * time_s)
    assert noise_std(smooth + noise) == pytest.approx(sigma, rel=0.06)
    assert noise_std(np.array([1.0, 2.0])) == 0
