"""From what a method found to a certified solution."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from solvers.certify import Certificate, certify, relative_gap
from solvers.explain import Conflict, Integral, Mixes, explain
from solvers.first_price import first_prices
from solvers.layout import Layout
from solvers.mend import broken_rows
from solvers.methods import Found, join
from solvers.plan import Plan, plan_of
from solvers.problem import NO_ARM, Problem
from solvers.program import Backend
from solvers.solution import RowResult, Solution, Status

FloatArray = NDArray[np.float64]
EXACT_PAIRS = 400  # open (customer, arm) pairs up to which the integer program is solved whole at once
WHOLE_PAIRS = 2_000  # ... and up to which conflicts of whole plans are looked for


def _nobody(layout: Layout) -> Plan | None:
    """The empty plan, if it keeps the rows."""
    plan = plan_of(layout, np.full(layout.shape[2], NO_ARM, layout.arm_dtype))
    return None if len(broken_rows(layout, plan.usage)) else plan


def answer(
    layout: Layout, found: Found, gap: float, backend: Backend, began: float, deadline: float = np.inf
) -> Solution:
    """Certify; where there is no plan, say which rows conflict."""
    problem = layout.problem
    n = problem.shape[2]
    y = found.multipliers
    plan = found.plan
    if plan is None and not found.infeasible:
        plan = _nobody(layout)
    if plan is not None:
        arm = layout.restored(plan.arm)
        if not (arm >= 0).any() and (y > 0).any():
            y = first_prices(problem, y)
        proof = certify(problem, arm, y, layout.bound(y))
        if proof.feasible:
            bound = min(proof.bound, max(found.proved, proof.objective))
            distance = relative_gap(bound, proof.objective)
            status = Status.MET if distance <= gap else Status.GAP_NOT_MET
            note = found.note
            if status is Status.GAP_NOT_MET:
                note = join(note, f"the gap is {distance:.2g}, asked was {gap:.2g}")
            return Solution(
                status=status,
                method=found.method,
                arm=np.atleast_2d(arm)[0],
                others=np.atleast_2d(arm)[1:],
                objective=proof.objective,
                bound=bound,
                gap=distance,
                rows=row_results(problem, proof, y),
                multipliers=y,
                seconds=time.perf_counter() - began,
                passes=found.passes,
                note=note,
            )
    nobody = np.full(n, NO_ARM, np.int16)
    conflict, note = _conflict(layout, backend, deadline, found.mixes)
    return Solution(
        status=Status.INFEASIBLE,
        method=found.method,
        arm=nobody,
        objective=float("nan"),
        bound=float("nan"),
        gap=float("nan"),
        rows=row_results(problem, certify(problem, nobody, np.zeros(len(y))), np.zeros(len(y))),
        multipliers=y,
        conflict=tuple(problem.rows[r].name for r in conflict.rows),
        conflict_group=conflict.group,
        seconds=time.perf_counter() - began,
        passes=found.passes,
        note=join(found.note, note),
    )


def _conflict(layout: Layout, backend: Backend, deadline: float, mixes: Mixes | None) -> tuple[Conflict, str]:
    """Rows in conflict, and a sentence on how sure that is, as far as the deadline lets one know; ``mixes``: what is proven
    already.
    """
    mixes = Mixes(layout, backend, deadline=deadline) if mixes is None else mixes
    small = int(layout.gross[-1].sum()) <= WHOLE_PAIRS
    conflict = explain(layout, Integral(layout, mixes, backend, deadline=deadline) if small else mixes, deadline)
    if conflict is None:
        if time.perf_counter() > deadline:
            return Conflict(()), "not proven: time was up before a plan or a conflict was found"
        return Conflict(()), (
            "not proven: no plan was found, though the rules can be met on average; give equalities of money a band"
        )
    if not conflict.whole:
        return (
            conflict,
            "proven: the rules named conflict; time was up before it was known which of them can be left out",
        )
    of = np.array(conflict.group)
    masks = [np.isin(np.arange(len(layout.lower)), np.array(conflict.rows)[of == group]) for group in np.unique(of)]
    more = "" if conflict.complete else "there may be further conflicts"
    if all(mixes.conflict(mask) is not None for mask in masks):
        return conflict, join("proven: the rules named conflict, even on average", more)
    if any(mixes.memory.possible(mask) for mask in masks):
        wide = "proven: the rules named can be met on average but by no whole plan; widen their bounds"
        return conflict, join(wide, more)
    return conflict, join("proven: the rules named conflict", more)


def row_results(problem: Problem, proof: Certificate, y: FloatArray) -> tuple[RowResult, ...]:
    """Rules under a certified plan at prices y (R,)."""
    out = []
    for r, row in enumerate(problem.rows):
        value = float(proof.values[r])
        size = max([abs(x) for x in (row.lower, row.upper) if np.isfinite(x)] or [0.0])
        near = 1e-9 * max(1.0, size)
        price = float(y[r]) if row.lower == row.upper else abs(float(y[r]))
        binding = bool(y[r] != 0 or value >= row.upper - near or value <= row.lower + near)
        out.append(RowResult(row.name, value, row.lower, row.upper, price * row.price_unit, binding))
    return tuple(out)
