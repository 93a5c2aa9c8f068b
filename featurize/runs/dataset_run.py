"""One run: a list of videos goes in; their rows are in a journal, then in a table."""

import hashlib
import json
import time
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from featurize.isolation.keeper import Limits, Outcome
from featurize.media_file import located, shown, size_of, state_of
from featurize.outputs.shards import Shard, shard_of
from featurize.pipeline import Row, as_table, failed_row
from featurize.runs.crew import outcomes
from featurize.runs.journal import ALWAYS_TRIED_AGAIN, TRIED_AGAIN_AFTERWARDS, Journal
from featurize.runs.one_video import Plan, answered_rows
from featurize.runs.progress import RunProgress, weights
from featurize.runs.summary import VideoFacts, facts_of

PART_VIDEOS = 256
"""Videos of the table that are in memory at a time."""

_NOT_DONE = -1
# Asking far storage about a file takes long and no work.
_ASKING_AT_ONCE = 32
_WHAT_TO_DO = {
    "crashed": "a decoder or library failed on it, twice; convert it with FFmpeg, or leave it out.",
    "timeout": "allow more (timeout_s, --timeout), or leave it out.",
    "too_large": "allow more (memory_mib, --memory), or leave it out.",
}


@dataclass(frozen=True)
class Videos:
    """The list of videos of a run.

    Attributes
    ----------
    known : pandas.DataFrame
        What the manifest says, one line per video.
    places : list of str
        Where they are: paths, or URLs.
    states : list
        What changes when one is written or replaced; None for one that is not there.
    sizes : list of int or None
        Bytes; None where unknown.
    list_sha256 : str
        Of the whole list, which this may be a shard of.
    n_lines : int
        Its length.
    """

    known: pd.DataFrame
    places: list[str]
    states: list[object]
    sizes: list[int | None]
    list_sha256: str
    n_lines: int

    @classmethod
    def listed(cls, known: pd.DataFrame, folder: Path, shard: Shard | None) -> "Videos":
        """Look at every video of a list, or of a shard of it, but not into it.

        Raises
        ------
        OptionError
            When the list has fewer videos than shards.
        """
        digest = hashlib.sha256()
        for line in known.itertuples(index=False, name=None):
            digest.update(json.dumps(line).encode() + b"\n")
        mine = range(len(known)) if shard is None else shard_of(len(known), *shard)
        part = known.iloc[mine.start : mine.stop]
        places = [str(located(folder, path)) for path in part["path"]]
        with ThreadPoolExecutor(_ASKING_AT_ONCE) as threads:
            states = list(threads.map(state_of, places))
            sizes = list(threads.map(size_of, places))
        # What is not there is no work.
        sizes = [0 if state is None else n for state, n in zip(states, sizes, strict=True)]
        return cls(part, places, states, sizes, digest.hexdigest(), len(known))

    def at(self, number: int) -> tuple[str, object]:
        """Where a video is, and its state."""
        return self.places[number], self.states[number]


class RunCost:
    """What the work of one session took.

    Attributes
    ----------
    n_resumed : int
        Videos that an earlier session did.
    n_frames : int
        Frames of the videos done in this session, as far as they could be used.
    video_s : float
        How long these play, seconds.
    cpu_s : float
        CPU seconds of worker processes.
    peak_mib : float
        Most memory of a worker process.
    wall_s : float
        From the first video to the last one, seconds.
    """

    def __init__(self) -> None:
        self.n_resumed = self.n_frames = 0
        self.video_s = self.cpu_s = self.peak_mib = self.wall_s = 0.0
        self._begun_s = time.monotonic()

    def add(self, outcome: Outcome, facts: VideoFacts) -> None:
        """Count a video."""
        self.n_frames += facts.n_frames
        self.video_s += facts.duration_s
        self.cpu_s += outcome.cpu_s
        self.peak_mib = max(self.peak_mib, outcome.peak_mib)
        self.wall_s = time.monotonic() - self._begun_s


