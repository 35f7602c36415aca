"""Customers x what they may choose, as whole tables: for small problems, and for the few customers that programs free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.layout import Layout

FloatArray = NDArray[np.float64]


def by_customer(layout: Layout, form: FloatArray) -> FloatArray:
    """(K, n) float64: what one customer adds to a linear form (C, H + 1, K) of the table by taking an arm."""
    h, k, n, _ = layout.shape
    out = np.zeros((k, n))
    for of in layout.here.tolist():
        piece = slice(layout.edge[of], layout.edge[of + 1])
        out[:, piece] += form[of, h][:, None]
        for m in range(h):
            if form[of, m].any():
                out[:, piece] += form[of, m][:, None] * layout.measures[m, :, piece]
    return out


def by_choice(layout: Layout, form: FloatArray) -> FloatArray:
    """(S, n) float64: what one customer adds to a linear form (C, H + 1, K) of the table by taking a set."""
    return sums_of_sets(layout.sets, by_customer(layout, form))


def sums_of_sets(sets: NDArray[np.int64], by_arm: FloatArray) -> FloatArray:
    """(S, n) sums over each set's members of by_arm (K, n)."""
    if sets.shape[1] == 1:
        return by_arm[sets[:, 0]]
    padded = np.concatenate([by_arm, np.zeros((1, by_arm.shape[1]))])
    out = padded[sets[:, 0]]
    for member in sets.T[1:]:
        out += padded[member]
    return out


def open_sets(layout: Layout, some: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
    """(S, n') sets all of whose arms are open, to everybody or to ``some`` customers."""
    count = len(range(layout.shape[2])[some]) if isinstance(some, slice) else len(some)
    if not layout.mask.size:
        return np.ones((len(layout.sets), count), bool)
    padded = np.concatenate([layout.mask[:, some], np.ones((1, count), bool)])
    return np.asarray(padded[layout.sets].all(axis=1)) if layout.sets.shape[1] > 1 else padded[layout.sets[:, 0]]
