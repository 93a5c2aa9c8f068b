"""A picture as the decoder left it: planes of luma and colour difference, perhaps turned.

A face is a small part of a large frame, and some frames are looked at in luma only. So each plane
is cropped by itself, and only the crop is converted. What comes out is what FFmpeg's swscale gives
for the whole picture, but for its rounding (it comes out one level darker) and its blocky colour.
A crop that is neither turned nor scaled is cut out of the converted picture: to the bit what other
tools see.
"""

import math
from fractions import Fraction
from functools import cache, cached_property

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from featurize.errors import VideoUnreadableError
from featurize.picture import ArrayPicture, chained, reduced, sampled

# Width and height in pixels of a sample of colour, for the formats that are cropped plane by plane;
# all others pass through RGB. Colour is taken to lie in the middle of its pixels, as in swscale.
# Alpha is left out here and there: what a player that knows no alpha shows.
LAYOUTS = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}
CHROMA_PX = {
    "gray": (1, 1),
    "nv12": (2, 2),
    **{f"yuv{layout}p": size for layout, size in LAYOUTS.items()},
    **{f"yuvj{layout}p": size for layout, size in LAYOUTS.items()},
    **{f"yuva{layout}p": size for layout, size in LAYOUTS.items()},
    **{f"yuv{layout}p10le": size for layout, size in LAYOUTS.items()},
}

# Formats of which a part is converted like the whole.
PLAIN = {f"{prefix}{layout}p" for prefix in ("yuv", "yuvj") for layout in LAYOUTS}

