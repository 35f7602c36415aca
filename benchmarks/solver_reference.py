"""What solver benchmarks measure themselves against, in the same run on the same machine."""

from __future__ import annotations

import time

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from solvers.certify import certify
from solvers.exact import exact_plan
from solvers.layout import arrange
from solvers.offers import once_each, usage_of_offers
from solvers.problem import Problem
from solvers.program import Backend


def relaxation_by_scipy(problem: Problem) -> tuple[float, float]:
    """(value, seconds) of the whole linear relaxation given to SciPy's HiGHS at once; building not counted."""
    layout = arrange(problem)
    _, k, n, _ = problem.shape
    customer, arm = np.divmod(np.arange(n * k), k)
    value, usage = usage_of_offers(layout, customer, arm)
    own = once_each(customer)
    up, down = np.isfinite(layout.upper), np.isfinite(layout.lower)
    began = time.perf_counter()
    answer = linprog(
        -value,
        sparse.vstack([usage[up], -usage[down], own]),
        np.concatenate([layout.upper[up], -layout.lower[down], np.ones(own.shape[0])]),
        bounds=(0, 1),
        method="highs",
    )
    assert answer.status == 0, answer.message
    return -float(answer.fun), time.perf_counter() - began


def interior_point_and_rounding(problem: Problem) -> tuple[float, float, float]:
    """(value, seconds, worst violation relative to a rule's bound) of the strongest simple way: HiGHS' interior point
    method on the whole relaxation, then everybody takes the arm with more than half of them, if there is one.

    Rules can be broken by a few customers; nothing mends that here.
    """
    layout = arrange(problem)
    _, k, n, _ = problem.shape
    customer, arm = np.divmod(np.arange(n * k), k)
    began = time.perf_counter()
    value, usage = usage_of_offers(layout, customer, arm)
    own = once_each(customer)
    up, down = np.isfinite(layout.upper), np.isfinite(layout.lower)
    answer = linprog(
        -value,
        sparse.vstack([usage[up], -usage[down], own]),
        np.concatenate([layout.upper[up], -layout.lower[down], np.ones(own.shape[0])]),
        bounds=(0, 1),
        method="highs-ipm",
    )
    assert answer.status == 0, answer.message
    x = answer.x.reshape(n, k)
    plan = np.where(x.max(axis=1) > 0.5, x.argmax(axis=1), -1).astype(np.int16)
    seconds = time.perf_counter() - began
    proof = certify(problem, plan, np.zeros(len(problem.rows)))
    return proof.objective, seconds, float(proof.violation.max(initial=0.0))


def whole_program(problem: Problem, backend: Backend, gap: float, limit: float) -> tuple[float, float, bool]:
    """(value, seconds, finished) of all customers' binaries given to PuLP at once; building counts, as users pay it too.

    value is NaN if the time limit (seconds) came before a plan.
    """
    began = time.perf_counter()
    answer = exact_plan(arrange(problem), gap, backend=backend, seconds=limit)
    seconds = time.perf_counter() - began
    return (float("nan") if answer.plan is None else answer.plan.value), seconds, seconds < limit
