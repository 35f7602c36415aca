"""Compiler options, in one place.

No fastmath: it changes bits between machines and gained no speed.  ``error_model="numpy"`` lets divisions vectorise.
Numba's disk cache watches the file of the cached function only, not the files of what is compiled into it: when any file
of this package has changed, :func:`forget_stale_kernels` empties the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])


def forget_stale_kernels(package: Path) -> None:
    """Delete compiled kernels if the package's sources are not those that they were compiled from."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(package.rglob("*.py")))).hexdigest()
    stamp = package / "__pycache__" / "kernels.sha256"
    try:
        if stamp.exists() and stamp.read_text() == digest:
            return
        for compiled in (*package.rglob("*.nbi"), *package.rglob("*.nbc")):
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
