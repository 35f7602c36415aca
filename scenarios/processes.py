"""Worker processes: what they import, and how they end.

They import what this process imports, never from the folder that a user happens to stand in, and they end with this
process, however it ends: each holds the reading end of a pipe (its *lifeline*) whose writing end only this process has.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, TypeVar

from scenarios.errors import CvmaxError

R = TypeVar("R")

LOST = (
    "a worker process was killed or crashed before its job was done (too little memory, most often); "
    "hint: --workers 1, or fewer customers"
)

_shared: Any = None


class Runner(Protocol):
    """Runs ``function(shared, job)`` for every job and gives the results in order, as they come."""

    def __call__(self, function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
        """The results."""
        ...


@contextmanager
def processes(shared: Any, count: int) -> Iterator[Runner]:
    """``pool(function, jobs)`` gives ``function(shared, job)`` of each job in order, worked out by ``count`` processes.

    Raises:
        CvmaxError: a process died.  What a job raises comes as it is.
    """
    reading, writing = multiprocessing.Pipe(duplex=False)
    with clean_start(), reading, writing, ProcessPoolExecutor(count, _context(), _start, (shared, reading)) as pool:

        def on_processes(function: Callable[[Any, Any], R], jobs: Iterable[Any]) -> Iterator[R]:
            with _told_of_loss(), _ctrl_c_later():
                results = pool.map(_call, [(function, job) for job in jobs])
            return _given(results)

        try:
            yield on_processes
        except BaseException:
            writing.close()  # ends the workers now; nobody waits for their jobs any more
            pool.shutdown(cancel_futures=True)
            raise


def _given(results: Iterator[R]) -> Iterator[R]:
    with _told_of_loss():
        yield from results


@contextmanager
def _told_of_loss() -> Iterator[None]:
    """A process that died is an error like any other, not a traceback."""
    try:
        yield
    except BrokenProcessPool:
        raise CvmaxError([LOST]) from None


def prepare() -> None:
    """Start the server of worker processes now: it imports what jobs need while this process does something else."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing import forkserver

        forkserver.set_forkserver_preload(["scenarios.run"])
        with clean_start(), _ctrl_c_ignored():
            forkserver.ensure_running()


@contextmanager
def clean_start() -> Iterator[None]:
    """What is started meanwhile finds modules where this process does, and not in the current folder.

    A new interpreter would look there first: a user's own ``engine`` or ``solvers.py``, or another clone, would be
    taken for ours.
    """
    before = {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "PYTHONPATH")}
    os.environ["PYTHONSAFEPATH"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(_search_path())
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _search_path() -> list[str]:
    """PYTHONPATH for a worker: this process's without the current folder; first our own code, if it is no installed package."""
    here = Path.cwd()
    kept = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and Path(p).resolve() != here]
    root = Path(__file__).resolve().parents[1]
    known = [Path(p).resolve() for p in sys.path]
    standard = Path(os.__file__).resolve().parent
    own = root in known and (standard not in known or known.index(root) < known.index(standard))
    return [str(root), *kept] if own else kept


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Processes started meanwhile never hear Ctrl-C: this one does, and ends them."""
    with _ctrl_c(signal.SIG_IGN):
        yield


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Ctrl-C counts once the block is done: a process half started would be known to nobody."""
    heard = []
    with _ctrl_c(lambda *_: heard.append(True)):
        yield
    if heard:
        raise KeyboardInterrupt


@contextmanager
def _ctrl_c(handler: Any) -> Iterator[None]:
    """Only the main thread hears signals, and may say what to do at one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _context() -> Any:
    """New processes: forked from a fresh server that has imported what jobs need, where the system can; else spawned.

    Never forked from this process: compiled kernels and DuckDB have started threads in it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    prepare()
    return multiprocessing.get_context("forkserver")


def _start(shared: Any, lifeline: Connection) -> None:
    """In a worker: keep what all jobs share; one thread each, since the workers fill the cores."""
    global _shared  # a process has no other place that lives from job to job
    _shared = shared
    if "fork" in multiprocessing.get_all_start_methods():
        # Numba makes a lock of the usual start method's kind.  One of forkserver's has a name in the system, and who ends at
        # once, as below, leaves it behind for Python to warn of; one of fork's has none.  No worker starts a process.
        multiprocessing.set_start_method("fork", force=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    import numba

    numba.set_num_threads(1)


def _end_with_parent(lifeline: Connection) -> None:
    """Wait until the other end of the lifeline is gone, then end this process at once."""
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _call(call: tuple[Callable[[Any, Any], R], Any]) -> R:
    function, job = call
    return function(_shared, job)
