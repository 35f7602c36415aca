"""Candidates in a given order: take each that breaks no rule, skip the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers._jit import Floats, Ints, Mask, Whole, kernel
from solvers.cells import cells_of
from solvers.certify import TOLERANCE, integral_bounds, plan_table, row_size
from solvers.errors import ProblemError
from solvers.homes import Homes, has_room, homes_of
from solvers.layout import narrow
from solvers.moving import shift_of
from solvers.problem import NO_ARM, Problem


@kernel
def fill_in_order(
    measures: Floats,
    mask: Mask,
    class_of: Whole,
    first: Ints,
    row: Ints,
    coefficient: Floats,
    sets: Ints,
    homes: Homes,
    customers: Whole,
    arms: Whole,
    lower: Floats,
    upper: Floats,
    tolerance: Floats,
    arm: Whole,
    usage: Floats,
) -> None:
    """Accept candidates (customer, set) in order; arm (n,) sets and usage (R,) are the state and the result."""
    k_count = measures.shape[1]
    masked = mask.shape[0] > 0
    delta = np.zeros(len(usage))
    for j in range(len(customers)):
        i, b = customers[j], arms[j]
        open_to = arm[i] < 0 and has_room(homes, sets, arm, i, -1, b)
        if masked:
            for k in sets[b]:
                open_to = open_to and (k < 0 or mask[k, i])
        if not open_to:
            continue
        cell = class_of[i] * k_count
        shift_of(measures, first, row, coefficient, cell, sets[b], i, 1.0, delta)
        fine = True
        for k in sets[b]:
            if k >= 0:
                for e in range(first[cell + k], first[cell + k + 1]):
                    r = row[e]
                    d, new = delta[r], usage[r] + delta[r]
                    # A row may stay broken (a minimum is, at first); it may not be broken further.
                    if (d > 0 and new > upper[r] + tolerance[r]) or (d < 0 and new < lower[r] - tolerance[r]):
                        fine = False
        for k in sets[b]:
            if k >= 0:
                for e in range(first[cell + k], first[cell + k + 1]):
                    if fine:
                        usage[row[e]] += delta[row[e]]
                    delta[row[e]] = 0.0
        if fine:
            arm[i] = b


def fill(
    problem: Problem,
    customers: NDArray[np.integer],
    arms: NDArray[np.integer],
    *,
    arm: NDArray[np.integer] | None = None,
) -> NDArray[np.int16]:
    """Take candidates (customers[j], arms[j]) in order, each if the customer has no arm yet, it is open to them
    and no rule objects.

    A rule objects if its value would rise above its upper bound or fall below its lower bound because of this
    candidate (one that is outside already may stay there or come nearer).  ``arm``: a plan (n,) to start from; none
    by default.

    Returns:
        (n,) int16 plan, -1 = none.  Minimums may be unmet: certify it.

    Raises:
        ProblemError: candidates that do not exist, or a problem of several offers a customer.

    """
    h, k, n, c = problem.shape
    customers, arms = np.asarray(customers), np.asarray(arms)
    problems = []
    if problem.several:
        problems.append("max_offers: candidates are filled in where a customer has one offer at most")
    if customers.shape != arms.shape or customers.ndim != 1:
        problems.append(f"candidates: expected two lists of one length, got shapes {customers.shape} and {arms.shape}")
    for name, values, end in (("customers", customers, n), ("arms", arms, k)):
        if len(values) and (values.min() < 0 or values.max() >= end):
            problems.append(f"{name}: expected 0 .. {end - 1}, got {values.min()} .. {values.max()}")
    plan = np.full(n, NO_ARM, narrow(k)) if arm is None else np.array(arm, narrow(k))
    if plan.shape != (n,):
        problems.append(f"arm: expected shape {(n,)}, got {plan.shape}")
    if problems:
        raise ProblemError(problems)
    cells = cells_of(problem)
    bounds = np.array([integral_bounds(row, h * c * k) for row in problem.rows]).reshape(-1, 2)
    usage = np.zeros(len(bounds))
    if arm is not None and len(bounds):
        table = plan_table(problem, plan)
        usage = np.array([row.coefficients.data @ table[row.coefficients.indices] for row in problem.rows])
    fill_in_order(
        problem.measures,
        np.zeros((0, 0), np.bool_) if problem.eligible is None else problem.eligible,
        problem.class_of,
        cells.first,
        cells.row,
        cells.coefficient,
        np.arange(k)[:, None],
        homes_of(problem),
        customers,
        arms,
        np.ascontiguousarray(bounds[:, 0]),
        np.ascontiguousarray(bounds[:, 1]),
        np.array([0.5 * TOLERANCE * row_size(row.lower, row.upper) for row in problem.rows]),
        plan,
        usage,
    )
    return plan.astype(np.int16)
