"""A run over mutated videos: ``python -m benchmarks.hostile [--n 1000] [--seed 0]``.

Clips of a second in many containers are damaged, cut, spliced and made to lie. The run must end by
itself, and the table must have a row for each of them.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.mutations import write_mutants
from benchmarks.process_tree import Watch
from benchmarks.runs import start_run
from benchmarks.short_clips import write_short_clips

ON_PURPOSE = frozenset(
    {"ok", "unreadable", "no_video_stream", "no_face", "too_short", "empty", "too_large"}
)
"""What a mutant may be without anything having gone wrong."""


def main(
    n: Annotated[int, typer.Option(min=1, help="Mutated videos.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other mutants.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Videos at a time.")] = 2,
    timeout: Annotated[float, typer.Option(help="Most seconds for a video.")] = 60.0,
    keep: Annotated[
        Path | None, typer.Option(help="Write clips, mutants and table here, to look at.")
    ] = None,
) -> None:
    """Print what became of mutated videos, and fail when one has no row or the run crashed."""
    console = Console(width=160)
    with tempfile.TemporaryDirectory() as temporary:
        work = keep or Path(temporary)
        (work / "clips").mkdir(parents=True, exist_ok=True)
        folder, out = work / "mutants", work / "f.csv"
        names = write_mutants(write_short_clips(work / "clips"), folder, n, seed)
        start_s = time.perf_counter()
        with (work / "stderr.txt").open("w+") as stderr:
            options = ("--jobs", str(jobs), "--timeout", f"{timeout:g}")
            process = start_run(folder, out, *options, stderr=stderr)
            with Watch(process, folder) as watch:
                text, _ = process.communicate()
            wall_s = time.perf_counter() - start_s
            stderr.seek(0)
            said = stderr.read()
        if process.returncode or not out.exists():
            console.print(said[-4000:], markup=False)
            raise SystemExit(f"The run ended with {process.returncode}.")
        table = pd.read_csv(out, keep_default_na=False, low_memory=False)
    statuses = table.drop_duplicates("path").set_index("path")["status"]
    console.print(_by_kind(statuses))
    missing = sorted(set(names) - set(statuses.index))
    slowest = max(watch.open_s, key=watch.open_s.__getitem__, default="")
    console.print(text.splitlines()[0], markup=False)
    console.print(f"{n} mutants of seed {seed}: {len(missing)} without a row; {wall_s:.0f} s")
    console.print(f"slowest: {slowest}, open for {watch.open_s.get(slowest, 0):.1f} s")
    console.print(
        f"most memory: {watch.parent_mib:.0f} MiB the run, {watch.worker_mib:.0f} MiB a worker"
    )
    for name, status in statuses[~statuses.isin(ON_PURPOSE)].items():
        reason = table.loc[table["path"] == name, "reason"].iloc[0]
        console.print(f"{status}: {name}: {reason}", markup=False)
    if said.strip():
        console.print(f"standard error: {said[-2000:]}", markup=False)
    if missing or "Traceback" in said:
        raise typer.Exit(1)


def _by_kind(statuses: pd.Series) -> Table:
    kinds = pd.Series(
        [name.split("_")[1].removesuffix(Path(name).suffix) for name in statuses.index]
    )
    counts = Counter(zip(kinds, statuses, strict=True))
    columns = sorted(set(statuses))
    shown = Table("kind", *columns, box=None)
    for kind in sorted(set(kinds)):
        shown.add_row(kind, *(str(counts[kind, status] or "") for status in columns))
    totals = Counter(statuses)
    shown.add_row("all", *(str(totals[status]) for status in columns))
    return shown


if __name__ == "__main__":
    typer.run(main)
