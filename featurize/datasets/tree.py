"""Whether a folder holds the data set it should, and each of its files once."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.wording import counted
from featurize.errors import ManifestError


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


def each_file_once(listing: Listing, root: Path) -> Listing:
    """Leave out of a listing what is one file with another video of it, by a link.

    Such videos would be counted twice, and could be in training and test at once.

    Parameters
    ----------
    listing : Listing
        Its videos are sorted by path.
    root : Path
        The folder that its paths start from.

    Returns
    -------
    Listing
        The first path of each file, with the identities of all, and a remark.

    Raises
    ------
    ManifestError
        When one file is both real and fake.
    """
    kept: dict[str | tuple[int, int], ListedVideo] = {}
    copies = []
    for video in listing.videos:
        file = _file(root / video.path)
        first = kept.setdefault(file, video)
        if first.label != video.label:
            raise ManifestError(
                f"{first.path} and {video.path} are one file by a link, which cannot be both "
                f"{first.label} and {video.label}: remove one of them."
            )
        if first is not video:
            kept[file] = replace(first, identities=first.identities | video.identities)
            copies.append(f"{video.path}, which is {first.path}")
    if not copies:
        return listing
    remark = (
        f"Only the first path is listed of {counted(len(copies), 'video')} that a link leads to "
        f"once more (first: {copies[0]})."
    )
    return replace(listing, videos=tuple(kept.values()), remarks=(*listing.remarks, remark))


def _file(path: Path) -> str | tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        # Gone since it was listed: no copy of anything, and missing when it is featurized.
        return str(path)
    # Where a file system has no numbers for its files, it has no links either.
    return (status.st_dev, status.st_ino) if status.st_ino else str(path)
