"""Blinks: known ones are found, and nothing else is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from featurize.declaration import Recording
from featurize.synthesis import Blink
from featurize.video_features.blinks import blink_features, find_blinks
from tests.test_featurize.tracks import make_track, recording_of

RATES_HZ = (24, 30000 / 1001, 60)


def ear(
    blinks: list[tuple[float, float, float]],
    duration_s: float = 20,
    fps: float = 30,
    open_level: float = 0.3,
    noise: float = 0.004,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """EAR of an eye that blinks at (start, duration, depth), as raised cosines; and its times."""
    time_s = np.arange(round(duration_s * fps)) / fps
    closure = np.zeros_like(time_s)
    for start_s, length_s, depth in blinks:
        phase = (time_s - start_s) / length_s
        inside = (phase > 0) & (phase < 1)
        closure[inside] = depth * (1 - np.cos(2 * np.pi * phase[inside])) / 2
    rng = np.random.default_rng(seed)
    return open_level * (1 - closure) + rng.normal(0, noise, len(time_s)), time_s


def scripted(
    blinks: list[Blink],
    duration_s: float = 30,
    fps: float = 30,
    open_level: float = 0.3,
    noise: float = 0.006,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """EAR of an eye whose lids fall fast and rise slowly; a shut eye keeps a fifth of it."""
    time_s = np.arange(round(duration_s * fps)) / fps
    closure = [max((blink.closure(t) for blink in blinks), default=0.0) for t in time_s]
    rng = np.random.default_rng(seed)
    shown = open_level * (1 - 0.8 * np.array(closure))
    return shown + rng.normal(0, noise, len(time_s)), time_s


def plateau(time_s: np.ndarray, start_s: float, end_s: float, edge_s: float = 0.1) -> np.ndarray:
    """From 0 to 1 at the start and back at the end, within ``edge_s`` each."""
    rise = np.clip((time_s - start_s) / edge_s, 0, 1)
    return rise - np.clip((time_s - end_s) / edge_s, 0, 1)


def found_peaks(found: pd.DataFrame, truth: list[Blink]) -> bool:
    """Whether these blinks were found, one each, and nothing else."""
    return len(found) == len(truth) and bool(
        np.all(np.abs(found["peak_s"] - [blink.peak_s for blink in truth]) < 0.06)
    )


FIVE = [(2.0, 0.3, 0.9), (5.0, 0.25, 0.8), (6.0, 0.3, 0.9), (11.0, 0.35, 1.0), (17.0, 0.3, 0.7)]
# Whole and half ones, long and short ones, and two in quick succession.
SCRIPT = [
    Blink(1.5, 0.32, 1.0),
    Blink(4.0, 0.28, 0.9),
    Blink(7.2, 0.40, 1.0),
    Blink(7.7, 0.36, 0.95),
    Blink(12.0, 0.26, 0.55),
    Blink(18.3, 0.45, 1.0),
    Blink(24.0, 0.32, 0.85),
    Blink(28.5, 0.32, 1.0),
]


class TestFindBlinks:
    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_known_blinks_are_found_with_time_depth_and_length(self, fps: float) -> None:
        values, time_s = ear(FIVE, fps=fps)
        found = find_blinks(values, values, time_s)
        assert len(found) == 5
        for row, (start_s, length_s, depth) in zip(found.itertuples(), FIVE, strict=True):
            assert row.peak_s == pytest.approx(start_s + length_s / 2, abs=0.04)
            assert row.depth == pytest.approx(depth, abs=0.08)
            # A raised cosine is above 40 % of its height for 0.564 of its length.
            assert row.end_s - row.start_s == pytest.approx(0.564 * length_s, abs=0.05)

    @pytest.mark.parametrize("fps", [12, *RATES_HZ, 120])
    @pytest.mark.parametrize("noise", [0.0, 0.006, 0.012])
    def test_scripted_blinks_at_any_frame_rate(self, fps: float, noise: float) -> None:
        values, time_s = scripted(SCRIPT, fps=fps, noise=noise)
        # At 12 fps a short half blink lies between two frames.
        seen = [blink for blink in SCRIPT if fps > 12 or blink.depth > 0.6]
        found = find_blinks(values, values, time_s)
        found = found[(found["peak_s"] - 12.1).abs() > 0.2] if fps == 12 else found
        assert found_peaks(found, seen)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_lids_fall_faster_than_they_rise(self, fps: float) -> None:
        """Of a raised half cosine, 40 to 80 % takes 0.269 of its time."""
        blinks = [Blink(1.0 + 1.3 * number, 0.4) for number in range(20)]
        values, time_s = scripted(blinks, fps=fps, noise=0.002)
        found = find_blinks(values, values, time_s).median()
        assert found["closing_s"] == pytest.approx(0.269 * 0.3 * 0.4, rel=0.2)
        assert found["opening_s"] == pytest.approx(0.269 * 0.6 * 0.4, rel=0.1)
        assert found["depth"] == pytest.approx(0.8, abs=0.03)
        assert found["opening_speed_per_s"] == pytest.approx(
            0.4 * 0.8 / found["opening_s"], rel=0.05
        )

    @pytest.mark.parametrize("fps", RATES_HZ)
    @pytest.mark.parametrize("reopened", [0.0, 0.15, 0.25])
    def test_lids_of_a_double_blink_that_hardly_reopens(self, fps: float, reopened: float) -> None:
        """Straight flanks of 0.15 s: 40 to 80 % is 0.06 s, and more where they span less."""
        time_s = np.arange(round(12 * fps)) / fps
        edges_s = [0.0, 0.15, 0.3, 0.45, 0.6]
        phase_s = (time_s - 1) % 2
        closure = np.interp(phase_s, edges_s, [0, 0.9, 0.9 * reopened, 0.9, 0])
        values = 0.3 * (1 - closure)
        found = find_blinks(values, values, time_s)
        assert len(found) == 12
        inner_s = 0.06 / (1 - reopened)
        first, second = found[::2].median(), found[1::2].median()
        assert first["closing_s"] == pytest.approx(0.06, abs=0.015)
        assert first["opening_s"] == pytest.approx(inner_s, abs=0.02)
        assert second["closing_s"] == pytest.approx(inner_s, abs=0.02)
        assert second["opening_s"] == pytest.approx(0.06, abs=0.015)

    @pytest.mark.parametrize("fps", RATES_HZ)
    def test_lids_that_come_down_slowly_before_they_blink(self, fps: float) -> None:
        """The glance, a third of the way down and half a second long, is no part of the closing."""
        time_s = np.arange(round(30 * fps)) / fps
        phase_s = (time_s - 1) % 3
        closure = np.interp(phase_s, [0, 0.1, 0.5, 0.6, 0.75], [0, 0.25, 0.25, 0.9, 0])
        values = 0.3 * (1 - closure)
        found = find_blinks(values, values, time_s).median()
        assert found["closing_s"] == pytest.approx(0.1 * 0.4 * 0.9 / 0.65, abs=0.015)
        assert found["closing_s"] < found["end_s"] - found["start_s"]

    def test_blinks_while_the_open_level_drifts_and_steps(self) -> None:
        values, time_s = scripted(SCRIPT)
        drift = 1 + 0.25 * np.sin(2 * np.pi * time_s / 12)
        down = 1 - 0.4 * plateau(time_s, 9.0, 11.0) - 0.3 * plateau(time_s, 17.9, 22.0)
        assert found_peaks(find_blinks(values * drift, values * drift, time_s), SCRIPT)
        assert found_peaks(find_blinks(values * down, values * down, time_s), SCRIPT)

    def test_a_wink_is_no_blink(self) -> None:
        values, time_s = ear(FIVE)
        still, _ = ear([], seed=1)
        assert len(find_blinks(values, still, time_s)) == 0
        assert len(find_blinks(still, values, time_s)) == 0

    def test_looking_down_and_long_closures_are_no_blinks(self) -> None:
        values, time_s = ear([(3.0, 4.0, 0.5), (12.0, 3.0, 1.0)])
        assert len(find_blinks(values, values, time_s)) == 0

    @pytest.mark.parametrize("length_s", [0.35, 0.5, 0.8, 1.5, 4.0])
    def test_a_glance_down_is_no_blink(self, length_s: float) -> None:
        """The lids follow the gaze half way, stay there, and come back as fast."""
        values, time_s = scripted(SCRIPT[:2])
        values = values * (1 - 0.5 * plateau(time_s, 8.0, 8.0 + length_s, edge_s=0.06))
        assert found_peaks(find_blinks(values, values, time_s), SCRIPT[:2])

    def test_a_shut_eye_may_stay_shut_for_a_moment(self) -> None:
        values, time_s = scripted([])
        values = values * (1 - 0.8 * plateau(time_s, 8.0, 8.35, edge_s=0.08))
        assert len(find_blinks(values, values, time_s)) == 1

    def test_a_squint_is_no_blink(self) -> None:
        values, time_s = scripted(SCRIPT[:4])
        values = values * (1 - 0.45 * plateau(time_s, 14.0, 20.0, edge_s=0.5))
        assert found_peaks(find_blinks(values, values, time_s), SCRIPT[:4])

    def test_a_head_turn_is_no_blink(self) -> None:
        """The far eye narrows, the near one hardly, and both come back in a second."""
        values, time_s = scripted(SCRIPT[:4])
        turned = np.sin(np.pi * plateau(time_s, 14.0, 15.5, edge_s=0.7) / 2) ** 2
        far, near = values * (1 - 0.5 * turned), values * (1 - 0.1 * turned)
        assert found_peaks(find_blinks(far, near, time_s), SCRIPT[:4])

    @pytest.mark.parametrize("fps", [24, 30, 60, 120])
    @pytest.mark.parametrize("seed", range(3))
    def test_noise_alone_does_not_blink(self, fps: float, seed: int) -> None:
        values, time_s = ear([], noise=0.02, fps=fps, seed=seed)
        assert len(find_blinks(values, values, time_s)) == 0

    def test_dropped_frames(self) -> None:
        """A fifth of the frames is gone; each blink lasts eight or more."""
        values, time_s = scripted(SCRIPT)
        kept = np.random.default_rng(4).random(len(time_s)) > 0.2
        found = find_blinks(values[kept], values[kept], time_s[kept])
        near = np.abs(found["peak_s"].to_numpy()[:, None] - [b.peak_s for b in SCRIPT]) < 0.07
        assert near.any(axis=1).all()
        assert near.any(axis=0).sum() >= len(SCRIPT) - 1

    def test_gap_in_a_blink_is_not_guessed(self) -> None:
        values, time_s = ear(FIVE)
        values[(time_s > 4.9) & (time_s < 5.4)] = np.nan
        found = find_blinks(values, values, time_s)
        assert found["peak_s"].round().tolist() == [2, 6, 11, 17]

    @pytest.mark.parametrize("fps", [24, 30, 60])
    def test_a_frame_that_is_missing_from_each_blink_is_bridged(self, fps: float) -> None:
        values, time_s = scripted(SCRIPT, fps=fps)
        for blink in SCRIPT:
            values[np.argmin(np.abs(time_s - blink.peak_s))] = np.nan
        assert found_peaks(find_blinks(values, values, time_s), SCRIPT)

    @pytest.mark.parametrize("cut_s", [1.6, 1.62, 1.65])
    def test_a_blink_that_is_cut_off_does_not_count(self, cut_s: float) -> None:
        values, time_s = scripted(SCRIPT)
        before, after = time_s < cut_s, time_s >= cut_s
        assert find_blinks(values[before], values[before], time_s[before]).empty
        assert found_peaks(find_blinks(values[after], values[after], time_s[after]), SCRIPT[1:])

    @pytest.mark.parametrize("lag_s", [0.05, 0.012, -0.02])
    def test_lag_between_the_eyes(self, lag_s: float) -> None:
        right, time_s = ear(FIVE, fps=60, noise=0)
        left, _ = ear([(s + lag_s, d, depth) for s, d, depth in FIVE], fps=60, noise=0)
        assert find_blinks(left, right, time_s)["lag_s"].mean() == pytest.approx(lag_s, rel=0.15)

    def test_the_eyes_may_be_swapped(self) -> None:
        left, time_s = scripted(SCRIPT, seed=1)
        right, _ = scripted(SCRIPT, seed=2)
        one, other = find_blinks(left, right, time_s), find_blinks(right, left, time_s)
        assert one["lag_s"].to_numpy() == pytest.approx(-other["lag_s"].to_numpy())
        pd.testing.assert_frame_equal(one.drop(columns="lag_s"), other.drop(columns="lag_s"))

    @given(factor=st.floats(0.2, 5), shift_s=st.floats(0, 1000))
    @settings(max_examples=15, deadline=None)
    def test_the_scale_of_the_ear_and_the_start_of_the_clock_do_not_matter(
        self, factor: float, shift_s: float
    ) -> None:
        values, time_s = scripted(SCRIPT[:4], duration_s=10)
        found = find_blinks(values, values, time_s)
        other = find_blinks(values * factor, values * factor, time_s + shift_s)
        assert other["depth"].to_numpy() == pytest.approx(found["depth"].to_numpy(), abs=1e-6)
        assert other["peak_s"].to_numpy() - shift_s == pytest.approx(
            found["peak_s"].to_numpy(), abs=0.021
        )

    @given(
        arrays(
            float,
            (90, 2),
            elements=st.one_of(st.floats(0, 2), st.sampled_from([0.0, 0.3, np.nan])),
        )
    )
    @settings(max_examples=60, deadline=None)
    @pytest.mark.filterwarnings("error")
    def test_whatever_comes_in_the_table_is_sound(self, eyes: np.ndarray) -> None:
        found = find_blinks(eyes[:, 0], eyes[:, 1], np.arange(90) / 30)
        assert np.isfinite(found.to_numpy()).all()
        assert ((found["depth"] >= 0.25) & (found["depth"] <= 1)).all()
        assert (found["start_s"] < found["peak_s"]).all()
        assert (found["peak_s"] < found["end_s"]).all()
        assert found["peak_s"].is_monotonic_increasing
        assert (found[["closing_s", "opening_s"]] > 0).all(axis=None)
        lids_s, whole_s = found["closing_s"] + found["opening_s"], found["end_s"] - found["start_s"]
        assert (lids_s <= whole_s + 1e-9).all()

    def test_nothing_to_find(self) -> None:
        nothing = np.full(100, np.nan)
        assert find_blinks(nothing, nothing, np.arange(100) / 25).empty
        assert find_blinks(np.empty(0), np.empty(0), np.empty(0)).empty


def features_of(values: np.ndarray) -> dict[str, float]:
    """Blink features of both eyes doing the same at 25 frames per second."""
    return blink_features(recording_of(eyes__ear_left=values, eyes__ear_right=values))


class TestBlinkFeatures:
    def test_counts_per_minute_and_regularity(self) -> None:
        regular = [(1.0 + 2.0 * n, 0.3, 0.9) for n in range(9)]
        values, _ = ear(regular, fps=25, noise=0.002)
        found = features_of(values)
        assert found["eyes__blink__rate_per_min"] == pytest.approx(27, abs=0.1)
        assert found["eyes__blink__interval_cv"] < 0.05
        assert found["eyes__blink__completeness_median"] == pytest.approx(0.9, abs=0.08)
        assert found["eyes__blink__incomplete_share"] == 0
        assert found["eyes__blink__lag_abs_median_s"] == pytest.approx(0, abs=1e-9)
        assert found["eyes__blink__opening_to_closing_median"] == pytest.approx(1, abs=0.15)
        assert found["eyes__ear_left_right__pearson"] == pytest.approx(1)

    def test_opening_takes_longer_than_closing(self) -> None:
        values, _ = scripted([Blink(1 + 1.5 * n, 0.4) for n in range(18)], fps=25, noise=0.002)
        found = features_of(values)
        assert found["eyes__blink__opening_to_closing_median"] == pytest.approx(2, rel=0.2)
        closing = found["eyes__blink__closing_speed_median_per_s"]
        opening = found["eyes__blink__opening_speed_median_per_s"]
        assert closing / opening == pytest.approx(2, rel=0.2)

    def test_half_blinks_are_incomplete(self) -> None:
        blinks = [Blink(1 + 2.0 * n, 0.3, 0.5 if n % 3 == 0 else 1.0) for n in range(12)]
        values, _ = scripted(blinks, fps=25, noise=0.002)
        assert features_of(values)["eyes__blink__incomplete_share"] == pytest.approx(1 / 3)

    def test_no_blinks(self) -> None:
        values, _ = ear([], fps=25)
        found = features_of(values)
        known = {name for name, value in found.items() if np.isfinite(value)}
        assert found["eyes__blink__rate_per_min"] == 0
        assert known == {
            "eyes__blink__rate_per_min",
            "eyes__ear_left_right__pearson",
            "eyes__closed__share",
        }

    def test_one_blink_has_no_spread_and_no_share(self) -> None:
        values, _ = ear(FIVE[:1], fps=25)
        found = features_of(values)
        assert np.isfinite(found["eyes__blink__duration_median_s"])
        for name in ("completeness_std", "incomplete_share", "interval_cv"):
            assert np.isnan(found[f"eyes__blink__{name}"])

    def test_rate_is_per_time_also_when_the_frame_rate_changes(self) -> None:
        """Ten seconds at 60 fps, then ten at 15: six blinks in twenty seconds."""
        times_s = np.concatenate([np.arange(600) / 60, 10 + np.arange(150) / 15])
        values = np.full(750, 0.3)
        for peak_s in (1.0, 4.0, 7.0, 11.0, 14.0, 17.0):
            values -= 0.27 * np.exp(-(((times_s - peak_s) / 0.09) ** 2))
        track = replace(make_track(duration_s=30), time_s=times_s)
        signals = {"eyes__ear_left": values, "eyes__ear_right": values}
        found = blink_features(Recording(track, signals))
        assert found["eyes__blink__rate_per_min"] == pytest.approx(18, rel=0.01)

    def test_an_interval_that_was_not_seen_whole_does_not_count(self) -> None:
        values, _ = ear([(1.0 + 2.0 * n, 0.3, 0.9) for n in range(9)], fps=25, noise=0.002)
        whole = features_of(values)["eyes__blink__interval_cv"]
        values[130:132] = np.nan
        assert features_of(values)["eyes__blink__interval_cv"] == pytest.approx(whole, abs=0.01)
        values[200:300] = np.nan
        assert features_of(values)["eyes__blink__interval_cv"] < 0.05

    def test_closed_share(self) -> None:
        values = np.full(500, 0.3)
        values[100:200] = 0.05
        assert features_of(values)["eyes__closed__share"] == pytest.approx(0.2)
