"""What the network fails once is tried again; what fails for good is said to be out of reach."""

import socket
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from featurize import media_file
from featurize.errors import (
    NoRoomError,
    VideoMissingError,
    VideoUnreachableError,
    VideoUnreadableError,
)
from featurize.media_file import local_file, looked_at

pytest.importorskip("aiohttp")
fsspec = pytest.importorskip("fsspec")

CONTENT = b"content" * 100
ANSWER = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
RESET = struct.pack("ii", 1, 0)

Answer = Callable[[socket.socket], None]


def well(connection: socket.socket) -> None:
    connection.sendall(ANSWER % (b"200 OK", len(CONTENT)) + CONTENT)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def cut(connection: socket.socket) -> None:
    connection.sendall(ANSWER % (b"200 OK", len(CONTENT)) + CONTENT[:9])


def status(line: bytes) -> Answer:
    return lambda connection: connection.sendall(ANSWER % (line, 0))


class Server:
    """Answers of a web server one after the other, the last one for ever."""

    def __init__(self, listener: socket.socket) -> None:
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.mp4"
        self.answers: list[Answer] = [well]
        self.asked: list[bytes] = []
        self._listener = listener

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(1 << 16).split()[0])
                answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
                answer(connection)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(media_file, "WAITS_S", (0.01, 0.02))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Server(listener)
        thread = threading.Thread(target=served.serve)
        thread.start()
        yield served
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


# To look takes a HEAD and, when that fails, a GET.
@pytest.mark.parametrize("fault", [reset, status(b"503 Busy"), status(b"429 Slow")])
@pytest.mark.parametrize("n_faults", [2, 4])
def test_what_fails_for_a_moment_is_fetched(server: Server, fault: Answer, n_faults: int) -> None:
    server.answers = [fault] * n_faults + [well]
    with local_file(server.address) as media:
        assert media.path.read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [reset, cut, status(b"503 Busy")])
def test_a_content_that_breaks_off_is_fetched_anew(server: Server, fault: Answer) -> None:
    """It is told how long it is; opened; and breaks off in the middle."""
    server.answers = [well, well, fault, well]
    with local_file(server.address) as media:
        assert media.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "cause", "n_tries"),
    [
        (reset, "Connection reset by peer", 3),
        (status(b"503 Busy"), "HTTP status 503", 3),
        (status(b"403 Forbidden"), "HTTP status 403", 1),
    ],
)
def test_what_fails_for_good_is_out_of_reach(
    server: Server, fault: Answer, cause: str, n_tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [fault]
    with monkeypatch.context() as impatient:
        impatient.setattr(media_file, "WAITS_S", ())
        assert looked_at(server.address) == (None, None)
    once, server.asked = server.asked, []
    with (
        pytest.raises(VideoUnreachableError, match=rf"a\.mp4 cannot be fetched \({cause}\)") as got,
        local_file(server.address),
    ):
        pass
    assert got.value.status == "unreachable"
    assert server.asked == once * n_tries


def test_what_is_not_there_is_asked_for_once(server: Server) -> None:
    server.answers = [status(b"404 None")]
    with pytest.raises(VideoMissingError), local_file(server.address):
        pass
    assert server.asked == [b"HEAD", b"GET"]
    assert looked_at(server.address) == (None, 0)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_file, "WAITS_S", (0.01, 0.02))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.mp4"
    for url in (address, f"zip://a.mp4::{address}"):
        with pytest.raises(VideoUnreachableError), local_file(url):
            pass


@pytest.mark.parametrize(
    ("error", "kind", "n_tries"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), VideoUnreachableError, 3),
        (PermissionError(13, "Permission denied"), VideoUnreachableError, 1),
        (TimeoutError(), VideoUnreachableError, 1),
        (FileNotFoundError(), VideoMissingError, 1),
        (zipfile.BadZipFile(), VideoUnreadableError, 1),
        # A cache of fsspec's lies in the temporary folder, too.
        (OSError(28, "No space left on device"), NoRoomError, 1),
    ],
)
def test_which_errors_pass(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: type[Exception],
    n_tries: int,
) -> None:
    """Whatever the library of a file system raises."""
    monkeypatch.setattr(media_file, "WAITS_S", (0.01, 0.02))
    tries = []

    def fails(*_: object) -> None:
        tries.append(1)
        raise error

    monkeypatch.setattr(type(fsspec.filesystem("file")), "info", fails)
    with pytest.raises(kind), local_file(f"file://{tmp_path}/a.mp4"):
        pass
    assert len(tries) == n_tries
