"""Rows as JSON: how they come from a worker process, and how they wait in the journal.

Features travel as the bytes of their numbers, so that nothing is rounded on the way.
"""

import base64
from typing import Any

import numpy as np

from featurize.feature_rows import Row

_NUMBERS = np.dtype("<f8")


def spelled(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows as JSON can hold them; a row without any value has None for its features."""
    return [{"meta": row.meta, "features": _spelled(row.features)} for row in rows]


def read_rows(entries: list[dict[str, Any]], n_features: int) -> list[Row]:
    """Rows of what :func:`spelled` made of them, bit for bit.

    Parameters
    ----------
    entries : list of dict
        What it made.
    n_features : int
        Features of each row.

    Raises
    ------
    ValueError, KeyError, TypeError
        When they are not what it made.
    """
    return [Row(dict(entry["meta"]), _read(entry["features"], n_features)) for entry in entries]


def _spelled(features: np.ndarray) -> str | None:
    if np.isnan(features).all():
        return None
    return base64.b64encode(features.astype(_NUMBERS).tobytes()).decode()


def _read(text: str | None, n_features: int) -> np.ndarray:
    if text is None:
        return np.full(n_features, np.nan)
    values = np.frombuffer(base64.b64decode(text, validate=True), _NUMBERS).astype(np.float64)
    if len(values) != n_features:
        raise ValueError(f"A row has {len(values)} features, not {n_features}.")
    return values
