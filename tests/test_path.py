"""The budget path: closed forms, the relaxation by SciPy at many budgets, enumeration, a slow twin of every kernel."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import all_plans, keeps_rows, plan_value, row_values

from solvers.certify import certify, lagrangian
from solvers.errors import ProblemError, SolverError
from solvers.hulls import radix_round
from solvers.path import budget_path, path_row
from solvers.problem import Problem, row
from solvers.solution import Status
from solvers.solve import solve


def one_budget(seed: int, n: int, k: int = 3, kinds: int = 0, budget: float | None = None) -> Problem:
    """Two classes, costs that are sometimes negative or 0, ties if ``kinds`` > 0, some arms closed."""
    r = np.random.default_rng(seed)
    draw = (lambda low, high: r.integers(low, high + 1, (k, n)).astype(float)) if kinds else (lambda low, high: r.uniform(low, high, (k, n)))  # fmt: skip
    measures = np.stack([draw(-3, 9), draw(0, 5)])
    measures[1] *= np.where(r.random((k, n)) < 0.15, -1, 1)
    class_of = r.integers(0, 2, n).astype(np.int32)
    shape, both = (2, 2, k), np.ones(2, bool)
    terms = [(1, both, np.ones(k, bool), 1.0), (1, np.array([True, False]), np.arange(k) == 0, 0.5), (2, both, np.arange(k) == 1, 0.25)]  # fmt: skip
    rows = (row(shape, "budget", terms, upper=float(n) if budget is None else budget, constant=0.5),)
    return Problem(measures, ("value", "cost"), class_of, 2, rows, r.random((k, n)) < 0.85)


def hull_twin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Vertices of the upper hull from the cheapest point up to the most valuable, by the definition: a point is a vertex
    if no mix of two others is as good.
    """
    low = min(c for c, _ in points)
    best = [(c, max(v for x, v in points if x == c)) for c in sorted({c for c, _ in points})]
    rising = [p for j, p in enumerate(best) if all(p[1] > q[1] for q in best[:j])]
    assert rising[0][0] == low
    keep = []
    for p in rising:
        over = False
        for a in rising:
            for b in rising:
                if a[0] < p[0] < b[0]:
                    mixed = a[1] + (b[1] - a[1]) * (p[0] - a[0]) / (b[0] - a[0])
                    over |= mixed >= p[1] - 1e-12
        if not over:
            keep.append(p)
    return keep


def path_twin(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(budgets, values) from every customer's hull in plain Python; equal returns are merged."""
    line = problem.rows[0].coefficients.toarray().reshape(3, 2, -1)
    steps, budget, value = [], problem.rows[0].constant, 0.0
    for i in range(problem.shape[2]):
        points, of = [(0.0, 0.0)], int(problem.class_of[i])
        for a in range(problem.shape[1]):
            if problem.eligible is None or problem.eligible[a, i]:
                v, c = problem.measures[:, a, i]
                points.append((float(line[1, of, a] * c + line[2, of, a]), float(v)))
        vertices = hull_twin(points)
        budget, value = budget + vertices[0][0], value + vertices[0][1]
        steps += [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(vertices)]
    steps.sort(key=lambda s: -s[1] / s[0])
    budgets, values = np.cumsum([budget, *(c for c, _ in steps)]), np.cumsum([value, *(v for _, v in steps)])
    return budgets, values


@pytest.mark.parametrize("kinds", [0, 1])
def test_the_path_equals_its_slow_twin(kinds: int) -> None:
    for seed in range(40):
        problem = one_budget(seed, 1 + seed, kinds=kinds)
        path = budget_path(problem)
        budgets, values = path_twin(problem)
        assert path.budgets[[0, -1]] == pytest.approx(budgets[[0, -1]])
        for at in np.concatenate([budgets, np.linspace(budgets[0], budgets[-1], 23)]):
            at = min(max(at, path.budgets[0]), budgets[-1])
            assert path.value_at(at) == pytest.approx(np.interp(at, budgets, values), rel=1e-6, abs=1e-9)


def test_breakpoints_are_plans_and_the_price_proves_them() -> None:
    """At every breakpoint a whole plan has exactly the path's use and value, and no plan within that budget has more."""
    for seed in range(8):
        problem = one_budget(seed, 25, kinds=seed % 2)
        path = budget_path(problem)
        assert (np.diff(path.budgets) > 0).all() and (np.diff(path.values) > 0).all()
        assert (np.diff(path.marginal) <= 1e-6 * path.marginal[:-1]).all()
        for j in range(len(path.budgets)):
            at = float(path.budgets[j])
            plan = path.plan_at(np.nextafter(at, np.inf))
            assert row_values(problem, plan)[0] == pytest.approx(at)
            assert plan_value(problem, plan) == pytest.approx(path.values[j])
            limited = dataclasses.replace(problem, rows=(dataclasses.replace(problem.rows[0], upper=at),))
            price = np.array([path.marginal_at(np.nextafter(at, np.inf))])
            assert lagrangian(limited, price) == pytest.approx(path.values[j], rel=1e-6, abs=1e-9)


def test_path_against_enumeration() -> None:
    for seed in range(40):
        problem = one_budget(seed, 4, kinds=seed % 2)
        path = budget_path(problem)
        plans = all_plans(problem)
        for budget in np.linspace(path.budgets[0], path.budgets[-1], 7).tolist():
            limited = dataclasses.replace(problem, rows=(dataclasses.replace(problem.rows[0], upper=budget + 1e-9),))
            best = max(plan_value(problem, p) for p in plans if keeps_rows(limited, p))
            step = max(np.diff(path.values), default=0.0)
            assert best <= path.value_at(budget + 1e-9) + 1e-6
            assert plan_value(problem, path.plan_at(budget + 1e-9)) >= path.value_at(budget) - step - 1e-6
            solution = solve(limited, method="path", gap=0.0)
            assert solution.objective <= best + 1e-9 and solution.bound >= best - 1e-6


def test_inverse_questions() -> None:
    path = budget_path(one_budget(3, 300))
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        value = path.values[0] + share * (path.values[-1] - path.values[0])
        assert path.value_at(path.budget_for(value)) == pytest.approx(value)
    assert np.isnan(path.budget_for(path.values[-1] + 1))
    assert path.budget_for(-1e9) == path.budgets[0]
    assert np.isnan(path.value_at(path.budgets[0] - 1)) and np.isnan(path.marginal_at(path.budgets[0] - 1))
    assert path.value_at(1e12) == path.values[-1] and path.marginal_at(1e12) == 0.0
    assert path.budget_at_price(0.0) == path.budgets[-1] and path.budget_at_price(1e12) == path.budgets[0]
    at = path.budget_at_price(1.0)
    j = path.steps_at(at)
    assert path.marginal[j - 1] > 1.0 >= path.marginal[j]
    with pytest.raises(ProblemError, match="expected at least"):
        path.plan_at(path.budgets[0] - 1)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=300), st.integers(0, 21))
