"""Plans that are given: evaluated, fixed in part, and never lost to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small_problems import all_plans, keeps_rows, plan_value, random_problem, row_values

from solvers import evaluate, solve
from solvers.errors import SolverError
from solvers.problem import Problem, row
from solvers.solution import Status


def campaign(n: int, seed: int = 0) -> Problem:
    r = np.random.default_rng(seed)
    k = 4
    measures = np.stack([r.lognormal(0.5, 1.0, n) * r.uniform(0, 2, (k, n)) - 0.3, r.uniform(1, 4, (k, n))])
    shape, everyone, every_arm = (2, 2, k), np.ones(2, bool), np.ones(k, bool)
    rows = (
        row(shape, "budget", [(1, everyone, every_arm, 1.0)], upper=0.4 * n),
        row(shape, "capacity", [(2, everyone, np.arange(k) == 2, 1.0)], upper=n // 20),
        row(shape, "minimum", [(2, np.array([False, True]), np.arange(k) == 0, 1.0)], lower=n // 30),
    )
    return Problem(measures, ("value", "cost"), np.sort(r.integers(0, 2, n)).astype(np.int32), 2, rows)


def test_evaluation_of_every_plan_of_small_problems() -> None:
    for seed in range(12):
        problem = random_problem(seed)
        plans = all_plans(problem)
        kept = [p for p in plans if keeps_rows(problem, p)]
        best = max((plan_value(problem, p) for p in kept), default=np.nan)
        for plan in plans[:: max(len(plans) // 8, 1)]:
            said = evaluate(problem, plan)
            assert said.value == pytest.approx(plan_value(problem, plan), abs=1e-9)
            assert np.allclose([r.value for r in said.rows], row_values(problem, plan))
            assert said.feasible == keeps_rows(problem, plan), seed
            assert not said.bound < best - 1e-6
            again = evaluate(problem, plan, multipliers=said.multipliers)
            assert again.bound == said.bound and again.gap == said.gap


def test_the_gap_of_an_evaluation_is_what_optimising_can_add() -> None:
    problem = campaign(3000)
    best = solve(problem, gap=1e-4)
    said = evaluate(problem, best.arm)
    assert said.feasible and said.gap <= 3e-4 and said.broken == ()
    half = best.arm.copy()
    half[np.flatnonzero(half >= 0)[::2]] = -1
    less = evaluate(problem, half)
    assert less.broken == ("minimum",) and less.value + less.gap * less.bound == pytest.approx(less.bound)
    assert less.bound == pytest.approx(said.bound, rel=1e-3)


def test_never_worse_than_the_plan_at_hand() -> None:
    """Whatever the method and the gap, and even where the rules leave only that plan."""
    for seed in range(60):
        problem = random_problem(seed)
        kept = [p for p in all_plans(problem) if keeps_rows(problem, p)]
        if not kept:
            continue
        r = np.random.default_rng(seed)
        for method in ("auto", "decomposition", "greedy"):
            at_hand = kept[int(r.integers(0, len(kept)))]
            solution = solve(problem, method=method, gap=0.5, plan=at_hand)
            assert solution.status is not Status.INFEASIBLE, (seed, method)
            assert solution.objective >= plan_value(problem, at_hand) - 1e-12, (seed, method)
            assert keeps_rows(problem, solution.arm)


def test_bounds_at_todays_plan_keep_today() -> None:
    """Money rows as equalities at a plan's own use: hardly another plan keeps them, and today's is found."""
    problem = campaign(2000)
    today = solve(problem, gap=1e-2).arm
    used = evaluate(problem, today)
    rows = tuple(
        dataclasses.replace(r, lower=u.value, upper=u.value) for r, u in zip(problem.rows, used.rows, strict=True)
    )
    pinned = dataclasses.replace(problem, rows=rows)
    solution = solve(pinned, gap=1e-4, plan=today)
    assert solution.objective >= used.value - 1e-9
    looser = solve(dataclasses.replace(problem, rows=tuple(dataclasses.replace(r, upper=max(r.upper, u.value)) for r, u in zip(problem.rows, used.rows, strict=True))), gap=1e-5, plan=today)  # fmt: skip
    assert looser.objective >= used.value


def test_improving_again_and_again_never_loses() -> None:
    problem = campaign(4000, 1)
    plan, value = np.full(4000, -1), -np.inf
    for gap in (0.3, 0.1, 1e-2, 1e-3, 1e-4):
        solution = solve(problem, gap=gap, plan=plan)
        assert solution.objective >= value
        plan, value = solution.arm, solution.objective
        assert solution.status is Status.MET
    assert "breaks 'minimum'" in solve(problem, gap=0.3, plan=np.full(4000, -1)).note


def test_fixed_customers_keep_their_arms_and_the_rest_is_best() -> None:
    tried = 0
    for seed in range(80):
        problem = random_problem(seed)
        n = problem.shape[2]
        plans = all_plans(problem)
        r = np.random.default_rng(seed)
        at_hand, fixed = plans[int(r.integers(0, len(plans)))], r.random(n) < 0.5
        values = [
            plan_value(problem, p) for p in plans if (p[fixed] == at_hand[fixed]).all() and keeps_rows(problem, p)
        ]
        solution = solve(problem, gap=0.0, plan=at_hand, fixed=fixed)
        if not values:
            assert solution.status is Status.INFEASIBLE, seed
            continue
        tried += 1
        assert (solution.arm[fixed] == at_hand[fixed]).all()
        assert solution.objective == pytest.approx(max(values), abs=1e-7), seed
        assert solution.bound >= max(values) - 1e-6
        assert np.allclose([x.value for x in solution.rows], row_values(problem, solution.arm))
    assert tried > 20


def test_fixing_in_a_large_problem() -> None:
    problem = campaign(3000, 2)
    free = solve(problem, gap=1e-4)
    fixed = np.arange(3000) % 3 == 0
    today = np.where(np.arange(3000) % 7 == 0, 1, -1)
    some = solve(problem, gap=1e-4, plan=today, fixed=fixed)
    assert some.status is Status.MET and (some.arm[fixed] == today[fixed]).all()
    assert some.objective < free.objective and some.bound <= free.bound * (1 + 1e-6)
    everybody = solve(problem, plan=free.arm, fixed=np.ones(3000, bool))
    assert everybody.objective == pytest.approx(free.objective) and everybody.gap == pytest.approx(0.0, abs=1e-12)


def test_several_offers_at_hand_and_fixed() -> None:
    problem = dataclasses.replace(campaign(600, 3), max_offers=2, never_together=((0, 1),), only_if=((3, 2),))
    first = solve(problem, gap=1e-2)
    again = solve(problem, gap=1e-3, plan=first.plan)
    assert again.objective >= first.objective
    said = evaluate(problem, first.plan)
    assert said.feasible and said.value == pytest.approx(first.objective)
    fixed = np.arange(600) % 2 == 0
    some = solve(problem, gap=1e-3, plan=first.plan, fixed=fixed)
    assert np.array_equal(np.atleast_2d(some.plan)[:, fixed], np.atleast_2d(first.plan)[:, fixed])
    assert some.objective >= first.objective - 1e-9
    wrong = np.array([[0], [1]]).repeat(600, axis=1)
    assert not evaluate(problem, wrong).allowed
    with pytest.raises(SolverError, match="combinations of arms that are allowed"):
        solve(problem, plan=wrong)


def test_plans_that_do_not_fit() -> None:
    problem = campaign(50)
    for plan, words in (
        (np.zeros(49, int), "arms of 50 customers"),
        (np.full(50, 4), r"arms -1 \.\. 3, got 4"),
        (np.zeros(50), "whole numbers"),
        (np.zeros((2, 50), int), "arms of 50"),
    ):
        with pytest.raises(SolverError, match=words):
            evaluate(problem, plan)
        with pytest.raises(SolverError, match=words):
            solve(problem, plan=plan)
    with pytest.raises(SolverError, match="multipliers: expected 3 finite"):
        evaluate(problem, np.zeros(50, int), multipliers=np.zeros(2))
    with pytest.raises(SolverError, match="fixed: expected a mask of 50 customers together with a plan"):
        solve(problem, fixed=np.ones(50, bool))
