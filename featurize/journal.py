"""Finished videos of a running data set, kept on disk so that an interrupted run loses nothing.

A run keeps ``features.csv.journal`` beside ``features.csv``, one line of JSON per finished video.
It is read when the same run is started again and removed when the table is written.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from featurize.pipeline import Row


class Journal:
    """Rows of finished videos, by video.

    Use it as a context manager: lines are written through at once.

    Parameters
    ----------
    table : Path
        The table that the run will write. Its folder is made when there is none.
    settings : Mapping[str, object]
        Everything that changes rows besides the video: options and versions. Rows of other settings
        are not given back.

    Raises
    ------
    OSError
        When the journal cannot be read or written.
    """

    def __init__(self, table: Path, settings: Mapping[str, object]) -> None:
        self._path = table.with_name(table.name + ".journal")
        self._settings = dict(settings)
        self._rows = self._read()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8")
        # A line cut off by a crash must not swallow the next one.
        self._file.write("\n")
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):  # a full disk was already met by add
            self._file.close()

    def find(self, video: Path) -> list[Row] | None:
        """Rows of a video that was finished before and has not changed since, or None."""
        return self._rows.get(self._key(video))

    def add(self, video: Path, rows: list[Row]) -> None:
        """Keep the rows of a finished video."""
        lines = [{"meta": row.meta, "features": row.features.tolist()} for row in rows]
        self._file.write(json.dumps({"key": self._key(video), "rows": lines}) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Forget everything: the table is written."""
        self._path.unlink(missing_ok=True)

    def _key(self, video: Path) -> str:
        try:
            stat = video.stat()
            state = [stat.st_size, stat.st_mtime_ns]
        except (OSError, ValueError):  # missing, out of reach, or no name that a file can have
            state = [0, 0]
        return json.dumps([str(video), *state, self._settings], sort_keys=True)

    def _read(self) -> dict[str, list[Row]]:
        if not self._path.is_file():
            return {}
        rows: dict[str, list[Row]] = {}
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                    rows[entry["key"]] = [
                        Row(row["meta"], np.array(row["features"], np.float64))
                        for row in entry["rows"]
                    ]
                except (ValueError, KeyError, TypeError):
                    continue  # cut off by the interruption; that video is done again
        return rows
