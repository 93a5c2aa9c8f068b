"""Videos that claim or hold too much: refused in one sentence, before they take memory."""

import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from featurize import limits
from featurize.audio import read_sound
from featurize.errors import VideoError, VideoTooLargeError, VideoUnreadableError
from featurize.synthesis import write_video
from featurize.video import VideoReader
from tests.test_featurize.test_audio import mux, tone
from tests.test_featurize.test_video import colour_frame, encode

FRAMES = [colour_frame(n) for n in range(5)]
DAY_MS = 24 * 3600 * 1000


def avi(path: Path, width: int, height: int, codec: str = "rawvideo", pix_fmt: str = "bgr24"):
    """An AVI whose header claims a size."""
    data = bytearray(encode(path, FRAMES, codec, pix_fmt).read_bytes())
    struct.pack_into("<II", data, data.index(b"strf") + 8 + 4, width, height)
    struct.pack_into("<II", data, data.index(b"avih") + 8 + 32, width, height)
    path.write_bytes(data)


def matroska(path: Path, width: int, height: int) -> None:
    """A Matroska of one track that claims a size, its lossless pictures left as they are."""
    data = bytearray(encode(path, FRAMES, "ffv1", "gray").read_bytes())
    place = data.index(b"\xb0\x81\x40\xba\x81\x30")
    # The track's entry is followed by room: a Void that the longer numbers may take is not there,
    # so names of elements are changed for those of the same length.
    claimed = b"\xb0\x82" + struct.pack(">H", width) + b"\xba\x82" + struct.pack(">H", height)
    longer = len(claimed) - 6
    data[place : place + 6] = claimed
    for name in (b"\xe0", b"\xae", b"\x16\x54\xae\x6b"):
        _lengthen(data, data.rindex(name, 0, place), len(name), longer)
    path.write_bytes(data)


def _lengthen(data: bytearray, place: int, n_name: int, by: int) -> None:
    """Add to the size of an element of EBML."""
    n_size = 9 - data[place + n_name].bit_length()
    size = int.from_bytes(data[place + n_name : place + n_name + n_size])
    data[place + n_name : place + n_name + n_size] = (size + by).to_bytes(n_size)


def yuv4mpeg(path: Path, width: int, height: int) -> None:
    header = f"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420\n"
    path.write_bytes(header.encode() + b"FRAME\n" + bytes(10_000))


def png_in_avi(path: Path, width: int, height: int) -> None:
    """The pictures claim a size, and the container claims it too."""
    avi(path, width, height, "png", "rgb24")
    data, place = bytearray(path.read_bytes()), -1
    while (place := data.find(b"IHDR", place + 1)) >= 0:
        struct.pack_into(">II", data, place + 4, width, height)
        struct.pack_into(">I", data, place + 17, zlib.crc32(data[place : place + 17]))
    path.write_bytes(data)


def h264(path: Path, width: int, height: int) -> None:
    """A bare stream: its sequence parameters are all that says a size."""
    data = encode(path, FRAMES, "libx264", "yuv420p").read_bytes()
    start = data.index(b"\0\0\0\1\x67")
    end = data.index(b"\0\0\0\1", start + 4)
    path.write_bytes(data[:start] + b"\0\0\0\1" + _parameters(width, height) + data[end:])


def _parameters(width: int, height: int) -> bytes:
    """The sequence parameter set of H.264 (baseline, level 5.1) for a size in macroblocks."""

    def number(value: int) -> str:
        digits = f"{value + 1:b}"
        return "0" * (len(digits) - 1) + digits

    bits = f"{66:08b}{0:08b}{51:08b}" + number(0) + number(0) + number(2) + number(1) + "0"
    bits += number(width // 16 - 1) + number(height // 16 - 1) + "1" + "1" + "0" + "0" + "1"
    bits += "0" * (-len(bits) % 8)
    payload = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    # Three zeros may not follow each other.
    return b"\x67" + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)


def remuxed(path: Path, width: int, height: int) -> None:
    """The same stream in a container that knows its streams only when it is read."""
    bare = path.with_suffix(".h264")
    h264(bare, width, height)
    kind = {".mpg": "mpeg", ".flv": "flv", ".ts": "mpegts"}[path.suffix]
    with av.open(str(bare)) as source, av.open(str(path), "w", format=kind) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.pts = packet.dts = number
            packet.time_base, packet.stream = Fraction(1, 25), stream
            target.mux(packet)


def jpeg(path: Path, width: int, height: int) -> None:
    """Small pictures in a container that claims large ones."""
    avi(path, width, height, "mjpeg", "yuvj420p")


def stretched(path: Path, width: int, height: int) -> None:
    """Small pictures whose pixels are claimed to be very wide."""
    data = bytearray(encode(path, FRAMES, aspect=Fraction(3, 2)).read_bytes())
    struct.pack_into(">II", data, data.index(b"pasp") + 4, width, height)
    path.write_bytes(data)


