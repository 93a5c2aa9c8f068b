"""Videos that are damaged, cut, spliced and made to lie, each by its own seed.

Mutant number ``i`` of a seed is the same whatever others are made.
"""

import copy
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.boxes import Box, read_boxes, written

_HEADER_BYTES = 2048
_LIES = (0, 1, 0x7F, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_MAGIC = {
    ".mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41\0\0\0\0moov",
    ".mkv": b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska\x18\x53\x80\x67",
    ".avi": b"RIFF\xff\xff\xff\x7fAVI LIST\xff\xff\xff\x7fhdrlavih8\0\0\0",
    ".flv": b"FLV\1\5\0\0\0\x09\0\0\0\0",
    ".ts": b"\x47\x40\x00\x10\x00\x00\xb0\x0d",
    ".gif": b"GIF89a\xff\xff\xff\xff\xf7\0\0",
    ".y4m": b"YUV4MPEG2 W30000 H30000 F25:1 C420\nFRAME\n",
}

Rng = np.random.Generator
Change = Callable[[bytes, Rng], bytes]


@dataclass(frozen=True)
class Mutant:
    """A mutated video.

    Attributes
    ----------
    name : str
        Name of the file: number, kind, and the clip it was made from.
    kind : str
        What was done to it.
    data : bytes
        The file.
    """

    name: str
    kind: str
    data: bytes


def mutants(clips: Sequence[Path], n: int, seed: int) -> Iterator[Mutant]:
    """Make mutants of clips, kinds in turn, clips by chance.

    Parameters
    ----------
    clips : sequence of Path
        Intact videos; one of them at least must be an MP4 or MOV file.
    n : int
        How many.
    seed : int
        Another seed, other mutants.

    Yields
    ------
    Mutant
        In order of their numbers.
    """
    intact = {clip: clip.read_bytes() for clip in clips}
    boxed = [clip for clip in clips if clip.suffix in (".mp4", ".mov")]
    kinds = [*_OF_BYTES, *_OF_BOXES, "splice", "garbage"]
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        kind = kinds[number % len(kinds)]
        suited = boxed if kind in _OF_BOXES else clips
        clip = suited[rng.integers(len(suited))]
        name, data = clip.name, intact[clip]
        if kind in _OF_BYTES:
            data = _OF_BYTES[kind](data, rng)
        elif kind in _OF_BOXES:
            boxes = read_boxes(data)
            _OF_BOXES[kind](boxes, rng)
            data = written(boxes)
        elif kind == "splice":
            other = intact[clips[rng.integers(len(clips))]]
            data = data[: rng.integers(len(data))] + other[rng.integers(len(other)) :]
        else:
            suffix = list(_MAGIC)[rng.integers(len(_MAGIC))]
            name, data = suffix, _MAGIC[suffix] + rng.bytes(int(rng.integers(1, 100_000)))
        yield Mutant(f"{number:04d}_{kind}_{name}".replace("_.", "."), kind, data)


def write_mutants(clips: Sequence[Path], folder: Path, n: int, seed: int) -> list[str]:
    """Write mutants to a folder, which is made; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for mutant in mutants(clips, n, seed):
        (folder / mutant.name).write_bytes(mutant.data)
        names.append(mutant.name)
    return names


def _with_bits_flipped(data: bytes, places: np.ndarray, rng: Rng) -> bytes:
    changed = np.frombuffer(data, np.uint8).copy()
    changed[places] ^= np.uint8(1) << rng.integers(0, 8, len(places), dtype=np.uint8)
    return changed.tobytes()


def _few_bits(data: bytes, rng: Rng) -> bytes:
    return _with_bits_flipped(data, rng.integers(0, len(data), rng.integers(1, 20)), rng)


def _many_bits(data: bytes, rng: Rng) -> bytes:
    n_flips = max(int(len(data) * 10.0 ** rng.uniform(-3, -1)), 1)
    return _with_bits_flipped(data, rng.integers(0, len(data), n_flips), rng)


def _bits_of_the_header(data: bytes, rng: Rng) -> bytes:
    end = min(_HEADER_BYTES, len(data))
    return _with_bits_flipped(data, rng.integers(0, end, rng.integers(1, 12)), rng)


def _bits_of_the_end(data: bytes, rng: Rng) -> bytes:
    start = max(len(data) - _HEADER_BYTES, 0)
    return _with_bits_flipped(data, rng.integers(start, len(data), rng.integers(1, 12)), rng)


def _truncated(data: bytes, rng: Rng) -> bytes:
    # Half of the cuts are in the header, where they do most.
    most = len(data) if rng.random() < 0.5 else min(_HEADER_BYTES, len(data))
    return data[: rng.integers(1, most)]


def _hole(data: bytes, rng: Rng) -> bytes:
    start, length = rng.integers(len(data)), rng.integers(1, 5000)
    filling = b"" if rng.random() < 0.5 else bytes(length)
    return data[:start] + filling + data[start + length :]


def _repeated_part(data: bytes, rng: Rng) -> bytes:
    start, length = rng.integers(len(data)), rng.integers(1, 20_000)
    part = data[start : start + length]
    return data[:start] + part * int(rng.integers(2, 20)) + data[start:]


def _huge_numbers(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for at in rng.integers(0, max(min(_HEADER_BYTES, len(data)) - 4, 1), rng.integers(1, 4)):
        order = "<I" if rng.random() < 0.5 else ">I"
        changed[at : at + 4] = struct.pack(order, _LIES[rng.integers(len(_LIES))])
    return bytes(changed)


_OF_BYTES: dict[str, Change] = {
    "few-bits": _few_bits,
    "many-bits": _many_bits,
    "header-bits": _bits_of_the_header,
    "end-bits": _bits_of_the_end,
    "truncated": _truncated,
    "hole": _hole,
    "repeated-part": _repeated_part,
    "huge-numbers": _huge_numbers,
}


def _families(boxes: list[Box]) -> list[list[Box]]:
    """Every list of boxes in a file, its own first."""
    found = [boxes]
    for box in boxes:
        if box.boxes:
            found += _families(box.boxes)
    return found


def _some_family(boxes: list[Box], rng: Rng, least: int = 1) -> list[Box]:
    families = [family for family in _families(boxes) if len(family) >= least]
    return families[rng.integers(len(families))]


def _swap_boxes(boxes: list[Box], rng: Rng) -> None:
    """Boxes of different places change places."""
    one, other = _some_family(boxes, rng), _some_family(boxes, rng)
    i, j = rng.integers(len(one)), rng.integers(len(other))
    # A copy: a box must not come to lie in itself.
    one[i], other[j] = copy.deepcopy(other[j]), copy.deepcopy(one[i])


def _repeat_box(boxes: list[Box], rng: Rng) -> None:
    family = _some_family(boxes, rng)
    i = rng.integers(len(family))
    family[i:i] = [family[i]] * int(rng.integers(1, 4))


def _delete_box(boxes: list[Box], rng: Rng) -> None:
    family = _some_family(boxes, rng)
    del family[rng.integers(len(family))]


def _shuffle_boxes(boxes: list[Box], rng: Rng) -> None:
    family = _some_family(boxes, rng, least=2)
    family[:] = [family[i] for i in rng.permutation(len(family))]


def _rename_box(boxes: list[Box], rng: Rng) -> None:
    every = [box for top in boxes for box in top.all()]
    one, other = every[rng.integers(len(every))], every[rng.integers(len(every))]
    one.kind = other.kind


def _lie_about_size(boxes: list[Box], rng: Rng) -> None:
    every = [box for top in boxes for box in top.all()]
    box = every[rng.integers(len(every))]
    true = len(box.written())
    lies = (*_LIES, true - 1, true + 1, true * 2, 8, 9)
    box.said_size = lies[rng.integers(len(lies))]


def _lie_about_numbers(boxes: list[Box], rng: Rng) -> None:
    """Counts, durations, sides of the picture, offsets: any number of any box of the index."""
    every = [box for top in boxes for box in top.all() if box.kind != b"mdat"]
    every = [box for box in every if len(box.content) >= 4]
    for _ in range(rng.integers(1, 4)):
        box = every[rng.integers(len(every))]
        at = 2 * rng.integers((len(box.content) - 4) // 2 + 1)
        lie = struct.pack(">I", _LIES[rng.integers(len(_LIES))])
        box.content = box.content[:at] + lie + box.content[at + 4 :]


def _many_streams(boxes: list[Box], rng: Rng) -> None:
    (index,) = (box for box in boxes if box.kind == b"moov")
    track = next(box for box in index.boxes if box.kind == b"trak")
    index.boxes += [track] * int(rng.integers(20, 2000))


def _boxes_in_boxes(boxes: list[Box], rng: Rng) -> None:
    kind = (b"moov", b"trak", b"udta", b"meta")[rng.integers(4)]
    # Written by hand: as a tree it would be too deep to walk through.
    depth = int(rng.integers(100, 50_000))
    inside = b"".join(struct.pack(">I4s", 8 * n, kind) for n in range(depth, 0, -1))
    boxes.insert(int(rng.integers(len(boxes) + 1)), Box(b"moov", content=inside))


_OF_BOXES: dict[str, Callable[[list[Box], Rng], None]] = {
    "swapped-boxes": _swap_boxes,
    "repeated-box": _repeat_box,
    "deleted-box": _delete_box,
    "shuffled-boxes": _shuffle_boxes,
    "renamed-box": _rename_box,
    "size-lie": _lie_about_size,
    "number-lies": _lie_about_numbers,
    "many-streams": _many_streams,
    "deep-boxes": _boxes_in_boxes,
}
