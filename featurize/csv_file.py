"""CSV files that appear whole or not at all, and what they can hold."""

import os
import tempfile
from pathlib import Path
from typing import TextIO

import pandas as pd


def is_utf8(text: str) -> bool:
    """Tell whether a table can hold a text: names of files may be any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with nine significant digits, whole or not at all.

    Parameters
    ----------
    table : pandas.DataFrame
        What to write, without its index.
    path : Path
        File to write; an existing one is replaced when the new one is complete.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".table.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            table.to_csv(_Lines(file), index=False, float_format="%.9g", lineterminator="\r\n")
        # A temporary file is for its owner only, and so would be the table.
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


class _Lines:
    """Rows as ``csv.writer`` hands them over, one a call, each ended by a newline alone.

    The writer quotes a carriage return, at which readers end a line, only where it ends its lines
    with one.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix("\r\n") + "\n")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
