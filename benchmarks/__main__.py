"""The table of speed and memory: ``python -m benchmarks [--clip CLIP]``.

Every contender runs in a fresh process, alone on one core, in turn with the one it is compared
with; the medians of several turns are compared. CPU seconds include loading the networks.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.clips import film, repeated

N_TURNS = 3


def _start(name: str, clip: Path, core: int = 0, points: Path | None = None) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmarks.contenders", name, str(clip)]
    return subprocess.Popen(  # noqa: S603  the command is this file's own
        command + ([str(points)] if points else []),
        env=os.environ | {"BENCHMARK_CORE": str(core)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _result(process: subprocess.Popen) -> dict[str, float]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(process.args)} failed: run it by itself to see why.")
    return json.loads(out.splitlines()[-1])


def _frames_per_cpu_s(result: dict[str, float]) -> float:
    return result["n_frames"] / result["cpu_s"]


def side_by_side(names: list[str], clip: Path, points: dict[str, Path]) -> dict[str, float]:
    """Median frames per CPU-second of each contender, run in turns."""
    speeds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(N_TURNS):
        for name in names:
            process = _start(name, clip, points=points.get(name))
            speeds[name].append(_frames_per_cpu_s(_result(process)))
    return {name: median(values) for name, values in speeds.items()}


def two_against_one(clip: Path) -> float:
    """Throughput of two processes on two cores against one process on one core."""
    gains = []
    for _ in range(N_TURNS):
        alone_s = _result(_start("ours_mediapipe", clip))["wall_s"]
        both = [_start("ours_mediapipe", clip, core) for core in (0, 1)]
        gains.append(2 * alone_s / max(_result(process)["wall_s"] for process in both))
    return median(gains)


def point_difference_iod(points: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of 68 points in interocular distances, over frames in which both have them."""
    iod = np.linalg.norm(other[:, 36] - other[:, 45], axis=1)
    distance = np.linalg.norm(points - other, axis=2).mean(axis=1) / iod
    return float(np.nanmean(distance))


def main(
    clip: Annotated[
        Path | None, typer.Option(help="Measure on this clip instead of the scripted one.")
    ] = None,
    memory: Annotated[bool, typer.Option(help="Also measure memory: takes minutes.")] = True,
) -> None:
    """Print speed and memory of the landmark backends as ratios."""
    table = Table("figure", "measured", "reach", box=None)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clips = {clip.name: clip} if clip else _scripted(work)
        for name, path in clips.items():
            for row in _speed(path, work):
                table.add_row(f"{name}: {row[0]}", *row[1:])
        first = next(iter(clips.values()))
        table.add_row("two processes on two cores against one", f"{two_against_one(first):.2f} x",
                      "1.8 x or more")  # fmt: skip
        if memory:
            for row in _memory(work):
                table.add_row(*row)
    Console(width=140).print(table)


def _scripted(work: Path) -> dict[str, Path]:
    sizes = {"720p": (1280, 720), "512": (512, 512)}
    return {name: film(work / f"{name}.mp4", size, 10.0) for name, size in sizes.items()}


def _speed(clip: Path, work: Path) -> list[tuple[str, str, str]]:
    points = {name: work / f"{name}.npy" for name in ("ours_dlib", "plain_dlib")}
    of_mesh = side_by_side(["ours_mediapipe", "plain_mediapipe", "limit"], clip, {})
    of_dlib = side_by_side(["ours_dlib", "plain_dlib"], clip, points)
    ours, plain, limit = of_mesh.values()
    apart = point_difference_iod(*(np.load(path) for path in points.values()))
    return [
        ("MediaPipe backend, frames per CPU-second", f"{ours:.0f}", ""),
        ("against the plain FaceLandmarker loop", f"{ours / plain:.2f} x", "2.0 x or more"),
        ("against decoding and networks alone", f"{ours / limit:.2f}", "0.75 or more"),
        ("dlib backend, frames per CPU-second", f"{of_dlib['ours_dlib']:.0f}", ""),
        (
            "against HOG on every frame",
            f"{of_dlib['ours_dlib'] / of_dlib['plain_dlib']:.1f} x",
            "8 x or more",
        ),
        ("mean point difference to it", f"{apart:.2%} of the iod", "under 1 %"),
    ]


def _memory(work: Path) -> list[tuple[str, str, str]]:
    """Peak memory of ten minutes at 1080p against one minute."""
    ten_s = film(work / "1080p.mp4", (1920, 1080), 10.0)
    minute = repeated(ten_s, work / "minute.mp4", 6)
    ten_minutes = repeated(ten_s, work / "ten_minutes.mp4", 60)
    rows = []
    for contender, what in (("ours_mediapipe", "landmarks"), ("features", "the whole row")):
        short, long = (_result(_start(contender, c))["peak_mib"] for c in (minute, ten_minutes))
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
