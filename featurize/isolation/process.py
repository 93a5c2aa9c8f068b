"""The operating system's side of a worker: its process, pipes, folder, memory and end."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import IO

from featurize.isolation.folders import make_folder

THREADS = (
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables that cap the threads inside a worker, so that N workers use N cores."""

GRACE_S = 5.0
"""Time for a process that has closed its pipe, or was killed, to be gone."""

_lock = threading.RLock()
"""Held while a process is started: a fork of this process in between would keep its pipes open."""

_processes: "weakref.WeakSet[WorkerProcess]" = weakref.WeakSet()


def ended_by(number: int) -> str:
    """Half a sentence about a process that a signal has ended."""
    names = {known.value: known.name for known in signal.Signals}
    return f"was ended by {names.get(number, f'signal {number}')}"


class WorkerProcess:
    """A worker process that runs ``worker.py``, the leader of a session of its own.

    Parameters
    ----------
    task : str
        What it is to run; only shown in the list of processes.
    stderr : IO[bytes]
        Where it writes until it is set up.

    Attributes
    ----------
    requests, answers : int
        This side's ends of the pipes. Neither blocks.

    Raises
    ------
    OSError
        When there is no interpreter, or no room for a temporary folder or another process.
    """

    def __init__(self, task: str, stderr: IO[bytes]) -> None:
        self._end: tuple[int, int] | None = None
        self._folder = make_folder()
        environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "TMPDIR": str(self._folder)}
        program = Path(__file__).with_name("worker.py")
        try:
            with _lock:
                self._process = subprocess.Popen(  # noqa: S603  our own program
                    [sys.executable or "", str(program), task],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    bufsize=0,
                    env=environment,
                    start_new_session=True,
                )
                self.requests = self._process.stdin.fileno()
                self.answers = self._process.stdout.fileno()
                _processes.add(self)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._status = Path(f"/proc/{self._process.pid}/status")
        os.set_blocking(self.requests, False)
        os.set_blocking(self.answers, False)

    def has_ended(self) -> bool:
        """Whether the process is over. It is not reaped, so that its number stays its own."""
        if self._end is None:
            how = os.WEXITED | os.WNOHANG | os.WNOWAIT
            try:
                seen = os.waitid(os.P_PID, self._process.pid, how)
            except ChildProcessError:  # somebody else reaps the children of this process
                self._end = (0, 0)
            else:
                self._end = None if seen is None else (seen.si_code, seen.si_status)
        return self._end is not None

    def how_ended(self) -> str:
        """Half a sentence, after a little patience with a process that is about to end."""
        deadline = time.monotonic() + GRACE_S
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.002)
        code, status = self._end or (0, 0)
        if code == os.CLD_EXITED:
            return f"ended with exit code {status}"
        if code in (os.CLD_KILLED, os.CLD_DUMPED):
            return ended_by(status)
        return "stopped answering"

    def memory_mib(self) -> float:
        """Anonymous memory of the process, resident or swapped out, in MiB; 0 when it is over."""
        kib = 0
        with contextlib.suppress(OSError), self._status.open("rb") as file:
            for line in file:
                if line.startswith((b"RssAnon:", b"VmSwap:")):
                    kib += int(line.split()[1])
        return kib / 1024

    def close(self) -> None:
        """End the process, all that it has started, and its folder."""
        self.has_ended()
        if self._end != (0, 0):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel, on a dead disk
            self._process.wait(GRACE_S)
        with _lock:
            _processes.discard(self)
            self._process.stdin.close()
            self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def forget(self) -> None:
        """In a copy of this process: leave the worker to the original."""
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
        self._process.returncode = 0


def _forget_all() -> None:
    global _lock
    _lock = threading.RLock()
    for process in _processes:
        process.forget()
    _processes.clear()


os.register_at_fork(
    before=lambda: _lock.acquire(),
    after_in_parent=lambda: _lock.release(),
    after_in_child=_forget_all,
)
