"""What an arm adds to a customer in a world with dynamics: :func:`engine.valuation.candidate` with every feature in it.

Approximations, beyond those of the plain candidate: costs are those of today's order values; the own share of wallet and trust
stay as they are; an extra order that is not needed later is paid back at once; exposure, deal memory and opting out
that this contact leaves behind are not valued; what its fatigue and trust do to moves is that of a customer who was neutral before,
and momentum is left out; with an attrition model, breadth does not hold moves into lapsed segments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.growth import excess
from engine.levels import Levels, carried, look_up, places, survival, transitions
from engine.population import Population
from engine.present import (
    categories_owned,
    category_ratios,
    growing_value,
    multiples,
    own_log_odds,
    present_rate,
    present_value,
    share_of,
)
from engine.rules import GRID, curve_shift
from engine.tables import members
from engine.valuation import Candidate, OrderTables, active_transitions, parts
from engine.world import Arm, Segments, World

Floats = NDArray[np.float64]

FAINT = 0.002
"""Tilts below this are left out."""


@dataclass(frozen=True)
class ArmLevels:
    """Expected orders of a responder to an arm contacted in period t, (L, S, S), per unit of rate.

    Attributes:
        own, own_nominal: orders while the offer acts at no lift, discounted and not.
        extra, extra_nominal: orders that a lift of 1 adds.
        base_nominal: orders that come anyway in these periods.
        after: discounted orders after that.
        ignored: all future orders of somebody who does not respond to the contact.
        unheard: the same of somebody whom it does not reach; it tires him as well.
    """

    own: Floats
    own_nominal: Floats
    extra: Floats
    extra_nominal: Floats
    base_nominal: Floats
    after: Floats
    ignored: Floats
    unheard: Floats


def tilted(transition: Floats, z: float, direction: Floats) -> Floats:
    """(S, S) rows in proportion to ``P exp(z direction)``; rows of no return stay.

    Factors are relative to the largest that a row can reach, so that none overflows and no row is lost.
    """
    power = np.where(transition > 0, z * direction, -np.inf)
    out = transition * np.exp(power - power.max(axis=1, keepdims=True))
    out = out / out.sum(axis=1, keepdims=True)
    return np.asarray(np.where(np.diagonal(transition)[:, None] == 1, transition, out))


def traces(world: World, arm: Arm, t: int) -> tuple[Floats, Floats]:
    """(U,) tilts of the periods from t on that the fatigue of one contact brings, and that the trust of one response brings.

    Both stocks decay; within the horizon, and until hardly anything is left.
    """
    dynamics = world.dynamics
    tilt = dynamics.tilt if dynamics else None
    if dynamics is None or tilt is None or not (tilt.fatigue or tilt.trust * arm.more.trust):
        return np.zeros(1), np.zeros(1)
    passed = np.arange(max(world.horizon - t, 1))
    weary = tilt.fatigue if world.fatigue.decay or world.fatigue.weight else 0.0  # else contacts are not counted
    tired = np.asarray(-weary * world.fatigue.decay**passed, np.float64)
    earned = np.asarray(tilt.trust * arm.more.trust * dynamics.trust_decay**passed, np.float64)
    count = 1 + int(np.flatnonzero(np.maximum(np.abs(tired), np.abs(earned)) > FAINT).max(initial=0))
    return np.asarray(tired[:count]), np.asarray(earned[:count])


def arm_levels(world: World, levels: Levels, arm: Arm, t: int, *, begun: bool = False) -> ArmLevels:
    """Backward recursion over the periods in which the offer, or what it leaves, acts; ``begun``: it acts already, without a
    response's move, and what it leaves has been charged.
    """
    dynamics, segments, d = world.dynamics, world.segments, world.economics.discount_factor
    assert dynamics is not None
    tired, earned = (np.zeros(1), np.zeros(1)) if begun else traces(world, arm, t)
    response, contact = arm.more.tilt_response, arm.more.tilt_contact

    def moved(z: float) -> Segments:
        if dynamics.tilt is None:
            return segments
        return replace(segments, transition=tilted(segments.transition, z, dynamics.tilt.direction))

    def left_behind(trace: Floats, start: int, further: float = 0.0) -> Floats:
        """All future orders from ``start`` on, while only the trace acts, and ``further`` in the first period."""
        out: Floats = levels.discounted[min(max(t + len(trace), start), world.horizon)]
        for u in range(min(t + len(trace), world.horizon) - 1, start - 1, -1):
            sigma, e = survival(world, levels, u)
            p = transitions(world, levels, moved(trace[u - t] + (further if u == start else 0.0)).transition)
            out = np.asarray((levels.orders(u) * e + d * carried(world, sigma, out, u)) @ p)
        return out

    ordinary, end = transitions(world, levels, segments.transition), min(t + arm.duration, world.horizon)
    both, hold = tired + earned, 1 - arm.attrition_reduction
    after = left_behind(both, end)
    own = own_nominal = extra = extra_nominal = base = np.zeros_like(after)
    for u in range(end - 1, t - 1, -1):
        first, later = active_transitions(moved(response + (both[u - t] if u - t < len(both) else 0.0)), arm)
        p = transitions(world, levels, first if u == t and not begun else later)
        sigma, e = survival(world, levels, u, hold)
        loose, loose_e = survival(world, levels, u)
        now = levels.orders(u)
        added = now * (sigma if dynamics.attrition and dynamics.attrition.model == "bg_nbd" else e)
        own = (now * e + d * carried(world, sigma, own, u)) @ p
        own_nominal = (now * e + carried(world, sigma, own_nominal, u)) @ p
        extra = (added + d * carried(world, sigma, extra, u)) @ p
        extra_nominal = (added + carried(world, sigma, extra_nominal, u)) @ p
        base = (now * loose_e + carried(world, loose, base, u)) @ ordinary
        after = d * carried(world, sigma, after, u) @ p
    ignored = left_behind(tired, t, contact)
    unheard = left_behind(tired, t) if contact else ignored
    return ArmLevels(own, own_nominal, extra, extra_nominal, base, after, ignored, unheard)


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
    rate, v = present_rate(population, world, t), present_value(population, world, t)
    won = present_value(population, world, t, arm) - v if arm.more.share_rival >= 0 else 0.0
    gm, sticks = e.gross_margin_rate, 0.0 if begun else arm.sticks
    w = gm * v - e.cost_to_serve_per_order

    def at(table: Floats) -> Floats:
        return look_up(table, where, start, now)

    more = boost(population, world, arm, t) - 1
    own, extra, after, q = at(cells.own), at(cells.extra), at(cells.after), at(levels.discounted[t])
    active, nominal = own + more * extra, at(cells.own_nominal) + more * at(cells.extra_nominal)
    base = at(cells.base_nominal)
    whole, new = parts(population, world, members(arm), sticks)
    h = h_after = new * (1 - arm.more.cannibalises)
    if world.dynamics.rivals and arm.category >= 0:
        h_after = parts(population, world, members(arm), 0.0, category_ratios(population, world, t))[1]
        whole, h = parts(population, world, members(arm), sticks, category_ratios(population, world, t, arm))
        h, h_after = h * (1 - arm.more.cannibalises), h_after * (1 - arm.more.cannibalises)
    gain = np.zeros(len(v)) if begun else gain_of_tier(population, world, arm)
    discount = arm.depth * (whole if arm.category >= 0 else v + won + gain) + arm.redemption_cost
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
    given = rate * (w * (lasting + more * extra - paid_back - q) - discount * active)
    given = given + rate * gm * (h * trial + h_after * sticks * kept + won * active + gain * (active + after))
    if tables.growth is not None:
        net = 1 + more - (world.dynamics.pantry.share if world.dynamics.pantry else 0.0) * np.maximum(more, 0)
        moves = active_transitions(world.segments, arm)
        moves = (moves[1], moves[1]) if begun else moves
        g = excess(
            world, tables.growth, tables.orders, population, t, arm.duration, moves, net, 1 - arm.attrition_reduction
        )
        now_worth = growing_value(population, world)
        taken = 0.0 if arm.category >= 0 else arm.depth
        given = given + rate * (
            gm * ((now_worth + gain) * g.offered - now_worth * g.none) - taken * now_worth * g.active
        )
    return Responder(
        given=given,
        ignored=rate * w * (at(cells.ignored) - q),
        unheard=rate * w * (at(cells.unheard) - q),
        discount=discount,
        nominal=rate * nominal,
        base=rate * base,
        sold=rate * (v * (nominal - base) + (h + won + gain) * nominal),
        earned=rate * (w * (nominal - base) + gm * (h + won + gain) * nominal),
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
