"""Tables as Parquet. pyarrow is imported when the first one is met."""

from collections.abc import Iterable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np
import pandas as pd

from featurize import __version__
from featurize.outputs.whole_file import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 8192
"""Rows that are written, and can be read, at a time. The file describes every column of every group
in its last bytes: a million rows of a thousand columns in groups of a thousand rows would need
hundreds of megabytes for that alone."""


def has_pyarrow() -> bool:
    """Tell whether Parquet can be written and read here."""
    return find_spec("pyarrow") is not None


def write_parquet_parts(parts: Iterable[pd.DataFrame], path: Path) -> None:
    """Write the rows of several tables of the same columns one after another, as one table.

    Whole numbers are int64, other numbers float64 in full, all else is text. Nothing is null: an
    unknown number is NaN, an unknown text is empty. The bytes depend on the rows, the version of
    this package and that of pyarrow alone, not on the parts.

    Raises
    ------
    OSError
        When it cannot be written, or another process is writing it.
    """
    with whole_file(path) as file, ExitStack() as stack:
        groups = None
        for part in parts:
            if groups is None:
                groups = stack.enter_context(RowGroups(file, _schema(part)))
            groups.add(_as_arrow(part, groups.schema))


class RowGroups:
    """Rows as they come, written in groups of :data:`ROWS_PER_GROUP`.

    Use it as a context manager: the last group is written at its end.

    Parameters
    ----------
    file : BinaryIO
        Where to.
    schema : pyarrow.Schema
        Of all rows; its metadata goes into the file.
    """

    def __init__(self, file: BinaryIO, schema: "pa.Schema") -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self.schema = schema
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        # Few measured numbers occur twice, so a dictionary of them would only take time, and
        # nobody looks for rows by them.
        self._writer = parquet.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=texts,
            write_statistics=texts,
            write_page_checksum=True,
            store_schema=False,
        )
        # Not by the schema as pyarrow would store it, which is for pyarrow alone.
        self._writer.add_key_value_metadata(schema.metadata or {})
        self._waiting = schema.empty_table()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._waiting.num_rows:
            self._write(self._waiting)
        self._writer.close()

    def add(self, rows: "pa.Table") -> None:
        """Write as many whole groups as there are now."""
        import pyarrow as pa

        waiting = pa.concat_tables([self._waiting, rows])
        while waiting.num_rows >= ROWS_PER_GROUP:
            self._write(waiting.slice(0, ROWS_PER_GROUP))
            waiting = waiting.slice(ROWS_PER_GROUP)
        self._waiting = waiting

    def _write(self, group: "pa.Table") -> None:
        # Where the parts met must not show in the pages.
        self._writer.write_table(group.combine_chunks(), row_group_size=ROWS_PER_GROUP)


def _schema(part: pd.DataFrame) -> "pa.Schema":
    import pyarrow as pa

    fields = [
        pa.field(name, getattr(pa, _kind(column))(), nullable=False)
        for name, column in part.items()
    ]
    return pa.schema(fields, metadata={"featurize_version": __version__})


def _kind(column: pd.Series) -> str:
    """What a column of a table holds: ``"int64"``, ``"float64"`` or ``"string"``."""
    if pd.api.types.is_integer_dtype(column):
        return "int64"
    return "float64" if pd.api.types.is_float_dtype(column) else "string"


def _as_arrow(part: pd.DataFrame, schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    arrays = []
    for name, column in part.items():
        kind = schema.field(name).type
        if pa.types.is_string(kind):
            values = column.astype(object).where(column.notna(), "").map(str).to_list()
        else:
            values = column.to_numpy(np.dtype(str(kind).replace("double", "float64")))
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, schema=schema)
