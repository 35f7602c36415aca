"""Who gets what: the one call."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solvers.certify import TOLERANCE, Certificate, certify
from solvers.decomposition import generate
from solvers.layout import Layout, arrange
from solvers.plan import plan_of
from solvers.pricing import Pricer
from solvers.problem import Problem
from solvers.program import Backend
from solvers.recovery import recover, recover_mix
from solvers.search import search, trouble

FloatArray = NDArray[np.float64]


def by_decomposition(layout, start, gap, backend, deadline):
    pricer = Pricer(layout)
    rows = len(layout.lower)
    path, settled = search(layout, pricer, np.zeros(rows) if start is None else start, gap)
    best = path[-1]
    if settled or trouble(layout, best).sum() < max(20 * gap, 0.01) * abs(best.bound):
        found = recover(layout, pricer.prices(best.y), best.y, best.bound, plan_of(layout, best.arm.copy()), gap)
        if found.plan is not None and found.plan.value >= best.bound - 0.9 * gap * abs(best.bound):
            return found.plan, best.y, pricer, "search"
    dual = generate(layout, pricer, path, 0.3 * gap, backend=backend, deadline=deadline)
    if not dual.feasible:
        return None, dual.best.y, pricer, "infeasible"
    found = recover_mix(layout, pricer.prices(dual.best.y), dual, gap, backend=backend, deadline=deadline)
    return found.plan, dual.best.y, pricer, f"{found.programs}"
