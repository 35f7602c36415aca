"""Many independent jobs: in this process, on several, or on a Dask cluster.  Results do not depend on where a job ran."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from scenarios.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")
Runner = Callable[[Sequence[Any]], Iterator[Any]]

_shared: Any = None


def _start(shared: Any) -> None:
    """In a worker: keep what all jobs share; one thread each, since the workers fill the cores."""
    global _shared
    _shared = shared
    import numba

    numba.set_num_threads(1)


def _call(pair: tuple[Callable[[Any, Any], R], Any]) -> R:
    function, job = pair
    return function(_shared, job)


@contextmanager
def runner(
    function: Callable[[Any, T], R], shared: Any, workers: int = 0, cluster: str | None = None
) -> Iterator[Runner]:
    """A function that runs ``function(shared, job)`` for a list of jobs and gives the results in order.

    ``workers``: processes; 0 = as many as there are cores, 1 = this process.  ``cluster``: address of a Dask scheduler
    instead (needs the extra ``distributed``).
    """
    if cluster is not None:
        with _cluster(cluster) as client:
            everywhere = client.scatter(shared, broadcast=True)
            yield lambda jobs: iter(
                client.gather([client.submit(function, everywhere, job, pure=False) for job in jobs])
            )
        return
    count = workers or os.cpu_count() or 1
    if count <= 1:
        yield lambda jobs: (function(shared, job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _start, (shared,)) as pool:
        try:
            yield lambda jobs: pool.map(_call, [(function, job) for job in jobs])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _cluster(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(['--cluster needs Dask: pip install "cvmax[distributed]"']) from error
    try:
        return Client(address, timeout=10)
    except OSError as error:
        raise ConfigError([f"--cluster {address}: no Dask scheduler answers there ({error})"]) from error
