"""Blinks: known ones are found, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from featurize.declaration import Recording
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


FIVE = [(2.0, 0.3, 0.9), (5.0, 0.25, 0.8), (6.0, 0.3, 0.9), (11.0, 0.35, 1.0), (17.0, 0.3, 0.7)]


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

    def test_a_wink_is_no_blink(self) -> None:
        values, time_s = ear(FIVE)
        still, _ = ear([], seed=1)
        assert len(find_blinks(values, still, time_s)) == 0

    def test_looking_down_and_long_closures_are_no_blinks(self) -> None:
        values, time_s = ear([(3.0, 4.0, 0.5), (12.0, 3.0, 1.0)])
        assert len(find_blinks(values, values, time_s)) == 0

    def test_slow_change_of_the_open_level_hides_no_blink(self) -> None:
        values, time_s = ear(FIVE)
        values = values * (1 + 0.25 * np.sin(2 * np.pi * time_s / 12))
        assert len(find_blinks(values, values, time_s)) == 5

    def test_noise_alone_does_not_blink(self) -> None:
        values, time_s = ear([], noise=0.02)
        assert len(find_blinks(values, values, time_s)) == 0

    def test_gap_in_a_blink_is_not_guessed(self) -> None:
        values, time_s = ear(FIVE)
        values[(time_s > 4.9) & (time_s < 5.4)] = np.nan
        found = find_blinks(values, values, time_s)
        assert found["peak_s"].round().tolist() == [2, 6, 11, 17]

    def test_lag_between_the_eyes(self) -> None:
        right, time_s = ear(FIVE, fps=60, noise=0)
        left, _ = ear([(s + 0.05, d, depth) for s, d, depth in FIVE], fps=60, noise=0)
        assert find_blinks(left, right, time_s)["lag_s"].mean() == pytest.approx(0.05, abs=0.011)

    def test_nothing_to_find(self) -> None:
        nothing = np.full(100, np.nan)
        assert find_blinks(nothing, nothing, np.arange(100) / 25).empty
        assert find_blinks(np.empty(0), np.empty(0), np.empty(0)).empty


class TestBlinkFeatures:
    def test_counts_per_minute_and_regularity(self) -> None:
        regular = [(1.0 + 2.0 * n, 0.3, 0.9) for n in range(9)]
        values, _ = ear(regular, fps=25, noise=0.002)
        found = blink_features(recording_of(eyes__ear_left=values, eyes__ear_right=values))
        assert found["eyes__blink__rate_per_min"] == pytest.approx(27, abs=0.1)
        assert found["eyes__blink__interval_cv"] < 0.05
        assert found["eyes__blink__completeness_median"] == pytest.approx(0.9, abs=0.08)
        assert found["eyes__blink__lag_abs_median_s"] < 0.03
        assert found["eyes__ear_left_right__pearson"] == pytest.approx(1)

    def test_no_blinks(self) -> None:
        values, _ = ear([], fps=25)
        found = blink_features(recording_of(eyes__ear_left=values, eyes__ear_right=values))
        assert found["eyes__blink__rate_per_min"] == 0
        assert np.isnan(found["eyes__blink__duration_median_s"])
        assert np.isnan(found["eyes__blink__interval_cv"])

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
        values[200:300] = np.nan
        found = blink_features(recording_of(eyes__ear_left=values, eyes__ear_right=values))
        assert found["eyes__blink__interval_cv"] < 0.05

    def test_closed_share(self) -> None:
        values = np.full(500, 0.3)
        values[100:200] = 0.05
        found = blink_features(recording_of(eyes__ear_left=values, eyes__ear_right=values))
        assert found["eyes__closed__share"] == pytest.approx(0.2)
