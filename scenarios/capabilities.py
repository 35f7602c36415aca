"""What data, systems and skills cost the strategies that need them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.schema.scenario import Scenario


def capability_costs(scenario: Scenario, strategy: str) -> NDArray[np.float64] | None:
    """(T,) amounts by period for the scenario's customers; None where the strategy needs nothing."""
    needed = [c for c in scenario.capabilities.values() if strategy in c.needed_by]
    if not needed:
        return None
    costs = np.full(scenario.time.horizon_periods, sum(c.per_period for c in needed), np.float64)
    costs[0] += sum(c.once for c in needed)
    return costs
