"""The table of speed and memory: ``python -m benchmarks [--clip CLIP]``.

Every contender runs in a fresh process on one core, in turn with those it is compared with; the
medians of several turns are compared. CPU seconds include loading the networks, not the imports.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.bench import CORES, Bench, finished
from benchmarks.clips import film, repeated

Row = tuple[str, str, str]


def point_difference_iod(points: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of 68 points in interocular distances, over frames in which both have them."""
    iod = np.linalg.norm(other[:, 36] - other[:, 45], axis=1)
    distance = np.linalg.norm(points - other, axis=2).mean(axis=1) / iod
    return float(np.nanmean(distance))


def main(
    clip: Annotated[
        list[Path] | None, typer.Option(help="Measure on this clip instead of scripted ones.")
    ] = None,
    memory: Annotated[bool, typer.Option(help="Also measure memory: takes minutes.")] = True,
) -> None:
    """Print speed and memory of the landmark backends as ratios."""
    table = Table("figure", "measured", "reach", box=None)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        clips = clip or [
            film(bench.work / f"scripted_{height}.mp4", size, 10.0)
            for height, size in ((720, (1280, 720)), (512, (512, 512)))
        ]
        for path in clips:
            for figure, measured, reach in _speed(bench, path):
                table.add_row(f"{path.stem}: {figure}", measured, reach)
        if len(CORES) > 1:
            gain = bench.two_against_one(clips[0])
            table.add_row("two processes on two cores against one", f"{gain:.2f} x", "1.8 x")
        if memory:
            for row in _memory(bench):
                table.add_row(*row)
    Console(width=140).print(table)


def _speed(bench: Bench, clip: Path) -> list[Row]:
    points = {name: bench.work / f"{name}.npy" for name in ("ours_dlib", "plain_dlib")}
    names = ["ours_mediapipe", "plain_mediapipe", "limit"]
    ours, plain, limit = bench.speeds(names, clip)
    free_ours, free_plain, _ = bench.speeds(names, clip, CORES)
    dlib, plain_dlib = bench.speeds(list(points), clip, points=points)
    apart = point_difference_iod(*(np.load(path) for path in points.values()))
    return [
        ("MediaPipe backend, frames per CPU-second", f"{ours:.0f}", ""),
        ("against the plain FaceLandmarker loop", f"{ours / plain:.2f} x", "2.0 x"),
        ("the same, free to use two cores", f"{free_ours / free_plain:.2f} x", ""),
        ("against decoding and networks alone", f"{ours / limit:.2f}", "0.75"),
        ("these against the plain loop", f"{limit / plain:.2f} x", ""),
        ("dlib backend, frames per CPU-second", f"{dlib:.0f}", ""),
        ("against HOG on every frame", f"{dlib / plain_dlib:.1f} x", "8 x"),
        ("mean point difference to it", f"{apart:.2%} of the iod", "under 1 %"),
    ]


def _memory(bench: Bench) -> list[Row]:
    """Peak memory of ten minutes at 1080p against one minute."""
    ten_s = film(bench.work / "1080p.mp4", (1920, 1080), 10.0)
    clips = [repeated(ten_s, bench.work / f"{n}.mp4", n) for n in (6, 60)]
    rows = []
    for contender, what in (("ours_mediapipe", "landmarks"), ("features", "the whole row")):
        # Memory does not depend on what else runs.
        running = [
            bench.start(contender, path, [CORES[n % len(CORES)]]) for n, path in enumerate(clips)
        ]
        short, long = (finished(process)["peak_mib"] for process in running)
        rows.append(
            (
                f"peak memory, ten minutes of 1080p against one: {what}",
                f"{long / short:.2f} x ({long:.0f} against {short:.0f} MiB)",
                "at most 1.1 x",
            )
        )
    return rows


if __name__ == "__main__":
    typer.run(main)
