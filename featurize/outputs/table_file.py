"""The feature table as a file: Parquet where its name ends so, else CSV; written as rows come."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from featurize.errors import OptionError
from featurize.outputs.csv_table import write_csv_parts
from featurize.outputs.parquet_table import has_pyarrow, write_parquet_parts

PARQUET_SUFFIX = ".parquet"

_ROWS_AT_A_TIME = 256
"""Parts of fewer rows are put together first: a call for every row takes longer than the row."""


def is_parquet(path: Path) -> bool:
    """Tell by its name whether a table is, or will be, Parquet."""
    return path.suffix.lower() == PARQUET_SUFFIX


def check_table_path(out: Path) -> None:
    """Raise OptionError where a table of that name could not be written here."""
    if is_parquet(out) and not has_pyarrow():
        raise OptionError(
            f"{out} would be Parquet, which needs pyarrow: `pip install "
            "'deepfake-biometrics[parquet]'`, or let the name end in .csv."
        )


def write_table(parts: Iterable[pd.DataFrame], out: Path) -> None:
    """Write a table part by part, whole or not at all: also when the parts end in an exception.

    The bytes are the same however the rows are parted. In memory are one part, a few hundred rows,
    and of Parquet one group of rows.

    Parameters
    ----------
    parts : iterable of pandas.DataFrame
        Consecutive rows of the table, at least one part; each with the same columns of the same
        types, without an index that counts.
    out : Path
        File to write; an existing one is replaced when the new one is complete. Numbers have nine
        significant digits in CSV, and are written in full in Parquet, see
        :func:`featurize.outputs.parquet_table.write_parquet_parts`.

    Raises
    ------
    OSError
        When it cannot be written, or another process is writing it.
    ValueError
        When there is no part, or parts differ in their columns.
    """
    write = write_parquet_parts if is_parquet(out) else write_csv_parts
    write(_put_together(_checked(parts)), out)


def _checked(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    first = None
    for part in parts:
        if first is None:
            first = part.dtypes
        if not part.dtypes.equals(first):
            raise ValueError("parts of a table must have the same columns of the same types")
        yield part
    if first is None:
        raise ValueError("a table of no parts has no columns")


def _put_together(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    waiting: list[pd.DataFrame] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= _ROWS_AT_A_TIME:
            yield pd.concat(waiting)
            waiting = []
    if waiting:
        yield pd.concat(waiting)
