"""Moving single customers: until no row is broken, and then for more value within what the rows have left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.layout import Layout
from solvers.moves import LOOKED_AT, moves_along, row_form
from solvers.moving import apply
from solvers.plan import Plan, plan_of
from solvers.pricing import Prices

FloatArray = NDArray[np.float64]
_CANDIDATES = 4096


def broken_rows(layout: Layout, usage: FloatArray) -> NDArray[np.int64]:
    """Rows outside their bounds by more than the tolerance, the most broken (in row sizes) first."""
    out = layout.violation(usage)
    size = np.where(out > layout.tolerance, out / layout.scale, 0.0)
    order = np.argsort(-size, kind="stable")
    return order[size[order] > 0]


def mend(layout: Layout, price: Prices, plan: Plan, rounds: int = 60) -> bool:
    """Move customers in ``plan`` until no row is broken, at these prices; False if that does not succeed."""
    stuck: set[int] = set()
    for turn in range(rounds):
        rows = [int(r) for r in broken_rows(layout, plan.usage) if int(r) not in stuck]
        if not rows:
            break
        r = rows[0]
        want = -1.0 if plan.usage[r] > layout.upper[r] else 1.0
        form = row_form(layout, r)
        made = apply(layout, plan, moves_along(layout, price, form, want, plan.arm, _CANDIDATES, turn), r)
        if made == 0 and layout.shape[2] > LOOKED_AT:
            made = apply(layout, plan, moves_along(layout, price, form, want, plan.arm, _CANDIDATES), r)
        if made == 0:
            stuck.add(r)
        else:
            stuck.clear()
    fresh = plan_of(layout, plan.arm)
    plan.value, plan.usage = fresh.value, fresh.usage
    return len(broken_rows(layout, plan.usage)) == 0


def improve(layout: Layout, price: Prices, plan: Plan, enough: float, rounds: int = 3) -> None:
    """Add value to a plan that breaks no row, until it is worth ``enough`` or no cheap move is left."""
    h, k, _, c = layout.shape
    form = np.zeros((c, h + 1, k))
    form[:, 0] = 1.0
    for turn in range(rounds):
        if plan.value >= enough:
            break
        moves = moves_along(layout, price, form, 1.0, plan.arm, _CANDIDATES, turn if turn + 1 < rounds else -1)
        made = apply(layout, plan, moves, -1)
        fresh = plan_of(layout, plan.arm)
        plan.value, plan.usage = fresh.value, fresh.usage
        if made == 0 and layout.shape[2] <= LOOKED_AT:
            break
