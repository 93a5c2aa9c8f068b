"""CSV files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

import pandas as pd


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
            table.to_csv(file, index=False, float_format="%.9g", lineterminator="\n")
        # A temporary file is for its owner only, and so would be the table.
        Path(part).chmod(0o666 & ~_umask())
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
