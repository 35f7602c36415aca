"""Many independent jobs on several processes, or on a Dask cluster.  The results do not depend on where a job ran."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from scenarios.errors import ConfigError

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")

_shared: object = None


def _start(shared: object) -> None:
    global _shared
    _shared = shared
    import numba

    numba.set_num_threads(1)


def _call(pair: tuple[Callable[[object, object], R], object]) -> R:
    function, job = pair
    return function(_shared, job)


def run_all(
    function: Callable[[S, T], R], shared: S, jobs: Sequence[T], workers: int = 0, cluster: str | None = None
) -> Iterator[R]:
    """``function(shared, job)`` for each job, in order.

    ``workers``: processes; 0 = as many as there are cores, 1 = this process.  ``cluster``: address of a Dask scheduler
    instead (needs the extra ``distributed``).
    """
    if cluster is not None:
        yield from _on_cluster(function, shared, jobs, cluster)
        return
    count = min(workers or os.cpu_count() or 1, len(jobs))
    if count <= 1:
        yield from (function(shared, job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _start, (shared,)) as pool:
        yield from pool.map(_call, [(function, job) for job in jobs])


def _on_cluster(function: Callable[[S, T], R], shared: S, jobs: Sequence[T], address: str) -> Iterator[R]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(['--cluster needs Dask: pip install "cvmax[distributed]"']) from error
    with Client(address) as client:
        everywhere = client.scatter(shared, broadcast=True)
        yield from client.gather([client.submit(function, everywhere, job, pure=False) for job in jobs])
