"""The lists that a published data set carries, read so that a broken one is one clear sentence."""

import csv
import json
from collections.abc import Collection
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

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


def check_layout(root: Path, videos: Collection[str], folders: Collection[str]) -> None:
    """Refuse a folder that does not hold the data set directly, and say which one does.

    Parameters
    ----------
    root : Path
        The folder that was given.
    videos : collection of str
        Videos below it, relative to it, with forward slashes.
    folders : collection of str
        Names of the published folders of which at least one must lie directly below ``root`` and
        hold a video; upper and lower case are the same.

    Raises
    ------
    ManifestError
        When none does.
    """
    wanted = {folder.lower() for folder in folders}
    expected = ", ".join(f"{folder}/" for folder in folders)
    above = set()
    for video in videos:
        parts = PurePosixPath(video).parent.parts
        depth = next((at for at, part in enumerate(parts) if part.lower() in wanted), None)
        if depth == 0:
            return
        if depth is not None:
            above.add("/".join(parts[:depth]))
    if len(above) == 1:
        raise ManifestError(
            f"{root} does not hold {expected} itself: give {root / above.pop()}, which does."
        )
    if above:
        raise ManifestError(
            f"{root} holds {expected} in {len(above)} places ({', '.join(sorted(above)[:3])}): "
            "give one of them at a time."
        )
    if root.resolve().name.lower() in wanted:
        raise ManifestError(
            f"{root} is one of the folders {expected}: give {root.resolve().parent}, which holds "
            "them."
        )
    found = "no video" if not videos else "videos, but none in these folders"
    raise ManifestError(
        f"{root} should hold the folders {expected} and has {found}: give the folder of the data "
        "set as it was downloaded."
    )


def _without_contradiction(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in pairs:
        if entries.setdefault(name, value) != value:
            raise ValueError(f"{name!r} stands there twice and differs")
    return entries
