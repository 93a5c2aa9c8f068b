"""The video files below a folder, whatever else lies there."""

import os
from collections.abc import Iterator
from pathlib import Path

from featurize.errors import ManifestError

VIDEO_SUFFIXES = frozenset(
    {
        *(".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"),
        *(".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
    }
)
"""Files of a folder that are taken for videos. A manifest may name any file."""


def videos_below(root: Path) -> list[str]:
    """List every video file below a folder.

    Names that start with a dot are passed over, as are links that lead nowhere. Links to folders
    are followed, each folder once, so a loop of links ends.

    Parameters
    ----------
    root : Path
        The folder to search.

    Returns
    -------
    list of str
        Paths relative to ``root`` with forward slashes, sorted. Bytes of a name that are not UTF-8
        are surrogates, as everywhere in Python.

    Raises
    ------
    ManifestError
        When the folder is not there, is no folder, or part of it cannot be read.
    """
    if not root.exists():
        raise ManifestError(f"There is no folder {root}: check the path.")
    if not root.is_dir():
        raise ManifestError(f"{root} is not a folder: give the folder that holds the videos.")
    try:
        return sorted(_videos(root))
    except OSError as error:
        raise ManifestError(
            f"{error.filename} cannot be read ({error.strerror}): check who may read it."
        ) from error


def _videos(root: Path) -> Iterator[str]:
    folders, links = [root], []
    seen = set()
    while folders or links:
        # A folder keeps its own name where a link leads to it as well.
        folder = folders.pop() if folders else links.pop()
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name, reverse=True):
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if path.is_dir() if entry.is_symlink() else entry.is_dir():
                    (links if entry.is_symlink() else folders).append(path)
                elif path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
                    yield path.relative_to(root).as_posix()
