"""A photograph as a file of many kinds."""

import struct
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

HER = astronaut()
# Clockwise quarter turns that put a picture upright which was stored turned, and mirrorings.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: np.rot90(upright, 2),
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def encoded(picture: np.ndarray, suffix: str = ".png") -> bytes:
    """A picture, red first where it has colours, as a file."""
    if picture.ndim == 3:
        order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
        picture = cv2.cvtColor(np.ascontiguousarray(picture), order)
    return cv2.imencode(suffix, picture)[1].tobytes()


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF segment that says how it was held."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def saved(folder: Path, content: bytes | np.ndarray, name: str = "photo.png") -> Path:
    """A file of such content, or of such a picture."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else encoded(content))
    return path
