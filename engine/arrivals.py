"""Customers who join during a run.

All of them stand in the population from the start, behind those who are there already, in the order in which they join: so the
customers of a period are the first so many, and those to come cost nothing and are counted nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import PopulationError
from engine.ledger import ACQUIRED, ACQUISITION

THERE = -1  # the period of those who are there at the start


@dataclass(frozen=True)
class Arrivals:
    """When everybody joins, and what that costs.

    Attributes:
        period: (n,) int32 ascending, first period of a customer; ``THERE`` for the base.
        cost: (n,) int64 micro-units, paid in that period.
    """

    period: NDArray[np.int32]
    cost: NDArray[np.int64]

    def check(self, customers: int) -> None:
        """Raise :class:`PopulationError` unless everybody has his place in the order."""
        problems = [
            f"arrivals.{name}: expected {customers} customers, got {len(values)}"
            for name, values in (("period", self.period), ("cost", self.cost))
            if len(values) != customers
        ]
        if not problems and (np.diff(self.period) < 0).any():
            at = int(np.argmax(np.diff(self.period) < 0))
            problems.append(
                f"arrivals.period: expected ascending, got {self.period[at]} before {self.period[at + 1]} at {at}"
            )
        if not problems and (self.cost < 0).any():
            problems.append(f"arrivals.cost: expected >= 0, got {self.cost.min()}")
        if problems:
            raise PopulationError(problems)

    def present(self, period: int) -> int:
        """How many live in this period."""
        return int(np.searchsorted(self.period, period, side="right"))

    def join(self, period: int, weight: float, margin: NDArray[np.float64], lines: NDArray[np.int64]) -> None:
        """Book what joins in this period; each pays for himself in ``margin`` (``weight`` units per micro-unit)."""
        low, high = self.present(period - 1), self.present(period)
        margin[low:high] -= self.cost[low:high] * weight
        lines[ACQUISITION] += int(self.cost[low:high].sum())
        lines[ACQUIRED] += high - low
