"""A list of videos cut into shards, each for a machine of its own."""

import re
from typing import NamedTuple, Self

from featurize.errors import OptionError


class Shard(NamedTuple):
    """One of several parts of a list of videos.

    Attributes
    ----------
    number : int
        Which, counted from 1.
    n_shards : int
        How many there are.
    """

    number: int
    n_shards: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"3/100"``, the third of a hundred.

        Raises
        ------
        OptionError
            When it is no such text, or there is no such shard.

        Examples
        --------
        >>> Shard.parse("3/100")
        Shard(number=3, n_shards=100)
        """
        match = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", text)
        if match is None:
            raise OptionError(
                f"{text!r} names no shard: give its number and how many there are, such as 3/100 "
                "for the third of a hundred."
            )
        shard = cls(*map(int, match.groups()))
        if not 1 <= shard.number <= shard.n_shards:
            raise OptionError(
                f"There is no shard {shard}: shards are counted from 1 to {shard.n_shards}."
                if shard.n_shards
                else f"There is no shard {shard}: cut the list into 1 or more."
            )
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.n_shards}"


def shard_of(n_videos: int, number: int, n_shards: int) -> range:
    """Which videos of a list are of a shard.

    Shards are consecutive, so that their tables one after another are the table of the whole list,
    and their sizes differ by one at most.

    Parameters
    ----------
    n_videos : int
        Length of the list.
    number, n_shards : int
        As of :class:`Shard`.

    Returns
    -------
    range
        Numbers of the videos, counted from 0; never empty.

    Raises
    ------
    OptionError
        When there are fewer videos than shards, so that some would be empty.

    Examples
    --------
    >>> [shard_of(10, number, 3) for number in (1, 2, 3)]
    [range(0, 3), range(3, 6), range(6, 10)]
    """
    if n_videos < n_shards:
        raise OptionError(
            f"{n_shards} shards are too many for a list of {n_videos}: cut it into {n_videos} at "
            "most."
        )
    return range(n_videos * (number - 1) // n_shards, n_videos * number // n_shards)
