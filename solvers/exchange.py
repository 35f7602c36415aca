"""Two customers at a time: pairs of moves that together gain value and keep every row.

Where rows are used up, a move that gains value breaks one of them unless another move makes room.  Of the N moves of
least regret, N^2 / 2 pairs are looked at: from the greatest gain down, so that most are never reached, and row by row, the
tightest first, so that most of the rest end at the first row.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, kernel
from solvers.choices import by_choice, open_sets
from solvers.homes import room_left, set_sizes
from solvers.layout import Layout
from solvers.mend import broken_rows
from solvers.offers import usage_of_offers
from solvers.plan import Plan, plan_of
from solvers.pricing import Prices

FloatArray = NDArray[np.float64]
MOVES = 4_000
ROUNDS = 12
MOST_PAIRS = 3_000_000  # open pairs up to which candidates are sought: with more customers single moves suffice


@kernel
def exchange_pass(
    gain: Floats,
    shift: Floats,
    customer: Ints,
    unit: Ints,
    grow: Ints,
    left: Ints,
    low: Floats,
    high: Floats,
    least: float,
    taken: Mask,
    room: Floats,
) -> float:
    """Take pairs of moves (or single ones) that gain more than ``least`` together; returns what was gained.

    gain (N,) falling; shift (N, R) what a move adds to the rows; customer (N,), of household unit (N,), gets grow (N,) more
    offers, where left (N,) is what the household may still get; the sum of the shifts taken must stay within
    low <= sum <= high (R,).  Out: taken (N,); room (R,) that sum.  A household moves once.
    """
    count, rows = shift.shape
    total = 0.0
    moved = np.zeros(count, np.bool_)  # by move: its customer has moved already
    for i in range(count):
        if moved[i]:
            continue
        for j in range(i, count):
            here = gain[i] + gain[j] if j > i else gain[i]
            if j > i and here <= least:
                break
            if here <= least or moved[j] or (j > i and customer[j] == customer[i]):
                continue
            same = j > i and unit[j] == unit[i]
            more = grow[i] + grow[j] if same else grow[i]
            fine = more <= max(left[i], 0) and (j == i or same or grow[j] <= max(left[j], 0))
            if not fine:
                continue
            for r in range(rows):
                new = room[r] + shift[i, r]
                if j > i:
                    new += shift[j, r]
                if new > high[r] or new < low[r]:
                    fine = False
                    break
            if fine:
                taken[i] = True
                taken[j] = True
                for r in range(rows):
                    room[r] += shift[i, r]
                    if j > i:
                        room[r] += shift[j, r]
                for m in range(count):
                    moved[m] |= unit[m] == unit[i] or unit[m] == unit[j]
                total += here
                break
    return total


def _candidates(
    layout: Layout, price: Prices, plan: Plan, most: float, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(customer, new set or -1) of the ``count`` moves of least regret, none above ``most``."""
    score = -by_choice(layout, price.form) - price.charge(layout.sets)
    if layout.mask.size:
        score[~open_sets(layout)] = -np.inf
    k, n = score.shape
    score = np.concatenate([score, np.zeros((1, n))])
    now = np.where(plan.arm >= 0, plan.arm, k)
    who = np.arange(n)
    regret = score[now, who] - score
    regret[now, who] = np.inf
    flat = regret.ravel()
    near = np.flatnonzero(flat <= most)
    if len(near) > count:
        near = near[np.argpartition(flat[near], count)[:count]]
    to, customer = np.divmod(np.sort(near), n)
    return customer, np.where(to < k, to, -1)


def _added(layout: Layout, customer: NDArray[np.int64], arm: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """(value (N,), usage (N, R)) of customers with sets, 0 for set -1."""
    rows = len(layout.lower)
    value, usage = np.zeros(len(arm)), np.zeros((len(arm), rows))
    some = np.flatnonzero(arm >= 0)
    value[some], sparse_usage = usage_of_offers(layout, customer[some], arm[some])
    usage[some] = sparse_usage.T.toarray()
    return value, usage


def _households(
    layout: Layout, plan: Plan, customer: NDArray[np.int64], now: NDArray[np.int64], to: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(who moves as one, more offers, offers that the household may still get) of moves; alone, a customer may have any set."""
    homes = layout.homes
    if not homes.some:
        return customer, np.zeros(len(to), np.int64), np.zeros(len(to), np.int64)
    size = np.append(set_sizes(layout.sets), 0)
    of = homes.of[customer].astype(np.int64)
    grow = np.where(of >= 0, size[to] - size[now], 0)
    left = np.append(room_left(homes, layout.sets, plan.arm), 0)[of]
    return np.where(of >= 0, layout.shape[2] + of, customer), grow, left


def exchange(layout: Layout, price: Prices, plan: Plan, bound: float, enough: float, deadline: float = np.inf) -> None:
    """Add value to a plan that breaks no row, until it is worth ``enough``, no pair of cheap moves gains, or time is up."""
    if layout.shape[2] * (len(layout.sets) + 1) > MOST_PAIRS:
        return
    for _ in range(ROUNDS):
        room = bound - plan.value
        if plan.value >= enough or room <= 0 or time.perf_counter() > deadline:
            return
        customer, to = _candidates(layout, price, plan, room, MOVES)
        now = plan.arm[customer].astype(np.int64)
        value, usage = _added(layout, customer, to)
        had, used = _added(layout, customer, now)
        order = np.argsort(had - value, kind="stable")
        slack = np.minimum(layout.upper - plan.usage, plan.usage - layout.lower) / layout.scale
        rows = np.argsort(slack, kind="stable")
        taken = np.zeros(len(order), bool)
        unit, grow, left = _households(layout, plan, customer, now, to)
        gained = exchange_pass(
            (value - had)[order],
            np.ascontiguousarray((usage - used)[order][:, rows]),
            customer[order],
            unit[order],
            grow[order],
            left[order],
            (layout.lower - layout.tolerance * 0.5 - plan.usage)[rows],
            (layout.upper + layout.tolerance * 0.5 - plan.usage)[rows],
            0.02 * (bound - enough),
            taken,
            np.zeros(len(rows)),
        )
        if gained <= 0:
            return
        arm = plan.arm.copy()
        arm[customer[order[taken]]] = to[order[taken]]
        after = plan_of(layout, arm)
        if len(broken_rows(layout, after.usage)) or after.value <= plan.value:
            return
        plan.arm, plan.value, plan.usage = after.arm, after.value, after.usage
