"""Series: signals over a window at one rate, whatever the rate of the frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.declaration import Recording
from featurize.registry import FRAME_SIGNALS, compute_signals
from featurize.types import LandmarkTrack
from featurize.video_features.series import (
    LONGEST_GAP_S,
    SERIES_HZ,
    SERIES_SIGNALS,
    series_features,
    series_steps,
    series_values,
)
from tests.test_featurize.tracks import make_track, turn

YAW = [signal.name for signal in SERIES_SIGNALS].index("yaw_deg")
EAR = [signal.name for signal in SERIES_SIGNALS].index("ear_left")


def recording(time_s, yaw_deg):
    """Frames at any times; every signal is the one given."""
    n = len(time_s)
    track = LandmarkTrack(
        points_px=np.zeros((n, 478, 3), np.float32),
        time_s=np.asarray(time_s, float),
        confidence=np.ones(n, np.float32),
        schema="mediapipe478",
        frame_size_px=(512, 512),
    )
    values = np.asarray(yaw_deg, float)
    return Recording(track, {signal.column: values for signal in SERIES_SIGNALS})


def yaw(time_s, yaw_deg, start_s=0.0, window_s=2.0):
    return series_values(recording(time_s, yaw_deg), start_s, window_s)[YAW]


def test_columns_have_the_names_of_signals_and_steps():
    features = series_features(25)
    names = [feature.name for feature in features]
    assert len(names) == len(set(names)) == 25 * len(SERIES_SIGNALS)
    assert names[:2] == ["series__ear_left__000", "series__ear_left__001"]
    assert names[24:26] == ["series__ear_left__024", "series__ear_right__000"]
    assert {feature.family for feature in features} == {"series"}
    assert "0.08 s to 0.16 s" in features[1].meaning
    assert [f.unit for f in features[::25]] == [signal.unit for signal in SERIES_SIGNALS]


def test_every_signal_is_one_of_the_registry_and_none_tells_where_the_face_is():
    assert {signal.column for signal in SERIES_SIGNALS} <= {s.column for s in FRAME_SIGNALS}
    here = make_track(2, 25, rotation=lambda t: turn(20 * t, 5 * t), noise_px=0.2, seed=1)
    there = make_track(
        2,
        25,
        rotation=lambda t: turn(20 * t, 5 * t),
        noise_px=0.4,
        seed=1,
        scale=2.0,
        shift_px=lambda t: (-60.0, 35.0),
        flow_noise_px=0.0,
    )
    near, far = (series_values(compute_signals(track), 0.0, 2.0) for track in (here, there))
    # Twice as large with twice the noise is the same face nearer to the camera.
    np.testing.assert_allclose(near, far, atol=0.011)


def test_the_same_motion_gives_the_same_series_at_any_frame_rate():
    def at(fps):
        track = make_track(
            4.0,
            fps,
            rotation=lambda t: turn(20 * np.sin(2 * np.pi * 0.7 * t), 6 * np.sin(5 * t), 3 * t),
            shape=lambda t, face: face * [1, 1 + 0.1 * np.sin(2 * np.pi * t), 1],
            blendshapes=lambda t: np.repeat(0.5 + 0.4 * np.sin(6 * t)[:, None], 52, axis=1),
        )
        return series_values(compute_signals(track), 0.0, 4.0)

    # In all but the first and last step, which are partly beyond the frames.
    dense = at(60.0)[:, 1:-1]
    span = np.ptp(dense, axis=1, keepdims=True)
    moving = span[:, 0] > 0.01
    assert moving[YAW]
    assert moving.sum() > 20
    for fps in (24.0, 25.0, 29.97, 30.0, 50.0):
        off = np.abs(at(fps)[:, 1:-1] - dense)[moving] / span[moving]
        assert off.max() < 0.02, fps


@given(st.lists(st.floats(0.005, 0.2), min_size=15, max_size=60), st.floats(-40, 40))
def test_a_line_keeps_its_values_however_frames_are_spaced(gaps, slope):
    time_s = 3.0 + np.cumsum(gaps)
    found = yaw(time_s, slope * (time_s - 3), start_s=3.0, window_s=8.0)
    middles = (np.arange(100) + 0.5) / SERIES_HZ
    inside = (middles > time_s[0] - 3 + 0.04) & (middles < time_s[-1] - 3 - 0.04)
    np.testing.assert_allclose(found[inside], slope * middles[inside], atol=0.0051)


def test_frames_denser_than_steps_are_averaged():
    time_s = np.arange(200) / 100
    noise = np.random.default_rng(0).normal(0, 5, 200)
    # Eight frames a step, the first and last of which belong half to it.
    whole = noise[:-8].reshape(-1, 8)
    expected = (noise[0:184:8] / 2 + whole[:23, 1:].sum(axis=1) + noise[8:192:8] / 2) / 8
    np.testing.assert_allclose(yaw(time_s, noise)[:23], expected, atol=0.0051)


def test_jitter_left_in_a_step_depends_on_the_frame_rate_and_every_column_says_so():
    """White jitter: what the documentation says is left of it."""
    rng = np.random.default_rng(3)
    for fps, left in ((12.5, 0.71), (25.0, 0.62), (60.0, 0.44)):
        time_s = np.arange(round(30 * fps)) / fps
        found = yaw(time_s, rng.normal(0, 10, len(time_s)), window_s=30.0)
        assert np.std(found) == pytest.approx(10 * left, rel=0.15)
    for feature in series_features(25):
        assert feature.confounded_by.count("frame rate") == 1


def test_columns_are_described_once():
    """A table has thousands of rows, and a row thousands of columns."""
    assert series_features(25) is series_features(25)


def test_short_gaps_are_bridged_and_long_ones_stay_unknown():
    time_s = np.arange(50) / 25
    line = 10 * time_s
    short, long = line.copy(), line.copy()
    short[20:25] = np.nan  # 0.24 s between the frames to either side
    long[20:26] = np.nan
    assert 6 / 25 < LONGEST_GAP_S < 7 / 25
    np.testing.assert_allclose(yaw(time_s, short)[1:-1], yaw(time_s, line)[1:-1], atol=0.011)
    found = yaw(time_s, long)
    # Known until 0.80 s and from 1.02 s on.
    assert np.flatnonzero(np.isnan(found)).tolist() == [10, 11, 12]
    np.testing.assert_allclose(found[[9, 13]], yaw(time_s, line)[[9, 13]], atol=0.25)


def test_a_face_that_comes_late_or_goes_early_leaves_steps_unknown():
    time_s = np.arange(0.5, 1.5, 0.04)
    found = yaw(time_s, np.ones(25))
    known = np.flatnonzero(np.isfinite(found))
    assert known.tolist() == list(range(6, 19))
    assert set(found[known]) == {1.0}


def test_every_step_of_a_whole_window_is_known_at_usual_rates():
    for fps in (10, 12.5, 15, 24, 25, 29.97, 60, 120):
        for offset in (-0.49, 0.0, 0.49):
            time_s = 7 + (np.arange(round(5 * fps)) + offset) / fps
            assert np.isfinite(yaw(time_s, np.ones(len(time_s)), 7.0, 5.0)).all(), (fps, offset)


def test_windows_of_a_video_join_where_they_were_cut():
    time_s = np.arange(250) / 25
    wave = 20 * np.sin(2 * time_s)
    whole = yaw(time_s, wave, 0.0, 10.0)
    later = yaw(time_s[125:], wave[125:], 5.0, 5.0)
    # 62 steps do not fill 5 s, so the later window's steps begin half a step off.
    middles = 5 + (np.arange(62) + 0.5) / SERIES_HZ
    expected = np.interp(middles, (np.arange(125) + 0.5) / SERIES_HZ, whole)
    np.testing.assert_allclose(later[1:-1], expected[1:-1], atol=0.1)


def test_values_are_rounded_to_what_their_unit_needs_and_zero_has_no_sign():
    values = series_values(recording(np.arange(50) / 25, np.full(50, -0.123456)), 0.0, 2.0)
    assert values[YAW, 5] == -0.12
    assert values[EAR, 5] == -0.1235
    tiny = yaw(np.arange(50) / 25, np.full(50, -1e-9))
    assert not np.signbit(tiny).any()


def test_unknown_signals_and_hardly_any_frames_give_nan_without_complaint():
    assert np.isnan(yaw(np.arange(50) / 25, np.full(50, np.nan))).all()
    assert np.isnan(yaw([0.1], [np.nan])).all()
    assert np.isfinite(yaw([0.1, 0.14], [1.0, 1.0])).sum() == 1
    # Two frames per second: only the instants of frames are known.
    assert np.isfinite(yaw(np.arange(4) / 2, np.ones(4))).sum() in range(4, 13)


def test_a_signal_that_is_not_known_leaves_the_others_as_they_are():
    track = make_track(2, 25)
    values = compute_signals(track)
    signals = {name: values.signals[name] for name in values.signals}
    signals["eyes__gaze_x_left"] = np.full(50, np.nan)
    found = series_values(Recording(track, signals), 0.0, 2.0)
    gaze = [signal.name for signal in SERIES_SIGNALS].index("gaze_x_left")
    assert np.isnan(found[gaze]).all()
    assert np.isfinite(np.delete(found, gaze, axis=0)).all()


@pytest.mark.parametrize(
    ("window_s", "n_steps"), [(2, 25), (2.5, 31), (5, 62), (10, 125), (30, 375)]
)
def test_steps_of_a_window(window_s, n_steps):
    assert series_steps(window_s) == n_steps
    values = series_values(recording(np.arange(40) / 25, np.ones(40)), 0.0, window_s)
    assert values.shape == (len(SERIES_SIGNALS), n_steps)
