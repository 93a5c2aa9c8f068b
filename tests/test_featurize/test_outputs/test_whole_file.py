"""A file is there whole, or as it was before."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from featurize.outputs.whole_file import whole_file
from tests.test_featurize.test_outputs.tables import names_in


def test_the_file_appears_at_the_end_and_not_before(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    with whole_file(out) as file:
        file.write(b"rows")
        assert not out.exists()
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    assert out.read_bytes() == b"rows"
    assert names_in(tmp_path) == ["t.csv"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_ends_in_an_exception_leaves_the_old_file(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    out = tmp_path / "t.csv"
    out.write_bytes(b"old")

    def write_half() -> None:
        with whole_file(out) as file:
            file.write(b"half a li")
            raise stop

    with pytest.raises(stop):
        write_half()
    assert names_in(tmp_path) == ["t.csv"]
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_that_the_umask_gives(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "t.csv") as file:
            file.write(b"rows")
    finally:
        os.umask(before)
    assert (tmp_path / "t.csv").stat().st_mode & 0o777 == mode


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from featurize.outputs.whole_file import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as file:\n"
        "    file.write(b'long' * 9999); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(out)], check=False)
    assert killed.returncode == -9
    assert not out.exists()
    assert len(names_in(tmp_path)) == 1
    with whole_file(out) as file:
        file.write(b"short")
    assert names_in(tmp_path) == ["t.csv"]
    assert out.read_bytes() == b"short"


def test_two_writers_at_a_time_are_not_mixed(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    with whole_file(out) as file:
        file.write(b"first")
        with pytest.raises(OSError, match="another process is writing it"), whole_file(out):
            pass
    assert out.read_bytes() == b"first"


def test_a_writer_that_waits_comes_after_the_other(tmp_path: Path) -> None:
    out, entered = tmp_path / "t.csv", threading.Event()

    def write_first() -> None:
        with whole_file(out) as file:
            file.write(b"first")
            entered.set()
            time.sleep(0.3)

    thread = threading.Thread(target=write_first)
    thread.start()
    assert entered.wait(20)
    with whole_file(out, wait_s=60) as file:
        assert out.read_bytes() == b"first"
        file.write(b"second")
    thread.join()
    assert out.read_bytes() == b"second"
    assert names_in(tmp_path) == ["t.csv"]


def test_a_writer_does_not_wait_for_ever(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    with (
        whole_file(out),
        pytest.raises(OSError, match="another process is writing it"),
        whole_file(out, wait_s=0.2),
    ):
        pass


def test_many_writers_leave_what_one_of_them_wrote(tmp_path: Path) -> None:
    out, written, refused = tmp_path / "t.csv", [], set()

    def write(letter: bytes) -> None:
        for _ in range(50):
            try:
                with whole_file(out) as file:
                    file.write(letter * 1000)
                written.append(letter)
            except OSError as error:
                refused.add(error.strerror)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert written
    assert refused <= {"another process is writing it"}
    assert out.read_bytes() in {letter * 1000 for letter in written}
    assert names_in(tmp_path) == ["t.csv"]


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".t.csv.part").symlink_to("precious")
    with pytest.raises(OSError, match="symbolic link"), whole_file(tmp_path / "t.csv"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_bytes_are_on_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        sync(handle)

    def noted_replace(part: Path, path: Path) -> None:
        done.append("name")
        replace(part, path)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    with whole_file(tmp_path / "t.csv") as file:
        file.write(b"rows")
    assert done == ["file", "name", "folder"]
