"""What linear programming theory says must hold: duality, shadow prices, concavity, conflicts, certificates."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.optimize import linprog
from small_problems import all_plans, best_by_enumeration, keeps_rows, plan_value, random_problem

from solvers.certify import certify, lagrangian
from solvers.decomposition import generate
from solvers.errors import SolverError
from solvers.explain import Integral, Mixes, explain
from solvers.layout import arrange
from solvers.pricing import Pricer
from solvers.problem import Problem, Row, row
from solvers.search import respond
from solvers.solution import Status
from solvers.solve import solve


def campaign(n: int, budget: float, seed: int = 0, dtype: type = np.float64, minimum: float = 0.0) -> Problem:
    """Five arms, two segments: a budget, a margin floor, an arm's capacity, a segment's minimum."""
    r = np.random.default_rng(seed)
    k, c = 5, 2
    cost = r.uniform(1, 4, (k, 1)) * r.uniform(0.9, 1.1, (k, n))
    value = r.lognormal(0.5, 1.0, n) * r.uniform(0, 2, (k, n)) - 0.2 * cost
    measures = np.stack([value, cost, 0.6 * value - 0.1 * cost]).astype(dtype)
    shape, everyone, every_arm = (3, c, k), np.ones(c, bool), np.ones(k, bool)
    rows = (
        row(shape, "budget", [(1, everyone, every_arm, 1.0)], upper=budget),
        row(shape, "floor", [(2, everyone, every_arm, 1.0), (1, everyone, every_arm, -0.1)], lower=0.0),
        row(shape, "capacity", [(3, everyone, np.arange(k) == 2, 1.0)], upper=0.05 * n),
        row(shape, "minimum", [(3, np.arange(c) == 1, np.arange(k) == 0, 1.0)], lower=minimum),
    )
    return Problem(measures, ("value", "cost", "margin"), np.sort(r.integers(0, c, n)).astype(np.int32), c, rows)


def with_row(problem: Problem, name: str, **changes: float) -> Problem:
    rows = tuple(dataclasses.replace(x, **changes) if x.name == name else x for x in problem.rows)
    return dataclasses.replace(problem, rows=rows)


def relaxation(problem: Problem) -> float | None:
    """Value of the relaxation without integrality by SciPy's own interface to HiGHS; None if infeasible."""
    h, k, n, c = problem.shape
    w = np.concatenate([problem.measures.astype(float), np.ones((1, k, n))])
    a, b = [], []
    for one in problem.rows:
        line = one.coefficients.toarray().reshape(h + 1, c, k)[:, problem.class_of]  # (H+1, n, K)
        coefficients = np.einsum("hik,hki->ki", line, w).ravel()
        if np.isfinite(one.upper):
            a.append(coefficients)
            b.append(one.upper - one.constant)
        if np.isfinite(one.lower):
            a.append(-coefficients)
            b.append(one.constant - one.lower)
    once = np.tile(np.eye(n), (1, k))
    limits = np.ones((k, n)) if problem.eligible is None else problem.eligible.astype(float)
    answer = linprog(
        -problem.measures[0].astype(float).ravel(),
        np.concatenate([*[x[None] for x in a], once]),
        np.concatenate([b, np.ones(n)]),
        bounds=[(0, u) for u in limits.ravel()],
        method="highs",
    )
    return -float(answer.fun) if answer.status == 0 else None


@pytest.mark.parametrize("seed", range(4))
def test_strong_duality_of_the_relaxation(seed: int) -> None:
    """The dual's least bound equals the relaxation's value."""
    problem = campaign(150, 90.0, seed, minimum=9)
    layout = arrange(problem)
    pricer = Pricer(layout)
    dual = generate(layout, pricer, [respond(layout, pricer, np.zeros(4))], 1e-8)
    assert dual.feasible
    rounded = with_row(problem, "capacity", upper=np.floor(problem.rows[2].upper))
    assert dual.best.bound == pytest.approx(relaxation(rounded), rel=1e-7)
    assert lagrangian(problem, dual.best.y) == pytest.approx(dual.best.bound, rel=1e-10)


def test_strong_duality_on_small_problems_of_every_kind() -> None:
    feasible = 0
    for seed in range(60):
        problem = random_problem(seed)
        value = relaxation(problem)
        layout = arrange(problem)
        rounded = dataclasses.replace(
            problem,
            rows=tuple(
                dataclasses.replace(x, lower=a + x.constant, upper=b + x.constant)
                for x, a, b in zip(problem.rows, layout.lower.tolist(), layout.upper.tolist(), strict=True)
            ),
        )
        value = relaxation(rounded)
        if value is None:
            assert explain(layout, Mixes(layout)) is not None, seed
            continue
        feasible += 1
        pricer = Pricer(layout)
        dual = generate(layout, pricer, [respond(layout, pricer, np.zeros(len(problem.rows)))], 1e-9, most_penalty=1e9)
        assert dual.best.bound == pytest.approx(value, abs=1e-6), seed
    assert feasible > 20


