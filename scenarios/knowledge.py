"""What a planner who is not all-knowing takes for true of lives: posterior means, hidden departures, hidden values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import NEVER, Population, World
from engine.valuation import OrderTables
from scenarios.lives import segment_means
from scenarios.schema.dynamics import Attrition, Dynamics
from scenarios.schema.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def known_lives(
    scenario: Scenario,
    world: World,
    tables: OrderTables,
    start: Population,
    now: Population,
    period: int,
    joined: Ints,
) -> Population:
    """``now`` with its lives as known; ``joined`` (n,): the period since which each is there.

    The trait of leaving is its posterior mean given that the customer is still there.  Where the business does not see
    departures, those who left look as before, and everybody's rate is multiplied by the probability of being alive.
    """
    life, d = now.life, scenario.dynamics
    if life is None or d is None:
        return now
    traits, state = now.traits, now.state
    changes: dict[str, Any] = {}
    if d.values and not d.values.known:
        changes["values"] = segment_means(d.values, world.segments.names)[traits.start_segment].astype(np.float32)
    if d.competition:
        odds = np.log(d.competition.share / (1 - d.competition.share))
        changes["share"] = np.full(len(now), odds, np.float32)
    if d.attrition:
        orders = np.maximum(state.orders.astype(np.float64) - start.state.orders[: len(now)], 0)
        left = (life.gone > 0) & d.attrition.seen
        changes["dropout"] = trait(d.attrition, orders, period, joined, life.renewal, left).astype(np.float32)
        if not d.attrition.seen:
            hidden = life.gone > 0
            segment = np.where(hidden, life.gone - np.uint8(1), state.segment)
            pace = (
                tables.factor[traits.start_segment, segment]
                * tables.level[traits.start_segment, min(period, world.horizon - 1)]
            )
            chance = alive(
                d,
                changes["dropout"].astype(np.float64),
                orders,
                traits.rate * pace,
                state.recency,
                period - joined,
                state.orders,
            )
            state = replace(state, segment=segment.astype(np.uint8))
            traits = replace(traits, rate=(traits.rate * chance).astype(np.float32))
            changes["gone"] = np.zeros(len(now), np.uint8)
    return Population(traits, state, replace(life, **changes))


def trait(
    a: Attrition, orders: Floats, period: int, joined: Ints, renewal: NDArray[np.uint8], left: NDArray[np.bool_]
) -> Floats:
    """(n,) posterior mean of the trait: of somebody who is still there, or who is known to have left once."""
    once = left.astype(np.float64)
    if a.model == "pareto_nbd":
        return np.asarray(((a.s or 0.0) + once) / ((a.beta or 0.0) + period - joined))
    asked = orders
    if a.model == "sbg":
        own = renewal.astype(np.int64)
        asked = np.asarray((period + own) // a.renews_every - (joined + own) // a.renews_every, np.float64)
    return np.asarray(((a.a or 0.0) + once) / ((a.a or 0.0) + (a.b or 0.0) + np.maximum(asked, once)))


def alive(
    d: Dynamics,
    trait_mean: Floats,
    orders: Floats,
    rate: Floats,
    recency: NDArray[np.uint16],
    there: Ints,
    history: NDArray[np.float32],
) -> Floats:
    """(n,) probability of being alive after a silence, everybody being so when he came; ``there``: periods since then.

    With the rate known to the precision of ``history`` orders (a gamma of shape 1 + orders): BG/NBD
    ``1 / (1 + p / (1 - p) (1 + rate D / k)^k)`` after at least one order, Pareto/NBD
    ``1 / (1 + mu / (rate + mu) ((1 + (rate + mu) D / k)^k - 1))``, D the silent periods, k the shape.
    """
    assert d.attrition is not None
    silent = np.where(recency == NEVER, there, np.minimum(recency, there)).astype(np.float64)
    k = 1.0 + history
    if d.attrition.model == "pareto_nbd":
        total = rate + trait_mean
        odds = trait_mean / np.maximum(total, 1e-12) * ((1 + total * silent / k) ** k - 1)
    else:
        odds = np.where(orders > 0, trait_mean / np.maximum(1 - trait_mean, 1e-12) * (1 + rate * silent / k) ** k, 0.0)
    return np.asarray(1 / (1 + odds))


def hidden_spread(scenario: Scenario, sd: float) -> list[float]:
    """Spread of the logit of each arm's response that the planner does not see: ``sd``, and values that he does not know.

    A Dirichlet of concentration c around mean weights m: variance of the fit = (sum a^2 m - (sum a m)^2) / (c + 1).
    """
    d, out = scenario.dynamics, []
    for offer in scenario.offers.values():
        variance = sd**2
        if d and d.values and d.values.concentration and not d.values.known:
            a = np.array([offer.appeal.get(v, 0.0) for v in d.values.weights]) * d.values.strength
            m = np.array(list(d.values.weights.values()))
            variance += float((a**2 @ m - (a @ m) ** 2) / (d.values.concentration + 1))
        out += [float(np.sqrt(variance))] * len(offer.channels)
    return out
