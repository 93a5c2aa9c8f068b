"""What to say where a table lacks columns: most are measured always, some only when asked for."""

import re
from collections.abc import Iterable, Sequence

from models.table.feature_file import named

# Of a network of the package, the name that ``python -m featurize run --cnn`` takes.
_BUILT_IN = {
    "blending_lite0": "blending-lite0",
    "dlib_resnet": "dlib-resnet",
    "efficientnet_lite0": "efficientnet-lite0",
}
# Where nothing says how long windows are: the length that the figures were taken with.
_USUAL_WINDOW_S = 5.0
_OF_NETWORK = re.compile(r"cnn__(.+)_(?:\d+|change)__[a-z]+")
_OF_FILE = re.compile(r"(.+)_([0-9a-f]{8})")


def networks_of(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the networks that columns ``cnn__`` are of, in the order of the columns."""
    found = (_OF_NETWORK.fullmatch(name) for name in columns)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def has_identity(columns: Iterable[str]) -> bool:
    """Return whether a column is of the family ``identity``."""
    return any(name.startswith("identity__") for name in columns)


def has_series(columns: Iterable[str]) -> bool:
    """Return whether a column is a value of a signal at a time."""
    return any(name.startswith("series__") for name in columns)


def run_command(columns: Sequence[str], window_s: float | None = None) -> str:
    """Return the whole command that makes a table with all of these columns.

    Parameters
    ----------
    columns : sequence of str
        All that a detector takes.
    window_s : float or None
        Length of its windows in seconds; None where its rows are whole videos.
    """
    networks = networks_of(columns)
    with_series = has_series(columns)
    if window_s is None and with_series:
        window_s = _USUAL_WINDOW_S
    options = [
        *(() if window_s is None else (f"--window {window_s:g}",)),
        *(("--series",) if with_series else ()),
        *map(_option, networks),
        *(("--identity",) if has_identity(columns) else ()),
    ]
    return f"`{' '.join(['python -m featurize run', *options])}`{_files(networks)}"


def lacking(missing: Sequence[str], columns: Sequence[str], window_s: float | None = None) -> str:
    """Return one sentence on columns that a table lacks, and what to do about it.

    Parameters
    ----------
    missing : sequence of str
        The columns that are not there.
    columns : sequence of str
        All that should be.
    window_s : float or None
        As for :func:`run_command`.
    """
    what = [f"the network {name}" for name in networks_of(missing)]
    if has_identity(missing):
        what.append("identity")
    if has_series(missing):
        what.append("the signals over time")
    made = f"make it by {run_command(columns, window_s)}"
    if all(name.startswith(("cnn__", "identity__", "series__")) for name in missing):
        return (
            f"The table lacks the columns of {' and of '.join(what)} that the detector was trained "
            f"on: {made}, or train the detector again."
        )
    return (
        f"The table lacks {len(missing)} of the {len(columns)} columns the detector was trained on "
        f"({named(missing)}): {made} with the same version of featurize and the same landmark "
        "backend, or train the detector again."
    )


def _option(network: str) -> str:
    return f"--cnn {_BUILT_IN.get(network, 'FILE')}"


def _files(networks: Iterable[str]) -> str:
    """Return which files are meant, where a network is not one of the package."""
    told = []
    for network in networks:
        match = None if network in _BUILT_IN else _OF_FILE.fullmatch(network)
        if match:
            told.append(
                f"the TorchScript file whose name starts with {match[1]} and whose content is the "
                f"very same (its sha256 begins with {match[2]})"
            )
    return f", FILE being {' and '.join(told)}" if told else ""
