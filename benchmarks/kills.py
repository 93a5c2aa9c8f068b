"""Runs killed at random moments: ``python -m benchmarks.kills [--kills 20] [--seed 0]``.

A run over a few short clips is ended by ``kill -9``, of itself or of one of its workers, at a
moment drawn by chance between its first look at a video and its end, and started again with the
same command until it is done. The table must have the bytes of a run that nobody disturbed.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.process_tree import descendants, is_alive, is_worker
from benchmarks.runs import described, start_run
from featurize.synthesis import make_dataset

N_JOBS = 2
_ORPHANS_END_WITHIN_S = 15.0
_CHANCE_OF_ANOTHER_KILL = 0.3
_CHANCE_OF_A_WORKER = 0.4
_LOOKED_EVERY_S = 0.02
# Of the time from the first look at a video to the end: at the very end there is none to be done.
_MOMENTS = (0.0, 0.9)


@dataclass(frozen=True)
class Session:
    """One start of the run.

    Attributes
    ----------
    victim : str
        What was killed: ``run``, ``worker``, or empty.
    after_s : float
        When it was.
    told : int
        Videos that the run had said were done, the last time it said so.
    begun : int
        Clips that were read by then, in all sessions of this table.
    orphans : int
        Processes that outlived the run.
    is_last : bool
        Whether the table was written: the run came to its end, or was killed only after that.
    """

    victim: str = ""
    after_s: float = 0.0
    told: int = 0
    begun: int = 0
    orphans: int = 0
    is_last: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of a table.

    Attributes
    ----------
    sessions : list of Session
        The last one wrote the table.
    taken_over : int
        Videos that the last one did not do.
    same : bool
        Whether the table has the right bytes.
    """

    sessions: list[Session]
    taken_over: int
    same: bool

    @property
    def n_kills(self) -> int:
        """How many sessions were hit."""
        return sum(bool(session.victim) for session in self.sessions)

    @property
    def lost(self) -> int:
        """Videos that were said to be done and had to be done again."""
        return max([0, *(s.told - self.taken_over for s in self.sessions[:-1])])

    @property
    def redone(self) -> int:
        """Videos begun by the time of the last kill of the run and done again after it."""
        return self.sessions[-2].begun - self.taken_over if len(self.sessions) > 1 else 0

    @property
    def is_right(self) -> bool:
        """Whether nothing was lost, left running, or done again that was not being done."""
        orphans = any(session.orphans for session in self.sessions)
        return self.same and not self.lost and not orphans and self.redone <= N_JOBS


