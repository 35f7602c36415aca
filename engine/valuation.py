"""Closed forms: what a customer is worth without offers, and what an offer adds.

Everything is per unit of ``rate`` and per order, by (start segment a, segment now s) *before* the move of period t, so that a
customer's value is a table look-up times his own rate and order margin.  With ``f = factor[a, :]`` and ``level`` of
:mod:`engine.rates`, discounted future orders without offers obey

    Q[t][a, s] = sum_s' P[s, s'] (level[a, t] f[s'] + d Q[t + 1][a, s'])

with, after the horizon, ``EXTENSION`` more periods by the same recursion and then a constant level, which is a linear system
(the fundamental matrix).  At ``kappa = 1`` the level is 1 and Q is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.errors import WorldError
from engine.fading import coefficients, value_coefficients
from engine.growth import Growth, growth_tables, natural_excess
from engine.levels import EXTENSION, Levels, faded, level_tables, look_up, places
from engine.population import Population
from engine.present import growing_value, settled_rate, settled_value
from engine.rates import factor_table, level_table
from engine.season import Season
from engine.service.strain import Strain
from engine.tables import members
from engine.world import Arm, Segments, World

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderTables:
    """Expected future orders of a customer with ``rate`` 1 and no offers.

    Attributes:
        factor: (S, S) ``[start, now]``.
        level: (S, T) ``[start, t]``.
        discounted: (T + 1, S, S) ``[t, start, now]``, discounted to period t, all future; row T is the terminal one.
        levels: the same by strength of leaving, in worlds with dynamics.
        growth: what growing order values add, where they grow.
        strain: what is foreseen of the contact centre, within the horizon.
    """

    factor: Floats
    level: Floats
    discounted: Floats
    levels: Levels | None = None
    growth: Growth | None = None
    strain: Strain | None = None

    def orders(self, t: int) -> Floats:
        """(S, S) ``[start, now]`` of period t, per unit of rate."""
        orders = self.level[:, t, None] * self.factor
        return orders if self.strain is None else self.strain.spent(orders, t)

    def carried(self, q: Floats, t: int) -> Floats:
        """(S, S) what ``q`` at the start of period t + 1 is worth at the end of period t."""
        return q if self.strain is None else self.strain.carried(q, t)


def order_tables(
    segments: Segments,
    horizon: int,
    discount_factor: float,
    season: Season | None = None,
    strain: Strain | None = None,
) -> OrderTables:
    """Backward recursion of the module's equation.  ``discount_factor`` < 1 unless every path ends in a segment without orders.

    ``season`` multiplies the level: within the horizon period by period, after it as a year that repeats, whose infinite sum
    is the linear system of one year: with ``b`` the first year's orders, ``q = b + (d P)^Y q``.
    """
    f, p, d = factor_table(segments), segments.transition, discount_factor
    s = len(f)
    level = level_table(segments, horizon + EXTENSION)
    settled, year = level[:, -1:].copy(), np.ones(1)
    if season is not None:
        year = season.after
        level = level * np.concatenate([season.within, np.resize(year, EXTENSION)])
        year = np.roll(year, -(EXTENSION % len(year)))
    b = np.zeros((s, s))
    for factor in year[::-1]:
        b = p @ ((settled * factor * f).T + d * b)
    a = np.eye(s) - np.linalg.matrix_power(d * p, len(year))
    # At d = 1 the system is singular where nobody orders any more; the least-norm solution is the right one (0 there).
    tail = np.linalg.solve(a, b) if d < 1 else np.linalg.lstsq(a, b, rcond=None)[0]
    if np.abs(a @ tail - b).max() > 1e-6 * max(np.abs(b).max(), 1.0):
        raise WorldError(
            ["discount rate: expected > 0 where customers go on ordering for ever, got 0: their value is infinite"]
        )
    q = tail.T
    out = np.empty((horizon + 1, s, s))
    for t in range(horizon + EXTENSION - 1, horizon - 1, -1):
        q = (level[:, t, None] * f + d * q) @ p.T
    out[horizon] = q
    tables = OrderTables(f, level[:, :horizon], out, strain=strain)
    for t in range(horizon - 1, -1, -1):
        out[t] = (tables.orders(t) + d * tables.carried(out[t + 1], t)) @ p.T
    return tables


def value_tables(world: World) -> OrderTables:
    """The tables of a world, with its dynamics."""
    tables = order_tables(world.segments, world.horizon, world.economics.discount_factor, world.season, world.strain)
    if world.dynamics is None:
        return tables
    levels = level_tables(world)
    growth = growth_tables(world, tables.orders, tables.discounted[-1], levels)
    return replace(tables, levels=levels, growth=growth)


def orders_ahead(tables: OrderTables, segments: Segments, t: int, periods: int) -> Floats:
    """(S, S) expected orders, undiscounted, in periods t .. t + periods - 1 (within the horizon), per unit of rate."""
    out = np.zeros_like(tables.factor)
    for u in range(min(t + periods, tables.level.shape[1]) - 1, t - 1, -1):
        out = (tables.orders(u) + tables.carried(out, u)) @ segments.transition.T
    return out


@dataclass(frozen=True)
class ArmTables:
    """Expected orders of a responder to one arm contacted in period t, per unit of rate, ``[start, now]``.

    Attributes:
        active: discounted orders while the offer is active.
        active_nominal: the same undiscounted (budgets are nominal).
        base_nominal: orders that would come anyway in the same periods, undiscounted.
        after: discounted orders after that, all future.
    """

    active: Floats
    active_nominal: Floats
    base_nominal: Floats
    after: Floats


def active_transitions(segments: Segments, arm: Arm) -> tuple[Floats, Floats]:
    """(S, S) transition of a responder in the contact's period, and in later active periods."""
    p = segments.transition
    later = p.copy()
    if arm.attrition_reduction:
        moved = p * np.outer(~segments.lapsed, segments.lapsed) * arm.attrition_reduction
        later = p - moved + np.diag(moved.sum(axis=1))
    first = later
    if arm.move_to >= 0 and arm.move_probability > 0:
        goes = np.where((np.diagonal(p) == 1) & (not arm.more.win_back), 0.0, arm.move_probability)
        first = later * (1 - goes)[:, None]
        first[:, arm.move_to] += goes
    return first, later


