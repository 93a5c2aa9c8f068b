"""A feature table as it stands in a Parquet file. pyarrow is imported when one is read."""

import math
from collections.abc import Callable, Collection
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from models.errors import TableError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"

_MAGIC = b"PAR1"


def read_columns(
    path: Path,
    texts: Collection[str],
    check_names: Callable[[pd.Index], None],
    is_wanted: Callable[[str], bool] = lambda _: True,
) -> pd.DataFrame:
    """Return the columns of a Parquet file: numbers, and text as it stands.

    Truth values count as numbers. What is neither, such as a date or a list, is text as it is
    printed, as it would be in a CSV file. A null number is NaN, a null text empty.

    Parameters
    ----------
    path : Path
        The file.
    texts : collection of str
        Columns that are text whatever they hold.
    check_names : callable
        Called with the names of the columns before anything is read.
    is_wanted : callable
        Whether a column of that name is read at all.

    Raises
    ------
    TableError
        When pyarrow is missing, or the file is damaged or is no Parquet file.
    OSError
        When it cannot be opened.
    """
    if find_spec("pyarrow") is None:
        raise TableError(
            f"{str(path)!r} is Parquet, which needs pyarrow: `pip install "
            "'deepfake-biometrics[parquet]'`, or give the table as CSV."
        )
    import pyarrow as pa
    from pyarrow import parquet

    _check_ends(path)
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            check_names(pd.Index(file.schema_arrow.names, dtype=object))
            names = file.schema_arrow.names
            wanted = [name for name in names if is_wanted(name)]
            table = file.read(None if wanted == names else wanted)
            table.validate(full=True)
        columns = {
            name: _as_series(column, name in texts)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TableError(
            f"{str(path)!r} is damaged ({' '.join(str(error).split())}): copy it again, or make it "
            "anew."
        ) from error
    return pd.DataFrame(columns)


def _check_ends(path: Path) -> None:
    """Raise TableError where the first and last bytes are not those of Parquet."""
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
        file.seek(max(path.stat().st_size - len(_MAGIC), 0))
        end = file.read()
    if not start:
        raise TableError(
            f"The feature table {str(path)!r} is empty: make it with `python -m featurize run`."
        )
    if start != _MAGIC:
        raise TableError(
            f"{str(path)!r} is not a Parquet file: give the table that `python -m featurize run` "
            "wrote, and let the name of a CSV file end in .csv."
        )
    if end != _MAGIC:
        raise TableError(
            f"{str(path)!r} ends in the middle, as a copy that was cut short does: copy it again, "
            "or make it anew."
        )


def _as_series(column: "pa.ChunkedArray", as_text: bool) -> pd.Series:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    is_number = any(
        test(kind)
        for test in (
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_decimal,
            pa.types.is_null,
        )
    )
    if is_number and not as_text:
        plain = pa.types.is_primitive(kind) and not column.null_count
        return (column if plain else column.cast(pa.float64())).to_pandas()
    return pd.Series([_printed(value) for value in column.to_pylist()], dtype="str")


def _printed(value: object) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)
