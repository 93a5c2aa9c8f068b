"""Rows of several table files one after another in one file, checked while they pass."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from featurize.outputs.errors import JoinError
from featurize.outputs.parquet_table import RowGroups
from featurize.outputs.sidecars import run_file, table_facts
from featurize.outputs.whole_file import whole_file

if TYPE_CHECKING:
    import hashlib

    import pyarrow as pa

_ROWS_AT_A_TIME = 1024


class TablePart(NamedTuple):
    """A table, and what it is known to hold.

    Attributes
    ----------
    path : Path
        The file.
    n_videos, n_rows : int
        As its run has counted them.
    sha256 : str
        Of the file, as its run has written it.
    """

    path: Path
    n_videos: int
    n_rows: int
    sha256: str


def concatenate(tables: Sequence[TablePart], out: Path, as_parquet: bool) -> None:
    """Write all rows of some tables, which are Parquet or CSV as ``out`` is.

    Only a few rows are in memory, and sixteen bytes of every path.

    Raises
    ------
    JoinError
        When a table cannot be read, has other columns than the first, not the rows it should have,
        a video that was met before, or is not the file that its run has written.
    OSError
        When ``out`` cannot be written.
    """
    (_concatenate_parquet if as_parquet else _concatenate_csv)(tables, out)


def _concatenate_csv(tables: Sequence[TablePart], out: Path) -> None:
    first, videos = "", _Videos()
    with whole_file(out) as file:
        for table in tables:
            digest = sha256()
            records = _records(table.path, digest)
            header, text = next(records, ([], ""))
            if table is tables[0]:
                first = text
                file.write(text.encode())
            _check_columns(table, tables[0], text == first, header)
            where = header.index("path")
            for fields, text in records:
                if len(fields) != len(header) or not text.endswith("\n"):
                    raise _damaged(table.path, "a row is cut short")
                videos.add([fields[where]], table)
                file.write(text.encode())
            videos.check_all_of(table)
            _check_digest(table, digest.hexdigest())


def _records(path: Path, digest: "hashlib._Hash") -> Iterator[tuple[list[str], str]]:
    """The rows of a CSV file: their fields, and their text as it stands, which is digested too."""
    taken: list[str] = []

    def lines_as_taken() -> Iterator[str]:
        with path.open(encoding="utf-8", newline="") as lines:
            for line in lines:
                taken.append(line)
                digest.update(line.encode())
                yield line

    try:
        for fields in csv.reader(lines_as_taken(), strict=True):
            text = "".join(taken)
            taken.clear()
            yield fields, text
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise _damaged(path, error) from error


def _concatenate_parquet(tables: Sequence[TablePart], out: Path) -> None:
    videos = _Videos()
    with whole_file(out) as file, ExitStack() as stack:
        groups = None
        for table in tables:
            for rows in _batches(table.path):
                if groups is None:
                    groups = stack.enter_context(RowGroups(file, rows.schema))
                same = rows.schema.equals(groups.schema, check_metadata=True)
                _check_columns(table, tables[0], same, rows.column_names)
                videos.add(rows.column("path").to_pylist(), table)
                groups.add(rows)
            videos.check_all_of(table)
            _check_digest(table, table_facts(table.path)["sha256"])


def _batches(path: Path) -> Iterator["pa.Table"]:
    """The rows of a Parquet file, a few at a time; once none, which tells the columns."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            yield file.schema_arrow.empty_table()
            for batch in file.iter_batches(_ROWS_AT_A_TIME):
                yield pa.Table.from_batches([batch], file.schema_arrow)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise _damaged(path, error) from error


class _Videos:
    """Which videos were met, and in which table."""

    def __init__(self) -> None:
        self._table_of: dict[bytes, TablePart] = {}
        self._begin()

    def _begin(self) -> None:
        self._n_videos = self._n_rows = 0
        self._last = b""

    def add(self, paths: Sequence[str], table: TablePart) -> None:
        """Note the rows of some videos. Those of one video are next to each other."""
        self._n_rows += len(paths)
        for path in paths:
            known = blake2b(path.encode(), digest_size=16).digest()
            if known == self._last:
                continue
            if known in self._table_of:
                before = self._table_of[known].path
                raise JoinError(
                    f"{path} is in {before} and again in {table.path}: join tables of different "
                    "videos, each once."
                )
            self._table_of[known] = table
            self._last = known
            self._n_videos += 1

    def check_all_of(self, table: TablePart) -> None:
        """Raise JoinError unless all rows of a table were met; then the next one begins."""
        if (self._n_videos, self._n_rows) != (table.n_videos, table.n_rows):
            raise JoinError(
                f"{table.path} has {self._n_rows} rows of {self._n_videos} videos, but "
                f"{run_file(table.path)} tells of {table.n_rows} of {table.n_videos}: copy both "
                "again, or make the table anew."
            )
        self._begin()


def _check_columns(table: TablePart, first: TablePart, same: bool, columns: Sequence[str]) -> None:
    if not same:
        raise JoinError(
            f"{table.path} has other columns than {first.path}: join tables of one version and "
            "one kind, all of videos or all of windows of one length."
        )
    if "path" not in columns:
        raise JoinError(f"{table.path} is no feature table: it has no column `path`.")


def _check_digest(table: TablePart, found: str) -> None:
    if found != table.sha256:
        raise JoinError(
            f"{run_file(table.path)} is not of {table.path}: it was written for another table; "
            "give that shard's command again, or copy both again."
        )


def _damaged(path: Path, error: Exception | str) -> JoinError:
    return JoinError(
        f"{path} cannot be read or is damaged ({' '.join(str(error).split())}): copy it again, or "
        "make it anew."
    )
