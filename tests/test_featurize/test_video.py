"""Frames: all of them, upright, with their times, from whatever file there is."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from featurize.errors import (
    NoVideoStreamError,
    VideoEmptyError,
    VideoMissingError,
    VideoUnreadableError,
)
from featurize.synthesis import write_video
from featurize.video import VideoReader


def colour_frame(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A frame whose brightness counts: 8 grey levels a step."""
    return np.full((height, width, 3), 16 + 8 * number, np.uint8)


def quadrants(width: int = 64, height: int = 48) -> np.ndarray:
    """Red top left, green top right, blue bottom left, white bottom right."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[: height // 2, : width // 2, 0] = 255
    frame[: height // 2, width // 2 :, 1] = 255
    frame[height // 2 :, : width // 2, 2] = 255
    frame[height // 2 :, width // 2 :] = 255
    return frame


def encode(
    path: Path,
    frames: list[np.ndarray],
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    container_format: str | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """Write frames at 25 fps with a given codec."""
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def read(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with VideoReader(path) as video:
        frames = list(video)
    return [frame.time_s for frame in frames], [frame.rgb for frame in frames]


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 60])
def test_every_frame_comes_with_its_presentation_time(tmp_path: Path, fps: float) -> None:
    times_s = [number / fps for number in range(20)]
    write_video(tmp_path / "v.mp4", [colour_frame(n) for n in range(20)], times_s)
    seen_s, frames = read(tmp_path / "v.mp4")
    assert seen_s == pytest.approx(times_s, abs=1e-4)
    levels = [frame.mean() for frame in frames]
    assert levels == pytest.approx([16 + 8 * number for number in range(20)], abs=3)


def test_variable_frame_rate_keeps_the_true_times(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.1, 0.11, 0.5, 0.52, 1.7]
    write_video(tmp_path / "v.mp4", [colour_frame(n) for n in range(7)], times_s)
    assert read(tmp_path / "v.mp4")[0] == pytest.approx(times_s, abs=1e-4)


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", [colour_frame(n) for n in range(9)], np.arange(9) / 25)
    with VideoReader(tmp_path / "v.mp4") as video:
        first = [(frame.index, frame.time_s, frame.rgb.tobytes()) for frame in video]
        second = [(frame.index, frame.time_s, frame.rgb.tobytes()) for frame in video]
    assert [index for index, _, _ in first] == list(range(9))
    assert first == second


def test_declared_facts(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", [colour_frame(n) for n in range(25)], np.arange(25) / 25)
    with VideoReader(tmp_path / "v.mp4") as video:
        info = video.info
    assert (info.width_px, info.height_px, info.codec) == (64, 48, "h264")
    assert info.fps == pytest.approx(25)
    assert info.duration_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("v.mkv", "libx264", "yuv444p"),
        ("v.mp4", "libx265", "yuv420p10le"),
        ("v.webm", "libvpx-vp9", "yuv420p"),
        ("v.avi", "mjpeg", "yuvj420p"),
        ("v.mov", "png", "rgba"),
        ("v.mkv", "ffv1", "gray"),
        ("v.h264", "libx264", "yuv420p"),
    ],
)
def test_formats(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    encode(tmp_path / name, [colour_frame(n) for n in range(10)], codec, pix_fmt)
    times_s, frames = read(tmp_path / name)
    assert times_s == pytest.approx(np.arange(10) / 25, abs=2e-3)
    assert frames[0].dtype == np.uint8
    assert [f.mean() for f in frames] == pytest.approx([16 + 8 * n for n in range(10)], abs=4)


def rotated(path: Path, frame: np.ndarray, counterclockwise_deg: int) -> Path:
    """Write a picture with metadata that tells players to turn it."""
    plain = encode(path.with_name("plain.mp4"), [frame] * 5)
    data = bytearray(plain.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    one, cosine, sine = (
        1 << 16,
        *{0: (1, 0), 90: (0, -1), 180: (-1, 0), 270: (0, 1)}[counterclockwise_deg],
    )
    # ISO 14496-12 display matrix: a b u / c d v / x y w.
    values = [cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]
    for place, value in enumerate(values):
        data[matrix + 4 * place : matrix + 4 * place + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("turned_deg", [0, 90, 180, 270])
def test_frames_are_upright(tmp_path: Path, turned_deg: int) -> None:
    _, frames = read(rotated(tmp_path / "v.mp4", quadrants(), turned_deg))
    expected = np.rot90(quadrants(), turned_deg // 90)
    assert frames[0].shape == expected.shape
    assert np.abs(frames[0].astype(int) - expected).mean() < 12


def test_non_square_pixels_are_made_square(tmp_path: Path) -> None:
    encode(tmp_path / "v.mp4", [colour_frame(n) for n in range(3)], aspect=Fraction(3, 2))
    assert read(tmp_path / "v.mp4")[1][0].shape == (48, 96, 3)


def test_path_with_spaces_and_other_letters(tmp_path: Path) -> None:
    path = tmp_path / "ein Gesicht: 顔 é" / "concat:видео 1.mp4"
    path.parent.mkdir()
    write_video(tmp_path / "v.mp4", [colour_frame(n) for n in range(3)], [0, 0.04, 0.08])
    (tmp_path / "v.mp4").rename(path)
    assert len(read(path)[0]) == 3


def test_missing_file() -> None:
    with pytest.raises(VideoMissingError, match=r"no file .*nowhere\.mp4"):
        VideoReader("nowhere.mp4")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    with pytest.raises(VideoEmptyError, match="is empty"):
        VideoReader(tmp_path / "v.mp4")


@pytest.mark.parametrize("content", [b"just some words\n" * 50, b"\x00" * 4096, bytes(range(256))])
def test_something_else_named_mp4(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(VideoUnreadableError, match="not a video that FFmpeg can read"):
        VideoReader(tmp_path / "v.mp4")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadableError, match="is not a file"):
        VideoReader(tmp_path)


def test_sound_only(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        for start in range(0, 16000, 1024):
            sound = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            sound.sample_rate, sound.pts = 16000, start
            container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(NoVideoStreamError, match="no moving picture"):
        VideoReader(tmp_path / "v.mp4")


def noisy_clip(path: Path, n_frames: int = 50) -> Path:
    """A clip whose packets are all of some size, its index at the front of the file."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(n_frames)]
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"g": "5", "bf": "0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_truncated_file_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    whole = noisy_clip(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "v.mp4").write_bytes(whole[: len(whole) // 2])
    with VideoReader(tmp_path / "v.mp4") as video:
        n_frames = sum(1 for _ in video)
        remarks = video.remarks
    assert 15 <= n_frames <= 35
    assert f"{n_frames / 25:.2f} of 2.00 declared seconds could be read" in remarks[0]


