"""Idle workers, lent to whoever asks; and who deserves a second try."""

import atexit
import os
import sys
import threading
from collections.abc import Hashable
from typing import Any

from featurize.isolation.keeper import Limits, Outcome, Worker

CHANGES_BY_ITSELF = frozenset({"PYTEST_CURRENT_TEST"})
"""Variables that do not make another environment."""

_idle: dict[Hashable, list[Worker]] = {}
_lock = threading.Lock()


def ask(
    task: str,
    request: dict[str, Any],
    limits: Limits,
    stopped: threading.Event | None = None,
) -> Outcome:
    """Borrow an idle worker of a task or start one, ask it, and give it back.

    A request whose worker crashes is tried once more, in a new process: it may have been killed
    from outside. One that needs too much memory is tried once more if its worker had answered
    others before, as those may have left something behind. One that takes too long is not.

    Safe to call from any number of threads and from daemonic processes. A worker serves callers of
    the same environment variables, current folder and ``sys.path`` only.

    Parameters
    ----------
    task : str
        ``"package.module:function"``, a function ``(dict) -> dict``. Both go as JSON, which here
        has NaN and infinity.
    request : dict
        What the function is given.
    limits : Limits
        Of each try.
    stopped : threading.Event, optional
        When it is set, the worker is ended and nothing is tried again.

    Returns
    -------
    Outcome
        Of the last try.

    Raises
    ------
    WorkerError
        When no worker can be started, or the function raised an exception.
    """
    key = _surroundings(task)
    worker = _borrowed(key)
    n_crashes = 0
    while True:
        if worker is None:
            worker = Worker()
            worker.start(task)
        n_before = worker.served
        try:
            outcome = worker.ask(request, limits, stopped)
            began = worker.began
        finally:
            _give_back(key, worker)
        if not began and n_before > 0:
            again = True  # it ended, was killed or got stuck while it was idle
        elif outcome.status == "crashed":
            n_crashes += 1
            again = n_crashes < 2
        else:
            again = outcome.status == "too_large" and n_before > 0
        if not again:
            return outcome
        worker = None


def close_idle() -> None:
    """End the workers that wait for requests. Those that are busy end when they are done."""
    with _lock:
        workers = [worker for kept in _idle.values() for worker in kept]
        _idle.clear()
    for worker in workers:
        worker.close()


def _surroundings(task: str) -> Hashable:
    """What a worker takes over from the process that starts it."""
    try:
        here = os.stat(".")  # noqa: PTH116  the folder, whatever its name is by now
        folder = here.st_dev, here.st_ino
    except OSError:
        folder = None
    variables = ((k, v) for k, v in os.environ.items() if k not in CHANGES_BY_ITSELF)
    return task, sys.executable, folder, tuple(map(str, sys.path)), frozenset(variables)


def _borrowed(key: Hashable) -> Worker | None:
    """An idle worker, the one that was busy last; clears away those that have ended meanwhile."""
    with _lock:
        gone = []
        for kept in _idle.values():
            gone += [worker for worker in kept if not worker.is_idle]
            kept[:] = [worker for worker in kept if worker not in gone]
        for unused in [known for known, kept in _idle.items() if not kept]:
            del _idle[unused]
        worker = _idle[key].pop() if key in _idle else None
    for ended in gone:
        ended.close()
    return worker


def _give_back(key: Hashable, worker: Worker) -> None:
    if worker.is_idle:
        with _lock:
            _idle.setdefault(key, []).append(worker)
    else:
        worker.close()


def _forget_all() -> None:
    """In a copy of this process: the workers belong to the original."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


os.register_at_fork(after_in_child=_forget_all)
atexit.register(close_idle)
