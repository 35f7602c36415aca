"""Offers that no plan can hold, because one alone breaks a rule.

Where a rule has an upper bound U and nothing can lower its sum, an offer that uses more than U is in no whole plan; the
relaxation takes a part of it all the same.  With a budget of a few offers' cost that part is most of the bound.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from solvers.certify import TOLERANCE, integral_bounds, row_size
from solvers.offers import form_by_offer
from solvers.problem import Problem


def without_impossible(problem: Problem) -> Problem | None:
    """The problem with these offers closed; None if there are none.  No whole plan that keeps the rows is lost."""
    h, k, n, c = problem.shape
    eligible = np.ones((k, n), bool) if problem.eligible is None else problem.eligible.copy()
    closed = False
    # No offer uses more of a row than this: rows with more room, nearly all of them, need no look at the offers.
    largest = np.array([max(float(w.max(initial=0.0)), -float(w.min(initial=0.0))) for w in problem.measures] + [1.0])
    for row in problem.rows:
        _, upper = integral_bounds(row, h * c * k)
        if not np.isfinite(upper):
            continue
        room = upper + TOLERANCE * row_size(row.lower, row.upper)
        line = np.zeros((h + 1) * c * k)
        np.add.at(line, row.coefficients.indices, row.coefficients.data)
        form = line.reshape(h + 1, c, k)
        if float(np.abs(form).max(axis=(1, 2)) @ largest) <= room:
            continue
        too_much: list[tuple[slice, NDArray[np.bool_]]] = []
        for piece, use in form_by_offer(problem, form):
            use[~eligible[:, piece]] = 0.0
            if use.min(initial=0.0) < 0:
                too_much = []
                break
            if use.max(initial=0.0) > room:
                too_much.append((piece, use > room))
        for piece, over in too_much:
            eligible[:, piece] &= ~over
            closed = True
    return dataclasses.replace(problem, eligible=eligible) if closed else None
