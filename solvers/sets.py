"""What a customer may have at once: the allowed sets of arms, numbered.

Inside the solvers a plan holds one number a customer: the set that they have, -1 = nothing.  With one offer a customer the
sets are the arms themselves.  All allowed sets are listed once; a customer's best set is then the best sum of arm scores
over the list, exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.errors import ProblemError
from solvers.problem import NO_ARM, Problem

MOST_SETS = 5_000


def allowed_sets(problem: Problem) -> NDArray[np.int64]:
    """(S, M) arms of every allowed set but the empty one, rising, padded with -1; the smaller sets first.

    Raises:
        ProblemError: more than 5,000 sets.

    """
    k = problem.shape[1]
    if not problem.several:
        return np.arange(k)[:, None]
    apart = {frozenset(pair) for pair in problem.never_together}
    layers: list[list[tuple[int, ...]]] = [[()]]
    total = 0
    while len(layers) <= problem.max_offers and layers[-1]:
        longer = [
            (*s, a)
            for s in layers[-1]
            for a in range(s[-1] + 1 if s else 0, k)
            if not any(frozenset((a, b)) in apart for b in s)
        ]
        total += len(longer)
        if total > 4 * MOST_SETS:
            break
        layers.append(longer)
    needs = problem.only_if
    sets = [s for layer in layers[1:] for s in layer if all(a in s for b, a in needs if b in s)]
    if len(sets) > MOST_SETS or total > 4 * MOST_SETS:
        raise ProblemError(
            [
                f"max_offers: expected at most {MOST_SETS:,} allowed combinations of arms, got more with {k} arms and up to "
                f"{problem.max_offers} offers; lower max_offers or add pairs to never_together"
            ]
        )
    width = max([len(s) for s in sets], default=1)
    return np.array([[*s, *[NO_ARM] * (width - len(s))] for s in sets], np.int64).reshape(-1, width)


def numbered(sets: NDArray[np.int64], plan: NDArray[np.integer], k: int) -> NDArray[np.int64]:
    """(n,) set numbers of a plan (M', n) of arms, -1 = nothing.

    Raises:
        ProblemError: a customer has arms that no allowed set holds.

    """
    width, n = sets.shape[1], plan.shape[1]
    ordered = np.sort(np.where(plan >= 0, plan, k).astype(np.int64), axis=0)
    if len(ordered) < width:
        ordered = np.concatenate([ordered, np.full((width - len(ordered), n), k)])
    wide = (ordered[width:] < k).any(axis=0)
    codes = np.where(sets >= 0, sets, k)

    def code(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        out = np.zeros(rows.shape[1], np.int64)
        for row in rows:
            out = out * (k + 1) + row
        return out

    known = code(codes.T)
    order = np.argsort(known)
    have = code(ordered[:width])
    at = np.minimum(np.searchsorted(known, have, sorter=order), max(len(known) - 1, 0))
    nothing = (ordered == k).all(axis=0)
    found = known[order[at]] == have if len(known) else np.zeros(n, bool)
    bad = np.flatnonzero(wide | ~(found | nothing))
    if len(bad):
        arms = [int(a) for a in plan[:, bad[0]] if a >= 0]
        raise ProblemError([f"plan: expected combinations of arms that are allowed, got {arms} for customer {bad[0]}"])
    return np.where(nothing, NO_ARM, order[at] if len(known) else NO_ARM)
