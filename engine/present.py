"""Where a customer stands today, as closed forms need it: order rate, value of an order, open doors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.population import Population
from engine.world import Arm, World

Floats = NDArray[np.float64]


def pulled_log_odds(population: Population, world: World, t: int) -> Floats:
    """(n,) log odds of the own share of wallet in period t at neutral trust; +inf (all of it) without competition."""
    competition = world.dynamics.competition if world.dynamics else None
    if competition is None or population.life is None:
        return np.full(len(population), np.inf)
    return np.asarray(population.life.share.astype(np.float64) + competition.pull[min(t, len(competition.pull) - 1)])


def own_log_odds(population: Population, world: World, t: int) -> Floats:
    """(n,) log odds of the own share of wallet in period t; +inf (all of it) without competition."""
    competition = world.dynamics.competition if world.dynamics else None
    weight = competition.trust if competition else 0.0
    odds = pulled_log_odds(population, world, t)
    return odds if population.life is None or not weight else np.asarray(odds + weight * population.life.trust)


def share_of(log_odds: Floats) -> Floats:
    """Logit share."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def present_rate(population: Population, world: World, t: int) -> Floats:
    """(n,) rate trait x today's share of wallet over the share at the start."""
    return _rate_at(population, world, own_log_odds(population, world, t))


def settled_rate(population: Population, world: World, t: int) -> Floats:
    """(n,) :func:`present_rate` once trust is neutral again; today's pull is taken to last."""
    return _rate_at(population, world, pulled_log_odds(population, world, t))


def _rate_at(population: Population, world: World, log_odds: Floats) -> Floats:
    rate = population.traits.rate.astype(np.float64)
    if world.dynamics is None or world.dynamics.competition is None or population.life is None:
        return rate
    return np.asarray(rate * share_of(log_odds) / share_of(population.life.share.astype(np.float64)))


def living_rate(population: Population, world: World, t: int) -> Floats:
    """(n,) :func:`settled_rate` of somebody who is there, where a planner has put his doubt about that into the rate."""
    rate, alive = settled_rate(population, world, t), population.life.alive if population.life else None
    return rate if alive is None else np.asarray(rate / np.maximum(alive.astype(np.float64), 1e-6))


def largest_boost(population: Population, world: World, lift: float) -> Floats:
    """(n,) bound on the order rate over the rate trait, for any offer in any period.

    Without competition the largest lift.  With it, of the wallet 1 / s0: at most all, and at most lift x the share at the best
    pull, trust and offer, so that a customer of tiny share is not taken to spend his whole wallet with us.
    """
    out = np.full(len(population), lift)
    dynamics, life = world.dynamics, population.life
    if dynamics is None or dynamics.competition is None or life is None:
        return out
    c, decay = dynamics.competition, dynamics.trust_decay
    won = max((arm.more.trust for arm in world.arms), default=0.0)
    kept = min(1 / max(1 - decay, 1e-9), world.horizon)
    trust = max(float(life.trust.max(initial=0)), 0.0) + max(won, 0.0) * kept
    best = (
        float(c.pull.max(initial=0))
        + max(c.trust, 0.0) * trust
        + max((a.more.share_shift for a in world.arms if a.more.share_rival < 0), default=0.0)
    )
    own = life.share.astype(np.float64)
    return np.asarray(np.minimum(lift * share_of(own + max(best, 0.0)), 1.0) / share_of(own))


def multiples(population: Population, world: World) -> Floats:
    """(n,) price multiple of the tier x growth of the order value so far."""
    if world.dynamics is None or population.life is None:
        return np.ones(len(population))
    grown = population.life.grown.astype(np.float64)
    return grown * world.dynamics.tiers[population.life.tier] if len(world.dynamics.tiers) else grown


def growing_value(population: Population, world: World) -> Floats:
    """(n,) mean value of an order now without what was cross-sold, which neither tiers nor growth multiply."""
    own = population.traits.order_value.astype(np.float64)
    return own if world.dynamics is None else own * multiples(population, world)


def category_ratios(
    population: Population, world: World, t: int, arm: Arm | None = None, trust: Floats | float = 0.0
) -> Floats:
    """(n, C) share of each category over the share at the start, while this arm acts, at so much trust; 1 without a competitor."""
    out, dynamics, life = np.ones((len(population), len(world.categories))), world.dynamics, population.life
    for r, rival in enumerate(dynamics.rivals if dynamics is not None and life is not None else ()):
        assert life is not None
        began = life.category_share[:, r].astype(np.float64)
        shift = arm.more.share_shift if arm is not None and arm.more.share_rival == r else 0.0
        today = began + rival.pull[min(t, len(rival.pull) - 1)] + rival.trust * trust + shift
        out[:, rival.category] = share_of(today) / share_of(began)
    return out


def settled_value(
    population: Population, world: World, t: int, arm: Arm | None = None, trust: Floats | float = 0.0
) -> Floats:
    """(n,) mean value of an order at neutral trust (or ``trust``), while this arm acts; today's pulls are taken to last."""
    value = growing_value(population, world) + population.state.extra_value
    if world.dynamics is None or not world.dynamics.rivals or population.life is None:
        return value
    own = [rival.category for rival in world.dynamics.rivals]
    swing = population.life.spent * (category_ratios(population, world, t, arm, trust)[:, own] - 1)
    return np.asarray(np.maximum(value + swing.sum(axis=1), 0.0))


def present_value(population: Population, world: World, t: int) -> Floats:
    """(n,) mean value of an order now."""
    trust = population.life.trust.astype(np.float64) if population.life else 0.0
    return settled_value(population, world, t, None, trust)


def categories_owned(owned: NDArray[np.uint32]) -> NDArray[np.int64]:
    """(n,) number of bits."""
    return np.bitwise_count(owned).astype(np.int64)
