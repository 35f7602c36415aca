"""Categories: who owns which, what taking one up would be worth, and which open the door to which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.calibration.panel import I32, Floats, Panel, weighted_count

MAX_CATEGORIES = 32  # ownership is a bit mask


@dataclass(frozen=True)
class CategoryCells:
    """Spend by order and category: k cells, one for each category in each order.

    ``customer`` (k,) int32 is the place in the log, ``period`` (k,) int32, ``category`` (k,) int32 and ``amount``
    (k,) float64.
    """

    names: tuple[str, ...]
    customer: I32
    period: I32
    category: I32
    amount: Floats


@dataclass(frozen=True)
class Wallet:
    """C categories, largest sales first.

    Attributes:
        names: C names.
        owned: (n,) uint32, bit c: bought c within two windows up to the customer's last order.
        headroom: (n, C) float64, what an order would be worth more with c: 0 if owned.
        share: (n, C) float64, of the customer's spend in that time, what went to c: 0 if not owned.
        complementarity: (C, C) float64 in [0, 1], how strongly owning a goes with owning b; diagonal 0.

    """

    names: tuple[str, ...]
    owned: NDArray[np.uint32]
    headroom: Floats
    share: Floats
    complementarity: Floats


def no_wallet(n: int) -> Wallet:
    """No categories."""
    return Wallet((), np.zeros(n, np.uint32), np.zeros((n, 0)), np.zeros((n, 0)), np.zeros((0, 0)))


def fit_wallet(
    panel: Panel,
    cells: CategoryCells,
    segment: NDArray[np.uint8],
    segments: int,
    order_value: Floats,
    window: int,
    top: int,
) -> Wallet:
    """Ownership, headroom and complementarity of the ``top`` categories by sales within the panel.

    Headroom of customer i in category c that he lacks: spend on c per order (any order) of c's owners in the same
    segment, times i's order value over the mean order value of the segment's owners of c.  Segments with fewer than
    20 owners of c use those of all segments.

    Complementarity: see :func:`co_ownership`.
    """
    n, place = len(panel), np.full(int(max(cells.customer.max(initial=0), panel.customer.max())) + 1, -1)
    place[panel.customer] = np.arange(n)
    who = place[cells.customer]
    inside = (who >= 0) & (cells.period < panel.periods)
    sales = weighted_count(cells.category[inside], cells.amount[inside], len(cells.names))
    chosen = np.argsort(-sales, kind="stable")[: min(top, MAX_CATEGORIES, np.count_nonzero(sales > 0))]
    if not len(chosen):
        return no_wallet(n)
    code = np.full(len(cells.names), -1)
    code[chosen] = np.arange(len(chosen))
    recent = inside & (code[cells.category] >= 0)
    recent[recent] = cells.period[recent] > panel.last[who[recent]] - 2 * window
    c = len(chosen)
    spend = weighted_count(who[recent] * c + code[cells.category[recent]], cells.amount[recent], n * c).reshape(n, c)
    owns = spend > 0
    late = panel.period > panel.last[panel.owner] - 2 * window
    orders = panel.totals(np.where(late, panel.orders, 0))
    headroom = np.zeros((n, c))
    for k in range(c):
        everywhere = _gain(spend[:, k], orders, order_value, owns[:, k])
        for s in range(segments):
            members = segment == s
            owners = members & owns[:, k]
            share = _gain(spend[:, k], orders, order_value, owners) if owners.sum() >= 20 else everywhere
            headroom[members, k] = share * order_value[members]
    headroom[owns] = 0.0
    bits = (owns * (1 << np.arange(c, dtype=np.uint32))).sum(axis=1).astype(np.uint32)
    basket = np.maximum(panel.totals(np.where(late, panel.spend, 0.0)), spend.sum(axis=1))
    own = np.where(owns, spend, 0.0) / np.where(basket > 0, basket, 1.0)[:, None]
    return Wallet(tuple(cells.names[k] for k in chosen), bits, headroom, own, co_ownership(owns))


def _gain(spend: Floats, orders: Floats, order_value: Floats, owners: NDArray[np.bool_]) -> float:
    """Spend on the category per order of its owners, as a share of their mean order value."""
    value = float((order_value * orders)[owners].sum())
    return float(spend[owners].sum()) / value if value > 0 else 0.0


def co_ownership(owns: NDArray[np.bool_]) -> Floats:
    """(C, C) complementarity from an ownership table (n, C): Yule's Q of owning a and owning b, negative values as 0.

    ``Q = (OR - 1) / (OR + 1)``, OR = the odds of owning b with a over the odds without a (half a customer added to
    each of the four counts).  The odds, and not the ratio of shares, because a category that nearly everybody owns
    leaves that ratio no room above 1.  An association: customers who order often own more of everything.
    """
    held, free = owns.astype(np.float64), (~owns).astype(np.float64)
    both, neither, first, second = held.T @ held + 0.5, free.T @ free + 0.5, held.T @ free + 0.5, free.T @ held + 0.5
    out = np.clip((both * neither - first * second) / (both * neither + first * second), 0.0, 1.0)
    np.fill_diagonal(out, 0.0)
    return np.asarray(out)
