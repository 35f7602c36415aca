"""The loops of recovery, sums and exchange against slow readable twins; whole numbers, so that sums are exact."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_several_offers import larger

from solvers.decomposition import generate
from solvers.exchange import exchange, exchange_pass
from solvers.layout import CHUNK, Layout, arrange, gross_sums
from solvers.mend import mend
from solvers.plan import plan_of, plan_sums
from solvers.pricing import Pricer
from solvers.recovery import regrets
from solvers.rounding import rounded
from solvers.search import respond

CASES = [(1, (), ()), (3, ((0, 1),), ((3, 2),))]


def layout_of(case: tuple, n: int = 300, dtype: type = np.float64) -> Layout:
    return arrange(larger(5, n, 5, *case, dtype=dtype))


def members(layout: Layout, number: int) -> list[int]:
    return [] if number < 0 else [int(a) for a in layout.sets[number] if a >= 0]


def whole_plan(layout: Layout, seed: int) -> np.ndarray:
    """Allowed sets at random, closed ones left out."""
    arm = np.random.default_rng(seed).integers(-1, len(layout.sets), layout.shape[2])
    for i, number in enumerate(arm):
        if any(not layout.mask[a, i] for a in members(layout, number)):
            arm[i] = -1
    return arm.astype(layout.arm_dtype)


@pytest.mark.parametrize("masked", [True, False])
def test_gross_sums(masked: bool) -> None:
    layout = layout_of(CASES[0], 2 * CHUNK + 77)
    mask = layout.mask if masked else np.zeros((0, 0), bool)
    read = np.array([True, False, True])
    out = np.zeros((len(layout.start) - 1, 4, 5))
    gross_sums(len(out), layout.measures, mask, layout.start, read, out)
    for q in range(len(out)):
        piece = slice(layout.start[q], layout.start[q + 1])
        open_to = layout.mask[:, piece] if masked else np.ones((5, piece.stop - piece.start), bool)
        for h in (0, 2):
            assert np.array_equal(out[q, h], (np.abs(layout.measures[h, :, piece]) * open_to).sum(axis=1))
        assert (out[q, 1] == 0).all() and np.array_equal(out[q, 3], open_to.sum(axis=1))


@pytest.mark.parametrize("case", CASES)
def test_plan_sums(case: tuple) -> None:
    layout = layout_of(case)
    arm = whole_plan(layout, 1)
    out = np.zeros((len(layout.start) - 1, 4, 5))
    plan_sums(len(out), layout.measures, layout.start, layout.read, layout.sets, arm, out)
    twin = np.zeros_like(out)
    for q in range(len(out)):
        for i in range(layout.start[q], layout.start[q + 1]):
            for a in members(layout, arm[i]):
                twin[q, :3, a] += np.where(layout.read, layout.measures[:, a, i], 0.0)
                twin[q, 3, a] += 1
    assert np.array_equal(out, twin)


@pytest.mark.parametrize("case", CASES)
def test_regrets(case: tuple) -> None:
    layout = layout_of(case)
    arm, sets = whole_plan(layout, 2), len(layout.sets)
    price = Pricer(layout).form(np.array([0.5, 1.0, -2.0]))
    regret, who = np.empty(300), np.full((2, sets + 1, sets + 1, 3), -1)
    least = np.full(who.shape, np.inf)
    regrets(
        2,
        layout.measures,
        layout.mask,
        layout.edge,
        price,
        np.zeros(0),
        layout.sets,
        arm,
        np.ones(2, int),
        regret,
        who,
        least,
    )
    kinds: dict[tuple[int, int, int], list[float]] = {}
    for i in range(300):
        of = int(layout.class_of[i])
        scores = []
        for number in range(sets):
            arms = members(layout, number)
            w = [np.append(layout.measures[:, a, i], 1.0) for a in arms]
            fine = all(layout.mask[a, i] for a in arms)
            scores.append(-sum(float(price[of, :, a] @ x) for a, x in zip(arms, w, strict=True)) if fine else -np.inf)
        scores.append(0.0)
        now = arm[i] if arm[i] >= 0 else sets
        others = [s for b, s in enumerate(scores) if b != now]
        assert regret[i] == abs(scores[now] - max(others))
        to = [b for b in range(sets + 1) if b != now and scores[b] == max(others)]
        found = [b for b in to if i in who[of, now, b]]
        for b in to if len(to) == 1 else found:
            kinds.setdefault((of, int(now), b), []).append(regret[i])
    for (of, now, to), values in kinds.items():
        assert least[of, now, to, 0] <= min(values)


@pytest.mark.parametrize("case", CASES)
def test_round_mix(case: tuple) -> None:
    """Error carried from customer to customer, in plain Python, on the mix of a real dual; and it does not grow."""
    layout = layout_of(case, 400)
    pricer = Pricer(layout)
    dual = generate(layout, pricer, [respond(layout, pricer, np.zeros(3))], 1e-6)
    arm, contested = rounded(layout, dual, pricer.prices(dual.best.y))
    people = np.maximum(layout.gross[3].sum(axis=1), 1.0)
    size = np.ones((2, 4))
    size[:, :3] = layout.gross[:3].sum(axis=2).T / people[:, None] + 1e-12
    mixed = 0
    for c in range(2):
        columns = [j for j in range(len(dual.weight)) if dual.block[j] == layout.block[c]]
        weight = [dual.weight[j] for j in columns]
        debt = np.zeros((4, 5))
        for i in range(layout.edge[c], layout.edge[c + 1]):
            sets = [int(dual.arms[dual.answer[j], i]) for j in columns]
            none = 1.0 - sum(weight)
            same = len(set(sets)) == 1 and (none < 1e-6 or sets[0] < 0)
            assert contested[i] == (not same)
            if same:
                assert arm[i] == sets[0]
                continue
            mixed += 1
            none += sum(x for x, s in zip(weight, sets, strict=True) if s < 0)
            w = (
                np.vstack([np.where(layout.read[:, None], layout.measures[:, :, i], 0.0), np.ones((1, 5))])
                / size[c][:, None]
            )
            mean = np.zeros(5)
            for x, s in zip(weight, sets, strict=True):
                mean[members(layout, s)] += x
            target = debt + mean * w

            def off(s: int, w: np.ndarray = w, target: np.ndarray = target) -> float:
                has = np.isin(np.arange(5), members(layout, s))
                return float(((target - has * w) ** 2).sum() - (target**2).sum())

            options = sorted({s for s in sets if s >= 0}) + ([-1] if none > 1e-6 else [])
            assert off(arm[i]) <= min(off(s) for s in options) + 1e-9
            debt = target - np.isin(np.arange(5), members(layout, arm[i])) * w
        assert np.abs(debt).max() < 12  # some customers' worth, however many are contested
    assert mixed > 0


def exchange_twin(gain, shift, customer, home, grow, left, low, high, least):
    room, taken, moved, total = np.zeros(shift.shape[1]), np.zeros(len(gain), bool), set(), 0.0
    for i in range(len(gain)):
        if home[i] in moved:
            continue
        for j in range(i, len(gain)):
            pair = [i] if j == i else [i, j]
            here = sum(gain[x] for x in pair)
            if j > i and here <= least:
                break
            if here <= least or home[j] in moved or (j > i and customer[i] == customer[j]):
                continue
            more = {h: sum(grow[x] for x in pair if home[x] == h) for h in {home[x] for x in pair}}
            if any(more[home[x]] > max(left[x], 0) for x in pair):
                continue
            new = room + shift[pair].sum(axis=0)
            if (new <= high).all() and (new >= low).all():
                room, total = new, total + here
                taken[pair] = True
                moved |= {home[x] for x in pair}
                break
    return total, taken, room


def test_exchange_pass() -> None:
    used = 0
    for seed in range(60):
        r = np.random.default_rng(seed)
        count, rows = int(r.integers(1, 40)), int(r.integers(1, 5))
        gain = np.sort(r.integers(-9, 9, count).astype(float))[::-1].copy()
        shift = r.integers(-3, 4, (count, rows)).astype(float)
        customer = r.integers(0, max(count // 2, 1), count)
        low, high = -r.integers(0, 4, rows).astype(float), r.integers(0, 4, rows).astype(float)
        taken, room = np.zeros(count, bool), np.zeros(rows)
        home = customer // 2 if seed % 2 else customer
        grow = r.integers(-1, 2, count) if seed % 2 else np.zeros(count, int)
        left = r.integers(0, 2, count)[home]
        total = exchange_pass(gain, shift, customer, home, grow, left, low, high, 0.5, taken, room)
        want = exchange_twin(gain, shift, customer.tolist(), home.tolist(), grow, left, low, high, 0.5)
        assert total == want[0] and np.array_equal(taken, want[1]) and np.array_equal(room, want[2])
        used += taken.sum() > 1
    assert used > 20


@pytest.mark.parametrize("case", CASES)
def test_an_exchange_gains_and_keeps_every_row(case: tuple) -> None:
    gained = 0
    for n in (60, 200, 400):
        layout = layout_of(case, n)
        pricer = Pricer(layout)
        y = generate(layout, pricer, [respond(layout, pricer, np.zeros(3))], 1e-6).best
        price = pricer.prices(y.y)
        plan = plan_of(layout, np.full(n, -1, layout.arm_dtype))
        if not mend(layout, price, plan):
            continue
        before = plan.value
        exchange(layout, price, plan, y.bound, y.bound)
        fresh = plan_of(layout, plan.arm)
        assert plan.value >= before and fresh.value == plan.value and np.array_equal(fresh.usage, plan.usage)
        assert (layout.violation(plan.usage) <= layout.tolerance).all()
        assert all(layout.mask[a, i] for i in range(n) for a in members(layout, plan.arm[i]))
        gained += plan.value > before
    assert gained >= 2


def test_pairs_beat_single_moves() -> None:
    """A full budget: only giving one customer's arm to another gains."""
    problem = larger(5, 40, 5, 1, dtype=np.float64)
    measures = problem.measures.copy()
    measures[0] = 1.0
    measures[0, :, 3] = 5.0
    measures[1] = 1.0
    budget = dataclasses.replace(problem.rows[0], upper=10.0)
    layout = arrange(dataclasses.replace(problem, measures=measures, rows=(budget,), eligible=None))
    plan = plan_of(layout, np.where(np.arange(40) >= 30, 0, -1).astype(np.int8))
    price = Pricer(layout).prices(np.array([1.0]))
    assert plan.value == 10.0
    exchange(layout, price, plan, 14.0, 14.0)
    assert plan.value == 14.0 and plan.arm[3] >= 0
