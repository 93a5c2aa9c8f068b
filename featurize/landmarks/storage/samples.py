"""What a network says of the faces of a video, on disk: as personal as the faces.

Entries of dlib's network are templates by which anybody's face can be told among others'.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from featurize.landmarks.storage.sealed import is_sound, read_part, write_sealed
from featurize.media_file import State, state_of
from featurize.scratch import BLOCK_SAMPLES, blocks, let_go, scratch
from featurize.types import FaceSamples

SAMPLES = "deepfake-biometrics samples 1"
"""Raised when the layout of an entry changes; entries of another format are computed again."""

_FRAME, _VALUE = np.dtype("<i8"), np.dtype("<f4")


@dataclass(frozen=True)
class SamplesEntry:
    """What one network says of one content; made by :meth:`.store.LandmarkStore.samples_entry`.

    Attributes
    ----------
    video : str or Path
        Where the video is, or was.
    state : tuple or None
        That of the video whose content is known; None when it is not, and nothing is kept.
    key : str
        Everything the samples depend on, written into the file.
    path : Path
        The file.
    """

    video: str | Path
    state: State | None
    key: str
    path: Path

    def load(self) -> list[FaceSamples] | None:
        """What was saved, face by face, bit for bit; None when there is nothing sound.

        Raises
        ------
        OutputError
            When the temporary folder cannot be written, in which many samples lie.
        """
        if self.state is None:
            return None
        try:
            with self.path.open("rb") as file:
                return _read(file, self.key) if is_sound(file) else None
        except (OSError, ValueError, KeyError, TypeError, struct.error):
            return None  # nothing there, out of reach, or not one of ours

    def save(self, samples: Sequence[FaceSamples]) -> None:
        """Keep what was found in the video, face by face, unless the video has changed since.

        Raises
        ------
        OutputError
            When the store cannot be written.
        """
        if self.state is not None and state_of(self.video) == self.state:
            write_sealed(self.path, _parts(self.key, samples))


def _parts(key: str, samples: Sequence[FaceSamples]) -> Iterator[bytes]:
    """A head of JSON, then for each face the frames, and the values some at a time."""
    shapes = [one.values.shape for one in samples]
    yield json.dumps({"key": key, "shapes": shapes}).encode()
    for one in samples:
        yield one.frames.astype(_FRAME).tobytes()
        for block in blocks(len(one.frames), BLOCK_SAMPLES):
            yield one.values[block].astype(_VALUE).tobytes()
            let_go(one.values)


def _read(file: BinaryIO, key: str) -> list[FaceSamples] | None:
    head = json.loads(read_part(file))
    if head["key"] != key:
        return None
    found = []
    for n_samples, n_dims in head["shapes"]:
        frames = np.frombuffer(read_part(file), _FRAME).astype(np.int64)
        values = scratch((n_samples, n_dims), np.float32)
        for block in blocks(n_samples, BLOCK_SAMPLES):
            values[block] = np.frombuffer(read_part(file), _VALUE).reshape(-1, n_dims)
            let_go(values)
        values.flags.writeable = False
        found.append(FaceSamples(frames, values))
    return found
