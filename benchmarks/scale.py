"""What many videos, two jobs and two Dask workers make of a run: ``python -m benchmarks.scale``.

Memory of the run and of its workers over 500 small videos; two jobs against one, in turns; cores
that one job uses; and whether Dask gives the same bytes.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.process_tree import Watch
from benchmarks.runs import described, finished_run, start_run
from benchmarks.short_clips import FORMS, write_copies, write_short_clips
from featurize.synthesis import make_dataset

SHARES = (0.1, 0.2, 0.5, 1.0)
"""When memory is read: 50, 100, 250 and 500 of 500 videos."""

LEAST_GAIN = 1.8


def memory(folder: Path, out: Path, n_videos: int, jobs: int) -> list[tuple[int, float, float]]:
    """Most anonymous memory, MiB, of the run and of any worker, by videos done."""
    process = start_run(*(folder, out, "--jobs", str(jobs)), stderr=subprocess.PIPE, talking=True)
    marks = [round(share * n_videos) for share in SHARES]
    figures = []
    with Watch(process) as watch:
        for n_done in _videos_done(process.stderr):
            if n_done in marks[:-1]:
                figures.append((n_done, watch.parent_mib, watch.worker_mib))
        # The table is written after the last video.
        process.communicate()
    if process.returncode:
        raise SystemExit(f"The run ended with {process.returncode}.")
    return [*figures, (n_videos, watch.parent_mib, watch.worker_mib)]


def two_against_one(folder: Path, work: Path, turns: int) -> tuple[float, float, float, float]:
    """Wall time of one job against that of two, cores used by one and by two, from run to end."""
    gains, cores = [], {1: [], 2: []}
    for turn in range(turns):
        wall_s = {}
        for jobs in (1, 2):
            process = start_run(folder, work / f"{turn}_{jobs}.csv", "--jobs", str(jobs))
            with Watch(process) as watch:
                process.communicate()
            wall_s[jobs] = watch.wall_s
            cores[jobs].append(watch.cpu_s / watch.wall_s)
        gains.append(wall_s[1] / wall_s[2])
    return median(gains), min(gains), median(cores[1]), median(cores[2])


def dask_gives_the_same(folder: Path, work: Path) -> tuple[bool, float]:
    """Whether two Dask workers write the bytes that one local job writes, and their seconds."""
    from dask.distributed import LocalCluster

    local, remote = work / "local.csv", work / "dask.csv"
    finished_run(folder, local, "--jobs", "1")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        start_s = time.perf_counter()
        finished_run(folder, remote, "--scheduler", cluster.scheduler_address)
        wall_s = time.perf_counter() - start_s
    return local.read_bytes() == remote.read_bytes(), wall_s


def main(
    videos: Annotated[int, typer.Option(min=10, help="Small videos, for memory.")] = 500,
    clips: Annotated[int, typer.Option(min=2, help="Clips of 10 s, for speed.")] = 16,
    turns: Annotated[int, typer.Option(min=1, help="Turns of one job and two.")] = 5,
    dask: Annotated[bool, typer.Option(help="Also run on two Dask workers.")] = True,
) -> None:
    """Print memory by number of videos, speed by number of jobs, and whether Dask agrees."""
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        (work / "base").mkdir()
        base = write_short_clips(work / "base", [form for form in FORMS if form.name != "raw.y4m"])
        write_copies(base, work / "small", videos)
        shown = Table("videos done", "most memory of the run", "of any worker", box=None)
        figures = memory(work / "small", work / "small.csv", videos, jobs=2)
        for n_done, parent_mib, worker_mib in figures:
            shown.add_row(str(n_done), f"{parent_mib:.0f} MiB", f"{worker_mib:.0f} MiB")
        console.print(shown)
        console.print(described(work / "small.csv")["counts"]["videos_by_status"])

        folder = work / "clips"
        make_dataset(folder, n_people=(clips + 1) // 2, duration_s=10.0, n_jobs=2)
        gain, least, one, two = two_against_one(folder, work, turns)
        console.print(
            f"two jobs against one: {gain:.2f} x (median of {turns}, least {least:.2f} x; reach: "
            f"{LEAST_GAIN} x); cores used: {one:.2f} by one job, {two:.2f} by two"
        )
        if dask:
            same, wall_s = dask_gives_the_same(folder, work)
            console.print(
                f"two Dask workers: {'same bytes' if same else 'OTHER BYTES'}, {wall_s:.1f} s"
            )


def _videos_done(lines: IO[str]) -> Iterator[int]:
    for line in lines:
        found = re.match(r"(\d+) of \d+ videos", line)
        if found:
            yield int(found[1])


if __name__ == "__main__":
    typer.run(main)
