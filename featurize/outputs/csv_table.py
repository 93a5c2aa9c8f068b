"""Tables as CSV, whole or part by part."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import pandas as pd

from featurize.outputs.whole_file import whole_file


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
        When it cannot be written, or another process is writing it.
    """
    write_csv_parts([table], path)


def write_csv_parts(parts: Iterable[pd.DataFrame], path: Path) -> None:
    """Write the rows of several tables of the same columns one after another, as one table.

    The bytes are those of :func:`write_csv` for all rows at once. One part is in memory at a time.
    """
    with whole_file(path) as file, _as_text(file) as text:
        lines = _Lines(text)
        for number, part in enumerate(parts):
            part.to_csv(
                lines, index=False, header=number == 0, float_format="%.9g", lineterminator="\r\n"
            )


@contextmanager
def _as_text(file: BinaryIO) -> Iterator[TextIO]:
    """The file for text, in which line ends stay as they are; left open."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()


class _Lines:
    """Rows as ``csv.writer`` hands them over, one a call, each ended by a newline alone.

    The writer quotes a carriage return, at which readers end a line, only where it ends its lines
    with one.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix("\r\n") + "\n")
