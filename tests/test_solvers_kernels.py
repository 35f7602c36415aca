"""Compiled loops against slow readable twins, exactly, and the same bits for any number of threads."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import pytest
from small_problems import plan_value, random_problem, row_values

from solvers.fill import fill
from solvers.layout import CHUNK, arrange
from solvers.moves import cheapest_moves, row_form
from solvers.moving import apply_moves
from solvers.plan import plan_of
from solvers.pricing import Pricer
from solvers.problem import Problem, row
from solvers.solve import solve


def medium_problem(seed: int, n: int, dtype: type = np.float32, integral: bool = True, grouped: bool = True) -> Problem:
    r = np.random.default_rng(seed)
    k, c = 4, 5
    measures = r.integers(-4, 9, (3, k, n)).astype(dtype)
    if not integral:
        measures = (measures + r.random((3, k, n))).astype(dtype)
    measures[1] = np.abs(measures[1]) + 1
    class_of = r.choice([0, 1, 3, 4], n).astype(np.int32)  # class 2 has nobody
    if grouped:
        class_of.sort()
    shape, everyone, every_arm = (3, c, k), np.ones(c, bool), np.ones(k, bool)
    rows = (
        row(shape, "budget", [(1, everyone, every_arm, 1.0)], upper=2.0 * n),
        row(shape, "floor", [(2, everyone, every_arm, 1.0), (1, everyone, every_arm, -0.5)], lower=0.0),
        row(shape, "minimum", [(3, np.arange(c) == 1, np.arange(k) == 2, 1.0)], lower=n // 50),
    )
    return Problem(measures, ("value", "cost", "margin"), class_of, c, rows, r.random((k, n)) < 0.8)


def price_twin(problem: Problem, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(arm (n,), usage (R,)) by numpy, in the measures' own precision."""
    h, k, _, c = problem.shape
    price = np.zeros((h + 1, c, k))
    price[0] = -1
    for r, one in enumerate(problem.rows):
        price += y[r] * one.coefficients.toarray().reshape(h + 1, c, k)
    price = price.astype(problem.measures.dtype)
    score = -price[h][problem.class_of].T
    for m in range(h):
        score = score - price[m][problem.class_of].T * problem.measures[m]
    assert problem.eligible is not None
    score = np.where(problem.eligible, score, -np.inf)
    arm = np.where(score.max(axis=0) > 0, score.argmax(axis=0), -1).astype(np.int16)
    return arm, row_values(problem, arm)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pricing_equals_its_numpy_twin(dtype: type, grouped: bool) -> None:
    problem = medium_problem(3, 6000, dtype, grouped=grouped)
    layout = arrange(problem)
    assert (layout.order is None) == grouped
    if grouped:
        assert layout.measures is problem.measures
    pricer = Pricer(layout)
    for y in (np.zeros(3), np.array([0.25, 0.0, -1.5]), np.array([0.7, -0.3, -0.1])):
        value, usage = pricer.respond(y)
        arm, rows = price_twin(problem, y)
        assert np.array_equal(layout.restored(pricer.arm), arm)
        assert np.array_equal(usage.sum(axis=0), rows)  # whole numbers: sums are exact in any order
        chosen = np.flatnonzero(arm >= 0)
        assert value.sum() == problem.measures[0, arm[chosen], chosen].astype(np.float64).sum()
        assert np.array_equal(plan_of(layout, pricer.arm).usage, rows)


def moves_twin(problem: Problem, price: np.ndarray, form: np.ndarray, want: float, arm: np.ndarray, depth: int):
    """Per customer the cheapest move; the ``depth`` cheapest of all, as (rate, code)."""
    _, k, n, _ = problem.shape
    found = []
    for i in range(n):
        of = problem.class_of[i]
        w = np.append(problem.measures[:, :, i].astype(np.float64), np.ones((1, k)), axis=0)
        score = np.append([-float(price[of, :, a] @ w[:, a]) for a in range(k)], 0.0)
        use = np.append([float(form[of, :, a] @ w[:, a]) for a in range(k)], 0.0)
        now = arm[i] if arm[i] >= 0 else k
        options = []
        for to in range(k + 1):
            gain = want * (use[to] - use[now])
            if gain > 0 and (to == k or problem.eligible[to, i]):
                options.append(((score[now] - score[to]) / gain, to))
        if options:
            rate, to = min(options)
            found.append((rate, i * (k + 1) + to))
    return sorted(found, key=lambda x: x[0])[:depth]


