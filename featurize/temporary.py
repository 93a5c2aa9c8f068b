"""The temporary folder (``TMPDIR``): what is said when it cannot be written, or has no room."""

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterator

from featurize.errors import NoRoomError, OutputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The folder is not named: that of a worker is another in each run, and rows quote the sentence.
_ADVICE = "make room there, or name another folder in the environment variable TMPDIR."


@contextlib.contextmanager
def temporary_folder() -> Iterator[None]:
    """Turn an error of the disk that temporary files lie on into one sentence.

    Raises
    ------
    NoRoomError
        When it is full, or the file longer than files may be there.
    OutputError
        When it cannot be written for another reason.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(error) from error


def cannot_write(error: OSError) -> OutputError:
    """Say of an error of the disk what it means for the temporary folder."""
    if is_no_room(error):
        return NoRoomError(
            f"The temporary folder has no room for what the video needs ({error.strerror}): "
            f"{_ADVICE}"
        )
    return OutputError(
        f"The temporary folder cannot be written ({error.strerror or error}): {_ADVICE}"
    )


def is_no_room(error: BaseException) -> bool:
    """Whether an error says that a disk is full."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def refuse_without_room(name: str, n_bytes: int) -> None:
    """Refuse at once what the temporary folder cannot hold.

    Parameters
    ----------
    name : str
        What is to be written, as people are told.
    n_bytes : int
        How much that is.

    Raises
    ------
    NoRoomError
        When there is less room.
    OutputError
        When there is no temporary folder.
    """
    with temporary_folder():
        free_bytes = shutil.disk_usage(tempfile.gettempdir()).free
    if n_bytes > free_bytes:
        raise NoRoomError(
            "The temporary folder has no room for what the video needs "
            f"({name} is of {n_bytes} bytes): {_ADVICE}"
        )
