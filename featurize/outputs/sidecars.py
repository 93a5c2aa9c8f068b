"""The files beside a table: what its columns mean, and how it was made."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

from featurize import __version__
from featurize.errors import OutputError
from featurize.outputs.shards import Shard
from featurize.outputs.whole_file import whole_file

FORMAT = "featurize.run/1"
"""Written into the file; the number is raised when something that reads it would break."""


def columns_file(out: Path) -> Path:
    """Where the meaning of the columns of a table stands.

    Examples
    --------
    >>> columns_file(Path("features.csv")).name, columns_file(Path("features.v2")).name
    ('features.columns.json', 'features.v2.columns.json')
    """
    return _beside(out, "columns.json")


def run_file(out: Path) -> Path:
    """Where it stands how a table was made.

    Examples
    --------
    >>> run_file(Path("features.parquet")).name
    'features.run.json'
    """
    return _beside(out, "run.json")


def _beside(out: Path, ending: str) -> Path:
    stem = out.stem if out.suffix.lower() in (".csv", ".parquet") else out.name
    return out.with_name(f"{stem}.{ending}")


def table_facts(out: Path) -> dict[str, object]:
    """Which table a ``features.run.json`` is of: its name, sha256 and number of bytes.

    Raises
    ------
    OSError
        When the table cannot be read.
    """
    with out.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"name": out.name, "sha256": sha256, "n_bytes": file.tell()}


def check_beside(out: Path) -> None:
    """Raise OutputError where the files beside a table to be written are those of another table.

    ``features.csv`` and ``features.parquet`` would share them. Those of a table that is gone are
    free to be replaced, and so is what tells of no table.
    """
    try:
        name = json.loads(run_file(out).read_text(encoding="utf-8"))["table"]["name"]
        other = out.with_name(name)
        is_anothers = name != out.name and other.is_file()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    if is_anothers:
        raise OutputError(
            f"{run_file(out)} tells how {other} was made, and {out} would replace it: give another "
            "name, or remove that table."
        )


def write_json(content: Mapping[str, object], path: Path) -> None:
    """Write JSON, whole or not at all, with its keys in their order.

    Raises
    ------
    OSError
        When it cannot be written, or another process is writing it.
    ValueError
        When a number is NaN or infinite, which JSON has no word for.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as file:
        # A byte of a name that is no UTF-8 is half a surrogate pair, which JSON can escape.
        file.write(text.encode("utf-8", errors="backslashreplace"))


def describe_run(
    *,
    table: Mapping[str, object],
    settings: Mapping[str, object],
    limits: Mapping[str, float | None],
    versions: Mapping[str, str | None],
    list_sha256: str,
    list_lines: int,
    shard: Shard | None,
    videos_by_status: Mapping[str, int],
    n_faces: int,
    n_rows: int,
    n_frames: int,
    video_s: float,
    wall_s: float,
    cpu_s: float,
    peak_mib: float,
    n_videos_taken_over: int,
    session_n_frames: int,
    session_video_s: float,
    failures: Iterable[tuple[str, str, str]],
) -> dict[str, object]:
    """Say how a table was made, as ``features.run.json`` has it.

    Nothing of it names the machine, a folder of it, or the day.

    Parameters
    ----------
    table : Mapping
        Which table it is, see :func:`table_facts`.
    settings : Mapping
        Everything that changes rows besides the videos, as JSON can hold it. Tables of other
        settings are not joined.
    limits : Mapping
        What a video was allowed to take, ``timeout_s`` and ``memory_mib``; None for no limit.
    versions : Mapping
        Further packages and their versions, None for what is not installed. Those of Python and
        this package are put in.
    list_sha256, list_lines
        sha256 of the whole list of videos, whose shard this may be, and its number of videos.
    shard : Shard or None
        Which part of the list the table is of; None for all of it.
    videos_by_status : Mapping
        Number of videos of each status, ``ok`` among them.
    n_faces, n_rows, n_frames, video_s
        Faces measured, rows of the table; frames and seconds of the videos that are ``ok``: of
        each those of the face that has most, in windows those of all its windows.
    wall_s : float
        Time from the start of this session's work to its last video, seconds.
    cpu_s : float
        Processor time of its workers.
    peak_mib : float
        Most memory of any of them.
    n_videos_taken_over : int
        Videos whose rows an earlier, interrupted session had measured.
    session_n_frames, session_video_s
        As ``n_frames`` and ``video_s``, of the videos that this session has measured.
    failures : iterable of tuple of str
        Path, status and reason of every video that is not ``ok``, in the order of the table.

    Returns
    -------
    dict
        ``format, table, versions, settings, limits, lists, counts, timing`` and ``failures``.
        ``lists`` has one entry; a joined table may have several. ``timing`` is of the session, and
        None where nothing can be divided.
    """
    return {
        "format": FORMAT,
        "table": dict(table),
        "versions": {
            "python": platform.python_version(),
            "featurize": __version__,
            **dict(sorted(versions.items())),
        },
        "settings": dict(settings),
        "limits": dict(limits),
        "lists": [
            {
                "sha256": list_sha256,
                "n_lines": list_lines,
                "shard": None if shard is None else str(shard),
            }
        ],
        "counts": {
            "n_videos": sum(videos_by_status.values()),
            "videos_by_status": by_status(videos_by_status),
            "n_faces": n_faces,
            "n_rows": n_rows,
            "n_frames": n_frames,
            "video_s": _rounded(video_s),
        },
        "timing": timing(
            wall_s=wall_s,
            longest_wall_s=wall_s,
            cpu_s=cpu_s,
            peak_mib=peak_mib,
            n_videos_taken_over=n_videos_taken_over,
            n_frames=session_n_frames,
            video_s=session_video_s,
        ),
        "failures": [
            {"path": path, "status": status, "reason": reason} for path, status, reason in failures
        ],
    }


def by_status(videos: Mapping[str, int]) -> dict[str, int]:
    """Numbers of videos in the order of the file: ``ok`` first, whether or not there is one."""
    failed = {status: n for status, n in sorted(videos.items()) if status != "ok" and n}
    return {"ok": videos.get("ok", 0), **failed}


def timing(
    *,
    wall_s: float,
    longest_wall_s: float,
    cpu_s: float,
    peak_mib: float,
    n_videos_taken_over: int,
    n_frames: int,
    video_s: float,
) -> dict[str, object]:
    """How long it took, of one session or of several together, and what that makes.

    ``wall_s`` is of all sessions one after another, ``longest_wall_s`` of the longest: as long as
    they took side by side.
    """
    return {
        "wall_s": _rounded(wall_s),
        "longest_wall_s": _rounded(longest_wall_s),
        "cpu_s": _rounded(cpu_s),
        "peak_mib": _rounded(peak_mib),
        "n_videos_taken_over": n_videos_taken_over,
        "n_frames": n_frames,
        "video_s": _rounded(video_s),
        "frames_per_s": _ratio(n_frames, wall_s),
        "video_hours_per_cpu_hour": _ratio(video_s, cpu_s),
    }


def _ratio(part: float, whole: float) -> float | None:
    return _rounded(part / whole) if whole > 0 else None


def _rounded(value: float) -> float:
    return round(float(value), 3)
