"""What an arm adds to a customer in a world with dynamics: :func:`engine.valuation.candidate` with every feature in it.

Approximations, beyond those of the plain candidate: costs are those of today's order values; what competitors do today lasts;
trust fades (:mod:`engine.fading`), but is not multiplied with what cross-selling and tiers add after the offer, and later
responses that it changes are not valued; an extra order that is not needed later is paid back at once; exposure, deal memory
and opting out that this contact leaves behind are not valued; what its fatigue and trust do to moves is that of a customer who
was neutral before, and momentum is left out; with an attrition model, breadth does not hold moves into lapsed segments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.fading import change_of_share, coefficients, value_coefficients
from engine.growth import excess
from engine.levels import faded, look_up, places
from engine.offer_levels import arm_levels
from engine.population import Population
from engine.present import (
    categories_owned,
    category_ratios,
    growing_value,
    multiples,
    own_log_odds,
    settled_rate,
    settled_value,
    share_of,
)
from engine.rules import GRID, curve_shift
from engine.tables import members
from engine.valuation import Candidate, OrderTables, active_transitions, parts
from engine.world import Arm, World

Floats = NDArray[np.float64]


def response_shift(population: Population, world: World, arm: Arm, t: int) -> Floats:
    """(n,) change of the response's logit: trust, exposure, hooks, felt depth."""
    dynamics, life, m = world.dynamics, population.life, arm.more
    assert dynamics is not None and life is not None
    shift = dynamics.trust_response * life.trust.astype(np.float64)
    for g in m.stocks:
        if g >= 0:
            passed = np.maximum(t - life.touched[:, g].astype(np.int64) - 1, 0)
            shift -= dynamics.stocks[g].weight * life.stock[:, g] * dynamics.stocks[g].decay ** passed
    if dynamics.values and m.appeal:
        shift += (life.values - dynamics.value_means) @ np.array(m.appeal)
    if dynamics.habituation and m.curve and arm.depth:
        part = 1 - np.minimum(dynamics.habituation.weight * life.memory, arm.depth) / arm.depth
        shift += np.interp(part, np.linspace(0, 1, GRID), curve_shift(arm))
    return np.asarray(shift)


def response_chance(population: Population, world: World, arm: Arm, t: int, responsiveness_sd: float) -> Floats:
    """(n,) probability that a contact that arrives gets a response; 0 for those who left, but for a win-back."""
    with np.errstate(divide="ignore"):
        logit = np.log(arm.response) - np.log1p(-arm.response)
    x = logit[population.state.segment] - world.fatigue.weight * population.state.fatigue.astype(np.float64)
    x = x + response_shift(population, world, arm, t)
    node, weight = np.zeros(1), np.ones(1)
    if responsiveness_sd > 0:
        node, weight = np.polynomial.hermite_e.hermegauss(9)
        weight = weight / weight.sum()
    else:
        x = x + population.traits.responsiveness
    with np.errstate(over="ignore"):
        parts = [w / (1 + np.exp(-(x + responsiveness_sd * z))) for z, w in zip(node, weight, strict=True)]
    chance = np.asarray(np.sum(parts, axis=0))
    assert population.life is not None
    return chance if arm.more.win_back else np.where(population.life.gone > 0, 0.0, chance)


def gain_of_tier(population: Population, world: World, arm: Arm) -> Floats:
    """(n,) what an order is worth more once the responder has moved up, times the probability of moving."""
    dynamics, life = world.dynamics, population.life
    if dynamics is None or life is None or not arm.more.tier_step:
        return np.zeros(len(population))
    tier = life.tier.astype(np.int64)
    up = np.minimum(tier + arm.more.tier_step, len(dynamics.tiers) - 1)
    ratio = dynamics.tiers[up] / dynamics.tiers[tier] - 1
    own = population.traits.order_value * multiples(population, world)
    return np.asarray(arm.more.tier_probability * own * ratio)


def boost(population: Population, world: World, arm: Arm, t: int) -> Floats:
    """(n,) order rate with the offer over the rate without it: lift x change of share, at most the whole wallet."""
    lift, own = np.full(len(population), 1 + arm.order_lift), own_log_odds(population, world, t)
    if world.dynamics is None or world.dynamics.competition is None:
        return lift
    share = share_of(own)
    shift = arm.more.share_shift if arm.more.share_rival < 0 else 0.0
    return np.asarray(np.minimum(lift * share_of(own + shift) / share, 1 / share))


