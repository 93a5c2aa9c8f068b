"""When a picture is searched, when a trail ends: scripted scenes whose truth is known."""

import numpy as np
import pytest

from featurize.landmarks.people.following import KEY_FRAME_S, LOST_S, Sighting
from tests.test_featurize.stage import FPS, Actor, Stage, follow, uniform_times


def identity(sighting: Sighting) -> int:
    return int(sighting.detection.points_px[0, 2])


def people_of_trails(frames: list[list[Sighting]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for sightings in frames:
        for sighting in sightings:
            found.setdefault(sighting.trail, set()).add(identity(sighting))
    return found


def trails_at(frames: list[list[Sighting]], index: int) -> set[int]:
    return {sighting.trail for sighting in frames[index]}


class TestOneFace:
    def test_is_one_trail_at_a_fit_per_frame(self) -> None:
        frames, backend = follow(Stage([Actor(0, lambda t: 200 + 50 * t)]), uniform_times(4))
        assert people_of_trails(frames) == {0: {0}}
        assert all(len(sightings) == 1 for sightings in frames)
        # Two fits when it is found, and nowhere more than one after.
        assert backend.n_fits == len(frames) + 1

    @pytest.mark.parametrize("fps", [10.0, 25.0, 60.0])
    def test_searches_go_by_time_not_by_frames(self, fps: float) -> None:
        _, backend = follow(Stage([Actor(0, lambda _: 300)]), uniform_times(4, fps))
        searched_s = np.array([index for index, _ in backend.searches]) / fps
        assert searched_s == pytest.approx(np.arange(0, 4, KEY_FRAME_S), abs=1 / fps)

    def test_lost_for_a_moment_it_is_known_again_by_its_place(self) -> None:
        away = Actor(0, lambda _: 300, on_stage=lambda t: not 1 <= t < 1.4)
        frames, _ = follow(Stage([away]), uniform_times(3))
        assert [len(sightings) for sightings in frames] == [1] * 25 + [0] * 10 + [1] * 40
        assert people_of_trails(frames) == {0: {0}, 1: {0}}
        assert {sighting.continues for sighting in frames[-1]} == {0}

    def test_back_after_long_nothing_is_said_of_who_it_is(self) -> None:
        away = Actor(0, lambda _: 300, on_stage=lambda t: not 1 <= t < 2.2 + LOST_S)
        frames, _ = follow(Stage([away]), uniform_times(5))
        assert people_of_trails(frames) == {0: {0}, 1: {0}}
        assert {sighting.continues for sighting in frames[-1]} == {None}

    def test_back_at_another_place_neither(self) -> None:
        away = Actor(0, lambda t: 200 if t < 1 else 450, on_stage=lambda t: not 1 <= t < 1.3)
        frames, _ = follow(Stage([away]), uniform_times(3))
        assert {sighting.continues for sighting in frames[-1]} == {None}

    def test_somebody_else_at_its_place_is_another_trail(self) -> None:
        cast = [
            Actor(0, lambda _: 300, on_stage=lambda t: t < 1),
            Actor(1, lambda _: 300, on_stage=lambda t: t >= 1.3),
        ]
        frames, _ = follow(Stage(cast), uniform_times(3))
        assert people_of_trails(frames) == {0: {0}, 1: {1}}
        assert {sighting.continues for sighting in frames[-1]} == {None}

    def test_a_small_face_is_searched_for_thoroughly_but_seldom(self) -> None:
        small = Actor(0, lambda _: 300, width=24, on_stage=lambda t: t >= 2.1)
        frames, backend = follow(Stage([small]), uniform_times(4))
        first = next(n for n, sightings in enumerate(frames) if sightings)
        assert 2.1 <= first / FPS <= 2.65
        thorough = [index for index, is_thorough in backend.searches if is_thorough]
        assert len(thorough) <= 1 + first / FPS / 0.5

    def test_a_jump_ends_the_trail(self) -> None:
        frames, _ = follow(
            Stage([Actor(0, lambda t: 250 + 70 * (t >= 1), width=120)]), uniform_times(2)
        )
        assert trails_at(frames, 24) == {0}
        assert trails_at(frames, 25) == {1}
        assert all(len(sightings) == 1 for sightings in frames)

    def test_a_small_face_that_jumps_is_found_at_once_near_its_place(self) -> None:
        small = Actor(0, lambda t: 300 + 30 * (t >= 1), width=24)
        frames, backend = follow(Stage([small]), uniform_times(2))
        assert all(len(sightings) == 1 for sightings in frames)
        assert trails_at(frames, 24).isdisjoint(trails_at(frames, 25))
        assert backend.n_zooms == 1
        assert [index for index, is_thorough in backend.searches if is_thorough] == [0]


class TestCuts:
    def test_a_cut_ends_all_trails(self) -> None:
        stage = Stage(
            [Actor(0, lambda _: 200), Actor(1, lambda _: 450)], scene=lambda t: int(t >= 1)
        )
        frames, _ = follow(stage, uniform_times(2))
        assert trails_at(frames, 24) == {0, 1}
        assert trails_at(frames, 25) == {2, 3}
        assert all(s.continues is None for s in frames[25])

    def test_black_pictures_hold_no_face(self) -> None:
        stage = Stage([Actor(0, lambda _: 300)], scene=lambda t: None if 1 <= t < 1.5 else 0)
        frames, _ = follow(stage, uniform_times(3))
        assert [bool(sightings) for sightings in frames] == [
            not 1 <= t < 1.5 for t in uniform_times(3)
        ]

    def test_black_between_two_shots_does_not_hide_the_cut(self) -> None:
        stage = Stage(
            [Actor(0, lambda _: 300)], scene=lambda t: 0 if t < 1 else None if t < 1.2 else 1
        )
        frames, _ = follow(stage, uniform_times(2))
        assert {sighting.continues for sighting in frames[-1]} == {None}

    def test_nothing_but_black(self) -> None:
        frames, _ = follow(Stage([Actor(0, lambda _: 300)], lambda _: None), uniform_times(2))
        assert not any(frames)


class TestGapsInTime:
    def test_a_picture_that_stands_still_is_followed_on(self) -> None:
        times_s = np.append(np.arange(25) / 25, 3.0 + np.arange(25) / 25)
        frames, backend = follow(Stage([Actor(0, lambda _: 300)]), times_s)
        assert people_of_trails(frames) == {0: {0}}
        assert (25, False) in backend.searches

    def test_somebody_else_after_the_gap_is_another_trail(self) -> None:
        times_s = np.append(np.arange(25) / 25, 3.0 + np.arange(25) / 25)
        cast = [
            Actor(0, lambda _: 300, on_stage=lambda t: t < 2),
            Actor(1, lambda _: 300, on_stage=lambda t: t > 2),
        ]
        frames, _ = follow(Stage(cast), times_s)
        assert people_of_trails(frames) == {0: {0}, 1: {1}}
        assert {sighting.continues for sighting in frames[-1]} == {None}

    def test_a_face_that_moved_far_in_the_gap_is_found_at_once(self) -> None:
        times_s = np.append(np.arange(25) / 25, 3.0 + np.arange(25) / 25)
        frames, _ = follow(Stage([Actor(0, lambda t: 150 if t < 2 else 500)]), times_s)
        assert all(len(sightings) == 1 for sightings in frames)
        assert len(people_of_trails(frames)) == 2


class TestSeveralFaces:
    def test_a_newcomer_is_found_at_the_next_key_frame(self) -> None:
        cast = [Actor(0, lambda _: 200), Actor(1, lambda _: 450, on_stage=lambda t: t >= 1.5)]
        frames, _ = follow(Stage(cast), uniform_times(4))
        first = next(n for n, sightings in enumerate(frames) if len(sightings) == 2)
        assert 1.5 <= first / FPS <= 1.5 + KEY_FRAME_S

    def test_two_that_change_places_from_one_frame_to_the_next(self) -> None:
        cast = [
            Actor(0, lambda t: 200 if t < 2 else 440),
            Actor(1, lambda t: 440 if t < 2 else 200),
        ]
        frames, _ = follow(Stage(cast), uniform_times(4))
        assert all(len(people) == 1 for people in people_of_trails(frames).values())
        assert trails_at(frames, 49).isdisjoint(trails_at(frames, 50))

    @pytest.mark.parametrize("speed", [40, 90, 250])
    @pytest.mark.parametrize("width", [100, 60])
    def test_no_clear_trail_holds_two_people_when_faces_cross(
        self, speed: float, width: float
    ) -> None:
        cast = [
            Actor(0, lambda t: 320 + speed * (t - 2.5)),
            Actor(1, lambda t: 320 - speed * (t - 2.5), width=width, depth=1),
        ]
        frames, _ = follow(Stage(cast), uniform_times(5))
        crowded = {s.trail for sightings in frames for s in sightings if s.crowded}
        assert crowded
        for trail, people in people_of_trails(frames).items():
            assert len(people) == 1 or trail in crowded

    def test_faces_that_overlap_are_trails_of_their_own(self) -> None:
        # The middles pass at 110 px: boxes 100 wide overlap a little, and nobody hides anybody.
        cast = [
            Actor(0, lambda t: 320 - 160 * abs(t - 1.5), y=lambda _: 150),
            Actor(1, lambda t: 320 + 160 * abs(t - 1.5), y=lambda _: 225),
        ]
        frames, _ = follow(Stage(cast), uniform_times(3))
        for own in range(2):
            runs = []
            for sightings in frames:
                (mine,) = (s for s in sightings if identity(s) == own)
                if not runs or runs[-1] != (mine.trail, mine.continues, mine.crowded):
                    runs.append((mine.trail, mine.continues, mine.crowded))
            assert [crowded for *_, crowded in runs] == [False, True, False]
            assert [continues for _, continues, _ in runs] == [None, runs[0][0], runs[1][0]]

    def test_the_cap_holds_and_the_larger_newcomer_takes_a_place(self) -> None:
        cast = [
            Actor(0, lambda _: 80, width=60),
            Actor(1, lambda _: 250, width=80),
            Actor(2, lambda _: 480, width=160, on_stage=lambda t: t >= 1.5),
        ]
        frames, _ = follow(Stage(cast), uniform_times(4), max_faces=2)
        assert all(len(sightings) <= 2 for sightings in frames)
        assert {identity(s) for s in frames[0]} == {0, 1}
        assert {identity(s) for s in frames[-1]} == {1, 2}

    def test_trails_have_numbers_that_increase(self) -> None:
        cast = [Actor(0, lambda _: 200), Actor(1, lambda _: 450, on_stage=lambda t: t % 1 < 0.5)]
        frames, _ = follow(Stage(cast, scene=lambda t: int(t / 2)), uniform_times(6))
        firsts = list(dict.fromkeys(s.trail for sightings in frames for s in sightings))
        assert firsts == sorted(firsts)


def test_what_stays_doubtful_does_not_stand_in_the_way() -> None:
    """Something that is no face is followed at first; a small face comes, and is looked for."""
    no_face = Actor(0, lambda _: 450, clear=lambda t: 1.0 if t < 0.5 else 0.2)
    small = Actor(1, lambda _: 100, width=30, on_stage=lambda t: t > 1)
    sightings, backend = follow(Stage([no_face, small]), uniform_times(5), max_faces=1)
    assert not any(s.detection.is_trusted for s in sightings[20])
    last = [int(s.detection.points_px[0, 2]) for s in sightings[-1]]
    assert last == [1]
    assert any(thorough for _, thorough in backend.searches)
