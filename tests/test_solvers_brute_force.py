"""Every method against enumeration of all plans on small problems with every kind of row."""

from __future__ import annotations

import numpy as np
import pytest
from small_problems import best_by_enumeration, keeps_rows, plan_value, random_problem

from solvers.solution import Solution, Status
from solvers.solve import solve

SEEDS = range(200)


def check_plan(problem, solution: Solution, best: float | None) -> None:
    """What holds for any method: an honest value, an honest bound, no broken rule."""
    if solution.status is Status.INFEASIBLE:
        assert (solution.arm == -1).all()
        if "not proven" not in solution.note:
            assert best is None, solution.note
        return
    assert best is not None
    assert keeps_rows(problem, solution.arm)
    assert solution.objective == pytest.approx(plan_value(problem, solution.arm), abs=1e-9)
    assert solution.objective <= best + 1e-7
    assert solution.bound >= best - 1e-6 * max(1.0, abs(best))
    if problem.eligible is not None:
        chosen = np.flatnonzero(solution.arm >= 0)
        assert problem.eligible[solution.arm[chosen], chosen].all()


@pytest.mark.parametrize("block", range(4))
def test_exact_finds_the_best_plan(block: int) -> None:
    for seed in SEEDS[block::4]:
        problem = random_problem(seed)
        best = best_by_enumeration(problem)
        solution = solve(problem, method="exact", gap=0.0)
        check_plan(problem, solution, best)
        if best is None:
            assert solution.status is Status.INFEASIBLE, seed
            assert "proven" in solution.note and "not proven" not in solution.note, seed
            assert solution.conflict, seed
        else:
            assert solution.objective == pytest.approx(best, abs=1e-7), seed


@pytest.mark.parametrize("block", range(4))
def test_decomposition_keeps_its_word(block: int) -> None:
    for seed in SEEDS[block::4]:
        problem = random_problem(seed, np.float32 if seed % 2 else np.float64)
        best = best_by_enumeration(problem)
        solution = solve(problem, method="decomposition", gap=1e-4)
        check_plan(problem, solution, best)
        if solution.status is Status.MET:
            assert solution.gap <= 1e-4
            assert best is not None
            assert solution.objective >= best - 1e-4 * max(abs(solution.bound), 1e-12) - 1e-7, seed


def test_greedy_is_feasible_and_below_the_best() -> None:
    for seed in SEEDS:
        problem = random_problem(seed)
        check_plan(problem, solve(problem, method="greedy"), best_by_enumeration(problem))


def test_auto_is_exact_here() -> None:
    for seed in SEEDS[::7]:
        problem = random_problem(seed)
        best = best_by_enumeration(problem)
        solution = solve(problem, gap=0.0)
        assert solution.method == "exact"
        if best is not None:
            assert solution.status is Status.MET, seed
            assert solution.objective == pytest.approx(best, abs=1e-7), seed
