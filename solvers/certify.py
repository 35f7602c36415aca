"""Value, bound, gap and rules of a plan, recomputed in float64 with plain numpy and none of the solvers' code.

For any multipliers y (y_r >= 0 where only the upper bound is finite, <= 0 where only the lower is) weak duality gives

    bound(y) = sum_i max(0, max_k v[i, k] - sum_r y_r a_r[i, k]) + sum_{y_r > 0} y_r U_r + sum_{y_r < 0} y_r L_r,

an upper bound on every plan, integral or not (where a customer may have several arms, the inner maximum is over allowed sets of
arms, of the sum of their scores; where households share offers, over what all members may have together).  Rows that count
customers have integral bounds first: it moves the bound and forbids no plan.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.problem import NO_ARM, Problem, Row

FloatArray = NDArray[np.float64]
TOLERANCE = 1e-9
_STEP = 16_384
_LARGE = 200_000


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


def relative_gap(bound: float, value: float) -> float:
    """(bound - value) / max(|bound|, 1e-12), the gap of every certificate."""
    return (bound - value) / max(abs(bound), 1e-12)


def row_size(lower: float, upper: float) -> float:
    """What a violation is measured against: max(1, the largest finite bound)."""
    return max([1.0] + [abs(x) for x in (lower, upper) if np.isfinite(x)])


def counts_offers(row: Row, counts_at: int) -> bool:
    """Whether a row's sum is a number of offers, its constant aside; ``counts_at``: see :func:`integral_bounds`."""
    line = row.coefficients
    used = line.data != 0
    return bool(used.any() and (line.indices[used] >= counts_at).all() and (line.data[used] == 1).all())


def integral_bounds(row: Row, counts_at: int) -> tuple[float, float]:
    """Bounds of a row less its constant, rounded inwards if it counts customers (coefficients 1 on the count only).

    ``counts_at``: the first position of the count among the coefficients, H * C * K.
    """
    lower, upper = row.lower - row.constant, row.upper - row.constant
    if counts_offers(row, counts_at):
        slack = TOLERANCE * row_size(row.lower, row.upper)
        upper = np.floor(upper + slack)
        lower = np.ceil(lower - slack)
    return float(lower), float(upper)


def plan_table(problem: Problem, arm: NDArray[np.integer]) -> FloatArray:
    """table[measure, class, arm] of a plan (n,) or (M, n), float64, flattened; the last measure is the count."""
    h, k, _, c = problem.shape
    if arm.ndim == 2:
        return np.asarray(sum((plan_table(problem, one) for one in arm), np.zeros((h + 1) * c * k)))
    chosen = np.flatnonzero(arm != NO_ARM)
    of = arm[chosen].astype(np.int64)
    cell = problem.class_of[chosen].astype(np.int64) * k + of
    parts = [np.bincount(cell, problem.measures[m, of, chosen].astype(np.float64), c * k) for m in range(h)]
    return np.concatenate([*parts, np.bincount(cell, minlength=c * k).astype(np.float64)])


def combinations_of(problem: Problem) -> list[tuple[int, ...]]:
    """Every allowed set of arms but the empty one, by the definition."""
    k = problem.shape[1]
    apart = [frozenset(pair) for pair in problem.never_together]
    return [
        s
        for size in range(1, min(problem.max_offers, k) + 1)
        for s in combinations(range(k), size)
        if not any(pair <= set(s) for pair in apart) and all(a in s for b, a in problem.only_if if b in s)
    ]


def keeps_company(problem: Problem, arm: NDArray[np.integer]) -> bool:
    """Nobody has an arm twice, too many of them, two that exclude each other or one without what it needs; arm (M, n)."""
    has = np.zeros((problem.shape[1], arm.shape[1]), np.int16)
    for one in arm:
        chosen = np.flatnonzero(one != NO_ARM)
        has[one[chosen], chosen] += 1
    fine = bool((has <= 1).all() and (has.sum(axis=0) <= problem.max_offers).all())
    fine = fine and not any((has[a] & has[b]).any() for a, b in problem.never_together)
    return fine and not any((has[b] > has[a]).any() for b, a in problem.only_if)


def within_homes(problem: Problem, arm: NDArray[np.integer]) -> bool:
    """No household has more offers than it may; arm (M, n)."""
    if problem.household_of is None or problem.household_room is None:
        return True
    some = problem.household_of >= 0
    offers = (arm >= 0).sum(axis=0)[some]
    return bool(
        (np.bincount(problem.household_of[some], offers, len(problem.household_room)) <= problem.household_room).all()
    )