def test_any_multipliers_give_a_bound() -> None:
    for seed in range(60):
        problem = random_problem(seed)
        best = best_by_enumeration(problem)
        if best is None:
            continue
        y = np.random.default_rng(seed).normal(0, 2, len(problem.rows))
        y = arrange(problem).projected(y)
        assert lagrangian(problem, y) >= best - 1e-9


def test_certificate_catches_corrupted_plans() -> None:
    problem = campaign(2000, 900.0)
    solution = solve(problem, gap=1e-3)
    proof = certify(problem, solution.arm, solution.multipliers)
    assert proof.feasible and proof.gap <= 1e-3
    greedy_for_value = problem.measures[0].argmax(axis=0).astype(np.int16)
    assert not certify(problem, greedy_for_value, solution.multipliers).feasible  # over budget
    missing = solution.arm.copy()
    missing[np.flatnonzero(missing >= 0)[0]] = 5
    assert not certify(problem, missing, solution.multipliers).feasible  # no such arm
    closed = dataclasses.replace(problem, eligible=np.ones((5, 2000), bool))
    who = int(np.flatnonzero(solution.arm >= 0)[0])
    closed.eligible[solution.arm[who], who] = False
    assert not certify(closed, solution.arm, solution.multipliers).feasible  # closed to this customer
    fewer = solution.arm.copy()
    fewer[np.flatnonzero(fewer >= 0)[:200]] = -1
    assert certify(problem, fewer, solution.multipliers).gap > 1e-2  # worth less, and it says so
    priced = solution.multipliers.copy()
    priced[0] = -1.0
    assert np.isposinf(certify(problem, solution.arm, priced).bound)  # prices a bound that is open


def test_shadow_price_is_the_gain_of_a_looser_bound() -> None:
    """Central difference of the optimal value over the bound, at tight gaps."""
    n = 20_000
    problem = campaign(n, 9_000.0, minimum=1500)
    base = solve(problem, gap=1e-5)
    prices = {x.name: x.shadow_price for x in base.rows}
    assert prices["budget"] > 0 and prices["capacity"] > 0 and prices["minimum"] > 0 and prices["floor"] == 0
    for name, side, step in (("budget", "upper", 200.0), ("capacity", "upper", 100.0), ("minimum", "lower", -100.0)):
        here = next(x for x in problem.rows if x.name == name)
        values = [
            solve(
                with_row(problem, name, **{side: getattr(here, side) + s}), gap=1e-5, start=base.multipliers
            ).objective
            for s in (step, -step)
        ]
        assert (values[0] - values[1]) / (2 * abs(step)) == pytest.approx(prices[name], rel=0.03), name


def test_shadow_price_of_an_equality_is_signed_and_price_unit_scales() -> None:
    n = 10_000
    problem = campaign(n, 5_000.0)
    free = solve(problem, gap=1e-5)
    have = int((free.arm == 1).sum())
    shape = (3, 2, 5)
    for target, sign in ((have - 300, 1.0), (have + 300, -1.0)):
        fixed = row(
            shape,
            "exactly",
            [(3, np.ones(2, bool), np.arange(5) == 1, 1.0)],
            lower=target,
            upper=target,
            price_unit=10.0,
        )
        solution = solve(dataclasses.replace(problem, rows=(*problem.rows, fixed)), gap=1e-5)
        last = solution.rows[-1]
        assert last.value == target and last.binding
        assert np.sign(last.shadow_price) == sign
        assert last.shadow_price == pytest.approx(10.0 * solution.multipliers[-1])


def test_value_of_budget_is_concave_and_non_decreasing() -> None:
    budgets = np.linspace(0.0, 6000.0, 9)
    start, values, bounds = None, [], []
    for budget in budgets.tolist():
        solution = solve(campaign(5000, budget), gap=1e-4, start=start)
        assert solution.status is Status.MET
        start = solution.multipliers
        values.append(solution.objective)
        bounds.append(solution.bound)
    assert values[0] == 0.0
    assert (np.diff(bounds) >= -1e-9).all()
    assert (np.diff(bounds, 2) <= 2e-4 * max(bounds)).all()
    assert (np.diff(values) >= -1e-4 * max(values)).all()


def test_relaxation_is_not_below_any_method() -> None:
    for seed in range(5):
        problem = campaign(200, 100.0, seed)
        top = relaxation(problem)
        for method in ("greedy", "decomposition", "exact"):
            solution = solve(problem, method=method, gap=1e-4)
            assert solution.objective <= top + 1e-6
            assert method == "greedy" or solution.objective >= solve(problem, method="greedy").objective * (1 - 2e-3)