def test_cheapest_moves_equal_their_twin() -> None:
    problem = medium_problem(5, 400)
    layout = arrange(problem)
    pricer = Pricer(layout)
    y = np.array([0.5, -0.25, -1.0])
    pricer.respond(y)
    price = pricer.form(y)
    for r, want in ((0, -1.0), (1, 1.0), (2, 1.0)):
        form = row_form(layout, r)
        chunks, depth = len(layout.chunk_class), 6
        who, rate = np.full((chunks, depth), -1), np.full((chunks, depth), np.inf)
        args = (
            chunks,
            layout.measures,
            layout.mask,
            layout.start,
            layout.chunk_class,
            price,
            form,
            want,
            layout.sets,
            np.zeros(0),
            pricer.arm,
            np.ones(chunks, bool),
            who,
            rate,
        )
        cheapest_moves(*args)
        for q in range(chunks):
            piece = slice(layout.start[q], layout.start[q + 1])
            inside = Problem(
                np.ascontiguousarray(problem.measures[:, :, piece]),
                problem.measure_names,
                problem.class_of[piece],
                problem.n_classes,
                (),
                problem.eligible[:, piece],
            )
            twin = moves_twin(inside, price, form, want, pricer.arm[piece], depth)
            assert np.array_equal(rate[q][: len(twin)], [x for x, _ in twin])
            offset = layout.start[q] * (layout.shape[1] + 1)
            got = sorted(zip(rate[q], who[q] - offset, strict=True))[: len(twin)]
            assert {x for x, _ in twin if x < twin[-1][0]} == {x for x, _ in got if x < twin[-1][0]}


def moves_made_twin(problem: Problem, layout, moves: np.ndarray, target: int, plan: np.ndarray) -> np.ndarray:
    """Moves one by one, every row recomputed from the whole plan each time."""
    k, plan = problem.shape[1], plan.copy()
    constants = np.array([x.constant for x in problem.rows])

    def out(values: np.ndarray) -> np.ndarray:
        return np.maximum(values - layout.upper, layout.lower - values)

    for code in moves.tolist():
        before = out(row_values(problem, plan) - constants)
        if target >= 0 and before[target] <= 1e-9:
            break
        i, to = divmod(code, k + 1)
        trial = plan.copy()
        trial[i] = to if to < k else -1
        after = out(row_values(problem, trial) - constants)
        worse = after > np.maximum(before, 0.0) + 1e-9
        gain = plan_value(problem, trial) - plan_value(problem, plan)
        helps = after[target] < before[target] - 1e-9 if target >= 0 else gain > 0
        if helps and not worse.any() and trial[i] != plan[i]:
            plan = trial
    return plan


def test_moves_made_equal_their_twin() -> None:
    changed = 0
    for seed in range(150):
        problem = random_problem(seed, rounded=True)
        _, k, n, _ = problem.shape
        problem = dataclasses.replace(problem, class_of=np.sort(problem.class_of), eligible=None)
        layout = arrange(problem)
        r = np.random.default_rng(seed)
        moves = r.integers(0, n * (k + 1), 4 * n)
        for target in range(-1, len(problem.rows)):
            plan = plan_of(layout, r.integers(-1, k, n).astype(np.int8))
            want = moves_made_twin(problem, layout, moves, target, plan.arm)
            changed += int((want != plan.arm).any())
            cells = layout.cells
            rows = (layout.lower, layout.upper, layout.tolerance)
            args = (
                layout.class_of,
                cells.first,
                cells.row,
                cells.coefficient,
                layout.sets,
                layout.homes,
                moves,
                target,
                *rows,
            )
            apply_moves(layout.measures, *args, plan.arm, plan.usage)
            assert np.array_equal(plan.arm, want), (seed, target)
            assert np.allclose(plan.usage, plan_of(layout, plan.arm).usage)
    assert changed > 50


