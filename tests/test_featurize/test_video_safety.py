"""A video is untrusted: it opens no other file, whatever it says and whatever it is called."""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from featurize.audio import read_sound
from featurize.errors import NoVideoStreamError, VideoMissingError, VideoUnreadableError
from featurize.synthesis import write_video
from featurize.video import VideoReader
from tests.test_featurize.test_video import colour_frame, encode

IN_OPEN = 0x20
HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"
CONCAT = "ffconcat version 1.0\nfile {}\n"
DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL>
</Representation></AdaptationSet></Period></MPD>
"""
SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=x
c=IN IP4 127.0.0.1
t=0 0
m=video 50042 RTP/AVP 96
a=rtpmap:96 H264/90000
"""
VOBSUB = "# VobSub index file, v7 (do not modify this line!)\nsize: 64x48\nid: en, index: 0\n"


@contextlib.contextmanager
def opened_below(folder: Path) -> Iterator[set[str]]:
    """Names of the files of a folder that any code of any language opens meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(os.O_NONBLOCK)
    assert watcher >= 0
    assert libc.inotify_add_watch(watcher, os.fsencode(folder), IN_OPEN) >= 0
    names: set[str] = set()
    try:
        yield names
    finally:
        with contextlib.suppress(BlockingIOError):
            while events := os.read(watcher, 1 << 16):
                while events:
                    length = struct.unpack_from("iIII", events)[3]
                    names.add(os.fsdecode(events[16 : 16 + length].rstrip(b"\0")))
                    events = events[16 + length :]
        os.close(watcher)


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    """Three frames."""
    path = tmp_path / "three.mp4"
    write_video(path, [colour_frame(n) for n in range(3)], [0, 0.04, 0.08])
    return path.read_bytes()


@pytest.fixture
def decoys(tmp_path: Path, clip: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which one works, full of files that could be read."""
    folder = tmp_path / "decoys"
    folder.mkdir()
    (folder / "decoy.mp4").write_bytes(clip)
    encode(folder / "decoy.ts", [colour_frame(n) for n in range(9)], container_format="mpegts")
    (folder / "inner.m3u8").write_text(HLS.format("decoy.ts"))
    with av.open(str(folder / "img%03d.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(colour_frame(number), format="rgb24")
            container.mux(stream.encode(picture))
    for name in ("video.sub", "list.sub"):
        (folder / name).write_bytes(b"\0\0\1\xba" + bytes(4096))
    monkeypatch.chdir(folder)
    return folder


def n_frames_of(path: str | Path) -> int:
    """How many frames there are; 0 when the file is refused."""
    try:
        with VideoReader(path) as video:
            return sum(1 for _ in video)
    except (VideoUnreadableError, NoVideoStreamError):
        return 0


LISTS = [
    ("list.m3u8", HLS, "decoy.ts"),
    ("list.mp4", HLS, "decoy.ts"),
    ("list.m3u8", MASTER, "inner.m3u8"),
    ("list.ffconcat", CONCAT, "decoy.mp4"),
    ("list.mp4", CONCAT, "decoy.mp4"),
    ("list.mpd", DASH, "decoy.mp4"),
    ("list.idx", VOBSUB, "list.sub"),
]


@pytest.mark.parametrize("where", ["relative", "absolute", "file:"])
@pytest.mark.parametrize(("name", "text", "decoy"), LISTS, ids=lambda value: str(value)[:14])
def test_lists_of_other_files_open_none(
    tmp_path: Path, decoys: Path, name: str, text: str, decoy: str, where: str
) -> None:
    spelled = {
        "relative": decoy,
        "absolute": str(decoys / decoy),
        "file:": f"file:{decoys / decoy}",
    }[where]
    # One beside the decoys, and one from which they are reached by their whole path only.
    for folder in (decoys, tmp_path):
        (folder / name).write_text(text.replace("{}", spelled))
        with opened_below(decoys) as opened:
            assert n_frames_of(folder / name) == 0
            with pytest.raises(VideoUnreadableError):
                read_sound(folder / name)
        assert opened <= {name}


@pytest.mark.parametrize(
    ("name", "text", "decoy"), [LISTS[0], LISTS[2], LISTS[3]], ids=lambda value: str(value)[:14]
)
def test_lists_and_watcher_work(decoys: Path, name: str, text: str, decoy: str) -> None:
    """FFmpeg given a path opens what these lists name: the test above can fail."""
    (decoys / name).write_text(text.format(decoy))
    with opened_below(decoys) as opened:
        options = {"protocol_whitelist": "file,crypto", "safe": "0"}
        with av.open(str(decoys / name), options=options) as container:
            assert len(list(container.decode(video=0))) in (3, 9)
    assert {name, decoy} <= opened


def test_a_description_of_a_stream_waits_for_none(tmp_path: Path) -> None:
    (tmp_path / "live.sdp").write_text(SDP)
    with pytest.raises((VideoUnreadableError, NoVideoStreamError)):
        VideoReader(tmp_path / "live.sdp")


def test_a_pattern_of_pictures_is_one_name(decoys: Path) -> None:
    with av.open(str(decoys / "img%03d.png")) as container:
        assert len(list(container.decode(video=0))) == 5
    with pytest.raises(VideoMissingError):
        VideoReader("img%03d.png")
    (decoys / "img%03d.png").write_bytes((decoys / "img001.png").read_bytes())
    with opened_below(decoys) as opened:
        assert n_frames_of("img%03d.png") == 1
    assert opened == {"img%03d.png"}


def with_reference(mp4: bytes, to: Path) -> bytes:
    """The same movie, its samples said to lie in another file (an alias of QuickTime)."""
    target = os.fsencode(to)
    record = bytearray(150)
    struct.pack_into(">HH", record, 10 + 28 + 12 + 64 + 16, 0, 1)
    record[10], record[11:17] = 6, b"volume"
    record[50], record[51 : 51 + len(to.name)] = len(to.name), os.fsencode(to.name)
    record = bytes(record) + struct.pack(">HH", 2, len(target)) + target
    record += bytes(len(target) % 2) + b"\xff\xff\0\0"
    alias = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    data = bytearray(mp4)
    dref = data.index(b"dref") + 12
    assert data[dref + 4 : dref + 8] == b"url "
    data[dref : dref + 12] = alias
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        place = data.rindex(box, 0, dref) - 4
        size = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", data, place, size + len(alias) - 12)
    return bytes(data)


def test_a_movie_of_references_is_read_from_its_own_bytes(decoys: Path, clip: bytes) -> None:
    assert clip.index(b"moov") > clip.index(b"mdat")
    path = decoys / "movie.mov"
    path.write_bytes(with_reference(clip, decoys / "decoy.mp4"))
    with opened_below(decoys) as opened:
        options = {"enable_drefs": "1", "use_absolute_path": "1"}
        with av.open(str(path), options=options) as container:
            list(container.decode(video=0))
    assert "decoy.mp4" in opened
    with opened_below(decoys) as opened:
        assert n_frames_of(path) in (0, 3)
    assert opened == {"movie.mov"}


NAMES = [
    "concat:decoy.mp4|decoy.ts",
    "pipe:0",
    "pipe:",
    "-",
    "-i",
    "fd:0",
    "file:decoy.mp4",
    "data:video,mp4",
    "subfile,,start,0,end,9,,:decoy.mp4",
    "cache:decoy.mp4",
    "async:decoy.mp4",
    "crypto:decoy.mp4",
    "lavfi:testsrc",
    "testsrc=duration=1",
    "a;touch hacked;.mp4",
    "$(touch hacked).mp4",
    "`touch hacked`.mp4",
    "a|touch hacked|.mp4",
    "a\ntouch hacked\n.mp4",
    "%03d.mp4",
    "*.mp4",
    "img%03d.mp4",
    "~.mp4",
    "${HOME}.mp4",
    "\udce9.mp4",
    "a.mp4'",
    'a".mp4',
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_only_a_name(decoys: Path, clip: bytes, name: str) -> None:
    for path in (name, decoys / name):
        with pytest.raises(VideoMissingError):
            VideoReader(path)
    before = {path.name for path in decoys.iterdir()}
    write_video(decoys / "five.mp4", [colour_frame(n) for n in range(5)], np.arange(5) / 25)
    (decoys / "five.mp4").rename(decoys / name)
    with opened_below(decoys) as opened:
        assert n_frames_of(name) == n_frames_of(decoys / name) == 5
        assert read_sound(name) is None
    assert opened == {name}
    assert {path.name for path in decoys.iterdir()} == before | {name}


@pytest.mark.parametrize("name", ["http:/127.0.0.1:9/v.mp4", "tcp:/127.0.0.1/v.mp4", "s3:/b/v.mp4"])
def test_folders_that_look_like_an_address(decoys: Path, clip: bytes, name: str) -> None:
    (decoys / name).parent.mkdir(parents=True)
    (decoys / name).write_bytes(clip)
    assert n_frames_of(name) == n_frames_of(Path(name)) == 3


def test_metadata_name_no_file(decoys: Path) -> None:
    """Titles, attachments and chapters may hold any path; none is opened or made."""
    path = decoys / "meta.mkv"
    with av.open(str(path), "w") as container:
        container.metadata.update(title="../decoy.mp4", filename=str(decoys / "decoy.ts"))
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["filename"] = "/etc/passwd"
        for number in range(4):
            picture = av.VideoFrame.from_ndarray(colour_frame(number), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    before = sorted(decoys.iterdir())
    with opened_below(decoys) as opened:
        assert n_frames_of(path) == 4
    assert opened == {"meta.mkv"}
    assert sorted(decoys.iterdir()) == before
