"""The allocator: families x sizes.  Each run asserts a whole plan, no broken rule and the gap; times inform,
nothing more.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.instances import FAMILIES, make, twenty_rules
from benchmarks.solver_reference import interior_point_and_rounding, relaxation_by_scipy, whole_program
from solvers.certify import certify
from solvers.layout import arrange
from solvers.path import budget_path
from solvers.pricing import Pricer
from solvers.problem import Problem, row
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


def note(benchmark, solution: Solution, **more: float) -> None:
    benchmark.extra_info.update(gap=solution.gap, passes=solution.passes, selected=solution.selected, **more)


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Kernels are compiled before anything is timed."""
    for family in ("many", "ties", "equal"):
        for method in ("decomposition", "greedy"):
            solve(make(family, 3000), method=method, gap=1e-5)


@pytest.mark.parametrize("customers", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_decomposition(benchmark, family: str, customers: int) -> None:
    problem, gap = make(family, customers), GAP[customers]
    rounds = 3 if customers <= 100_000 else 1
    solution = benchmark.pedantic(solve, (problem,), {"method": "decomposition", "gap": gap}, rounds=rounds)
    check(problem, solution, gap)
    greedy = solve(problem, method="greedy")
    ratio = greedy.seconds / max(solution.seconds, 1e-9)
    note(benchmark, solution, times_faster_than_greedy=ratio, greedy_value_share=greedy.objective / solution.objective)


@pytest.mark.parametrize("customers", [100_000])
def test_twenty_rules(benchmark, customers: int) -> None:
    problem = twenty_rules(customers)
    solution = benchmark.pedantic(solve, (problem,), {"gap": 1e-4}, rounds=3)
    check(problem, solution, 1e-4)
    note(benchmark, solution)


@pytest.mark.parametrize("customers", [10_000, 100_000])
def test_warm_start(benchmark, customers: int) -> None:
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
def test_against_the_relaxation_in_scipy(benchmark, family: str) -> None:
    """The linear relaxation of 3,000 customers, given to HiGHS whole: a bound that owes nothing to this solver."""
    problem = make(family, 3000)
    solution = benchmark.pedantic(solve, (problem,), {"method": "decomposition", "gap": 3e-4}, rounds=3)
    top, seconds = relaxation_by_scipy(problem)
    assert solution.status is Status.MET
    assert solution.objective <= top * (1 + 1e-6)
    assert solution.objective >= top * (1 - 3e-4)
    note(benchmark, solution, times_faster_than_scipy=seconds / max(solution.seconds, 1e-9))


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["interior point", "highs", "cbc"])
def test_side_by_side(benchmark, reference: str) -> None:
    """10,000 x 10 with 20 rules, in the same run: the relaxation and rounding, and the whole integer program in PuLP."""
    problem, gap = twenty_rules(10_000), 1e-4
    solution = benchmark.pedantic(solve, (problem,), {"method": "decomposition", "gap": gap}, rounds=5)
    check(problem, solution, gap)
    if reference == "interior point":
        value, seconds, broken = interior_point_and_rounding(problem)
        note(benchmark, solution, reference_seconds=seconds, reference_breaks_rules_by=broken)
    else:
        value, seconds, finished = whole_program(problem, reference, gap, 300.0)
        note(benchmark, solution, reference_seconds=seconds, reference_finished=finished)
        assert not finished or abs(value - solution.objective) <= 2 * gap * abs(solution.bound)
    benchmark.extra_info["times_faster"] = seconds / solution.seconds


@pytest.mark.parametrize("customers", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_whole_budget_path(benchmark, customers: int) -> None:
    """Five arms, the curve from nothing to the last useful coin; the concave curve's ends and one budget are checked."""
    r = np.random.default_rng(0)
    measures = np.stack([r.random((5, customers)) * 10 - 2, r.random((5, customers)) * 5 + 0.1])
    one = np.ones(1, bool)
    rows = (row((2, 1, 5), "budget", [(1, one, np.ones(5, bool), 1.0)], upper=1.0 * customers),)
    problem = Problem(measures, ("value", "cost"), np.zeros(customers, np.int32), 1, rows)
    path = benchmark.pedantic(budget_path, (problem,), rounds=5, warmup_rounds=1)
    assert path.budgets[0] == 0.0
    assert path.values[-1] == pytest.approx(np.maximum(measures[0].max(axis=0), 0.0).sum())
    solution = solve(problem, gap=1e-5)
    check(problem, solution, 1e-5)
    assert path.value_at(1.0 * customers) == pytest.approx(solution.bound, rel=1e-9)


@pytest.mark.parametrize("rules", [2, 67, 232, 500])
def test_a_pass_costs_the_same_for_any_number_of_rules(benchmark, rules: int) -> None:
    """Rows reach the loop as prices of (measure, class, arm) only."""
    base = make("many", 1_000_000)
    shape, r = (4, base.n_classes, 10), np.random.default_rng(0)
    rows = tuple(
        row(shape, f"rule {j}", [(1 + j % 4, r.random(base.n_classes) < 0.5, r.random(10) < 0.5, 1.0)], upper=1e9)
        for j in range(rules)
    )
    pricer = Pricer(arrange(Problem(base.measures, base.measure_names, base.class_of, base.n_classes, rows)))
    y = np.full(rules, 0.5 / rules)
    benchmark.pedantic(pricer.respond, (y,), rounds=15, warmup_rounds=2)
    assert (pricer.arm >= 0).any()
