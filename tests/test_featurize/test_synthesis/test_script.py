from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.errors import FeaturizeError
from featurize.synthesis import (
    Blink,
    Bumps,
    Constant,
    Sampled,
    Script,
    Sines,
    SynthesisError,
    random_script,
)

times = st.floats(0, 20)
INF, NAN = float("inf"), float("nan")


def test_yaw_follows_its_closed_form():
    script = Script(5.0, yaw_deg=Sines((10.0, 2.0), (0.5, 1.5), (0.0, np.pi / 2), offset=3.0))
    for t in np.linspace(0, 5, 41):
        expected = 3 + 10 * np.sin(np.pi * t) + 2 * np.cos(3 * np.pi * t)
        assert script.at(t).yaw_deg == pytest.approx(expected, abs=1e-9)


def test_sampled_curve_is_straight_between_its_points_and_level_outside():
    curve = Sampled((1.0, 2.0), (4.0, 8.0))
    assert [curve(t) for t in (0.0, 1.0, 1.5, 2.0, 9.0)] == [4.0, 4.0, 6.0, 8.0, 8.0]


def test_bump_has_its_height_at_its_centre_half_of_it_half_way_and_ends_at_its_foot():
    bump = Bumps((2.0,), (0.4,), (0.6,))
    assert bump(2.0) == pytest.approx(0.6)
    assert bump(2.1) == pytest.approx(0.3)
    assert bump(1.8) == pytest.approx(0.0, abs=1e-12)
    assert bump(2.5) == 0.0


def test_mouth_never_opens_wider_than_it_can():
    assert Bumps((1.0, 1.0), (0.4, 0.4), (0.9, 0.9))(1.0) == 1.0


def test_blink_is_at_its_depth_at_its_peak_and_open_before_and_after():
    blink = Blink(1.0, duration_s=0.4, depth=0.7)
    assert blink.closure(blink.peak_s) == pytest.approx(0.7)
    assert blink.closure(1.0) == 0.0
    assert blink.closure(1.4) == 0.0
    # Half way down after 15 % of the duration, half way up 30 % before its end.
    assert blink.closure(1.06) == pytest.approx(0.35)
    assert blink.closure(1.28) == pytest.approx(0.35)


@given(time_s=times, depth=st.floats(0, 1), duration_s=st.floats(0.05, 1.0))
def test_a_lid_never_covers_less_than_nothing_or_more_than_its_depth(time_s, depth, duration_s):
    assert 0 <= Blink(3.0, duration_s, depth).closure(time_s) <= depth


def test_of_two_overlapping_blinks_the_deeper_one_counts():
    shallow, deep = Blink(1.0, 0.4, 0.3), Blink(1.0, 0.4, 0.9)
    assert Script(3.0, blinks=(shallow, deep)).at(deep.peak_s).eye_closure == pytest.approx(0.9)


def test_without_blinks_only_the_eyes_change():
    script = random_script(3, 20.0)
    still = script.without_blinks()
    peak_s = script.blinks[0].peak_s
    assert still.at(peak_s).eye_closure == 0
    assert still.yaw_deg(peak_s) == script.yaw_deg(peak_s)
    assert still.mouth_opening is script.mouth_opening


@pytest.mark.parametrize(("fps", "count"), [(24, 120), (29.97, 150), (60, 300)])
def test_frame_times_are_evenly_spaced_over_the_duration(fps, count):
    at = Script(5.0).frame_times(fps)
    assert len(at) == count
    np.testing.assert_allclose(np.diff(at), 1 / fps)
    assert at[0] == 0


def test_the_same_seed_is_the_same_performance_and_another_seed_is_another():
    assert random_script(7, 10.0) == random_script(7, 10.0)
    assert random_script(7, 10.0) != random_script(8, 10.0)