def test_whole_file_has_no_remarks(tmp_path: Path) -> None:
    with VideoReader(noisy_clip(tmp_path / "v.mp4")) as video:
        assert sum(1 for _ in video) == 50
        assert video.remarks == ()


def test_damage_in_the_middle_costs_only_the_damaged_frames(tmp_path: Path) -> None:
    data = bytearray(noisy_clip(tmp_path / "whole.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "v.mp4").write_bytes(data)
    times_s, _ = read(tmp_path / "v.mp4")
    assert 30 <= len(times_s) < 50
    assert times_s[-1] == pytest.approx(49 / 25, abs=1e-3)


def test_index_at_the_end_cut_off(tmp_path: Path) -> None:
    write_video(tmp_path / "w.mp4", [colour_frame(n % 9) for n in range(30)], np.arange(30) / 25)
    whole = (tmp_path / "w.mp4").read_bytes()
    (tmp_path / "v.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VideoUnreadableError):
        VideoReader(tmp_path / "v.mp4")


def test_repeated_time_stamps_are_left_out_and_counted(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 1000)
        for number, when in enumerate([0, 40, 40, 80]):
            frame = av.VideoFrame.from_ndarray(colour_frame(number), format="rgb24")
            frame.pts, frame.time_base = number * 40, Fraction(1, 1000)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = when
                packet.time_base = Fraction(1, 1000)
                container.mux(packet)
    with VideoReader(tmp_path / "v.mkv") as video:
        times_s = [frame.time_s for frame in video]
        assert times_s == pytest.approx([0, 0.04, 0.08])
        assert video.n_repeated == 1
        assert "repeated time stamps" in video.remarks[0]
