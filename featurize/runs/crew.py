"""Who does the work: worker processes of this machine, or of the machines of a Dask cluster.

Joblib hands out the videos. What it runs, threads here and tasks there, only keeps watch over
worker processes, so that one which crashes, hangs or grows costs one video. (A pool of processes,
as joblib's own, would be lost as a whole with its first process.)
"""

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed

from featurize.errors import WorkerLostError
from featurize.isolation.keeper import Limits, Outcome
from featurize.isolation.pool import ask
from featurize.runs.cluster import Cluster, while_wanted
from featurize.runs.one_video import TASK

MOST_GIVEN_AWAY = 1000
"""Videos that a cluster is given at a time; it may grow to as many cores while it works."""

Kept = TypeVar("Kept")


def work_through(
    requests: Iterable[tuple[int, dict[str, Any]]],
    limits: Limits,
    keep: Callable[[int, Outcome], Kept],
    *,
    n_jobs: int,
    cluster: Cluster | None = None,
) -> Iterator[Kept]:
    """Ask all, and keep what becomes of each as soon as that is known.

    Parameters
    ----------
    requests : iterable of (int, dict)
        Requests by number. They are taken as they are needed, not all at once.
    limits : Limits
        What each may cost.
    keep : Callable
        Called with the number of a request and its outcome, by one thread at a time.
    n_jobs : int
        How many at a time; -1 for one per core, of the cluster when there is one.
    cluster : Cluster, optional
        Who does the work instead of this machine.

    Yields
    ------
    object
        What ``keep`` has returned, in the order in which requests are done.

    Raises
    ------
    WorkerError
        When worker processes cannot be started.
    WorkerLostError
        When the cluster loses all of its workers, or goes away.
    """
    if cluster is not None:
        tasks = (delayed(_ask_there)(TASK, n, r, limits) for n, r in requests)
        at_once = MOST_GIVEN_AWAY if n_jobs == -1 else n_jobs
        with cluster.watched(), spread(tasks, n_jobs=n_jobs, pre_dispatch=at_once) as outcomes:
            for number, outcome in outcomes:
                if outcome.status == "stopped":
                    raise WorkerLostError("The Dask cluster has given up a video.")
                yield keep(number, outcome)
        return
    stopped, one_at_a_time = threading.Event(), threading.Lock()

    def ask_here(number: int, request: dict[str, Any]) -> Kept | None:
        outcome = ask(TASK, request, limits, stopped)
        # Here, not by whoever reads: what waits to be read would be lost when that is killed.
        with one_at_a_time:
            return None if outcome.status == "stopped" else keep(number, outcome)

    tasks = (delayed(ask_here)(number, request) for number, request in requests)
    try:
        with spread(tasks, n_jobs=n_jobs, backend="threading") as kept:
            # "yield from" would close the results by itself, before joblib is told to be silent.
            try:
                for one in kept:  # noqa: UP028
                    yield one
            finally:
                stopped.set()  # before joblib waits for what is in work
    finally:
        stopped.set()  # also when the first videos were just being handed out


def _ask_there(
    task: str, number: int, request: dict[str, Any], limits: Limits
) -> tuple[int, Outcome]:
    with while_wanted() as stopped:
        return number, ask(task, request, limits, stopped)


@contextmanager
def spread(tasks: Iterable[Any], **how: object) -> Iterator[Iterator[Any]]:
    """Results of joblib's tasks as they are done; what is not read by the end is not done."""
    parallel = Parallel(
        batch_size=1,  # a finished video must not wait for others to be kept
        return_as="generator_unordered",
        **how,
    )
    results = parallel(tasks)
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            # That there were results which nobody has read.
            warnings.filterwarnings("ignore", module="joblib")
            results.close()
