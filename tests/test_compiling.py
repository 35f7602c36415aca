"""What is compiled ahead is what runs; loops over parts do every part once, whatever the number of threads."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numba
import numpy as np
import pytest
from click.testing import CliRunner
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

import engine._jit
import solvers._jit
from cli import main
from solvers.warm import compile_kernels


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, numba.config.NUMBA_NUM_THREADS))
    yield request.param
    numba.set_num_threads(before)


def visit(parts: tuple[int, int], visits: NDArray[np.int64]) -> None:
    for part in range(parts[0], parts[1]):
        visits[part] += 1


@pytest.mark.parametrize("package", [engine._jit, solvers._jit])
@pytest.mark.parametrize("parts", [0, 1, 3, 1000])
def test_every_part_is_done_once(package, parts: int, threads: int) -> None:
    visits = np.zeros(parts + 1, np.int64)
    package.parallel_kernel(visit)(parts, visits)
    assert visits.tolist() == [1] * parts + [0]


def compiled_solver_kernels() -> set[tuple[str, tuple]]:
    """(name, types of arguments) of what has been compiled in this process."""
    found = [o for o in gc.get_objects() if issubclass(type(o), Dispatcher)]  # isinstance would ask dead proxies, too
    kernels = [k for k in found if k.py_func.__module__.startswith("solvers.")]
    return {(k.py_func.__qualname__, types) for k in kernels for types in k.signatures}


def test_a_run_compiles_no_solver_kernel_that_was_not_compiled_ahead(tmp_path) -> None:
    compile_kernels()
    before = compiled_solver_kernels()
    names = {name for name, _ in before}
    assert names >= {
        "price_pass",
        "sum_pass",
        "cheapest_moves",
        "apply_moves",
        "fill_in_order",
        "exchange_pass",
        "round_mix",
    }
    sizes = ["--set", "population.customers=3000", "--replications", "1", "--no-sensitivity", "--workers", "1"]
    done = CliRunner().invoke(main, ["run", "starter", "--out", str(tmp_path / "run"), *sizes])
    assert done.exit_code == 0, done.output
    assert compiled_solver_kernels() == before
