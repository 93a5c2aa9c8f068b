"""Crops of frames: where pixels come from, what colour they have, whatever way they are stored."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.decoded_picture import DecodedPicture
from featurize.errors import VideoUnreadableError
from featurize.frame import Frame
from featurize.video import VideoReader
from tests.test_featurize.test_video import encode, rotated

WHOLE = np.eye(2, 3)
# Mean difference in levels of 255 that rounding and coarse colour may make: one in a hundred.
ALIKE = 2.5
EIGHT_BIT = ["420p", "422p", "444p"]
BY_PLANE = [
    "gray",
    "nv12",
    *(f"yuv{kind}{layout}" for kind in ("", "j", "a") for layout in EIGHT_BIT),
    *(f"yuv{layout}10le" for layout in EIGHT_BIT),
]
BY_RGB = ["rgb24", "bgr24", "rgba", "bgra", "gbrp", "rgb48le", "gray10le", "gray16le", "ya8"]
BY_RGB += ["yuv411p", "yuv410p", "yuv440p", "nv21", "yuv420p12le", "yuv444p16le"]


def scene(width: int = 160, height: int = 120, seed: int = 0) -> np.ndarray:
    """A soft picture of all colours, as video is: little colour detail at the scale of pixels."""
    coarse = np.random.default_rng(seed).integers(40, 216, (4, 5, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def decoded(
    rgb: np.ndarray, pixel_format: str, space: int = 2, aspect: Fraction = Fraction(1)
) -> DecodedPicture:
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
    if pixel_format.startswith("yuv"):
        picture.colorspace = space
    return DecodedPicture(picture, aspect, VideoReformatter())


def turned(scale: float, angle_deg: float, centre: tuple[float, float], size: int) -> np.ndarray:
    """The map of a square crop of `size` pixels around a place of the frame."""
    angle = np.deg2rad(angle_deg)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, centre - linear @ np.full(2, (size - 1) / 2)])


def difference(first: np.ndarray, second: np.ndarray) -> float:
    assert first.shape == second.shape
    return float(np.abs(first.astype(int) - second).mean())


class TestPlace:
    @given(
        scale=st.floats(0.2, 9),
        angle_deg=st.floats(-180, 180),
        x=st.floats(90, 110),
        y=st.floats(60, 80),
        pixel_format=st.sampled_from(["rgb24", "gray", "yuv420p", "yuv444p10le", "nv12"]),
    )
    @settings(max_examples=80, deadline=None)
    def test_every_pixel_of_a_crop_shows_the_place_that_the_map_says(
        self, scale: float, angle_deg: float, x: float, y: float, pixel_format: str
    ) -> None:
        """A ramp is the same after bilinear sampling and after averaging, so truth is exact."""
        rows, columns = np.mgrid[:140, :200]
        ramp = np.repeat((20 + 0.6 * columns + 0.7 * rows)[..., None], 3, axis=2)
        frame = Frame(0, 0.0, decoded(np.rint(ramp).astype(np.uint8), pixel_format))
        to_frame = turned(scale, angle_deg, (x, y), 16)
        rows, columns = np.mgrid[:16, :16]
        at_x, at_y = np.moveaxis(np.dstack([columns, rows, np.ones((16, 16))]) @ to_frame.T, 2, 0)
        margin = max(2, scale)
        inside = (at_x > margin) & (at_x < 199 - margin) & (at_y > margin) & (at_y < 139 - margin)
        expected = (20 + 0.6 * at_x + 0.7 * at_y)[inside]
        grey = frame.grey_crop(to_frame, (16, 16))[inside]
        colour = frame.crop(to_frame, (16, 16))[inside]
        assert grey == pytest.approx(expected, abs=2.5)
        assert colour == pytest.approx(np.repeat(expected[:, None], 3, axis=1), abs=2.5)

    @pytest.mark.parametrize("step", [1.0, 0.5])
    @pytest.mark.parametrize("pixel_format", ["rgb24", "yuv420p", "gray"])
    def test_edges_go_on_outside(self, pixel_format: str, step: float) -> None:
        """As in MediaPipe: a black frame around a face at the edge would move its landmarks."""
        halves = np.full((48, 64, 3), 60, np.uint8)
        halves[:, 32:] = 200
        frame = Frame(0, 0.0, decoded(halves, pixel_format))
        to_frame = np.array([[step, 0, -10], [0, step, -12]])
        n = round(84 / step)
        for piece in (frame.crop(to_frame, (n, n)), frame.grey_crop(to_frame, (n, n))):
            assert piece[:, : round(35 / step)] == pytest.approx(60.0, abs=2)
            assert piece[:, round(50 / step) :] == pytest.approx(200.0, abs=2)
        for x, y, level in ((500, 0, 200.0), (-1e9, -500, 60.0), (1e9, 1e9, 200.0)):
            far = np.array([[step, 0, x], [0, step, y]])
            assert frame.crop(far, (8, 8)) == pytest.approx(level, abs=2)
            assert frame.grey_crop(far, (8, 8)) == pytest.approx(level, abs=2)

    def test_a_piece_as_it_is_has_the_bytes_of_the_whole(self) -> None:
        frame = Frame(0, 0.0, decoded(scene(), "yuv420p"))
        piece = frame.crop(np.array([[1, 0, 7], [0, 1, 11]]), (40, 30))
        assert np.array_equal(piece, frame.rgb[11:41, 7:47])

    def test_thumbnails_read_a_part_and_keep_the_mean(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (640, 640), np.uint8)
        frame = Frame(0, 0.0, np.repeat(noise[..., None], 3, axis=2))
        # 4 of 64 rows, 256 independent pixels of a block: a standard error of 74 / 16 levels.
        piece = frame.thumbnail((10, 10)).astype(float)
        assert piece.mean() == pytest.approx(127.5, abs=2)
        assert piece.std() == pytest.approx(74 / 16, rel=0.3)

    @pytest.mark.parametrize("turned_deg", [0, 90, 180, 270])
    def test_turned_video(self, tmp_path: Path, turned_deg: int) -> None:
        path = rotated(tmp_path / "v.mp4", scene(64, 48), turned_deg)
        upright = np.rot90(scene(64, 48), turned_deg // 90)
        with VideoReader(path) as video:
            frame = next(iter(video))
        to_frame = turned(0.8, 20, (25, 22), 32)
        expected = Frame(0, 0.0, upright).crop(to_frame, (32, 32))
        assert frame.size_px == (upright.shape[1], upright.shape[0])
        assert difference(frame.crop(to_frame, (32, 32)), expected) < 3
        assert difference(frame.crop(to_frame, (32, 32)), expected[::-1]) > 10

    @pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(8, 9), Fraction(2)])
    @pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "rgb24"])
    def test_oblong_pixels(self, aspect: Fraction, pixel_format: str) -> None:
        frame = Frame(0, 0.0, decoded(scene(), pixel_format, aspect=aspect))
        size_px = round(160 * aspect), 120
        wide = cv2.resize(scene(), size_px, interpolation=cv2.INTER_LINEAR)
        to_frame = turned(0.9, -30, (size_px[0] / 2, 60), 64)
        expected = Frame(0, 0.0, wide).crop(to_frame, (64, 64))
        assert frame.size_px == size_px
        assert difference(frame.crop(to_frame, (64, 64)), expected) < ALIKE

    @pytest.mark.parametrize("block", [2, 4, 8])
    def test_shrunken_pieces_are_means_of_all_pixels(self, block: int) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
        means = noise.reshape(64 // block, block, 96 // block, block, 3).mean(axis=(1, 3))
        shift = (block - 1) / 2
        to_frame = np.array([[block, 0, shift], [0, block, shift]])
        piece = Frame(0, 0.0, noise).crop(to_frame, (96 // block, 64 // block))
        assert piece == pytest.approx(means, abs=1.6)

    def test_what_stands_still_is_averaged_alike_in_neighbouring_crops(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
        frame = Frame(0, 0.0, noise)
        first = frame.crop(np.array([[2, 0, 20.5], [0, 2, 20.5]]), (40, 40))
        moved = frame.crop(np.array([[2, 0, 26.5], [0, 2, 22.5]]), (40, 40))
        assert np.array_equal(first[1:, 3:], moved[:-1, :-3])

    @pytest.mark.parametrize("size_px", [(63, 47), (1, 1), (2, 1), (1, 2), (33, 64)])
    @pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "nv12", "yuv420p10le", "gray"])
    def test_odd_and_tiny_pictures(self, size_px: tuple[int, int], pixel_format: str) -> None:
        frame = Frame(0, 0.0, decoded(scene(*size_px), pixel_format))
        assert frame.size_px == size_px
        assert frame.rgb.shape == (size_px[1], size_px[0], 3)
        for scale in (0.5, 1, 5):
            to_frame = turned(scale, 10, (size_px[0] / 2, size_px[1] / 2), 9)
            assert frame.crop(to_frame, (9, 7)).shape == (7, 9, 3)
            assert frame.grey_crop(to_frame, (9, 7)).shape == (7, 9)

    @pytest.mark.parametrize("wrong", [np.nan, np.inf])
    def test_map_that_is_not_finite(self, wrong: float) -> None:
        frame = Frame(0, 0.0, decoded(scene(), "yuv420p"))
        for crop in (frame.crop, frame.grey_crop):
            with pytest.raises(ValueError, match="must be finite"):
                crop(np.array([[1, 0, wrong], [0, 1, 0]]), (8, 8))

    def test_picture_shrunk_to_one_pixel(self) -> None:
        frame = Frame(0, 0.0, decoded(np.full((1000, 1500, 3), 90, np.uint8), "yuv420p"))
        to_frame = np.array([[1500, 0, 749.5], [0, 1000, 499.5]])
        assert frame.crop(to_frame, (1, 1)) == pytest.approx(90.0, abs=2)


# What a red, a green and a blue of full strength are in 8 bits, from the equations of the ITU.
PURE_COLOURS = {
    (6, 1): [(81, 90, 240), (145, 54, 34), (41, 240, 110)],
    (6, 2): [(76, 85, 255), (150, 44, 21), (29, 255, 107)],
    (1, 1): [(63, 102, 240), (173, 42, 26), (32, 240, 118)],
    (1, 2): [(54, 99, 255), (182, 30, 12), (18, 255, 116)],
    (9, 1): [(74, 97, 240), (164, 47, 25), (29, 240, 119)],
}


class TestColour:
    @pytest.mark.parametrize(("space", "colour_range"), PURE_COLOURS)
    @pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
    def test_pure_colours(self, space: int, colour_range: int, pixel_format: str) -> None:
        for channel, levels in enumerate(PURE_COLOURS[space, colour_range]):
            picture = av.VideoFrame(32, 32, pixel_format)
            for plane, level in zip(picture.planes, levels, strict=True):
                plane.update(bytes([level]) * plane.buffer_size)
            picture.colorspace, picture.color_range = space, colour_range
            frame = Frame(0, 0.0, DecodedPicture(picture, Fraction(1), VideoReformatter()))
            pure = np.eye(3)[channel] * 255
            assert np.abs(frame.crop(WHOLE, (32, 32))[2:-2, 2:-2] - pure).max() <= 4
            assert np.abs(frame.rgb - pure).max() <= 4
            luma = levels[0] if colour_range == 2 else (levels[0] - 16) * 255 / 219
            assert frame.grey_crop(WHOLE, (32, 32))[8, 8] == pytest.approx(luma, abs=1)

    @pytest.mark.parametrize("pixel_format", BY_PLANE + BY_RGB)
    @pytest.mark.parametrize("size_px", [(160, 120), (159, 119)])
    def test_any_format_gives_the_same_picture(
        self, pixel_format: str, size_px: tuple[int, int]
    ) -> None:
        true = scene(*size_px)
        if pixel_format.startswith(("gray", "ya8")):
            true = cv2.cvtColor(cv2.cvtColor(true, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        frame = Frame(0, 0.0, decoded(true, pixel_format))
        of_rgb, of_truth = Frame(0, 0.0, frame.rgb), Frame(0, 0.0, true)
        for scale in (0.4, 1.1, 2.6):
            to_frame = turned(scale, 25, (size_px[0] / 2, size_px[1] / 2), 40)
            piece = frame.crop(to_frame, (40, 40))
            assert difference(piece, of_truth.crop(to_frame, (40, 40))) < ALIKE
            assert difference(piece, of_rgb.crop(to_frame, (40, 40))) < ALIKE
            grey = frame.grey_crop(to_frame, (40, 40))
            assert difference(grey, of_truth.grey_crop(to_frame, (40, 40))) < ALIKE

    @pytest.mark.parametrize("space", [0, 1, 2, 3, 4, 5, 6, 7, 9])
    @pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj444p", "yuv422p10le"])
    def test_crop_takes_the_colour_space_that_the_whole_picture_takes(
        self, space: int, pixel_format: str
    ) -> None:
        frame = Frame(0, 0.0, decoded(scene(), pixel_format, space))
        whole = frame.rgb[20:100, 30:130]
        assert difference(frame.crop(np.array([[1, 0, 30], [0, 1, 20]]), (100, 80)), whole) < ALIKE

    def test_colour_space_without_a_way_to_rgb(self) -> None:
        frame = Frame(0, 0.0, decoded(scene(), "yuv420p", space=14))
        for look in (lambda: frame.rgb, lambda: frame.crop(WHOLE, (8, 8))):
            with pytest.raises(VideoUnreadableError, match="colour space 14 cannot be turned"):
                look()

    def test_palette(self) -> None:
        rng = np.random.default_rng(0)
        indices = np.repeat(np.repeat(rng.integers(0, 256, (6, 8), np.uint8), 8, 0), 8, 1)
        palette = np.column_stack([np.full(256, 255), rng.integers(0, 256, (256, 3))])
        picture = av.VideoFrame.from_ndarray((indices, palette.astype(np.uint8)), format="pal8")
        frame = Frame(0, 0.0, DecodedPicture(picture, Fraction(1), VideoReformatter()))
        assert np.array_equal(frame.crop(WHOLE, (64, 48)), palette[indices, 1:])

    def test_alpha_is_left_out(self) -> None:
        see_through = np.dstack([scene(), np.zeros((120, 160), np.uint8)])
        picture = av.VideoFrame.from_ndarray(see_through, format="rgba")
        for pixel_format in ("rgba", "yuva444p"):
            shown = picture.reformat(format=pixel_format)
            frame = Frame(0, 0.0, DecodedPicture(shown, Fraction(1), VideoReformatter()))
            assert difference(frame.crop(WHOLE, (160, 120)), scene()) < ALIKE


class TestLife:
    def test_frames_keep_their_pixels_after_the_video_is_read_on_and_closed(
        self, tmp_path: Path
    ) -> None:
        encode(tmp_path / "v.mkv", [scene(seed=number) for number in range(6)])
        kept, crops = [], []
        with VideoReader(tmp_path / "v.mkv") as video:
            for frame in video:
                kept.append(frame)
                crops.append(frame.crop(WHOLE, (160, 120)).tobytes())
        assert [frame.crop(WHOLE, (160, 120)).tobytes() for frame in kept] == crops
        assert len(set(crops)) == 6

    def test_whole_picture_is_converted_once_and_does_not_change_crops(self) -> None:
        frame = Frame(0, 0.0, decoded(scene(), "yuv420p"))
        before = frame.crop(WHOLE, (160, 120))
        assert frame.rgb is frame.rgb
        assert np.array_equal(frame.crop(WHOLE, (160, 120)), before)
        assert frame.rgb.flags.c_contiguous
