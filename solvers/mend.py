"""Moving single customers: until no row is broken, and then for more value within what the rows have left.

At multipliers y a plan loses against the bound exactly

    bound(y) - value = sum of regrets + sum_r |y_r| slack_r,

regret = score of the customer's best arm - score of the arm they have.  So the customers to move are those that
lose least regret per unit of the row (or of value) that they move; n customers offer about n nearly free moves.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Whole, kernel, parallel_kernel
from solvers.layout import Layout
from solvers.plan import Plan, plan_of

FloatArray = NDArray[np.float64]
_CANDIDATES = 4096
LOOKED_AT = 200_000  # customers whose moves are looked at in a turn


@kernel
def insert(values: Floats, ids: Ints, value: float, i: int) -> None:
    """Put (value, i) into ascending lists of fixed length, if it is small enough."""
    j = len(values) - 1
    if value >= values[j]:
        return
    while j > 0 and values[j - 1] > value:
        values[j] = values[j - 1]
        ids[j] = ids[j - 1]
        j -= 1
    values[j] = value
    ids[j] = i


@parallel_kernel
def cheapest_moves(
    measures: Floats,
    mask: Mask,
    start: Ints,
    chunk_class: Ints,
    price: Floats,
    form: Floats,
    want: float,
    sets: Ints,
    arm: Whole,
    look: Mask,
    who: Ints,
    rate: Floats,
) -> None:
    """By chunk, the moves that shift a linear form of the table most cheaply in direction want (+1 or -1).

    form (C, H + 1, K); look (Q,): the chunks to look at; who (Q, G): customer * (S + 1) + new set (S = none), or -1;
    rate (Q, G): regret per unit, rising.
    """
    h_count, k_count, _ = measures.shape
    s_count = len(sets)
    masked = mask.shape[0] > 0
    for q in numba.prange(len(start) - 1):
        p, a = price[chunk_class[q]], form[chunk_class[q]]
        if not look[q] or not np.any(a != 0):
            continue
        score, use = np.zeros(s_count + 1), np.zeros(s_count + 1)
        one, uses = np.zeros(k_count), np.zeros(k_count)
        for i in range(start[q], start[q + 1]):
            for k in range(k_count):
                if masked and not mask[k, i]:
                    one[k] = -np.inf
                    uses[k] = 0.0
                    continue
                s, u = -p[h_count, k], a[h_count, k]
                for h in range(h_count):
                    if p[h, k] != 0:
                        s -= p[h, k] * measures[h, k, i]
                    if a[h, k] != 0:
                        u += a[h, k] * measures[h, k, i]
                one[k] = s
                uses[k] = u
            for b in range(s_count):
                k = sets[b, 0]
                s, u = one[k], uses[k]
                for j in range(1, sets.shape[1]):
                    k = sets[b, j]
                    if k >= 0:
                        s += one[k]
                        u += uses[k]
                score[b] = s
                use[b] = u
            now = arm[i] if arm[i] >= 0 else s_count
            best, to = np.inf, -1
            for k in range(s_count + 1):
                gain = want * (use[k] - use[now])
                if gain > 0 and score[k] > -np.inf:
                    cost = (score[now] - score[k]) / gain
                    if cost < best:
                        best = cost
                        to = k
            if to >= 0:
                insert(rate[q], who[q], best, i * (s_count + 1) + to)


@kernel
def shift_of(
    measures: Floats,
    first: Ints,
    row: Ints,
    coefficient: Floats,
    cell: int,
    members: Ints,
    i: int,
    sign: float,
    delta: Floats,
) -> float:
    """delta[row] += sign * what customer i uses on the arms ``members``; cell: that of their class's first arm.

    Returns what the arms are worth.
    """
    h_count = measures.shape[0]
    worth = 0.0
    for k in members:
        if k < 0:
            break
        worth += measures[0, k, i]
        for e in range(first[cell + k], first[cell + k + 1]):
            d = coefficient[e, h_count]
            for h in range(h_count):
                if coefficient[e, h] != 0:
                    d += coefficient[e, h] * measures[h, k, i]
            delta[row[e]] += sign * d
    return worth


@kernel
def apply_moves(
    measures: Floats,
    class_of: Whole,
    first: Ints,
    row: Ints,
    coefficient: Floats,
    sets: Ints,
    moves: Ints,
    target: int,
    lower: Floats,
    upper: Floats,
    tolerance: Floats,
    arm: Whole,
    usage: Floats,
) -> int:
    """Make the moves that help, in order; returns how many.

    target = a row: a move helps if that row's violation falls; stop when it is mended.  target = -1: a move helps
    if the value rises.  No move may break another row, or worsen one that is broken.
    """
    k_count, s_count = measures.shape[1], len(sets)
    delta = np.zeros(len(usage))
    made = 0
    for code in moves:
        if target >= 0:
            out = max(usage[target] - upper[target], lower[target] - usage[target])
            if out <= tolerance[target]:
                break
        i, to = code // (s_count + 1), code % (s_count + 1)
        now = arm[i]
        if to == s_count:
            to = -1
        if to == now:
            continue
        cell = class_of[i] * k_count
        gain = 0.0
        if now >= 0:
            gain -= shift_of(measures, first, row, coefficient, cell, sets[now], i, -1.0, delta)
        if to >= 0:
            gain += shift_of(measures, first, row, coefficient, cell, sets[to], i, 1.0, delta)
        fine = gain > 0
        if target >= 0:
            new = usage[target] + delta[target]
            was = max(usage[target] - upper[target], lower[target] - usage[target])
            fine = max(new - upper[target], lower[target] - new) < was - tolerance[target]
        for side in range(2):
            here = now if side == 0 else to
            if here >= 0 and fine:
                for k in sets[here]:
                    if k < 0:
                        break
                    for e in range(first[cell + k], first[cell + k + 1]):
                        r = row[e]
                        was = max(usage[r] - upper[r], lower[r] - usage[r])
                        new = usage[r] + delta[r]
                        becomes = max(new - upper[r], lower[r] - new)
                        if becomes > max(was, 0.0) + tolerance[r]:
                            fine = False
        for side in range(2):
            here = now if side == 0 else to
            if here >= 0:
                for k in sets[here]:
                    if k < 0:
                        break
                    for e in range(first[cell + k], first[cell + k + 1]):
                        r = row[e]
                        if fine:
                            usage[r] += delta[r]
                        delta[r] = 0.0
        if fine:
            arm[i] = to
            made += 1
    return made


def some_chunks(layout: Layout, turn: int) -> NDArray[np.bool_]:
    """(Q,) chunks of about 200,000 customers, two of every class at least, others at every turn; all of them for turn -1.

    Among so many customers the cheapest moves cost next to nothing, and looking at a million costs five times as much.
    """
    of = layout.chunk_class
    stride = max(layout.shape[2] // LOOKED_AT, 1)
    if turn < 0 or stride == 1:
        return np.ones(len(of), bool)
    strides = np.clip(np.bincount(of, minlength=layout.shape[3]) // 2, 1, stride)
    return np.asarray((np.arange(len(of)) + turn) % strides[of] == 0)


def moves_along(
    layout: Layout,
    price: FloatArray,
    form: FloatArray,
    want: float,
    arm: NDArray[np.signedinteger],
    most: int,
    turn: int = -1,
) -> NDArray[np.int64]:
    """Moves (customer * (S + 1) + set) that shift ``form`` (C, H + 1, K) in direction ``want``, cheapest first.

    turn: see :func:`some_chunks`.
    """
    look = some_chunks(layout, turn)
    chunks = len(layout.chunk_class)
    depth = int(np.clip(most // max(chunks, 1), 32, 512))
    who, rate = np.full((chunks, depth), -1), np.full((chunks, depth), np.inf)
    cheapest_moves(
        layout.measures,
        layout.mask,
        layout.start,
        layout.chunk_class,
        price,
        form,
        want,
        layout.sets,
        arm,
        look,
        who,
        rate,
    )
    order = np.argsort(rate, axis=None, kind="stable")
    found = who.ravel()[order]
    return found[found >= 0]


def row_form(layout: Layout, r: int) -> FloatArray:
    """(C, H + 1, K) coefficients of a row."""
    h, k, _, c = layout.shape
    line = np.zeros((h + 1) * c * k)
    piece = slice(layout.rows.indptr[r], layout.rows.indptr[r + 1])
    np.add.at(line, layout.rows.indices[piece], layout.rows.data[piece])
    return np.ascontiguousarray(line.reshape(h + 1, c, k).transpose(1, 0, 2))


def _apply(layout: Layout, plan: Plan, moves: NDArray[np.int64], target: int) -> int:
    cells = layout.cells
    return int(
        apply_moves(
            layout.measures,
            layout.class_of,
            cells.first,
            cells.row,
            cells.coefficient,
            layout.sets,
            moves,
            target,
            layout.lower,
            layout.upper,
            layout.tolerance,
            plan.arm,
            plan.usage,
        )
    )


def broken_rows(layout: Layout, usage: FloatArray) -> NDArray[np.int64]:
    """Rows outside their bounds by more than the tolerance, the most broken (in row sizes) first."""
    out = layout.violation(usage)
    size = np.where(out > layout.tolerance, out / layout.scale, 0.0)
    order = np.argsort(-size, kind="stable")
    return order[size[order] > 0]


def mend(layout: Layout, price: FloatArray, plan: Plan, rounds: int = 60) -> bool:
    """Move customers in ``plan`` until no row is broken, at prices (C, H + 1, K); False if that does not succeed."""
    stuck: set[int] = set()
    for turn in range(rounds):
        rows = [int(r) for r in broken_rows(layout, plan.usage) if int(r) not in stuck]
        if not rows:
            break
        r = rows[0]
        want = -1.0 if plan.usage[r] > layout.upper[r] else 1.0
        form = row_form(layout, r)
        made = _apply(layout, plan, moves_along(layout, price, form, want, plan.arm, _CANDIDATES, turn), r)
        if made == 0 and layout.shape[2] > LOOKED_AT:
            made = _apply(layout, plan, moves_along(layout, price, form, want, plan.arm, _CANDIDATES), r)
        if made == 0:
            stuck.add(r)
        else:
            stuck.clear()
    fresh = plan_of(layout, plan.arm)
    plan.value, plan.usage = fresh.value, fresh.usage
    return len(broken_rows(layout, plan.usage)) == 0


def improve(layout: Layout, price: FloatArray, plan: Plan, enough: float, rounds: int = 3) -> None:
    """Add value to a plan that breaks no row, until it is worth ``enough`` or no cheap move is left."""
    h, k, _, c = layout.shape
    form = np.zeros((c, h + 1, k))
    form[:, 0] = 1.0
    for turn in range(rounds):
        if plan.value >= enough:
            break
        moves = moves_along(layout, price, form, 1.0, plan.arm, _CANDIDATES, turn if turn + 1 < rounds else -1)
        made = _apply(layout, plan, moves, -1)
        fresh = plan_of(layout, plan.arm)
        plan.value, plan.usage = fresh.value, fresh.usage
        if made == 0 and layout.shape[2] <= LOOKED_AT:
            break