def fill_twin(problem: Problem, customers: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """Candidates one by one, every row recomputed from the whole plan each time."""
    n = problem.shape[2]
    plan = np.full(n, -1, np.int16)
    limits = []
    for one in problem.rows:
        data = one.coefficients.data
        h, k, _, c = problem.shape
        counts = (one.coefficients.indices >= h * c * k).all() and (data == 1).all() and len(data)
        upper = np.floor(one.upper - one.constant + 1e-9) + one.constant if counts else one.upper
        lower = np.ceil(one.lower - one.constant - 1e-9) + one.constant if counts else one.lower
        limits.append((lower, upper))
    for i, a in zip(customers.tolist(), arms.tolist(), strict=True):
        if plan[i] >= 0 or (problem.eligible is not None and not problem.eligible[a, i]):
            continue
        before = row_values(problem, plan)
        plan[i] = a
        after = row_values(problem, plan)
        for (lower, upper), was, new in zip(limits, before, after, strict=True):
            if (new > was and new > upper + 1e-9) or (new < was and new < lower - 1e-9):
                plan[i] = -1
                break
    return plan


def test_fill_equals_its_slow_twin() -> None:
    for seed in range(150):
        problem = random_problem(seed, rounded=True)
        _, k, n, _ = problem.shape
        r = np.random.default_rng(seed)
        customers, arms = r.integers(0, n, 3 * n), r.integers(0, k, 3 * n)
        assert np.array_equal(fill(problem, customers, arms), fill_twin(problem, customers, arms)), seed


def test_fill_refuses_candidates_that_do_not_exist() -> None:
    problem = random_problem(1)
    with pytest.raises(ValueError, match=r"customers: expected 0 \.\."):
        fill(problem, np.array([99]), np.array([0]))


def test_fill_goes_on_from_a_plan() -> None:
    problem = medium_problem(2, 300)
    order = np.random.default_rng(0).permutation(300)
    arms = np.arange(300) % 4
    half = fill(problem, order[:150], arms[:150])
    assert np.array_equal(fill(problem, order[150:], arms[150:], arm=half), fill(problem, order, arms))


@pytest.mark.parametrize("method", ["decomposition", "greedy"])
def test_same_bits_for_one_and_two_threads(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers._jit.SMALL", 0)  # let even this problem use all threads
    problem = medium_problem(7, 5 * CHUNK, integral=False, grouped=False)
    before = numba.get_num_threads()
    answers = []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            answers.append(solve(problem, method=method, gap=1e-5))
    finally:
        numba.set_num_threads(before)
    assert np.array_equal(answers[0].arm, answers[1].arm)
    assert np.array_equal(answers[0].multipliers, answers[1].multipliers)
    assert answers[0].objective == answers[1].objective
    assert answers[0].bound == answers[1].bound


def test_same_plan_in_another_order_of_customers() -> None:
    """Grouping is internal: a permuted problem has the same value and bound (nobody ties here)."""
    problem = medium_problem(11, 3000, np.float64, integral=False)
    shuffle = np.random.default_rng(1).permutation(3000)
    other = Problem(
        np.ascontiguousarray(problem.measures[:, :, shuffle]),
        problem.measure_names,
        problem.class_of[shuffle],
        problem.n_classes,
        problem.rows,
        problem.eligible[:, shuffle],
    )
    a, b = solve(problem, gap=1e-4), solve(other, gap=1e-4)
    assert a.objective == pytest.approx(b.objective, rel=1e-4)
    assert a.status == b.status
