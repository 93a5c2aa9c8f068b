"""How far a run is: a bar on a terminal, now and then a plain line anywhere else."""

import time
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PLAIN_LINE_EVERY_S = 60.0
"""Log files want a line a minute, not a bar that redraws itself."""


class RunProgress:
    """Counts of good and unusable videos and the time left, on standard error.

    Parameters
    ----------
    n_videos : int
        Videos of the run.
    wanted : bool
        Show nothing at all when False.
    """

    def __init__(self, n_videos: int, wanted: bool) -> None:
        self._console = Console(stderr=True)
        on_terminal = self._console.is_terminal
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            TextColumn("videos"),
            BarColumn(),
            TextColumn("{task.fields[ok]} ok, {task.fields[failed]} not usable"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not (wanted and on_terminal),
        )
        self._task = self._bar.add_task("", total=n_videos, ok=0, failed=0)
        self._plain = wanted and not on_terminal
        self._last_line_s = time.monotonic()
        self._n_videos = n_videos
        self._ok = self._failed = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def advance(self, *, ok: bool) -> None:
        """Count one more video."""
        self._ok += ok
        self._failed += not ok
        self._bar.update(self._task, advance=1, ok=self._ok, failed=self._failed)
        now_s = time.monotonic()
        if self._plain and now_s - self._last_line_s >= PLAIN_LINE_EVERY_S:
            self._last_line_s = now_s
            self._console.print(
                f"{self._ok + self._failed} of {self._n_videos} videos: "
                f"{self._ok} ok, {self._failed} not usable",
                highlight=False,
            )
