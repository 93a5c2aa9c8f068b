"""What to featurize: a manifest, a folder or a single video becomes one checked list of videos."""

from pathlib import Path

import pandas as pd

from featurize.errors import ManifestError

MANIFEST_COLUMNS: tuple[str, ...] = (
    *("path", "label", "group", "method", "dataset", "compression", "split"),
)
LABELS = ("real", "fake", "")
"""Allowed labels; an empty one means unknown."""

VIDEO_SUFFIXES = frozenset(
    {
        *(".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"),
        *(".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
    }
)
"""Files of a folder that are taken for videos. A manifest may name any file."""

_MANIFEST_SUFFIXES = (".csv", ".tsv")


def read_videos(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, Path]:
    """Read a list of videos.

    Parameters
    ----------
    source : str, Path or pandas.DataFrame
        A manifest (CSV or TSV with a column ``path``), a table of the same form, a folder that is
        searched for videos, or one video. Videos below a folder named ``real`` or ``fake`` get that
        label.

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
        When there is nothing there, ``path`` is missing, empty or repeated, or a label is unknown.
    """
    if isinstance(source, pd.DataFrame):
        return _checked(source, "The table"), Path()
    source = Path(source)
    if source.is_dir():
        return _listed(source), source
    if source.suffix.lower() in _MANIFEST_SUFFIXES:
        return _checked(_read(source), str(source)), source.parent
    if not source.exists():
        raise ManifestError(
            f"There is no {source}: give a manifest (.csv), a folder of videos, or one video."
        )
    return _checked(pd.DataFrame({"path": [source.name]}), str(source)), source.parent


def _read(path: Path) -> pd.DataFrame:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        # utf-8-sig also takes the byte-order mark that spreadsheets put first.
        return pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except FileNotFoundError as error:
        raise ManifestError(f"There is no manifest {path}: check the path.") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"{path} is not a CSV table in UTF-8: save it as CSV with a column `path`."
        ) from error


def _listed(folder: Path) -> pd.DataFrame:
    videos = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
    )
    if not videos:
        raise ManifestError(f"There is no video below {folder}: give the folder that holds them.")
    labels = [
        next((part.lower() for part in video.parent.parts if part.lower() in LABELS), "")
        for video in videos
    ]
    paths = [video.as_posix() for video in videos]
    return _checked(pd.DataFrame({"path": paths, "label": labels}), str(folder))


def _checked(table: pd.DataFrame, name: str) -> pd.DataFrame:
    if "path" not in table.columns:
        found = ", ".join(map(str, table.columns)) or "nothing"
        raise ManifestError(f"{name} has no column `path` (found: {found}): name it in the header.")
    if table.empty:
        raise ManifestError(f"{name} lists no video: add one line per video.")
    table = table.reindex(columns=list(MANIFEST_COLUMNS), fill_value="").fillna("").astype(str)
    table = table.apply(lambda column: column.str.strip()).reset_index(drop=True)
    _refuse(table["path"] == "", table, f"{name} has lines without a path")
    _refuse(table["path"].duplicated(), table, f"{name} lists a path more than once")
    table["label"] = table["label"].str.lower()
    _refuse(
        ~table["label"].isin(LABELS),
        table,
        f"{name} has labels other than real, fake or empty",
    )
    return table


def _refuse(wrong: pd.Series, table: pd.DataFrame, problem: str) -> None:
    """Raise when any line is wrong, naming the first few as lines of the file, header included."""
    if not wrong.any():
        return
    lines = [
        f"line {number + 2}: {table.loc[number, 'path'] or '(empty)'}"
        for number in wrong[wrong].index[:3]
    ]
    more = f", and {int(wrong.sum()) - 3} more" if wrong.sum() > 3 else ""
    raise ManifestError(f"{problem} ({'; '.join(lines)}{more}): correct these lines.")
