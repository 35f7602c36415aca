"""More than one offer a customer: exclusions and prerequisites, against enumeration, and every kernel against its twin."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from small_problems import random_problem

from solvers.certify import certify, combinations_of, keeps_company, lagrangian
from solvers.errors import ProblemError
from solvers.fill import fill
from solvers.layout import arrange
from solvers.pricing import Pricer
from solvers.problem import Problem, row
from solvers.sets import allowed_sets, numbered
from solvers.solution import Status
from solvers.solve import solve


def with_offers(problem: Problem, seed: int) -> Problem:
    """Up to three offers a customer, perhaps a pair that excludes each other, perhaps a prerequisite."""
    r = np.random.default_rng([seed, 5])
    k = problem.shape[1]
    pairs = [tuple(map(int, p)) for p in itertools.permutations(range(k), 2)]
    pick = lambda: (pairs[int(r.integers(0, len(pairs)))],) if pairs and r.random() < 0.5 else ()  # noqa: E731
    return dataclasses.replace(problem, max_offers=int(r.integers(1, 4)), never_together=pick(), only_if=pick())


def small(seed: int) -> Problem:
    """At most 4 customers and 3 arms: at most 4,096 plans."""
    problem = random_problem(seed)
    n = min(problem.shape[2], 4)
    eligible = None if problem.eligible is None else problem.eligible[:, :n]
    few = dataclasses.replace(
        problem, measures=problem.measures[:, :, :n].copy(), class_of=problem.class_of[:n], eligible=eligible
    )
    return with_offers(few, seed)


def choices(problem: Problem, i: int) -> list[tuple[int, ...]]:
    k = problem.shape[1]
    every = [s for size in range(problem.max_offers + 1) for s in itertools.combinations(range(k), size)]
    return [
        s
        for s in every
        if all(problem.eligible is None or problem.eligible[a, i] for a in s)
        and not any(a in s and b in s for a, b in problem.never_together)
        and not any(b in s and a not in s for b, a in problem.only_if)
    ]


def worth(problem: Problem, plan: tuple[tuple[int, ...], ...]) -> tuple[float, np.ndarray]:
    """(value, rows) customer by customer, arm by arm."""
    h, k, _, c = problem.shape
    lines = [r.coefficients.toarray().reshape(h + 1, c, k) for r in problem.rows]
    value, rows = 0.0, np.array([r.constant for r in problem.rows])
    for i, arms in enumerate(plan):
        of = int(problem.class_of[i])
        for a in arms:
            w = problem.measures[:, a, i].astype(float)
            value += float(w[0])
            rows = rows + np.array([line[:h, of, a] @ w + line[h, of, a] for line in lines])
    return value, rows


@functools.cache
def best_of(seed: int) -> float | None:
    return best_by_enumeration(small(seed))


def best_by_enumeration(problem: Problem) -> float | None:
    best = None
    for plan in itertools.product(*[choices(problem, i) for i in range(problem.shape[2])]):
        value, rows = worth(problem, plan)
        fine = all(
            x.lower - 1e-9 * max(1, abs(x.lower) if np.isfinite(x.lower) else 1)
            <= v
            <= x.upper + 1e-9 * max(1, abs(x.upper) if np.isfinite(x.upper) else 1)
            for x, v in zip(problem.rows, rows.tolist(), strict=True)
        )
        if fine and (best is None or value > best):
            best = value
    return best


@pytest.mark.parametrize("method", ["auto", "decomposition", "greedy"])
def test_every_method_against_enumeration(method: str) -> None:
    met = 0
    for seed in range(60):
        problem = small(seed)
        best = best_of(seed)
        gap = 0.0 if method == "auto" else 1e-4
        solution = solve(problem, method=method, gap=gap)
        if solution.status is Status.INFEASIBLE:
            assert best is None or "not proven" in solution.note, seed
            assert best is None or method != "auto", seed
            continue
        assert best is not None, seed
        plan = tuple(tuple(sorted(int(a) for a in col if a >= 0)) for col in np.atleast_2d(solution.plan).T)
        assert all(arms in choices(problem, i) for i, arms in enumerate(plan)), seed
        value, rows = worth(problem, plan)
        assert solution.objective == pytest.approx(value, abs=1e-9)
        assert np.allclose([x.value for x in solution.rows], rows)
        assert value <= best + 1e-7 and solution.bound >= best - 1e-6 * max(1.0, abs(best)), seed
        if solution.status is Status.MET and method != "greedy":
            met += 1
            assert value >= best - gap * max(abs(solution.bound), 1e-12) - 1e-7, seed
    assert method == "greedy" or met > 25


def larger(seed: int, n: int, k: int, m: int, never=(), only_if=(), dtype: type = np.float32) -> Problem:
    r = np.random.default_rng(seed)
    cost = r.integers(1, 5, (k, n))
    measures = np.stack([r.integers(-4, 9, (k, n)), cost, r.integers(0, 6, (k, n))]).astype(dtype)
    shape, everyone = (3, 2, k), np.ones(2, bool)
    rows = (
        row(shape, "budget", [(1, everyone, np.ones(k, bool), 1.0)], upper=1.5 * n),
        row(shape, "cap", [(3, everyone, np.arange(k) == 1, 1.0)], upper=n // 9),
        row(shape, "floor", [(3, np.array([True, False]), np.arange(k) == 2, 1.0)], lower=n // 12),
    )
    class_of = np.sort(r.integers(0, 2, n)).astype(np.int32)
    return Problem(measures, ("value", "cost", "x"), class_of, 2, rows, r.random((k, n)) < 0.8, m, never, only_if)


@pytest.mark.parametrize(
    ("m", "never", "only_if"), [(2, (), ()), (3, ((0, 1), (2, 4)), ()), (3, ((0, 1),), ((3, 2),)), (1, (), ((3, 2),))]
)
def test_pricing_equals_its_slow_twin(m: int, never, only_if) -> None:
    """Whole numbers: sums are exact in any order, and the first best set is the same one."""
    problem = larger(m, 500, 5, m, never, only_if)
    layout = arrange(problem)
    pricer = Pricer(layout)
    sets = [tuple(int(a) for a in s if a >= 0) for s in layout.sets]
    assert sets == combinations_of(problem)
    for y in (np.zeros(3), np.array([0.5, 1.0, -2.0])):
        _, usage = pricer.respond(y)
        price = pricer.form(y).astype(np.float32)
        total = np.zeros(3)
        for i in range(500):
            of = int(problem.class_of[i])
            best, which = 0.0, -1
            for j, s in enumerate(sets):
                if all(problem.eligible[a, i] for a in s):
                    score = sum(
                        -float(price[of, 3, a])
                        - sum(float(price[of, x, a]) * float(problem.measures[x, a, i]) for x in range(3))
                        for a in s
                    )
                    if score > best:
                        best, which = score, j
            assert pricer.arm[i] == which
            for a in sets[which] if which >= 0 else ():
                total += [problem.measures[1, a, i], a == 1, of == 0 and a == 2]
        assert np.array_equal(usage.sum(axis=0), total)


def test_a_bound_holds_for_any_multipliers() -> None:
    for seed in range(60):
        problem = small(seed)
        best = best_of(seed)
        if best is not None:
            y = arrange(problem).projected(np.random.default_rng(seed).normal(0, 2, len(problem.rows)))
            assert lagrangian(problem, y) >= best - 1e-9


@pytest.mark.parametrize(("m", "never", "only_if"), [(2, (), ()), (3, ((0, 1), (2, 4)), ((3, 2),))])
def test_thousands_of_customers(m: int, never, only_if) -> None:
    problem = larger(9, 3000, 6, m, never, only_if)
    solution = solve(problem, gap=1e-3)
    assert solution.status is Status.MET, solution.note
    proof = certify(problem, solution.plan, solution.multipliers)
    assert proof.feasible and proof.objective == solution.objective
    assert keeps_company(problem, np.atleast_2d(solution.plan).astype(int))
    customers, arms = solution.pairs
    assert problem.measures[0, arms, customers].sum(dtype=float) == pytest.approx(solution.objective)
    assert np.bincount(customers).max() == m
    single = solve(dataclasses.replace(problem, max_offers=1, never_together=(), only_if=()), gap=1e-3)
    assert solution.objective > single.objective  # more is allowed


def test_one_offer_given_as_several_is_the_same() -> None:
    """A prerequisite that nobody can use leaves single arms: the same value as without sets."""
    problem = larger(4, 2000, 4, 1)
    lone = dataclasses.replace(problem, only_if=((3, 2),))
    shut = dataclasses.replace(problem, eligible=problem.eligible & (np.arange(4) != 3)[:, None])
    a, b = solve(lone, gap=1e-4), solve(shut, gap=1e-4)
    assert a.objective == pytest.approx(b.objective, rel=2e-4)


def test_certificate_refuses_company_that_is_not_allowed() -> None:
    problem = dataclasses.replace(larger(1, 10, 4, 2, ((0, 1),), ((3, 2),)), rows=(), eligible=None)
    fine = np.full((2, 10), -1)
    for arms, allowed in (
        ((0, 2), True),
        ((0, 1), False),
        ((2, 2), False),
        ((3, -1), False),
        ((2, 3), True),
        ((-1, 3), False),
        ((0, 9), False),
    ):
        plan = fine.copy()
        plan[:, 4] = arms
        assert certify(problem, plan, np.zeros(0)).feasible == allowed, arms
    assert not certify(problem, np.full((3, 10), [[0], [2], [3]]), np.zeros(0)).feasible  # one too many


def test_sets_are_numbered_whatever_their_order() -> None:
    problem = larger(1, 40, 6, 3, ((0, 1),), ((3, 2),))
    sets = allowed_sets(problem)
    r = np.random.default_rng(0)
    want = r.integers(-1, len(sets), 40)
    plan = np.array([r.permutation(sets[j]) if j >= 0 else [-1] * 3 for j in want]).T
    assert np.array_equal(numbered(sets, plan, 6), want)
    assert np.array_equal(
        numbered(sets, np.full((1, 40), 5), 6), np.full(40, [list(s) for s in sets].index([5, -1, -1]))
    )
    with pytest.raises(ProblemError, match="combinations of arms that are allowed"):
        numbered(sets, np.array([[0], [1], [-1]]), 6)


def test_what_is_refused() -> None:
    problem = larger(1, 20, 5, 2)
    with pytest.raises(ProblemError, match="max_offers: expected at least 1, got 0"):
        dataclasses.replace(problem, max_offers=0)
    with pytest.raises(ProblemError, match=r"never_together: expected two different arms in 0 \.\. 4, got \(1, 1\)"):
        dataclasses.replace(problem, never_together=((1, 1),))
    with pytest.raises(ProblemError, match=r"only_if: .*got \(0, 7\)"):
        dataclasses.replace(problem, only_if=((0, 7),))
    many = Problem(np.ones((1, 60, 3)), ("value",), np.zeros(3, np.int32), 1, (), None, 3)
    with pytest.raises(ProblemError, match="at most 5,000 allowed combinations"):
        solve(many)
    with pytest.raises(ProblemError, match="one offer at most"):
        fill(problem, np.array([0]), np.array([0]))