@settings(max_examples=60, deadline=None)
def test_a_radix_round_is_a_stable_sort_by_its_bits(numbers: list[int], shift: int) -> None:
    key = np.array(numbers, np.uint32)
    place = np.arange(len(key), dtype=np.int32)
    out_key, out_place = np.empty_like(key), np.empty_like(place)
    radix_round(key, place, shift, out_key, out_place)
    order = np.argsort((key >> np.uint32(shift)) & np.uint32(2047), kind="stable")
    assert np.array_equal(out_key, key[order]) and np.array_equal(out_place, place[order])


def test_solve_takes_the_path_and_says_so() -> None:
    problem = one_budget(1, 3000)
    auto, columns = solve(problem, gap=1e-4), solve(problem, gap=1e-6, method="decomposition")
    assert auto.method == "path" and "one budget" in auto.note
    assert auto.status is Status.MET
    assert auto.objective == pytest.approx(columns.objective, rel=2e-4)
    assert auto.rows[0].shadow_price == pytest.approx(columns.rows[0].shadow_price, rel=0.02)
    proof = certify(problem, auto.arm, auto.multipliers)
    assert proof.feasible and proof.gap <= 1e-4
    loose = dataclasses.replace(problem, rows=(dataclasses.replace(problem.rows[0], upper=1e9),))
    free = solve(loose)
    assert free.gap == pytest.approx(0.0, abs=1e-12) and free.rows[0].shadow_price == 0.0 and not free.rows[0].binding
    below = float(budget_path(problem).budgets[0]) - 1.0
    tight = dataclasses.replace(problem, rows=(dataclasses.replace(problem.rows[0], upper=below),))
    nobody = solve(tight, amounts=True)
    assert nobody.status is Status.INFEASIBLE and nobody.conflict == ("budget",)
    assert nobody.conflict_gives[0] == pytest.approx(1.0, rel=1e-3)


def test_where_the_path_does_not_apply() -> None:
    problem = one_budget(2, 50)
    two = dataclasses.replace(problem, rows=(problem.rows[0], dataclasses.replace(problem.rows[0], name="other")))
    both_sides = dataclasses.replace(problem, rows=(dataclasses.replace(problem.rows[0], lower=1.0),))
    for wrong in (two, both_sides, dataclasses.replace(problem, max_offers=2)):
        assert path_row(wrong) is None
        with pytest.raises(SolverError, match="method: path takes one rule"):
            solve(wrong, method="path")
    with pytest.raises(ProblemError, match="exactly one"):
        budget_path(two)
    assert len(budget_path(two, two.rows[1]).budgets) == len(budget_path(problem).budgets)
    problem.measures[0, 1, 7] = np.nan
    problem.eligible[1, 7] = True
    with pytest.raises(ProblemError, match="NaN or infinity"):
        budget_path(problem)


def test_nobody_and_everybody_alike() -> None:
    shape, one = (2, 1, 1), np.ones(1, bool)
    rows = (row(shape, "budget", [(1, one, one, 1.0)], upper=7.0),)
    alike = Problem(np.ones((2, 1, 1000), np.float32), ("value", "cost"), np.zeros(1000, np.int32), 1, rows)
    path = budget_path(alike)
    assert path.plan_at(7.0).tolist() == [0] * 7 + [-1] * 993
    assert solve(alike, gap=0.0).selected == 7
    nobody = Problem(np.ones((2, 1, 0)), ("value", "cost"), np.zeros(0, np.int32), 1, rows)
    assert budget_path(nobody).values.tolist() == [0.0]
    assert solve(nobody, method="path").status is Status.MET
