"""The three kinds of rows of a corpus."""

import pandas as pd

PSEUDO = "pseudo-"
"""Methods of fakes that were made of authentic clips begin so."""


def is_authentic(table: pd.DataFrame) -> pd.Series:
    """Return which rows are of authentic video, as it is or degraded."""
    return table["label"] == "real"


def is_pseudo_fake(table: pd.DataFrame) -> pd.Series:
    """Return which rows are of fakes that were made of authentic clips."""
    return table["method"].astype(str).str.startswith(PSEUDO)


def is_real_fake(table: pd.DataFrame) -> pd.Series:
    """Return which rows are of the fakes of the manifest, as they are or degraded."""
    return ~is_authentic(table) & ~is_pseudo_fake(table)