HUGE: dict[str, tuple[Callable[[Path, int, int], None], int, int]] = {
    "raw_60000.avi": (avi, 60000, 60000),
    "raw_one_more.avi": (avi, 8193, 8192),
    "raw_2_31.avi": (avi, 2**31 - 1, 2**31 - 1),
    "png_60000.avi": (png_in_avi, 60000, 60000),
    "png_12000.avi": (png_in_avi, 12000, 12000),
    "lossless_60000.mkv": (matroska, 60000, 60000),
    "bare_16000.h264": (h264, 16000, 16000),
    "bare_9216.h264": (h264, 9216, 8192),
    "program_12000.mpg": (remuxed, 12000, 12000),
    "flash_12000.flv": (remuxed, 12000, 12000),
    "transport_12000.ts": (remuxed, 12000, 12000),
    "jpeg_60000.avi": (jpeg, 60000, 60000),
    "plain_10000.y4m": (yuv4mpeg, 10000, 10000),
    "wide_pixels.mp4": (stretched, 60000, 1),
}

MEASURE = """
import json, re, sys
from pathlib import Path
from featurize.errors import VideoError
from featurize.video import VideoReader

def peak_kib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_kib()
    try:
        with VideoReader(path) as video:
            kind, reason = "ok", str(sum(1 for _ in video))
    except VideoError as error:
        kind, reason = type(error).__name__, str(error)
    print(json.dumps([Path(path).name, kind, reason, (peak_kib() - before) / 1024]))
"""


def measured(paths: list[Path]) -> dict[str, tuple[str, str, float]]:
    """What becomes of each video, and the MiB that it takes, in a process of its own.

    The first video is only there to load what every video needs.
    """
    command = [sys.executable, "-c", MEASURE, *map(str, [paths[0], *paths])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()[1:]]
    assert len(lines) == len(paths)
    return {name: (kind, reason, mib) for name, kind, reason, mib in lines}


def test_claimed_sizes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    paths = [encode(tmp_path / "plain.mp4", FRAMES)]
    for name, (make, width, height) in HUGE.items():
        paths.append(tmp_path / name)
        make(paths[-1], width, height)
    found = measured(paths)
    assert found.pop("plain.mp4")[0] == "ok"
    assert {name: kind for name, (kind, _, _) in found.items()} == dict.fromkeys(
        HUGE, "VideoTooLargeError"
    )
    for name, (_, reason, mib) in found.items():
        assert mib < 8, name
        assert "scale them down" in reason, name
        assert f"{HUGE[name][1]} x " in reason or name == "wide_pixels.mp4"


@pytest.mark.parametrize(
    ("make", "name", "side"),
    [(avi, "v.avi", 2**31), (h264, "v.h264", 60000), (yuv4mpeg, "v.y4m", 60000)],
)
def test_sizes_that_no_format_may_have_are_damage(
    tmp_path: Path, make: Callable[[Path, int, int], None], name: str, side: int
) -> None:
    plain = encode(tmp_path / "plain.mp4", FRAMES)
    make(tmp_path / name, side, side)
    kind, _, mib = measured([plain, tmp_path / name])[name]
    assert kind in ("VideoUnreadableError", "VideoTooLargeError")
    assert mib < 8


@pytest.mark.parametrize("name", ["v.mkv", "v.h264"])
def test_the_limit_itself_is_allowed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / name, FRAMES)
    monkeypatch.setattr(limits, "MAX_PIXELS", 64 * 48)
    with VideoReader(path) as video:
        assert len(list(video)) == 5
    monkeypatch.setattr(limits, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(VideoTooLargeError, match=r"64 x 48 pixels.*scale them down"):
        VideoReader(path)


def test_pictures_that_become_too_large_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = encode(tmp_path / "a.h264", FRAMES).read_bytes()
    large = encode(tmp_path / "b.h264", [colour_frame(9, 640, 480)] * 5).read_bytes()
    (tmp_path / "v.h264").write_bytes(small + large)
    monkeypatch.setattr(limits, "MAX_PIXELS", 100_000)
    with VideoReader(tmp_path / "v.h264") as video:
        assert len(list(video)) == 5
        assert video.n_damaged >= 5
        assert "damaged frames were left out" in " ".join(video.remarks)


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.ts"])
@pytest.mark.parametrize("n_more", [0, 1, 30])
def test_streams(tmp_path: Path, name: str, n_more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_STREAMS", 20)
    with av.open(str(tmp_path / name), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sounds = [container.add_stream("mp2", rate=16000) for _ in range(19 + n_more)]
        for stream in sounds:
            stream.layout = "mono"
        for frame in FRAMES:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode())
        for stream in sounds:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1152), np.int16), format="s16", layout="mono"
            )
            silence.sample_rate = 16000
            container.mux([*stream.encode(silence), *stream.encode()])
    if n_more == 0:
        with VideoReader(tmp_path / name) as reader:
            assert len(list(reader)) == 5
        return
    for read in (VideoReader, read_sound):
        with pytest.raises(VideoTooLargeError, match=r"more than 20 streams.*copy its video"):
            read(tmp_path / name)


