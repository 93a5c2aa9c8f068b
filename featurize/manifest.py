"""What to featurize: a manifest, a folder or a single video becomes one checked list of videos."""

import csv
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pandas as pd

from featurize.errors import ManifestError
from featurize.media_file import is_url, located, shown
from featurize.video_files import videos_below

MANIFEST_COLUMNS: tuple[str, ...] = (
    *("path", "label", "group", "method", "dataset", "compression", "split"),
)
LABELS = ("real", "fake", "")
"""Allowed labels; an empty one means unknown."""

_MANIFEST_SUFFIXES = (".csv", ".tsv")


def is_utf8(text: str) -> bool:
    """Tell whether a table can hold a text: names of files may be any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_videos(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, Path]:
    """Read a list of videos.

    Parameters
    ----------
    source : str, Path or pandas.DataFrame
        A manifest (CSV or TSV with a column ``path``), a table of the same form, a folder that is
        searched for videos, or one video. Videos, but not a manifest or folder, may be addresses
        that fsspec reads (``s3://...``). A video of a folder gets the label ``real`` or ``fake``
        when a folder above it, up to the one that is searched, has that name. How it is searched:
        :func:`featurize.video_files.videos_below`.

    Returns
    -------
    pandas.DataFrame
        One row per video with the columns of :data:`MANIFEST_COLUMNS`, all text, empty where
        unknown.
    Path
        The folder that relative paths start from.

    Raises
    ------
    ManifestError
        When there is nothing there or it cannot be read, ``path`` is missing, empty, repeated or
        not UTF-8, a line is longer than the header, or a label is unknown.
    """
    if isinstance(source, pd.DataFrame):
        return _checked(_cleaned(source, "The table"), "The table", Path()), Path()
    if is_url(source):
        if source.lower().endswith(_MANIFEST_SUFFIXES):
            raise ManifestError(
                f"{shown(source)} is no file of this machine: copy the manifest here; the videos "
                "that it lists may be addresses."
            )
        return _checked(_with_all_columns({"path": [source]}), shown(source), Path()), Path()
    if source == "":
        raise ManifestError(
            "The list of videos has no name: give a manifest (.csv), a folder of videos (. for the "
            "current one), or one video."
        )
    source = Path(source)
    try:
        videos, folder = _read(source)
    except OSError as error:
        raise ManifestError(f"{source} cannot be read ({error.strerror}): check it.") from error
    return _checked(videos, str(source), folder), folder


def _read(source: Path) -> tuple[pd.DataFrame, Path]:
    if source.is_dir():
        return _listed(source), source
    if source.suffix.lower() in _MANIFEST_SUFFIXES:
        if not source.exists():
            raise ManifestError(f"There is no manifest {source}: check the path.")
        return _cleaned(_parsed(source), str(source)), source.parent
    if not source.exists():
        raise ManifestError(
            f"There is no {source}: give a manifest (.csv), a folder of videos, or one video."
        )
    return _with_all_columns({"path": [str(source)]}), Path()


def _parsed(path: Path) -> pd.DataFrame:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        # utf-8-sig also takes the byte-order mark that spreadsheets put first.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            lines = [(reader.line_num, fields) for fields in reader if fields]
    except (csv.Error, UnicodeDecodeError) as error:
        raise _no_table(path) from error
    if not lines:
        raise _no_table(path)
    (_, header), *lines = lines
    longer = [f"line {number}" for number, fields in lines if len(fields) > len(header)]
    if longer:
        # Which field is the path could only be guessed.
        raise ManifestError(
            f"{path} has lines with more fields than its header has ({_first_few(longer)}): "
            "correct these lines, or put fields that hold a comma in quotation marks."
        )
    rows = [fields + [""] * (len(header) - len(fields)) for _, fields in lines]
    return pd.DataFrame(rows, columns=header, dtype=object)


def _no_table(path: Path) -> ManifestError:
    return ManifestError(
        f"{path} is not a CSV table in UTF-8: save it as CSV with a column `path`."
    )


def label_by_folder(path: str, own_name: str) -> str:
    """Label of a video by the outermost folder named ``real`` or ``fake``, in any case.

    Parameters
    ----------
    path : str
        Relative to the folder that is searched, with forward slashes.
    own_name : str
        Name of the folder that is searched, which counts last.

    Returns
    -------
    str
        ``real`` or ``fake``; empty when no folder has such a name.
    """
    folders = (*PurePosixPath(path).parent.parts, own_name)
    return next((name for name in map(str.lower, folders) if name in LABELS), "")


def _listed(folder: Path) -> pd.DataFrame:
    videos = sorted(videos_below(folder), key=lambda path: PurePosixPath(path).parts)
    if not videos:
        raise ManifestError(f"There is no video below {folder}: give the folder that holds them.")
    own_name = folder.resolve().name
    labels = [label_by_folder(path, own_name) for path in videos]
    return _with_all_columns({"path": videos, "label": labels})


def _cleaned(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The columns that count, as text without blanks around it."""
    names = [str(column).strip() for column in table.columns]
    if "path" not in names:
        found = ", ".join(names) or "nothing"
        raise ManifestError(f"{name} has no column `path` (found: {found}): name it in the header.")
    repeated = [column for column in MANIFEST_COLUMNS if names.count(column) > 1]
    if repeated:
        raise ManifestError(
            f"{name} has more than one column `{repeated[0]}`: leave one of that name."
        )
    texts = {
        column: [_text(value) for value in table.iloc[:, names.index(column)]]
        for column in MANIFEST_COLUMNS
        if column in names
    }
    if "label" in texts:
        texts["label"] = [label.lower() for label in texts["label"]]
    return _with_all_columns(texts)


def _text(value: object) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    # Whole numbers become floats in a column with gaps.
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def _with_all_columns(texts: dict[str, list[str]]) -> pd.DataFrame:
    n_videos = len(texts["path"])
    columns = {column: texts.get(column, [""] * n_videos) for column in MANIFEST_COLUMNS}
    return pd.DataFrame(columns, dtype=object)


def _checked(table: pd.DataFrame, name: str, folder: Path) -> pd.DataFrame:
    if table.empty:
        raise ManifestError(f"{name} lists no video: add one line per video.")
    if not is_utf8(str(folder)):
        raise ManifestError(
            f"The name of the folder {str(folder)!r} is not UTF-8, so no table can hold it: "
            "rename the folder."
        )
    encodable = [all(map(is_utf8, row)) for row in table.itertuples(index=False)]
    _refuse((not good for good in encodable), table, f"{name} holds text that is not UTF-8")
    _refuse(table["path"] == "", table, f"{name} has lines without a path")
    whole = whole_paths(located(folder, path) for path in table["path"])
    _refuse(
        pd.Series(whole, dtype=object).duplicated(), table, f"{name} lists a path more than once"
    )
    unknown = ~table["label"].isin(LABELS)
    _refuse(unknown, table, f"{name} has labels other than real, fake or empty")
    return table.astype(str)


def whole_paths(paths: Iterable[str | Path]) -> Iterator[str]:
    """Absolute paths of videos, the same for the same name in the same folder; addresses as given.

    Links of folders are followed, a video that is a link is not: it may be named otherwise on
    purpose.

    Parameters
    ----------
    paths : iterable of str or Path
        Of any number: each folder is looked up once.

    Raises
    ------
    ManifestError
        When a path is relative and the current folder is gone.
    """
    real_folder = cache(os.path.realpath)
    for path in paths:
        if is_url(path):
            yield path
            continue
        folder, name = os.path.split(path)
        try:
            real = real_folder(path) if name in ("", ".", "..") else real_folder(folder)
        except ValueError:  # no name that a folder can have
            real = os.path.abspath(folder)  # noqa: PTH100  Path keeps ".."
        except OSError as error:
            raise ManifestError(
                "The current folder is gone: change to another one, or give whole paths only."
            ) from error
        yield real if name in ("", ".", "..") else os.path.join(real, name)  # noqa: PTH118


def _refuse(wrong: Iterable[bool], table: pd.DataFrame, problem: str) -> None:
    """Raise when any line is wrong, naming the first few as lines of the file, header included."""
    lines = [
        f"line {number}: {path if is_utf8(path) else repr(path)}" if path else f"line {number}"
        for number, (path, is_wrong) in enumerate(zip(table["path"], wrong, strict=True), start=2)
        if is_wrong
    ]
    if lines:
        raise ManifestError(f"{problem} ({_first_few(lines)}): correct these lines.")


def _first_few(lines: list[str]) -> str:
    more = f", and {len(lines) - 3} more" if len(lines) > 3 else ""
    return "; ".join(lines[:3]) + more
