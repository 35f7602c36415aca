"""From a mix of plans to one plan, with an error that does not grow with the number of customers.

Customers whose arm is the same in all plans of their block's mix keep it.  The contested ones take an arm one
after the other so that their class's table stays nearest to the mix's: what one customer's choice is off by is
carried to the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Parts, Whole, parallel_kernel
from solvers.decomposition import Dual
from solvers.homes import make_room
from solvers.layout import Layout
from solvers.pricing import Prices


@parallel_kernel
def round_mix(
    classes: Parts,
    measures: Floats,
    read: Mask,
    edge: Ints,
    size: Floats,
    sets: Ints,
    arms: Whole,
    weight: Floats,
    answer: Ints,
    first: Ints,
    out: Whole,
    contested: Mask,
) -> None:
    """Class c mixes columns first[c, 0] : first[c, 1] with shares weight[j] of plan arms[answer[j]]; what is
    missing to 1 is no arm.

    size (C, H + 1): what a measure's error is measured against.  Out: out (n,), contested (n,).
    """
    h_count, k_count, _ = measures.shape
    for c in range(classes[0], classes[1]):
        lo, hi = first[c, 0], first[c, 1]
        total = 0.0
        for j in range(lo, hi):
            total += weight[j]
        debt = np.zeros((h_count + 1, k_count))  # the mix's table less the plan's
        share, mean = np.zeros(len(sets)), np.zeros(k_count)  # of sets, of arms
        for i in range(edge[c], edge[c + 1]):
            a = -1
            if hi > lo:
                a = arms[answer[lo], i]
            same = total > 0.999999 or a < 0
            for j in range(lo + 1, hi):
                same &= arms[answer[j], i] == a
            contested[i] = not same
            if not same:
                for b in range(len(sets)):
                    share[b] = 0.0
                for k in range(k_count):
                    mean[k] = 0.0
                none = 1.0 - total
                for j in range(lo, hi):
                    b = arms[answer[j], i]
                    if b >= 0:
                        share[b] += weight[j]
                        for k in sets[b]:
                            if k >= 0:
                                mean[k] += weight[j]
                    else:
                        none += weight[j]
                least, a = np.inf, -1
                if none > 1e-6:
                    least = 0.0
                for b in range(len(sets)):
                    if share[b] > 0:  # change of |debt|^2 against taking no arm
                        cost = 0.0
                        for k in sets[b]:
                            if k < 0:
                                break
                            for h in range(h_count + 1):
                                if h == h_count or read[h]:
                                    w = 1.0 / size[c, h]
                                    if h < h_count:
                                        w = measures[h, k, i] / size[c, h]
                                    cost += w * (w - 2 * (debt[h, k] + mean[k] * w))
                        if cost < least:
                            least = cost
                            a = b
                if a >= 0:
                    for k in sets[a]:
                        if k >= 0:
                            mean[k] -= 1.0
                for k in range(k_count):
                    d = mean[k]
                    if d != 0:
                        for h in range(h_count):
                            if read[h]:
                                debt[h, k] += d * measures[h, k, i] / size[c, h]
                        debt[h_count, k] += d / size[c, h_count]
            out[i] = a


def rounded(layout: Layout, dual: Dual, price: Prices) -> tuple[NDArray[np.signedinteger], NDArray[np.bool_]]:
    """(arm (n,), contested (n,)) of a mix; households that got too much give up what is worth least at these prices."""
    h, _, n, c = layout.shape
    order = np.argsort(dual.block, kind="stable")
    block = dual.block[order]
    first = np.stack([np.searchsorted(block, layout.block, side=side) for side in ("left", "right")], axis=1)
    size = np.ones((c, h + 1))
    people = np.maximum(layout.gross[h].sum(axis=1), 1.0)
    size[:, :h] = layout.gross[:h].sum(axis=2).T / people[:, None] + 1e-12
    arm, contested = np.empty(n, layout.arm_dtype), np.empty(n, np.bool_)
    round_mix(
        c,
        layout.measures,
        layout.read,
        layout.edge,
        size,
        layout.sets,
        dual.arms,
        dual.weight[order],
        dual.answer[order],
        first,
        arm,
        contested,
    )
    if layout.homes.some:
        make_room(layout.homes, layout.sets, scores(layout, price, arm), arm)
    return arm, contested


def scores(layout: Layout, price: Prices, arm: NDArray[np.signedinteger]) -> NDArray[np.float64]:
    """(n,) what customers' sets are worth at the prices, tolls left out; 0 for nothing."""
    h, _, n, _ = layout.shape
    out = np.zeros(n)
    for member in layout.sets.T:
        of = np.append(member, -1)[arm]
        some = np.flatnonzero(of >= 0)
        k, c = of[some], layout.class_of[some]
        out[some] -= price.form[c, h, k]
        for m in range(h):
            out[some] -= price.form[c, m, k] * layout.measures[m, k, some]
    return out
