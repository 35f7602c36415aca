r"""What the growth of order values adds to the value of customers and of arms: orders to come are worth more than today's.

An order makes the next ones ``(1 + g)`` times as valuable, up to a limit.  With y = g x today's rate (the *speed*),
z = log(limit / grown) (the *room*) and f = boost level[a, t] factor[a, s'] the orders of a period per unit of rate, the
discounted multiples of today's order value obey

    w[t][y, z, a, s] = sum_s' P[s, s'] (f + d exp(min(y f, z)) w[t + 1][y, max(z - y f, 0), a, s'])

since a Poisson number k of orders has ``E (1 + g)^k = exp(g mean)``.  At y = 0, w is Q of :mod:`engine.valuation`.  Behind the
horizon order values stay where they are, as in the books: ``w[T] = Q[T]``.  Named approximations: within a period growth is
that of the mean number of orders (exact until the limit is near); worlds with an attrition model are left out; breadth and
tilts do not act on growth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.population import Population
from engine.present import present_rate
from engine.world import World

Floats = NDArray[np.float64]

SPEEDS = np.append(0.0, np.geomspace(1e-4, 4.0, 30))
ROOMS = 17


@dataclass(frozen=True)
class Growth:
    """``room`` (Z,) evenly spaced from 0; ``natural`` (T + 1, Y, Z, S, S): w without offers, ``[t, speed, room, start, now]``.

    float32: 104 periods and 32 segments take a quarter of a GB.
    """

    room: Floats
    natural: NDArray[np.float32]


@dataclass(frozen=True)
class Excess:
    """By how much growth raises discounted orders per unit of rate, in multiples of today's order value, (n,) each.

    ``none``: without an offer; ``offered``: with it, all future; ``active``: while the offer acts.
    """

    none: Floats
    offered: Floats
    active: Floats


Orders = Callable[[int], Floats]


def growth_tables(world: World, orders: Orders, last: Floats) -> Growth | None:
    """Backward recursion; ``orders`` (S, S) of a period per unit of rate, ``last`` (S, S): Q at the horizon.

    None where nothing grows.
    """
    d = world.dynamics
    if d is None or d.growth is None or d.growth.per_order == 0 or d.growth.limit <= 1 or d.attrition is not None:
        return None
    room, d_factor = np.linspace(0.0, np.log(d.growth.limit), ROOMS), world.economics.discount_factor
    s = len(last)
    out = np.empty((world.horizon + 1, len(SPEEDS), ROOMS, s, s), np.float32)
    out[-1], now = last, np.broadcast_to(last, out.shape[1:])
    for t in range(world.horizon - 1, -1, -1):
        now = one_period(carried(world, now, t), orders(t), world.segments.transition, room, d_factor)
        out[t] = now
    return Growth(room, out)


def carried(world: World, w: Floats, t: int) -> Floats:
    """(..., S) w of the next period at the end of period t: some will leave the contact centre's way."""
    return w if world.strain is None else world.strain.carried(w, t)


def one_period(ahead: Floats, orders: Floats, transition: Floats, room: Floats, discount_factor: float) -> Floats:
    """w before the move of a period, from ``ahead`` behind it; ``orders`` (S, S) of the period ``[start, after the move]``."""
    grows = SPEEDS[:, None, None, None] * orders
    left = np.maximum(room[:, None, None] - grows, 0.0)
    place = left / room[1]
    low = np.minimum(place.astype(np.int64), len(room) - 2)
    part = place - low
    then = (1 - part) * np.take_along_axis(ahead, low, 1) + part * np.take_along_axis(ahead, low + 1, 1)
    multiple = np.exp(np.minimum(grows, room[:, None, None]))
    return np.asarray((orders + discount_factor * multiple * then) @ transition.T)


def excess(
    world: World,
    growth: Growth,
    orders: Orders,
    population: Population,
    t: int,
    duration: int,
    moves: tuple[Floats, Floats],
    boost: Floats,
) -> Excess:
    """For an arm that begins to act in period t with ``moves`` in its first and later periods and ``boost`` (n,) on the rate."""
    end, d = min(t + duration, world.horizon), world.economics.discount_factor
    least, most = float(boost.min(initial=1.0)), float(boost.max(initial=1.0))
    weight = (boost - least) / (most - least) if most > least else np.zeros(len(boost))
    found = []
    for b in (least, most):
        w, active = growth.natural[end], np.zeros_like(growth.natural[end])
        for u in range(end - 1, t - 1, -1):
            p, now = moves[0] if u == t else moves[1], b * orders(u)
            w, active = (one_period(carried(world, x, u), now, p, growth.room, d) for x in (w, active))
        found.append((at(growth, w, world, population, t), at(growth, active, world, population, t)))
    (w_low, a_low), (w_high, a_high) = found
    return Excess(
        natural_excess(growth, world, population, t),
        (1 - weight) * w_low + weight * w_high,
        (1 - weight) * a_low + weight * a_high,
    )


def natural_excess(growth: Growth, world: World, population: Population, t: int) -> Floats:
    """(n,) ``Excess.none``."""
    return at(growth, growth.natural[t], world, population, t)


def at(growth: Growth, table: Floats, world: World, population: Population, t: int) -> Floats:
    """(n,) of a (Y, Z, S, S) table at each customer's speed and room in period t, less its value at speed 0."""
    d, life = world.dynamics, population.life
    assert d is not None and d.growth is not None and life is not None
    start, now = population.traits.start_segment, population.state.segment
    y = np.clip(d.growth.per_order * present_rate(population, world, t), 0, SPEEDS[-1])
    low = np.clip(np.searchsorted(SPEEDS, y, side="right") - 1, 0, len(SPEEDS) - 2)
    v = (y - SPEEDS[low]) / (SPEEDS[low + 1] - SPEEDS[low])
    place = np.clip(np.log(d.growth.limit / life.grown.astype(np.float64)), 0, growth.room[-1]) / growth.room[1]
    near = np.minimum(place.astype(np.int64), len(growth.room) - 2)
    u = place - near

    def row(k: NDArray[np.int64]) -> Floats:
        return np.asarray((1 - u) * table[k, near, start, now] + u * table[k, near + 1, start, now])

    return np.asarray((1 - v) * row(low) + v * row(low + 1) - table[0, 0, start, now])
