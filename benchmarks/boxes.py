"""Boxes of MP4 and MOV files: read into a tree, and written from one with sizes that fit."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

HOLDERS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"mvex"}
    | {b"moof", b"traf"}
)
"""Boxes that hold nothing but boxes."""


@dataclass
class Box:
    """A box: its four letters, and either what it says or the boxes in it.

    Attributes
    ----------
    kind : bytes
        Four letters.
    content : bytes
        What it says; empty for :data:`HOLDERS`.
    boxes : list of Box
        What a holder holds.
    said_size : int or None
        The size to write; None for the true one.
    """

    kind: bytes
    content: bytes = b""
    boxes: list["Box"] = field(default_factory=list)
    said_size: int | None = None

    def written(self) -> bytes:
        """The bytes of the box."""
        inside = self.content + b"".join(box.written() for box in self.boxes)
        size = len(inside) + 8 if self.said_size is None else self.said_size
        return struct.pack(">I4s", size, self.kind) + inside

    def all(self) -> Iterator["Box"]:
        """The box and every box in it."""
        yield self
        for box in self.boxes:
            yield from box.all()


def read_boxes(data: bytes) -> list[Box]:
    """Boxes of an intact file, or of what a holder holds.

    Raises
    ------
    ValueError
        When the sizes do not add up.
    """
    boxes, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        if not 8 <= size <= len(data) - at:
            raise ValueError(f"no box of {size} bytes fits at {at} of {len(data)} bytes")
        content = data[at + 8 : at + size]
        is_holder = kind in HOLDERS
        boxes.append(
            Box(kind, boxes=read_boxes(content)) if is_holder else Box(kind, content=content)
        )
        at += size
    return boxes


def written(boxes: list[Box]) -> bytes:
    """The bytes of a file of boxes."""
    return b"".join(box.written() for box in boxes)
