"""One upright picture of a video with its time; pixels are converted where and when asked for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from featurize.picture import ArrayPicture, Picture


@dataclass(frozen=True)
class Frame:
    """One upright picture of a video.

    Attributes
    ----------
    index : int
        Position in the sequence of presented frames, from 0.
    time_s : float
        Presentation time, strictly later than that of the frame before.
    pixels : numpy.ndarray or Picture
        ``(height, width, 3)`` uint8, red first, or something that gives such pixels when asked.

    Examples
    --------
    >>> frame = Frame(0, 0.0, np.full((48, 64, 3), 200, np.uint8))
    >>> frame.size_px
    (64, 48)
    >>> half = frame.crop(np.array([[2, 0, 0.5], [0, 2, 0.5]]), (32, 24))
    >>> half.shape, int(half.mean())
    ((24, 32, 3), 200)
    """

    index: int
    time_s: float
    pixels: np.ndarray | Picture

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return self._picture.size_px

    @cached_property
    def rgb(self) -> np.ndarray:
        """The whole picture, ``(height, width, 3)`` uint8, red first; converted once."""
        return self._picture.rgb

    def crop(self, to_frame: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """A turned and scaled piece of the picture in colour.

        Bilinear; where the piece shrinks the picture to half or less, blocks of pixels are averaged
        first.

        Parameters
        ----------
        to_frame : numpy.ndarray
            ``(2, 3)`` affine map from a pixel (x, y) of the piece to one of the upright picture,
            both as indices: (0, 0) is the centre of the first pixel, as in ``cv2.warpAffine``.
        size_px : tuple of int
            Width and height of the piece.

        Returns
        -------
        numpy.ndarray
            ``(height, width, 3)`` uint8, red first; outside the picture its edges go on.

        Raises
        ------
        ValueError
            When `to_frame` is not finite.
        VideoUnreadableError
            When the pixels of the video cannot be turned into RGB.
        """
        return self._picture.crop(_finite(to_frame), size_px)

    def grey_crop(self, to_frame: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """The same in luma, ``(height, width)`` uint8 from 0 (black); cheaper than colour."""
        return self._picture.grey_crop(_finite(to_frame), size_px)

    def thumbnail(self, size_px: tuple[int, int]) -> np.ndarray:
        """The whole picture, small and in luma, ``(height, width)`` uint8; not every row is read.

        Parameters
        ----------
        size_px : tuple of int
            Width and height, far less than the picture's.
        """
        return self._picture.thumbnail(size_px)

    @cached_property
    def _picture(self) -> Picture:
        return ArrayPicture(self.pixels) if isinstance(self.pixels, np.ndarray) else self.pixels


def _finite(to_frame: np.ndarray) -> np.ndarray:
    if not np.isfinite(to_frame).all():
        raise ValueError(f"The map from crop to frame must be finite, not {to_frame.tolist()}.")
    return to_frame
