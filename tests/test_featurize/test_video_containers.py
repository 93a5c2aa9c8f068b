"""Containers with oddities: what a player shows of them is what is read."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from featurize.errors import NoVideoStreamError, VideoUnreadableError
from featurize.synthesis import write_video
from featurize.video import VideoReader
from tests.test_featurize.test_video import colour_frame, encode, noisy_clip, read

FRAMES = [colour_frame(number % 25) for number in range(40)]


def write_shifted(
    path: Path, shift_s: float, codec_options: dict[str, str], **options: str
) -> Path:
    """Encode 40 frames at 25 fps, then move all time stamps."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = codec_options
        packets = []
        for frame in FRAMES:
            packets += stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
        for packet in packets + stream.encode():
            shift = round(Fraction(shift_s) / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            container.mux(packet)
    return path


def write_sound(path: Path, cover: bool, moving: bool = False) -> Path:
    """A second of silence, with a cover picture and with a moving picture when asked for."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac" if path.suffix == ".mp4" else "libmp3lame", rate=16000)
        sound.layout = "mono"
        packets = []
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            still = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            packets += picture.encode(still) + picture.encode()
        if moving:
            video = container.add_stream("libx264", rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for frame in FRAMES:
                packets += video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
            packets += video.encode()
        for start in range(0, 16000, sound.codec_context.frame_size or 1024):
            samples = np.zeros((1, sound.codec_context.frame_size or 1024), np.float32)
            silence = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 16000, start
            packets += sound.encode(silence)
        for packet in packets + sound.encode():
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["v.mp4", "v.avi"])
def test_metadata_in_another_encoding_do_no_harm(tmp_path: Path, name: str) -> None:
    with av.open(str(tmp_path / name), "w") as container:
        container.metadata["title"] = "cafeXcafe"
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in FRAMES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    data = (tmp_path / name).read_bytes()
    assert b"cafeXcafe" in data
    (tmp_path / name).write_bytes(data.replace(b"cafeXcafe", b"caf\xe9Xcaf\xe9"))
    assert len(read(tmp_path / name)[0]) == 40


def test_stream_that_starts_before_zero(tmp_path: Path) -> None:
    """Matroska drops stamps before 0; the pictures are there, and follow at the declared rate."""
    path = write_shifted(tmp_path / "v.mkv", -1, {"bf": "0"}, avoid_negative_ts="disabled")
    with VideoReader(path) as video:
        for _ in range(2):
            times_s = [frame.time_s for frame in video]
            assert times_s == pytest.approx(np.arange(40) / 25, abs=2e-3)
            assert video.remarks == ()


def test_stream_that_starts_late(tmp_path: Path) -> None:
    path = write_shifted(tmp_path / "v.mp4", 2, {"bf": "2"})
    with VideoReader(path) as video:
        assert [f.time_s for f in video] == pytest.approx(2 + np.arange(40) / 25, abs=1e-3)
        assert video.remarks == ()


def test_losslessly_trimmed_clip_is_whole(tmp_path: Path) -> None:
    """An edit list hides the first 15 of 40 stored frames; the file still counts them."""
    path = write_shifted(
        tmp_path / "v.mp4", -0.6, {"bf": "0", "g": "10"}, avoid_negative_ts="disabled"
    )
    with VideoReader(path) as video:
        assert [f.time_s for f in video] == pytest.approx(np.arange(25) / 25, abs=1e-3)
        assert video.remarks == ()


def test_clip_that_holds_its_last_frame_is_whole(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", FRAMES[:4], [0, 0.04, 0.08, 3.0])
    with VideoReader(tmp_path / "v.mp4") as video:
        assert len(list(video)) == 4
        assert video.remarks == ()


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_stored_out_of_order_in_avi(tmp_path: Path, codec: str) -> None:
    """AVI has no presentation times: of H.264 with B-frames FFmpeg gives wrong ones."""
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (96, 128, 3), np.uint8)
    frames = [np.roll(still, 3 * number, axis=1) for number in range(40)]
    with av.open(str(tmp_path / "v.avi"), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"bf": "2"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    with VideoReader(tmp_path / "v.avi") as video:
        shown = list(video)
        assert video.remarks == ()
    assert len(shown) == 40
    assert [f.time_s for f in shown] == pytest.approx(np.arange(1, 41) / 25, abs=0.041)
    for frame, expected in zip(shown, frames, strict=True):
        nearest = min(range(40), key=lambda n: np.abs(frame.rgb - frames[n].astype(int)).mean())
        assert frames[nearest] is expected


def test_codec_that_nothing_decodes(tmp_path: Path) -> None:
    data = encode(tmp_path / "v.avi", FRAMES, "mpeg4").read_bytes()
    assert data.count(b"FMP4") == 2
    (tmp_path / "v.avi").write_bytes(data.replace(b"FMP4", b"ZZZZ"))
    with pytest.raises(VideoUnreadableError, match="no decoder"):
        VideoReader(tmp_path / "v.avi")


@pytest.mark.parametrize("name", ["song.mp3", "song.mp4"])
def test_cover_picture_is_no_video(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoVideoStreamError, match="no moving picture"):
        VideoReader(write_sound(tmp_path / name, cover=True))


def test_moving_picture_beside_a_cover(tmp_path: Path) -> None:
    _, frames = read(write_sound(tmp_path / "v.mp4", cover=True, moving=True))
    assert len(frames) == 40
    assert frames[0].shape == (48, 64, 3)


def test_name_longer_than_any_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(VideoUnreadableError, match="File name too long"):
        VideoReader(tmp_path / ("x" * 300 + ".mp4"))


def test_nothing_stays_open(tmp_path: Path) -> None:
    path = noisy_clip(tmp_path / "v.mp4", 5)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    (tmp_path / "bad.mp4").write_bytes(data)
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    errors = []
    for _ in range(3):
        with pytest.raises(VideoUnreadableError, match="No frame") as caught:
            VideoReader(tmp_path / "bad.mp4")
        errors.append(caught.value)
        with VideoReader(path) as video:
            next(iter(video))
    assert len(list(open_files.iterdir())) == before
