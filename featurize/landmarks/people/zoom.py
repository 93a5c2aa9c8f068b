"""A piece of a picture, enlarged, to search for a face near where it was last seen."""

import numpy as np

from featurize.frame import Frame
from featurize.landmarks.detection import LandmarkBackend, Region
from featurize.picture import chained

ZOOM_PX = 320
ZOOM_PER_REGION = 2.5
"""Side of the piece, in pixels and in regions of the face. Then a face is a quarter as wide as the
piece and 85 px, which every detector finds, and may have moved by more than its width."""


class ZoomedPicture:
    """A square of a frame as a picture of its own.

    Attributes
    ----------
    to_frame : numpy.ndarray
        ``(2, 3)`` map from its pixels to those of the frame.
    """

    def __init__(self, frame: Frame, square: Region) -> None:
        self._frame = frame
        self.to_frame = square.to_frame(ZOOM_PX)
        self.size_px = (ZOOM_PX, ZOOM_PX)

    @property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, red first."""
        return self._frame.crop(self.to_frame, self.size_px)

    def crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width, 3)`` uint8 piece, straight from the frame."""
        return self._frame.crop(chained(self.to_frame, to_picture), size_px)

    def grey_crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 piece, straight from the frame."""
        return self._frame.grey_crop(chained(self.to_frame, to_picture), size_px)


def search_near(backend: LandmarkBackend, frame: Frame, region: Region) -> list[Region]:
    """Where faces are around a region, surest first; regions in the frame."""
    square = Region(region.centre_px, region.side_px * ZOOM_PER_REGION)
    picture = ZoomedPicture(frame, square)
    scale, start = picture.to_frame[0, 0], picture.to_frame[:, 2]
    near = backend.search(Frame(frame.index, frame.time_s, picture), thorough=False)
    return [
        Region(
            (start[0] + scale * found.centre_px[0], start[1] + scale * found.centre_px[1]),
            scale * found.side_px,
            found.roll_rad,
        )
        for found in near
    ]
