"""Photographs: a picture file of anybody's becomes one upright picture, or one clear sentence.

What a file declares of its size is read here, before a decoder is asked to make room for it.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from featurize import limits
from featurize.errors import ReferencePhotoError
from featurize.frame import Frame

MAX_BYTES = 2**28
"""Of a photograph's file: more than any picture within :data:`featurize.limits.MAX_PIXELS` takes as
JPEG, and most as PNG."""

MAX_PARTS = 100_000
"""Segments of a JPEG and chunks of a PNG that are walked through; a picture of 256 MiB has some
tens of thousands, and a file of nothing else would keep Python busy for a minute."""

_PNG = b"\x89PNG\r\n\x1a\n"
# Before each marker of a JPEG, as many as its writer likes.
_FILLERS = re.compile(rb"\xff+")
# Markers that no length follows: restarts, start of the image.
_BARE_MARKERS = {0x01, *range(0xD0, 0xD9)}
# Start of a frame of any coding; the three others of this range are tables.
_FRAME_MARKERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_photo(path: str | Path) -> Frame:
    """A photograph as a single frame, upright as its EXIF orientation says.

    JPEG, PNG and WebP. Grey becomes grey colours, 16 bits become 8, transparency is left out.

    Raises
    ------
    ReferencePhotoError
        When there is no such file, or it is not one picture of these formats within
        :mod:`featurize.limits`, or damaged.
    """
    data = _content(Path(path))
    try:
        size_px, is_animated = _declared(data)
    except (struct.error, IndexError, ValueError) as error:
        raise _damaged(path) from error
    if size_px is None:
        raise ReferencePhotoError(
            f"{path} is not a JPEG, PNG or WebP picture: save the photograph as one."
        )
    if is_animated:
        raise ReferencePhotoError(
            f"{path} is animated: save the one picture of it that shows the person."
        )
    width, height = size_px
    if width * height > limits.MAX_PIXELS or max(size_px) > limits.MAX_SIDE_PX:
        raise ReferencePhotoError(
            f"{path} has {width} x {height} pixels, more than {limits.MAX_PIXELS / 2**20:g} "
            f"million or {limits.MAX_SIDE_PX} in a row: scale it down."
        )
    try:
        rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise _damaged(path) from error
    if rgb is None:
        raise _damaged(path)
    return Frame(0, 0.0, rgb)


def _damaged(path: str | Path) -> ReferencePhotoError:
    return ReferencePhotoError(f"{path} is damaged or cut short: use another copy of it.")


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ReferencePhotoError(f"{path} is a folder: name the photographs in it.")
        if not path.is_file():
            raise ReferencePhotoError(f"There is no photograph {path}: check the path.")
        if path.stat().st_size > MAX_BYTES:
            raise ReferencePhotoError(
                f"{path} has more than {MAX_BYTES >> 20} MiB: save the photograph smaller."
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ReferencePhotoError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    if not data:
        raise ReferencePhotoError(f"{path} is empty: use another copy of the photograph.")
    return data


def _declared(data: bytes) -> tuple[tuple[int, int] | None, bool]:
    """Width and height as the file states them, and whether it is animated; None if foreign."""
    for is_format, read in _FORMATS.items():
        if is_format(data):
            return read(data)
    return None, False


def _png(data: bytes) -> tuple[tuple[int, int], bool]:
    is_animated = has_pixels = False
    for name in _png_chunks(data):
        has_pixels |= name == b"IDAT"
        is_animated |= name == b"acTL" and not has_pixels
    if not has_pixels:
        raise ValueError
    return struct.unpack_from(">II", data, 16), is_animated


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """Names of all chunks; one that claims to go beyond the file leads to nowhere.

    OpenCV makes room for whatever length a chunk declares.
    """
    place = len(_PNG)
    for _ in range(MAX_PARTS):
        length, name = struct.unpack_from(">I4s", data, place)
        place += length + 12
        yield name
        if name == b"IEND":
            return
    raise ValueError


def _jpeg(data: bytes) -> tuple[tuple[int, int], bool]:
    place = 2
    for _ in range(MAX_PARTS):
        fillers = _FILLERS.match(data, place)
        if fillers is None:
            raise ValueError
        marker, place = data[fillers.end()], fillers.end() + 1
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, place + 3)
            return (width, height), False
        if marker not in _BARE_MARKERS:
            place += struct.unpack_from(">H", data, place)[0]
    raise ValueError


def _webp(data: bytes) -> tuple[tuple[int, int], bool]:
    kind = data[12:16]
    if kind == b"VP8X":
        across, down = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return (across, down), bool(data[20] & 2)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), False
    across, down = struct.unpack_from("<HH", data, 26)
    return (across & 0x3FFF, down & 0x3FFF), False


_FORMATS: Mapping[Callable[[bytes], bool], Callable[[bytes], tuple[tuple[int, int], bool]]] = {
    lambda data: data.startswith(_PNG): _png,
    lambda data: data.startswith(b"\xff\xd8\xff"): _jpeg,
    lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP": _webp,
}