class Swayed(NamedTuple):
    """What competitors of categories do to an order while an arm acts; 0 and None without them.

    ``usual``, ``told``: what trust adds to its value half-way, without the response's and with it; ``shifted``: what the arm's
    shift adds to that; ``ratios``, ``after``: (n, C) of shares of categories while it acts and once trust is neutral.
    """

    usual: Floats | float = 0.0
    told: Floats | float = 0.0
    shifted: Floats | float = 0.0
    ratios: Floats | None = None
    after: Floats | None = None


def swayed_values(population: Population, world: World, arm: Arm, t: int, won: float, middle: float) -> Swayed:
    """``won``: trust that the response brings; ``middle``: what is left of trust half-way through the offer."""
    if world.dynamics is None or not world.dynamics.rivals or population.life is None:
        return Swayed()
    trust = population.life.trust.astype(np.float64)
    neutral = settled_value(population, world, t)
    usual = settled_value(population, world, t, None, trust * middle)
    told = settled_value(population, world, t, None, (trust + won) * middle)
    shifted = settled_value(population, world, t, arm, (trust + won) * middle) - told
    ratios = category_ratios(population, world, t, arm, (trust + won) * middle)
    return Swayed(usual - neutral, told - neutral, shifted, ratios, category_ratios(population, world, t))


@dataclass(frozen=True)
class Responder:
    """What an arm brings somebody who responds, (n,) each, as in :func:`outlook`.

    Attributes:
        given: value against no offer.
        ignored: value of a contact that gets no response; unheard: of one that does not arrive.
        discount, nominal, base: discount of an order, undiscounted orders while the offer acts, and those that come anyway.
        sold: revenue that the offer adds at list price; earned: its margin.
    """

    given: Floats
    ignored: Floats
    unheard: Floats
    discount: Floats
    nominal: Floats
    base: Floats
    sold: Floats
    earned: Floats


