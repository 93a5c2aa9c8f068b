"""After every test of this room: no process and no file of a worker is left."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from featurize.isolation.folders import PREFIX
from featurize.isolation.pool import close_idle

ROOT = Path(__file__).parents[3]


def workers_below(folder: Path) -> list[int]:
    """Processes whose temporary folder is that of a worker in this folder, and their children."""
    mark = f"TMPDIR={folder / PREFIX}".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_for(happened: Callable[[], object], patience_s: float = 20.0) -> None:
    """Patience is shorter than the time after which an idle worker ends by itself."""
    deadline = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place of temporary folders of this test only."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield place
    close_idle()
    wait_for(lambda: not workers_below(place))
    assert list(place.iterdir()) == []


@pytest.fixture
def keeper(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run code in a process that keeps workers; it has ``ask``, ``Limits`` and ``TASKS``."""
    started = []

    def run(code: str, *, by: str = "-c", **options: object) -> subprocess.Popen[str]:
        program = (
            "from featurize.isolation import keeper, pool\n"
            "from featurize.isolation.keeper import Limits\n"
            "from featurize.isolation.pool import ask\n"
            f"TASKS = {__package__!r} + '.tasks:'\n{code}\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-", "stdin"] if by == "stdin" else [sys.executable, by, program],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        if by == "stdin":
            process.stdin.write(program)
            process.stdin.close()
            process.stdin = None
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
