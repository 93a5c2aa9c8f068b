"""Trails become people: no track ever holds two, and nobody is lost who could be told."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.landmarks.people.linking import Trail, people
from featurize.landmarks.people.portraits import EMBEDDINGS_PER_S, FREE_EMBEDDINGS
from tests.test_featurize.stage import (
    Actor,
    Recogniser,
    Stage,
    perform,
    uniform_times,
    who,
)


def share_found(track, actor: Actor) -> float:
    """Share of the frames in which somebody is on stage in which his track has him."""
    on_stage = np.array([actor.on_stage(t) for t in track.time_s])
    return float(track.present[on_stage].mean())


class TestOnePerson:
    def test_nobody(self) -> None:
        assert perform(Stage([]), uniform_times(2)) == []

    def test_is_present_in_every_frame_at_the_right_place(self) -> None:
        recogniser = Recogniser()
        actor = Actor(0, lambda t: 200 + 50 * t)
        (track,) = perform(Stage([actor]), uniform_times(4), recogniser)
        assert track.present.all()
        middle = (track.points_px[..., 0].max(axis=1) + track.points_px[..., 0].min(axis=1)) / 2
        assert np.ptp(middle - 200 - 50 * track.time_s) < 0.01
        assert recogniser.n_embedded == 0

    def test_frames_without_the_face_are_rows_of_nan(self) -> None:
        actor = Actor(0, lambda _: 300, on_stage=lambda t: not 1 <= t < 1.4)
        (track,) = perform(Stage([actor]), uniform_times(3))
        assert np.flatnonzero(~track.present).tolist() == list(range(25, 35))
        assert np.isnan(track.points_px[25:35]).all()
        assert (track.confidence[25:35] == 0).all()
        assert (track.confidence[track.present] > 0.8).all()

    def test_leaves_and_returns_elsewhere(self) -> None:
        actor = Actor(0, lambda t: 150 if t < 3 else 500, on_stage=lambda t: not 2 <= t < 4)
        (track,) = perform(Stage([actor]), uniform_times(6))
        assert who(track) == 0
        assert share_found(track, actor) == 1

    def test_a_picture_that_stands_still_for_long_hides_nobody(self) -> None:
        times_s = np.append(np.arange(25) / 25, 2.5 + np.arange(25) / 25)
        (track,) = perform(Stage([Actor(0, lambda _: 300)]), times_s)
        assert track.present.all()
        assert track.face_time_s == pytest.approx(50 / 25 + 1.5)

    def test_a_slide_show_of_one_face_is_one_track(self) -> None:
        (track,) = perform(Stage([Actor(0, lambda _: 300)]), np.arange(20) * 1.25)
        assert track.present.all()

    def test_time_in_leaps_and_bounds(self) -> None:
        rng = np.random.default_rng(0)
        times_s = np.cumsum(rng.choice([0.02, 0.04, 0.1, 0.7], size=200, p=[0.4, 0.4, 0.15, 0.05]))
        cast = [Actor(0, lambda t: 150 + 3 * t), Actor(1, lambda t: 500 - 3 * t)]
        tracks = perform(Stage(cast), times_s)
        assert {who(track) for track in tracks} == {0, 1}
        assert all(track.present.all() for track in tracks)

    def test_a_cut_every_second(self) -> None:
        actor = Actor(0, lambda t: 200 + 200 * (int(t) % 2))
        (track,) = perform(Stage([actor], scene=int), uniform_times(8))
        assert who(track) == 0
        # Nothing may be derived across a cut: its first frame is missing, and nothing else.
        assert np.flatnonzero(~track.present).tolist() == list(range(25, 200, 25))

    def test_black_pictures(self) -> None:
        actor = Actor(0, lambda _: 300)
        stage = Stage([actor], scene=lambda t: None if t < 0.4 or 1 <= t < 3 else 0)
        (track,) = perform(stage, uniform_times(5))
        shown = ~((track.time_s < 0.4) | ((track.time_s >= 1) & (track.time_s < 3)))
        assert (track.present == shown).all()


class TestTwoPeople:
    @pytest.mark.parametrize(("speed", "duration_s"), [(40, 6), (90, 4), (220, 2)])
    @pytest.mark.parametrize("width", [100, 60])
    def test_who_cross_stay_themselves(self, speed, duration_s, width) -> None:
        cast = [
            Actor(0, lambda t: 320 + speed * (t - duration_s / 2)),
            Actor(1, lambda t: 320 - speed * (t - duration_s / 2), width=width, depth=1),
        ]
        tracks = perform(Stage(cast), uniform_times(duration_s))
        assert sorted(who(track) for track in tracks) == [0, 1]
        for track in tracks:
            # He is on both sides of the crossing.
            half = len(track.time_s) // 2
            assert track.present[: half // 2].all()
            assert track.present[-half // 2 :].all()
        assert next(t for t in tracks if who(t) == 0).present.mean() >= 0.8

    @pytest.mark.parametrize("is_cut", [False, True])
    def test_who_change_places_at_once(self, is_cut: bool) -> None:
        cast = [
            Actor(0, lambda t: 200 if t < 2 else 440),
            Actor(1, lambda t: 440 if t < 2 else 200),
        ]
        tracks = perform(Stage(cast, scene=lambda t: int(is_cut and t >= 2)), uniform_times(4))
        assert sorted(who(track) for track in tracks) == [0, 1]
        for track in tracks:
            assert np.flatnonzero(~track.present).tolist() == [50]

    def test_who_come_and_go_at_the_same_place(self) -> None:
        cast = [
            Actor(0, lambda _: 300, on_stage=lambda t: int(t / 2) % 2 == 0),
            Actor(1, lambda _: 300, on_stage=lambda t: int(t / 2) % 2 == 1),
        ]
        tracks = perform(Stage(cast), uniform_times(8))
        assert sorted(who(track) for track in tracks) == [0, 1]
        assert all(share_found(track, cast[who(track)]) > 0.95 for track in tracks)

    def test_a_dialogue_in_shot_and_countershot(self) -> None:
        cast = [
            Actor(0, lambda _: 220, on_stage=lambda t: int(t) % 3 != 1),
            Actor(1, lambda _: 420, on_stage=lambda t: int(t) % 3 != 0),
        ]
        tracks = perform(Stage(cast, scene=lambda t: int(t) % 3), uniform_times(9))
        assert sorted(who(track) for track in tracks) == [0, 1]
        assert all(share_found(track, cast[who(track)]) > 0.95 for track in tracks)

    def test_whom_nobody_can_tell_apart_are_never_mixed(self) -> None:
        twins = [
            Actor(0, lambda t: 320 + 90 * (t - 2)),
            Actor(1, lambda t: 320 - 90 * (t - 2), depth=1),
        ]
        tracks = perform(Stage(twins), uniform_times(4), Recogniser(apart=0.0))
        assert len(tracks) >= 2
        assert all(who(track) in (0, 1) for track in tracks)

    def test_who_look_alike_are_told_by_who_is_nearer(self) -> None:
        # Both pairs are within the limit of one person; together only one way fits.
        alike = [
            Actor(0, lambda t: 320 + 90 * (t - 2)),
            Actor(1, lambda t: 320 - 90 * (t - 2), depth=1),
        ]
        tracks = perform(Stage(alike), uniform_times(4), Recogniser(apart=0.3, noise=0.01))
        assert sorted(who(track) for track in tracks) == [0, 1]

    def test_cheek_to_cheek_all_the_time(self) -> None:
        cast = [Actor(0, lambda _: 290), Actor(1, lambda _: 365)]
        tracks = perform(Stage(cast), uniform_times(4))
        assert sorted(who(track) for track in tracks) == [0, 1]
        assert all(track.present.all() for track in tracks)


def random_stage(seed: int, duration_s: float) -> Stage:
    """Three people to and fro before and behind each other; who is there changes at cuts."""
    rng = np.random.default_rng(seed)
    cuts_s = np.sort(rng.uniform(0, duration_s, rng.integers(0, 4)))

    def shot(t: float) -> int:
        return int(np.searchsorted(cuts_s, t))

    def actor(number: int) -> Actor:
        reach, pace, phase = rng.uniform(40, 250), rng.uniform(0.3, 2.5), rng.uniform(0, 6)
        middle, height, width = rng.uniform(150, 490), rng.uniform(130, 230), rng.uniform(60, 130)
        shots = rng.random(4) < 0.8
        return Actor(
            number,
            lambda t: middle + reach * np.sin(pace * t + phase),
            lambda _: height,
            width,
            on_stage=lambda t: bool(shots[shot(t)]),
            depth=number,
        )

    return Stage([actor(number) for number in range(3)], scene=shot)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_whatever_happens_no_track_holds_two_people_and_nobody_is_in_two(seed: int) -> None:
    tracks = perform(random_stage(seed, 5), uniform_times(5, 20))
    for track in tracks:
        who(track)
    for one, other in combinations(tracks, 2):
        assert who(one) != who(other) or not (one.present & other.present).any()


class TestWhichTracks:
    cast = (
        Actor(0, lambda _: 60, y=lambda _: 60, width=60),
        Actor(1, lambda _: 320, width=160),
        Actor(2, lambda _: 560, width=80),
    )

    def test_main_face_is_the_large_central_one(self) -> None:
        assert [who(t) for t in perform(Stage(self.cast), uniform_times(2))] == [1, 2, 0]

    def test_main_face_only(self) -> None:
        (track,) = perform(Stage(self.cast), uniform_times(2), faces="main")
        assert who(track) == 1

    def test_three_faces_with_a_cap_of_two(self) -> None:
        tracks = perform(Stage(self.cast), uniform_times(3), max_followed=2, max_faces=2)
        assert len(tracks) == 2
        assert who(tracks[0]) == 1
        assert tracks[0].present.all()

    def test_a_cap_below_what_was_followed(self) -> None:
        tracks = perform(Stage(self.cast), uniform_times(2), max_faces=2)
        assert [who(track) for track in tracks] == [1, 2]

    def test_main_face_is_the_one_that_is_there_longest(self) -> None:
        cast = [
            Actor(0, lambda _: 220, on_stage=lambda t: t < 2),
            Actor(1, lambda _: 420),
        ]
        assert [who(track) for track in perform(Stage(cast), uniform_times(6))] == [1, 0]

    def test_a_brief_face_is_dropped_unless_it_is_the_only_one(self) -> None:
        brief = Actor(0, lambda _: 320, on_stage=lambda t: t < 0.4)
        assert [who(t) for t in perform(Stage([brief]), uniform_times(2))] == [0]
        beside = [brief, Actor(1, lambda _: 120)]
        assert [who(t) for t in perform(Stage(beside), uniform_times(2))] == [1]
        both = perform(Stage(beside), uniform_times(2), min_duration_s=0.3)
        assert [who(t) for t in both] == [1, 0]

    def test_exactly_the_least_duration_is_enough(self) -> None:
        cast = [Actor(0, lambda _: 120), Actor(1, lambda _: 420, on_stage=lambda t: t < 0.99)]
        tracks = perform(Stage(cast), uniform_times(4))
        assert [int(track.present[:25].sum()) for track in tracks] == [25, 25]


def hour_of_trails(n_trails: int, n_people: int) -> tuple[list[Trail], np.ndarray]:
    rng = np.random.default_rng(0)
    whose = rng.integers(n_people, size=n_trails)
    trails = [
        Trail(n, None, False, frames=list(range(25 * n, 25 * n + 25)), duration_s=0.96)
        for n in range(n_trails)
    ]
    return trails, whose


class TestManyTrails:
    def test_an_hour_of_cuts_is_sorted_by_person(self) -> None:
        trails, whose = hour_of_trails(1800, n_people=5)
        rng = np.random.default_rng(1)
        at = np.eye(128)[whose] * 0.6 + rng.normal(0, 0.015, (len(trails), 128))
        found = people(trails, lambda numbers: {n: at[n][None] for n in numbers})
        assert len(found) == 5
        for person in found:
            assert len({whose[trail.number] for trail in person}) == 1

    def test_strangers_are_never_chained_by_small_steps(self) -> None:
        # Each is within the limit of the next, but the last is a stranger to the first.
        trails, _ = hour_of_trails(10, n_people=1)
        at = np.arange(10)[:, None] * 0.4
        found = people(trails, lambda numbers: {n: at[n][None] for n in numbers})
        for person in found:
            numbers = [trail.number for trail in person]
            assert np.ptp(at[numbers]) < 1.0

    def test_time_and_memory_of_embeddings_are_bounded(self) -> None:
        recogniser, seconds = Recogniser(), 120
        actor = Actor(0, lambda _: 110, y=lambda _: 60, width=50)
        stage = Stage([actor], scene=lambda t: int(2 * t), size_px=(220, 120))
        (track,) = perform(stage, uniform_times(seconds, 10), recogniser)
        assert who(track) == 0
        assert recogniser.n_embedded <= FREE_EMBEDDINGS + EMBEDDINGS_PER_S * seconds


class TestDoubtfulFaces:
    def test_only_what_is_trusted_counts_for_the_main_face(self) -> None:
        """Large and central, but clear for 2 of 8 s only; small and aside, but always clear."""
        large = Actor(0, lambda _: 320, width=160, clear=lambda t: 1.0 if t < 2 else 0.4)
        small = Actor(1, lambda _: 80, width=70)
        (main,) = perform(Stage([large, small]), uniform_times(8), faces="main")
        assert who(main) == 1

    def test_rows_are_nan_where_it_is_doubtful(self) -> None:
        actor = Actor(0, lambda _: 300, clear=lambda t: 0.4 if 1 <= t < 1.5 else 1.0)
        (track,) = perform(Stage([actor]), uniform_times(3))
        doubtful = (track.time_s >= 1) & (track.time_s < 1.5)
        assert np.array_equal(track.present, ~doubtful)
        assert track.confidence[doubtful] == pytest.approx(0.36, abs=1e-3)

    def test_nobody_who_is_never_clear(self) -> None:
        assert (
            perform(Stage([Actor(0, lambda _: 300, clear=lambda _: 0.4)]), uniform_times(3)) == []
        )
