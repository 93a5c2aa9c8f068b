"""What networks, transitions and series cost: ``python -m benchmarks.network_costs [--clip CLIP]``.

A scripted clip of ten seconds with sound, or clips of yours. Each is compared with the same way
without it, as a share of the time that landmarks take; all in fresh processes on one core, in
turns. Networks run on the CPU, whatever the machine has; loading them is not counted.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.bench import Bench
from benchmarks.clips import film, with_sound

LANDMARKS = "ours_mediapipe"
COSTS: dict[str, tuple[str, str]] = {
    "transitions": ("measures", "measures_without_transitions"),
    "all features of every table": ("features", LANDMARKS),
    "dlib-resnet": ("dlib_resnet", "features"),
    "efficientnet-lite0": ("efficientnet_lite0", "features"),
    "identity, with the network it needs": ("identity", "features"),
    "both networks and identity": ("both_and_identity", "features"),
    "series": ("series", "windows"),
}
"""Contenders with and without each."""


def main(
    clip: Annotated[
        list[Path] | None, typer.Option(help="Measure on this clip instead of a scripted one.")
    ] = None,
) -> None:
    """Print what each costs beside landmarks."""
    names = list(dict.fromkeys([LANDMARKS, *(name for pair in COSTS.values() for name in pair)]))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        silent = bench.work / "silent.mp4"
        clips = clip or [with_sound(film(silent, (512, 512), 10.0), bench.work / "512p.mp4")]
        for path in clips:
            took_s = dict(zip(names, bench.cpu_s(names, path), strict=True))
            Console(width=120).print(_rendered(path.stem, took_s))


def _rendered(name: str, took_s: dict[str, float]) -> Table:
    table = Table(name, "CPU time", "of the landmarks' time", box=None)
    table.add_row("landmarks alone", f"{took_s[LANDMARKS]:.2f} s", "100 %")
    for cost, (one, without) in COSTS.items():
        added_s = took_s[one] - took_s[without]
        table.add_row(cost, f"{added_s:+.2f} s", f"{100 * added_s / took_s[LANDMARKS]:+.1f} %")
    return table


if __name__ == "__main__":
    typer.run(main)
