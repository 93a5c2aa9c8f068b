"""The columns of a table as numbers."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from models.errors import FeatureMismatchError, TableError
from models.table.feature_file import check_unique, named
from models.table.lacking import lacking

_NO_FEATURES = ("quality__", "series__")
_OF_NETWORK = "cnn__"


def feature_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that are trained on, sorted.

    A feature's name has a double underscore. The ``quality`` family (face size, blur, bit rate)
    tells the source of a clip rather than its truth and is left out, and so are ``series``: they
    are not summaries but the signals themselves, see :mod:`models.table.series`.
    """
    return sorted(
        name for name in map(str, columns) if "__" in name and not name.startswith(_NO_FEATURES)
    )


def chosen_columns(
    present: Sequence[str], asked: Sequence[str], covariates: Sequence[str] = ()
) -> list[str]:
    """Return the features that are asked for, sorted.

    Parameters
    ----------
    present : sequence of str
        Every feature that can be learnt from.
    asked : sequence of str
    covariates : sequence of str
        Measures of quality that features are conditioned on, and that are therefore none.

    Raises
    ------
    TableError
        When one is not among them, is named twice, or none is named.
    """
    asked = [asked] if isinstance(asked, str) else list(asked)
    taken = sorted(set(asked) & set(covariates))
    if taken:
        raise TableError(
            f"Features are conditioned on {named(taken)}, which cannot be learnt from besides: "
            "leave it out, or do not condition."
        )
    unknown = sorted(set(asked) - set(present))
    if unknown:
        raise TableError(
            f"The table has no such feature to learn from: {named(unknown)}. Choose among the "
            "columns with a double underscore; measures of quality, and signals over time, are no "
            "features."
        )
    if not asked or len(set(asked)) < len(asked):
        raise TableError(
            f"Name each feature to learn from once, and at least one, not {len(asked)} names of "
            f"{len(set(asked))} features."
        )
    return sorted(asked)


def is_by_hand(columns: Sequence[str]) -> np.ndarray:
    """Return ``(n_columns,)`` bool: features that somebody thought out, and no network's."""
    return np.array([not name.startswith(_OF_NETWORK) for name in columns], dtype=bool)


def watched_columns(columns: Sequence[str], known: np.ndarray) -> np.ndarray:
    """Return ``(n_columns,)`` bool: those that tell how well a row is known, and how unlike it is.

    A network answers with thousands of numbers that are all known or all missing. Among these a
    hundred features thought out by hand would not be heard, so networks are looked at only where
    there is nothing else.

    Parameters
    ----------
    columns : sequence of str
        Names of features.
    known : numpy.ndarray
        ``(n_columns,)`` bool, False for what is not to be looked at.
    """
    by_hand = known & is_by_hand(columns)
    return by_hand if by_hand.any() else known


def feature_matrix(
    frame: pd.DataFrame, columns: Iterable[str], window_s: float | None = None
) -> np.ndarray:
    """Return the named columns as ``(n_rows, n_features)`` float64, infinities as NaN.

    So are values beyond what single precision, in which some classifiers work, can hold. Other
    columns and the order of the columns do not matter. Of windows, ``window_s`` is their length, to
    say how to make the table.

    Raises
    ------
    FeatureMismatchError
        When a column is missing.
    TableError
        When a column holds text.
    """
    columns = list(columns)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise FeatureMismatchError(lacking(missing, columns, window_s))
    chosen = frame.loc[:, columns]
    check_unique(chosen.columns)
    for name, column in chosen.items():
        if not pd.api.types.is_numeric_dtype(column) and not column.isna().all():
            raise _holds_text(frame, name)
    # One cast for the whole block; an all-empty column of text becomes NaN on the way.
    matrix = chosen.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    matrix[np.abs(matrix) > np.finfo(np.float32).max] = np.nan
    return matrix


def _holds_text(frame: pd.DataFrame, name: str) -> TableError:
    """Return the error for a column of numbers that holds something else, with an example."""
    column = frame[name]
    is_text = (pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy()
    row = int(np.argmax(is_text))
    where = f" in the row of {str(frame['path'].iloc[row])!r}" if "path" in frame.columns else ""
    rename = ", or rename the column so that it has no double underscore" if "__" in name else ""
    return TableError(
        f"The column {name!r} must hold numbers, not {str(column.iloc[row])!r}{where}: correct "
        f"the table{rename}."
    )
