"""Moves of single customers from the set that they have to another: which are cheap.

At multipliers y a plan loses against the bound exactly

    bound(y) - value = sum of regrets + sum_r |y_r| slack_r,

regret = score of the customer's best set - score of the one they have (households: less their tolls, and the slack of a
household's room counts like that of a row).  So the customers to move are those that lose least regret per unit of the row
(or of value) that they move; n customers offer about n nearly free moves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Parts, Whole, kernel, parallel_kernel
from solvers.layout import Layout
from solvers.pricing import Prices, add_up

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
    chunks: Parts,
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
    k_count = measures.shape[1]
    s_count = len(sets)
    masked, tolled = mask.shape[0] > 0, len(toll) > 0
    for q in range(chunks[0], chunks[1]):
        if not look[q]:
            continue
        p, a = price[chunk_class[q]], form[chunk_class[q]]
        one, uses = np.empty((k_count, _STEP)), np.empty((k_count, _STEP))
        score, use = np.empty(_STEP), np.empty(_STEP)
        now_score, now_use = np.empty(_STEP), np.empty(_STEP)
        best, to = np.empty(_STEP), np.empty(_STEP, np.int32)
        # Loops over customers inside loops over arms become vector code; a step of them stays in the cache.
        for lo in range(start[q], start[q + 1], _STEP):
            m = min(_STEP, start[q + 1] - lo)
            for k in range(k_count):
                s, u = one[k], uses[k]
                add_up(measures, p, True, k, lo, s[:m])
                add_up(measures, a, False, k, lo, u[:m])
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
                for j in range(sets.shape[1]):
                    k = sets[b, j]
                    if k >= 0:
                        s, u = one[k], uses[k]
                        for i in range(m):
                            score[i] = s[i] if j == 0 else score[i] + s[i]
                            use[i] = u[i] if j == 0 else use[i] + u[i]
                for i in range(m):
                    gain = want * (use[i] - now_use[i])
                    cost = (now_score[i] - score[i]) / gain
                    better = (gain > 0) & (cost < best[i])
                    best[i] = cost if better else best[i]
                    to[i] = bb if better else to[i]
            for i in range(m):
                if to[i] >= 0 and best[i] < rate[q, -1]:
                    insert(rate[q], who[q], best[i], (lo + i) * (s_count + 1) + to[i])


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
    look = some_chunks(layout, turn) & np.asarray(form.any(axis=(1, 2)))[layout.chunk_class]
    chunks = len(layout.chunk_class)
    depth = int(np.clip(most // max(chunks, 1), 32, 512))
    who, rate = np.full((chunks, depth), -1), np.full((chunks, depth), np.inf)
    cheapest_moves(
        chunks,
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