class Bench:
    """A data set of short clips and its table, made without disturbance.

    Parameters
    ----------
    work : Path
        Folder for everything.
    n_clips : int
        Clips; an even number.
    """

    def __init__(self, work: Path, n_clips: int) -> None:
        self.work, self.clips = work, work / "clips"
        make_dataset(self.clips, n_people=n_clips // 2, duration_s=3.0, size_px=256, n_jobs=N_JOBS)
        self._n_clips = len(list(self.clips.glob("*.mp4")))
        self._temporary = work / "temporary"
        self._temporary.mkdir()
        self._session(work / "undisturbed.csv")
        self._right = (work / "undisturbed.csv").read_bytes()
        # A first run reads from the disk what later ones have in memory.
        self.begun_s, self.wall_s = self._times(work / "timed.csv")

    def table_under_kills(self, out: Path, rng: np.random.Generator, most: int) -> Outcome:
        """Make a table with one kill or, by chance, up to ``most``."""
        self._mark_unread()
        sessions: list[Session] = []
        while not sessions or not sessions[-1].is_last:
            n_kills = sum(bool(session.victim) for session in sessions)
            if sessions and (n_kills == most or rng.random() > _CHANCE_OF_ANOTHER_KILL):
                sessions.append(self._session(out))
                continue
            victim = "worker" if rng.random() < _CHANCE_OF_A_WORKER else "run"
            left = 1 - (sessions[-1].told if sessions else 0) / self._n_clips
            after_s = self.begun_s + float(rng.uniform(*_MOMENTS)) * left * self.work_s
            sessions.append(self._session(out, victim, after_s, int(rng.integers(1 << 30))))
        taken_over = described(out)["timing"]["n_videos_taken_over"]
        return Outcome(sessions, taken_over, out.read_bytes() == self._right)

    @property
    def work_s(self) -> float:
        """Seconds of an undisturbed run from its first look at a video on."""
        return self.wall_s - self.begun_s

    def left_behind(self) -> list[str]:
        """What the runs left in the temporary folder."""
        return sorted(path.name for path in self._temporary.iterdir())

    def _times(self, out: Path) -> tuple[float, float]:
        """When an undisturbed run looks at its first video and when it ends, seconds."""
        self._mark_unread()
        start_s, begun_s = time.perf_counter(), 0.0
        process = start_run(self.clips / "manifest.csv", out, "--jobs", str(N_JOBS))
        while process.poll() is None:
            time.sleep(_LOOKED_EVERY_S)
            if not begun_s and self._n_read():
                begun_s = time.perf_counter() - start_s
        process.communicate()
        return begun_s, time.perf_counter() - start_s

    def _session(self, out: Path, victim: str = "", after_s: float = 0.0, pick: int = 0) -> Session:
        """Start the run and, if there is a victim, kill it when its time has come.

        ``pick`` says which of the workers; a victim that is not there by then is not killed.
        """
        log = self.work / "stderr.txt"
        ended = Session()
        with log.open("w") as stderr:
            process = start_run(
                *(self.clips / "manifest.csv", out, "--jobs", str(N_JOBS)),
                stderr=stderr,
                talking=True,
                environment=os.environ | {"TMPDIR": str(self._temporary)},
            )
            try:
                process.wait(after_s if victim else None)
            except subprocess.TimeoutExpired:
                ended = self._kill(process, out, victim, after_s, pick)
            process.communicate()
        if process.returncode and ended.victim != "run":
            raise SystemExit(f"The run ended with {process.returncode}: {log.read_text()[-2000:]}")
        done = re.findall(r"^(\d+) of \d+ videos", log.read_text(), re.MULTILINE)
        return replace(ended, told=int(done[-1]) if done else 0)

    def _kill(
        self, process: subprocess.Popen, out: Path, victim: str, after_s: float, pick: int
    ) -> Session:
        below = descendants(process.pid)
        workers = [pid for pid in below if is_worker(pid)]
        if victim == "worker":
            if not workers:
                return Session()
            os.kill(workers[pick % len(workers)], signal.SIGKILL)
            return Session(victim, after_s)
        process.kill()
        process.wait()
        begun = self._n_read()
        limit_s = time.monotonic() + _ORPHANS_END_WITHIN_S
        while any(map(is_alive, below)) and time.monotonic() < limit_s:
            time.sleep(0.05)
        is_written = out.exists() and not out.with_name(out.name + ".journal").exists()
        return Session(
            *(victim, after_s), begun=begun, orphans=sum(map(is_alive, below)), is_last=is_written
        )

    def _mark_unread(self) -> None:
        """Set the time of last reading of each clip to that of its writing."""
        for clip in self.clips.glob("*.mp4"):
            written_ns = clip.stat().st_mtime_ns
            os.utime(clip, ns=(written_ns, written_ns))

    def _n_read(self) -> int:
        """How many clips were read since they were marked."""
        stats = [clip.stat() for clip in self.clips.glob("*.mp4")]
        return sum(stat.st_atime_ns > stat.st_mtime_ns for stat in stats)


def main(
    kills: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    clips: Annotated[int, typer.Option(min=2, help="Clips of three seconds.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other moments.")] = 0,
) -> None:
    """Print what kills cost, and fail when a table differs or a finished video was lost."""
    rng = np.random.default_rng(seed)
    shown = Table(
        *(
            "table",
            "kills: of, after, videos told done",
            "taken over",
            "redone",
            "orphans",
            "bytes",
        ),
        box=None,
    )
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), clips)
        while (left := kills - sum(outcome.n_kills for outcome in outcomes)) > 0:
            out = bench.work / f"{len(outcomes):02d}" / "features.csv"
            outcome = bench.table_under_kills(out, rng, left)
            outcomes.append(outcome)
            if not outcome.n_kills:
                continue
            shown.add_row(
                str(len(outcomes)),
                "; ".join(
                    f"{s.victim} {s.after_s:.1f} s" + f" {s.told}" * (s.victim == "run")
                    for s in outcome.sessions
                    if s.victim
                ),
                *(str(outcome.taken_over), str(outcome.redone)),
                str(sum(session.orphans for session in outcome.sessions)),
                "same" if outcome.same else "DIFFERENT",
            )
        left_behind = bench.left_behind()
    n_wrong = sum(not outcome.is_right for outcome in outcomes)
    n_workers = sum(s.victim == "worker" for outcome in outcomes for s in outcome.sessions)
    console = Console(width=120)
    console.print(shown)
    n_kills, lost = (sum(o.n_kills for o in outcomes), sum(o.lost for o in outcomes))
    console.print(
        f"{n_kills} kills, {n_workers} of them of a worker (seed {seed}, {N_JOBS} jobs, "
        f"{bench.wall_s:.1f} s undisturbed, the first video at {bench.begun_s:.1f} s): "
        f"{len(outcomes)} tables, {sum(not o.n_kills for o in outcomes)} of them done before their "
        f"kill and not shown, {n_wrong} wrong; "
        f"{lost} videos lost, at most {max(o.redone for o in outcomes)} redone after a kill"
    )
    console.print(f"left in the temporary folder: {', '.join(left_behind) or 'nothing'}")
    if n_wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
