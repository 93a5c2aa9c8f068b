"""What came of a run, counted video by video: the text at its end and the exit code.

Only counts and a few reasons are held, so it is as small after a million videos as after one.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

N_REASONS = 5
"""Reasons told for each status; the table holds all of them."""


@dataclass(frozen=True)
class VideoFacts:
    """What a run tells of one video.

    Attributes
    ----------
    status, reason : str
        As in the table; ``status`` is ``ok`` where it could be used.
    n_faces, n_rows : int
        Faces that have rows, and rows of the table: one per face, or per window of a face.
    n_frames : int
        Frames that its rows speak of; 0 where it could not be used.
    duration_s : float
        Length of these frames as video.
    """

    status: str
    reason: str
    n_faces: int
    n_rows: int
    n_frames: int
    duration_s: float


def facts_of(rows: Sequence[Mapping[str, object]]) -> VideoFacts:
    """Facts of the rows of one video, the columns before the features being enough.

    Parameters
    ----------
    rows : sequence of mappings
        At least one, main face first, with ``status``, and where the status is ``ok`` ``face``,
        ``n_frames`` and ``duration_s``.

    Returns
    -------
    VideoFacts
        A video that could not be used has no face and no frame.
    """
    first = rows[0]
    status, reason = str(first["status"]), str(first.get("reason") or "")
    if status != "ok":
        return VideoFacts(status, reason, 0, len(rows), 0, 0.0)
    frames: Counter[object] = Counter()
    seconds: defaultdict[object, float] = defaultdict(float)
    for row in rows:
        frames[row["face"]] += int(row["n_frames"])
        seconds[row["face"]] += float(row["duration_s"])
    # Faces are shown side by side; windows follow one another.
    longest = max(frames, key=frames.__getitem__)
    return VideoFacts(status, reason, len(frames), len(rows), frames[longest], seconds[longest])


class RunSummary:
    """Counts of a run; give it every video once, in the order in which reasons are to be told.

    Attributes
    ----------
    n_by_status : collections.Counter
        Videos by status.
    n_resumed : int
        Those that an earlier session did.
    n_to_try : int
        Those that the same command would try again.
    n_faces, n_rows, n_frames : int
        Faces measured, rows of the table, frames that they speak of.
    duration_s : float
        Length of these frames as video.
    """

    def __init__(self) -> None:
        self.n_by_status: Counter[str] = Counter()
        self.n_resumed = 0
        self.n_to_try = 0
        self.n_faces = 0
        self.n_rows = 0
        self.n_frames = 0
        self.duration_s = 0.0
        self._reasons: dict[str, list[str]] = {}

    def add(self, video: VideoFacts) -> None:
        """Count one video."""
        self.n_by_status[video.status] += 1
        self.n_faces += video.n_faces
        self.n_rows += video.n_rows
        self.n_frames += video.n_frames
        self.duration_s += video.duration_s
        if video.status != "ok":
            told = self._reasons.setdefault(video.status, [])
            if len(told) < N_REASONS:
                told.append(video.reason)

    @property
    def n_videos(self) -> int:
        """Videos counted."""
        return self.n_by_status.total()

    @property
    def n_failed(self) -> int:
        """Videos that could not be used."""
        return self.n_videos - self.n_by_status["ok"]

    @property
    def reasons(self) -> dict[str, list[str]]:
        """The first :data:`N_REASONS` reasons of each status that is not ``ok``."""
        return {status: list(self._reasons[status]) for status in sorted(self._reasons)}

    def text(self, out: Path, window_s: float | None = None) -> str:
        """The end of a run in words: counts, and for each status the first reasons.

        Parameters
        ----------
        out : Path
            Where the table is.
        window_s : float, optional
            Length of the windows when rows are of windows.

        Returns
        -------
        str
            One line or more, without the last line's end. What a terminal would obey rather than
            show, as names of files may hold it, is escaped.
        """
        n_measured = self.n_rows - self.n_failed
        windows = "" if window_s is None else f" in {n_measured} windows of {window_s:g} s"
        before = f" {self.n_resumed} of them were done before." if self.n_resumed else ""
        lines = [
            f"{self.n_videos} videos: {self.n_by_status['ok']} ok, {self.n_failed} not usable; "
            f"{self.n_faces} faces{windows}.{before} Written to {out}."
        ]
        for status, reasons in self.reasons.items():
            n = self.n_by_status[status]
            lines += [f"  {status}: {n}", *(f"    {reason}" for reason in reasons)]
            if n > len(reasons):
                lines.append(f"    and {n - len(reasons)} more: see the column `reason` of {out}")
        if self.n_to_try:
            lines.append(
                f"The same command tries {self.n_to_try} of them again; {out}.journal keeps the "
                "rest for that, and can be deleted."
            )
        return "\n".join(map(_shown, lines))

    def exit_code(self, strict: bool) -> int:
        """0; 1 when no video could be used or, if ``strict``, when any could not."""
        return int(self.n_by_status["ok"] == 0 or (strict and self.n_failed > 0))


def _shown(line: str) -> str:
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign)[0] == "C" else sign
        for sign in line
    )
