"""A network that fails on a face is a fault of that one video, not of the run."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from featurize.errors import NetworkFailedError

FAULTS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError)
"""What networks raise; that a GPU has no memory left is a RuntimeError."""

_MESSAGE_CHARACTERS = 200


class BreachError(ValueError):
    """What a network gives instead of what it should: half a sentence."""


def what_failed(error: Exception) -> str:
    """Half a sentence about one of :data:`FAULTS`, which goes on after the name of the network."""
    if isinstance(error, BreachError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[-1][:_MESSAGE_CHARACTERS] if lines else type(error).__name__
    return f"cannot be run ({message})"


def refuse_not_finite(values: np.ndarray) -> None:
    """Raise a :class:`BreachError` where a value is no number."""
    if not np.isfinite(values).all():
        raise BreachError("gives numbers that are not finite")


@contextmanager
def on_faces(name: str) -> Iterator[None]:
    """What a network raises meanwhile is raised as one sentence that names it.

    Raises
    ------
    NetworkFailedError
        Instead of any of :data:`FAULTS`.
    """
    try:
        yield
    except FAULTS as error:
        raise NetworkFailedError(
            f"The network {name} {what_failed(error)} on a face: leave it or this video out, or "
            "let it run elsewhere (device, --device)."
        ) from error
