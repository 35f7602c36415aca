"""Value, bound, gap and rules of a plan, recomputed in float64 with plain numpy and none of the solvers' code.

For any multipliers y (y_r >= 0 where only the upper bound is finite, <= 0 where only the lower is) weak duality gives

    bound(y) = sum_i max(0, max_k v[i, k] - sum_r y_r a_r[i, k]) + sum_{y_r > 0} y_r U_r + sum_{y_r < 0} y_r L_r,

an upper bound on every plan, integral or not.  Rows that count customers have integral bounds first: it moves the bound
and forbids no plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.problem import NO_ARM, Problem, Row

FloatArray = NDArray[np.float64]
TOLERANCE = 1e-9
_STEP = 16_384


@dataclass(frozen=True)
class Certificate:
    """What can be said of a plan without trusting whoever made it.

    Attributes:
        objective: sum of measure 0.
        bound: see the module; +inf if a multiplier prices a bound that is open.
        gap: (bound - objective) / max(|bound|, 1e-12).
        values: (R,) rows under the plan, constants included.
        violation: (R,) how far a row is outside its bounds, divided by max(1, its largest finite bound).
        allowed: every customer has an existing arm that is open to them, or none.

    """

    objective: float
    bound: float
    gap: float
    values: FloatArray
    violation: FloatArray
    allowed: bool

    @property
    def feasible(self) -> bool:
        """No row is broken by more than 1e-9 of its size, and nobody has an arm that is closed to them."""
        return self.allowed and bool((self.violation <= TOLERANCE).all())


def row_size(lower: float, upper: float) -> float:
    """What a violation is measured against: max(1, the largest finite bound)."""
    return max([1.0] + [abs(x) for x in (lower, upper) if np.isfinite(x)])


def integral_bounds(row: Row, counts_at: int) -> tuple[float, float]:
    """Bounds of a row less its constant, rounded inwards if it counts customers (coefficients 1 on the count only).

    ``counts_at``: the first position of the count among the coefficients, H * C * K.
    """
    lower, upper = row.lower - row.constant, row.upper - row.constant
    line = row.coefficients
    used = line.data != 0
    if used.any() and (line.indices[used] >= counts_at).all() and (line.data[used] == 1).all():
        slack = TOLERANCE * row_size(row.lower, row.upper)
        upper = np.floor(upper + slack)
        lower = np.ceil(lower - slack)
    return float(lower), float(upper)


def plan_table(problem: Problem, arm: NDArray[np.integer]) -> FloatArray:
    """table[measure, class, arm] of a plan, float64, flattened; the last measure is the count."""
    h, k, _, c = problem.shape
    chosen = np.flatnonzero(arm != NO_ARM)
    of = arm[chosen].astype(np.int64)
    cell = problem.class_of[chosen].astype(np.int64) * k + of
    parts = [np.bincount(cell, problem.measures[m, of, chosen].astype(np.float64), c * k) for m in range(h)]
    return np.concatenate([*parts, np.bincount(cell, minlength=c * k).astype(np.float64)])


def lagrangian(problem: Problem, multipliers: FloatArray, *, valued: bool = True) -> float:
    """bound(y) of the module's text.

    ``valued=False`` takes the objective as 0: then a bound below 0 proves that no plan meets the rows that y prices.
    """
    h, k, n, c = problem.shape
    y = np.asarray(multipliers, np.float64)
    price = np.zeros((h + 1) * c * k)
    rhs = 0.0
    for r, row in enumerate(problem.rows):
        if y[r] == 0:
            continue
        line = row.coefficients
        np.add.at(price, line.indices, y[r] * line.data)
        lower, upper = integral_bounds(row, h * c * k)
        rhs += y[r] * (upper if y[r] > 0 else lower)
    if not np.isfinite(rhs):
        return np.inf
    table = price.reshape(h + 1, c, k)
    if valued:
        table[0] -= 1
    read = [m for m in range(h) if table[m].any()]
    cuts = np.flatnonzero(np.diff(problem.class_of)) + 1
    grouped = len(cuts) < max(c, n // 256)
    edges = np.unique(np.concatenate([np.arange(0, n, _STEP), cuts if grouped else cuts[:0], [n]]))
    total = 0.0
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        # One class in a step: its prices are a column; several: they are gathered customer by customer.
        of = problem.class_of[start : start + 1] if grouped else problem.class_of[start:stop]
        score = np.repeat(-table[h, of].T, stop - start, axis=1) if grouped else -table[h, of].T
        for m in read:
            score -= table[m, of].T * problem.measures[m, :, start:stop]
        if problem.eligible is not None:
            score[~problem.eligible[:, start:stop]] = 0.0
        total += float(np.maximum(score.max(axis=0, initial=0.0), 0.0).sum())
    return total + rhs


def certify(problem: Problem, arm: NDArray[np.integer], multipliers: FloatArray) -> Certificate:
    """The certificate of a plan (n,) under multipliers (R,)."""
    _, k, n, _ = problem.shape
    arm = np.asarray(arm)
    allowed = arm.shape == (n,) and bool(((arm >= NO_ARM) & (arm < k)).all())
    if not allowed:
        nothing = np.full(len(problem.rows), np.nan)
        return Certificate(np.nan, np.nan, np.nan, nothing, nothing, False)
    if problem.eligible is not None:
        chosen = np.flatnonzero(arm != NO_ARM)
        allowed = bool(problem.eligible[arm[chosen].astype(np.int64), chosen].all())
    table = plan_table(problem, arm)
    objective = float(table[: len(table) // (problem.shape[0] + 1)].sum())
    values = np.empty(len(problem.rows))
    violation = np.empty(len(problem.rows))
    for r, row in enumerate(problem.rows):
        line: sparse.csr_matrix = row.coefficients
        values[r] = float(line.data @ table[line.indices]) + row.constant
        size = row_size(row.lower, row.upper)
        violation[r] = max(values[r] - row.upper, row.lower - values[r], 0.0) / size
    bound = lagrangian(problem, multipliers)
    gap = (bound - objective) / max(abs(bound), 1e-12) if np.isfinite(bound) else np.inf
    return Certificate(objective, bound, gap, values, violation, allowed)
