"""How far a run is: a bar on a terminal, now and then a plain line anywhere else."""

import io
import sys
import time
from collections import deque
from collections.abc import Sequence
from statistics import fmean
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

PLAIN_LINE_EVERY_S = 60.0
"""Log files want a line a minute, not a bar that redraws itself."""

PACE_OVER_S = 60.0
"""Speed is that of the last minute, so that it follows the videos that are being worked on."""

PACE_OVER_VIDEOS = 32
"""Or of so many videos where they take longer: over fewer the speed would jump."""

_LEAST_BAR_COLUMNS = 8


def weights(sizes_bytes: Sequence[int | None]) -> list[float]:
    """How much work each video is taken for.

    Parameters
    ----------
    sizes_bytes : sequence of int or None
        Size of each file; None where it is not known.

    Returns
    -------
    list of float
        The sizes, and their mean (1 when none is known) where one is unknown.
    """
    known = [size for size in sizes_bytes if size is not None]
    mean = fmean(known) if known else 1.0
    return [mean if size is None else float(size) for size in sizes_bytes]


class Pace:
    """Frames and weight done per second, over the last minute or the last few videos.

    Parameters
    ----------
    start_s : float
        When work begins, on any clock that only goes forward.
    """

    def __init__(self, start_s: float) -> None:
        # When, and how many frames and how much weight were done by then.
        self._points = deque([(start_s, 0, 0.0)])

    def add(self, now_s: float, n_frames: int, weight: float) -> None:
        """Count a finished video."""
        points = self._points
        _, frames_before, weight_before = points[-1]
        if len(points) > 1 and now_s - points[-2][0] < 1.0:
            points.pop()  # a point a second is enough, however short the videos
        points.append((now_s, frames_before + n_frames, weight_before + weight))
        while len(points) > PACE_OVER_VIDEOS + 1 and now_s - points[1][0] >= PACE_OVER_S:
            points.popleft()

    @property
    def frames_per_s(self) -> float:
        """Frames per second of wall time; 0 before the first video is done."""
        return self._per_s(1)

    def left_s(self, weight: float, now_s: float) -> float | None:
        """Seconds that the rest will take, or None while nothing tells."""
        speed = self._per_s(2)
        if not speed:
            return None
        return max(weight / speed - (now_s - self._points[-1][0]), 0.0)

    def _per_s(self, which: int) -> float:
        first, last = self._points[0], self._points[-1]
        duration_s = last[0] - first[0]
        return (last[which] - first[which]) / duration_s if duration_s > 0 else 0.0


class RunProgress:
    """Videos done, faces, failures, speed and time left, on standard error.

    Whatever becomes of standard error, a run goes on: no method raises.

    Parameters
    ----------
    n_videos : int
        Videos of the run.
    total_weight : float
        Sum of the :func:`weights` of all videos. The largest videos go first, so time left is told
        by weight: counting videos would mislead.
    wanted : bool
        Show nothing at all when False.
    """

    def __init__(self, n_videos: int, total_weight: float, wanted: bool) -> None:
        self._n_videos, self._total_weight = n_videos, total_weight
        self._done = self._failed = self._n_faces = 0
        self._done_weight = 0.0
        self._last_line_s = time.monotonic()
        self._pace = Pace(self._last_line_s)
        self._stream = _Stream(sys.stderr)
        # A terminal is what says it is one: variables such as FORCE_COLOR would draw bars into the
        # log files of build servers.
        self._console = Console(
            file=self._stream, force_terminal=self._stream.isatty(), force_jupyter=False
        )
        self._spinner = Spinner("dots" if self._console.encoding.startswith("utf") else "line")
        drawn = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = None
        if wanted and drawn:
            # What others print to standard output belongs there, not beside the bar.
            self._live = Live(
                console=self._console, get_renderable=self._line, redirect_stdout=False
            )
        self._plain = wanted and not drawn

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._live is not None:
            self._live.stop()

    def advance(
        self, status: str, n_faces: int, n_frames: int, weight: float, *, resumed: bool = False
    ) -> None:
        """Count one more video.

        Parameters
        ----------
        status : str
            Its status in the table.
        n_faces, n_frames : int
            What was found in it; 0 where it could not be used.
        weight : float
            Its part of the total weight.
        resumed : bool
            An earlier session did it: it counts as done, and not for speed and time left.
        """
        self._done += 1
        self._failed += status != "ok"
        self._n_faces += n_faces
        self._done_weight += weight
        now_s = time.monotonic()
        if not resumed:
            self._pace.add(now_s, n_frames, weight)
        if self._plain and now_s - self._last_line_s >= PLAIN_LINE_EVERY_S:
            self._last_line_s = now_s
            # Not by the console, which would wrap it: log files are searched by line.
            self._stream.write(self._plain_line(now_s) + "\n")
            self._stream.flush()

    def _plain_line(self, now_s: float) -> str:
        good = self._done - self._failed
        facts = [f"{good} ok", f"{self._failed} not usable"]
        facts += self._faces() + self._speed() + self._time_left(now_s)
        return f"{self._done} of {self._n_videos} videos: {', '.join(facts)}"

    def _line(self) -> RenderableType:
        """What is shown now, as wide as the terminal: the bar is the first to go."""
        failed = [f"{self._failed} not usable"] if self._failed else []
        facts = [*self._time_left(time.monotonic()), *self._faces(), *failed, *self._speed()]
        texts = [f"{self._done}/{self._n_videos} videos", ", ".join(facts)]
        room = self._console.width - sum(map(len, texts)) - 5
        if room < _LEAST_BAR_COLUMNS:
            return Text("  ".join(texts), no_wrap=True, overflow="crop")
        line = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=1.0, completed=self._share_done, width=min(room, 40))
        line.add_row(self._spinner, texts[0], bar, texts[1])
        return line

    @property
    def _share_done(self) -> float:
        if self._total_weight > 0:
            return min(self._done_weight / self._total_weight, 1.0)
        return self._done / max(self._n_videos, 1)

    def _faces(self) -> list[str]:
        return [f"{self._n_faces} faces"] if self._n_faces else []

    def _speed(self) -> list[str]:
        speed = self._pace.frames_per_s
        return [f"{speed:.{0 if speed >= 10 else 1}f} frames/s"] if speed else []

    def _time_left(self, now_s: float) -> list[str]:
        rest = self._total_weight - self._done_weight
        left_s = self._pace.left_s(rest, now_s)
        if left_s is None or self._done >= self._n_videos:
            return []
        return [f"{_in_words(left_s)} left"]


class _Stream(io.TextIOBase):
    """Standard error as it may be: closed, broken, or without letters for what is written."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    @property
    def encoding(self) -> str:
        return self._encoding

    def isatty(self) -> bool:
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError):
            return False

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text.encode(self._encoding, "replace").decode(self._encoding))
            except (OSError, ValueError):
                self._stream = None
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None


def _in_words(duration_s: float) -> str:
    """A duration in its two largest units: "45 s", "12 min", "3 h 20 min", "2 d 4 h"."""
    if duration_s < 90:
        return f"{duration_s:.0f} s"
    minutes = round(duration_s / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return "{} d {} h".format(*divmod(hours, 24))
