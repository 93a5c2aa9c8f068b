"""Files that appear whole or not at all."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_ASKED_EVERY_S = 0.1


@contextlib.contextmanager
def whole_file(path: Path, wait_s: float = 0.0) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends, if it ends well.

    Until then it is ``.NAME.part`` in the same folder. It is on disk before it takes the place, so
    not even a loss of power leaves half a file. A part that a killed process left behind is
    overwritten by the next.

    Parameters
    ----------
    path : Path
        File to write; an existing one is replaced.
    wait_s : float
        How long to wait for another process that is writing it.

    Yields
    ------
    BinaryIO
        To be written to, and read from.

    Raises
    ------
    OSError
        When it cannot be written, or another process is writing it all that time.
    """
    part = path.with_name(f".{path.name}.part")
    with _opened_alone(part, path, wait_s) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    with contextlib.suppress(OSError):  # some network file systems cannot, and need not, do it
        _sync_folder(path.parent)


def _opened_alone(part: Path, path: Path, wait_s: float) -> BinaryIO:
    """The part, empty, and locked by this process as long as it is open."""
    deadline_s = time.monotonic() + wait_s
    while True:
        # Made so, not by `tempfile`, it has the permissions that the umask gives any file.
        # Whatever a link of that name points to is not ours to write.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        file = os.fdopen(os.open(part, flags, 0o666), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            if time.monotonic() >= deadline_s:
                raise OSError(errno.EBUSY, "another process is writing it", str(path)) from None
            time.sleep(_ASKED_EVERY_S)
            continue
        except OSError:
            pass  # a file system without locks
        # Whoever had the lock may have put the file in its place, or removed it, in the meantime.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(part.stat(), os.fstat(file.fileno())):
                file.truncate()
                return file
        file.close()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