def given_response(
    world: World, tables: OrderTables, population: Population, arm: Arm, t: int, *, begun: bool = False
) -> Responder:
    """``begun``: the response was in an earlier period; ``arm.duration`` periods are left."""
    levels, e = tables.levels, world.economics
    assert levels is not None and world.dynamics is not None
    cells = arm_levels(world, levels, arm, t, begun=begun)
    where = places(levels, population, world, t)
    start, now = population.traits.start_segment, population.state.segment
    rate, v = settled_rate(population, world, t), settled_value(population, world, t)
    gm, sticks, won = e.gross_margin_rate, 0.0 if begun else arm.sticks, 0.0 if begun else arm.more.trust
    w = gm * v - e.cost_to_serve_per_order

    def at(table: Floats) -> Floats:
        return look_up(table, where, start, now)

    def fading(cells: Floats, further: float, of: Callable[..., Floats] = coefficients) -> Floats:
        return faded(cells, of(population, world, t, further), where, start, now)

    middle = world.dynamics.trust_decay ** ((min(arm.duration, world.horizon - t) - 1) / 2)
    trusted, usual = (1 + change_of_share(population, world, t, further, middle) for further in (won, 0.0))
    more = boost(population, world, arm, t) - 1
    own, extra, after, q = at(cells.own), at(cells.extra), at(cells.after), at(levels.discounted[t])
    active, nominal = own + more * extra, at(cells.own_nominal) + more * at(cells.extra_nominal)
    nominal, base = trusted * nominal, usual * at(cells.base_nominal)
    s = swayed_values(population, world, arm, t, won, middle)
    whole, new = parts(population, world, members(arm), sticks, s.ratios)
    h = new * (1 - arm.more.cannibalises)
    gain = np.zeros(len(v)) if begun else gain_of_tier(population, world, arm)
    discount = arm.depth * (whole if arm.category >= 0 else v + s.told + s.shifted + gain) + arm.redemption_cost
    if arm.category >= 0:  # nothing is redeemed where no door is open
        discount = np.where(whole > 0, discount, 0.0)
    lasting, trial, kept = own + after, active, after
    if arm.category >= 0 and world.dynamics.breadth < 1:
        wider = places(
            levels, population, world, t, categories_owned(np.uint32(members(arm)) & ~population.state.owned)
        )
        adopts = np.where(new > 0, sticks, 0.0)
        longer, kept = look_up(cells.own, wider, start, now) - own, look_up(cells.after, wider, start, now)
        lasting = lasting + adopts * (longer + kept - after)
        trial = active + adopts * longer
    paid_back = world.dynamics.pantry.share * np.maximum(more, 0) * extra if world.dynamics.pantry else 0.0
    trust = fading(cells.fading, won) - fading(levels.fading[t], 0.0)
    given = rate * (w * (lasting + trust - q) + trusted * (w * (more * extra - paid_back) - discount * active))
    given = given + rate * gm * (h * (trusted * trial + sticks * kept) + gain * (trusted * active + after))
    if s.after is not None:
        later = parts(population, world, members(arm), 0.0, s.after)[1] * (1 - arm.more.cannibalises) - h
        worth = fading(cells.fading, won, value_coefficients) - fading(levels.fading[t], 0.0, value_coefficients)
        given = given + rate * gm * (trusted * s.shifted * active + later * sticks * kept + worth)
    if tables.growth is not None:
        net = 1 + more - (world.dynamics.pantry.share if world.dynamics.pantry else 0.0) * np.maximum(more, 0)
        moves = active_transitions(world.segments, arm)
        moves = (moves[1], moves[1]) if begun else moves
        g = excess(
            world,
            tables.growth,
            tables.orders,
            population,
            t,
            arm.duration,
            moves,
            net,
            1 - arm.attrition_reduction,
            won,
        )
        now_worth = growing_value(population, world)
        taken = 0.0 if arm.category >= 0 else arm.depth
        given = given + rate * (
            gm * ((now_worth + gain) * g.offered - now_worth * g.none) - taken * now_worth * g.active
        )
    return Responder(
        given=given,
        ignored=rate * usual * w * (at(cells.ignored) - q),
        unheard=rate * usual * w * (at(cells.unheard) - q),
        discount=discount,
        nominal=rate * nominal,
        base=rate * base,
        sold=rate * (v * (nominal - base) + (h + s.told + s.shifted + gain) * nominal - s.usual * base),
        earned=rate * (w * (nominal - base) + gm * ((h + s.told + s.shifted + gain) * nominal - s.usual * base)),
    )


def outlook(
    world: World,
    tables: OrderTables,
    population: Population,
    arm: Arm,
    t: int,
    responsiveness_sd: float = 0.0,
    standing: Floats | float = 0.0,
) -> Candidate:
    """Incremental CLV of one arm at period t.

    Given a response, with r today's rate, w the order margin, b the boost, h the new categories' part, c what a shift of a
    category's share adds to an order, and g the gain of a tier,

        value = r [w (own + (1 - pantry) (b - 1) extra + after* - Q) - discount active]
                + r gross_margin_rate [h (active* + sticks after*) + c active + g (active + after)] - standing,
        active = own + (b - 1) extra

    where a star means at the level of attrition that the breadth after an adoption brings, with probability ``sticks``, and
    ``standing`` is what an offer that still acts is worth, since the response ends it.  A contact without response brings
    ``r w (ignored - Q)``, one that does not arrive ``r w (unheard - Q)``.
    """
    dynamics = world.dynamics
    assert dynamics is not None
    r = given_response(world, tables, population, arm, t)
    chance = response_chance(population, world, arm, t, responsiveness_sd)
    reach = dynamics.channels[arm.more.channel].reach if arm.more.channel >= 0 else 1.0
    assert population.life is not None
    arrives = reach if arm.more.win_back else np.where(population.life.gone > 0, 0.0, reach)
    p, passed_by = reach * chance, arrives * (1 - chance) * r.ignored + (1 - arrives) * r.unheard
    cost = arm.contact_cost + p * r.discount * r.nominal
    revenue = p * (r.sold - np.maximum(r.discount - arm.redemption_cost, 0) * r.nominal)
    margin = p * r.earned - cost
    liability = arm.contact_cost + r.discount * r.nominal
    return Candidate(p * (r.given - standing) + passed_by - arm.contact_cost, cost, revenue, margin, liability)
