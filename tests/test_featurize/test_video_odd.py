"""Odd pictures: huge, interlaced, of changing size, format and pixel shape, at uneven times."""

import io
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from featurize.errors import VideoUnreadableError
from featurize.synthesis import write_video
from featurize.video import VideoReader
from tests.test_featurize.test_video import colour_frame, encode, noisy_clip, quadrants

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])


def four_colours(frame, width: float, height: float, left: float = 0, top: float = 0) -> np.ndarray:
    """Crops of 3 x 3 pixels around the middles of the quadrants of a rectangle of the frame."""
    return np.stack(
        [
            frame.crop(
                np.array([[1, 0, left + x * width - 1], [0, 1, top + y * height - 1]]), (3, 3)
            )
            for y in (0.25, 0.75)
            for x in (0.25, 0.75)
        ]
    )


def assert_four_colours(found: np.ndarray) -> None:
    assert np.abs(found - COLOURS[:, None, None].astype(int)).max() < 30


def raw_h264(
    width: int, height: int, pix_fmt: str = "yuv420p", aspect: Fraction | None = None
) -> bytes:
    """Four pictures of the quadrants as a bare stream, which may be joined to another."""
    stream_bytes = io.BytesIO()
    with av.open(stream_bytes, "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        picture = av.VideoFrame.from_ndarray(quadrants(width, height), format="rgb24")
        for _ in range(4):
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return stream_bytes.getvalue()


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("v.mkv", "libx264", "yuv422p"),
        ("v.mkv", "libx264", "nv12"),
        ("v.mkv", "libx264", "yuv444p10le"),
        ("v.mp4", "libx265", "yuv420p10le"),
        ("v.mkv", "ffv1", "bgra"),
        ("v.mkv", "ffv1", "yuva420p"),
        ("v.mkv", "ffv1", "gbrp10le"),
        ("v.mkv", "ffv1", "yuv411p"),
        ("v.mov", "png", "rgba"),
        ("v.mov", "prores_ks", "yuv422p10le"),
        ("v.mov", "qtrle", "argb"),
        ("v.avi", "mjpeg", "yuvj422p"),
        ("v.avi", "huffyuv", "rgb24"),
        ("v.avi", "rawvideo", "bgr24"),
        ("v.webm", "libvpx", "yuv420p"),
    ],
)
def test_crops_of_files_of_any_format(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    encode(tmp_path / name, [quadrants()] * 3, codec, pix_fmt)
    with VideoReader(tmp_path / name) as video:
        for frame in video:
            assert_four_colours(four_colours(frame, 64, 48))


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gray16le"])
def test_grey_files(tmp_path: Path, pix_fmt: str) -> None:
    encode(tmp_path / "v.mkv", [colour_frame(n) for n in range(20)], "ffv1", pix_fmt)
    with VideoReader(tmp_path / "v.mkv") as video:
        for frame in video:
            level = 16 + 8 * frame.index
            for piece in (frame.crop, frame.grey_crop):
                assert np.abs(piece(np.eye(2, 3), (64, 48)).astype(int) - level).max() <= 1


def test_frames_of_8k(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(quadrants(64, 36), format="rgb24")
        large = picture.reformat(7680, 4320, "yuvj420p", interpolation="POINT")
        container.mux(stream.encode(large))
        container.mux(stream.encode())
    with VideoReader(tmp_path / "v.avi") as video:
        (frame,) = video
        assert (video.info.width_px, video.info.height_px) == frame.size_px == (7680, 4320)
    assert_four_colours(four_colours(frame, 7680, 4320))
    small = frame.crop(np.array([[60, 0, 29.5], [0, 60, 29.5]]), (128, 72))
    expected = quadrants(128, 72)
    assert np.abs(small.astype(int) - expected).mean() < 4


def test_size_that_no_memory_holds(tmp_path: Path) -> None:
    """The header of a small JPEG claims 65500 x 65500 pixels."""
    data = encode(tmp_path / "v.avi", [colour_frame(9)] * 3, "mjpeg", "yuvj420p").read_bytes()
    size = (48).to_bytes(2) + (64).to_bytes(2)
    assert data.count(b"\xff\xc0\x00\x11\x08" + size) == 3
    claimed = b"\xff\xc0\x00\x11\x08" + 2 * (65500).to_bytes(2)
    (tmp_path / "v.avi").write_bytes(data.replace(b"\xff\xc0\x00\x11\x08" + size, claimed))
    with pytest.raises(VideoUnreadableError, match="No frame"):
        VideoReader(tmp_path / "v.avi")


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_interlaced_frames_are_read_and_named(tmp_path: Path, codec: str) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.options = {"flags": "+ildct+ilme"}
        picture = av.VideoFrame.from_ndarray(quadrants(64, 64), format="rgb24")
        for _ in range(6):
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with VideoReader(tmp_path / "v.mkv") as video:
        for frame in video:
            assert_four_colours(four_colours(frame, 64, 64))
            assert video.n_interlaced == video.n_frames == frame.index + 1
        assert video.n_interlaced == video.n_frames == 6
        (remark,) = video.remarks
        assert "6 of 6 frames are interlaced" in remark


def test_progressive_video_is_not_called_interlaced(tmp_path: Path) -> None:
    with VideoReader(noisy_clip(tmp_path / "v.mp4", 5)) as video:
        assert len(list(video)) == 5
        assert video.n_interlaced == 0


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (128, 96, (0, 0, 64, 48)),
        (32, 24, (0, 0, 64, 48)),
        # Another shape keeps its proportions and is centred.
        (96, 96, (8, 0, 48, 48)),
        (128, 48, (0, 12, 64, 24)),
    ],
)
def test_frames_whose_size_changes_keep_their_proportions(
    tmp_path: Path, width: int, height: int, box: tuple[int, int, int, int]
) -> None:
    (tmp_path / "v.h264").write_bytes(raw_h264(64, 48) + raw_h264(width, height))
    left, top, box_width, box_height = box
    with VideoReader(tmp_path / "v.h264") as video:
        frames = list(video)
        assert (video.info.width_px, video.info.height_px) == (64, 48)
        assert video.n_resized == 4
        (remark,) = video.remarks
        assert remark.startswith("4 of 8 frames are of another size than the first")
        assert "64 x 48" in remark
    assert [frame.size_px for frame in frames] == [(64, 48)] * 8
    assert_four_colours(four_colours(frames[0], 64, 48))
    for frame in frames[4:]:
        assert_four_colours(four_colours(frame, box_width, box_height, left, top))
        assert frame.rgb.shape == (48, 64, 3)
        beside = ((top, 48 - top - box_height), (left, 64 - left - box_width), (0, 0))
        expected = np.pad(quadrants(box_width, box_height), beside, mode="edge")
        assert np.abs(frame.rgb - expected.astype(int)).mean() < 16
        grey = frame.grey_crop(np.eye(2, 3), (64, 48))
        assert np.abs(grey - cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY).astype(int)).mean() < 2


