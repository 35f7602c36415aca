"""Moves of single customers from the set that they have to another: which are cheap, and making those that help.

At multipliers y a plan loses against the bound exactly

    bound(y) - value = sum of regrets + sum_r |y_r| slack_r,

regret = score of the customer's best set - score of the one they have (households: less their tolls, and the slack of a
household's room counts like that of a row).  So the customers to move are those that lose least regret per unit of the row
(or of value) that they move; n customers offer about n nearly free moves.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Whole, kernel, parallel_kernel
from solvers.homes import Homes, has_room
from solvers.layout import Layout
from solvers.plan import Plan
from solvers.pricing import Prices

FloatArray = NDArray[np.float64]
LOOKED_AT = 200_000  # customers whose moves are looked at in a turn
_STEP = 256


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
    toll: Floats,
    arm: Whole,
    look: Mask,
    who: Ints,
    rate: Floats,
) -> None:
    """By chunk, the moves that shift a linear form of the table most cheaply in direction want (+1 or -1).

    form (C, H + 1, K); toll (n,), or (0,) without households; look (Q,): the chunks to look at; who (Q, G):
    customer * (S + 1) + new set (S = none), or -1;
    rate (Q, G): regret per unit, rising.
    """
    h_count, k_count, _ = measures.shape
    s_count = len(sets)
    masked, tolled = mask.shape[0] > 0, len(toll) > 0
    for q in numba.prange(len(start) - 1):
        p, a = price[chunk_class[q]], form[chunk_class[q]]
        if not look[q] or not np.any(a != 0):
            continue
        one, uses = np.empty((k_count, _STEP)), np.empty((k_count, _STEP))
        score, use = np.empty(_STEP), np.empty(_STEP)
        now_score, now_use = np.empty(_STEP), np.empty(_STEP)
        best, to = np.empty(_STEP), np.empty(_STEP, np.int32)
        # Loops over customers inside loops over arms become vector code; a step of them stays in the cache.
        for lo in range(start[q], start[q + 1], _STEP):
            m = min(_STEP, start[q + 1] - lo)
            for k in range(k_count):
                s, u = one[k], uses[k]
                s[:m] = -p[h_count, k]
                u[:m] = a[h_count, k]
                for h in range(h_count):
                    w = measures[h, k, lo : lo + m]
                    ph, ah = p[h, k], a[h, k]
                    if ph != 0:
                        for i in range(m):
                            s[i] -= ph * w[i]
                    if ah != 0:
                        for i in range(m):
                            u[i] += ah * w[i]
                if tolled:
                    for i in range(m):
                        s[i] -= toll[lo + i]
                if masked:
                    ok = mask[k, lo : lo + m]
                    for i in range(m):
                        s[i] = s[i] if ok[i] else -np.inf
                        u[i] = u[i] if ok[i] else 0.0
            for i in range(m):
                x, y = 0.0, 0.0
                if arm[lo + i] >= 0:
                    for k in sets[arm[lo + i]]:
                        if k >= 0:
                            x += one[k, i]
                            y += uses[k, i]
                now_score[i] = x
                now_use[i] = y
            for i in range(m):  # to nothing
                gain = -want * now_use[i]
                better = gain > 0
                best[i] = now_score[i] / gain if better else np.inf
                to[i] = s_count if better else -1
            for b in range(s_count):
                bb = np.int32(b)
                score[:m] = one[sets[b, 0], :m]
                use[:m] = uses[sets[b, 0], :m]
                for j in range(1, sets.shape[1]):
                    if sets[b, j] >= 0:
                        score[:m] += one[sets[b, j], :m]
                        use[:m] += uses[sets[b, j], :m]
                for i in range(m):
                    gain = want * (use[i] - now_use[i])
                    cost = (now_score[i] - score[i]) / gain
                    better = (gain > 0) & (cost < best[i])
                    best[i] = cost if better else best[i]
                    to[i] = bb if better else to[i]
            for i in range(m):
                if to[i] >= 0 and best[i] < rate[q, -1]:
                    insert(rate[q], who[q], best[i], (lo + i) * (s_count + 1) + to[i])


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
    homes: Homes,
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
    if the value rises.  No move may break another row, worsen one that is broken, or give a household more than it may have.
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
        if to == now or not has_room(homes, sets, arm, i, now, to):
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
    price: Prices,
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
        price.form,
        form,
        want,
        layout.sets,
        price.toll,
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


def apply(layout: Layout, plan: Plan, moves: NDArray[np.int64], target: int) -> int:
    """Make the moves that help a row (-1: the value); how many."""
    cells = layout.cells
    return int(
        apply_moves(
            layout.measures,
            layout.class_of,
            cells.first,
            cells.row,
            cells.coefficient,
            layout.sets,
            layout.homes,
            moves,
            target,
            layout.lower,
            layout.upper,
            layout.tolerance,
            plan.arm,
            plan.usage,
        )
    )
