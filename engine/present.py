"""Where a customer stands today, as closed forms need it: order rate, value of an order, open doors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.population import Population
from engine.world import World

Floats = NDArray[np.float64]


def own_log_odds(population: Population, world: World, t: int) -> Floats:
    """(n,) log odds of the own share of wallet in period t; +inf (all of it) without competition."""
    competition = world.dynamics.competition if world.dynamics else None
    if competition is None or population.life is None:
        return np.full(len(population), np.inf)
    life, pull = population.life, competition.pull
    return np.asarray(life.share.astype(np.float64) + pull[min(t, len(pull) - 1)] + competition.trust * life.trust)


def share_of(log_odds: Floats) -> Floats:
    """Logit share."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def present_rate(population: Population, world: World, t: int) -> Floats:
    """(n,) rate trait x today's share of wallet over the share at the start; today's share is taken to last."""
    rate = population.traits.rate.astype(np.float64)
    if world.dynamics is None or world.dynamics.competition is None or population.life is None:
        return rate
    start = share_of(population.life.share.astype(np.float64))
    return np.asarray(rate * share_of(own_log_odds(population, world, t)) / start)


def multiples(population: Population, world: World) -> Floats:
    """(n,) price multiple of the tier x growth of the order value so far."""
    if world.dynamics is None or population.life is None:
        return np.ones(len(population))
    grown = population.life.grown.astype(np.float64)
    return grown * world.dynamics.tiers[population.life.tier] if len(world.dynamics.tiers) else grown


def present_value(population: Population, world: World) -> Floats:
    """(n,) mean value of an order now."""
    own = population.traits.order_value.astype(np.float64)
    if world.dynamics is not None:
        own = own * multiples(population, world)
    return own + population.state.extra_value


def categories_owned(owned: NDArray[np.uint32]) -> NDArray[np.int64]:
    """(n,) number of bits."""
    return np.bitwise_count(owned).astype(np.int64)
