"""A better bound where the gap is one of whole numbers: branching on how many customers get an arm.

With few rules and lumpy costs (a call at 3.00 beside e-mails at 0.05) the relaxation takes half a call that no whole plan
can take, and no repair closes the gap.  The number of customers with arm k is a whole number: either at most floor(x_k) or at
least floor(x_k) + 1, and each case, one more rule, has a dual bound of its own.  The larger of them bounds every plan.  A few
such cases are solved, the one with the largest bound first; every leaf's bound is recomputed by
:func:`solvers.certify.lagrangian`.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.certify import lagrangian
from solvers.decomposition import Dual, generate
from solvers.layout import Layout, arrange
from solvers.mend import broken_rows
from solvers.plan import Plan, plan_of
from solvers.pricing import Pricer
from solvers.problem import Problem, row
from solvers.program import Backend
from solvers.recovery import recover
from solvers.rounding import rounded
from solvers.search import search

FloatArray = NDArray[np.float64]
FEW_PRICES = 4  # more rules with a price: too many customers are split for a few cases to say anything
MOST_CUSTOMERS = 200_000
WHOLE = 1e-6


@dataclass(frozen=True)
class Branched:
    """An upper bound on every plan (recomputed), the best plan seen (None if none), and the cases solved."""

    bound: float
    plan: Plan | None
    cases: int


@dataclass(frozen=True)
class _Case:
    """Bounds (K,) on the arms' numbers, and the dual under them."""

    low: FloatArray
    high: FloatArray
    dual: Dual
    layout: Layout


def worth_branching(layout: Layout, y: FloatArray) -> bool:
    """Whether a few cases can be expected to help."""
    prices = int(np.count_nonzero(y))
    return 0 < prices <= FEW_PRICES and layout.shape[2] <= MOST_CUSTOMERS and not layout.problem.several


def counted(problem: Problem) -> Problem:
    """The problem with one more row an arm: its number of customers, without bounds."""
    h, k, _, c = problem.shape
    names = {r.name for r in problem.rows}
    more = []
    for arm in range(k):
        name = f"number with arm {arm}"
        while name in names:
            name += "'"
        more.append(row((h, c, k), name, [(h, np.ones(c, bool), np.arange(k) == arm, 1.0)]))
    return dataclasses.replace(problem, rows=(*problem.rows, *more))


def mean_counts(layout: Layout, dual: Dual) -> FloatArray:
    """(K,) customers with each arm in a dual's mix."""
    k = layout.shape[1]
    block = layout.block[layout.class_of]
    out = np.zeros(k)
    for weight, of, answer in zip(dual.weight.tolist(), dual.block.tolist(), dual.answer.tolist(), strict=True):
        arm = dual.arms[answer]
        out += weight * np.bincount(arm[(block == of) & (arm >= 0)], minlength=k)
    return out


def branched(
    layout: Layout,
    y: FloatArray,
    value: float,
    gap: float,
    *,
    backend: Backend = "highs",
    cases: int = 12,
    deadline: float = np.inf,
) -> Branched:
    """Split the problem into cases until the bound is within ``gap`` of ``value`` (or of a better plan), or ``cases`` are
    solved.
    """
    rows, k = len(layout.lower), layout.shape[1]
    problem = counted(layout.problem)
    wide = arrange(problem)
    pricer = Pricer(wide)
    best: Plan | None = None
    solved = 0

    def case(low: FloatArray, high: FloatArray, start: FloatArray) -> _Case | None:
        nonlocal best, solved, value
        solved += 1
        inside = dataclasses.replace(
            wide, lower=np.concatenate([wide.lower[:rows], low]), upper=np.concatenate([wide.upper[:rows], high])
        )
        path = search(inside, pricer, start, 0.1 * gap, deadline)
        most = pricer.passes + 100
        dual = generate(inside, pricer, path, 0.05 * gap, backend=backend, passes=most, deadline=deadline)
        if not dual.feasible:
            return None if dual.best.bound < value else _Case(low, high, dual, inside)
        price = pricer.prices(dual.best.y)
        nearest = plan_of(inside, rounded(inside, dual, price)[0])
        plan = recover(inside, price, dual.best.y, dual.best.bound, nearest, gap, deadline=deadline).plan
        if plan is not None and plan.value > value and not len(broken_rows(inside, plan.usage)):
            value, best = plan.value, plan
        return _Case(low, high, dual, inside)

    def proved(of: _Case) -> float:
        limits = zip(problem.rows[rows:], of.low.tolist(), of.high.tolist(), strict=True)
        limited = tuple(dataclasses.replace(r, lower=a, upper=b) for r, a, b in limits)
        return lagrangian(dataclasses.replace(problem, rows=(*problem.rows[:rows], *limited)), of.dual.best.y)

    free = np.full(k, np.inf)
    first = case(-free, free, np.concatenate([y, np.zeros(k)]))
    leaves = [] if first is None else [first]
    closed: list[_Case] = []
    while leaves:
        leaves.sort(key=lambda x: -x.dual.best.bound)
        top = leaves[0]
        bound = top.dual.best.bound
        near = bound - value <= 0.9 * gap * max(abs(bound), 1e-12)
        if near or solved >= cases or time.perf_counter() > deadline:
            break
        x = mean_counts(top.layout, top.dual)
        part = np.abs(x - np.round(x))
        arm = int(np.argmax(part))
        leaves.pop(0)
        if part[arm] < WHOLE:
            closed.append(top)
            break
        for side in range(2):
            low, high = top.low.copy(), top.high.copy()
            if side == 0:
                high[arm] = np.floor(x[arm])
            else:
                low[arm] = np.floor(x[arm]) + 1
            below = case(low, high, top.dual.best.y)
            if below is not None:
                leaves.append(below)
    bound = max([proved(leaf) for leaf in (*leaves, *closed)], default=value)
    if best is not None:
        best = plan_of(layout, best.arm)
    return Branched(max(bound, value), best, solved)
