"""Orders by customer and period, as sparse rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import CalibrationError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
I32 = NDArray[np.int32]
Numbers = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.int32]


def weighted_count(place: NDArray[np.integer], weight: Numbers, size: int) -> Floats:
    """(size,) float64, sum of the weights at each place."""
    return np.asarray(np.bincount(place, weights=weight, minlength=size), dtype=np.float64)


@dataclass(frozen=True)
class Panel:
    """n customers with orders over ``periods`` whole periods; the cells of customer i are ``start[i]:start[i + 1]``.

    Attributes:
        start: (n + 1,) int64.
        period: (k,) int32, ascending within a customer.
        orders: (k,) int32, > 0.
        spend: (k,) float64.
        customer: (n,) int32, place of each customer in the log.
        left_truncated: customers of the first window may have ordered before the log began.

    """

    start: Ints
    period: I32
    orders: I32
    spend: Floats
    customer: I32
    periods: int
    left_truncated: bool

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def owner(self) -> Ints:
        """(k,) int64, place in the panel of each cell's customer."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def first(self) -> I32:
        """(n,) int32, period of the first order."""
        return self.period[self.start[:-1]]

    @property
    def last(self) -> I32:
        """(n,) int32, period of the last order."""
        return self.period[self.start[1:] - 1]

    def totals(self, values: Numbers) -> Floats:
        """(n,) float64, sum of a cell column by customer."""
        return weighted_count(self.owner, values, len(self))

    def by_period(self, values: Numbers) -> Floats:
        """(periods,) float64, sum of a cell column by period."""
        return weighted_count(self.period, values, self.periods)


def make_panel(customer: I32, period: I32, amount: Floats, periods: int, *, left_truncated: bool) -> Panel:
    """Group orders before ``periods`` into cells; customers without one are left out.

    Args:
        customer: (o,) int32, one entry per order.
        period: (o,) int32; orders at ``periods`` or later are left out.
        amount: (o,) float64.
        periods: whole periods to use.
        left_truncated: see :class:`Panel`.

    """
    inside = period < periods
    if periods < 1 or not inside.any():
        raise CalibrationError([f"log: expected orders within {periods} whole periods, got none"])
    key = customer[inside].astype(np.int64) * periods + period[inside]
    cells, place, orders = np.unique(key, return_inverse=True, return_counts=True)
    spend = weighted_count(place, amount[inside], len(cells))
    owner = cells // periods
    names, counts = np.unique(owner, return_counts=True)
    start = np.concatenate(([0], np.cumsum(counts)))
    return Panel(
        start,
        (cells % periods).astype(np.int32),
        orders.astype(np.int32),
        spend,
        names.astype(np.int32),
        periods,
        left_truncated,
    )


def window_totals(panel: Panel, begin: int, end: int) -> tuple[Floats, Floats]:
    """(n,) orders and spend of each customer in the periods ``begin <= t < end``."""
    inside = (panel.period >= begin) & (panel.period < end)
    return panel.totals(np.where(inside, panel.orders, 0)), panel.totals(np.where(inside, panel.spend, 0.0))