def test_frames_are_counted_as_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode(tmp_path / "v.h264", [colour_frame(n % 20) for n in range(40)])
    monkeypatch.setattr(limits, "MAX_FRAMES", 40)
    with VideoReader(tmp_path / "v.h264") as video:
        assert len(list(video)) == 40
    monkeypatch.setattr(limits, "MAX_FRAMES", 39)
    with VideoReader(tmp_path / "v.h264") as video:
        with pytest.raises(VideoTooLargeError, match="more than 39 frames: cut it into parts"):
            list(video)
        assert video.n_frames == 39


@pytest.mark.parametrize("name", ["v.h264", "v.mp4", "v.mkv"])
def test_time_is_measured_as_it_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare stream declares no duration at all; 40 frames at 25 a second are 1.6 s."""
    encode(tmp_path / name, [colour_frame(n % 20) for n in range(40)])
    monkeypatch.setattr(limits, "MAX_DURATION_S", 1.65)
    with VideoReader(tmp_path / name) as video:
        assert len(list(video)) == 40
    monkeypatch.setattr(limits, "MAX_DURATION_S", 1.0)
    with VideoReader(tmp_path / name) as video:
        with pytest.raises(VideoTooLargeError, match=r"is longer than .* hours: cut it into parts"):
            list(video)
        assert 23 <= video.n_frames <= 27


def test_a_late_start_is_no_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "v.mp4", FRAMES, 100 + np.arange(5) / 25)
    monkeypatch.setattr(limits, "MAX_DURATION_S", 1.0)
    with VideoReader(tmp_path / "v.mp4") as video:
        assert len(list(video)) == 5


def test_a_declared_length_alone_refuses_nothing(tmp_path: Path) -> None:
    """The header of a short clip claims a month."""
    write_video(tmp_path / "v.mp4", FRAMES, np.arange(5) / 25)
    data = bytearray((tmp_path / "v.mp4").read_bytes())
    for box, place in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        struct.pack_into(">I", data, data.index(box) + place, 2**31 - 1)
    (tmp_path / "v.mp4").write_bytes(data)
    with VideoReader(tmp_path / "v.mp4") as video:
        assert [frame.time_s for frame in video] == pytest.approx(np.arange(5) / 25)


def stamped(path: Path, stamps_ms: list[int]) -> Path:
    """Frames with given presentation times, decoded in their order, 40 ms apart."""
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 1000)
        for number, when_ms in enumerate(stamps_ms):
            frame = av.VideoFrame.from_ndarray(colour_frame(number), format="rgb24")
            for packet in stream.encode(frame):
                packet.time_base = Fraction(1, 1000)
                packet.pts, packet.dts = when_ms, 40 * number
                container.mux(packet)
    return path


@pytest.mark.parametrize("at", [1, 5, 9])
def test_a_time_stamp_that_leaps_by_days_costs_nothing(tmp_path: Path, at: int) -> None:
    stamps_ms = [40 * number for number in range(10)]
    stamps_ms[at] = 10 * DAY_MS
    with VideoReader(stamped(tmp_path / "v.mkv", stamps_ms)) as video:
        frames = list(video)
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(10) / 25, abs=2e-3)
        levels = [frame.rgb.mean() for frame in frames]
        assert levels == pytest.approx([16 + 8 * n for n in range(10)], abs=4)
        assert video.n_leapt == 1
        assert any("1 time stamps leap by more than 3600 s" in text for text in video.remarks)


def test_gaps_are_no_length_until_they_are(tmp_path: Path) -> None:
    """Gaps of 59 minutes are gaps; 30 of them are more than a day."""
    stamps_ms = [59 * 60 * 1000 * number for number in range(30)]
    with VideoReader(stamped(tmp_path / "v.mkv", stamps_ms)) as video:
        times_s = []
        with pytest.raises(VideoTooLargeError, match="longer than 24 hours"):
            times_s.extend(frame.time_s for frame in video)
        assert video.n_leapt == 0
        assert video.n_frames == 25


def test_sound_beyond_the_longest_video_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mux(tmp_path / "a.wav", [(0, tone(500, 5.0, 8000))], rate_hz=8000)
    monkeypatch.setattr(limits, "MAX_DURATION_S", 2.0)
    sound = read_sound(path)
    assert len(sound.level_db) == pytest.approx(200, abs=2)


@pytest.mark.parametrize("seed", range(8))
def test_any_header_is_refused_or_read_in_little_memory(tmp_path: Path, seed: int) -> None:
    """Numbers of the header replaced by the largest there are."""
    rng = np.random.default_rng(seed)
    plain = encode(tmp_path / "plain.mp4", FRAMES)
    paths = [plain]
    for name in ("v.mp4", "v.avi", "v.mkv"):
        data = bytearray(encode(tmp_path / name, FRAMES, "mpeg4").read_bytes())
        for place in rng.integers(0, len(data) - 4, 6):
            data[place : place + 4] = rng.choice([b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"])
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    for name, (kind, reason, mib) in measured(paths).items():
        assert kind in ("ok", *(error.__name__ for error in VideoError.__subclasses__())), name
        assert "\n" not in reason
        assert mib < 64, name


def test_limits_are_errors_of_their_own() -> None:
    assert issubclass(VideoTooLargeError, VideoError)
    assert not issubclass(VideoTooLargeError, VideoUnreadableError)
    assert VideoTooLargeError.status == "too_large"
