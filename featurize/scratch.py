"""Arrays as long as a video that lie in a temporary file instead of memory.

A video may last ten hours: each number a frame is then 9 MB, and a hundred signals are a gigabyte.
Files are unlinked as soon as they are made, in Python's temporary folder (``TMPDIR``), so they
vanish with the process, however it ends.
"""

import math
import mmap
import os
import tempfile
from collections.abc import Iterator

import numpy as np

from featurize.temporary import temporary_folder

MOST_IN_MEMORY = 2 * 2**20
"""Bytes of an array that is made in memory after all: most videos are short, and files are slow."""

BLOCK_FRAMES = 8192
"""Frames that are computed in one go where whole arrays would take too much memory. Sums over so
few are made at once, so that a video of up to four minutes knows nothing of blocks."""

BLOCK_SAMPLES = 256
"""The same of what networks say of sampled frames, which is up to thousands of numbers each."""


def scratch(shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    """A new array of zeros, in a temporary file when it is long.

    Parameters
    ----------
    shape : tuple of int
        Of any size, also 0.
    dtype : type
        Of its values.

    Returns
    -------
    numpy.ndarray
        Contiguous and writeable. What is written to it stays in the file and goes with the array;
        it is only in memory while the system has no better use for that.

    Raises
    ------
    OutputError
        When the temporary folder cannot be written; a NoRoomError when it is full.
    """
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if n_bytes <= MOST_IN_MEMORY:
        return np.zeros(shape, dtype)
    with temporary_folder(), tempfile.TemporaryFile(buffering=0) as file:
        # Room is taken now: a disk that is full is an error here, and a crash while it is written.
        os.posix_fallocate(file.fileno(), 0, n_bytes)
        return np.ndarray(shape, dtype, mmap.mmap(file.fileno(), n_bytes))


def let_go(array: np.ndarray) -> None:
    """Take the pages of an array of :func:`scratch`, or of a view of one, out of memory.

    Its values stay as they are. An array that is in memory is left alone.
    """
    owner = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap):
        owner.madvise(mmap.MADV_DONTNEED)


def blocks(n_frames: int, size: int | None = None) -> Iterator[slice]:
    """Consecutive slices of `size`, or :data:`BLOCK_FRAMES`, the last one perhaps shorter.

    Examples
    --------
    >>> list(blocks(10000))
    [slice(0, 8192, None), slice(8192, 10000, None)]
    """
    size = BLOCK_FRAMES if size is None else size
    for first in range(0, n_frames, size):
        yield slice(first, min(first + size, n_frames))
