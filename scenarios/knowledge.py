"""What a planner who is not all-knowing takes for true of lives: posterior means, hidden departures, hidden values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import Population, World
from engine.doubt import KnownLife
from engine.life import log_odds
from engine.valuation import OrderTables
from scenarios.leaning import leaning
from scenarios.lives import segment_means
from scenarios.schema.dynamics import Attrition, Competition
from scenarios.schema.scenario import Scenario
from scenarios.silence import Spells, alive, apparent_segment, silence

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
    since: Floats | None = None,
    spells: Spells | None = None,
    groups: Mapping[str, NDArray[np.uint8]] | None = None,
) -> Population:
    """``now`` with its lives as known; ``joined`` (n,): the period since which each is there; ``since`` (n,): when a move
    showed him alive (:class:`scenarios.silence.Watch`), as ``joined`` if left out; ``spells``: when who left was away, as far as
    that is seen; ``groups``: labels, which say where an estimate of traits started.

    The trait of leaving is its posterior mean given that the customer is still there, and values are means over its distribution
    given what he has lived through.  Where the business does not see departures, those who left look as before, and everybody's
    rate is multiplied by the probability of being alive.  There, and where leaving comes with orders (BG/NBD), the order rate is
    that of somebody who has ordered as he did in the run and is there (:func:`learnt`), for those who have not moved between
    segments.
    """
    life, d = now.life, scenario.dynamics
    if life is None or d is None:
        return now
    traits, state = now.traits, now.state
    changes: dict[str, Any] = {}
    if d.values and not d.values.known:
        changes["values"] = segment_means(d.values, world.segments.names)[traits.start_segment].astype(np.float32)
    if d.competition and d.competition.share is not None:
        odds = np.log(d.competition.share / (1 - d.competition.share))
        changes["share"] = np.full(len(now), odds, np.float32)
    if d.competition and d.competition.categories:
        changes |= _of_categories(d.competition, start, now)
    if d.attrition:
        orders = np.maximum(state.orders.astype(np.float64) - start.state.orders[: len(now)], 0)
        left = ((life.gone > 0) & d.attrition.seen).astype(np.int64)
        lived = outlived(d.attrition, orders, period, joined, life.renewal)
        if spells is not None and d.attrition.seen:
            left = spells.left
            if d.attrition.model != "bg_nbd":
                lived = np.maximum(lived - spells.away / d.attrition.renews_every, 0.0)
        elif d.attrition.model == "pareto_nbd":  # who left did so about when he ordered last
            lived = np.where(left > 0, np.maximum(lived - state.recency, 0.0), lived)
        changes["left"] = np.minimum(left, 255).astype(np.uint8)
        changes["dropout"] = trait(d.attrition, lived, left).astype(np.float32)
        changes["lived"] = np.clip(np.rint(lived), 0, 65535).astype(np.uint16)
        segment = now.state.segment if d.attrition.seen else apparent_segment(now)
        pace = (
            tables.factor[traits.start_segment, segment]
            * tables.level[traits.start_segment, min(period, world.horizon - 1)]
        )
        first, there = np.asarray(traits.rate * pace, np.float64), period - joined
        unmoved = np.asarray(there if since is None else period - np.maximum(since, joined), np.float64)
        before = rate_shape(scenario) + start.state.orders[: len(now)].astype(np.float64)
        learns = (unmoved >= there) & (d.attrition.model == "bg_nbd" or not d.attrition.seen) & (first > 0)
        if scenario.planning.knowledge == "model":
            rate = traits.rate * np.where(learns, learnt(first, before, orders, there), 1.0)
            traits = replace(traits, rate=rate.astype(np.float32))
        else:
            learns = np.zeros(len(now), bool)
        known = traits
        if not d.attrition.seen:
            silent = silence(state.recency, there, first)
            chance = alive(
                d.attrition,
                orders=orders,
                there=there,
                rate=first * np.where(learns, learnt(first, before, orders, there - silent), 1.0),
                silent=silent,
                unmoved=unmoved,
                stays=np.diagonal(world.segments.transition)[segment],
                shape=before + orders,
            )
            chance = np.where(world.segments.lapsed[segment], 1.0, chance)  # nobody leaves from there
            state = replace(state, segment=segment.astype(np.uint8))
            traits = replace(traits, rate=(traits.rate * chance).astype(np.float32))
            changes["alive"] = chance.astype(np.float32)
            changes["gone"] = np.zeros(len(now), np.uint8)
        changes |= leaning(
            scenario, known, before + np.where(learns, orders, 0.0), start.state.orders[: len(now)], groups
        )
    return Population(traits, state, KnownLife(**(life.columns() | changes)))


def _of_categories(competition: Competition, start: Population, now: Population) -> dict[str, Any]:
    """Mean shares; what is spent at the start goes with the order value, known as well as that; what was sold since is seen."""
    shares = np.array([c.share for c in competition.categories.values()])
    n = len(now)
    assert start.life is not None and now.life is not None
    true, first = start.traits.order_value[:n], start.life.spent[:n]
    known = first * (now.traits.order_value / np.where(true > 0, true, 1))[:, None]
    return {
        "category_share": np.tile(log_odds(shares), (n, 1)),
        "spent": np.asarray(now.life.spent - first + known, np.float32),
    }


KNOWN = 1e9


def rate_shape(scenario: Scenario) -> float:
    """Shape of the gamma that order rates come from before anything is seen of a customer; 1 on a fitted base."""
    synthetic = scenario.population.synthetic
    return 1.0 if synthetic is None else synthetic.order_rate_shape or KNOWN


def learnt(rate: Floats, before: Floats, orders: Floats, periods: Floats | Ints) -> Floats:
    """(n,) mean order rate of somebody who is there, over ``rate``: what was known of it before the run.

    A gamma rate of shape ``before`` that has since placed so many ``orders`` in so many ``periods`` at the pace of his segment.
    Who is still there is not a fair sample: he has had fewer orders to drop out at, and who is silent orders seldom.
    """
    return np.asarray((before + orders) / (before + rate * periods))


def outlived(a: Attrition, orders: Floats, period: int, joined: Ints, renewal: NDArray[np.uint8]) -> Floats:
    """(n,) how often each might have left and has not: periods, orders or renewals."""
    if a.model == "pareto_nbd":
        return np.asarray(period - joined, np.float64)
    if a.model == "bg_nbd":
        return orders
    own = renewal.astype(np.int64)
    return np.asarray((period + own) // a.renews_every - (joined + own) // a.renews_every, np.float64)


def trait(a: Attrition, lived: Floats, left: Ints) -> Floats:
    """(n,) posterior mean of the trait of somebody who is known to have left so often."""
    once = left.astype(np.float64)
    if a.model == "pareto_nbd":
        return np.asarray(((a.s or 0.0) + once) / ((a.beta or 0.0) + lived))
    return np.asarray(((a.a or 0.0) + once) / ((a.a or 0.0) + (a.b or 0.0) + np.maximum(lived, once)))


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
