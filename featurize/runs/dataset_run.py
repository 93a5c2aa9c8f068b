"""One run: a list of videos goes in; their rows are in a journal, then in a table."""

import os
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd

from featurize.feature_rows import Row, as_table, failed_row
from featurize.isolation.keeper import Limits, Outcome
from featurize.media_file import is_url, shown
from featurize.per_frame.places import is_written
from featurize.runs.cluster import Cluster
from featurize.runs.crew import work_through
from featurize.runs.journal import ALWAYS_TRIED_AGAIN, TRIED_AGAIN_AFTERWARDS, Journal
from featurize.runs.one_video import Plan, answered_rows
from featurize.runs.progress import RunProgress, weights
from featurize.runs.summary import VideoFacts, facts_of
from featurize.runs.videos import Videos

PART_VIDEOS = 256
"""Videos of the table that are in memory at a time."""

_NOT_DONE = -1
_WHAT_TO_DO = {
    "answer_too_large": "take longer windows (window_s, --window) or fewer networks, or leave it "
    "out.",
    "crashed": "a decoder or library failed on it; convert it with FFmpeg, or leave it out.",
    "timeout": "allow more (timeout_s, --timeout), or leave it out.",
    "too_large": "allow more (memory_mib, --memory), or leave it out.",
}


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
        From the start of the session to the end of its last video, seconds.
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

    def look(self) -> None:
        """See what the journal holds, and what it holds in vain."""
        for number in range(self.n_videos):
            if not self._is_known(number):
                continue
            place = self._journal.find(*self._at(number))
            if place is not None and self._is_whole(number, place):
                self._places[number] = place

    def work(self, n_jobs: int, cluster: Cluster | None, progress: bool) -> None:
        """Do what the journal does not hold.

        Raises
        ------
        ModelFileError, OutputError, OptionError, WorkerError, WorkerLostError
            As :func:`featurize.table.featurize_dataset`.
        """
        weight = weights(self.videos.sizes)
        with RunProgress(len(weight), sum(weight), progress) as bar:

            def tell(number: int, facts: VideoFacts, *, resumed: bool) -> None:
                self.n_kept += facts.status not in ALWAYS_TRIED_AGAIN and self._is_known(number)
                again = (*ALWAYS_TRIED_AGAIN, *TRIED_AGAIN_AFTERWARDS)
                self.n_to_try += facts.status in again
                self.cost.n_resumed += resumed
                n_frames, weighs = facts.n_frames, weight[number]
                bar.advance(facts.status, facts.n_faces, n_frames, weighs, resumed=resumed)

            left = []
            for number, place in enumerate(self._places):
                if place == _NOT_DONE:
                    left.append(number)
                else:
                    tell(number, facts_of(self._metas(place)), resumed=True)
            left.sort(key=weight.__getitem__, reverse=True)
            done = work_through(
                ((number, self._request(number)) for number in left),
                self._limits,
                self._keep,
                n_jobs=n_jobs,
                cluster=cluster,
            )
            with closing(done):
                for number, facts in done:
                    tell(number, facts, resumed=False)

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
            yield as_table(rows, self._plan.features)

    def finish(self) -> None:
        """The table is written: only what deserves another try is left in the journal's hands."""
        self._journal.finish(again=self.n_to_try > 0)

    def _at(self, number: int) -> tuple[str, object]:
        """What the journal calls a video, wherever the command is given, and its state."""
        place, state = self.videos.at(number)
        if not is_url(place) and not Path(place).is_absolute():
            place = os.path.join(self._plan.folder, place)  # noqa: PTH118  a URL is no Path
        return place, state

    def _is_known(self, number: int) -> bool:
        """Whether it could be told that a video has changed."""
        place, state = self.videos.at(number)
        return state is not None or not is_url(place)

    def _is_whole(self, number: int, place: int) -> bool:
        """Whether what goes with the rows of a video is there, too."""
        folder = self._plan.per_frame
        if folder is None or self._metas(place)[0]["status"] != "ok":
            return True
        return is_written(Path(folder), self._listed(number))

    def _metas(self, place: int) -> list[dict[str, object]]:
        return [row.meta for row in self._journal.rows(place)]

    def _listed(self, number: int) -> str:
        return self.videos.known["path"].iloc[number]

    def _request(self, number: int) -> dict[str, object]:
        return self._plan.request(self.videos.places[number], self._listed(number))

    def _keep(self, number: int, outcome: Outcome) -> tuple[int, VideoFacts]:
        """Take an outcome to the journal."""
        rows = self._rows(number, outcome)
        self._places[number] = self._journal.add(*self._at(number), rows)
        facts = facts_of([row.meta for row in rows])
        self.cost.add(outcome, facts)
        return number, facts

    def _rows(self, number: int, outcome: Outcome) -> list[Row]:
        if outcome.answer is not None:
            return answered_rows(outcome.answer, self._plan)
        video, what_to_do = shown(self.videos.places[number]), _WHAT_TO_DO[outcome.status]
        reason = f"{video} {outcome.reason}: {what_to_do}"
        status = outcome.status.removeprefix("answer_")
        return [failed_row(status, reason, self._plan.options, self._plan.features)]
