"""Compiler options, in one place.

No fastmath: it changes bits between machines and gained no speed.  ``error_model="numpy"`` lets divisions vectorise.
Numba's disk cache watches the file of the cached function only: a function that is inlined from another file does not
invalidate it.  After editing such a function, ``make clean-cache``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
