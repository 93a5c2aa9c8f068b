import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.synthesis.degradations import Film
from featurize.synthesis.degradations.timing import DroppedFrames, FrameRate, at_rate
from tests.test_featurize.test_synthesis.degradation_films import numbered

RATES = st.sampled_from([10.0, 12.5, 15.0, 23.976, 25.0, 29.97, 30.0, 50.0, 60.0])


def levels(film):
    return np.array([frame[0, 0, 0] for frame in film])


@given(RATES, RATES, st.integers(2, 200))
def test_another_rate_lasts_as_long_and_shows_what_was_there(before, fps, n_frames):
    film = at_rate(numbered(n_frames, fps=before), fps)
    assert abs(film.duration_s - n_frames / before) <= 1 / fps
    np.testing.assert_allclose(np.diff(film.time_s), 1 / fps, rtol=1e-9)
    shown = levels(film)
    assert len(shown) == film.n_frames
    # Never more than half a picture too early, nor once the next one should have come.
    late_s = film.time_s - shown / before
    assert np.all(late_s >= -0.5 / fps - 1e-6)
    assert np.all(late_s[shown < n_frames - 1] <= 1 / before + 0.5 / fps)


def test_half_the_rate_is_every_second_frame():
    np.testing.assert_array_equal(levels(at_rate(numbered(20, fps=30), 15)), np.arange(0, 20, 2))


def test_double_the_rate_is_every_frame_twice():
    shown = levels(at_rate(numbered(10, fps=25), 50))
    np.testing.assert_array_equal(shown, np.repeat(np.arange(10), 2))


def test_the_same_rate_changes_nothing():
    film = at_rate(numbered(25), 25)
    np.testing.assert_array_equal(levels(film), np.arange(25))
    np.testing.assert_allclose(film.time_s, np.arange(25) / 25)


def test_a_film_that_starts_late_and_has_gaps():
    frames = np.stack([np.full((16, 16, 3), k, np.uint8) for k in range(4)])
    film = at_rate(Film(frames, np.array([1.0, 1.1, 1.2, 2.0])), 10)
    assert film.time_s[0] == 1.0
    np.testing.assert_array_equal(levels(film), [0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3])


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]))
def test_a_single_picture_stays(seed, strength):
    for kind in (FrameRate, DroppedFrames):
        drawn = kind.drawn(np.random.default_rng(seed), strength)
        film = drawn.film(numbered(1), seed)
        assert film.n_frames == len(list(film)) >= 1
        assert film.time_s[0] == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]), st.integers(2, 250))
def test_exactly_the_lost_frames_are_missing(seed, strength, n_frames):
    kind = DroppedFrames.drawn(np.random.default_rng(seed), strength)
    lost = kind.lost(n_frames, seed)
    film = kind.film(numbered(n_frames), seed)
    np.testing.assert_array_equal(levels(film), np.flatnonzero(~lost))
    np.testing.assert_array_equal(film.time_s, (np.arange(n_frames) / 25)[~lost])
    assert not lost[0]
    assert not lost[-1]


@pytest.mark.parametrize(("share", "burst"), [(0.03, 1), (0.08, 3), (0.2, 5)])
def test_as_many_are_lost_as_it_says(share, burst):
    lost = DroppedFrames(2, share, burst).lost(60_000, 1)
    # Bursts that overlap lose a little less.
    assert 0.85 * share < lost.mean() < 1.05 * share
