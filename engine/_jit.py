"""Compiler options, in one place.

No fastmath: it changes bits between machines and gained no speed.  ``error_model="numpy"`` lets divisions vectorise.
Numba's disk cache watches the file of the cached function only, not the files of what is compiled into it: when any file
of this package has changed, :func:`forget_stale_kernels` empties the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numba
from numba import types
from numba.core.compiler import Compiler
from numba.extending import intrinsic, register_jitable

Parts = tuple[int, int]  # from the first up to the second

PIECES_PER_THREAD = 4  # evens out pieces of unequal work
F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")


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


class Apart(Compiler):  # type: ignore[misc]  # Numba has no types
    """Compiles a function whose array arguments do not overlap (but where both are only read), and that makes no arrays.

    Loops that read one array and write another become vector code, and nobody counts references to the arguments: dozens of
    locked additions per call, which threads wait for.
    """

    def __init__(self, *context_and_flags: Any) -> None:
        flags = context_and_flags[5]
        flags.noalias, flags.nrt = True, False
        super().__init__(*context_and_flags)


def kernel(function: F) -> F:
    """Compile an array loop."""
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def lean_kernel(function: F) -> F:
    """Compile an array loop whose array arguments do not overlap, and that makes no arrays."""
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy", pipeline_class=Apart)(function)
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


def phase(function: F) -> F:
    """Compile an array loop that only kernels call: no entry from Python, which halves the time to compile.

    On the terms of :func:`lean_kernel`.
    """
    options = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: F = numba.njit(pipeline_class=Apart, **options)(function)
    return compiled


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def wide_vectors(_: Any) -> tuple[Any, Callable[..., Any]]:
    """First line of a function whose loops shall use the longest vectors there are: compilers prefer 256 bits to 512.

    Loops of many dependent operations take a third to a half less time.  Bits stay as they are.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # The set's own ``add`` knows flags without a value only.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), generate


def formula(function: F) -> F:
    """A formula that kernels compile into their loops, and that stays a plain function for the interpreter.

    So the slow reference runs the same lines on NumPy scalars, where every ``float32`` operation is rounded on its own.
    Inlining is left to LLVM, by force: loops vectorise, and compile faster than with Numba's own inlining.
    """
    inlined: F = register_jitable(error_model="numpy", forceinline=True)(function)
    return inlined


def routine(function: F) -> F:
    """Like :func:`formula`, for the rare cases: called, not inlined."""
    called: F = register_jitable(error_model="numpy")(function)
    return called
