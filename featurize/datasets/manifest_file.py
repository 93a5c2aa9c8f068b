"""From the listing of a data set to a manifest: groups, paths as seen from the file, one CSV."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from featurize.datasets.grouping import group_names
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.tree import each_file_once
from featurize.datasets.wording import counted
from featurize.errors import ManifestError, OutputError
from featurize.manifest import MANIFEST_COLUMNS, is_utf8, read_videos
from featurize.outputs.csv_table import write_csv

IDENTITIES = "identities"
"""Column beside those of every manifest: the people and sources of a video, by semicolons."""

_BY_HAND = "group by hand"

_HEADER = ",".join((*MANIFEST_COLUMNS, IDENTITIES))


def make_manifest(
    listing: Listing, root: Path, out: Path, added: Sequence[Path] = ()
) -> tuple[pd.DataFrame, Listing]:
    """Make the manifest of a data set, and of others that were listed before.

    Groups are joined anew over all videos, so people who occur in two data sets are one group. A
    group that was filled in by hand in an added manifest counts as one more identity.

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
        The data set as it is in the manifest: without the videos whose names no table can hold,
        which are ``surplus`` now, each file once, and with remarks on what was added.

    Raises
    ------
    ManifestError
        When nothing is left to list, an added manifest is not one, a video is in two of them, or
        the way from ``out`` to the videos has a name that is not UTF-8.
    OutputError
        When ``out`` holds groups that were filled in by hand and is not added.
    """
    _keep_groups_by_hand(out, added)
    here = os.path.realpath(out.parent)
    way = os.path.relpath(os.path.realpath(root), here)
    if not _is_writable(way):
        raise ManifestError(
            f"The way from {here!r} to the videos is {way!r}, which no table can hold, for it is "
            "not UTF-8 or has a blank at an end: rename the folder."
        )
    listing = each_file_once(_without_unwritable(listing, root), root)
    listed = _table(listing, way)
    tables = [listed, *(_read_added(path, here) for path in added)]
    for table, name in zip(tables[1:], added, strict=True):
        both = sorted(set(table["path"]).intersection(listed["path"]))
        if both:
            raise ManifestError(
                f"{name} lists {counted(len(both), 'video')} of {root} already (first {both[0]}): "
                "add manifests of other data sets only."
            )
    manifest = pd.concat(tables, ignore_index=True)[[*MANIFEST_COLUMNS, IDENTITIES]]
    twice = manifest["path"][manifest["path"].duplicated()]
    if len(twice):
        raise ManifestError(
            f"The added manifests list {counted(len(twice), 'video')} twice (first "
            f"{twice.iloc[0]}): add each data set once."
        )
    remarks = _remarks_on_added(tables, added)
    manifest["group"] = _groups(manifest[IDENTITIES])
    return manifest, replace(listing, remarks=(*listing.remarks, *remarks))


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
        columns = _read_columns(path)
    except (OSError, pd.errors.ParserError) as error:
        raise ManifestError(f"{path} cannot be read ({error}): make it anew.") from error
    if IDENTITIES not in columns or not columns[IDENTITIES].all():
        raise ManifestError(
            f"{path} does not name the `{IDENTITIES}` of every video, so groups cannot be joined: "
            "make it with this command."
        )
    start = os.path.realpath(folder)
    own = columns[IDENTITIES]
    by_hand = (videos["group"] != _groups(own)) & (videos["group"] != "")
    return videos.assign(
        path=[os.path.relpath(f"{start}/{path}", here) for path in videos["path"]],
        **{
            IDENTITIES: own.where(~by_hand, own + ";" + videos["group"].map(_escaped)),
            _BY_HAND: by_hand,
        },
    )


def _read_columns(path: Path) -> pd.DataFrame:
    columns = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return columns.fillna("")


def _keep_groups_by_hand(out: Path, added: Sequence[Path]) -> None:
    """Refuse to write over groups that were filled in by hand, unless they are added."""
    if not out.exists() or any(path.exists() and path.samefile(out) for path in added):
        return
    try:
        columns = _read_columns(out)
        is_edited = (columns["group"].str.strip() != _groups(columns[IDENTITIES])).any()
    except (OSError, ValueError, KeyError):
        is_edited = True
    if is_edited:
        raise OutputError(
            f"{out} was edited by hand, for its groups are not those that its identities give: "
            "choose another name, or --add it to the manifest of another data set."
        )


def _remarks_on_added(tables: Sequence[pd.DataFrame], added: Sequence[Path]) -> Iterable[str]:
    seen = set(tables[0]["dataset"])
    for table, path in zip(tables[1:], added, strict=True):
        if n := int(table[_BY_HAND].sum()):
            yield (
                f"Groups of {path} that its identities do not give, as when filled in by hand "
                f"({counted(n, 'video')}), count as one more identity: they join videos, part none."
            )
        if both := sorted(seen & set(table["dataset"])):
            yield (
                f"{path} has videos of {', '.join(both)} too, and what has the same name in both "
                "is taken for the same: where these are different data sets, rename one folder and "
                "list it again."
            )
        seen |= set(table["dataset"])


def _groups(identities: pd.Series) -> list[str]:
    # As they are written: a group with a blank at an end would not be read back.
    return group_names(frozenset(joined.split(";")) for joined in identities)


def _joined(video: ListedVideo, dataset: str) -> str:
    return ";".join(map(_escaped, sorted(video.identities or {f"{dataset}/{video.path}"})))


def _escaped(name: str) -> str:
    """An identity without what parts identities, and without blanks at its ends."""
    name = name.replace("%", "%25").replace(";", "%3B")
    return re.sub(r"^\s+|\s+\Z", lambda blanks: quote(blanks[0]), name)


def _without_unwritable(listing: Listing, root: Path) -> Listing:
    left_out = {video.path: wrong for video in listing.videos if (wrong := _unwritable(video))}
    if not left_out:
        return listing
    first = next(iter(left_out.values()))[0]
    reason = (
        "left out for a name that no table can hold, not UTF-8 or with a blank at an end: "
        f"{len(left_out)} (first: {first!r}); rename to have them listed."
    )
    videos = tuple(video for video in listing.videos if video.path not in left_out)
    if not videos:
        raise ManifestError(
            f"{root} holds no video of {listing.dataset} that can be listed; videos {reason}"
        )
    return replace(
        listing,
        videos=videos,
        surplus=tuple(sorted((*listing.surplus, *left_out))),
        remarks=(*listing.remarks, f"Videos {reason}"),
    )


def _unwritable(video: ListedVideo) -> list[str]:
    path = [] if _is_writable(video.path) else [video.path]
    return [*path, *(name for name in sorted(video.identities) if not is_utf8(name))]


def _is_writable(name: str) -> bool:
    """Text that comes back from a table as it was."""
    return name == name.strip() and is_utf8(name)
