"""One video's per-frame file: a row per frame and face, written piece by piece."""

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from featurize.declaration import Recording
from featurize.errors import OutputError, TrackError
from featurize.landmarks.detection import MIN_CONFIDENCE
from featurize.outputs.whole_file import whole_file
from featurize.per_frame.columns import FRAME_COLUMNS
from featurize.per_frame.openface import HEAD_COLUMNS, OPENFACE_COLUMNS, openface_values
from featurize.per_frame.places import per_frame_path
from featurize.registry import FRAME_SIGNALS
from featurize.types import pieces

BUSY_FOR_S = 60.0
"""How long another process may take to write the same file: two of one cluster may have been given
the same video."""

_START = ",".join(column.name for column in (*HEAD_COLUMNS, *OPENFACE_COLUMNS)).encode() + b","
"""How each of these files starts, and none that OpenFace has written."""

_N_VALUES = len(FRAME_COLUMNS) - len(HEAD_COLUMNS)
_FORMAT = ",".join(["%.6g"] * _N_VALUES)
_EMPTY = "," * (_N_VALUES - 1)


def write_per_frame(recordings: Sequence[Recording], folder: Path, listed: str | Path) -> Path:
    """Write what was measured in each frame of a video, whole or not at all.

    A row per frame and face, frames in order and the faces of each frame in order, as OpenFace 2
    writes them; every face has a row in every frame. The columns are those of
    :func:`featurize.per_frame.columns.describe_per_frame`. Where ``success`` is 0 the face was not
    seen, or not well enough, and what is measured of it is empty, never filled in. Numbers have six
    significant digits, times as many as tell them exactly.

    Parameters
    ----------
    recordings : sequence of Recording
        One per face over the whole video, in the order of the feature table.
    folder : Path
        Folder of the per-frame files; made if need be.
    listed : str or Path
        Path or URL of the video as the manifest lists it; see
        :func:`featurize.per_frame.places.per_frame_path`.

    Returns
    -------
    Path
        The file; an existing one of this kind was replaced.

    Raises
    ------
    TrackError
        When the recordings are not of the same frames.
    OutputError
        When it cannot be written, another process takes longer than :data:`BUSY_FOR_S` to write it,
        or there is a file in its place that is none of this kind.
    """
    for recording in recordings[1:]:
        if not np.array_equal(recording.time_s, recordings[0].time_s):
            raise TrackError("All faces of a per-frame file must be of the same frames.")
    path = per_frame_path(folder, listed)
    check_replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, BUSY_FOR_S) as file:
            file.write((",".join(column.name for column in FRAME_COLUMNS) + "\n").encode())
            for piece in pieces(recordings[0].track.n_frames if recordings else 0):
                by_face = [
                    _rows(face, recording, piece) for face, recording in enumerate(recordings)
                ]
                rows = chain.from_iterable(zip(*by_face, strict=True))
                file.write("".join(rows).encode())
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}): give another folder for "
            "per-frame files, or make room."
        ) from error
    return path


def check_replaceable(path: Path) -> None:
    """Raise OutputError where a file would be lost that is no per-frame file of this package."""
    start = b""
    try:
        # Nobody may be at the other end of a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            start = os.read(handle, len(_START))
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        pass  # a folder, or not to be read: it cannot be told to be one
    if start != _START:
        raise OutputError(
            f"{path} is there already and is no per-frame file of this package: give another "
            "folder for per-frame files."
        )


def _rows(face: int, recording: Recording, piece: slice) -> Iterator[str]:
    """Lines of some frames of a face."""
    track = recording.track.part(piece)
    signals = {signal.column: recording.signals[signal.column][piece] for signal in FRAME_SIGNALS}
    values = np.column_stack([openface_values(track, signals), *signals.values()])
    values[~np.isfinite(values)] = np.nan
    values += 0.0  # no minus before a zero
    success = track.present & (track.confidence >= MIN_CONFIDENCE)
    times_s, confidence = track.time_s.tolist(), track.confidence.tolist()
    for number, row in enumerate(values):
        # Only a number that is not one has these letters.
        text = (_FORMAT % tuple(row.tolist())).replace("nan", "") if success[number] else _EMPTY
        frame = piece.start + number + 1
        seen = f"{times_s[number]!r},{confidence[number]:.6g},{int(success[number])}"
        yield f"{frame},{face},{seen},{text}\n"
