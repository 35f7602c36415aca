"""Repeat purchases, recency and age of each customer: what the classical models need to know of a log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.calibration.panel import I32, Floats


@dataclass(frozen=True)
class PurchaseSummary:
    """n customers, in the unit of time asked for.

    Attributes:
        customer: (n,) int32, place in the log.
        x: (n,) float64, repeat purchases: days with an order after the first such day.
        t_x: (n,) float64, time from the first to the last of them; 0 without repeats.
        age: (n,) float64, time from the first to the end of observation (the literature's T).

    """

    customer: I32
    x: Floats
    t_x: Floats
    age: Floats


def purchase_summary(customer: I32, day: I32, last_day: int, days_per_unit: float = 7.0) -> PurchaseSummary:
    """Summarise orders (o,) up to ``last_day`` (inclusive, days since the log began)."""
    inside = day <= last_day
    key = np.unique(np.stack([customer[inside], day[inside]]), axis=1)
    who, start, count = np.unique(key[0], return_index=True, return_counts=True)
    first, last = key[1][start], key[1][start + count - 1]
    return PurchaseSummary(
        who.astype(np.int32),
        (count - 1).astype(np.float64),
        (last - first) / days_per_unit,
        (last_day - first) / days_per_unit,
    )
