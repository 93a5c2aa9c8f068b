"""One worker and the rules it is held to: how long, how much memory, what counts as an answer."""

import contextlib
import json
import math
import os
import select
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import IO, Any

from featurize.errors import OptionError, WorkerError
from featurize.isolation.exchange import GARBAGE, Exchange
from featurize.isolation.process import WorkerProcess

START_S = 120.0
"""Time that a worker has to start and import its task."""

IDLE_S = 30.0
"""A worker that is asked nothing for so long ends by itself."""

ALARM_AFTER_S = 5.0
"""So long after its time limit a worker ends by itself; a keeper that lives is earlier."""

LONGEST_ALARM_S = 1e8
"""More than three years, which every clock can hold."""

FAILED = "failed"
"""The task raised an exception. Nobody outside is given an outcome of this status."""


@dataclass(frozen=True)
class Limits:
    """What one request may cost.

    Attributes
    ----------
    timeout_s : float, optional
        Wall-clock time in seconds; None for no limit.
    memory_mib : float, optional
        Anonymous memory of the worker process in MiB, swapped out or not; None for no limit. It is
        looked at 20 times a second, so what is taken and given back in between is not seen.
        Processes that the worker starts are not counted.

    Raises
    ------
    OptionError
        When a limit is not a number above 0.
    """

    timeout_s: float | None = None
    memory_mib: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("timeout_s", self.timeout_s), ("memory_mib", self.memory_mib)):
            if value is not None and not 0 < value < math.inf:
                raise OptionError(f"{name} must be a number above 0, or None for no limit.")


@dataclass(frozen=True)
class Outcome:
    """What became of a request.

    Attributes
    ----------
    status : str
        ``answered``, ``crashed``, ``timeout``, ``too_large`` (it needed more memory),
        ``answer_too_large`` or ``stopped``.
    answer : dict, optional
        What the task returned; None unless answered.
    reason : str
        Half a sentence about the worker, such as ``was ended by SIGSEGV``; empty when answered.
    cpu_s : float
        Processor time of the worker for this request in seconds, all threads; 0 where unknown.
    peak_mib : float
        Most anonymous memory of the worker seen during this request, in MiB.
    """

    status: str
    answer: dict[str, Any] | None = None
    reason: str = ""
    cpu_s: float = 0.0
    peak_mib: float = 0.0


class Worker:
    """A process of its own that answers requests, one at a time.

    Attributes
    ----------
    served : int
        Requests it has answered.
    began : bool
        Whether it began with the last request.
    """

    def __init__(self) -> None:
        self.served = 0
        self.began = False
        self._process: WorkerProcess | None = None
        self._task = ""

    @property
    def is_idle(self) -> bool:
        """Whether the process lives and has said nothing unasked."""
        if self._process is None or self._process.has_ended():
            return False
        waiting = select.poll()
        waiting.register(self._process.answers, select.POLLIN)
        return not waiting.poll(0)

    def start(self, task: str) -> None:
        """Start the process and import the task in it.

        Parameters
        ----------
        task : str
            ``"package.module:function"``, found with this process's ``sys.path``.

        Raises
        ------
        WorkerError
            When the process cannot be started or the task cannot be imported.
        """
        self._task = task
        setup = {"path": [str(entry) for entry in sys.path], "task": task, "idle_s": IDLE_S}
        for _ in range(2):
            try:
                with tempfile.TemporaryFile() as stderr:
                    self._process = WorkerProcess(task, stderr)
                    outcome, _ = self._ask(setup, Limits(timeout_s=START_S))
                    said = _last_line(stderr)
            except OSError as error:
                raise _not_started(task, str(error)) from error
            if outcome.status == "answered":
                return
            if outcome.status != "crashed":
                break  # else killed from outside perhaps, no fault of the task: tried again
        self.close()
        why = outcome.reason if outcome.status == FAILED else f"it {outcome.reason}"
        raise _not_started(task, f"{why}{said and ': '}{said}")

    def ask(
        self, request: dict[str, Any], limits: Limits, stopped: threading.Event | None = None
    ) -> Outcome:
        """Ask and wait for the answer, or until it is not wanted any more.

        A worker that did not answer is closed.

        Raises
        ------
        WorkerError
            When the task raised an exception; the worker can be asked again.
        """
        outcome, trace = self._ask(request, limits, stopped)
        if outcome.status == FAILED:
            error = WorkerError(f"{self._task} failed: {outcome.reason}.")
            error.add_note(trace)
            raise error
        self.served += outcome.status == "answered"
        return outcome

    def close(self) -> None:
        """End the process and remove its temporary folder."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _ask(
        self, request: dict[str, Any], limits: Limits, stopped: threading.Event | None = None
    ) -> tuple[Outcome, str]:
        """What became of it; of a task that raised an exception also where."""
        if self._process is None:
            raise WorkerError("This worker is closed: start it first.")
        limit_s = limits.timeout_s
        alarm_s = None if limit_s is None else min(limit_s, LONGEST_ALARM_S) + ALARM_AFTER_S
        asked = {"request": request, "alarm_s": alarm_s}
        line = json.dumps(asked).encode("ascii") + b"\n"
        exchange = Exchange(self._process, limit_s, limits.memory_mib, stopped)
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            status, reason = exchange.run(line)
            self.began = exchange.began
            said = _understood(exchange.answer) if status == "answered" else {}
            if said is None:
                status, reason = "crashed", GARBAGE
            if status != "answered":
                return Outcome(status, reason=reason, peak_mib=exchange.peak_mib), ""
            exchange.look()
            undo.pop_all()
        if "error" in said:
            return Outcome(FAILED, reason=said["error"]), said["trace"]
        return Outcome("answered", said["answer"], "", said["cpu_s"], exchange.peak_mib), ""


def _understood(line: bytes) -> dict[str, Any] | None:
    """The answer that a worker has given, or None: a process that was taken over says anything."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kinds = {name: type(value) for name, value in said.items()} if isinstance(said, dict) else {}
    if kinds == {"error": str, "trace": str}:
        return said
    makes_sense = kinds == {"answer": dict, "cpu_s": float} and 0 <= said["cpu_s"] < math.inf
    return said if makes_sense else None


def _not_started(task: str, why: str) -> WorkerError:
    return WorkerError(
        f"The worker for {task} cannot be started ({why}): "
        f"check that {sys.executable or 'Python'} runs and can import it."
    )


def _last_line(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 4096))
    lines = file.read().decode(errors="replace").split("\n")
    return next((" ".join(line.split())[:300] for line in reversed(lines) if line.strip()), "")
