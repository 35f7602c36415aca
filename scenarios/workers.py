"""Many independent jobs: in this process, on several, or on a Dask cluster.  Results do not depend on where a job ran."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from scenarios.errors import ConfigError
from scenarios.processes import Runner, processes

R = TypeVar("R")


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
    with processes(shared, count) as on_processes:
        yield on_processes


def _cluster(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(['--cluster needs Dask: pip install "cvmax[distributed]"']) from error
    try:
        return Client(address, timeout=10)
    except OSError as error:
        raise ConfigError([f"--cluster {address}: no Dask scheduler answers there ({error})"]) from error
