"""A list is cut so that the pieces laid end to end are the list."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.errors import OptionError
from featurize.outputs.shards import Shard, shard_of


@given(st.integers(1, 10**7), st.integers(1, 300))
def test_shards_are_consecutive_and_of_one_size_or_one_more(n_videos: int, n_shards: int) -> None:
    if n_shards > n_videos:
        with pytest.raises(OptionError, match=f"into {n_videos} at most"):
            shard_of(n_videos, 1, n_shards)
        return
    shards = [shard_of(n_videos, number, n_shards) for number in range(1, n_shards + 1)]
    assert shards[0].start == 0
    assert shards[-1].stop == n_videos
    assert all(one.stop == next_.start for one, next_ in pairwise(shards))
    sizes = {len(one) for one in shards}
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_a_shard_is_read_as_it_is_written(number: int, more: int) -> None:
    shard = Shard(number, number + more)
    assert Shard.parse(str(shard)) == shard


def test_blanks_do_not_count() -> None:
    assert Shard.parse(" 3 / 100 ") == Shard(3, 100)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, "names no shard.*such as 3/100") for text in ("", "3", "/", "3/", "a/b", "3/4/5")),
        *((text, "names no shard") for text in ("-1/4", "1.5/4", "3:4", "٣/٤", "1/1e3", "9" * 50)),
        ("0/4", "counted from 1 to 4"),
        ("5/4", "counted from 1 to 4"),
        ("0/0", "1 or more"),
        ("1/0", "1 or more"),
    ],
)
def test_what_names_no_shard_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        Shard.parse(text)
