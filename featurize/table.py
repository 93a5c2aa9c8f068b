"""Many videos go in, one feature table comes out: in parallel, complete, in the order given."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
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

from featurize import __version__
from featurize.errors import VideoError
from featurize.journal import Journal
from featurize.manifest import read_videos
from featurize.pipeline import as_table, failed_row, featurize_video


def featurize_dataset(
    source: str | Path | pd.DataFrame,
    out: str | Path | None = None,
    *,
    n_jobs: int = -1,
    backend: str = "mediapipe",
    max_faces: int = 3,
    progress: bool = False,
) -> pd.DataFrame:
    """Featurize every video of a manifest or folder.

    A video that cannot be used has a row too: its ``status`` is a short code and its ``reason`` a
    sentence. The table is the same for any number of jobs. An interrupted run that is started again
    with the same ``out`` goes on where it stopped.

    Parameters
    ----------
    source : str, Path or pandas.DataFrame
        A manifest (CSV with a column ``path``, relative to the manifest, and where known ``label,
        group, method, dataset, compression, split``), a table of the same form, a folder, or one
        video. See :func:`featurize.manifest.read_videos`.
    out : str or Path, optional
        Where to write the table as CSV; written whole or not at all.
    n_jobs : int
        Videos at a time; -1 for one per core.
    backend : str
        Landmark backend.
    max_faces : int
        Most faces to look for in a frame.
    progress : bool
        Show a progress bar on standard error when that is a terminal.

    Returns
    -------
    pandas.DataFrame
        One row per face and video, in the order of the manifest, main face first; columns as for
        :func:`featurize.featurize_video`.

    Raises
    ------
    ManifestError
        When the list of videos cannot be worked with. Raised before any video is opened.
    """
    videos, folder = read_videos(source)
    paths = [folder / path for path in videos["path"]]
    settings = {"backend": backend, "max_faces": max_faces, "version": __version__}
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(Journal(Path(out), settings)) if out is not None else None
        rows_of = {}
        if journal is not None:
            rows_of = {n: rows for n, path in enumerate(paths) if (rows := journal.find(path))}
        bar = stack.enter_context(_Progress(len(paths), progress))
        for rows in rows_of.values():
            bar.advance(ok=rows[0]["status"] == "ok")
        tasks = (
            delayed(_featurize_one)(number, path, backend, max_faces)
            for number, path in enumerate(paths)
            if number not in rows_of
        )
        for number, rows in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(tasks):
            rows_of[number] = rows
            if journal is not None:
                journal.add(paths[number], rows)
            bar.advance(ok=rows[0]["status"] == "ok")
        table = as_table(list(_with_labels(videos, rows_of)))
        if journal is not None:
            write_csv(table, Path(out))
            journal.remove()
    return table


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with nine significant digits, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            table.to_csv(file, index=False, float_format="%.9g", lineterminator="\n")
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def _featurize_one(
    number: int, path: Path, backend: str, max_faces: int
) -> tuple[int, list[dict[str, object]]]:
    try:
        table = featurize_video(path, backend=backend, max_faces=max_faces)
    except VideoError as error:
        return number, [failed_row(error.status, str(error), backend)]
    except (ArithmeticError, MemoryError, OSError, RuntimeError, ValueError) as error:
        # One video must never end a run of days, not even by a fault of ours or of a library.
        reason = f"{path} made {type(error).__name__}: {error}. Please report it."
        return number, [failed_row("failed", " ".join(reason.split()), backend)]
    return number, table.to_dict("records")


def _with_labels(
    videos: pd.DataFrame, rows_of: dict[int, list[dict[str, object]]]
) -> Iterator[dict[str, object]]:
    for number, known in enumerate(videos.to_dict("records")):
        for row in rows_of[number]:
            yield row | known


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


class _Progress:
    """A bar with the counts of good and failed videos and the time left; silent off a terminal."""

    def __init__(self, n_videos: int, wanted: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            TextColumn("videos"),
            BarColumn(),
            TextColumn("{task.fields[ok]} ok, {task.fields[failed]} not usable"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not (wanted and console.is_terminal),
        )
        self._task = self._bar.add_task("", total=n_videos, ok=0, failed=0)
        self._ok = self._failed = 0

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def advance(self, *, ok: bool) -> None:
        self._ok += ok
        self._failed += not ok
        self._bar.update(self._task, advance=1, ok=self._ok, failed=self._failed)
