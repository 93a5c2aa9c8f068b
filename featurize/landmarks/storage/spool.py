"""Landmarks wait on disk, not in memory, until it is known to whom they belong.

What is found in each frame is appended to an unlinked temporary file; when the video has ended, the
rows of one person are laid out over all frames in another, and read back as memory maps. So memory
does not grow with the length of the video. The files lie in Python's temporary folder (``TMPDIR``)
and vanish with the process, however it ends.
"""

import contextlib
import mmap
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from featurize.errors import TrackError
from featurize.temporary import temporary_folder
from featurize.types import pieces

STEPS_PER_UNIT: Mapping[str, int] = {
    "points_px": 256,
    "confidence": 1024,
    "blendshapes": 65536,
    "pose": 65536,
    "flow_px": 256,
}
"""Kept arrays of a track, and into how many steps their unit is divided; others are kept as they
are."""


def rounded(name: str, values: np.ndarray) -> np.ndarray:
    """Values of a track, rounded to what is kept of them.

    Points and flow are kept to 1/256 px, confidence to 1/1024, blendshapes and pose to 1/65536:
    hundreds of times finer than any landmark is known, and short to store. Every multiple of such a
    step that is met in a picture of up to 8K is a float32, so rounding twice changes nothing. What
    is read off pixels has all kinds of units and is kept as float32.

    Parameters
    ----------
    name : str
        Array of :class:`featurize.types.LandmarkTrack` they belong to.
    values : numpy.ndarray
        Of any shape; NaN stays NaN.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape; zero is never negative.

    Examples
    --------
    >>> rounded("points_px", np.array([100.126, 0.254, -0.001, np.nan]))
    array([100.125     ,   0.25390625,   0.        ,          nan], dtype=float32)
    """
    steps = STEPS_PER_UNIT.get(name)
    if steps is None:
        return np.asarray(values, np.float32)
    # Steps are powers of two, so nothing but the rounding itself is inexact.
    values = np.asarray(values)
    exact = values if values.dtype == np.float32 else values.astype(np.float64)
    # Confidence is rounded down, so that what is under one half stays under it.
    whole = np.floor(exact * steps) if name == "confidence" else np.rint(exact * steps)
    return (whole / steps + 0.0).astype(np.float32, copy=False)


MOST_IN_MEMORY = 32 * 2**20
"""Bytes of arrays that are read into memory: an open file for each of thousands of short tracks
would be too many."""


class MappedArrays:
    """Arrays over all frames of a video in an unlinked temporary file, written piece by piece.

    Parameters
    ----------
    shapes : Mapping of str to tuple of int
        Shape of one frame of each array, by name; all are float32.
    n_frames : int
        Frames, 1 or more.

    Raises
    ------
    OutputError
        When the temporary folder cannot be written, here and in :meth:`write`; a NoRoomError when
        it is full.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], n_frames: int) -> None:
        self._shapes = {name: (n_frames, *shape) for name, shape in shapes.items()}
        sizes = [4 * int(np.prod(shape)) for shape in self._shapes.values()]
        self._starts = dict(zip(shapes, np.cumsum([0, *sizes]).tolist(), strict=False))
        with temporary_folder():
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  arrays() closes it

    def write(self, name: str, first_frame: int, values: np.ndarray) -> None:
        """Put the values of consecutive frames in their place; every frame must get its values."""
        values = np.ascontiguousarray(values, np.float32)
        n_frames, *frame = self._shapes[name]
        if values.shape[1:] != tuple(frame) or first_frame + len(values) > n_frames:
            raise TrackError(f"{name} must be of shape {self._shapes[name]}, not {values.shape}.")
        start = self._starts[name] + 4 * first_frame * int(np.prod(frame))
        view = memoryview(values).cast("B") if values.size else memoryview(b"")
        with temporary_folder():
            while view:
                n_written = os.pwrite(self._file.fileno(), view, start)
                start, view = start + n_written, view[n_written:]

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, read-only: in memory up to :data:`MOST_IN_MEMORY`, else as maps.

        A map holds the file open; the file goes when the last of its maps goes.
        """
        size = os.fstat(self._file.fileno()).st_size
        with temporary_folder():
            if size <= MOST_IN_MEMORY:
                held = os.pread(self._file.fileno(), size, 0)
            else:
                held = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file.close()
        return {
            name: np.ndarray(shape, np.float32, held, self._starts[name])
            for name, shape in self._shapes.items()
        }


class TrackSpool:
    """Faces of single frames, appended as they are found.

    Use it as a context manager. The first face fixes which arrays there are and their shapes.

    Examples
    --------
    >>> with TrackSpool() as spool:
    ...     row = spool.append(points_px=np.ones((68, 3)), confidence=0.5, pose=None)
    ...     arrays = spool.spread(frames=[1], rows=[row], n_frames=3)
    >>> arrays["confidence"]
    array([0. , 0.5, 0. ], dtype=float32)
    >>> arrays["points_px"][:, 0, 0]
    array([nan,  1., nan], dtype=float32)
    """

    def __init__(self) -> None:
        self._record: np.dtype | None = None
        self._n_rows = 0
        with temporary_folder():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  __exit__ closes it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):  # a full disk was already met by append
            self._file.close()

    def append(self, **values: np.ndarray | float | None) -> int:
        """Keep one face of one frame, rounded by :func:`rounded`.

        Parameters
        ----------
        **values : numpy.ndarray, float or None
            One row of each array of the track, by its name; NaN where unknown, None for an array
            that the backend never has.

        Returns
        -------
        int
            Number of the row, from 0.

        Raises
        ------
        TrackError
            When other arrays, or arrays of another shape, came with the first face.
        OutputError
            When the temporary folder cannot be written.
        """
        arrays = {
            name: rounded(name, np.asarray(value))
            for name, value in values.items()
            if value is not None
        }
        record = np.dtype([(name, np.float32, array.shape) for name, array in arrays.items()])
        if self._record is None:
            self._record = record
        elif record != self._record:
            raise TrackError(f"A face of {record} cannot follow faces of {self._record}.")
        with temporary_folder():
            for array in arrays.values():
                self._file.write(array.tobytes())
        self._n_rows += 1
        return self._n_rows - 1

    def spread(
        self, frames: Sequence[int], rows: Sequence[int], n_frames: int
    ) -> dict[str, np.ndarray]:
        """The rows of one person, laid out over all frames of the video.

        Parameters
        ----------
        frames : sequence of int
            Frames in which the person is seen, increasing.
        rows : sequence of int
            The row of each, as :meth:`append` returned it.
        n_frames : int
            Frames of the video.

        Returns
        -------
        dict of str to numpy.ndarray
            ``(n_frames, ...)`` float32 by name, read-only maps of a temporary file. Frames without
            the person are NaN; their confidence is 0.

        Raises
        ------
        OutputError
            When the temporary folder cannot be written.
        """
        record = self._record
        with temporary_folder():
            self._file.flush()
        spread = MappedArrays({name: record[name].shape for name in record.names}, n_frames)
        of_frame = np.full(n_frames, -1)
        of_frame[np.asarray(frames, np.int64)] = rows
        for piece in pieces(n_frames):
            here = of_frame[piece]
            seen = here >= 0
            found = b"".join(
                os.pread(self._file.fileno(), record.itemsize, int(row) * record.itemsize)
                for row in here[seen]
            )
            faces = np.frombuffer(found, record)
            for name in record.names:
                absent = 0 if name == "confidence" else np.nan
                values = np.full((len(here), *record[name].shape), absent, np.float32)
                values[seen] = faces[name]
                spread.write(name, piece.start, values)
        return spread.arrays()
