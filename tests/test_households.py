"""Households that share a number of offers: against enumeration, the integer program, and every kernel against its twin."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import random_problem
from test_several_offers import choices, larger, with_offers, worth

from solvers import evaluate, fill
from solvers.certify import certify, lagrangian, shared_total, within_homes
from solvers.errors import ProblemError, SolverError
from solvers.homes import Homes, homes_of, make_room, offers_at, room_left, share_out
from solvers.layout import arrange
from solvers.pricing import Pricer
from solvers.problem import Problem
from solvers.solution import Status
from solvers.solve import solve


def housed(problem: Problem, seed: int, most: int = 2) -> Problem:
    """Households of any size, some customers without one; room of 0 to ``most`` offers."""
    r = np.random.default_rng([seed, 9])
    n = problem.shape[2]
    homes = max(n // 2, 1)
    of = r.integers(-1, homes, n).astype(np.int32)
    return dataclasses.replace(problem, household_of=of, household_room=r.integers(0, most + 1, homes))


def small(seed: int) -> Problem:
    problem = random_problem(seed)
    n = min(problem.shape[2], 4)
    eligible = None if problem.eligible is None else problem.eligible[:, :n]
    few = dataclasses.replace(
        problem, measures=problem.measures[:, :, :n].copy(), class_of=problem.class_of[:n], eligible=eligible
    )
    return housed(with_offers(few, seed) if seed % 2 else few, seed)


def fits(problem: Problem, plan: tuple[tuple[int, ...], ...]) -> bool:
    used = np.zeros(len(problem.household_room))
    for i, arms in enumerate(plan):
        if problem.household_of[i] >= 0:
            used[problem.household_of[i]] += len(arms)
    return bool((used <= problem.household_room).all())


def best_by_enumeration(problem: Problem) -> float | None:
    best = None
    for plan in itertools.product(*[choices(problem, i) for i in range(problem.shape[2])]):
        if fits(problem, plan):
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


def arms_of(solution) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(int(a) for a in col if a >= 0)) for col in np.atleast_2d(solution.plan).T)


@pytest.mark.parametrize("method", ["auto", "decomposition", "exact", "greedy"])
def test_every_method_against_enumeration(method: str) -> None:
    met, tight = 0, 0
    for seed in range(80):
        problem = small(seed)
        best = best_by_enumeration(problem)
        gap = 0.0 if method in ("auto", "exact") else 1e-4
        solution = solve(problem, method=method, gap=gap)
        if solution.status is Status.INFEASIBLE:
            assert best is None or ("not proven" in solution.note and method in ("decomposition", "greedy")), seed
            continue
        assert best is not None, seed
        plan = arms_of(solution)
        assert fits(problem, plan) and all(arms in choices(problem, i) for i, arms in enumerate(plan)), seed
        value, rows = worth(problem, plan)
        assert solution.objective == pytest.approx(value, abs=1e-9) and np.allclose(
            [x.value for x in solution.rows], rows
        )
        assert value <= best + 1e-7 and solution.bound >= best - 1e-6 * max(1.0, abs(best)), seed
        free = solve(dataclasses.replace(problem, household_of=None, household_room=None), gap=0.0)
        tight += free.objective > best + 1e-6
        if solution.status is Status.MET and method != "greedy":
            met += 1
            assert value >= best - gap * max(abs(solution.bound), 1e-12) - 1e-7, seed
    assert tight > 15 and (method == "greedy" or met > 30)


def test_a_thousand_customers_against_the_integer_program() -> None:
    """One and two offers a customer; the integer program's own bound is the judge."""
    for seed, m in ((1, 1), (2, 1), (3, 2)):
        problem = housed(larger(seed, 600, 5, m, dtype=np.float64), seed)
        exact = solve(problem, method="exact", gap=1e-5)
        ours = solve(problem, method="decomposition", gap=2e-3)
        assert exact.status is Status.MET and ours.status is Status.MET, ours.note
        assert fits(problem, arms_of(ours)) and fits(problem, arms_of(exact))
        assert exact.objective * (1 - 2e-3) <= ours.objective <= exact.bound + 1e-6
        assert ours.bound >= exact.objective - 1e-6


