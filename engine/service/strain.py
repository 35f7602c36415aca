"""What a planner foresees of the contact centre, as values need it (:mod:`engine.service.foresight`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Strain:
    """By period and segment (T, S): ``leaves``, probability of leaving at the period's end, to segment ``into``; ``trust``,
    factor on its orders.
    """

    leaves: Floats
    trust: Floats
    into: int

    def spent(self, orders: Floats, t: int) -> Floats:
        """(..., S) orders of period t with the trust of then."""
        return orders * self.trust[t] if t < len(self.trust) else orders

    def carried(self, q: Floats, t: int) -> Floats:
        """(..., S) what the next period is worth at the end of period t."""
        if t >= len(self.leaves):
            return q
        return np.asarray((1 - self.leaves[t]) * q + self.leaves[t] * q[..., self.into, None])
