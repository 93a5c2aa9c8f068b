"""The columns of a table that hold signals over time: which signals, and how many steps each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from models.errors import TableError
from models.table.feature_file import named

PREFIX = "series__"
"""What the names of these columns begin with; then come the signal and the number of the step."""

_NAME = re.compile(PREFIX + r"(?P<signal>\w*[^\W_])__(?P<step>[0-9]{3})", re.ASCII)
_N_TOLD = 3
_AGAIN = "make the table anew by `python -m featurize run --window 5 --series`."


def series_layout(columns: Iterable[str]) -> tuple[tuple[str, ...], int] | None:
    """Return the signals and their number of steps, by the names of the columns of a table.

    Neither other columns nor the order of the columns matter.

    Parameters
    ----------
    columns : iterable of str
        Such as ``series__yaw_deg__000``; the steps of a signal count from 0.

    Returns
    -------
    (tuple of str, int) or None
        Signals, sorted, and the number of steps, the same for each; None where no column is of a
        series.

    Raises
    ------
    TableError
        When a name is not to be understood, or a signal lacks steps that another has.

    Examples
    --------
    >>> series_layout(["path", "series__yaw_deg__000", "series__yaw_deg__001"])
    (('yaw_deg',), 2)
    """
    names = [name for name in map(str, columns) if name.startswith(PREFIX)]
    if not names:
        return None
    found = {name: _NAME.fullmatch(name) for name in names}
    strange = [name for name, match in found.items() if match is None]
    if strange:
        raise TableError(
            f"Columns of series end in a signal and a step of three digits, not as "
            f"{named(strange)}: {_AGAIN}"
        )
    signals = tuple(sorted({match["signal"] for match in found.values()}))
    n_steps = 1 + max(int(match["step"]) for match in found.values())
    # Counted before any is listed: a file may name many signals, and one of them at a late step.
    n_all = len(signals) * n_steps
    n_missing = n_all - len(found)
    if n_missing:
        told = named(islice((n for n in _names(signals, n_steps) if n not in found), _N_TOLD))
        more = f" and {n_missing - _N_TOLD} more" if n_missing > _N_TOLD else ""
        raise TableError(f"The series lack {n_missing} of {n_all} columns ({told}{more}): {_AGAIN}")
    return signals, n_steps


def series_columns(signals: Sequence[str], n_steps: int) -> tuple[str, ...]:
    """Return the names of the columns, signal by signal, each with its steps in time.

    Examples
    --------
    >>> series_columns(["yaw_deg"], 2)
    ('series__yaw_deg__000', 'series__yaw_deg__001')
    """
    return tuple(_names(signals, n_steps))


def _names(signals: Sequence[str], n_steps: int) -> Iterator[str]:
    return (f"{PREFIX}{signal}__{step:03d}" for signal in signals for step in range(n_steps))
