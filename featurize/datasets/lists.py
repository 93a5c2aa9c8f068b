"""The lists that a published data set carries, read so that a broken one is one clear sentence."""

import csv
import json
from collections.abc import Callable, Iterable
from io import StringIO
from pathlib import Path
from typing import Any

from featurize.datasets.listing import SPLITS
from featurize.errors import ManifestError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_list(path: Path) -> str:
    """Text of a list in UTF-8, with or without a byte-order mark, or in UTF-16 with one.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Its text without the mark.

    Raises
    ------
    ManifestError
        When the file cannot be read or is in another encoding.
    """
    try:
        content = path.read_bytes()
        return content.decode("utf-16" if content.startswith(_UTF16_MARKS) else "utf-8-sig")
    except OSError as error:
        raise ManifestError(f"{path} cannot be read ({error.strerror}): check it.") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is not text in UTF-8: download it again.") from error


def read_csv_list(path: Path) -> list[list[str]]:
    """Lines of a CSV list as fields without blanks around them, the header first.

    Parameters
    ----------
    path : Path
        The file. Empty lines are passed over.

    Returns
    -------
    list of list of str
        At least the header.

    Raises
    ------
    ManifestError
        When the file cannot be read, is no CSV or is empty.
    """
    try:
        lines = list(csv.reader(StringIO(read_list(path), newline=""), strict=True))
    except csv.Error as error:
        raise ManifestError(f"{path} is not a CSV table ({error}): download it again.") from error
    lines = [[field.strip() for field in fields] for fields in lines]
    lines = [fields for fields in lines if any(fields)]
    if not lines:
        raise ManifestError(f"{path} is empty: download it again.")
    return lines


def read_json_list(path: Path) -> dict[str, Any]:
    """Entries of a JSON object by name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Its entries, in their order.

    Raises
    ------
    ManifestError
        When the file cannot be read, holds something else, or names an entry twice with different
        content: a parser would silently keep the last.
    """
    try:
        # NaN is no JSON; pandas writes it for what is not known.
        entries = json.loads(
            read_list(path),
            object_pairs_hook=_without_contradiction,
            parse_constant=lambda _: None,
        )
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path} is not JSON ({error}): download it again.") from error
    if not isinstance(entries, dict):
        raise ManifestError(f"{path} holds no entries by name: download it again.")
    return entries


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


def remark_on_absent_splits(folders: Iterable[Path], suffix: str) -> str:
    """Say which of the three files of an official split is absent, where there are others.

    Parameters
    ----------
    folders, suffix
        As for :func:`read_splits`, which found no folder that holds all three.

    Returns
    -------
    str
        One sentence; empty when no folder holds any.
    """
    for folder in folders:
        files = [folder / f"{split}{suffix}" for split in SPLITS]
        absent = [file.name for file in files if not file.is_file()]
        if 0 < len(absent) < len(files):
            return (
                f"The official split in {folder} is not read, for it lacks "
                f"{' and '.join(absent)}: put the published files there."
            )
    return ""


def _without_contradiction(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in pairs:
        if entries.setdefault(name, value) != value:
            raise ValueError(f"{name!r} stands there twice and differs")
    return entries


def _names(file: Path, parse: Callable[[str], list[str]], example: str) -> list[str]:
    text = read_list(file)
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(
            f"{file} is no official split, which begins like {example}: put the published file "
            "in its place."
        ) from error
