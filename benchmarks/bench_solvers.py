"""The allocator: families x sizes.  Each run asserts a whole plan, no broken rule and the gap; times inform,
nothing more.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.instances import FAMILIES, make, twenty_rules
from benchmarks.solver_reference import relaxation_by_scipy
from solvers.certify import certify
from solvers.problem import Problem
from solvers.solution import Solution, Status
from solvers.solve import solve

SIZES = [10_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
GAP = {10_000: 1e-4, 100_000: 1e-4, 1_000_000: 1e-5}


def check(problem: Problem, solution: Solution, gap: float) -> None:
    assert solution.status is Status.MET, solution.note
    assert solution.arm.dtype == np.int16
    proof = certify(problem, solution.arm, solution.multipliers)
    assert proof.feasible
    assert proof.gap <= gap


def note(benchmark, solution: Solution, **more: float) -> None:  # type: ignore[no-untyped-def]
    benchmark.extra_info.update(gap=solution.gap, passes=solution.passes, selected=solution.selected, **more)


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Kernels are compiled before anything is timed."""
    for family in ("many", "ties", "equal"):
        for method in ("decomposition", "greedy"):
            solve(make(family, 3000), method=method, gap=1e-5)


@pytest.mark.parametrize("customers", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_decomposition(benchmark, family: str, customers: int) -> None:  # type: ignore[no-untyped-def]
    problem, gap = make(family, customers), GAP[customers]
    rounds = 3 if customers <= 100_000 else 1
    solution = benchmark.pedantic(solve, (problem,), {"method": "decomposition", "gap": gap}, rounds=rounds)
    check(problem, solution, gap)
    greedy = solve(problem, method="greedy")
    ratio = greedy.seconds / max(solution.seconds, 1e-9)
    note(benchmark, solution, times_faster_than_greedy=ratio, greedy_value_share=greedy.objective / solution.objective)


@pytest.mark.parametrize("customers", [100_000])
def test_twenty_rules(benchmark, customers: int) -> None:  # type: ignore[no-untyped-def]
    problem = twenty_rules(customers)
    solution = benchmark.pedantic(solve, (problem,), {"gap": 1e-4}, rounds=3)
    check(problem, solution, 1e-4)
    note(benchmark, solution)


@pytest.mark.parametrize("customers", [10_000, 100_000])
def test_warm_start(benchmark, customers: int) -> None:  # type: ignore[no-untyped-def]
    """The next epoch: everybody's values have moved by some per cent."""
    problem = twenty_rules(customers)
    start = solve(problem, gap=1e-3).multipliers
    moved = problem.measures.copy()
    moved[0] *= (1 + 0.05 * np.random.default_rng(1).standard_normal(moved.shape[1:])).astype(moved.dtype)
    after = Problem(moved, problem.measure_names, problem.class_of, problem.n_classes, problem.rows)
    solution = benchmark.pedantic(solve, (after,), {"gap": 1e-3, "start": start}, rounds=5)
    check(after, solution, 1e-3)
    note(benchmark, solution, cold_passes=solve(after, gap=1e-3).passes)


@pytest.mark.parametrize("family", ["few", "many"])
def test_against_the_relaxation_in_scipy(benchmark, family: str) -> None:  # type: ignore[no-untyped-def]
    """The linear relaxation of 3,000 customers, given to HiGHS whole: a bound that owes nothing to this solver."""
    problem = make(family, 3000)
    solution = benchmark.pedantic(solve, (problem,), {"method": "decomposition", "gap": 3e-4}, rounds=3)
    top, seconds = relaxation_by_scipy(problem)
    assert solution.status is Status.MET
    assert solution.objective <= top * (1 + 1e-6)
    assert solution.objective >= top * (1 - 3e-4)
    note(benchmark, solution, times_faster_than_scipy=seconds / max(solution.seconds, 1e-9))
