"""Many independent jobs: in this process, on several, or on a Dask cluster.  Results do not depend on where a job ran."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from scenarios.errors import ConfigError

R = TypeVar("R")


class Runner(Protocol):
    """Runs ``function(shared, job)`` for every job and gives the results in order, as they come."""

    def __call__(self, function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
        """The results."""
        ...


_shared: Any = None


def _start(shared: Any) -> None:
    """In a worker: keep what all jobs share; one thread each, since the workers fill the cores."""
    global _shared  # a process has no other place that lives from job to job
    _shared = shared
    import numba

    numba.set_num_threads(1)


def _call(call: tuple[Callable[[Any, Any], R], Any]) -> R:
    function, job = call
    return function(_shared, job)


@contextmanager
def runner(shared: Any, workers: int = 0, cluster: str | None = None) -> Iterator[Runner]:
    """A :class:`Runner` whose jobs all see ``shared``.

    ``workers``: processes; 0 = as many as there are cores, 1 = this process.  ``cluster``: address of a Dask scheduler
    instead (needs the extra ``distributed``).
    """
    if cluster is not None:
        with _cluster(cluster) as client:
            everywhere = client.scatter(shared, broadcast=True)

            def on_cluster(function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
                return iter(client.gather([client.submit(function, everywhere, job, pure=False) for job in jobs]))

            yield on_cluster
        return
    count = workers or os.cpu_count() or 1
    if count <= 1:

        def here(function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
            return (function(shared, job) for job in jobs)

        yield here
        return
    with ProcessPoolExecutor(count, _context(), _start, (shared,)) as pool:

        def on_processes(function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
            return pool.map(_call, [(function, job) for job in jobs])

        try:
            yield on_processes
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _context() -> Any:
    """New processes: forked from a fresh server that has imported what jobs need, where the system can; else spawned.

    Never forked from this process: compiled kernels and DuckDB have started threads in it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    prepare()
    return multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Start the server of worker processes now: it imports what jobs need while this process does something else."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing import forkserver

        forkserver.set_forkserver_preload(["scenarios.run"])
        forkserver.ensure_running()


def _cluster(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(['--cluster needs Dask: pip install "cvmax[distributed]"']) from error
    try:
        return Client(address, timeout=10)
    except OSError as error:
        raise ConfigError([f"--cluster {address}: no Dask scheduler answers there ({error})"]) from error
