"""Addresses: fetched for as long as needed, once, told without their secrets."""

import functools
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from featurize import limits
from featurize.audio import read_sound
from featurize.errors import (
    FeaturizeError,
    NoRoomError,
    OptionError,
    OutputError,
    VideoEmptyError,
    VideoMissingError,
    VideoTooLargeError,
    VideoUnreadableError,
)
from featurize.media_file import local_file, looked_at, state_of
from featurize.synthesis import write_video
from featurize.video import VideoReader
from tests.test_featurize.test_video import colour_frame

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of one's own, to see what is left in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a video.mp4"
    write_video(path, [colour_frame(n) for n in range(5)], np.arange(5) / 25)
    return path


@pytest.fixture
def archive(tmp_path: Path, video: Path) -> str:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.write(video, "in/a.mp4")
    return f"zip://in/a.mp4::file://{tmp_path / 'x.zip'}"


class TestFilesOfThisMachine:
    def test_are_passed_on(self, video: Path, temporary: Path) -> None:
        for given_path in (video, str(video)):
            with local_file(given_path) as media:
                assert (media.path, media.name, media.state) == (video, str(video), None)
                with local_file(media) as again:
                    assert again is media
        assert video.exists()
        assert list(temporary.iterdir()) == []

    def test_state_and_size(self, video: Path) -> None:
        before, found = state_of(video), video.stat()
        assert before == state_of(str(video))
        assert before == (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        assert looked_at(video)[1] == found.st_size
        data = bytearray(video.read_bytes())
        data[-1] ^= 1
        other = video.with_name("other")
        other.write_bytes(data)
        os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
        other.replace(video)
        assert state_of(video) != before

    @pytest.mark.parametrize("name", ["none.mp4", "x" * 300, "nul\0", "file/below"])
    def test_what_is_not_there(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        assert state_of(tmp_path / name) is None
        assert looked_at(tmp_path / name) == (None, 0)

    def test_a_folder_has_no_size(self, tmp_path: Path) -> None:
        assert stat.S_ISDIR(state_of(tmp_path)[0])
        assert looked_at(tmp_path)[1] is None


class TestFetching:
    def test_a_copy_for_as_long_as_it_is_used(
        self, video: Path, archive: str, temporary: Path
    ) -> None:
        for address in (f"file://{video}", archive):
            with local_file(address) as media:
                assert media.path.parent == temporary
                assert media.path.read_bytes() == video.read_bytes()
                assert (media.name, media.suffix) == (address, ".mp4")
                assert media.state == state_of(address)
            assert list(temporary.iterdir()) == []
            with pytest.raises(KeyError), local_file(address):
                raise KeyError
            assert list(temporary.iterdir()) == []
            assert looked_at(address)[1] == video.stat().st_size

    @pytest.mark.parametrize("cached", ["simplecache::file://", "file://"])
    def test_readers_take_addresses(self, video: Path, temporary: Path, cached: str) -> None:
        with VideoReader(f"{cached}{video}") as reader:
            assert len(list(reader)) == len(list(reader)) == 5
            assert reader.info.path == f"{cached}{video}"
        assert read_sound(f"{cached}{video}") is None
        assert [path for path in temporary.iterdir() if path.is_file()] == []

    def test_readers_remove_what_is_no_video(self, tmp_path: Path, temporary: Path) -> None:
        (tmp_path / "words.mp4").write_text("words " * 99)
        for read in (VideoReader, read_sound):
            with pytest.raises(VideoUnreadableError, match=r"file://.*not a video that FFmpeg"):
                read(f"file://{tmp_path / 'words.mp4'}")
        assert list(temporary.iterdir()) == []

    @pytest.mark.parametrize(
        "name", ["list.m3u8", "concat:a|b.mp4", "a.mp4;x", "a.b c", "%03d.png"]
    )
    def test_endings_are_plain(self, tmp_path: Path, temporary: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"x")
        with local_file(f"file://{tmp_path / name}") as media:
            assert media.path.parent == temporary
            assert media.suffix in (".m3u8", ".mp4", ".png", "")
            assert set(media.path.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-.")

    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path, temporary: Path) -> None:
        with (tmp_path / "long.mp4").open("wb") as file:
            file.truncate(64 << 20)
        address = f"file://{tmp_path / 'long.mp4'}"
        tracemalloc.start()
        try:
            with local_file(address) as media:
                assert media.path.stat().st_size == 64 << 20
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak_bytes < 12 << 20


class TestRefusals:
    def test_missing(self, tmp_path: Path, archive: str) -> None:
        gone = archive.replace("a.mp4", "b.mp4")
        for address in (f"file://{tmp_path}/none.mp4", gone):
            assert state_of(address) is None
            assert looked_at(address) == (None, 0)
            with (
                pytest.raises(VideoMissingError, match=r"There is no .*: check the address"),
                local_file(address),
            ):
                pass

    def test_empty_and_folders(self, tmp_path: Path) -> None:
        (tmp_path / "empty.mp4").touch()
        with pytest.raises(VideoEmptyError), local_file(f"file://{tmp_path}/empty.mp4"):
            pass
        with pytest.raises(VideoUnreadableError, match="folder"), local_file(f"file://{tmp_path}"):
            pass

    def test_a_kind_that_nobody_knows(self) -> None:
        assert state_of("htps://host/a.mp4") is None
        with (
            pytest.raises(VideoUnreadableError, match="check the part before ://"),
            local_file("htps://host/a.mp4"),
        ):
            pass

    def test_a_broken_archive(self, tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_bytes(b"no archive")
        address = f"zip://a.mp4::file://{tmp_path}/x.zip"
        assert state_of(address) is None
        with pytest.raises(VideoUnreadableError, match="BadZipFile"), local_file(address):
            pass

    def test_damage_within_an_archive(self, archive: str, tmp_path: Path, temporary: Path) -> None:
        data = bytearray((tmp_path / "x.zip").read_bytes())
        data[300:310] = bytes(10)
        (tmp_path / "x.zip").write_bytes(data)
        with pytest.raises(VideoUnreadableError, match="cannot be fetched"), local_file(archive):
            pass
        assert list(temporary.iterdir()) == []

    def test_too_large_is_known_before_it_is_fetched(
        self, video: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_BYTES", video.stat().st_size)
        with local_file(f"file://{video}"):
            pass
        monkeypatch.setattr(limits, "MAX_BYTES", video.stat().st_size - 1)
        temporary.rmdir()  # nothing could be written
        with (
            pytest.raises(VideoTooLargeError, match="cut it into parts, or copy it"),
            local_file(f"file://{video}"),
        ):
            pass

    @pytest.mark.parametrize("told", [None, 10])
    def test_a_size_that_is_not_told_or_wrong_is_counted(
        self, video: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, told: int | None
    ) -> None:
        files = fsspec.filesystem("file")
        says = files.info
        monkeypatch.setattr(type(files), "info", lambda self, path: says(path) | {"size": told})
        assert looked_at(f"file://{video}")[1] == told
        monkeypatch.setattr(limits, "MAX_BYTES", 100)
        with pytest.raises(VideoTooLargeError), local_file(f"file://{video}"):
            pass
        assert list(temporary.iterdir()) == []

    def test_a_temporary_folder_that_is_gone(self, video: Path, temporary: Path) -> None:
        temporary.rmdir()
        with (
            pytest.raises(OutputError, match=r"temporary folder cannot be written.*TMPDIR"),
            local_file(f"file://{video}"),
        ):
            pass

    def test_a_full_disk_is_not_the_video_s_fault(self, video: Path) -> None:
        """A process whose files may not grow stands for a disk that is full."""
        code = (
            "import resource, signal, sys\n"
            "from featurize.errors import NoRoomError\n"
            "from featurize.media_file import local_file\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
            "try:\n"
            "    with local_file(sys.argv[1]): pass\n"
            "except NoRoomError as error: print(error)\n"
        )
        command = [sys.executable, "-c", code, f"file://{video}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "temporary folder has no room for what the video needs" in done.stdout

    def test_what_has_no_room_is_known_before_it_is_fetched(
        self, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_BYTES", 1 << 60)
        with (tmp_path / "huge.mp4").open("wb") as file:
            file.truncate(shutil.disk_usage(temporary).total + 1)
        with pytest.raises(NoRoomError, match="TMPDIR"), local_file(f"file://{file.name}"):
            pass
        assert list(temporary.iterdir()) == []

    @pytest.mark.parametrize(
        "address",
        ["reference://a::file://{}", "reference::file://{}", "zip://a::Reference://b::file://{}"],
    )
    def test_what_names_other_files(self, tmp_path: Path, address: str) -> None:
        (tmp_path / "secret").write_text("secret")
        named = {"version": 1, "refs": {"a": [f"file://{tmp_path}/secret"]}}
        (tmp_path / "refs.json").write_text(json.dumps(named))
        url = address.format(tmp_path / "refs.json")
        assert looked_at(url) == (None, 0)
        sentence = "eference:// opens whatever files and addresses the content of another names"
        with pytest.raises(VideoUnreadableError, match=sentence), local_file(url):
            pass

    def test_secrets_are_not_told(self, tmp_path: Path) -> None:
        address = f"file://{tmp_path}/none.mp4?signature=abc"
        with pytest.raises(VideoMissingError) as caught, local_file(address):
            pass
        assert "abc" not in str(caught.value)

    @pytest.mark.parametrize(
        ("blocked", "address", "advice"),
        [
            ("fsspec", "file:///a.mp4", r"biometrics\[remote\]'"),
            ("fsspec", "zip://a.mp4::gs://bucket/x.zip", r"biometrics\[gs\]'"),
            ("s3fs", "s3://bucket/a.mp4", r"pip install 'deepfake-biometrics\[s3\]'"),
            ("gcsfs", "gs://bucket/a.mp4", r"pip install 'deepfake-biometrics\[gs\]'"),
            ("aiohttp", "https://host/a.mp4", r"pip install 'deepfake-biometrics\[remote\]'"),
            ("paramiko", "sftp://host/a.mp4", "install it .*paramiko"),
        ],
    )
    def test_without_the_package(
        self, monkeypatch: pytest.MonkeyPatch, blocked: str, address: str, advice: str
    ) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] in (blocked, "fsspec")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, blocked, None)
        for ask in (state_of, looked_at, VideoReader, read_sound):
            with pytest.raises(OptionError, match=advice) as caught:
                ask(address)
            assert isinstance(caught.value, FeaturizeError)
            assert address in str(caught.value)

    def test_files_need_no_package(self, video: Path) -> None:
        code = (
            "import sys\n"
            "sys.modules['fsspec'] = None\n"
            "from featurize.media_file import local_file, state_of\n"
            "from featurize.video import VideoReader\n"
            "assert state_of(sys.argv[1])\n"
            "with VideoReader(sys.argv[1]) as video: print(len(list(video)))\n"
        )
        command = [sys.executable, "-c", code, str(video)]
        assert subprocess.run(command, capture_output=True, check=True).stdout == b"5\n"


class TestServer:
    """Over HTTP, where aiohttp is installed: a server on this machine."""

    @pytest.fixture
    def served(self, video: Path) -> Iterator[str]:
        pytest.importorskip("aiohttp")
        handler = functools.partial(SimpleHTTPRequestHandler, directory=str(video.parent))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()

    def test_a_video_is_fetched(self, served: str, video: Path, temporary: Path) -> None:
        address = f"{served}/a%20video.mp4"
        with local_file(address) as media:
            assert media.path.read_bytes() == video.read_bytes()
        assert looked_at(address)[1] == video.stat().st_size
        before = state_of(address)
        assert before == state_of(address)
        os.utime(video, (1, 1))
        assert state_of(address) not in (before, None)
        assert list(temporary.iterdir()) == []

    def test_what_is_not_there(self, served: str) -> None:
        assert state_of(f"{served}/none.mp4") is None
        with pytest.raises(VideoMissingError), local_file(f"{served}/none.mp4"):
            pass


class TestStates:
    def test_of_an_address_changes_with_its_content(self, video: Path, archive: str) -> None:
        zipped = Path(archive.split("file://")[1])
        for address, change in (
            (f"file://{video}", lambda: video.write_bytes(b"another")),
            (archive, lambda: _zip(zipped, b"another")),
        ):
            before = state_of(address)
            assert before == state_of(address)
            assert all(isinstance(part, str | int) for part in before)
            change()
            assert state_of(address) not in (before, None)

    def test_is_the_same_in_another_process(self, video: Path) -> None:
        code = "import sys; from featurize.media_file import *; print(state_of(sys.argv[1]))"
        command = [sys.executable, "-c", code, f"file://{video}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(state_of(f"file://{video}"))


def _zip(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("in/a.mp4", content)
