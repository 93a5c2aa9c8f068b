"""Looking at the videos of a run: an address that does not answer is left to who does the video."""

import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from featurize.errors import OptionError
from featurize.media_file import looked_at
from featurize.runs import videos as module
from featurize.runs.videos import Videos

pytest.importorskip("fsspec")

HANG_S = 60
"""So long whoever hangs is waited for; it would hang ten times as long."""


def listed(*paths: str | Path, folder: Path = Path()) -> Videos:
    known = pd.DataFrame({"path": list(map(str, paths))}, dtype=object)
    return Videos.listed(known, folder, None)


class Silent:
    """A server that accepts, and says nothing for ever."""

    def __init__(self, listener: socket.socket) -> None:
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.asked: list[socket.socket] = []
        self.n_asked = threading.Semaphore(0)
        self._listener = listener

    def serve(self) -> None:
        while True:
            try:
                self.asked.append(self._listener.accept()[0])
            except OSError:
                return
            self.n_asked.release()


@pytest.fixture
def silent() -> Iterator[Silent]:
    pytest.importorskip("aiohttp")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Silent(listener)
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in server.asked:
            connection.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADDRESS_S", 3.0)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("a.mp4", b"123")
    return f"zip://a.mp4::file://{tmp_path / 'x.zip'}"


def test_files(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.mp4").write_bytes(bytes(number))
    names = [f"{number}.mp4" for number in range(310)]
    found = listed(*names, folder=tmp_path)
    assert found.places == [str(tmp_path / name) for name in names]
    assert found.sizes == [*range(300), *[0] * 10]
    assert all(isinstance(state, str) for state in found.states[:300])
    assert found.states[300:] == [None] * 10
    (tmp_path / "7.mp4").write_bytes(b"another")
    os.utime(tmp_path / "8.mp4", (1, 1))
    again = listed(*names, folder=tmp_path)
    changed = [n for n in range(310) if again.at(n) != found.at(n)]
    assert changed == [7, 8]
    assert again.list_sha256 == found.list_sha256


def test_files_of_no_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    found = listed("fifo", "folder", "loop", "nul\0", "x" * 300, folder=tmp_path)
    assert found.sizes == [None, None, 0, 0, 0]


def test_addresses_among_files(tmp_path: Path, archive: str) -> None:
    (tmp_path / "b.mp4").write_bytes(b"12")
    gone = archive.replace("a.mp4", "gone.mp4")
    found = listed("b.mp4", archive, "none.mp4", gone, "htps://a", "reference://a", folder=tmp_path)
    assert found.sizes == [2, 3, 0, 0, 0, 0]
    assert [state is None for state in found.states] == [False, False, True, True, True, True]
    assert listed(archive).states[0] == found.states[1]
    Path(archive.split("file://")[1]).write_bytes(b"no archive")
    assert listed(archive).states == [None]


def test_more_addresses_than_are_asked_at_a_time(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}.mp4").write_bytes(bytes(number + 1))
    found = listed(*[f"file://{tmp_path}/{number}.mp4" for number in range(100)])
    assert found.sizes == list(range(1, 101))
    assert len(set(found.states)) == 100


@pytest.mark.usefixtures("impatient")
def test_who_does_not_answer_costs_no_other(tmp_path: Path, archive: str, silent: Silent) -> None:
    os.mkfifo(tmp_path / "fifo")
    waits = f"zip://a.mp4::file://{tmp_path / 'fifo'}"
    (tmp_path / "b.mp4").write_bytes(b"12")
    # Two in each request: an address that answers is with one that does not.
    answers = [f"file://{tmp_path}/b.mp4", archive] + [f"file://{tmp_path}/{n}" for n in range(28)]
    found = listed(waits, answers[0], f"{silent.address}/a.mp4", *answers[1:])
    assert found.sizes == [None, 2, None, 3, *[0] * 28]
    assert found.states[0] is found.states[2] is None
    assert found.states[1] is not None
    assert silent.asked


@pytest.mark.usefixtures("impatient")
def test_a_silent_server_is_given_up(silent: Silent, archive: str) -> None:
    found = listed(*[f"{silent.address}/{number}.mp4" for number in range(2000)], archive)
    assert found.sizes == [None] * 2000 + [3]
    assert found.states[:2000] == [None] * 2000
    # A first request each of sixteen askers, and then some alone.
    assert len(silent.asked) <= 16 * 16 + 3 * 16


@pytest.mark.parametrize("missing", ["fsspec", "s3fs"])
def test_a_missing_package_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ImportError('none', name='{missing}')")
    monkeypatch.syspath_prepend(tmp_path)  # also that of worker processes
    extra = r"biometrics\[s3\]"
    with pytest.raises(OptionError, match=rf"s3://bucket/a\.mp4 is an address.*{extra}"):
        listed("b.mp4", "s3://bucket/a.mp4")


def test_an_interruption_is_not_kept_waiting(silent: Silent) -> None:
    code = (
        "import sys, pandas\n"
        "from pathlib import Path\n"
        "from featurize.runs import videos\n"
        "videos.ADDRESS_S = 600.0\n"
        "known = pandas.DataFrame({'path': [f'{sys.argv[1]}/{n}' for n in range(99)]})\n"
        "videos.Videos.listed(known, Path(), None)\n"
    )
    command = [sys.executable, "-c", code, silent.address]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert silent.n_asked.acquire(timeout=HANG_S)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=HANG_S)[1]
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert said.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert "Warning" not in said


def test_one_question_answers_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    (tmp_path / "a.mp4").write_bytes(b"12")
    asked = []
    files = type(fsspec.filesystem("file"))
    says = files.info

    def info(self: object, path: str) -> dict[str, object]:
        asked.append(path)
        return says(self, path)

    monkeypatch.setattr(files, "info", info)
    state, n_bytes = looked_at(f"file://{tmp_path}/a.mp4")
    assert (state is None, n_bytes, len(asked)) == (False, 2, 1)
