"""Multipliers one rule at a time: exact line searches on the dual along the rule that is worst off.

The dual function is convex and piecewise linear with about n pieces, so that where one or two rules bind (the common case: a
budget) a few pricing passes bring it within any practical gap of its minimum, without a linear program.  Where rules interlock
this stalls; the caller goes on with the master, which is given the responses that bracket each search.
"""

from __future__ import annotations

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

    A broken row counts by its violation at the price that it has or, while it has none, at the mean worth of its unit; a row
    with slack counts by its price times the slack.
    """
    usage, y = response.total, response.y
    out = layout.violation(usage)
    out = np.where(out > layout.tolerance, out, 0.0)
    unit = np.maximum(np.abs(y), layout.worth / layout.scale)
    slack = np.where(y > 0, layout.upper - usage, np.where(y < 0, usage - layout.lower, 0.0))
    return np.where(out > 0, unit * out, np.abs(y) * np.maximum(slack, 0.0))


def line_search(layout: Layout, pricer: Pricer, at: Response, r: int, near: float, most: int) -> list[Response]:
    """Minimise the dual along multiplier r from ``at``; returns the responses that bracket the minimum, best bound last.

    lam = sigma * y_r >= 0 prices one side of the row; excess(lam) = sigma * (usage_r - bound_r) does not rise with lam, and
    the minimum is where it changes sign.  Stops when lam * |excess| <= near.
    """
    usage = at.total[r]
    if at.y[r] != 0:
        sigma = float(np.sign(at.y[r]))
    else:
        sigma = 1.0 if usage > layout.upper[r] else -1.0
    rhs = layout.upper[r] if sigma > 0 else layout.lower[r]

    def excess(response: Response) -> float:
        return float(sigma * (response.total[r] - rhs))

    def moved(lam: float) -> Response:
        y = at.y.copy()
        y[r] = sigma * lam
        return respond(layout, pricer, y)

    lam = abs(at.y[r])
    here = excess(at)
    unit = layout.worth / layout.scale[r]
    step = max(0.02 * lam, 0.1 * unit if lam == 0 else 1e-3 * unit)
    below = above = None  # (lam, excess, response): below has excess > 0
    if here > 0:
        below = (lam, here, at)
    else:
        above = (lam, here, at)
    passes = 0
    while (below is None or above is None) and passes < most:
        known = below or above
        assert known is not None
        lam = known[0] + step if below is not None else max(known[0] - step, 0.0)
        response = moved(lam)
        passes += 1
        e = excess(response)
        if e > 0:
            below = (lam, e, response)
        else:
            above = (lam, e, response)
            if lam == 0.0:
                return [response]  # the row has slack at no price
        step *= 4.0
    if below is None or above is None:
        return [r_[2] for r_ in (below, above) if r_ is not None]
    e_below, e_above, side = below[1], above[1], 0
    while passes < most:
        if above[0] * -above[1] <= near or above[0] - below[0] <= 1e-12 * above[0]:
            break
        # Regula falsi (Illinois: the end that stays put has its weight halved), kept off the ends of the bracket.
        t = e_below / (e_below - e_above)
        t = min(max(t, 0.02), 0.98)
        lam = below[0] + t * (above[0] - below[0])
        response = moved(lam)
        passes += 1
        e = excess(response)
        if e > 0:
            below = (lam, e, response)
            e_below = e
            if side == 1:
                e_above *= 0.5
            side = 1
        else:
            above = (lam, e, response)
            e_above = e
            if side == -1:
                e_below *= 0.5
            side = -1
    ends = [below[2], above[2]]
    return sorted(ends, key=lambda x: -x.bound)


def search(layout: Layout, pricer: Pricer, start: FloatArray, gap: float, most: int = 40) -> tuple[list[Response], bool]:
    """Responses on the way, the best bound last; and whether what is left to mend is small against ``gap``.

    Gives up as soon as more than four rules are worst off together, or when line searches undo each other.
    """
    best = respond(layout, pricer, start)
    kept = [best]
    searched: dict[int, int] = {}
    settled = False
    for _ in range(most):
        bad = trouble(layout, best)
        small = 0.3 * gap * max(abs(best.bound), 1e-12)
        settled = bool(bad.sum() <= small)
        if settled:
            break
        worst = int(np.argmax(bad))
        if np.count_nonzero(bad > 0.1 * bad[worst]) > 4 or searched.get(worst, 0) >= 3:
            break
        searched[worst] = searched.get(worst, 0) + 1
        ends = line_search(layout, pricer, best, worst, 0.1 * small, 25)
        kept += ends
        if ends[-1].bound > best.bound - 0.01 * small and searched[worst] > 1:
            break
        best = min(ends, key=lambda x: x.bound)
    kept = [x for x in kept if x is not best] + [best]
    return kept, settled
