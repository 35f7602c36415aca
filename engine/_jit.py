"""Compiler options, in one place.

No fastmath: it changes bits between machines and gained no speed.  ``error_model="numpy"`` lets divisions vectorise.
Numba's disk cache watches the file of the cached function only: a function that is inlined from another file does not
invalidate it.  After editing such a function, ``make clean-cache``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile an array loop."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def parallel_kernel(function: F) -> F:
    """Compile an array loop whose ``numba.prange`` blocks run on all threads."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)(function)  # type: ignore[no-any-return]


def scalar(function: F) -> F:
    """Compile a formula that array loops inline."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")(function)  # type: ignore[no-any-return]


def phase(function: F) -> F:
    """Compile an array loop that only kernels call: no entry from Python, which halves the time to compile."""
    options = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**options)(function)  # type: ignore[no-any-return]


def formula(function: F) -> F:
    """A formula that kernels compile into their loops, and that stays a plain function for the interpreter.

    So the slow reference runs the same lines on NumPy scalars, where every ``float32`` operation is rounded on its own.
    Inlining is left to LLVM, by force: loops vectorise, and compile faster than with Numba's own inlining.
    """
    return register_jitable(error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]


def routine(function: F) -> F:
    """Like :func:`formula`, for the rare cases: called, not inlined."""
    return register_jitable(error_model="numpy")(function)  # type: ignore[no-any-return]
