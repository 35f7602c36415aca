"""One thread for linear algebra of a few dozen numbers.

OpenBLAS hands even tiny factorisations to all threads, which then wait for each other: on a busy machine L-BFGS-B's own
arithmetic on twenty numbers took twice as long as pricing ten thousand customers.  One thread is also the same bits on
any machine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import scipy


@cache
def _switches() -> tuple[tuple[Callable[[], int], Callable[[int], None]], ...]:
    """(get, set) of the number of threads, for each OpenBLAS that SciPy brings along; none if it uses another library."""
    found = []
    for path in sorted((Path(scipy.__file__).parent.parent / "scipy.libs").glob("*openblas*")):
        try:
            library = ctypes.CDLL(str(path))  # loaded already: this gives a handle on it
        except OSError:
            continue
        for prefix in ("scipy_openblas", "openblas"):
            for suffix in ("", "64_"):
                get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                put = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                if get is not None and put is not None:
                    found.append((get, put))
    return tuple(found)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """SciPy's linear algebra on the calling thread alone."""
    before = [get() for get, _ in _switches()]
    for _, put in _switches():
        put(1)
    try:
        yield
    finally:
        for (_, put), threads in zip(_switches(), before, strict=True):
            put(threads)
