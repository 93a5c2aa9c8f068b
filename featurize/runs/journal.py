"""Finished videos of a run, kept on disk so that an interrupted run loses nothing.

A run keeps ``features.csv.journal`` beside ``features.csv``: one line of JSON per finished video,
on the disk before anybody is told that the video is done. Where a line stands is all that is
remembered of it, so a run of a million videos holds a few numbers for each. One run at a time
writes a journal.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

from featurize.errors import OutputError
from featurize.pipeline import Row
from featurize.runs.row_text import read_rows, spelled

ALWAYS_TRIED_AGAIN: tuple[str, ...] = ("failed", "missing")
"""Videos of these are not kept: a fault of the moment deserves another try, and so does a video
that was not there."""

TRIED_AGAIN_AFTERWARDS: tuple[str, ...] = ("crashed", "timeout", "too_large")
"""Videos of these are kept while a run is unfinished, so that going on costs nothing twice. They
are tried again when a finished run is started anew, or with other limits."""


class Journal:
    """Rows of finished videos.

    Use it as a context manager.

    Parameters
    ----------
    path : Path
        The file. Its folder is made when there is none.
    settings : Mapping[str, object]
        Everything that changes rows besides the video, as JSON can hold it: options and versions.
        Rows of other settings are not given back.
    limits : Mapping[str, object]
        What a video may cost. Rows of videos that went beyond other limits are not given back.

    Attributes
    ----------
    stale : dict or None
        Settings of rows that an unfinished run of other settings left, the last ones when there are
        several; None when there are none.
    n_stale : int
        How many videos have such rows.

    Raises
    ------
    OutputError
        When another run is writing it, or it cannot be read or written.
    """

    def __init__(
        self, path: Path, settings: Mapping[str, object], limits: Mapping[str, object]
    ) -> None:
        self._path = path
        self._settings = _as_json(settings)
        self._id = _digest(self._settings)
        self._limits = _as_json(limits)
        self._places: dict[str, int] = {}
        self.stale: dict[str, Any] | None = None
        self.n_stale = 0

    def __enter__(self) -> Self:
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _locked(self._path)
        try:
            if self._path.is_file():
                self._scan()
            # A line cut off by a crash must not swallow the next one.
            self._write(b"\n" + _line({"settings": self._settings}))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def find(self, video: str, state: object) -> int | None:
        """Place of the rows of a video that is finished and has not changed since, or None.

        Parameters
        ----------
        video : str
            What the video is called.
        state : object
            What changes when it is written or replaced, as JSON can hold it.
        """
        return self._places.get(self._key(video, state))

    def add(self, video: str, state: object, rows: list[Row]) -> int:
        """Keep the rows of a finished video, on the disk when this returns; give their place.

        Those of :data:`ALWAYS_TRIED_AGAIN` have a place in this run and are not found by another.
        """
        status = rows[0].meta["status"]
        entry = {
            "key": self._key(video, state),
            "settings": self._id,
            "status": status,
            "limits": self._limits,
            "rows": spelled(rows),
        }
        return self._write(_line(entry))

    def rows(self, place: int) -> list[Row]:
        """Rows at a place that :meth:`find` or :meth:`add` gave."""
        self._file.seek(place)
        return read_rows(json.loads(self._file.readline())["rows"])

    def finish(self, *, again: bool) -> None:
        """The table is written: forget everything, or all but what needs no other try."""
        if again:
            self._write(_line({"finished": True}))
        else:
            self._path.unlink(missing_ok=True)

    def _key(self, video: str, state: object) -> str:
        return _digest([self._id, video, _as_json(state)])[:32]

    def _write(self, line: bytes) -> int:
        with writing(self._path):
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        return place

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # a full disk was already met by add
            self._file.close()

    def _scan(self) -> None:
        settings_of: dict[str, dict[str, Any]] = {}
        to_try_again: list[str] = []
        place = 0
        for line in self._file:
            start, place = place, place + len(line)
            try:
                entry = json.loads(line)
                if "settings" in entry and "key" not in entry:
                    settings_of[_digest(entry["settings"])] = entry["settings"]
                elif "finished" in entry:
                    for key in to_try_again:
                        self._places.pop(key, None)
                    self.stale, self.n_stale = None, 0
                elif entry["settings"] != self._id:
                    self.n_stale += 1
                    self.stale = settings_of.get(entry["settings"], {})
                elif self._is_kept(entry):
                    read_rows(entry["rows"])
                    self._places[entry["key"]] = start
                    if entry["status"] in TRIED_AGAIN_AFTERWARDS:
                        to_try_again.append(entry["key"])
            except (ValueError, KeyError, TypeError):
                continue  # cut off by the interruption; that video is done again

    def _is_kept(self, entry: Mapping[str, Any]) -> bool:
        if entry["status"] in TRIED_AGAIN_AFTERWARDS:
            return entry["limits"] == self._limits
        return entry["status"] not in ALWAYS_TRIED_AGAIN


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the disk into one sentence, an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}): give another path, or make "
            "room and run again; videos that are finished are not done again."
        ) from error


def _locked(path: Path) -> BinaryIO:
    """The file, open to append and to read, with no other run in it."""
    while True:
        file = path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                file.seek(0)
                return file
            file.close()  # the run that held it has finished and removed it
        except OSError as error:
            file.close()
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise OutputError(
                f"Another run is writing {path.with_suffix('')}: wait for it, or give another path."
            ) from error


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _as_json(value: object) -> Any:
    return json.loads(json.dumps(value))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
