"""A process that runs one task, request by request. It is started by its keeper.

The file is run by its path, before ``sys.path`` is that of the keeper, so it imports the standard
library only.

What is said, over two pipes: the keeper writes a line of JSON, the worker writes an empty line when
it begins and a line of JSON when it is done. The first line of the keeper is the set-up.
"""

import contextlib
import fcntl
import json
import os
import resource
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

OOM_SCORE = 500
"""Of 1000. When the machine runs out of memory, a worker is to go, not the run."""

_ending = threading.Lock()
"""Taken by the thread that ends the process, and never given back."""


class Speech:
    """The worker's side of the two pipes.

    The task gets neither: its standard input is empty, what it prints goes to standard error.
    """

    def __init__(self) -> None:
        self.requests = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
        self._answers = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
        self._unread = bytearray()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.close(nothing)

    def next_request(self, idle_s: float | None = None) -> dict[str, Any] | None:
        """What the keeper asks next; None when it is gone or asks nothing for that long."""
        waiting = select.poll()
        waiting.register(self.requests, select.POLLIN)
        if not waiting.poll(None if idle_s is None else idle_s * 1000):
            return None
        while not self._unread.endswith(b"\n"):  # one request at a time: nothing follows the line
            piece = os.read(self.requests, 1 << 16)
            if not piece:
                return None
            self._unread += piece
        line, self._unread = self._unread, bytearray()
        return json.loads(line)

    def say(self, line: bytes) -> None:
        """Write a line."""
        left = memoryview(line + b"\n")
        while left:
            left = left[os.write(self._answers, left) :]


def main() -> None:
    """Serve until the keeper is gone or has asked nothing for a while."""
    speech = Speech()
    _prepare_process()
    threading.Thread(target=_end_with_the_keeper, args=(speech.requests,), daemon=True).start()
    try:
        setup = speech.next_request()
        if setup is None:
            _end()
        found: list[Callable[[dict], dict]] = []
        _serve(speech, setup, lambda request: _find(request, found))
        _forget_output()
        while (request := speech.next_request(setup["request"]["idle_s"])) is not None:
            _serve(speech, request, found[0])
    except BrokenPipeError:
        _end()  # the keeper is gone
    except OSError:  # the task has closed the pipes
        os._exit(1)
    _end()


def _prepare_process() -> None:
    """Undo what the keeper may have set, leave no core file, be the first to go without memory."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    score = Path("/proc/self/oom_score_adj")
    with contextlib.suppress(OSError, ValueError):
        if int(score.read_text()) < OOM_SCORE:
            score.write_text(str(OOM_SCORE))
    # Held until the process ends, by whatever cause: says that the folder is in use.
    with contextlib.suppress(OSError):
        fcntl.flock(os.open(os.environ["TMPDIR"], os.O_RDONLY), fcntl.LOCK_SH)


def _find(setup: dict[str, Any], found: list[Callable[[dict], dict]]) -> dict[str, Any]:
    sys.path[:] = setup["path"]
    module, _, function = setup["task"].partition(":")
    found.append(getattr(import_module(module), function))
    return {}


def _forget_output() -> None:
    """From now on nothing is kept of what is printed: a decoder can complain without end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def _serve(speech: Speech, asked: dict[str, Any], task: Callable[[dict], dict]) -> None:
    process, cpu_s = os.getpid(), time.process_time()
    speech.say(b"")
    signal.setitimer(signal.ITIMER_REAL, asked["alarm_s"] or 0)
    try:
        answer = task(asked["request"])
        if not isinstance(answer, dict):
            raise TypeError(f"the answer is of type {type(answer).__name__}, not dict")
        said = {"answer": answer, "cpu_s": time.process_time() - cpu_s}
        line = json.dumps(said).encode("ascii")
    except SystemExit as error:  # at once: threads that the task left would keep the process
        os._exit(error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None))
    except Exception as error:  # noqa: BLE001  whatever a task raises is told to who asked
        what = " ".join("".join(traceback.format_exception_only(error)).split())
        trace = "".join(traceback.format_tb(error.__traceback__))
        line = json.dumps({"error": what[:2000], "trace": trace[-8000:]}).encode("ascii")
    if os.getpid() != process:  # a copy of the process that the task made and did not end
        os._exit(0)
    speech.say(line)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _end_with_the_keeper(requests: int) -> None:
    """Wait for the other end of the pipe to close, also while the task is busy."""
    hang_up = select.poll()
    hang_up.register(requests, 0)
    hang_up.poll()
    _end()


def _end() -> NoReturn:
    """End the process and all it has started, and leave no file."""
    _ending.acquire()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
