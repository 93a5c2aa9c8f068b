"""Values that several features share are computed once for each object they belong to."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Owner = TypeVar("Owner")
Value = TypeVar("Value")


def computed_once(function: Callable[[Owner], Value]) -> Callable[[Owner], Value]:
    """Let a function of a frozen object keep its result in that object.

    As :func:`functools.cached_property` does, for a function that lives in another module than the
    class. The result goes when the object goes; it is shared, so nobody may change it. It is kept
    by the name of the function, which must therefore be a function of a module or of a class.

    Raises
    ------
    ValueError
        For a function made within another one, and for a lambda: several have the same name.
    """
    if "<" in function.__qualname__:
        raise ValueError(
            f"{function.__qualname__} shares its name with other functions, and would share their "
            "results; define it by name at module level"
        )
    key = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def once(owner: Owner) -> Value:
        kept = vars(owner)
        if key not in kept:
            kept[key] = function(owner)
        return kept[key]

    return once
