"""Many videos go in, one feature table comes out: in parallel, complete, in the order given."""

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from featurize import __version__
from featurize.csv_file import write_csv
from featurize.errors import (
    ModelFileError,
    OptionError,
    OutputError,
    VideoError,
    WorkerLostError,
)
from featurize.extraction import LandmarkOptions
from featurize.journal import Journal
from featurize.landmarks.storage.store import LandmarkStore
from featurize.manifest import read_videos
from featurize.pipeline import Row, as_table, failed_row, video_rows
from featurize.progress import RunProgress
from featurize.registry import video_features
from featurize.windows import check_window

TRIED_AGAIN: tuple[str, ...] = ("failed", "missing")
"""Rows of these are not kept in the journal: a fault of the moment, such as full memory, deserves
another try, and so does a video that was not there."""


def featurize_dataset(
    source: str | Path | pd.DataFrame,
    out: str | Path | None = None,
    *,
    n_jobs: int = -1,
    landmark_store: str | Path | None = None,
    window_s: float | None = None,
    progress: bool = False,
    **options: object,
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
    landmark_store : str or Path, optional
        Folder of landmarks. Those it holds are not looked for again, others are kept there, so
        features can be computed anew without the videos. See
        :mod:`featurize.landmarks.storage.store`.
    window_s : float, optional
        Length of windows to measure instead of whole videos, see :func:`featurize.featurize_video`.
        The table then has one row per window, and the columns ``window_start_s, window_end_s``. A
        video that shows enough of a face in no window has one row that says so.
    progress : bool
        Show a progress bar on standard error, or a line a minute when that is no terminal.
    **options
        How faces are found and followed: ``backend, detector, faces, max_faces, min_duration_s,
        stabilise``, see :class:`featurize.extraction.LandmarkOptions`.

    Returns
    -------
    pandas.DataFrame
        One row per face and video, in the order of the manifest, main face first, windows in the
        order of time; columns as for :func:`featurize.featurize_video`.

    Raises
    ------
    ManifestError, OptionError, UnknownBackendError
        When the list of videos or an option cannot be worked with. Raised before any video is
        opened.
    OutputError
        When ``out`` or the landmark store cannot be written, or ``out`` is the manifest or one of
        the videos itself. Raised before any video is opened, unless the disk fills up later.
    ModelFileError
        When the backend's model file is missing or damaged.
    WorkerLostError
        When a worker process was killed. As after a KeyboardInterrupt, what is finished is kept.
    """
    how = LandmarkOptions(**options)
    check_window(window_s)
    if n_jobs == 0:
        raise OptionError("n_jobs must be a number of videos at a time or -1 for one per core.")
    videos, folder = read_videos(source)
    paths = [folder / path for path in videos["path"]]
    out = None if out is None else Path(out)
    if out is not None:
        _refuse_output(out, source, paths)
    store = None if landmark_store is None else LandmarkStore(landmark_store)
    journal, rows_of = None, {}
    with contextlib.ExitStack() as stack:
        if out is not None:
            with _writing(out):
                journal = stack.enter_context(Journal(out, _settings(how, window_s)))
            rows_of = {n: rows for n, path in enumerate(paths) if (rows := journal.find(path))}
        bar = stack.enter_context(RunProgress(len(paths), progress))
        for rows in rows_of.values():
            bar.advance(ok=_status(rows) == "ok")
        parallel = Parallel(
            n_jobs=n_jobs,
            batch_size=1,  # a finished video must not wait for others to reach the journal
            return_as="generator_unordered",
            initializer=_leave_ctrl_c_to_the_parent,
        )
        tasks = (
            delayed(_featurize_one)(number, path, how, store, window_s)
            for number, path in enumerate(paths)
            if number not in rows_of
        )
        try:
            for number, rows in parallel(tasks):
                rows_of[number] = rows
                if journal is not None and _status(rows) not in TRIED_AGAIN:
                    with _writing(out):
                        journal.add(paths[number], rows)
                bar.advance(ok=_status(rows) == "ok")
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_what_is_kept(rows_of, len(paths), journal)) from None
        except BrokenProcessPool as error:
            raise WorkerLostError(
                "A worker process was killed: memory ran out, or a library crashed on a video. "
                f"{_what_is_kept(rows_of, len(paths), journal)} Fewer jobs need less memory."
            ) from error
        table = as_table(list(_with_labels(videos, rows_of)), window_s)
        if journal is not None:
            with _writing(out):
                write_csv(table, out)
                journal.remove()
    return table


def _refuse_output(out: Path, source: str | Path | pd.DataFrame, paths: list[Path]) -> None:
    with _writing(out):
        if out.exists() and not out.is_file():
            raise OutputError(f"{out} is not a file: give the path of the table to write.")
        is_source = not isinstance(source, pd.DataFrame) and out.exists() and out.samefile(source)
    if is_source or _normal(out) in map(_normal, paths):
        raise OutputError(f"{out} is to be read, not replaced: write the table to another path.")


def _normal(path: Path) -> str:
    return os.path.normpath(path.absolute())


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Turn an error of the disk into one sentence."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{out} or its journal cannot be written ({error.strerror or error}): give another "
            "path, or make room and run again; videos that the journal holds are not done again."
        ) from error


def _settings(options: LandmarkOptions, window_s: float | None) -> dict[str, object]:
    """Everything that changes rows besides the videos."""
    names = "\n".join(feature.name for feature in video_features())
    return {
        **options.settings,
        "window_s": None if window_s is None else float(window_s),
        "featurize": __version__,
        "features": sha256(names.encode()).hexdigest(),
        **{package: metadata.version(package) for package in ("numpy", "scipy")},
    }


def _leave_ctrl_c_to_the_parent() -> None:
    """A terminal interrupts every process; the parent ends its workers, without their traces."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _featurize_one(
    number: int,
    path: Path,
    options: LandmarkOptions,
    store: LandmarkStore | None,
    window_s: float | None,
) -> tuple[int, list[Row]]:
    try:
        return number, video_rows(path, options, store, window_s)
    except VideoError as error:
        return number, [failed_row(error.status, str(error), options)]
    except (ModelFileError, OutputError, ImportError):
        raise  # the fault is in the set-up, not in this video
    except Exception as error:  # noqa: BLE001  one video must never end a run of days
        reason = f"{path} made {type(error).__name__}: {error}. Please report it."
        return number, [failed_row("failed", " ".join(reason.split()), options)]


def _with_labels(videos: pd.DataFrame, rows_of: dict[int, list[Row]]) -> Iterator[Row]:
    for number, known in enumerate(videos.to_dict("records")):
        for row in rows_of[number]:
            yield replace(row, meta=row.meta | known)


def _status(rows: list[Row]) -> object:
    return rows[0].meta["status"]


def _what_is_kept(rows_of: dict[int, list[Row]], n_videos: int, journal: Journal | None) -> str:
    if journal is None:
        return "No video is kept: with `out` an interrupted run can go on."
    n_kept = sum(_status(rows) not in TRIED_AGAIN for rows in rows_of.values())
    return f"{n_kept} of {n_videos} videos are kept; give the same command again to go on."