# Shares of red and blue in luma by the number of the colour space in ITU-T H.273. As in swscale, a
# space that is not declared is BT.601, a range that is not declared is limited, and grey is full.
BT_601 = (0.299, 0.114)
LUMA_SHARES = {
    0: BT_601,
    1: (0.2126, 0.0722),
    2: BT_601,
    3: BT_601,
    4: (0.30, 0.11),
    5: BT_601,
    6: BT_601,
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
RESERVED_SPACE, FULL_RANGE = 3, 2


class DecodedPicture:
    """A decoded picture, upright and with square pixels to whoever asks.

    Parameters
    ----------
    decoded : av.VideoFrame
        The picture. Its planes are kept as long as this object lives.
    pixel_aspect : Fraction
        Width of a pixel over its height.
    reformatter : VideoReformatter
        Shared by the pictures of a video, since setting one up takes time.
    """

    def __init__(
        self, decoded: av.VideoFrame, pixel_aspect: Fraction, reformatter: VideoReformatter
    ) -> None:
        self._decoded = decoded
        self._reformatter = reformatter
        self._format = decoded.format.name
        self._space = decoded.colorspace
        self._by_plane = self._format in CHROMA_PX and self._space in LUMA_SHARES
        self._full_range = (
            self._format == "gray"
            or self._format.startswith("yuvj")
            or decoded.color_range == FULL_RANGE
        )
        self._quarter_turns = round(decoded.rotation / 90) % 4
        self._square_px = max(1, round(decoded.width * pixel_aspect)), decoded.height

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        width, height = self._square_px
        return (height, width) if self._quarter_turns % 2 else (width, height)

    @cached_property
    def rgb(self) -> np.ndarray:
        """``(height, width, 3)`` uint8, red first, by swscale in one thread.

        Raises
        ------
        VideoUnreadableError
            When swscale knows no way from this pixel format or colour space.
        """
        width, height = self._square_px
        space = Colorspace.DEFAULT if self._space == RESERVED_SPACE else None
        try:
            square = self._reformatter.reformat(
                self._decoded,
                width,
                height,
                "rgb24",
                src_colorspace=space,
                dst_colorspace=space,
                threads=1,
            ).to_ndarray()
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoUnreadableError(
                f"Pictures of {width} x {height} pixels of format {self._format} and colour space "
                f"{self._space} cannot be turned into RGB ({error}): convert the video with FFmpeg "
                "or leave it out."
            ) from error
        return np.ascontiguousarray(np.rot90(square, self._quarter_turns))

    def crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width, 3)`` uint8 piece; edges go on outside the picture."""
        if not self._by_plane:
            return ArrayPicture(self.rgb).crop(to_picture, size_px)
        if self._is_plain and np.array_equal(to_picture[:, :2], np.eye(2)):
            # Pictures of odd height are converted in another way by swscale than their parts.
            if self._decoded.height % 2:
                return ArrayPicture(self.rgb).crop(to_picture, size_px)
            return self._part(to_picture, size_px)
        if self._format == "gray":
            return cv2.cvtColor(self.grey_crop(to_picture, size_px), cv2.COLOR_GRAY2RGB)
        to_luma = chained(self._to_luma, to_picture)
        pieces = [self._piece(0, to_luma, size_px)]
        for number in (1,) if self._format == "nv12" else (1, 2):
            pieces.append(self._chroma_piece(number, to_luma, size_px))
        return cv2.transform(cv2.merge(pieces), _rgb_matrix(self._space, self._full_range))

    def _part(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """A piece that is neither turned nor scaled, converted by swscale like the whole."""
        decoded, width_height = self._decoded, (self._decoded.width, self._decoded.height)
        starts, stops = [], []
        for start, length, end in zip(to_picture[:, 2], size_px, width_height, strict=True):
            # Whole samples of colour, some beside the piece, and some of the picture in any case.
            first = min(max(0, math.floor(start) - 2), end - 1) & ~1
            starts.append(first)
            stops.append(min(max(math.floor(start) + length + 3 & ~1, first + 2), end))
        part = av.VideoFrame(stops[0] - starts[0], stops[1] - starts[1], self._format)
        part.colorspace, part.color_range = decoded.colorspace, decoded.color_range
        for number, plane in enumerate(part.planes):
            across, down = CHROMA_PX[self._format] if number else (1, 1)
            x, y = starts[0] // across, starts[1] // down
            target = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
            source = self._plane(number, np.uint8)[y : y + plane.height, x : x + plane.width]
            target[:, : plane.width] = source
        inside = DecodedPicture(part, Fraction(1), self._reformatter)
        to_part = to_picture - np.array([[0, 0, starts[0]], [0, 0, starts[1]]])
        return ArrayPicture(inside.rgb).crop(to_part, size_px)

    @property
    def _is_plain(self) -> bool:
        """Whether planes of 8 bits lie upright, with square pixels."""
        is_upright = self._quarter_turns == 0 and self._square_px[0] == self._decoded.width
        return is_upright and self._format in PLAIN

    def grey_crop(self, to_picture: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 piece of luma, stretched to full range."""
        if not self._by_plane:
            return ArrayPicture(self.rgb).grey_crop(to_picture, size_px)
        luma = self._piece(0, chained(self._to_luma, to_picture), size_px)
        return luma if self._full_range else cv2.LUT(luma, STRETCHED)

    def thumbnail(self, size_px: tuple[int, int]) -> np.ndarray:
        """``(height, width)`` uint8 luma, stretched to full range."""
        if not self._by_plane or self._format.endswith("10le"):
            return ArrayPicture(self.rgb).thumbnail(size_px)
        width, height = size_px[::-1] if self._quarter_turns % 2 else size_px
        small = reduced(self._plane(0, np.uint8), (width, height))
        upright = np.ascontiguousarray(np.rot90(small, self._quarter_turns))
        return upright if self._full_range else cv2.LUT(upright, STRETCHED)

    def _chroma_piece(
        self, number: int, to_luma: np.ndarray, size_px: tuple[int, int]
    ) -> np.ndarray:
        """A piece of the plane of a colour difference (of both, in NV12)."""
        to_chroma = chained(_to_pixels_of(*CHROMA_PX[self._format]), to_luma)
        if np.hypot(*to_chroma[0, :2]) >= 1:
            return self._piece(number, to_chroma, size_px)
        # The crop is finer than the video's colour: half its resolution holds all there is.
        width, height = size_px
        half_px = (width + 1) // 2, (height + 1) // 2
        half = self._piece(number, chained(to_chroma, _to_pixels_of(0.5, 0.5)), half_px)
        whole = cv2.resize(half, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        return whole[:height, :width]

    def _piece(self, number: int, to_plane: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """A piece of one plane in 8 bits."""
        if not self._format.endswith("10le"):
            return sampled(self._plane(number, np.uint8), to_plane, size_px)
        piece = sampled(self._plane(number, np.dtype("<u2")), to_plane, size_px)
        return cv2.convertScaleAbs(piece, alpha=1 / 4)

    def _plane(self, number: int, sample: np.dtype) -> np.ndarray:
        """A view of one plane, ``(height, width)``; of NV12's second ``(height, width, 2)``."""
        plane = self._decoded.planes[number]
        rows = np.frombuffer(plane, sample).reshape(plane.height, -1)
        # A picture may be stored from the bottom up.
        rows = rows if plane.line_size > 0 else rows[::-1]
        if number and self._format == "nv12":
            return rows[:, : 2 * plane.width].reshape(plane.height, plane.width, 2)
        return rows[:, : plane.width]

    @cached_property
    def _to_luma(self) -> np.ndarray:
        """From the upright picture of square pixels to the plane of luma."""
        width, height = self._square_px
        to_square = [
            [[1, 0, 0], [0, 1, 0]],
            [[0, -1, width - 1], [1, 0, 0]],
            [[-1, 0, width - 1], [0, -1, height - 1]],
            [[0, 1, 0], [-1, 0, height - 1]],
        ][self._quarter_turns]
        return chained(_to_pixels_of(width / self._decoded.width, 1), np.array(to_square, float))


def _to_pixels_of(width_px: float, height_px: float) -> np.ndarray:
    """From indices of pixels to indices of pixels of another size that cover the same picture."""
    return np.array(
        [
            [1 / width_px, 0, 0.5 / width_px - 0.5],
            [0, 1 / height_px, 0.5 / height_px - 0.5],
        ]
    )


@cache
def _rgb_matrix(space: int, full_range: bool) -> np.ndarray:
    """``(3, 4)`` from luma and colour differences of 8 bits to red, green and blue."""
    red, blue = LUMA_SHARES[space]
    green = 1 - red - blue
    linear = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    if not full_range:
        linear *= np.array([255 / 219, 255 / 224, 255 / 224])
    return np.column_stack([linear, -linear @ [0 if full_range else 16, 128, 128]])


# Luma of limited range as grey.
STRETCHED = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