def arm_tables(
    tables: OrderTables, segments: Segments, arm: Arm, t: int, discount_factor: float, *, begun: bool = False
) -> ArmTables:
    """Tables of one arm; an offer that outlives the horizon is cut there, as in the simulation.

    ``begun``: the offer acts already, so there is no response's move.
    """
    horizon = tables.level.shape[1]
    end = min(t + arm.duration, horizon)
    first, later = active_transitions(segments, arm)
    first = later if begun else first
    active, nominal = np.zeros_like(tables.factor), np.zeros_like(tables.factor)
    after = tables.discounted[end]
    for u in range(end - 1, t - 1, -1):
        p = (first if u == t else later).T
        now = (1 + arm.order_lift) * tables.orders(u)
        active = (now + discount_factor * tables.carried(active, u)) @ p
        nominal = (now + tables.carried(nominal, u)) @ p
        after = discount_factor * tables.carried(after, u) @ p
    return ArmTables(active, nominal, orders_ahead(tables, segments, t, end - t), after)


def order_margin(population: Population, world: World, t: int) -> Floats:
    """(n,) margin of an order without offers, at neutral trust: ``gross_margin_rate * value - cost_to_serve``."""
    value = settled_value(population, world, t)
    return world.economics.gross_margin_rate * value - world.economics.cost_to_serve_per_order


def future_value(tables: OrderTables, population: Population, world: World, t: int) -> Floats:
    """(n,) V0: expected discounted margin of period t and all that follow, without offers, discounted to t.

    ``t = horizon`` is the terminal value.  Effects of offers still active are not in it.
    """
    start, now = population.traits.start_segment, population.state.segment
    if tables.levels is not None:
        where = places(tables.levels, population, world, t)
        q = look_up(tables.levels.discounted[t], where, start, now)
        q += faded(tables.levels.fading[t], coefficients(population, world, t), where, start, now)
        rate, worth = settled_rate(population, world, t), order_margin(population, world, t) * q
        if world.dynamics is not None and world.dynamics.rivals:
            trusted = faded(tables.levels.fading[t], value_coefficients(population, world, t), where, start, now)
            worth = worth + world.economics.gross_margin_rate * trusted
        if tables.growth is not None:
            more = natural_excess(tables.growth, world, population, t) * growing_value(population, world)
            worth = worth + world.economics.gross_margin_rate * more
        return np.asarray(rate * worth)
    q = tables.discounted[t][start, now]
    return np.asarray(population.traits.rate * order_margin(population, world, t) * q)


def parts(
    population: Population, world: World, mask: int, sticks: float = 0.0, ratios: Floats | None = None
) -> tuple[Floats, Floats]:
    """(n,) value of these categories as far as their doors are open: all of them, and those not owned yet; times ``ratios`` (n, C).

    The door to a category is the largest ``complementarity[b, category]`` over the other categories b that a customer owns;
    with probability ``sticks`` he takes them all up, and they open each other's.
    """
    n, owned = len(population), population.state.owned
    headroom = population.traits.headroom if ratios is None else population.traits.headroom * ratios
    whole, wider, new = np.zeros(n), np.zeros(n), np.zeros(n)
    for c in range(len(world.categories)):
        if mask >> c & 1:
            now, then = np.zeros(n), np.zeros(n)
            for b in range(len(world.categories)):
                has = (owned >> np.uint32(b)) & np.uint32(1) == 1
                open_ = 0.0 if b == c else world.complementarity[b, c]
                now = np.where(has, np.maximum(now, open_), now)
                then = np.where(has | bool(mask >> b & 1), np.maximum(then, open_), then)
            part = now * headroom[:, c]
            whole += part
            wider += then * headroom[:, c]
            new += np.where((owned >> np.uint32(c)) & np.uint32(1) == 1, 0.0, part)
    return np.where(new > 0, whole + sticks * (wider - whole), whole), new


