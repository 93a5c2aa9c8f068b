"""Finished videos of a run, kept on disk so that an interrupted run loses nothing.

A run keeps ``features.csv.journal`` beside ``features.csv``: one line of JSON per finished video,
on the disk before anybody is told that the video is done. Where a line stands is all that is
remembered of it, so a run of a million videos holds a few numbers for each. One run at a time
writes a journal.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

from featurize.errors import OutputError
from featurize.feature_rows import Row
from featurize.runs.row_text import read_rows, spelled

ALWAYS_TRIED_AGAIN: tuple[str, ...] = ("failed", "missing", "unreachable")
"""Videos of these are not kept: a fault of the moment deserves another try, and so does a video
that was not there."""

TRIED_AGAIN_AFTERWARDS: tuple[str, ...] = ("crashed", "network_failed", "timeout", "too_large")
"""Videos of these are kept while a run is unfinished, so that going on costs nothing twice. They
are tried again when a finished run is started anew, or with other limits."""

_KEY_SIGNS = 32


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
    n_features : int
        Features of each row.

    Attributes
    ----------
    n_changed : int
        Videos that were asked for, and are there as they were before their files changed.
    n_other_settings : int
        Videos that were asked for, and are there with other settings only.
    other_settings : dict
        The last of these settings.

    Raises
    ------
    OutputError
        When another run is writing it, or it cannot be read or written.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, object],
        limits: Mapping[str, object],
        n_features: int,
    ) -> None:
        self._path = path
        self._settings = _as_json(settings)
        self._id = _digest(self._settings)
        self._limits = _as_json(limits)
        self._n_features = n_features
        self._places: dict[str, int] = {}
        # Of each video, by which settings it was done last.
        self._done_by: dict[str, str] = {}
        self._settings_of: dict[str, dict[str, Any]] = {}
        self.n_changed = self.n_other_settings = 0
        self.other_settings: dict[str, Any] = {}

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
        place = self._places.get(self._key(video, state))
        done_by = self._done_by.get(_digest(video)[:_KEY_SIGNS])
        if place is None and done_by == self._id:
            self.n_changed += 1
        elif place is None and done_by is not None:
            self.n_other_settings += 1
            self.other_settings = self._settings_of.get(done_by, {})
        return place

    def add(self, video: str, state: object, rows: list[Row]) -> int:
        """Keep the rows of a finished video, on the disk when this returns; give their place.

        Those of :data:`ALWAYS_TRIED_AGAIN` have a place in this run and are not found by another.
        """
        status = rows[0].meta["status"]
        entry = {
            "key": self._key(video, state),
            "video": _digest(video)[:_KEY_SIGNS],
            "settings": self._id,
            "status": status,
            "limits": self._limits,
            "rows": spelled(rows),
        }
        return self._write(_line(entry))

    def rows(self, place: int) -> list[Row]:
        """Rows at a place that :meth:`find` or :meth:`add` gave."""
        self._file.seek(place)
        return read_rows(json.loads(self._file.readline())["rows"], self._n_features)

    def finish(self, *, again: bool) -> None:
        """The table is written: forget everything, or all but what needs no other try."""
        if again:
            self._write(_line({"finished": True}))
        else:
            self._path.unlink(missing_ok=True)

    def _key(self, video: str, state: object) -> str:
        return _digest([self._id, video, _as_json(state)])[:_KEY_SIGNS]

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
        to_try_again: list[tuple[str, str]] = []
        place = 0
        for line in self._file:
            start, place = place, place + len(line)
            try:
                entry = json.loads(line)
                if "finished" in entry:
                    for key, video in to_try_again:
                        self._places.pop(key, None)
                        self._done_by.pop(video, None)
                    to_try_again.clear()
                elif "key" not in entry:
                    self._settings_of[_digest(entry["settings"])] = entry["settings"]
                elif self._is_kept(entry):
                    self._done_by[entry["video"]] = sys.intern(entry["settings"])
                    if entry["settings"] == self._id:
                        read_rows(entry["rows"], self._n_features)
                        self._places[entry["key"]] = start
                        if entry["status"] in TRIED_AGAIN_AFTERWARDS:
                            to_try_again.append((entry["key"], entry["video"]))
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
            with _without_locks():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                file.seek(0)
                return file
            file.close()  # the run that held it has finished and removed it
        except BlockingIOError as error:
            file.close()
            raise OutputError(
                f"Another run is writing {path.with_suffix('')}: wait for it, or give another path."
            ) from error


@contextlib.contextmanager
def _without_locks() -> Iterator[None]:
    """Go on where the file system has no locks; a lock that somebody holds is another matter."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError:
        return


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _as_json(value: object) -> Any:
    return json.loads(json.dumps(value))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
