"""The pixels behind a frame: an array, or one picture fitted into the size of another.

All maps are ``(2, 3)`` affine matrices between pixel *indices*, as in ``cv2.warpAffine``: (0, 0) is
the centre of the first pixel.
"""

import math
from typing import Protocol

import cv2
import numpy as np

THUMBNAIL_ROWS = 4
"""Of a thumbnail's blocks so many rows are read, where they have more."""


class Picture(Protocol):
    """Upright pixels, converted where and when they are asked for."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""

    @property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, red first."""

    def crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width, 3)`` uint8 piece; edges go on outside the picture."""

    def grey_crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 piece; edges go on outside the picture."""

    def thumbnail(self, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 luma of the whole picture."""


class ArrayPicture:
    """A picture that is an array already.

    Parameters
    ----------
    rgb : numpy.ndarray
        ``(height, width, 3)`` uint8, red first.
    """

    def __init__(self, rgb: np.ndarray) -> None:
        self.rgb = rgb

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.rgb.shape[:2]
        return width, height

    def crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width, 3)`` uint8 piece; edges go on outside the picture."""
        return sampled(self.rgb, to_picture, size_px)

    def grey_crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 piece; BT.601 luma of the colours."""
        return cv2.cvtColor(self.crop(to_picture, size_px), cv2.COLOR_RGB2GRAY)

    def thumbnail(self, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8; BT.601 luma of the colours."""
        return cv2.cvtColor(reduced(self.rgb, size_px), cv2.COLOR_RGB2GRAY)


class FittedPicture:
    """Another picture, scaled evenly and centred in a given size; its edges go on beside it.

    Parameters
    ----------
    picture : Picture
        What is shown.
    size_px : tuple of int
        Width and height of the whole.
    """

    def __init__(self, picture: Picture, size_px: tuple[int, int]) -> None:
        self._picture = picture
        self.size_px = size_px
        (width, height), (inner_width, inner_height) = size_px, picture.size_px
        step = max(inner_width / width, inner_height / height)
        self._to_inner = np.array(
            [
                [step, 0, (inner_width - 1 - step * (width - 1)) / 2],
                [0, step, (inner_height - 1 - step * (height - 1)) / 2],
            ]
        )

    @property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, red first."""
        return self.crop(np.eye(2, 3), self.size_px)

    def crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width, 3)`` uint8 piece; edges go on outside the picture."""
        return self._picture.crop(chained(self._to_inner, to_picture), size_px)

    def grey_crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 piece; edges go on outside the picture."""
        return self._picture.grey_crop(chained(self._to_inner, to_picture), size_px)

    def thumbnail(self, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 luma, without what is beside the picture."""
        return self._picture.thumbnail(size_px)


def chained(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The ``(2, 3)`` map that does `first`, then `second`."""
    whole = second[:, :2] @ first
    whole[:, 2] += second[:, 2]
    return whole


def reduced(plane: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """A whole array made much smaller: means of blocks, of :data:`THUMBNAIL_ROWS` of their rows."""
    step = max(1, plane.shape[0] // (size_px[1] * THUMBNAIL_ROWS))
    return cv2.resize(plane[step // 2 :: step], size_px, interpolation=cv2.INTER_AREA)


def sampled(plane: np.ndarray, to_plane: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """A piece of an array of pixels, bilinear; outside the array its edges go on.

    Bilinear sampling reads 2 x 2 pixels. Where a pixel of the piece spans two or more of the plane,
    it would skip some: there the part of the plane that is needed is halved first, until it does
    not. Against the exact mean that lowers the error of a face at 1/3 of its size by half; halving
    is the one mean that costs less than the sampling.

    Parameters
    ----------
    plane : numpy.ndarray
        ``(height, width)`` or ``(height, width, n_channels)``.
    to_plane : numpy.ndarray
        ``(2, 3)`` map from a pixel (x, y) of the piece to one of the plane.
    size_px : tuple of int
        Width and height of the piece.

    Returns
    -------
    numpy.ndarray
        Like the plane, of the size asked for.
    """
    (x_row, y_row), (height, width) = to_plane.tolist(), plane.shape[:2]
    left, right, halvings_x = _span(x_row, size_px, width)
    top, bottom, halvings_y = _span(y_row, size_px, height)
    source = plane[top:bottom, left:right]
    for halving in range(max(halvings_x, halvings_y)):
        source = _halved(source, halving < halvings_x, halving < halvings_y)
    to_source = [_within(x_row, left, 2**halvings_x), _within(y_row, top, 2**halvings_y)]
    return cv2.warpAffine(
        source,
        np.array(to_source),
        size_px,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _span(row: list[float], size_px: tuple[int, int], length: int) -> tuple[int, int, int]:
    """First and last pixel needed along one axis, and how often to halve them."""
    across, down, at_origin = row
    along_x, along_y = across * (size_px[0] - 1), down * (size_px[1] - 1)
    low = at_origin + min(0.0, along_x) + min(0.0, along_y)
    high = at_origin + max(0.0, along_x) + max(0.0, along_y)
    scale = math.hypot(across, down)
    halvings = math.floor(math.log2(scale)) if scale >= 2 else 0
    block = 2**halvings
    # Blocks start at multiples of their size, whatever the crop: what stands still keeps its mean.
    # A piece that lies outside altogether still needs the edge next to it.
    last_block = (length - 1) // block
    first = min(max(0, math.floor(low / block) - 1), last_block)
    end = max(math.floor(high / block) + 3, 1)
    return first * block, min(length, end * block), halvings


def _halved(pixels: np.ndarray, across: bool, down: bool) -> np.ndarray:
    """Means of neighbours; a last odd row or column is its own mean."""
    height, width = pixels.shape[:2]
    odd_x, odd_y = width % 2 if across else 0, height % 2 if down else 0
    if odd_x or odd_y:
        pixels = cv2.copyMakeBorder(pixels, 0, odd_y, 0, odd_x, cv2.BORDER_REPLICATE)
        height, width = pixels.shape[:2]
    size = (width // 2 if across else width, height // 2 if down else height)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _within(row: list[float], start: int, block: int) -> list[float]:
    """The same row of the map, to the index of a block."""
    across, down, at_origin = row
    return [across / block, down / block, (at_origin - start + 0.5) / block - 0.5]
