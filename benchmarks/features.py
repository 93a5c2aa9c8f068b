"""What features cost beside landmarks: ``python -m benchmarks.features [--clip CLIP]``.

A scripted clip of ten seconds with sound, or clips of yours. The whole row of a video is compared
with its landmarks alone, each in a fresh process on one core, in turns.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.bench import Bench
from benchmarks.clips import film, with_sound

MOST_SHARE = 0.15


def main(
    clip: Annotated[
        list[Path] | None, typer.Option(help="Measure on this clip instead of scripted ones.")
    ] = None,
) -> None:
    """Print what features cost as a share of the time that landmarks take."""
    table = Table(
        "clip", "landmarks alone", "features beside them", "of it sound", "reach", box=None
    )
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        clips = clip or [
            with_sound(
                film(bench.work / f"{height}.mp4", size, 10.0), bench.work / f"{height}p.mp4"
            )
            for height, size in ((720, (1280, 720)), (512, (512, 512)))
        ]
        for path in clips:
            names = ["ours_mediapipe", "features", "sound"]
            landmarks_s, whole_s, sound_s = bench.cpu_s(names, path)
            table.add_row(
                path.stem,
                f"{landmarks_s:.2f} s",
                f"{(whole_s - landmarks_s) / landmarks_s:.1%}",
                f"{sound_s / landmarks_s:.1%}",
                f"at most {MOST_SHARE:.0%}",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
