"""Which frames networks look at: two a second and one neighbour a second, whatever the rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from featurize.sampled_frames import (
    SAMPLE_STEP_S,
    are_neighbours,
    first_of_stretch,
    neighbour_pairs,
    sampled_frames,
    stretch_of,
)


def shown(times_s: np.ndarray) -> np.ndarray:
    return np.ones(len(times_s), bool)


@pytest.mark.parametrize("fps", [10, 24, 29.97, 60, 120])
def test_two_samples_and_one_neighbour_a_second_at_any_rate(fps: float) -> None:
    times_s = np.arange(round(10 * fps)) / fps
    frames = sampled_frames(times_s, shown(times_s))
    firsts = frames[first_of_stretch(times_s[frames])]
    assert len(firsts) == 20
    assert np.abs(np.diff(times_s[firsts]) - SAMPLE_STEP_S).max() < 1 / fps
    pairs = neighbour_pairs(frames, times_s[frames])
    assert len(pairs) == 10
    assert len(frames) == 30
    assert np.all(np.isin(frames[pairs], firsts))
    assert np.all(frames[pairs + 1] == frames[pairs] + 1)
    assert np.diff(times_s[frames[pairs]]) == pytest.approx(1, abs=1.01 / fps)


@pytest.mark.parametrize("fps", [0.5, 1, 2])
def test_where_frames_are_further_apart_than_stretches_there_are_no_neighbours(fps: float) -> None:
    times_s = np.arange(20) / fps
    frames = sampled_frames(times_s, shown(times_s))
    assert frames.tolist() == list(range(20))
    assert first_of_stretch(times_s[frames]).all()
    assert neighbour_pairs(frames, times_s[frames]).tolist() == []


@pytest.mark.parametrize(
    ("fps", "n_pairs"), [(3, 0), (7, 0), (8, 20), (9, 20), (12.5, 20), (24, 20), (60, 20)]
)
@pytest.mark.parametrize("decimals", [3, 15])
def test_neighbours_are_an_eighth_of_a_second_apart_at_most(
    fps: float, n_pairs: int, decimals: int
) -> None:
    """Wherever a video begins, and though some files round times to a thousandth of a second."""
    for start_s in (0.0, 0.021, 1 / 16, 1 / 3, 1000.1):
        times_s = np.round(start_s + np.arange(round(20 * fps)) / fps, decimals)
        frames = sampled_frames(times_s, shown(times_s))
        pairs = neighbour_pairs(frames, times_s[frames])
        # The last stretch may be cut, and so may be the first.
        assert abs(len(pairs) - n_pairs) <= (1 if n_pairs else 0)
        # Nothing is looked at that is neither a sample nor a neighbour.
        assert len(frames) == first_of_stretch(times_s[frames]).sum() + len(pairs)


def test_after_a_dropped_frame_there_is_no_neighbour() -> None:
    times_s = np.delete(np.arange(50) / 25, [1, 2, 26, 27, 28])
    # 0.12 s after the first sample, and 0.16 s after the third.
    frames = sampled_frames(times_s, shown(times_s))
    assert times_s[frames] == pytest.approx([0, 0.12, 0.52, 1.0, 1.52])
    assert neighbour_pairs(frames, times_s[frames]).tolist() == [0]


def test_the_next_stretch_begins_with_a_sample_of_its_own() -> None:
    assert not are_neighbours(0.48, 0.52)
    assert are_neighbours(0.52, 0.56)


def test_the_last_bits_of_times_do_not_decide() -> None:
    times_s = np.arange(300) / 30
    for shift in (-1e-9, 1e-9):
        frames = sampled_frames(times_s + shift, shown(times_s))
        assert frames.tolist() == sampled_frames(times_s, shown(times_s)).tolist()


def test_a_face_that_comes_late_or_hides_is_sampled_when_it_is_there() -> None:
    times_s = np.arange(50) / 25
    present = shown(times_s)
    present[:3] = present[14] = False
    # 0.12 s and 0.16 s; 0.52 s is the first of an odd stretch; so on.
    assert sampled_frames(times_s, present).tolist() == [3, 4, 13, 25, 26, 38]
    present[4] = False  # no frame right after the sample shows the face: no neighbour
    assert sampled_frames(times_s, present).tolist() == [3, 13, 25, 26, 38]


@given(
    steps_s=stn.arrays(float, st.integers(1, 200), elements=st.floats(0.004, 1.0)),
    start_s=st.floats(0, 1e4),
    seed=st.integers(0, 99),
)
def test_of_every_stretch_with_the_face_the_first_frame_is_a_sample(
    steps_s: np.ndarray, start_s: float, seed: int
) -> None:
    times_s = start_s + np.cumsum(steps_s)
    present = np.random.default_rng(seed).random(len(times_s)) < 0.7
    frames = sampled_frames(times_s, present)
    assert frames.dtype == np.int64
    assert present[frames].all()
    assert np.all(np.diff(frames) > 0)
    firsts = {}
    for frame in np.flatnonzero(present).tolist():
        firsts.setdefault(int(stretch_of(times_s[frame])), frame)
    assert set(firsts.values()) <= set(frames.tolist())
    for frame in set(frames.tolist()) - set(firsts.values()):
        stretch = int(stretch_of(times_s[frame - 1]))
        assert firsts[stretch] == frame - 1
        assert stretch % 2 == 0
    # What was a first among all frames is told by the samples alone.
    assert frames[first_of_stretch(times_s[frames])].tolist() == sorted(firsts.values())


def test_nothing_is_sampled_of_nothing() -> None:
    assert sampled_frames(np.empty(0), np.empty(0, bool)).tolist() == []
    assert sampled_frames(np.arange(3.0), np.zeros(3, bool)).tolist() == []
