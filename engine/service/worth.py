"""What trust that is missing at the end of a run still costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.population import Population
from engine.valuation import order_margin, order_tables
from engine.world import World

Floats = NDArray[np.float64]


def trust_gap(world: World, population: Population, trust: NDArray[np.float32]) -> Floats:
    """(n,) currency units at the horizon: the orders that missing trust still costs until it has come back.

    What is missing, ``1 - trust``, shrinks by the share ``recovery`` each period while no new failure comes (a named
    approximation), so its orders are those of :func:`engine.valuation.order_tables` at the discount factor
    ``d (1 - recovery)``.  0 where trust acts on churn: that it has not yet driven away is not foreseen.
    """
    service = world.service
    if service is None or not service.trust.acts_on_orders or (trust == 1).all():
        return np.zeros(len(trust))
    factor = world.economics.discount_factor * (1 - service.trust.recovery)
    tables = order_tables(world.segments, world.horizon, factor, world.season)
    q = tables.discounted[world.horizon][population.traits.start_segment, population.state.segment]
    missing = 1 - trust.astype(np.float64)
    return np.asarray(population.traits.rate * order_margin(population, world) * q * missing)
