"""Runs contenders in turn, each in a fresh process on its own core, and takes medians."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.clips import film, with_sound

N_TURNS = 5
CORES = sorted(os.sched_getaffinity(0), reverse=True)[:2]


class Bench:
    """Runs contenders.

    Parameters
    ----------
    work : Path
        Folder for clips and points.
    """

    def __init__(self, work: Path) -> None:
        self.work = work
        # Long enough, and with sound, so that all code has run before anything is measured.
        silent = film(work / "warm_up_silent.mp4", (256, 256), 6.0)
        self._warm_up = with_sound(silent, work / "warm_up.mp4")

    def start(
        self, name: str, clip: Path, cores: list[int] = CORES[:1], points: Path | None = None
    ) -> subprocess.Popen:
        """Begin to run a contender."""
        command = [sys.executable, "-m", "benchmarks.contenders", name, clip, self._warm_up]
        return subprocess.Popen(  # noqa: S603  the command is this file's own
            [str(part) for part in [*command, *([points] if points else [])]],
            env=os.environ | {"BENCHMARK_CORES": ",".join(map(str, cores))},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def speeds(
        self,
        names: list[str],
        clip: Path,
        cores: list[int] = CORES[:1],
        points: dict[str, Path] | None = None,
    ) -> list[float]:
        """Median frames per CPU-second of each contender, run in turns."""
        return [
            median(result["n_frames"] / result["cpu_s"] for result in results)
            for results in self._in_turns(names, clip, cores, points or {})
        ]

    def cpu_s(self, names: list[str], clip: Path) -> list[float]:
        """Least CPU seconds of each contender on one core, run in turns: noise only adds."""
        return [
            min(result["cpu_s"] for result in results)
            for results in self._in_turns(names, clip, CORES[:1], {})
        ]

    def _in_turns(
        self, names: list[str], clip: Path, cores: list[int], points: dict[str, Path]
    ) -> list[list[dict[str, float]]]:
        measured: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(N_TURNS):
            for name in names:
                measured[name].append(finished(self.start(name, clip, cores, points.get(name))))
        return list(measured.values())

    def two_against_one(self, clip: Path) -> float:
        """Throughput of two processes on two cores against one process on one core."""
        gains = []
        for _ in range(N_TURNS):
            alone_s = finished(self.start("ours_mediapipe", clip))["wall_s"]
            both = [self.start("ours_mediapipe", clip, [core]) for core in CORES]
            gains.append(2 * alone_s / max(finished(process)["wall_s"] for process in both))
        return median(gains)


def finished(process: subprocess.Popen) -> dict[str, float]:
    """What a contender took, when it is done."""
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(process.args)} failed: run it by itself to see why.")
    return json.loads(out.splitlines()[-1])