def shared_total(problem: Problem, best: FloatArray) -> float:
    """What all customers come to together if best (J, n) is each one's best from exactly j + 1 offers (-inf: none), and
    households keep to their room: a dynamic programme over members, all households at once.
    """
    of, room = problem.household_of, problem.household_room
    assert of is not None and room is not None
    total = float(np.maximum(best[:, of < 0].max(axis=0, initial=0.0), 0.0).sum())
    member = np.flatnonzero(of >= 0)
    member = member[np.argsort(of[member], kind="stable")]
    size = np.bincount(of[member], minlength=len(room))
    first = np.cumsum(size) - size
    most = np.minimum(room, size * len(best))
    if len(best) == 1:  # the best members take the room
        score = np.maximum(best[0, member], 0.0)
        order = np.lexsort((-score, of[member]))
        place = np.arange(len(order)) - first[of[member]]
        return total + float(score[order][place < most[of[member]]].sum())
    value = np.zeros((len(room), int(most.max(initial=0)) + 1))  # with at most c offers among the members so far
    for turn in range(int(size.max(initial=0))):
        homes = np.flatnonzero(size > turn)
        own, before = best[:, member[first[homes] + turn]], value[homes]
        after = before.copy()
        for j in range(1, min(len(best), value.shape[1] - 1) + 1):
            after[:, j:] = np.maximum(after[:, j:], before[:, :-j] + own[j - 1][:, None])
        value[homes] = after
    return total + float(value[np.arange(len(room)), most].sum())


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
    sets = combinations_of(problem) if problem.several else None
    shared = problem.household_of is not None
    sizes = np.array([len(s) for s in sets]) if sets is not None else np.ones(k, np.int64)
    best = np.full((int(sizes.max(initial=1)) if shared else 0, n), -np.inf)
    alike = (table == table[:, :1]).all(axis=1)  # (H + 1, K) prices that are the same for every class

    def step(start: int, stop: int) -> float:
        # One class in a step, or one price for all classes: a number; else prices are gathered customer by customer.
        of = problem.class_of[start:stop]
        score = np.empty((k, stop - start))
        part = np.empty(stop - start)
        for a in range(k):
            score[a] = -(table[h, of[0], a] if grouped or alike[h, a] else table[h, :, a][of])
            for m in read:
                cost = table[m, of[0], a] if grouped or alike[m, a] else table[m, :, a][of]
                np.multiply(problem.measures[m, a, start:stop], cost, out=part, dtype=np.float64)
                score[a] -= part
        if problem.eligible is not None:
            score[~problem.eligible[:, start:stop]] = -np.inf
        if sets is not None:
            score = np.array([score[list(s)].sum(axis=0) for s in sets]).reshape(-1, stop - start)
        for j in range(len(best)):
            best[j, start:stop] = score[sizes == j + 1].max(axis=0, initial=-np.inf)
        return 0.0 if shared else float(np.maximum(score.max(axis=0, initial=0.0), 0.0).sum())

    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    if n < _LARGE:
        parts = [step(*pair) for pair in pairs]
    else:  # numpy lets go of the interpreter; parts are added in their order
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            parts = list(pool.map(lambda pair: step(*pair), pairs))
    return (shared_total(problem, best) if shared else sum(parts)) + rhs


def certify(
    problem: Problem, arm: NDArray[np.integer], multipliers: FloatArray, bound: float | None = None
) -> Certificate:
    """The certificate of a plan under multipliers (R,); the plan: (n,), or (M, n) where several arms are allowed.

    ``bound``: :func:`lagrangian` of the multipliers, where it is known already.
    """
    _, k, n, _ = problem.shape
    arm = np.asarray(arm)
    allowed = arm.shape[-1:] == (n,) and arm.ndim <= 2 and bool(((arm >= NO_ARM) & (arm < k)).all())
    if not allowed:
        nothing = np.full(len(problem.rows), np.nan)
        return Certificate(np.nan, np.nan, np.nan, nothing, nothing, False)
    slots = np.atleast_2d(arm.astype(np.int64))
    if problem.several or len(slots) > 1:
        allowed = keeps_company(problem, slots)
    allowed = allowed and within_homes(problem, slots)
    if problem.eligible is not None:
        for one in slots:
            chosen = np.flatnonzero(one != NO_ARM)
            allowed &= bool(problem.eligible[one[chosen], chosen].all())
    table = plan_table(problem, arm)
    objective = float(table[: len(table) // (problem.shape[0] + 1)].sum())
    values = np.empty(len(problem.rows))
    violation = np.empty(len(problem.rows))
    for r, row in enumerate(problem.rows):
        line: sparse.csr_matrix = row.coefficients
        values[r] = float(line.data @ table[line.indices]) + row.constant
        size = row_size(row.lower, row.upper)
        violation[r] = max(values[r] - row.upper, row.lower - values[r], 0.0) / size
    bound = lagrangian(problem, multipliers) if bound is None else bound
    gap = relative_gap(bound, objective) if np.isfinite(bound) else np.inf
    return Certificate(objective, bound, gap, values, violation, allowed)
