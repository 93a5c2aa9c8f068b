"""A Dask cluster that does the work of a run."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Self

from joblib import parallel_config

from featurize.errors import OptionError, WorkerError, WorkerLostError

CONNECT_S = 30.0
"""A scheduler has this long to answer."""

ALONE_S = 120.0
"""A cluster without any worker for so long is lost: what restarts workers is faster."""

LOOK_S = 5.0

WANTED_LOOK_S = 1.0
"""Time after which a task notices that nobody waits for it."""


class Cluster:
    """The workers of a scheduler, for as long as the context lasts.

    Joblib gives its tasks to them. They keep watch over worker processes of their own, as threads
    do on a single machine.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://10.0.0.1:8786"``.

    Raises
    ------
    OptionError
        When nothing answers there, it has no workers, or Dask is not installed.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise OptionError(
                "Dask is not installed: pip install 'deepfake-biometrics[dask]'."
            ) from error
        self._address = address
        # Client tells the end of a connection by a traceback in the log; here it is a sentence.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise OptionError(
                f"No Dask scheduler answers at {address} ({error or type(error).__name__}): start "
                "one with `dask scheduler`, and give the address that it prints."
            ) from error
        self._left = threading.Event()

    def __enter__(self) -> Self:
        if not self._wait_for_workers():
            self._client.close()
            raise OptionError(
                f"The Dask scheduler at {self._address} has no workers: start some with `dask "
                f"worker {self._address}`."
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._left.set()
        self._client.close()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Give joblib's tasks to the cluster; say so when it is lost.

        Raises
        ------
        WorkerLostError
            When the scheduler goes away, or all workers do and none comes back.
        WorkerError
            When a worker lacks this package.
        """
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        threading.Thread(target=self._close_when_alone, daemon=True).start()
        try:
            with parallel_config(backend=_backend(self._client)):
                yield
        except (CancelledError, CommClosedError, KilledWorker, TimeoutError) as error:
            raise WorkerLostError(
                f"The Dask cluster at {self._address} is lost ({type(error).__name__})."
            ) from error
        except ImportError as error:
            raise WorkerError(
                f"A Dask worker lacks a package ({error}): install this package, in the same "
                "version, wherever workers run."
            ) from error

    def _wait_for_workers(self) -> bool:
        until_s = time.monotonic() + CONNECT_S
        while not self._client.nthreads():
            if time.monotonic() > until_s:
                return False
            time.sleep(0.2)
        return True

    def _close_when_alone(self) -> None:
        """End the wait for tasks that nobody is there to do."""
        last_seen_s = time.monotonic()
        while not self._left.wait(LOOK_S):
            with contextlib.suppress(OSError, TimeoutError, CancelledError):  # it may end meanwhile
                if self._client.nthreads():
                    last_seen_s = time.monotonic()
            if time.monotonic() - last_seen_s > ALONE_S:
                self._client.close()
                return


def _backend(client: object) -> object:
    """Joblib's backend for Dask, which does no work here when the cluster has one core."""
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):
        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, super().effective_n_jobs(n_jobs))

    return Backend(client=client)


@contextlib.contextmanager
def while_wanted() -> Iterator[threading.Event]:
    """Of a task of the cluster: an event that is set when nobody waits for it any more.

    Dask forgets a task when whoever gave it is gone or has cancelled it, but does not end it.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    stopped, done = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(WANTED_LOOK_S):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                stopped.set()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield stopped
    finally:
        done.set()
