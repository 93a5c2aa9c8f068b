"""One request and its answer over the pipes of a worker, watched while it lasts."""

import contextlib
import math
import os
import select
import signal
import threading
import time

from featurize.isolation.process import WorkerProcess, ended_by

LOOK_S = 0.05
"""Time between two looks at a busy worker."""

MAX_ANSWER_BYTES = 2**30
"""Whoever asks holds an answer in memory, three times over while it is read."""

GARBAGE = "gave an answer that makes no sense"

_PIECE_BYTES = 1 << 20


class Exchange:
    """One request and what comes back.

    Parameters
    ----------
    process : WorkerProcess
        An idle worker.
    timeout_s, memory_mib : float, optional
        Limits, None for none.
    stopped : threading.Event, optional
        When it is set, nobody wants the answer any more.

    Attributes
    ----------
    began : bool
        Whether the worker has begun with the request.
    answer : bytearray
        What it has said since: when answered, one line.
    peak_mib : float
        Most anonymous memory seen.
    """

    def __init__(
        self,
        process: WorkerProcess,
        timeout_s: float | None,
        memory_mib: float | None,
        stopped: threading.Event | None = None,
    ) -> None:
        self.began = False
        self.answer = bytearray()
        self.peak_mib = 0.0
        self._process = process
        self._timeout_s = math.inf if timeout_s is None else timeout_s
        self._memory_mib = math.inf if memory_mib is None else memory_mib
        self._stopped = stopped
        self._unsent = memoryview(b"")
        self._waiting = select.poll()

    def run(self, line: bytes) -> tuple[str, str]:
        """Send a line and wait for one.

        Returns
        -------
        tuple[str, str]
            Status and reason as in :class:`featurize.isolation.keeper.Outcome`.
        """
        self._unsent = memoryview(line)
        self._waiting.register(self._process.answers, select.POLLIN)
        self._waiting.register(self._process.requests, select.POLLOUT)
        now = next_look = time.monotonic()
        deadline = now + self._timeout_s
        verdict, ended = None, False
        while verdict is None:
            if now >= next_look:
                next_look = now + LOOK_S
                # A process that the worker has started can hold the pipe open when it is gone.
                ended = self._process.has_ended()
                if self._stopped is not None and self._stopped.is_set():
                    return "stopped", "was stopped"
                if self.look() > self._memory_mib:
                    return "too_large", f"needed more than {self._memory_mib:g} MiB"
            wait_s = 0.0 if ended else max(0.0, min(next_look, deadline) - now)
            ready = dict(self._waiting.poll(math.ceil(wait_s * 1000)))
            now = time.monotonic()
            if self._process.requests in ready:
                self._send()
            if self._process.answers in ready:
                verdict = self._receive()
            elif ended:
                verdict = "crashed", self._process.how_ended()
            if verdict is None and now >= deadline:
                verdict = "timeout", ""
        late = now >= deadline and verdict == ("crashed", ended_by(signal.SIGALRM))
        if late or verdict[0] == "timeout":  # its own alarm can be before a keeper that was held up
            return "timeout", f"took longer than {self._timeout_s:g} s"
        return verdict

    def look(self) -> float:
        """Anonymous memory of the worker now, in MiB."""
        now_mib = self._process.memory_mib()
        self.peak_mib = max(self.peak_mib, now_mib)
        return now_mib

    def _send(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                self._unsent = self._unsent[os.write(self._process.requests, self._unsent) :]
            except BrokenPipeError:  # it does not listen; what it says, or its end, tells more
                self._unsent = memoryview(b"")
        if not self._unsent:
            self._waiting.unregister(self._process.requests)

    def _receive(self) -> tuple[str, str] | None:
        """Read what there is; a verdict when that is all."""
        piece = os.read(self._process.answers, _PIECE_BYTES)
        if not piece:
            return "crashed", self._process.how_ended()
        if not self.began:
            if not piece.startswith(b"\n"):
                return "crashed", GARBAGE
            self.began, piece = True, piece[1:]
        self.answer += piece
        if len(self.answer) > MAX_ANSWER_BYTES:
            return "answer_too_large", f"gave an answer of more than {MAX_ANSWER_BYTES >> 20} MiB"
        if b"\n" not in piece:
            return None
        one_line = self.answer.index(b"\n") == len(self.answer) - 1
        return ("answered", "") if one_line else ("crashed", GARBAGE)
