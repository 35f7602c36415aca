"""Every type's own dynamic programme at given prices, and where its best choices lead.

    V[t, g, m, s] = max(calm V[t + 1, g, follow0],
                        max_k worth_k - sum_j price[j, t, k, s] use_jk
                              + chance_k hit_k V[t + 1, g, follow1] + (1 - chance_k) calm V[t + 1, g, follow1])

with V[T] = 0; ties go to no arm, then to the first.  Then the masses are carried forward through the choices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Whole, kernel
from solvers.flow import Flow

FloatArray = NDArray[np.float64]


@kernel
def _backward(
    worth: Floats, use: Floats, chance: Floats, calm: Floats, hit: Floats, follow: Ints, price: Floats,
    value: Floats, choice: Whole,
) -> None:  # fmt: skip
    """Out: value (G, T + 1, M, S), whose last stage is given; choice (G, T, M, S), 0 = none."""
    stages, arms, types, memories, places = worth.shape
    after0, after1 = np.empty((memories, places)), np.empty((memories, places))
    for g in range(types):
        for t in range(stages - 1, -1, -1):
            for m in range(memories):
                m0, m1 = follow[t, 0, m], max(follow[t, 1, m], 0)
                for s in range(places):
                    x, y = 0.0, 0.0
                    for z in range(places):
                        x += calm[t, s, z] * value[g, t + 1, m0, z]
                        y += calm[t, s, z] * value[g, t + 1, m1, z]
                    after0[m, s], after1[m, s] = x, y
            for m in range(memories):
                m1 = follow[t, 1, m]
                for s in range(places):
                    best, arm = after0[m, s], 0
                    for k in range(arms if m1 >= 0 else 0):
                        x = worth[t, k, g, m, s]
                        if x == -np.inf:
                            continue
                        for j in range(len(use)):
                            x -= price[j, t, k, s] * use[j, t, k, g, m, s]
                        p, won = chance[t, k, g, m, s], 0.0
                        for z in range(places):
                            won += hit[t, k, s, z] * value[g, t + 1, m1, z]
                        x += p * won + (1.0 - p) * after1[m, s]
                        if x > best:
                            best, arm = x, k + 1
                    value[g, t, m, s] = best
                    choice[g, t, m, s] = arm


@kernel
def _forward(
    worth: Floats, use: Floats, chance: Floats, calm: Floats, hit: Floats, follow: Ints, mass: Floats, choice: Whole,
    sums: Floats,
) -> None:  # fmt: skip
    """Out: sums (J + 1, T, K, S) of the measures over all masses, last the worth; zeros are given."""
    stages, _, types, memories, places = worth.shape
    here, there = np.empty((memories, places)), np.empty((memories, places))
    for g in range(types):
        here[:] = mass[g]
        for t in range(stages):
            there[:] = 0.0
            for m in range(memories):
                for s in range(places):
                    x, arm = here[m, s], choice[g, t, m, s]
                    if x == 0.0:
                        continue
                    k, p, to = arm - 1, 0.0, follow[t, 0, m]
                    if arm > 0:
                        p, to = chance[t, k, g, m, s], follow[t, 1, m]
                        for j in range(len(use)):
                            sums[j, t, k, s] += x * use[j, t, k, g, m, s]
                        sums[len(use), t, k, s] += x * worth[t, k, g, m, s]
                    for z in range(places):
                        there[to, z] += x * (1.0 - p) * calm[t, s, z]
                        if arm > 0:
                            there[to, z] += x * p * hit[t, k, s, z]
            here[:] = there


def run_pass(flow: Flow, price: FloatArray) -> tuple[FloatArray, NDArray[np.int16], FloatArray]:
    """Value (G, T + 1, M, S), choice (G, T, M, S) with 0 = none, and sums (J + 1, T, K, S) of the measures, last the worth."""
    t, k, g, m, s = flow.shape
    value, choice = np.zeros((g, t + 1, m, s)), np.zeros((g, t, m, s), np.int16)
    sums = np.zeros((len(flow.use) + 1, t, k, s))
    moves = flow.calm, flow.hit, flow.follow
    _backward(flow.worth, flow.use, flow.chance, *moves, price, value, choice)
    _forward(flow.worth, flow.use, flow.chance, *moves, flow.mass, choice, sums)
    return value, choice, sums