def test_random_performances_are_natural():
    scripts = [random_script(seed, 60.0) for seed in range(20)]
    per_minute = [len(script.blinks) for script in scripts]
    assert 14 <= np.mean(per_minute) <= 22
    gaps = [np.diff([blink.start_s for blink in script.blinks]) for script in scripts]
    assert np.std(np.concatenate(gaps)) > 1.0
    states = [script.at(t) for script in scripts for t in np.arange(0, 60, 0.25)]
    assert np.percentile(np.abs([s.yaw_deg for s in states]), 99) < 25
    assert np.percentile(np.abs([s.pitch_deg for s in states]), 99) < 15
    assert np.percentile(np.abs([s.roll_deg for s in states]), 99) < 20
    assert all(0 <= s.mouth_opening <= 1 for s in states)


def test_speech_has_its_rhythm_in_the_band_of_syllables():
    step_s = 0.02
    for seed in range(5):
        script = random_script(seed, 60.0)
        mouth = np.array([script.mouth_opening(t) for t in np.arange(0, 60, step_s)])
        power = np.abs(np.fft.rfft(mouth - mouth.mean())) ** 2
        hz = np.fft.rfftfreq(len(mouth), step_s)
        assert 2.0 <= hz[hz > 1.5][np.argmax(power[hz > 1.5])] <= 7.0


def test_blinks_do_not_overlap():
    for seed in range(20):
        blinks = random_script(seed, 60.0).blinks
        for first, second in pairwise(blinks):
            assert second.start_s > first.start_s + first.duration_s


@given(seed=st.integers(0, 2**32 - 1), time_s=times)
def test_a_mirrored_state_mirrored_is_the_state(seed, time_s):
    state = random_script(seed, 5.0).at(time_s)
    assert state.mirrored().mirrored() == state
    assert state.mirrored().yaw_deg == -state.yaw_deg
    assert state.mirrored().pitch_deg == state.pitch_deg


@pytest.mark.parametrize(
    "order",
    [
        lambda: Blink(1.0, duration_s=0.0),
        lambda: Blink(1.0, depth=1.2),
        lambda: Blink(1.0, depth=NAN),
        lambda: Blink(1.0, duration_s=INF),
        lambda: Blink(NAN),
        lambda: Script(0.0),
        lambda: Script(-1.0),
        lambda: Script(INF),
        lambda: Script(NAN, yaw_deg=Constant(1.0)),
        lambda: Script(3.0, blinks=(Blink(2.0), Blink(1.0))),
        lambda: Script(3.0).frame_times(0.0),
        lambda: Script(3.0).frame_times(-25.0),
        lambda: Script(3.0).frame_times(NAN),
        lambda: random_script(0, 0.0),
        lambda: random_script(0, NAN),
        lambda: random_script(0, INF),
        lambda: Constant(NAN),
        lambda: Sines((1.0, 2.0), (1.0,), (0.0, 0.0)),
        lambda: Sines((1.0,), (1.0,), (0.0, 0.0)),
        lambda: Sines((1.0,), (INF,), (0.0,)),
        lambda: Sines((1.0,), (1.0,), (0.0,), offset=NAN),
        lambda: Sampled((), ()),
        lambda: Sampled((0.0, 1.0), (0.0,)),
        lambda: Sampled((1.0, 0.0), (0.0, 1.0)),
        lambda: Sampled((0.0, 1.0, 1.0), (0.0, 1.0, 2.0)),
        lambda: Sampled((0.0, NAN), (0.0, 1.0)),
        lambda: Sampled((0.0, 1.0), (0.0, INF)),
        lambda: Bumps((1.0, 2.0), (0.4,), (0.5, 0.5)),
        lambda: Bumps((1.0,), (0.0,), (0.5,)),
        lambda: Bumps((1.0,), (-0.4,), (0.5,)),
        lambda: Bumps((1.0,), (0.4,), (NAN,)),
    ],
)
def test_impossible_orders_are_refused(order):
    with pytest.raises(SynthesisError) as caught:
        order()
    assert isinstance(caught.value, FeaturizeError)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_curve_without_parts_is_level():
    assert Sines((), (), (), offset=2.0)(1.3) == 2.0
    assert Bumps((), (), ())(1.3) == 0.0
    assert Sampled((1.0,), (4.0,))(-7.0) == 4.0