def test_format_that_changes(tmp_path: Path) -> None:
    parts = [raw_h264(64, 48, pix_fmt) for pix_fmt in ("yuv420p", "yuv444p", "yuv422p10le")]
    (tmp_path / "v.h264").write_bytes(b"".join(parts))
    with VideoReader(tmp_path / "v.h264") as video:
        for frame in video:
            assert_four_colours(four_colours(frame, 64, 48))
            assert np.abs(frame.rgb - quadrants().astype(int)).mean() < 12
        assert video.n_frames == 12
        assert video.remarks == ()


def test_pixels_that_change_their_shape(tmp_path: Path) -> None:
    """From square to twice as wide: the picture becomes 128 x 48, and is fitted into 64 x 48."""
    parts = [raw_h264(64, 48, aspect=Fraction(1)), raw_h264(64, 48, aspect=Fraction(2))]
    (tmp_path / "v.h264").write_bytes(b"".join(parts))
    with VideoReader(tmp_path / "v.h264") as video:
        frames = list(video)
        assert video.n_resized == 4
    assert [frame.size_px for frame in frames] == [(64, 48)] * 8
    assert_four_colours(four_colours(frames[3], 64, 48))
    for frame in frames[4:]:
        assert_four_colours(four_colours(frame, 64, 24, 0, 12))
        above = frame.crop(np.eye(2, 3), (64, 10)).astype(int)
        assert np.ptp(above, axis=0).max() == 0


def test_gaps_in_time_stay_gaps(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.08, 5.0, 5.04, 65.0, 65.001, 65.04]
    write_video(tmp_path / "v.mp4", [colour_frame(3 * n) for n in range(8)], times_s)
    with VideoReader(tmp_path / "v.mp4") as video:
        frames = list(video)
        assert video.remarks == ()
    assert [frame.time_s for frame in frames] == pytest.approx(times_s, abs=1e-4)
    levels = [frame.grey_crop(np.eye(2, 3), (64, 48)).mean() for frame in frames]
    assert levels == pytest.approx([16 + 24 * n for n in range(8)], abs=4)


def test_all_time_stamps_the_same(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(colour_frame(number), format="rgb24")
            for packet in stream.encode(picture):
                packet.pts = packet.dts = 0
                container.mux(packet)
    with VideoReader(tmp_path / "v.mkv") as video:
        assert len(list(video)) == 1
        assert video.n_repeated == 4
        assert any("4 frames with repeated time stamps" in remark for remark in video.remarks)
