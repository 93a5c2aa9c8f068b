"""Who is who among thousands of trails: people of a script, seen again and again."""

import tracemalloc

import numpy as np
import pytest

from featurize.landmarks.people import linking
from featurize.landmarks.people.linking import Trail, people

N_DIMENSIONS = 128
BETWEEN_PEOPLE = 0.9


def script(
    n_trails: int, n_people: int, together: int = 1, seed: int = 0
) -> tuple[list[Trail], np.ndarray, np.ndarray]:
    """Trails of a second after each other, so many different people at a time.

    Returns the trails, who each is, and its embedding: people are about 0.9 apart, looks of one
    person about 0.2.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (n_people, N_DIMENSIONS))
    centres *= BETWEEN_PEOPLE / np.sqrt(2) / np.linalg.norm(centres, axis=1, keepdims=True)
    shots = [rng.permutation(n_people)[:together] for _ in range(-(-n_trails // together))]
    whose = np.concatenate(shots)[:n_trails]
    trails = [
        Trail(
            number,
            None,
            crowded=False,
            frames=range(25 * (number // together), 25 * (number // together) + 25),
            duration_s=0.96,
        )
        for number in range(n_trails)
    ]
    return trails, whose, centres[whose] + rng.normal(0, 0.0125, (n_trails, N_DIMENSIONS))


def linked(trails: list[Trail], at: np.ndarray) -> list[set[int]]:
    found = people(trails, lambda numbers: {n: at[n][None] for n in numbers})
    return [{trail.number for trail in person} for person in found]


@pytest.mark.parametrize(("n_people", "together"), [(4, 1), (6, 2)])
def test_thousands_of_trails_are_sorted_by_person(n_people: int, together: int) -> None:
    trails, whose, at = script(5000, n_people, together)
    expected = [set(np.flatnonzero(whose == person)) for person in range(n_people)]
    assert sorted(linked(trails, at), key=min) == sorted(expected, key=min)


@pytest.mark.parametrize("seed", range(3))
def test_linked_in_stretches_they_are_who_they_are_at_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trails, _, at = script(300, 8, 2, seed)
    at_once = linked(trails, at)
    monkeypatch.setattr(linking, "MOST_AT_ONCE", 40)
    assert sorted(linked(trails, at), key=min) == sorted(at_once, key=min)


def test_of_too_many_people_those_seen_for_long_are_known_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One person comes back between many who are seen once."""
    trails, whose, at = script(400, 400)
    often = np.arange(0, 400, 7)
    at[often] = at[0] + np.random.default_rng(1).normal(0, 0.0125, (len(often), N_DIMENSIONS))
    monkeypatch.setattr(linking, "MOST_AT_ONCE", 20)
    found = sorted(linked(trails, at), key=len)
    assert found[-1] == set(often)
    assert all(len(set(whose[[*person]])) == 1 for person in found[:-1])


def test_memory_does_not_grow_with_the_square_of_trails() -> None:
    """A matrix of all pairs of 4 000 trails would take 128 MB."""
    trails, _, at = script(4000, 3)
    tracemalloc.start()
    try:
        linked(trails, at)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 70e6
