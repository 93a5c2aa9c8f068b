"""The files of a report: their bytes, and how they come to be on disk whole or not at all."""

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.errors import ModelsError

if TYPE_CHECKING:
    from models.evaluation.validation_report import ValidationReport


def check_folder(folder: str | os.PathLike) -> None:
    """Ask before the work whether a report can be written to ``folder``, which need not exist yet.

    Raises
    ------
    ModelsError
        When it is a file, or nothing can be written there.
    """
    path = Path(folder).absolute()
    existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise _unwritable(folder)


def write_files(contents: dict[str, bytes], folder: str | os.PathLike) -> list[Path]:
    """Write each named content into ``folder``, made if need be, and return the paths.

    Raises
    ------
    ModelsError
        When one cannot be written; no file is ever left half written.
    """
    check_folder(folder)
    path = Path(folder)
    written = []
    for name, content in contents.items():
        partial = path / f".{name}.{os.getpid()}.part"
        try:
            path.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path / name)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _unwritable(folder, error.strerror) from error
        written.append(path / name)
    return written


def remove_file(name: str, folder: str | os.PathLike) -> None:
    """Remove what an earlier report left under a name; only a file, and nothing where none is.

    Raises
    ------
    ModelsError
        When it cannot be removed.
    """
    path = Path(folder) / name
    if not path.is_file():
        return
    try:
        path.unlink()
    except OSError as error:
        raise _unwritable(folder, error.strerror) from error


def as_bytes(text: str) -> bytes:
    """Return UTF-8; half a character, as a broken file name holds, is spelled out."""
    return text.encode("utf-8", errors="backslashreplace")


def score_bytes(scores: pd.DataFrame) -> bytes:
    """Return the scores as CSV; numbers are written so that reading gives the same ones."""
    return as_bytes(scores.to_csv(index=False, lineterminator="\n"))


def metric_bytes(report: "ValidationReport") -> bytes:
    """Return all but the scores as JSON; what is not defined is ``null``."""
    told = json.dumps(_content(report), ensure_ascii=False, allow_nan=False, indent=1)
    return as_bytes(told + "\n")


def _content(report: "ValidationReport") -> dict[str, object]:
    frames = ("metrics", "folds", "breakdown", "quality_levels", "importance", "choices")
    audit = report.audit
    nested = report.source_held_out
    return {
        "settings": _plain(report.settings),
        "remarks": list(report.remarks),
        "warnings": list(audit.warnings) if audit else [],
        "audit": _plain(audit.to_frame().to_dict("records")) if audit else None,
        **{name: _plain(getattr(report, name).to_dict("records")) for name in frames},
        "source_held_out": _content(nested) if nested else None,
    }


def _plain(value: object) -> object:
    """Return the value in the types of JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _unwritable(folder: str | os.PathLike, why: str | None = None) -> ModelsError:
    reason = f": {why}" if why else ""
    return ModelsError(
        f"Cannot write the report to {os.fspath(folder)!r}{reason}; choose a folder that can be "
        "written to."
    )
