"""Files of a store: they appear whole or not at all, and damage to them is seen."""

import contextlib
import hashlib
import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from featurize.errors import OutputError

_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = 32


def write_sealed(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file of parts that ends in the sha256 of the rest.

    Parameters
    ----------
    path : Path
        Two folders below the store's own.
    parts : iterable of bytes
        Of less than 4 GiB each.

    Raises
    ------
    OutputError
        When it cannot be written; what was there before is then still there.
    """
    with replacing(path) as file:
        digest = hashlib.sha256()
        for part in parts:
            for piece in (_LENGTH.pack(len(part)), part):
                digest.update(piece)
                file.write(piece)
        file.write(digest.digest())


def is_sound(file: BinaryIO) -> bool:
    """Whether a file ends in the sha256 of the rest; it is then at its start again."""
    n_bytes = file.seek(0, os.SEEK_END) - _DIGEST_BYTES
    file.seek(0)
    digest = hashlib.sha256()
    while n_bytes > 0 and (block := file.read(min(n_bytes, 1 << 20))):
        digest.update(block)
        n_bytes -= len(block)
    sound = n_bytes == 0 and file.read() == digest.digest()
    file.seek(0)
    return sound


def read_part(file: BinaryIO) -> bytes:
    """The next part.

    Raises
    ------
    struct.error
        When there is none.
    """
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    return file.read(length)


def unique(path: Path) -> Path:
    """A name beside a path that nobody else takes."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of another when it is complete, and never before."""
    part = unique(path)
    with writing(path.parents[2]):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an error of the disk into one sentence, an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The landmark store {folder} cannot be written ({error.strerror or error}): name "
            "another folder, or make room; landmarks that it holds are not computed again."
        ) from error
