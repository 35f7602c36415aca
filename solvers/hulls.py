"""Steps along customers' upper hulls, and their order: the loops behind :mod:`solvers.path`.

A customer's points are (cost, value) of the open arms and (0, 0) for none.  From the cheapest point (the best of them, if
several cost the same) the upper concave hull rises in steps of falling return d value / d cost.
"""

from __future__ import annotations

import numpy as np

from solvers._jit import Floats, Ints, Mask, Parts, Whole, parallel_kernel

RADIX = 11  # bits a round; three rounds sort 32
PARTS = 2  # pieces of the array that a round counts and moves on its own; fixed, so that threads change nothing


@parallel_kernel
def hull_steps(
    chunks: Parts,
    measures: Floats,
    mask: Mask,
    class_of: Whole,
    form: Floats,
    used: Ints,
    start: Ints,
    count: Ints,
    step: Floats,
    rate: Floats,
    code: Whole,
    first_arm: Whole,
    base: Floats,
) -> None:
    """The steps of chunk q (customers start[q] : start[q + 1]), from place start[q] * K on: everybody's first, then the
    second of those who have one, and so on.

    form (C, H + 1, K): what a customer of a class adds to the row by an arm, by measure, last the count; used: the
    measures whose coefficients are not all 0.  Out: count (Q,) steps of a chunk; step (., 2) their cost and value,
    both > 0; rate (.) float32 their return; code: customer * (K + 1) + arm after the step (K = none); first_arm (n,) the
    cheapest choice, -1 = none; base (Q, 2) its cost and value, summed over the chunk (NaN if a number that is read is not
    finite).

    A hull is walked by going to the point of steepest return until none is worth more: the same few comparisons for all
    customers of a chunk, which become vector code.  Returns are rounded to float32: monotone, so that a customer's steps
    keep their order in a stable sort, and the path's value moves by less than 1e-7 of a step.
    """
    h_count, k_count, _ = measures.shape
    masked = mask.shape[0] > 0
    for q in range(chunks[0], chunks[1]):
        lo, m = start[q], start[q + 1] - start[q]
        cost, value = np.zeros((k_count + 1, m)), np.zeros((k_count + 1, m))  # last row: none
        at_cost, at_value = np.zeros(m), np.zeros(m)
        best, to = np.zeros(m), np.full(m, np.int32(k_count))
        least = np.full(m, np.inf)  # a customer's returns fall, whatever the rounding
        wrong = False
        for k in range(k_count):
            c, v, w = cost[k], value[k], measures[0, k]
            for i in range(m):
                c[i] = form[class_of[lo + i], h_count, k]
                v[i] = w[lo + i]
            for h in used:
                w = measures[h, k]
                for i in range(m):
                    c[i] += form[class_of[lo + i], h, k] * w[lo + i]
            if masked:
                ok = mask[k, lo : lo + m]
                for i in range(m):
                    wrong |= ok[i] and not (abs(c[i]) < np.inf and abs(v[i]) < np.inf)
                    c[i] = c[i] if ok[i] else np.inf
                    v[i] = v[i] if ok[i] else -np.inf
            else:
                for i in range(m):
                    wrong |= not (abs(c[i]) < np.inf and abs(v[i]) < np.inf)
            kk = np.int32(k)
            for i in range(m):
                better = (c[i] < at_cost[i]) | ((c[i] == at_cost[i]) & (v[i] > at_value[i]))
                at_cost[i] = c[i] if better else at_cost[i]
                at_value[i] = v[i] if better else at_value[i]
                to[i] = kk if better else to[i]
        total_cost, total_value = 0.0, 0.0
        for i in range(m):
            first_arm[lo + i] = to[i] if to[i] < k_count else -1
            total_cost += at_cost[i]
            total_value += at_value[i]
        base[q, 0] = np.nan if wrong else total_cost
        base[q, 1] = total_value
        room = np.empty((m * k_count + 1, 2))  # one more: a place is written before it is known to count
        mark, slopes = np.empty(m * k_count + 1, code.dtype), np.empty(m * k_count + 1, np.float32)
        out, before = 0, -1
        while out > before:
            before = out
            for i in range(m):
                best[i] = 0.0
                to[i] = k_count
            for k in range(k_count + 1):
                c, v = cost[k], value[k]
                kk = np.int32(k)
                for i in range(m):
                    run, rise = c[i] - at_cost[i], v[i] - at_value[i]
                    slope = rise / run if (run > 0) & (rise > 0) else 0.0
                    better = slope > best[i]
                    best[i] = slope if better else best[i]
                    to[i] = kk if better else to[i]
            for i in range(m):
                k = to[i]
                up = best[i] > 0
                room[out, 0] = cost[k, i] - at_cost[i]
                room[out, 1] = value[k, i] - at_value[i]
                least[i] = min(least[i], best[i])
                slopes[out] = least[i]
                mark[out] = (lo + i) * (k_count + 1) + k
                at_cost[i] = cost[k, i] if up else at_cost[i]
                at_value[i] = value[k, i] if up else at_value[i]
                out += 1 if up else 0
        count[q] = out
        place = lo * k_count
        for j in range(out):
            step[place + j, 0] = room[j, 0]
            step[place + j, 1] = room[j, 1]
            rate[place + j] = slopes[j]
            code[place + j] = mark[j]


@parallel_kernel
def pack_steps(
    chunks: Parts, rate: Floats, start: Ints, first: Ints, k_count: int, dense: Floats, place: Whole
) -> None:
    """Dense (return, place) of the steps; place is where the step is stored."""
    for q in range(chunks[0], chunks[1]):
        at = start[q] * k_count - first[q]
        for j in range(first[q], first[q + 1]):
            dense[j] = rate[at + j]
            place[j] = at + j


def radix_round(key: Whole, place: Whole, shift: int, out_key: Whole, out_place: Whole) -> None:
    """One stable round: order by ``RADIX`` bits of the key from ``shift`` on."""
    count = np.zeros((PARTS, 1 << RADIX), np.int64)
    count_digits(PARTS, key, shift, count)
    ends = np.cumsum(count.T).reshape(count.T.shape).T
    move_digits(PARTS, key, place, shift, ends - count, out_key, out_place)


@parallel_kernel
def count_digits(parts: Parts, key: Whole, shift: int, count: Ints) -> None:
    """count (parts, digits): keys of each part with each digit."""
    n, of = len(key), count.shape[0]
    low, by = np.uint32(count.shape[1] - 1), np.uint32(shift)
    for t in range(parts[0], parts[1]):
        for j in range(n * t // of, n * (t + 1) // of):
            count[t, (key[j] >> by) & low] += 1


@parallel_kernel
def move_digits(parts: Parts, key: Whole, place: Whole, shift: int, at: Ints, out_key: Whole, out_place: Whole) -> None:
    """Keys and places to where ``at`` (parts, digits) says that each part's next key of a digit goes."""
    n, of = len(key), at.shape[0]
    low, by = np.uint32(at.shape[1] - 1), np.uint32(shift)
    for t in range(parts[0], parts[1]):
        for j in range(n * t // of, n * (t + 1) // of):
            b = (key[j] >> by) & low
            out_key[at[t, b]] = key[j]
            out_place[at[t, b]] = place[j]
            at[t, b] += 1


@parallel_kernel
def take_steps(
    places: Parts, place: Whole, step: Floats, code: Whole, cost: Floats, value: Floats, code_out: Whole
) -> None:
    """The stored steps in the order of ``place``."""
    for j in range(places[0], places[1]):
        at = place[j]
        cost[j] = step[at, 0]
        value[j] = step[at, 1]
        code_out[j] = code[at]
