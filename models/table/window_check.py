"""Whether a row of a table is what one was in training: a whole video, or a window of a length."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.errors import FeatureMismatchError
from models.table.feature_table import WINDOW_COLUMNS
from models.table.lacking import run_command
from models.table.matrix import feature_matrix

# Lengths are known to the millisecond.
_SAME_LENGTH_S = 1e-3


def check_windows(table: pd.DataFrame, columns: Sequence[str], window_s: float | None) -> None:
    """Raise FeatureMismatchError unless rows are as a detector takes them.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows to score.
    columns : sequence of str
        All that the detector takes, to name the command that makes a table of them.
    window_s : float or None
        Length of its windows in seconds; None where its rows are whole videos.
    """
    in_windows = any(name in table.columns for name in WINDOW_COLUMNS)
    made = f"make the table by {run_command(columns, window_s)}"
    if window_s is None:
        if in_windows:
            raise FeatureMismatchError(
                "The detector was trained on whole videos, but the rows of the table are windows: "
                f"{made}, without `--window`, or train the detector on windows."
            )
        return
    trained = f"The detector was trained on windows of {window_s:g} s, but"
    if not in_windows:
        raise FeatureMismatchError(f"{trained} the rows of the table are whole videos: {made}.")
    if "path" not in table.columns:
        raise FeatureMismatchError(f"{trained} no column path says of which video each: {made}.")
    lengths_s = np.diff(feature_matrix(table, WINDOW_COLUMNS), axis=1)
    others = lengths_s[np.abs(lengths_s - window_s) > _SAME_LENGTH_S]
    if len(others):
        raise FeatureMismatchError(f"{trained} the table has some of {others[0]:g} s: {made}.")
