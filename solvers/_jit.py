"""Compiler options, in one place.

No fastmath: it changes bits between machines and gained no speed.  ``error_model="numpy"`` lets divisions vectorise.
Numba's disk cache watches the file of the cached function only, not the files of what is compiled into it: when any file
of this package has changed, :func:`forget_stale_kernels` empties the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

# What kernels take: the precision is the caller's choice.
Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Whole = NDArray[np.integer]

SMALL = 2_000_000
F = TypeVar("F", bound=Callable[..., Any])


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
    """Compile an array loop."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def parallel_kernel(function: F) -> F:
    """Compile an array loop whose ``numba.prange`` blocks run on all threads."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)(function)  # type: ignore[no-any-return]


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
