"""Making the moves that help, one customer after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Whole, kernel
from solvers.homes import Homes, has_room
from solvers.layout import Layout
from solvers.plan import Plan


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
