"""Who does the work: worker processes of this machine, or of the machines of a Dask cluster.

Joblib hands out the videos. What it runs, threads here and tasks there, only keeps watch over
worker processes, so that one which crashes, hangs or grows costs one video. (A pool of processes,
as joblib's own, would be lost as a whole with its first process.)
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import Parallel, delayed

from featurize.isolation.keeper import Limits, Outcome
from featurize.isolation.pool import ask
from featurize.runs.cluster import Cluster
from featurize.runs.one_video import TASK


def outcomes(
    requests: Iterable[tuple[int, dict[str, Any]]],
    limits: Limits,
    *,
    n_jobs: int,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """What became of each request, in the order in which they are done.

    Parameters
    ----------
    requests : iterable of (int, dict)
        Requests by number. They are taken as they are needed, not all at once.
    limits : Limits
        What each may cost.
    n_jobs : int
        How many at a time; -1 for one per core, of the cluster when there is one.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster.

    Raises
    ------
    OptionError
        When no scheduler answers at the address, or Dask is not installed.
    WorkerError
        When worker processes cannot be started.
    WorkerLostError
        When the cluster loses all of its workers, or goes away.
    """
    if scheduler is not None:
        with Cluster(scheduler) as cluster, cluster.watched():
            yield from _spread(n_jobs, (delayed(_ask)(TASK, n, r, limits) for n, r in requests))
        return
    stopped = threading.Event()
    try:
        tasks = (delayed(_ask)(TASK, n, r, limits, stopped) for n, r in requests)
        yield from _spread(n_jobs, tasks, backend="threading")
    finally:
        stopped.set()  # after an interruption nobody waits for the videos that are in work


def _spread(n_jobs: int, tasks: Iterable[Any], **backend: str) -> Iterator[tuple[int, Outcome]]:
    parallel = Parallel(
        n_jobs=n_jobs,
        batch_size=1,  # a finished video must not wait for others to reach the journal
        return_as="generator_unordered",
        **backend,
    )
    yield from parallel(tasks)


def _ask(
    task: str,
    number: int,
    request: dict[str, Any],
    limits: Limits,
    stopped: threading.Event | None = None,
) -> tuple[int, Outcome]:
    return number, ask(task, request, limits, stopped)
