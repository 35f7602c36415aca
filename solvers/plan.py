"""A plan under change: who has which arm, what it is worth and what it uses of every row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Parts, Whole, kernel, parallel_kernel
from solvers.layout import Layout

FloatArray = NDArray[np.float64]


@kernel
def sum_chunk(measures: Floats, read: Mask, lo: int, arm: Whole, sums: Floats) -> None:
    """Sums (H + 1, K) of what customers lo, lo + 1, ... chose, arm (m,).

    Arm by arm, after a counting sort of the chunk by arm: adding to sums[h, arm[i]] customer by customer is three times
    slower (branches, cold lines, one chain of additions).
    """
    h_count, k_count, _ = measures.shape
    m = len(arm)
    edge = np.zeros(k_count + 2, np.int64)
    for i in range(m):
        edge[arm[i] + 2] += 1
    for k in range(1, k_count + 2):
        edge[k] += edge[k - 1]
    at, order = edge.copy(), np.empty(m, np.int32)
    for i in range(m):
        order[at[arm[i] + 1]] = i
        at[arm[i] + 1] += 1
    for k in range(k_count):
        a, b = edge[k + 1], at[k + 1]
        sums[h_count, k] = b - a
        for h in range(h_count):
            x0, x1, x2, x3 = 0.0, 0.0, 0.0, 0.0
            if read[h]:
                w = measures[h, k, lo : lo + m]
                j = a
                while j + 4 <= b:
                    x0 += w[order[j]]
                    x1 += w[order[j + 1]]
                    x2 += w[order[j + 2]]
                    x3 += w[order[j + 3]]
                    j += 4
                while j < b:
                    x0 += w[order[j]]
                    j += 1
            sums[h, k] = (x0 + x1) + (x2 + x3)


@parallel_kernel
def sum_pass(chunks: Parts, measures: Floats, start: Ints, read: Mask, arm: Whole, sums: Floats) -> None:
    """Sums (Q, H + 1, K) of a plan of single arms (n,)."""
    for q in range(chunks[0], chunks[1]):
        sum_chunk(measures, read, start[q], arm[start[q] : start[q + 1]], sums[q])


@parallel_kernel
def plan_sums(chunks: Parts, measures: Floats, start: Ints, read: Mask, sets: Ints, arm: Whole, sums: Floats) -> None:
    """Sums (Q, H + 1, K) of a plan of sets (S, M) by chunk: measures summed over the chosen arms; last: the count."""
    h_count = measures.shape[0]
    for q in range(chunks[0], chunks[1]):
        for h in range(h_count + 1):
            for k in range(sums.shape[2]):
                sums[q, h, k] = 0.0
        for i in range(start[q], start[q + 1]):
            if arm[i] >= 0:
                for k in sets[arm[i]]:
                    if k >= 0:
                        sums[q, h_count, k] += 1
                        for h in range(h_count):
                            if read[h]:
                                sums[q, h, k] += measures[h, k, i]


def chosen_sums(layout: Layout, read: NDArray[np.bool_], arm: NDArray[np.signedinteger], sums: FloatArray) -> None:
    """Sums (Q, H + 1, K) of a plan by chunk, the quickest way."""
    chunks = len(layout.chunk_class)
    if layout.problem.several:
        plan_sums(chunks, layout.measures, layout.start, read, layout.sets, arm, sums)
    else:
        sum_pass(chunks, layout.measures, layout.start, read, arm, sums)


@dataclass
class Plan:
    """Mutable: arm (n,) number of the set that a customer has, in the layout's order; value, usage (R,)."""

    arm: NDArray[np.signedinteger]
    value: float
    usage: FloatArray

    def copy(self) -> Plan:
        """An independent copy."""
        return Plan(self.arm.copy(), self.value, self.usage.copy())


def plan_of(layout: Layout, arm: NDArray[np.signedinteger]) -> Plan:
    """The plan of an array of arms, summed afresh in float64."""
    h, k, _, c = layout.shape
    sums = np.zeros((len(layout.chunk_class), h + 1, k))
    chosen_sums(layout, layout.read, arm, sums)
    table = np.zeros((h + 1, c, k))
    if len(layout.here):
        table[:, layout.here] = np.add.reduceat(sums, layout.first_chunk, axis=0).transpose(1, 0, 2)
    return Plan(arm, float(table[0].sum()), layout.rows @ table.ravel())