def pricing_twin(problem: Problem, y: np.ndarray) -> float:
    """Households one by one, all combinations of their members' sets; without the rows' right-hand sides."""
    h, k, n, c = problem.shape
    price = np.zeros((h + 1, c, k))
    price[0] = -1
    for r, one in enumerate(problem.rows):
        price += y[r] * one.coefficients.toarray().reshape(h + 1, c, k)

    def score(i: int, arms: tuple[int, ...]) -> float:
        of = problem.class_of[i]
        return -sum(float(price[h, of, a] + price[:h, of, a] @ problem.measures[:, a, i]) for a in arms)

    groups: dict[int, list[int]] = {}
    for i in range(n):
        groups.setdefault(int(problem.household_of[i]) if problem.household_of[i] >= 0 else -1 - i, []).append(i)
    total = 0.0
    for home, people in groups.items():
        room = int(problem.household_room[home]) if home >= 0 else 99
        total += max(
            sum(score(i, arms) for i, arms in zip(people, plan, strict=True))
            for plan in itertools.product(*[choices(problem, i) for i in people])
            if sum(map(len, plan)) <= room
        )
    return total


@pytest.mark.parametrize(("m", "never", "only_if"), [(1, (), ()), (2, (), ()), (3, ((0, 1),), ((3, 2),))])
def test_pricing_and_the_bound_equal_their_twin(m: int, never, only_if) -> None:
    """Whole numbers: sums are exact in any order."""
    for seed in range(4):
        problem = housed(larger(seed, 40, 4, m, never, only_if, dtype=np.float64), seed, 3)
        problem = dataclasses.replace(problem, class_of=problem.class_of[::-1].copy())  # not grouped: places move
        layout = arrange(problem)
        pricer = Pricer(layout)
        for y in (np.zeros(3), np.array([0.5, 1.0, -2.0])):
            value, usage = pricer.respond(y)
            twin = pricing_twin(problem, y)
            assert float(value.sum()) - y @ usage.sum(axis=0) == pytest.approx(twin, abs=1e-9)
            assert lagrangian(problem, y) == pytest.approx(twin + y @ layout.rhs(y), abs=1e-9)
            proof = certify(problem, layout.restored(pricer.arm), y)
            assert proof.allowed and np.allclose(proof.values, usage.sum(axis=0))


