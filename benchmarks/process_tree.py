"""Memory and CPU time of a process and all its descendants, read from /proc while it runs."""

import contextlib
import os
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Self

_EVERY_S = 0.05
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Process ids of the children of a process, their children and so on."""
    children = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(int(stat.parent.name))
        if fields:
            children[int(fields[1])].append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = children[waiting.pop()]
        found += below
        waiting += below
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and has not ended."""
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def command_of(pid: int) -> str:
    """The command line of a process; empty when it is gone."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        return ""


def is_worker(pid: int) -> bool:
    """Tell whether a process is one that works on videos."""
    return "isolation/worker.py" in command_of(pid)


class Watch:
    """Looks at a process twenty times a second, in a thread of its own.

    Use it as a context manager around the life of the process. Memory is anonymous memory: what the
    process itself holds, without the files and libraries that processes share.

    Parameters
    ----------
    process : subprocess.Popen
        A process that was started.
    folder : Path, optional
        Where its videos are.

    Attributes
    ----------
    parent_mib, worker_mib : float
        Most memory, so far, of the process itself and of any one of its descendants.
    open_s : dict
        For how long each video of ``folder`` was seen open, by name.
    """

    def __init__(self, process: subprocess.Popen, folder: Path | None = None) -> None:
        self._pid = process.pid
        self._folder = None if folder is None else str(folder.resolve())
        self._first_seen_s: dict[str, float] = {}
        self.open_s: dict[str, float] = {}
        self._cpu_s: dict[int, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.parent_mib = self.worker_mib = 0.0

    def __enter__(self) -> Self:
        self._start_s = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.wall_s = time.perf_counter() - self._start_s
        self._done.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """CPU time of all these processes, but for their last twentieth of a second."""
        return sum(self._cpu_s.values())

    def _look(self) -> None:
        while not self._done.wait(_EVERY_S):
            below = descendants(self._pid)
            for pid in (self._pid, *below):
                fields = _stat(pid)
                if fields:
                    # User and system time; that of children is counted with the children.
                    self._cpu_s[pid] = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
            self.parent_mib = max(self.parent_mib, _anonymous_mib(self._pid))
            self.worker_mib = max([self.worker_mib, *map(_anonymous_mib, below)])
            if self._folder is not None:
                self._look_at_files(below)

    def _look_at_files(self, pids: list[int]) -> None:
        now_s = time.perf_counter()
        for pid in pids:
            for path in _open_files(pid):
                folder, _, name = path.rpartition("/")
                if folder == self._folder:
                    since_s = self._first_seen_s.setdefault(name, now_s)
                    self.open_s[name] = now_s - since_s


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _open_files(pid: int) -> list[str]:
    paths = []
    with contextlib.suppress(OSError):  # the process, or the file, is gone by now
        for link in Path(f"/proc/{pid}/fd").iterdir():
            paths.append(str(link.readlink()))
    return paths


def _anonymous_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(sizes[0]) / 1024 if sizes else 0.0
