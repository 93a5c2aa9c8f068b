"""The list of videos of a run, each looked at but not into.

A million files are looked at in a minute. An address is asked for by a process of its own, since
whoever answers there may be silent for ever, or send what breaks a library: such an address is left
to the worker that does the video, whose time is limited.
"""

import hashlib
import json
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pandas as pd
from joblib import delayed

from featurize.errors import OptionError
from featurize.isolation.keeper import Limits
from featurize.isolation.pool import ask
from featurize.media_file import State, is_url, located, looked_at
from featurize.outputs.shards import Shard, shard_of
from featurize.runs.crew import spread
from featurize.runs.looking import TASK

ADDRESS_S = 30.0
"""So long an address has to answer what it holds."""

ADDRESS_MIB = 1024.0
"""So much memory may take to find out, such as the list of contents of an archive."""

MOST_SILENT = 16
"""After so many addresses of a place in a row without an answer, others there are not asked."""

_AT_ONCE = 16
_MOST_A_REQUEST = 16
_FILES_A_PIECE = 64

Look = tuple[str | None, int | None]
_UNKNOWN: Look = (None, None)


@dataclass(frozen=True)
class Videos:
    """The list of videos of a run.

    Attributes
    ----------
    known : pandas.DataFrame
        What the manifest says, one line per video.
    places : list of str
        Where they are: paths, or URLs.
    states : list of str or None
        What changes when one is written or replaced; None for one that is not there, or that does
        not answer.
    sizes : list of int or None
        Bytes, 0 for one that is not there; None where unknown.
    list_sha256 : str
        Of the whole list, which this may be a shard of.
    n_lines : int
        Its length.
    """

    known: pd.DataFrame
    places: list[str]
    states: list[str | None]
    sizes: list[int | None]
    list_sha256: str
    n_lines: int

    @classmethod
    def listed(cls, known: pd.DataFrame, folder: Path, shard: Shard | None) -> "Videos":
        """Look at every video of a list, or of a shard of it, but not into it.

        An address that does not answer within :data:`ADDRESS_S` has neither state nor size.

        Raises
        ------
        OptionError
            When the list has fewer videos than shards, or a package is missing that reads such
            addresses.
        WorkerError
            When the processes cannot be started that look at addresses.
        """
        digest = hashlib.sha256()
        for line in known.itertuples(index=False, name=None):
            digest.update(json.dumps(line).encode() + b"\n")
        mine = range(len(known)) if shard is None else shard_of(len(known), *shard)
        part = known.iloc[mine.start : mine.stop]
        places = [str(located(folder, path)) for path in part["path"]]
        states: list[str | None] = [None] * len(places)
        sizes: list[int | None] = [None] * len(places)
        for number, (state, n_bytes) in _looks(places):
            states[number], sizes[number] = state, n_bytes
        return cls(part, places, states, sizes, digest.hexdigest(), len(known))

    def at(self, number: int) -> tuple[str, str | None]:
        """Where a video is, and its state."""
        return self.places[number], self.states[number]


def _looks(places: list[str]) -> Iterator[tuple[int, Look]]:
    """State and size of each place, by its number; what is not told of is unknown."""
    of_files, of_addresses = [], []
    for number, place in enumerate(places):
        (of_addresses if is_url(place) else of_files).append(number)
    if of_files:
        # Disks far away answer many at a time; and an interruption need not wait for them.
        with ThreadPool(_AT_ONCE) as threads:
            paths = (places[number] for number in of_files)
            yield from zip(of_files, threads.imap(_look, paths, _FILES_A_PIECE), strict=True)
    if of_addresses:
        yield from _looks_at_addresses(places, of_addresses)


def _look(path: str) -> Look:
    state, n_bytes = looked_at(path)
    return _short(state), n_bytes


def _short(state: State | None) -> str | None:
    """A state in a third of the memory: there may be a million."""
    if state is None:
        return None
    return b64encode(hashlib.sha256(json.dumps(state).encode()).digest()[:18]).decode()


def _looks_at_addresses(places: list[str], numbers: list[int]) -> Iterator[tuple[int, Look]]:
    # Few enough a request that all who ask have something to ask.
    n_each = min(_MOST_A_REQUEST, -(-len(numbers) // _AT_ONCE))
    pieces = (numbers[start : start + n_each] for start in range(0, len(numbers), n_each))
    asking = _Asking()
    n_jobs = min(_AT_ONCE, -(-len(numbers) // n_each))
    tasks = (delayed(asking.look)(piece, [places[number] for number in piece]) for piece in pieces)
    with spread(tasks, n_jobs=n_jobs, backend="threading") as found:
        try:
            for piece, looks in found:
                yield from zip(piece, looks, strict=True)
        finally:
            asking.stopped.set()


class _Asking:
    """What is known of addresses while they are asked, in several threads."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._n_silent: Counter[str] = Counter()
        self._lock = threading.Lock()

    def look(self, numbers: list[int], places: list[str]) -> tuple[list[int], list[Look]]:
        """State and size of each; the numbers are given back."""
        to_ask = [place for place in places if not self._is_silent(place)]
        found = self._ask(to_ask) if to_ask else {}
        if not found and len(to_ask) > 1:
            for place in to_ask:  # one of them has cost the others their answer
                if not self._is_silent(place):
                    found |= self._ask([place])
        return numbers, [found.get(place, _UNKNOWN) for place in places]

    def _ask(self, places: list[str]) -> dict[str, Look]:
        outcome = ask(TASK, {"paths": places}, Limits(ADDRESS_S, ADDRESS_MIB), self.stopped)
        if outcome.answer is None:
            if len(places) == 1:
                self._count(places[0], answers=False)
            return {}
        if "fault" in outcome.answer:
            raise OptionError(outcome.answer["fault"])
        looks: list[Look] = [(_short(state), n) for state, n in outcome.answer["found"]]
        for place, look in zip(places, looks, strict=True):
            self._count(place, answers=look != _UNKNOWN)
        return dict(zip(places, looks, strict=True))

    def _count(self, place: str, *, answers: bool) -> None:
        with self._lock:
            whose = _whose(place)
            self._n_silent[whose] = 0 if answers else self._n_silent[whose] + 1

    def _is_silent(self, place: str) -> bool:
        return self._n_silent[_whose(place)] >= MOST_SILENT


def _whose(place: str) -> str:
    """The server or bucket of an address: of a chain that which the last link is from."""
    protocol, _, rest = place.rpartition("::")[2].partition("://")
    return f"{protocol}://{rest.partition('/')[0]}"
