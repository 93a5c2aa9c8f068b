"""What may be asked of the classifiers, and what a table must have for it."""

from collections.abc import Sequence

import numpy as np

from models.classifiers import DEFAULT_MEMBERS, MAKERS, NETWORKS, SERIAL, TABULAR, VOTES
from models.errors import NotInstalledError, SettingError, TableError, UnknownClassifierError
from models.learning.blocks import network_blocks
from models.learning.convolutions import check_sequences_installed
from models.learning.inputs import Inputs, inputs_of
from models.table.lacking import networks_of
from models.table.training_table import TrainingTable

_OF_FEATURES = (*TABULAR, NETWORKS)
_SINGLE = (*_OF_FEATURES, *SERIAL)
_FEWEST_MEMBERS = 2


def check_classifier(name: str) -> None:
    """Raise UnknownClassifierError unless ``name`` is a key of ``MAKERS``."""
    if name not in MAKERS:
        raise UnknownClassifierError(
            f"There is no classifier {name!r}: choose one of {', '.join(MAKERS)}."
        )


def checked_members(members: str | Sequence[str] | None, names: Sequence[str]) -> tuple[str, ...]:
    """Return the members of the votes among the classifiers ``names``; without a vote, none.

    Parameters
    ----------
    members : sequence of str, str or None
        Names, or one text of names joined by commas; None for :data:`DEFAULT_MEMBERS`.
    names : sequence of str
        The classifiers that are asked for.

    Raises
    ------
    UnknownClassifierError
        When a member is no classifier that can be one.
    SettingError
        When they are fewer than two, one is named twice, or nothing that is asked for has members.
    """
    has_members = any(name in VOTES for name in names)
    if members is None:
        return DEFAULT_MEMBERS if has_members else ()
    if isinstance(members, str):
        members = [name.strip() for name in members.split(",") if name.strip()]
    if not has_members:
        raise SettingError(
            f"Only {' and '.join(VOTES)} have members, not {', '.join(names)}: leave the members "
            "out, or choose one of these classifiers."
        )
    for name in members:
        if name not in _SINGLE:
            raise UnknownClassifierError(
                f"{name!r} cannot be a member: choose from {', '.join(_SINGLE)}."
            )
    if len(members) < _FEWEST_MEMBERS:
        raise SettingError(
            f"A {' or '.join(VOTES)} needs at least two members, not {len(members)}: name more."
        )
    doubled = sorted({name for name in members if members.count(name) > 1})
    if doubled:
        raise SettingError(
            f"A member may be named once only ({', '.join(doubled)}): name each one once."
        )
    return tuple(members)


def check_seed(seed: int) -> None:
    """Raise SettingError unless ``seed`` is one that every random generator here takes."""
    if not 0 <= seed < 2**32:
        raise SettingError(f"The seed must be a whole number from 0 to {2**32 - 1}, not {seed}.")


def takes_series(names: Sequence[str], members: Sequence[str]) -> bool:
    """Return whether any of the classifiers, or of the members of a vote, takes signals."""
    return any(name in SERIAL for name in _single(names, members))


def takes_features(names: Sequence[str], members: Sequence[str]) -> bool:
    """Return whether any of the classifiers, or of the members of a vote, takes features."""
    return any(name in _OF_FEATURES for name in _single(names, members))


def hears_the_same_in_a_vote(name: str, members: Sequence[str]) -> bool:
    """Return whether a classifier learns from the same columns alone and as one of ``members``."""
    return NETWORKS not in members or name in (NETWORKS, *SERIAL)


def check_inputs(table: TrainingTable, names: Sequence[str], members: Sequence[str]) -> None:
    """Raise an error where a classifier takes what the table does not have, or cannot be.

    Raises
    ------
    TableError
        When the table has no signals over time, or nothing that a network says.
    NotInstalledError
        When the package that learns from sequences is not installed.
    """
    if NETWORKS in _single(names, members) and not network_blocks(table.columns):
        raise TableError(
            f"The classifier {NETWORKS} learns from what networks say, and the table has none of "
            "it: make it by `python -m featurize run --cnn blending-lite0`."
        )
    others = [name for name in members if not hears_the_same_in_a_vote(name, members)]
    if others and all(networks_of([name]) for name in table.columns):
        raise TableError(
            f"Beside {NETWORKS}, {' and '.join(others)} learn from what is measured by hand, and "
            "the table has none of it: leave them out, or learn from more columns."
        )
    if "sequences" in _single(names, members):
        check_sequences_installed()
    if table.signals or not takes_series(names, members):
        return
    told = [name for name in SERIAL if name in _single(names, members)]
    raise TableError(
        f"The classifier {told[0]} learns from the signals over time, and the table has none: make "
        "it by `python -m featurize run --window 5 --series`."
    )


def all_names(table: TrainingTable) -> tuple[list[str], list[str]]:
    """Return every classifier that a table serves, and why another is left out.

    Of those that take signals over time only where the table has any.
    """
    of_networks = [NETWORKS] if network_blocks(table.columns) else []
    names, left_out = [*TABULAR, *of_networks, *VOTES], []
    for name in SERIAL if table.signals else ():
        try:
            check_inputs(table, [name], ())
        except NotInstalledError as error:
            left_out.append(f"The classifier {name} is left out. {error}")
        else:
            names.append(name)
    return names, left_out


def check_options(
    names: Sequence[str],
    members: Sequence[str],
    condition_on_quality: bool,
    search: bool,
    chosen: bool = False,
) -> None:
    """Raise SettingError where an option is for features, and no classifier takes any."""
    asked = _asked(condition_on_quality, search, chosen)
    if asked and not takes_features(names, members):
        raise SettingError(
            f"{' and '.join(SERIAL)} take signals over time as they are, and there is nothing to "
            f"{asked}: leave that out, or name a classifier of features."
        )


def remarks_on_options(
    names: Sequence[str], members: Sequence[str], condition_on_quality: bool, search: bool
) -> list[str]:
    """Return a sentence where an option is for some of the classifiers only."""
    asked, single = _asked(condition_on_quality, search), dict.fromkeys(_single(names, members))
    others = [name for name in single if name in SERIAL]
    meant = [name for name in single if name in _OF_FEATURES]
    if not (asked and others and meant):
        return []
    return [
        f"What was asked for ({asked}) is done for {', '.join(meant)} only: {' and '.join(others)} "
        "take signals over time as they are."
    ]


def taken_inputs(
    table: TrainingTable, names: Sequence[str], members: Sequence[str]
) -> tuple[Inputs, np.ndarray]:
    """Return what the columns are that some classifiers take together, and their values."""
    return inputs_of(table, takes_features(names, members), takes_series(names, members))


def _asked(condition_on_quality: bool, search: bool, chosen: bool = False) -> str:
    told = (
        (condition_on_quality, "condition on quality"),
        (search, "search"),
        (chosen, "choose columns of"),
    )
    return " or ".join(what for is_asked, what in told if is_asked)


def _single(names: Sequence[str], members: Sequence[str]) -> list[str]:
    return [one for name in names for one in (members if name in VOTES else (name,))]
