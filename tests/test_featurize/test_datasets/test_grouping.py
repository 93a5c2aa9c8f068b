"""Groups are the connected components of videos and identities, whatever the order."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.datasets.grouping import group_names

IDENTITIES = st.lists(
    st.frozensets(st.integers(0, 25).map("person/{:02d}".format), min_size=1, max_size=3),
    max_size=30,
)


def reachable(videos: list[frozenset[str]], start: frozenset[str]) -> frozenset[str]:
    """All identities that a chain of videos leads to: the definition, by plain repetition."""
    found = start
    while True:
        grown = found.union(*(video for video in videos if video & found))
        if grown == found:
            return found
        found = grown


@settings(deadline=None)
@given(IDENTITIES)
def test_group_is_what_a_chain_of_videos_reaches(videos: list[frozenset[str]]) -> None:
    assert group_names(videos) == [min(reachable(videos, video)) for video in videos]


@settings(deadline=None)
@given(IDENTITIES)
def test_videos_that_share_an_identity_are_of_one_group(videos: list[frozenset[str]]) -> None:
    names = group_names(videos)
    for video, name in zip(videos, names, strict=True):
        for other, other_name in zip(videos, names, strict=True):
            if video & other:
                assert name == other_name


@settings(deadline=None)
@given(IDENTITIES, st.randoms(use_true_random=False))
def test_order_of_videos_does_not_matter(
    videos: list[frozenset[str]], shuffled_by: random.Random
) -> None:
    order = list(range(len(videos)))
    shuffled_by.shuffle(order)
    names = group_names(videos)
    assert group_names([videos[i] for i in order]) == [names[i] for i in order]


@settings(deadline=None)
@given(IDENTITIES, IDENTITIES)
def test_data_sets_that_share_nothing_share_no_group(
    videos: list[frozenset[str]], others: list[frozenset[str]]
) -> None:
    others = [frozenset(f"other_{name}" for name in video) for video in others]
    names = group_names([*videos, *others])
    assert not set(names[: len(videos)]) & set(names[len(videos) :])
    assert names[: len(videos)] == group_names(videos)


def test_long_chain_is_one_group() -> None:
    links = [frozenset({f"{i:06d}", f"{i + 1:06d}"}) for i in range(100_000)]
    assert set(group_names(links)) == {"000000"}


def test_no_videos() -> None:
    assert group_names([]) == []
