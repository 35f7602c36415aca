"""The sensible rule of thumb: best value for the scarce resources first, in order, as far as the rules let.

Scarce are the rows that break when everybody takes their best arm.  A candidate's ratio is its value over what it uses
of the scarce rows' bounds; candidates of no value are left out.  Minimums are met first, by the moves that gain most
(or lose least) value per unit.  It proves nothing about how good the plan is; the bound that comes with it is the one
at the multipliers it is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.choices import by_choice, open_sets, sums_of_sets
from solvers.fill import fill, fill_in_order
from solvers.layout import Layout
from solvers.mend import broken_rows, mend
from solvers.plan import Plan, plan_of
from solvers.pricing import Pricer

__all__ = ["fill", "greedy_plan"]

FloatArray = NDArray[np.float64]


def _scarcity(layout: Layout, pricer: Pricer) -> FloatArray:
    """Form (C, H + 1, K): use of the scarce rows' bounds, summed, when a customer takes an arm."""
    h, k, _, c = layout.shape
    _, usage = pricer.respond(np.zeros(len(layout.lower)))
    total = usage.sum(axis=0)
    scarce = total > layout.upper + layout.tolerance
    room = np.maximum(np.abs(layout.upper), 1e-9 * layout.scale)
    weight = np.where(scarce, 1.0 / np.where(scarce, room, 1.0), 0.0)
    form = (layout.transposed @ weight).reshape(h + 1, c, k)
    return np.ascontiguousarray(form.transpose(1, 0, 2))


def _filled(layout: Layout, base: Plan, ratio: FloatArray, value: FloatArray) -> Plan:
    n = layout.shape[2]
    good = np.flatnonzero(value.ravel() > 0)
    order = good[np.argsort(-ratio.ravel()[good], kind="stable")]
    arm, usage = base.arm.copy(), base.usage.copy()
    arms, customers = np.divmod(order, max(n, 1))
    cells = layout.cells
    fill_in_order(
        layout.measures,
        layout.mask,
        layout.class_of,
        cells.first,
        cells.row,
        cells.coefficient,
        layout.sets,
        layout.homes,
        customers,
        arms,
        layout.lower,
        layout.upper,
        layout.tolerance,
        arm,
        usage,
    )
    return plan_of(layout, arm)


def greedy_plan(layout: Layout, pricer: Pricer) -> Plan | None:
    """The better of two orders (by ratio, by value) after mending; None if neither meets the rules."""
    value = sums_of_sets(layout.sets, layout.measures[0].astype(np.float64))
    if layout.mask.size:
        value = np.where(open_sets(layout), value, -np.inf)
    use = by_choice(layout, _scarcity(layout, pricer))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(use > 0, value / use, np.inf)
    ratio = np.where(np.isposinf(ratio), np.finfo(np.float64).max, ratio)
    price = pricer.prices(np.zeros(len(layout.lower)))
    best: Plan | None = None
    # Minimums come first: once the budget is spent there may be no room for them.
    base = plan_of(layout, np.full(layout.shape[2], -1, layout.arm_dtype))
    if len(broken_rows(layout, base.usage)):
        mend(layout, price, base)
    for key in (ratio, value):
        plan = _filled(layout, base, key, value)
        if len(broken_rows(layout, plan.usage)) and not mend(layout, price, plan):
            continue
        if best is None or plan.value > best.value:
            best = plan
    return best
