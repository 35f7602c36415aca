"""What solver benchmarks measure themselves against, in the same run on the same machine."""

from __future__ import annotations

import time

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from solvers.layout import arrange
from solvers.offers import once_each, usage_of_offers
from solvers.problem import Problem


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
