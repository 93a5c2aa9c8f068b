"""What a run may not write: over what it reads, over what is not its own, or twice the same."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path

from featurize.errors import OptionError, OutputError
from featurize.media_file import is_url
from featurize.outputs.sidecars import check_beside, columns_file, run_file
from featurize.per_frame.columns import COLUMNS_FILE
from featurize.per_frame.frame_file import check_replaceable
from featurize.per_frame.places import SUFFIX, per_frame_path
from featurize.runs.journal import writing

_ELSEWHERE = "write the table to another path."
_OTHER_FOLDER = "give another folder for per-frame files."
_PART = ".part"
_STARTS_OF_TABLES = (b"path,", b"PAR1")
# Reading the first bytes of a file on far storage takes long and no work.
_ASKING_AT_ONCE = 32
_ASKED_AT_A_TIME = 64

_Name = tuple[str, str]
"""The folder of a file, followed through all links, and the name of the file there."""


def refuse_outputs(
    out: Path | None,
    source: str | Path | None,
    places: Sequence[str],
    listed: Sequence[str],
    per_frame: Path | None,
    networks: Sequence[str] = (),
) -> None:
    """Refuse a run that would replace what it reads, or write two things into one file.

    What it writes are the table, the two files beside it and its journal, and with ``per_frame``
    ``columns.json`` and a file for each video there. Folders are followed through links, so a file
    is known whatever way leads to it. Nothing is written.

    What is held are the folders of the per-frame files, and what is in them already: nothing of a
    video that is new.

    Parameters
    ----------
    out : Path or None
        Table to write, if any.
    source : str, Path or None
        Manifest, folder or video, if it is a file or an address.
    places, listed : sequence of str
        Where each video is, a path or an address, and how the list of videos names it.
    per_frame : Path or None
        Folder of the per-frame files, if they are to be written.
    networks : sequence of str
        Files of networks that are asked.

    Raises
    ------
    OptionError
        When ``out`` names nothing.
    OutputError
        When a file to be written is to be read too, is no file, would be written twice, or is of
        another table or of somebody else.
    """
    if out is not None and not out.name:
        raise OptionError("The table to write has no name: give a path, such as features.csv.")
    folders = _Folders()
    inputs = [*([] if source is None else [source]), *networks]
    own: dict[_Name, Path] = {}
    if out is not None:
        with writing(out):
            _check_kind(out)
            _check_no_link(out, inputs, places)
            check_beside(out)
        journal = out.with_name(out.name + ".journal")
        own = {folders.name_of(p): p for p in (out, columns_file(out), run_file(out), journal)}
    if per_frame is not None:
        columns = per_frame / COLUMNS_FILE
        _check_once(columns, folders.name_of(columns) in own)
        own[folders.name_of(columns)] = columns
    read = set(_read(folders, chain(inputs, places), own, per_frame is not None))
    for name, path in own.items():
        _check_not_read(path, name in read, _ELSEWHERE)
    if per_frame is not None:
        there = _checked_videos(folders, per_frame, listed, own, read)
        with ThreadPoolExecutor(_ASKING_AT_ONCE) as threads:
            while some := list(islice(there, _ASKING_AT_ONCE * _ASKED_AT_A_TIME)):
                parts = (some[n::_ASKING_AT_ONCE] for n in range(_ASKING_AT_ONCE))
                list(threads.map(_check_replaceable, parts))


class _Folders:
    """Folders followed through links, each once."""

    def __init__(self) -> None:
        self._followed: dict[str, str] = {}

    def followed(self, folder: str) -> str:
        if folder not in self._followed:
            try:
                self._followed[folder] = os.path.realpath(folder)
            except (OSError, ValueError):  # no current folder, or no name that a file can have
                self._followed[folder] = folder
        return self._followed[folder]

    def name_of(self, path: Path) -> _Name:
        return self.followed(str(path.parent)), path.name


def _check_kind(out: Path) -> None:
    if out.exists() and not out.is_file():
        raise OutputError(f"{out} is not a file: give the path of the table to write.")
    for beside in (columns_file(out), run_file(out)):
        if beside.is_dir():
            raise OutputError(f"{beside} is a folder: {_ELSEWHERE}")


def _check_no_link(out: Path, inputs: Sequence[str | Path], places: Sequence[str]) -> None:
    """Refuse a table to which a link leads under the name of something that is read.

    The videos are looked at only where there is something else than a table.
    """
    if not out.exists():
        return
    with out.open("rb") as file:
        is_table = file.read(max(map(len, _STARTS_OF_TABLES))).startswith(_STARTS_OF_TABLES)
    there = out.stat()
    for place in chain(inputs, [] if is_table else places):
        try:
            is_read = not is_url(place) and os.path.samestat(there, Path(place).stat())
        except (OSError, ValueError):  # not there, or no name that a file can have
            continue
        _check_not_read(out, is_read, _ELSEWHERE)


def _read(
    folders: _Folders,
    places: Iterable[str | Path],
    own: dict[_Name, Path],
    with_videos: bool,
) -> Iterator[_Name]:
    """Files that are read, as far as their name is one that may be written.

    A file is called something else until it is whole.
    """
    names = {name for _, name in own}
    for place in places:
        if is_url(place):
            continue
        folder, name = os.path.split(place)
        is_part = name.startswith(".") and name.endswith(_PART)
        for called in (name, name[1 : -len(_PART)]) if is_part else (name,):
            if called in names or (with_videos and called.endswith(SUFFIX)):
                yield folders.followed(folder), called


def _checked_videos(
    folders: _Folders,
    per_frame: Path,
    listed: Sequence[str],
    own: dict[_Name, Path],
    read: set[_Name],
) -> Iterator[Path]:
    """Refuse per-frame files that are something else of this run; those that are there already."""
    known: dict[str, tuple[str, set[str]]] = {}
    ways: dict[str, str] = {}
    for text in listed:
        path = per_frame_path(per_frame, text)
        way, name = os.path.split(path)
        if way not in known:
            folder = folders.followed(way)
            if ways.setdefault(folder, way) != way:
                raise OutputError(f"{way} and {ways[folder]} are one folder: {_OTHER_FOLDER}")
            known[way] = folder, _names_in(folder)
        folder, names = known[way]
        _check_not_read(path, (folder, name) in read, _OTHER_FOLDER)
        _check_once(path, (folder, name) in own)
        if name in names:
            yield path


def _check_replaceable(paths: list[Path]) -> None:
    for path in paths:
        check_replaceable(path)


def _names_in(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.name.endswith(SUFFIX)}
    except OSError:  # not made yet, or not to be read: writing will tell
        return set()


def _check_not_read(path: Path, is_read: bool, what_else: str) -> None:
    if is_read:
        raise OutputError(f"{path} is to be read, not replaced: {what_else}")


def _check_once(path: Path, is_own: bool) -> None:
    if is_own:
        raise OutputError(
            f"{path} would be written twice, as the table or a file beside it and as a per-frame "
            f"file: {_OTHER_FOLDER}"
        )