class DatasetRun:
    """Work through videos, the largest first, so that the last ones are short.

    Parameters
    ----------
    videos : Videos
        Which.
    plan : Plan
        What is done with each.
    limits : Limits
        What each may cost.
    journal : Journal
        Where finished ones are kept; opened.

    Attributes
    ----------
    videos : Videos
        Which.
    n_videos, n_kept, n_to_try : int
        Videos of the list; those that another run with the same journal would not do again; those
        that it would do again even when this one is finished.
    cost : RunCost
        What the work of this session took.
    """

    def __init__(self, videos: Videos, plan: Plan, limits: Limits, journal: Journal) -> None:
        self.n_videos, self.n_kept, self.n_to_try = len(videos.places), 0, 0
        self.cost = RunCost()
        self.videos, self._plan, self._limits = videos, plan, limits
        self._journal = journal
        self._places = array("q", [_NOT_DONE]) * self.n_videos

    def work(self, n_jobs: int, scheduler: str | None, progress: bool) -> None:
        """Do what the journal does not hold.

        Raises
        ------
        ModelFileError, OutputError, OptionError, WorkerError, WorkerLostError
            As :func:`featurize.table.featurize_dataset`.
        """
        weight = weights(self.videos.sizes)
        with RunProgress(len(weight), sum(weight), progress) as bar:
            for number, place in enumerate(self._found()):
                if place is not None:
                    self._count(bar, number, place, weight[number], resumed=True)
            left = [n for n, place in enumerate(self._places) if place == _NOT_DONE]
            left.sort(key=weight.__getitem__, reverse=True)
            requests = ((number, self._request(number)) for number in left)
            found = outcomes(requests, self._limits, n_jobs=n_jobs, scheduler=scheduler)
            with closing(found):
                for number, outcome in found:
                    rows = self._rows(number, outcome)
                    place = self._journal.add(*self.videos.at(number), rows)
                    facts = self._count(bar, number, place, weight[number], resumed=False)
                    self.cost.add(outcome, facts)

    def parts(self, tell: Callable[[str, VideoFacts], None]) -> Iterator[pd.DataFrame]:
        """The table in the order of the list, some videos at a time.

        ``tell`` is called with the path, as listed, and the facts of each video.
        """
        for start in range(0, self.n_videos, PART_VIDEOS):
            stop = min(start + PART_VIDEOS, self.n_videos)
            known = self.videos.known.iloc[start:stop].to_dict("records")
            rows: list[Row] = []
            for number, line in zip(range(start, stop), known, strict=True):
                found = [
                    replace(row, meta=row.meta | line)
                    for row in self._journal.rows(self._places[number])
                ]
                tell(line["path"], facts_of([row.meta for row in found]))
                rows += found
            yield as_table(rows, self._plan.window_s)

    def finish(self) -> None:
        """The table is written: only what deserves another try is left in the journal's hands."""
        self._journal.finish(again=self.n_to_try > 0)

    def _found(self) -> Iterator[int | None]:
        for number in range(self.n_videos):
            yield self._journal.find(*self.videos.at(number))

    def _request(self, number: int) -> dict[str, object]:
        return self._plan.request(
            self.videos.places[number], self.videos.known["path"].iloc[number]
        )

    def _rows(self, number: int, outcome: Outcome) -> list[Row]:
        if outcome.answer is not None:
            return answered_rows(outcome.answer)
        video, what_to_do = shown(self.videos.places[number]), _WHAT_TO_DO[outcome.status]
        reason = f"{video} {outcome.reason}: {what_to_do}"
        return [failed_row(outcome.status, reason, self._plan.options)]

    def _count(
        self, bar: RunProgress, number: int, place: int, weight: float, *, resumed: bool
    ) -> VideoFacts:
        self._places[number] = place
        facts = facts_of([row.meta for row in self._journal.rows(place)])
        self.n_kept += facts.status not in ALWAYS_TRIED_AGAIN
        self.n_to_try += facts.status in (*ALWAYS_TRIED_AGAIN, *TRIED_AGAIN_AFTERWARDS)
        self.cost.n_resumed += resumed
        bar.advance(facts.status, facts.n_faces, facts.n_frames, weight, resumed=resumed)
        return facts
