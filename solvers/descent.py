"""Multipliers of many rules at once: projected quasi-Newton steps on the dual.

With thousands of customers the dual, though piecewise linear, is smooth for practical purposes, and L-BFGS-B
(Byrd, Lu, Nocedal, Zhu 1995; SciPy's) brings dozens of interlocking rules to within a gap of 1e-5 in some tens of
pricing passes.  A pass costs milliseconds, a master over the same rows many times that.  Where customers tie in
crowds the dual has real kinks and the descent stalls: the caller goes on with the master from the responses that are
kept here.
"""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from solvers._blas import one_blas_thread
from solvers.layout import Layout
from solvers.pricing import Pricer
from solvers.search import Response, respond

FloatArray = NDArray[np.float64]
KEPT = 10


def slope(layout: Layout, response: Response) -> FloatArray:
    """(R,) a subgradient of the dual at the response's multipliers: 0 where a row without a price has slack."""
    y, usage = response.y, response.total
    out = np.where(
        usage > layout.upper, layout.upper - usage, np.where(usage < layout.lower, layout.lower - usage, 0.0)
    )
    priced = np.where(y > 0, layout.upper, layout.lower) - usage
    return np.where(y != 0, np.where(np.isfinite(priced), priced, 0.0), out)


def descend(
    layout: Layout, pricer: Pricer, start: Response, gap: float, most: int = 80, deadline: float = np.inf
) -> list[Response]:
    """Lower the dual from ``start`` for at most about ``most`` passes, or until the deadline; returns the last few responses,
    the best bound last.
    """
    if not len(start.y) or time.perf_counter() > deadline:  # without rules the first response is the best
        return [start]
    unit = layout.worth / layout.scale
    size = max(abs(start.bound), 1e-12)
    recent: deque[Response] = deque([start], maxlen=KEPT)
    best = start

    def stop(_: FloatArray) -> None:
        if time.perf_counter() > deadline:
            raise StopIteration

    def fall(z: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best
        response = start if np.array_equal(z, start.y / unit) else respond(layout, pricer, z * unit)
        recent.append(response)
        if response.bound < best.bound:
            best = response
        return response.bound / size, slope(layout, response) * unit / size

    bounds = [
        (None if np.isfinite(a) else 0.0, None if np.isfinite(b) else 0.0)
        for a, b in zip(layout.lower.tolist(), layout.upper.tolist(), strict=True)
    ]
    options = {"maxfun": most, "maxcor": 20, "ftol": 0.005 * gap, "gtol": 1e-15}
    with one_blas_thread():
        minimize(fall, start.y / unit, jac=True, method="L-BFGS-B", bounds=bounds, options=options, callback=stop)
    return [x for x in recent if x is not best] + [best]
