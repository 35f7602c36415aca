"""Prices where nothing is bought: the price of the first unit.

With a budget of 0 every multiplier that keeps all offers out proves the same bound.  The right-hand side of the value's slope,
what one unit more would bring, is the smallest of them: the best offer's worth per unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.problem import Problem

FloatArray = NDArray[np.float64]
_STEP = 1 << 15


def first_prices(problem: Problem, multipliers: FloatArray) -> FloatArray:
    """(R,) multipliers of an empty plan, each lowered to the least that keeps every offer's worth less its price at 0 or below.

    One after the other, where the upper bound is priced; a row that no offer is kept out by gets 0.
    """
    h, k, n, c = problem.shape
    y = multipliers.copy()
    forms = np.zeros((len(y), h + 1, c, k))
    for r, row in enumerate(problem.rows):
        np.add.at(forms[r].reshape(-1), row.coefficients.indices, row.coefficients.data)
    for r in np.flatnonzero(y > 0).tolist():
        rest = np.tensordot(np.where(np.arange(len(y)) == r, 0.0, y), forms, 1)
        rest[0] -= 1.0
        least = 0.0
        for first in range(0, n, _STEP):
            piece = slice(first, first + _STEP)
            of = problem.class_of[piece]
            score, use = -rest[h, of].T, forms[r, h, of].T.copy()
            for m in range(h):
                score = score - rest[m, of].T * problem.measures[m, :, piece]
                use += forms[r, m, of].T * problem.measures[m, :, piece]
            wanted = score > 0
            if problem.eligible is not None:
                wanted &= problem.eligible[:, piece]
            if (wanted & (use <= 0)).any():
                return multipliers  # no price of this row keeps such an offer out
            if wanted.any():
                least = max(least, float((score[wanted] / use[wanted]).max()))
        y[r] = min(least, y[r])
    return y
