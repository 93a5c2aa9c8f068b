"""Official splits that data sets publish beside their videos."""

from collections.abc import Callable, Iterable
from pathlib import Path

from featurize.datasets.files import read_list
from featurize.errors import ManifestError

SPLITS = ("train", "val", "test")


def read_splits(
    folders: Iterable[Path], suffix: str, parse: Callable[[str], list[str]], example: str
) -> dict[str, str]:
    """Read ``train``, ``val`` and ``test`` from the first folder that holds all three.

    Parameters
    ----------
    folders : iterable of Path
        Where to look, in this order.
    suffix : str
        Ending of the three files, such as ``.json``.
    parse : callable
        Turns the text of a file into the names it holds; raises ``ValueError`` for a text of
        another form.
    example : str
        How such a text begins; for the error.

    Returns
    -------
    dict of str to str
        Split of each name; empty when no folder holds the three files.

    Raises
    ------
    ManifestError
        When a file is of another form or cannot be read, or a name occurs twice.
    """
    for folder in folders:
        files = {split: folder / f"{split}{suffix}" for split in SPLITS}
        if all(file.is_file() for file in files.values()):
            break
    else:
        return {}
    found: dict[str, str] = {}
    for split, file in files.items():
        for name in _names(file, parse, example):
            if name in found:
                where = f"both {found[name]}{suffix} and" if found[name] != split else "twice"
                raise ManifestError(
                    f"{name} is in {where} {file}, which is not as published: put the official "
                    "files in place."
                )
            found[name] = split
    return found


def _names(file: Path, parse: Callable[[str], list[str]], example: str) -> list[str]:
    text = read_list(file)
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(
            f"{file} is no official split, which begins like {example}: put the published file "
            "in its place."
        ) from error
