"""From the listing of a data set to a manifest: groups, paths as seen from the file, one CSV."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from featurize.csv_file import write_csv
from featurize.datasets.grouping import group_names
from featurize.datasets.listing import ListedVideo, Listing
from featurize.errors import ManifestError, OutputError
from featurize.manifest import MANIFEST_COLUMNS, read_videos

IDENTITIES = "identities"
"""Column beside those of every manifest: the people and sources of a video, by semicolons."""

_HEADER = ",".join((*MANIFEST_COLUMNS, IDENTITIES))


def make_manifest(
    listing: Listing, root: Path, out: Path, added: Sequence[Path] = ()
) -> tuple[pd.DataFrame, Listing]:
    """Make the manifest of a data set, and of others that were listed before.

    Groups are joined anew over all videos, so people who occur in two data sets are one group.

    Parameters
    ----------
    listing : Listing
        The data set.
    root : Path
        The folder that its paths start from.
    out : Path
        Where the manifest will lie: its paths are relative to the folder of this file.
    added : sequence of Path
        Manifests made by this function before; their videos follow those of the data set.

    Returns
    -------
    pandas.DataFrame
        The columns of :data:`~featurize.manifest.MANIFEST_COLUMNS` and ``identities``, all text.
        Videos of the data set are sorted by path.
    Listing
        The data set without the videos whose names no table can hold; these are ``surplus`` now.

    Raises
    ------
    ManifestError
        When nothing is left to list, an added manifest is not one, a video is in two of them, or
        the way from ``out`` to the videos has a name that is not UTF-8.
    """
    listing = _without_unwritable(listing)
    if not listing.videos:
        raise ManifestError(f"{root} holds no video of {listing.dataset} that can be listed.")
    here = os.path.realpath(out.parent)
    way = os.path.relpath(os.path.realpath(root), here)
    if not _is_writable(way):
        raise ManifestError(
            f"The way from {here!r} to the videos is {way!r}, which no table can hold, for it is "
            "not UTF-8 or has a blank at an end: rename the folder."
        )
    tables = [_table(listing, way), *(_read_added(path, here) for path in added)]
    for table, name in zip(tables[1:], added, strict=True):
        both = sorted(set(table["path"]).intersection(tables[0]["path"]))
        if both:
            raise ManifestError(
                f"{name} lists {len(both)} videos of {root} already (first {both[0]}): add "
                "manifests of other data sets only."
            )
    manifest = pd.concat(tables, ignore_index=True)
    twice = manifest["path"][manifest["path"].duplicated()]
    if len(twice):
        raise ManifestError(
            f"The added manifests list {len(twice)} videos twice (first {twice.iloc[0]}): add each "
            "data set once."
        )
    manifest["group"] = group_names(map(_split, manifest[IDENTITIES]))
    return manifest, listing


def check_out(out: Path) -> None:
    """Refuse a path that no manifest can be written to, before the work is done.

    Raises
    ------
    OutputError
        When the name does not end in ``.csv`` or is not UTF-8, or something is there that is not a
        manifest of this command: a table of a data set must not be lost by a slip.
    """
    if out.suffix.lower() != ".csv" or not _is_writable(str(out)):
        raise OutputError(
            f"{str(out)!r} is no name for a manifest: let it end in .csv and be UTF-8."
        )
    try:
        is_ours = not out.exists() or (out.is_file() and _first_line(out) == _HEADER)
    except OSError as error:
        raise _not_written(out, error) from error
    if not is_ours:
        raise OutputError(
            f"{out} is there already and is not a manifest of this command: give another path."
        )


def write_manifest(manifest: pd.DataFrame, out: Path) -> None:
    """Write a manifest, whole or not at all; its folder is made when there is none.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_csv(manifest, out)
    except OSError as error:
        raise _not_written(out, error) from error


def _not_written(out: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{out} cannot be written ({error.strerror or error}): give another path, or make room."
    )


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline(len(_HEADER) + 1).rstrip("\n")


def _table(listing: Listing, way: str) -> pd.DataFrame:
    rows = [
        {
            "path": os.path.normpath(f"{way}/{video.path}"),
            "label": video.label,
            "group": "",
            "method": video.method,
            "dataset": listing.dataset,
            "compression": video.compression,
            "split": video.split,
            IDENTITIES: _joined(video, listing.dataset),
        }
        for video in listing.videos
    ]
    return pd.DataFrame(rows, dtype=object)


def _read_added(path: Path, here: str) -> pd.DataFrame:
    if path.suffix.lower() != ".csv" or path.is_dir():
        raise ManifestError(f"{path} is no manifest: add a .csv that this command has written.")
    videos, folder = read_videos(path)
    try:
        columns = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, pd.errors.ParserError) as error:
        raise ManifestError(f"{path} cannot be read ({error}): make it anew.") from error
    if IDENTITIES not in columns or not columns[IDENTITIES].fillna("").all():
        raise ManifestError(
            f"{path} does not name the `{IDENTITIES}` of every video, so groups cannot be joined: "
            "make it with this command."
        )
    start = os.path.realpath(folder)
    return videos.assign(
        path=[os.path.relpath(f"{start}/{path}", here) for path in videos["path"]],
        **{IDENTITIES: columns[IDENTITIES]},
    )


def _joined(video: ListedVideo, dataset: str) -> str:
    identities = video.identities or {f"{dataset}/{video.path}"}
    escaped = [name.replace("%", "%25").replace(";", "%3B") for name in sorted(identities)]
    return ";".join(escaped)


def _split(joined: str) -> frozenset[str]:
    return frozenset(map(unquote, joined.split(";")))


def _without_unwritable(listing: Listing) -> Listing:
    left_out = [
        video.path
        for video in listing.videos
        if not all(map(_is_writable, (video.path, *video.identities)))
    ]
    if not left_out:
        return listing
    names = set(left_out)
    return replace(
        listing,
        videos=tuple(video for video in listing.videos if video.path not in names),
        surplus=tuple(sorted((*listing.surplus, *left_out))),
        remarks=(
            *listing.remarks,
            f"{len(left_out)} videos have names that no table can hold, not UTF-8 or with a blank "
            "at an end: rename them to have them listed.",
        ),
    )


def _is_writable(name: str) -> bool:
    """Text that comes back from a table as it was."""
    return name == name.strip() and name.encode(errors="replace").decode() == name
