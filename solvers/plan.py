"""A plan under change: who has which arm, what it is worth and what it uses of every row."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Whole, parallel_kernel
from solvers.layout import Layout

FloatArray = NDArray[np.float64]


@parallel_kernel
def plan_sums(measures: Floats, start: Ints, read: Mask, sets: Ints, arm: Whole, sums: Floats) -> None:
    """Sums (Q, H + 1, K) of a plan of sets (S, M) by chunk: measures summed over the chosen arms; last: the count."""
    h_count = measures.shape[0]
    for q in numba.prange(len(start) - 1):
        sums[q] = 0.0
        for i in range(start[q], start[q + 1]):
            if arm[i] >= 0:
                for k in sets[arm[i]]:
                    if k >= 0:
                        sums[q, h_count, k] += 1
                        for h in range(h_count):
                            if read[h]:
                                sums[q, h, k] += measures[h, k, i]


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
    plan_sums(layout.measures, layout.start, layout.read, layout.sets, arm, sums)
    table = np.zeros((h + 1, c, k))
    if len(layout.here):
        table[:, layout.here] = np.add.reduceat(sums, layout.first_chunk, axis=0).transpose(1, 0, 2)
    return Plan(arm, float(table[0].sum()), layout.rows @ table.ravel())
