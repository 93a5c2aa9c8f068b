"""Arrays of a track as few bytes, and back again bit for bit.

Landmarks are kept to fixed steps (:data:`.spool.STEPS_PER_UNIT`) and move little from frame to
frame. So values become numbers of steps, numbers of steps become differences from the frame before,
and the bytes of equal weight are put side by side, where zlib finds most of them 0. Values that are
no such multiples are packed as the bits they are.
"""

import zlib

import numpy as np

from featurize.errors import TrackError
from featurize.landmarks.storage.spool import STEPS_PER_UNIT

_STEPS, _BITS = b"s", b"b"
_NAN_BITS = np.array(np.nan, np.float32).view(np.uint32)


def packed(name: str, values: np.ndarray) -> bytes:
    """Pack consecutive frames of an array of a track.

    Parameters
    ----------
    name : str
        Array of :class:`featurize.types.LandmarkTrack` they belong to.
    values : numpy.ndarray
        ``(n_frames, ...)`` float32, or float64 for ``time_s``.

    Returns
    -------
    bytes
        What :func:`unpacked` makes the same values of.

    Raises
    ------
    TrackError
        When the values are of another type.
    """
    if values.dtype != _dtype(name):
        raise TrackError(f"{name} must be {_dtype(name)}, not {values.dtype}.")
    flat = values.reshape(len(values), -1)
    if name in STEPS_PER_UNIT:
        unknown = flat.view(np.uint32) == _NAN_BITS
        # Where a value is unknown the one before is written again: no difference costs nothing.
        known = np.where(unknown, 0, np.arange(len(flat))[:, None])
        last = np.take_along_axis(flat, np.maximum.accumulate(known, axis=0), axis=0)
        with np.errstate(invalid="ignore"):
            steps = np.rint(np.nan_to_num(last).astype(np.float64) * STEPS_PER_UNIT[name])
            codes = steps.astype(np.int32)
        if np.array_equal(_of_steps(name, codes, unknown).view(np.uint32), flat.view(np.uint32)):
            return _STEPS + zlib.compress(
                _planes(codes.view(np.uint32)) + np.packbits(unknown).tobytes()
            )
    bits = np.ascontiguousarray(flat).view(f"u{flat.itemsize}")
    return _BITS + zlib.compress(_planes(bits))


def unpacked(name: str, packed_values: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Unpack what :func:`packed` made.

    Parameters
    ----------
    name : str
        As it was packed.
    packed_values : bytes
        What :func:`packed` returned.
    shape : tuple of int
        ``(n_frames, ...)`` of the values.

    Returns
    -------
    numpy.ndarray
        The values, bit for bit.

    Raises
    ------
    ValueError
        When the bytes do not hold just such values.
    """
    dtype = _dtype(name)
    n_values = int(np.prod(shape))
    n_coded = n_values * dtype.itemsize
    kind, stream = packed_values[:1], zlib.decompressobj()
    n_mask = -(-n_values // 8) if kind == _STEPS else 0
    try:
        content = stream.decompress(packed_values[1:], n_coded + n_mask + 1)
    except zlib.error as error:
        raise ValueError(f"{name} is damaged: {error}.") from error
    if kind not in (_STEPS, _BITS) or len(content) != n_coded + n_mask:
        raise ValueError(f"{name} is not of shape {shape}.")
    codes = _from_planes(content[:n_coded], shape[0], dtype.itemsize)
    if kind == _BITS:
        return codes.view(dtype).reshape(shape)
    mask = np.frombuffer(content[n_coded:], np.uint8)
    unknown = np.unpackbits(mask, count=n_values).astype(bool).reshape(codes.shape)
    return _of_steps(name, codes.view(np.int32), unknown).reshape(shape)


def _dtype(name: str) -> np.dtype:
    return np.dtype(np.float64 if name == "time_s" else np.float32)


def _of_steps(name: str, steps: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    values = (steps / STEPS_PER_UNIT[name]).astype(np.float32)
    values[unknown] = np.nan
    return values


def _planes(codes: np.ndarray) -> bytes:
    """Differences over time of unsigned ``(n, k)`` numbers, their bytes ordered by weight."""
    change = codes.copy()
    change[1:] -= codes[:-1]
    # Small differences of either sign become small numbers: 0, -1, 1, -2, ... to 0, 1, 2, 3, ...
    signed = change.view(f"i{codes.itemsize}")
    zigzag = (signed << 1) ^ (signed >> (8 * codes.itemsize - 1))
    return zigzag.view(np.uint8).reshape(*codes.shape, codes.itemsize).transpose(2, 0, 1).tobytes()


def _from_planes(content: bytes, n_frames: int, itemsize: int) -> np.ndarray:
    planes = np.frombuffer(content, np.uint8).reshape(
        itemsize, n_frames, len(content) // (itemsize * n_frames)
    )
    zigzag = np.ascontiguousarray(planes.transpose(1, 2, 0)).view(f"u{itemsize}")[..., 0]
    change = (zigzag >> 1) ^ (-(zigzag & 1).astype(f"i{itemsize}")).view(f"u{itemsize}")
    return np.cumsum(change, axis=0, dtype=change.dtype)
