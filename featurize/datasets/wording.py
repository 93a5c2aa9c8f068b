"""Numbers and names in sentences."""

from collections.abc import Iterable

N_NAMES = 5
"""Names printed of each kind; the listing holds all."""


def counted(n: int, noun: str) -> str:
    """Put a number before a noun: ``1 video``, ``2 videos``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def first_names(names: Iterable[str]) -> str:
    """Join names by commas, the first of them and how many more there are."""
    names = list(names)
    more = [f"{len(names) - N_NAMES} more"] if len(names) > N_NAMES else []
    return ", ".join([*names[:N_NAMES], *more])
