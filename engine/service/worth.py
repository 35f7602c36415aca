"""What trust that is missing at the end of a run still costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.population import Population
from engine.valuation import future_value, value_tables
from engine.world import World

Floats = NDArray[np.float64]


def trust_gap(world: World, population: Population, trust: NDArray[np.float32]) -> Floats:
    """(n,) currency units at the horizon: the orders that missing trust still costs until it has come back.

    What is missing, ``1 - trust``, shrinks by the share ``recovery`` each period while no new failure comes (a named
    approximation), so its orders are those of :func:`engine.valuation.value_tables` at the discount factor
    ``d (1 - recovery)``; customers who leave for good miss nothing any more.  0 where trust acts on churn: that it has not yet
    driven away is not foreseen.
    """
    service = world.service
    if service is None or not service.trust.acts_on_orders or (trust == 1).all():
        return np.zeros(len(trust))
    factor = world.economics.discount_factor * (1 - service.trust.recovery)
    fading = replace(world, economics=replace(world.economics, discount_factor=factor))
    missing = 1 - trust.astype(np.float64)
    return future_value(value_tables(fading), population, fading, world.horizon) * missing
