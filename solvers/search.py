"""Multipliers one rule at a time: exact line searches on the dual along the rule that is worst off.

The dual function is convex and piecewise linear with about n pieces, so that where one or two rules bind (the
common case: a budget) a few pricing passes bring it within any practical gap of its minimum, without a linear
program.  Where rules interlock this stalls; the caller goes on with the master, which is given the responses that
bracket each search.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.layout import Layout
from solvers.pricing import Pricer, dual_bound

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """Everybody's best answer to multipliers y: value (B,), usage (B, R), arm (n,), and the bound that it proves."""

    y: FloatArray
    value: FloatArray
    usage: FloatArray
    arm: NDArray[np.signedinteger]
    bound: float

    @property
    def total(self) -> FloatArray:
        """(R,) usage of all blocks."""
        return self.usage.sum(axis=0)  # type: ignore[no-any-return]


def respond(layout: Layout, pricer: Pricer, y: FloatArray) -> Response:
    """Price at y (projected on the multipliers that price no open bound)."""
    y = layout.projected(y)
    value, usage = pricer.respond(y)
    bound = dual_bound(layout, y, float(value.sum()), usage.sum(axis=0))
    return Response(y, value, usage, pricer.arm.copy(), bound)


def trouble(layout: Layout, response: Response) -> FloatArray:
    """(R,) what stands between the response and a plan that proves itself best, in units of the objective.

    A broken row counts by its violation at the price that it has or, while it has none, at the mean worth of its
    unit; a row with slack counts by its price times the slack.
    """
    usage, y = response.total, response.y
    out = layout.violation(usage)
    out = np.where(out > layout.tolerance, out, 0.0)
    unit = np.maximum(np.abs(y), layout.worth / layout.scale)
    slack = np.where(y > 0, layout.upper - usage, np.where(y < 0, usage - layout.lower, 0.0))
    return np.where(out > 0, unit * out, np.abs(y) * np.maximum(slack, 0.0))


def line_search(
    layout: Layout, pricer: Pricer, at: Response, r: int, near: float, most: int, deadline: float = np.inf
) -> list[Response]:
    """Minimise the dual along multiplier r from ``at``; returns the responses that bracket the minimum (one if the
    row has slack at no price, or if no price was found that is high enough).

    lam = sigma * y_r >= 0 prices one side of the row; excess(lam) = sigma * (usage_r - bound_r) is minus the slope
    of the dual, does not rise with lam, and changes sign at the minimum.  The tangents at both ends of the bracket
    bound the minimum from below: the search stops when that is within ``near`` of the better end.
    """
    if at.y[r] != 0:
        sigma = float(np.sign(at.y[r]))
    else:
        sigma = 1.0 if at.total[r] > layout.upper[r] else -1.0
    rhs = layout.upper[r] if sigma > 0 else layout.lower[r]

    def excess(response: Response) -> float:
        return float(sigma * (response.total[r] - rhs))

    def moved(lam: float) -> tuple[float, float, Response]:
        y = at.y.copy()
        y[r] = sigma * lam
        response = respond(layout, pricer, y)
        return lam, excess(response), response

    unit = layout.worth / layout.scale[r]
    here = (abs(at.y[r]), excess(at), at)
    step = 0.03 * here[0] if here[0] > 0 else 0.1 * unit
    below = here if here[1] > 0 else None  # excess > 0: lam is too small
    above = None if here[1] > 0 else here
    for _ in range(most):
        if time.perf_counter() > deadline:
            break
        if below is None and above is not None:
            trial = moved(max(above[0] - step, 0.0))
        elif above is None and below is not None:
            trial = moved(below[0] + step)
        elif below is not None and above is not None:
            width = above[0] - below[0]
            # Intersection of the tangents: also the lower bound on the minimum.
            turn = (below[1] * below[0] - above[1] * above[0] + above[2].bound - below[2].bound) / (below[1] - above[1])
            floor = below[2].bound - below[1] * (turn - below[0])
            if min(below[2].bound, above[2].bound) - floor <= near or width <= 1e-12 * above[0]:
                break
            chord = below[0] + width * below[1] / (below[1] - above[1])
            # The tangents' point is exact for a kink, the chord's for a smooth curve; their middle serves both.
            lam = 0.5 * (min(max(turn, below[0]), above[0]) + chord)
            trial = moved(min(max(lam, below[0] + 0.03 * width), above[0] - 0.03 * width))
        if trial[1] > 0:
            below = trial
        else:
            above = trial
            if trial[0] == 0.0:
                return [trial[2]]
        step *= 4.0
    return [end[2] for end in (below, above) if end is not None]


def search(layout: Layout, pricer: Pricer, start: FloatArray, gap: float, deadline: float = np.inf) -> list[Response]:
    """Responses on the way, the best bound last.

    Gives up as soon as more than two rules are badly off together, when a rule was searched twice, or past the deadline.
    """
    best = respond(layout, pricer, start)
    kept = [best]
    searched: dict[int, int] = {}
    last = -1
    while True:
        small = 0.1 * gap * max(abs(best.bound), 1e-12)
        bad = trouble(layout, best)
        many = np.count_nonzero(bad > 0.1 * bad.max(initial=0.0)) > 2
        if last >= 0:
            bad[last] = 0.0  # just minimised along it
        if not bad.size or bad.max() <= small or many or time.perf_counter() > deadline:
            break
        worst = int(np.argmax(bad))
        searched[worst] = searched.get(worst, 0) + 1
        if searched[worst] > 2:
            break
        ends = line_search(layout, pricer, best, worst, small, 30, deadline)
        kept += [x for x in ends if x is not best]
        best = min([best, *ends], key=lambda x: x.bound)
        last = worst
    return [x for x in kept if x is not best] + [best]
