"""A feature table as it stands in a file."""

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from models.errors import TableError
from models.table.parquet_file import SUFFIX as PARQUET_SUFFIX
from models.table.parquet_file import read_columns

TEXT_COLUMNS = (
    "path",
    "label",
    "group",
    "method",
    "dataset",
    "compression",
    "split",
    "status",
    "reason",
    "landmarks_backend",
    "featurize_version",
)
_MISSING_NUMBERS = ["", "NA", "N/A", "<NA>", "NaN", "nan", "None", "NULL", "null"]
_N_NAMED = 5
_LONGEST_ROW_BYTES = 2**22


def read_feature_file(path: Path, series: bool = False) -> tuple[pd.DataFrame, str]:
    """Return a feature table as it stands in a file, and the sha256 of the file.

    The columns ``series__``, which take much memory, are left out unless ``series`` asks for them.

    A file whose name ends in ``.parquet`` is Parquet, any other CSV. The same table is the same
    from both, but for the digits that CSV leaves out: numbers of a feature are float64, also where
    all of them are whole.

    Raises
    ------
    TableError
        When the file cannot be read, is damaged or of another kind, or names a column twice.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        read = _read_parquet if path.suffix.lower() == PARQUET_SUFFIX else _read_csv
        return _features_as_float64(read(path, series)), sha256
    except OSError as error:
        raise TableError(
            f"Cannot read the feature table {str(path)!r}: {error.strerror}."
        ) from error


def _read_parquet(path: Path, series: bool) -> pd.DataFrame:
    frame = read_columns(
        path, TEXT_COLUMNS, check_unique, lambda name: series or not _is_series(name)
    )
    for name in frame.columns.difference(TEXT_COLUMNS):
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            # As in a CSV file: missing by name, and numbers where all of it can be read as such.
            known = column.mask(column.isin(_MISSING_NUMBERS))
            values = pd.to_numeric(known, errors="coerce")
            frame[name] = values if values.count() == known.count() else known
    return frame


def _read_csv(path: Path, series: bool) -> pd.DataFrame:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            header = next(csv.reader(lines), [])
        _check_separator(path, header)
        _check_end(path, len(header))
        # pandas renames the second of two equal names instead of saying so.
        check_unique(pd.Index(header))
        whole = series or not any(map(_is_series, header))
        # Numbers may be missing by name; text is taken as it stands, for a person may be called NA.
        missing = {name: _MISSING_NUMBERS for name in header if name not in TEXT_COLUMNS}
        frame = pd.read_csv(
            path,
            usecols=None if whole else lambda name: not _is_series(name),
            dtype=dict.fromkeys(TEXT_COLUMNS, "str"),
            keep_default_na=False,
            na_values=missing,
            encoding="utf-8-sig",
            low_memory=False,
            # Older versions of pandas else lose the last bit.
            float_precision="round_trip",
        )
    except UnicodeDecodeError as error:
        raise TableError(
            f"{str(path)!r} is not a CSV file in UTF-8: give the table that `python -m featurize "
            "run` wrote, neither compressed nor saved in another encoding."
        ) from error
    except (csv.Error, pd.errors.ParserError) as error:
        raise TableError(
            f"{str(path)!r} is not a CSV file ({' '.join(str(error).split())}): give the table "
            "that `python -m featurize run` wrote."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise TableError(
            f"The feature table {str(path)!r} is empty: make it with `python -m featurize run`."
        ) from error
    if not isinstance(frame.index, pd.RangeIndex):
        # pandas takes the first fields of rows that are longer than the header for their names.
        raise TableError(
            f"{str(path)!r} is not a CSV file: its rows have more fields than its header; give the "
            "table that `python -m featurize run` wrote."
        )
    return frame


def _is_series(name: str) -> bool:
    return name.strip().startswith("series__")


def _features_as_float64(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers of features as float64: those of a CSV column may all happen to be whole."""
    others = frame.select_dtypes(["number", "bool"], exclude="float64").columns
    return frame.astype({name: "float64" for name in others if "__" in str(name)})


def _check_separator(path: Path, header: list[str]) -> None:
    """Raise TableError where a spreadsheet has put something else between the fields."""
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise TableError(f"{str(path)!r} is separated by {called}: save it with commas.")


def _check_end(path: Path, n_fields: int) -> None:
    """Raise TableError where the file ends in the middle of a row, as a copy cut short does."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _LONGEST_ROW_BYTES, 0))
        *_, last = file.read().split(b"\n")
    # In a text in quotation marks a row may go on in the next line.
    whole = last.count(b'"') % 2 == 0
    fields = next(csv.reader([last.decode("utf-8", errors="replace")]), [])
    if last.strip() and whole and len(fields) < n_fields:
        raise TableError(
            f"{str(path)!r} ends in the middle of a row, as a copy that was cut short does: copy "
            "it again, or make it anew."
        )


def check_unique(columns: pd.Index) -> None:
    """Raise TableError where a name occurs twice."""
    doubled = sorted(set(columns[columns.duplicated()].astype(str)) - {""})
    if doubled:
        raise TableError(f"The table names columns twice ({named(doubled)}): keep one of each.")


def named(names: Iterable[object]) -> str:
    """Return the first few names and how many more there are."""
    names = [repr(str(name)) for name in names]
    more = len(names) - _N_NAMED
    return ", ".join(names[:_N_NAMED]) + (f" and {more} more" if more > 0 else "")
