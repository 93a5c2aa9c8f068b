"""Where the per-frame file of a video goes: below one folder, whatever the video is called."""

import re
from hashlib import sha256
from pathlib import Path, PurePosixPath

from featurize.per_frame.columns import COLUMNS_FILE

ELSEWHERE = "elsewhere"
"""Folder, below that of the per-frame files, for videos whose path cannot be followed there."""

SUFFIX = ".csv"
"""What is put behind the name of a video."""

# Room for what a file is called until it is whole: a dot before it, ".part" behind.
_LONGEST_NAME = 255 - len("..part")
_LONGEST_PATH = 1024
_LONGEST_STEM = 50  # of four bytes each, at most


def per_frame_path(folder: Path, listed: str | Path) -> Path:
    """Where the per-frame file of a video goes.

    ``a/b.mp4`` has ``a/b.mp4.csv``, so the folder looks like that of the videos. What would lead
    out of the folder or cannot be the name of a file there (an absolute path, ``..``, a URL, a name
    that is too long or not text) has the end of its name and a digest of the whole path, in the
    folder ``elsewhere``. No two videos share a file, nor is one video's file another's folder, on a
    file system that tells small letters from capitals; ``./a.mp4`` is ``a.mp4``.

    Parameters
    ----------
    folder : Path
        Folder of the per-frame files.
    listed : str or Path
        Path or URL of the video as the manifest lists it.

    Returns
    -------
    Path
        Below ``folder``; nothing is looked up or made.

    Examples
    --------
    >>> per_frame_path(Path("signals"), "real/b.mp4").as_posix()
    'signals/real/b.mp4.csv'
    >>> per_frame_path(Path("signals"), "/data/b.mp4").as_posix()
    'signals/elsewhere/b.mp4-2e9c6bc929b2775e16b852b87640cb68.csv'
    """
    text = str(listed)
    inner = PurePosixPath(text)
    if _can_be_followed(text, inner):
        return folder / inner.parent / (inner.name + SUFFIX)
    stem = re.sub(r"[^\w.-]+", "_", inner.name)[-_LONGEST_STEM:].lstrip(".-") or "video"
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return folder / ELSEWHERE / f"{stem}-{digest}{SUFFIX}"


def is_written(folder: Path, listed: str | Path) -> bool:
    """Tell whether there is a per-frame file of a video; whole it is in any case."""
    try:
        return per_frame_path(folder, listed).is_file()
    except OSError:  # out of reach
        return False


def _can_be_followed(text: str, inner: PurePosixPath) -> bool:
    parts = inner.parts
    return (
        bool(parts)
        and not inner.is_absolute()
        and ".." not in parts
        and "://" not in text
        and text.isprintable()
        and parts[0] not in (ELSEWHERE, COLUMNS_FILE)
        # Else the file of one video, or what it is called until it is whole, may be a folder.
        and not any(part.endswith((SUFFIX, ".part")) for part in parts[:-1])
        and len((inner.name + SUFFIX).encode()) <= _LONGEST_NAME
        and all(len(part.encode()) <= _LONGEST_NAME for part in parts)
        and len(text.encode()) <= _LONGEST_PATH
    )
