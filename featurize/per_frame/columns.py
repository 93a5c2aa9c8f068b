"""What the columns of per-frame files mean, in order, and the file that says so beside them."""

from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd

from featurize import __version__
from featurize.errors import OutputError
from featurize.outputs.sidecars import write_json
from featurize.per_frame.openface import HEAD_COLUMNS, OPENFACE_COLUMNS, FrameColumn
from featurize.registry import FRAME_SIGNALS

COLUMNS_FILE = "columns.json"
"""Name of the file, at the top of the folder of per-frame files, that says what columns mean."""

FRAME_COLUMNS: tuple[FrameColumn, ...] = (
    *HEAD_COLUMNS,
    *OPENFACE_COLUMNS,
    *(
        FrameColumn(signal.column, signal.unit, signal.meaning, signal.reference)
        for signal in FRAME_SIGNALS
    ),
)
"""All columns of a per-frame file: the same for every video and backend."""


def describe_per_frame() -> pd.DataFrame:
    """What every column of a per-frame file means.

    Returns
    -------
    pandas.DataFrame
        One row per column in the order of the files: ``name``, ``unit``, ``meaning`` and
        ``reference``.
    """
    names = [field.name for field in fields(FrameColumn)]
    return pd.DataFrame([asdict(column) for column in FRAME_COLUMNS], columns=names)


def write_per_frame_columns(folder: Path) -> Path:
    """Write what the columns mean as ``columns.json`` into the folder, whole or not at all.

    For the one process that starts a run; the bytes are the same whichever it is.

    Parameters
    ----------
    folder : Path
        Folder of the per-frame files; made if need be.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    path = folder / COLUMNS_FILE
    content = {
        "featurize_version": __version__,
        "columns": [asdict(column) for column in FRAME_COLUMNS],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(content, path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}): give another folder for "
            "per-frame files."
        ) from error
    return path