def response_probability(population: Population, world: World, arm: Arm, responsiveness_sd: float = 0.0) -> Floats:
    """(n,) probability that a customer contacted now responds.

    ``logistic(logit(response[segment]) + responsiveness - weight F)``; where the trait is unknown to the planner, its mean over
    N(0, responsiveness_sd^2) by Gauss-Hermite quadrature (the trait is then left out).
    """
    with np.errstate(divide="ignore"):
        logit = np.log(arm.response) - np.log1p(-arm.response)
    x = logit[population.state.segment] - world.fatigue.weight * population.state.fatigue.astype(np.float64)
    if responsiveness_sd > 0:
        node, weight = np.polynomial.hermite_e.hermegauss(9)
        weight = weight / weight.sum()
        parts = [w / (1 + np.exp(-(x + responsiveness_sd * z))) for z, w in zip(node, weight, strict=True)]
        return np.asarray(np.sum(parts, axis=0))
    return np.asarray(1 / (1 + np.exp(-(x + population.traits.responsiveness))))


@dataclass(frozen=True)
class Candidate:
    """What one arm brings to each customer, in expectation, per customer (n,) float64.

    Attributes:
        value: incremental CLV net of cost: immediate margin and the value of the changed future.
        cost: contact, discount and redemption, undiscounted.
        revenue: incremental revenue net of discount while the offer is active, undiscounted.
        margin: incremental margin net of all costs while the offer is active, undiscounted.
        liability: cost if the customer responded for sure, undiscounted.
    """

    value: Floats
    cost: Floats
    revenue: Floats
    margin: Floats
    liability: Floats


def candidate(
    world: World,
    tables: OrderTables,
    population: Population,
    arm: Arm,
    t: int,
    responsiveness_sd: float = 0.0,
    standing: Floats | float = 0.0,
) -> Candidate:
    """Incremental CLV of one arm at period t.

    Given a response, with r the rate, w the order margin, v the order value, h = gate x headroom of a cross-sold category,

        value = r [ w (active + after - Q) - discount active ] + r gross_margin_rate h (active + sticks after) - standing

    where the discount of an order is ``depth v + redemption_cost``; for a cross-sell ``depth H + redemption_cost``, H what all its
    categories are worth, owned or not (:func:`parts`), and nothing where H = 0; h is the part not owned yet, less what it
    replaces.  ``standing`` (n,) is what an offer that still acts is worth (:func:`engine.standing.standing_value`): the
    response ends it.
    Named approximation: later contacts of the same customer (fatigue, an offer that ends this one) are not foreseen.
    """
    w, h, discount, tab, given = given_response(world, tables, population, arm, t)
    start, now = population.traits.start_segment, population.state.segment
    rate = population.traits.rate.astype(np.float64)
    v = population.traits.order_value.astype(np.float64) + population.state.extra_value
    nominal, base = tab.active_nominal[start, now], tab.base_nominal[start, now]
    gm = world.economics.gross_margin_rate
    p = response_probability(population, world, arm, responsiveness_sd)
    cost = arm.contact_cost + p * rate * discount * nominal
    revenue = p * rate * (v * (nominal - base) + h * nominal - np.maximum(discount - arm.redemption_cost, 0) * nominal)
    margin = p * rate * (w * (nominal - base) + gm * h * nominal) - cost
    value = p * (given - standing) - arm.contact_cost
    return Candidate(value, cost, revenue, margin, arm.contact_cost + rate * discount * nominal)


def given_response(
    world: World, tables: OrderTables, population: Population, arm: Arm, t: int, *, begun: bool = False
) -> tuple[Floats, Floats, Floats, ArmTables, Floats]:
    """Of a responder: order margin, cross-sold part, discount of an order, the arm's tables, and value against no offer.

    ``begun``: the response was in an earlier period; ``arm.duration`` periods are left.
    """
    start, now = population.traits.start_segment, population.state.segment
    tab = arm_tables(tables, world.segments, arm, t, world.economics.discount_factor, begun=begun)
    rate = population.traits.rate.astype(np.float64)
    gm, serve = world.economics.gross_margin_rate, world.economics.cost_to_serve_per_order
    v = population.traits.order_value.astype(np.float64) + population.state.extra_value
    w = gm * v - serve
    active, after, q = tab.active[start, now], tab.after[start, now], tables.discounted[t][start, now]
    if arm.category >= 0:
        whole, new = parts(population, world, members(arm), 0.0 if begun else arm.sticks)
        h = new * (1 - arm.more.cannibalises)
        discount = np.where(whole > 0, arm.depth * whole + arm.redemption_cost, 0.0)
    else:
        h = np.zeros(len(v))
        discount = arm.depth * v + arm.redemption_cost
    sticks = 0.0 if begun else arm.sticks
    given = rate * (w * (active + after - q) - discount * active + gm * h * (active + sticks * after))
    return w, h, discount, tab, given
