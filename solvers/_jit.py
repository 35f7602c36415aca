"""Compiler options, in one place.

No fastmath: it changes bits between machines and gained no speed.  ``error_model="numpy"`` lets divisions vectorise.
Numba's disk cache watches the file of the cached function only, not the files of what is compiled into it: when any file
of this package has changed, :func:`forget_stale_kernels` empties the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

# What kernels take: the precision is the caller's choice.
Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Whole = NDArray[np.integer]

Parts = tuple[int, int]  # from the first up to the second

SMALL = 2_000_000
PIECES_PER_THREAD = 4  # evens out pieces of unequal work
F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")


def forget_stale_kernels(package: Path) -> None:
    """Delete compiled kernels if the package's sources are not those that they were compiled from."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(package.glob("*.py")))).hexdigest()
    stamp = package / "__pycache__" / "kernels.sha256"
    try:
        if stamp.exists() and stamp.read_text() == digest:
            return
        for compiled in (*stamp.parent.glob("*.nbi"), *stamp.parent.glob("*.nbc")):
            compiled.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest)
    except OSError:
        return  # a folder that cannot be written holds no kernels of ours: Numba keeps them in the user's cache


forget_stale_kernels(Path(__file__).parent)


def kernel(function: F) -> F:
    """Compile an array loop.

    Loops are written out: an expression on whole arrays takes a second to compile, each.
    """
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def parallel_kernel(function: Callable[Concatenate[Parts, P], None]) -> Callable[Concatenate[int, P], None]:
    """Compile a loop over independent parts.  ``function`` does the parts in a range; its callers say how many there are.

    Threads take ranges of parts, with the interpreter's lock released.  (Numba's own parallel loops take twice as long to
    compile, or more.)
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)

    @wraps(function)
    def spread(parts: int, /, *args: P.args, **kwargs: P.kwargs) -> None:
        threads = numba.get_num_threads()
        pieces = min(PIECES_PER_THREAD * threads, parts) if threads > 1 else 1
        edge = [piece * parts // max(pieces, 1) for piece in range(pieces + 1)]

        def run(piece: int) -> None:
            compiled((edge[piece], edge[piece + 1]), *args, **kwargs)

        if pieces == 1:
            run(0)
        else:
            list(pool(threads).map(run, range(pieces)))

    return spread


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Threads that live as long as the process."""
    return ThreadPoolExecutor(threads)


@contextmanager
def threads_for(work: int) -> Iterator[None]:
    """One thread while ``work`` (numbers read a pass) is small.

    Handing out chunks would cost more than it saves, and far more on a busy machine.  Kernels sum by chunk, so that
    results do not depend on it.
    """
    before = numba.get_num_threads()
    if work < SMALL:
        numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