def test_bounds_fixed_at_an_incumbent_return_it() -> None:
    """Upper bounds at a best plan's own use keep it best, with money to the last digit."""
    for seed in range(40):
        problem = random_problem(seed)
        plans = [p for p in all_plans(problem) if keeps_rows(problem, p)]
        if not plans or not problem.rows:
            continue
        best = max(plans, key=lambda p: plan_value(problem, p))
        values = certify(problem, best, np.zeros(len(problem.rows))).values
        rows = tuple(
            dataclasses.replace(x, lower=v, upper=v) for x, v in zip(problem.rows, values.tolist(), strict=True)
        )
        solution = solve(dataclasses.replace(problem, rows=rows), gap=0.0)
        assert solution.status is Status.MET, (seed, solution.note)
        assert solution.objective == pytest.approx(plan_value(problem, best), abs=1e-9)


def test_cbc_agrees_with_highs() -> None:
    for seed in range(0, 40, 4):
        problem = random_problem(seed)
        a, b = (solve(problem, method="exact", gap=0.0, backend=x) for x in ("highs", "cbc"))
        assert a.status == b.status, seed
        if a.status is not Status.INFEASIBLE:
            assert a.objective == pytest.approx(b.objective, abs=1e-6), seed
    problem = campaign(400, 200.0, minimum=20)
    layout = arrange(problem)
    duals = []
    for backend in ("highs", "cbc"):
        pricer = Pricer(layout)
        duals.append(generate(layout, pricer, [respond(layout, pricer, np.zeros(4))], 1e-7, backend=backend))
    assert duals[0].best.bound == pytest.approx(duals[1].best.bound, rel=1e-6)
    assert np.allclose(duals[0].best.y, duals[1].best.y, rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_conflicts_are_irreducible_and_each_row_gives_enough(seed: int) -> None:
    """Dropping any row of the set makes it feasible; giving what is said makes it feasible; giving less does not."""
    problem = campaign(300, 60.0, seed, minimum=80)
    extra = row((3, 2, 5), "arm 0 cap", [(3, np.ones(2, bool), np.arange(5) == 0, 1.0)], upper=200.0)
    problem = dataclasses.replace(problem, rows=(*problem.rows, extra))
    solution = solve(problem, amounts=True)
    assert solution.status is Status.INFEASIBLE
    assert set(solution.conflict) == {"budget", "minimum"}
    assert "proven" in solution.note and (solution.arm == -1).all()
    by_name = {x.name: x for x in problem.rows}
    for name, give in zip(solution.conflict, solution.conflict_gives, strict=True):
        others = tuple(by_name[x] for x in solution.conflict if x != name)
        assert solve(dataclasses.replace(problem, rows=others)).status is not Status.INFEASIBLE
        side, sign = ("upper", 1.0) if name == "budget" else ("lower", -1.0)
        limit = getattr(by_name[name], side)
        # Fractions may give up to one customer's use less than whole plans.
        assert (
            solve(with_row(problem, name, **{side: limit + sign * (give * 1.01 + 5.0)})).status is not Status.INFEASIBLE
        )
        assert solve(with_row(problem, name, **{side: limit + sign * give * 0.98})).status is Status.INFEASIBLE


def test_conflicts_of_whole_plans_only() -> None:
    """Two customers at cost 2 and spend between 2.5 and 3.5: fractions can, whole plans cannot."""
    shape, one = (2, 1, 1), np.ones(1, bool)
    rows = (
        row(shape, "spend", [(1, one, one, 1.0)], lower=2.5, upper=3.5),
        row(shape, "cap", [(2, one, one, 1.0)], upper=2.0),
    )
    problem = Problem(np.array([[[1.0, 1.0]], [[2.0, 2.0]]]), ("value", "cost"), np.zeros(2, np.int32), 1, rows)
    solution = solve(problem, amounts=True)
    assert solution.status is Status.INFEASIBLE
    assert solution.conflict == ("spend",)
    assert solution.conflict_gives == (0.5,)
    assert "no whole plan" in solution.note
    layout = arrange(problem)
    assert explain(layout, Mixes(layout)) is None
    assert explain(layout, Integral(layout, Mixes(layout))) is not None


def test_a_ratio_that_nothing_can_meet() -> None:
    problem = campaign(1000, 500.0)
    shape, everyone, every_arm = (3, 2, 5), np.ones(2, bool), np.ones(5, bool)
    impossible = row(shape, "roi", [(0, everyone, every_arm, 1.0), (1, everyone, every_arm, -1000.0)], lower=0.0)
    nobody = solve(dataclasses.replace(problem, rows=(*problem.rows, impossible)))
    assert nobody.status is Status.MET and nobody.selected == 0 and nobody.objective == 0.0  # the empty plan meets it
    forced = with_row(dataclasses.replace(problem, rows=(*problem.rows, impossible)), "minimum", lower=5.0)
    solution = solve(forced)
    assert solution.status is Status.INFEASIBLE
    assert set(solution.conflict) == {"minimum", "roi"}


def tiny(n: int, rows: tuple[Row, ...] = (), value: float = 1.0, dtype: type = np.float64, eligible=None) -> Problem:
    measures = np.stack([np.full((2, n), value), np.full((2, n), 1.0)]).astype(dtype)
    return Problem(measures, ("value", "cost"), np.zeros(n, np.int32), 3, rows, eligible)


BUDGET = row((2, 3, 2), "budget", [(1, np.ones(3, bool), np.ones(2, bool), 1.0)], upper=7.0)


@pytest.mark.parametrize("method", ["auto", "exact", "decomposition", "greedy"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges(method: str, dtype: type) -> None:
    empty = solve(tiny(0, (BUDGET,), dtype=dtype), method=method)
    assert empty.status is Status.MET and empty.objective == 0.0 and empty.arm.shape == (0,)
    assert solve(tiny(1, dtype=dtype), method=method).objective == 1.0
    assert solve(tiny(9, (), dtype=dtype), method=method).selected == 9
    closed = solve(tiny(9, (BUDGET,), dtype=dtype, eligible=np.zeros((2, 9), bool)), method=method)
    assert closed.status is Status.MET and closed.selected == 0
    worthless = solve(tiny(9, (BUDGET,), value=-1.0, dtype=dtype), method=method)
    assert worthless.status is Status.MET and worthless.selected == 0
    ties = solve(tiny(2000, (BUDGET,), dtype=dtype), method=method, gap=1e-6)
    assert ties.selected == 7 and ties.rows[0].value == 7.0
    assert method == "greedy" or ties.status is Status.MET
    nothing = solve(tiny(50, (dataclasses.replace(BUDGET, upper=0.0),), dtype=dtype), method=method)
    assert nothing.selected == 0 and nothing.objective == 0.0
    impossible = dataclasses.replace(BUDGET, lower=60.0, upper=70.0)
    assert solve(tiny(50, (impossible,), dtype=dtype), method=method).status is Status.INFEASIBLE
    idle = row((2, 3, 2), "nobody", [(2, np.arange(3) == 2, np.ones(2, bool), 1.0)], lower=1.0)
    nowhere = solve(tiny(50, (idle,), dtype=dtype), method=method)
    assert nowhere.status is Status.INFEASIBLE and nowhere.conflict == ("nobody",)


def test_nan_where_closed_is_ignored_and_elsewhere_refused() -> None:
    problem = tiny(20, (BUDGET,), eligible=np.ones((2, 20), bool))
    problem.eligible[0, :10] = False
    problem.measures[:, 0, :10] = np.nan
    assert solve(problem, method="decomposition").status is Status.MET
    assert solve(problem, method="exact").selected == 7
    assert solve(problem, method="greedy").selected == 7
    problem.measures[1, 1, 3] = np.inf
    with pytest.raises(SolverError, match="NaN or infinity in 'cost', arm 1"):
        solve(problem)


def test_arguments_are_checked_together() -> None:
    with pytest.raises(SolverError) as caught:
        solve(tiny(3), method="magic", gap=-1.0, time_limit=0.0, start=np.zeros(4))  # type: ignore[arg-type]
    assert len(caught.value.problems) == 4
    wrong = dataclasses.replace(tiny(3), class_of=np.array([0, 1, 9], np.int32))
    with pytest.raises(SolverError, match=r"class_of: expected 0 \.\. 2, got 0 \.\. 9"):
        solve(wrong)


def test_warm_start_saves_passes() -> None:
    problem = campaign(20_000, 9_000.0, minimum=1500)
    cold = solve(problem, gap=1e-3)
    drifted = dataclasses.replace(problem, measures=problem.measures * np.array([1.02, 1.0, 1.0])[:, None, None])
    warm = solve(drifted, gap=1e-3, start=cold.multipliers)
    again = solve(drifted, gap=1e-3)
    assert warm.status is Status.MET
    assert warm.passes < again.passes


def test_nothing_is_printed_or_warned(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for backend in ("highs", "cbc"):
            solve(random_problem(6), method="exact", backend=backend)
        solve(campaign(500, 100.0, minimum=120))
        solve(campaign(500, 100.0), gap=1e-7, time_limit=5.0)
    out, err = capfd.readouterr()
    assert out == "" and err == ""


def test_missed_gap_says_so() -> None:
    problem = campaign(25, 13.3, seed=3)
    solution = solve(problem, method="decomposition", gap=0.0)
    assert solution.status is Status.GAP_NOT_MET
    assert "asked was 0" in solution.note
    assert keeps_rows(problem, solution.arm)
