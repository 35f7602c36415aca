"""Compiling ahead: what plans of one offer a customer need, compiled by small problems while something else runs.

Numba keeps compiled kernels on disk, so that another process may do this.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from solvers.fill import fill
from solvers.moving import apply_moves
from solvers.problem import Problem, Row
from solvers.solve import solve

CUSTOMERS = 400


def is_cold() -> bool:
    """No kernel of this package has been compiled on this machine, for this user and version."""
    folder = getattr(getattr(apply_moves, "stats", None), "cache_path", None)
    return folder is not None and not any(Path(folder).glob("*.nbi"))


def compile_kernels() -> None:
    """Plan a few hundred customers, by every step that a plan may need."""
    problem = small_problem()
    fill(problem, np.arange(CUSTOMERS), np.arange(CUSTOMERS) % 3)
    solve(problem, method="decomposition", gap=1e-9)


def small_problem() -> Problem:
    """Float32 measures, eligibility, and rows that bind, one from below."""
    rng = np.random.default_rng(1)
    value = rng.gamma(2.0, 1.0, (3, CUSTOMERS))
    measures = np.stack([value, 0.2 + value * rng.uniform(0.2, 0.6, value.shape)]).astype(np.float32)
    shape = (3, 1, 3)  # measures and the count; classes; arms
    cost, count = np.zeros(shape), np.zeros(shape)
    cost[1], count[2, :, 0] = 1.0, 1.0
    rows = (
        Row("cost", sparse.csr_matrix(cost.reshape(1, -1)), -np.inf, 0.2 * float(measures[1].sum()) / 3),
        Row("count", sparse.csr_matrix(count.reshape(1, -1)), 0.3 * CUSTOMERS, np.inf),
    )
    eligible = rng.random(value.shape) < 0.9
    return Problem(measures, ("value", "cost"), np.zeros(CUSTOMERS, np.int32), 1, rows, eligible)