def shared_slowly(score: np.ndarray, people: list[int], room: int) -> float:
    counts = itertools.product(range(len(score) + 1), repeat=len(people))
    return max(
        sum(max(score[j - 1, i], 0.0) for i, j in zip(people, js, strict=True) if j) for js in counts if sum(js) <= room
    )


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_sharing_out_by_enumeration(seed: int, sizes: int, room: int) -> None:
    """The best total, tolls (the next offer's worth), and the certificate's own way to the same total."""
    r = np.random.default_rng(seed)
    n = int(r.integers(1, 6))
    score = r.integers(-3, 9, (sizes, n)).astype(float)
    homes = Homes(np.zeros(n, np.int32), np.array([0, n]), np.arange(n), np.array([room]))
    pick = np.arange(sizes * n).reshape(sizes, n)
    arm, toll = np.full(n, 77), np.zeros(n)
    share_out(1, score, pick, homes, arm, toll)
    best = shared_slowly(score, list(range(n)), room)
    given_to = [(int(a) // n, i) for i, a in enumerate(arm.tolist()) if a >= 0]
    assert all(arm[i] == pick[j, i] for j, i in given_to)
    assert sum(score[j, i] for j, i in given_to) == best
    assert sum(j + 1 for j, _ in given_to) <= room
    assert toll == pytest.approx(shared_slowly(score, list(range(n)), room + 1) - best)
    problem = Problem(
        np.zeros((1, sizes, n)), ("value",), np.zeros(n, np.int32), 1, max_offers=sizes,
        household_of=np.zeros(n, np.int32), household_room=np.array([room]),
    )  # fmt: skip
    assert shared_total(problem, score) == pytest.approx(best)


def test_only_households_that_can_run_out_are_kept() -> None:
    of = np.array([2, 0, 2, -1, 0, 1, 2], np.int32)
    problem = Problem(
        np.ones((1, 2, 7)), ("value",), np.zeros(7, np.int32), 1, household_of=of, household_room=np.array([2, 1, 1])
    )
    homes = homes_of(problem)
    assert homes.of.tolist() == [0, -1, 0, -1, -1, -1, 0] and homes.room.tolist() == [1]
    assert homes.member.tolist() == [0, 2, 6] and homes.first.tolist() == [0, 3]
    several = homes_of(dataclasses.replace(problem, max_offers=2))
    assert several.room.tolist() == [1, 2, 1] and several.of.tolist() == [0, 1, 0, -1, 1, 2, 0]
    sets = np.array([[0, -1], [1, -1], [0, 1]])
    arm = np.array([2, -1, 0, 1, 0, -1, 1])
    assert offers_at(np.array([0, 2, 6]), sets, arm) == 4
    assert room_left(several, sets, arm).tolist() == [-3, 1, 1]
    make_room(several, sets, np.array([9.0, 0, 3, 0, 1, 0, 2]), arm)
    assert arm.tolist() == [-1, -1, -1, 1, 0, -1, -1]  # the pair of offers is one too many even alone


def test_filling_in_order_stops_at_full_households() -> None:
    problem = Problem(
        np.ones((1, 2, 4)), ("value",), np.zeros(4, np.int32), 1,
        household_of=np.array([0, 0, 0, -1], np.int32), household_room=np.array([2]),
    )  # fmt: skip
    assert fill(problem, np.array([2, 3, 0, 1]), np.array([1, 0, 0, 1])).tolist() == [0, -1, 1, 0]


def test_plans_at_hand_and_fixed_customers() -> None:
    problem = housed(larger(3, 400, 5, 2, dtype=np.float64), 3)
    first = solve(problem, gap=1e-2)
    said = evaluate(problem, first.plan)
    assert said.feasible and said.value == pytest.approx(first.objective)
    again = solve(problem, gap=1e-3, plan=first.plan)
    assert again.objective >= first.objective - 1e-9
    fixed = np.arange(400) % 2 == 0
    some = solve(problem, gap=1e-2, plan=first.plan, fixed=fixed)
    assert np.array_equal(np.atleast_2d(some.plan)[:, fixed], np.atleast_2d(first.plan)[:, fixed])
    assert within_homes(problem, np.atleast_2d(some.plan)) and some.objective >= first.objective - 1e-9
    everybody = np.where(np.arange(400) % 5 == 0, 3, 0)
    assert not evaluate(problem, everybody[None]).allowed
    with pytest.raises(SolverError, match=r"fixed: \d+ households have more offers than they may"):
        solve(problem, plan=everybody[None], fixed=np.ones(400, bool))
    assert "who may have what" in solve(problem, gap=1e-2, plan=everybody[None]).note


def test_threads_do_not_change_a_bit() -> None:
    import numba

    problem = housed(larger(5, 30_000, 5, 1, dtype=np.float64), 5)
    arms = []
    before = numba.get_num_threads()
    for threads in {1, before}:
        numba.set_num_threads(threads)
        layout = arrange(problem)
        pricer = Pricer(layout)
        value, usage = pricer.respond(np.array([0.25, 0.5, -0.5]))
        arms.append((value, usage, pricer.arm.copy(), pricer.prices(np.zeros(3)).toll))
    numba.set_num_threads(before)
    assert all(all(np.array_equal(a, b) for a, b in zip(arms[0], other, strict=True)) for other in arms)


@pytest.mark.parametrize(
    ("of", "room", "words"),
    [
        (np.zeros(3, np.int32), None, "expected shapes"),
        (np.zeros(4, np.int32), np.array([1]), "expected shapes"),
        (np.array([0, 1, 0], np.int32), np.array([1]), r"expected -1 \.\. 0, got 0 \.\. 1"),
        (np.zeros(3, np.int32), np.array([-1]), "expected 0 or more, got -1"),
    ],
)
def test_households_that_do_not_fit(of, room, words: str) -> None:
    with pytest.raises(ProblemError, match=words):
        Problem(np.ones((1, 2, 3)), ("value",), np.zeros(3, np.int32), 1, household_of=of, household_room=room)


def scores_with_tolls(layout, form: np.ndarray, toll: np.ndarray) -> np.ndarray:
    """(S + 1, n) what each set is worth to a customer less the household's charge; closed: -inf; last: nothing, 0."""
    h, _, n, _ = layout.shape
    out = np.zeros((len(layout.sets) + 1, n))
    for i in range(n):
        of = layout.class_of[i]
        for s, arms in enumerate(layout.sets):
            for a in arms[arms >= 0]:
                if layout.mask.size and not layout.mask[a, i]:
                    out[s, i] = -np.inf
                out[s, i] -= form[of, h, a] + form[of, :h, a] @ layout.measures[:, a, i].astype(float) + toll[i]
    return out


def test_moves_and_regrets_with_tolls_equal_their_twins() -> None:
    from solvers.moves import cheapest_moves, row_form
    from solvers.recovery import regrets

    for m in (1, 2):
        problem = housed(larger(4, 300, 4, m, dtype=np.float64), 4)
        layout = arrange(problem)
        pricer = Pricer(layout)
        price = pricer.prices(np.array([0.5, 1.0, -2.0]))
        assert (price.toll > 0).any() and np.array_equal(price.charge(layout.sets)[0], price.toll)
        score, count = scores_with_tolls(layout, price.form, price.toll), len(layout.sets)
        r = np.random.default_rng(m)
        arm = r.integers(-1, count, 300).astype(np.int16)
        for i in range(300):
            arm[i] = -1 if arm[i] >= 0 and np.isinf(score[arm[i], i]) else arm[i]
        regret, least = np.full(300, np.inf), np.full((2, count + 1, count + 1, 2), np.inf)
        who = np.full(least.shape, -1)
        where = (2, layout.measures, layout.mask, layout.edge, price.form, price.toll, layout.sets)
        regrets(*where, arm, np.ones(2, int), regret, who, least)
        form = row_form(layout, 0)
        chunks = len(layout.chunk_class)
        move, rate = np.full((chunks, 300), -1), np.full((chunks, 300), np.inf)
        places = (chunks, layout.measures, layout.mask, layout.start, layout.chunk_class)
        cheapest_moves(*places, price.form, form, -1.0, layout.sets, price.toll, arm, np.ones(chunks, bool), move, rate)
        found = dict(zip(move[move >= 0] // (count + 1), rate[move >= 0], strict=True))
        use = np.append(
            [[layout.measures[1, a[a >= 0], i].sum() for i in range(300)] for a in layout.sets], np.zeros((1, 300)), 0
        )
        for i in range(300):
            others = [s for s in range(count + 1) if s != (arm[i] if arm[i] >= 0 else count)]
            assert regret[i] == pytest.approx(abs(score[arm[i], i] - score[others, i].max()))
            gain = use[arm[i], i] - use[:, i]
            with np.errstate(divide="ignore", invalid="ignore"):
                cost = np.where((gain > 0) & np.isfinite(score[:, i]), (score[arm[i], i] - score[:, i]) / gain, np.inf)
            assert found.get(i, np.inf) == pytest.approx(cost.min())


def test_moves_made_keep_households() -> None:
    """Moves one by one, the plan's value, rows and households recomputed from the whole plan each time."""
    from solvers.moving import apply
    from solvers.plan import plan_of

    changed = blocked = 0
    for seed in range(60):
        problem = dataclasses.replace(random_problem(seed, rounded=True), eligible=None, rows=())
        problem = housed(dataclasses.replace(problem, class_of=np.sort(problem.class_of)), seed)
        layout = arrange(problem)
        _, k, n, _ = problem.shape
        r = np.random.default_rng(seed)
        moves = r.integers(0, n * (k + 1), 4 * n)
        plan = plan_of(layout, np.full(n, -1, np.int8))
        want = plan.arm.copy()
        for code in moves.tolist():
            i, to = divmod(code, k + 1)
            trial = want.copy()
            trial[i] = to if to < k else -1
            gain = plan_of(layout, trial).value - plan_of(layout, want).value
            fine = within_homes(problem, trial[None])
            blocked += gain > 0 and not fine
            if gain > 0 and fine:
                want = trial
        changed += apply(layout, plan, moves, -1)
        assert np.array_equal(plan.arm, want), seed
    assert changed > 50 and blocked > 20
