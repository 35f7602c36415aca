r"""What the growth of order values adds to the value of customers and of arms: orders to come are worth more than today's.

An order makes the next ones ``(1 + g)`` times as valuable, up to a limit.  With y = g x today's rate (the *speed*),
z = log(limit / grown) (the *room*) and f = boost level[a, t] factor[a, s'] the orders of a period per unit of rate, the
discounted multiples of today's order value obey

    w[t][y, z, a, s] = sum_s' P[s, s'] (f e + d exp(min(y f, z)) w*[y, max(z - y f, 0), a, s'])
    w*[.., s'] = sigma w[t + 1][.., s'] + (1 - sigma) w[t + 1][.., into]

since a Poisson number k of orders has ``E (1 + g)^k = exp(g mean)``.  ``sigma`` and ``e`` are those of :mod:`engine.levels`, 1
without an attrition model; strengths of leaving are a coarser grid here.  Of BG/NBD's customers who stay, ``1 - p`` of the mean
orders are there.  At y = 0, w is Q of :mod:`engine.valuation`.  Behind the horizon order values stay where they are, as in the
books: ``w[T] = Q[T]``.  Where trust moves the own share and fades, ``fading`` is to w what D of :mod:`engine.fading` is to Q, the
change by the rate taken as a difference quotient.

Named approximations: within a period growth is that of the mean number of orders (exact until the limit is near); breadth and
tilts do not act on growth, nor do an offer's lift and moves on what its trust does to growth; left out where the table would be
too large (an attrition model and many segments, ``MOST`` numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.fading import coefficients, extra_discounts
from engine.levels import Levels, Places, carried, places, rows_of, survival
from engine.population import Population
from engine.present import living_rate
from engine.world import World

Floats = NDArray[np.float64]
Orders = Callable[[int], Floats]

SPEEDS = np.append(0.0, np.geomspace(1e-4, 4.0, 30))
ROOMS = 17
COARSE = 3
MOST = 1e8
STEP = 1e-3
"""Relative change of the rate in difference quotients."""


@dataclass(frozen=True)
class Growth:
    """``room`` (Z,) evenly spaced from 0; ``natural`` (T + 1, Y, Z, L, S, S): w without offers, ``[t, speed, room, level, start,
    now]``; ``fading`` (T + 1, M, Y, Z, L, S, S); ``levels``: strengths of leaving, None where that is not a trait (L = 1).

    float32: 104 periods and 32 segments take a quarter of a GB.
    """

    room: Floats
    natural: NDArray[np.float32]
    fading: NDArray[np.float32]
    levels: Levels | None = None


@dataclass(frozen=True)
class Excess:
    """By how much growth raises discounted orders per unit of rate, in multiples of today's order value, (n,) each.

    ``none``: without an offer; ``offered``: with it, all future; ``active``: while the offer acts.
    """

    none: Floats
    offered: Floats
    active: Floats


def growth_tables(world: World, orders: Orders, last: Floats, levels: Levels | None = None) -> Growth | None:
    """Backward recursion; ``orders`` (S, S) of a period per unit of rate, ``last`` (S, S): Q at the horizon; ``levels``: the
    world's strengths of leaving, if it has an attrition model.

    None where nothing grows, or the table would be too large.
    """
    d = world.dynamics
    if d is None or d.growth is None or d.growth.per_order == 0 or d.growth.limit <= 1:
        return None
    room, s = np.linspace(0.0, np.log(d.growth.limit), ROOMS), len(last)
    assert levels is not None
    extra, coarse = extra_discounts(world).ravel(), coarser(levels) if d.attrition is not None else None
    end = last[None] if coarse is None else coarse.discounted[-1]
    far = levels.fading[-1][:, :1] if coarse is None else coarse.fading[-1]
    shape = (len(SPEEDS), ROOMS, len(end), s, s)
    if (world.horizon + 1) * (1 + len(extra)) * np.prod(shape) > (np.inf if coarse is None else MOST):
        return None
    out = np.empty((world.horizon + 1, *shape), np.float32)
    fading = np.empty((world.horizon + 1, len(extra), *shape), np.float32)
    growth, p = Growth(room, out, fading, coarse), world.segments.transition
    now, trust = np.broadcast_to(end, shape), [np.broadcast_to(table, shape) for table in far]
    out[-1], fading[-1] = now, np.reshape(trust, fading.shape[1:])
    for t in range(world.horizon - 1, -1, -1):
        (before,) = one_period(world, growth, [now], orders(t), p, t)
        if trust:
            (swayed,) = one_period(world, growth, [now], orders(t), p, t, sway=STEP)
            later = one_period(world, growth, trust, orders(t), p, t, placing=False)
            trust = [(swayed - before) / STEP + m * table for m, table in zip(extra, later, strict=True)]
            fading[t] = trust
        out[t] = now = before
    return growth


def coarser(levels: Levels) -> Levels:
    """Every third strength, with the least and the largest, and only the tables at the horizon."""
    kept, each = np.unique(np.append(np.arange(len(levels.grid) - 1, -1, -COARSE), 0)), levels.factor.shape

    def rows(table: Floats) -> Floats:
        found = table.reshape(*table.shape[:-3], len(levels.grid), levels.phases, *each)[..., kept, :, :, :]
        return found.reshape(*table.shape[:-3], len(kept) * levels.phases, *each)

    discounted, fading = rows(levels.discounted[-1:]), rows(levels.fading[-1:])
    return replace(levels, grid=levels.grid[kept], discounted=discounted, fading=fading, mixtures={})


def one_period(
    world: World,
    growth: Growth,
    aheads: Sequence[Floats],
    orders: Floats,
    transition: Floats,
    t: int,
    hold: float = 1.0,
    *,
    sway: float = 0.0,
    placing: bool = True,
) -> list[Floats]:
    """Tables before the move of period t, from ``aheads`` behind it; ``orders`` (S, S) of it ``[start, after the move]``.

    ``sway``: relative change of the rate, by which who drops out after orders leaves the sooner; ``placing``: whether this period's
    orders count.
    """
    orders = orders * (1 + sway)
    room, levels = growth.room[:, None, None, None], growth.levels
    placed, grows, sigma = orders, SPEEDS[:, None, None, None, None] * orders, np.ones(1)
    if levels is not None:
        drops = world.dynamics is not None and world.dynamics.attrition and world.dynamics.attrition.model == "bg_nbd"
        sigma, e = survival(world, levels, t, hold * (1 + sway) if drops else hold)
        placed = orders * e
        if drops:
            grows = grows * (1 - dropout(world, levels, hold))
    shape = aheads[0].shape
    place = np.maximum(room - grows, 0.0) / room[1]
    low = np.minimum(place.astype(np.int64), len(room) - 2)
    part, multiple = place - low, world.economics.discount_factor * np.exp(np.minimum(grows, room))
    inner = int(np.prod(shape[2:]))  # take by flat places: several times as fast as by one array of places an axis
    base = np.arange(shape[0])[:, None, None, None, None] * (len(room) * inner) + np.arange(inner).reshape(shape[2:])
    flat = low * inner + base
    out = []
    for ahead in aheads:
        q = np.ascontiguousarray(carried(world, sigma, ahead, t)).ravel()
        near, far = q.take(flat), q.take(flat + inner)
        after = multiple * (near + part * (far - near)) + (placed if placing else 0.0)
        out.append(
            (after.reshape(-1, shape[-1]) @ transition.T).reshape(shape)
        )  # one large product, not many small ones
    return out


def dropout(world: World, levels: Levels, hold: float) -> Floats:
    """(Y, 1, L, 1, 1) BG/NBD: probability of dropping out after an order, the strength over the rate y / g."""
    assert world.dynamics is not None and world.dynamics.growth is not None
    speed = np.maximum(SPEEDS, SPEEDS[1])[:, None]
    return np.asarray(
        np.clip(hold * world.dynamics.growth.per_order * levels.grid / speed, 0, 1)[:, None, :, None, None]
    )


def excess(
    world: World,
    growth: Growth,
    orders: Orders,
    population: Population,
    t: int,
    duration: int,
    moves: tuple[Floats, Floats],
    boost: Floats,
    hold: float = 1.0,
    trust: float = 0.0,
) -> Excess:
    """For an arm that begins to act in period t with ``moves`` in its first and later periods, ``boost`` (n,) on the rate,
    ``hold`` on leaving and ``trust`` added.
    """
    end = min(t + duration, world.horizon)
    least, most = (float(boost.min()), float(boost.max())) if len(boost) else (1.0, 1.0)
    weight = (boost - least) / (most - least) if most > least else np.zeros(len(boost))
    spots, found = Spots.of(growth, world, population, t), []
    for b in (least, most) if most > least else (least,):
        w, active = growth.natural[end], np.zeros_like(growth.natural[end])
        for u in range(end - 1, t - 1, -1):
            p, now = moves[0] if u == t else moves[1], b * orders(u)
            w, active = one_period(world, growth, (w, active), now, p, u, hold)
        found.append((spots.at(w), spots.at(active)))
    (w_low, a_low), (w_high, a_high) = found[0], found[-1]
    usual, trusting = trust_now(growth, world, population, spots, t, (0.0, trust))
    return Excess(
        spots.at(growth.natural[t]) + usual,
        (1 - weight) * w_low + weight * w_high + trusting,
        (1 - weight) * a_low + weight * a_high,
    )


def natural_excess(growth: Growth, world: World, population: Population, t: int) -> Floats:
    """(n,) ``Excess.none``."""
    spots = Spots.of(growth, world, population, t)
    return spots.at(growth.natural[t]) + trust_now(growth, world, population, spots, t, (0.0,))[0]


def trust_now(
    growth: Growth, world: World, population: Population, spots: Spots, t: int, further: Sequence[float]
) -> list[Floats]:
    """(n,) what today's trust, and so much further trust, adds to ``Excess.none``."""
    tables = [spots.at(table) for table in growth.fading[t]]
    return [
        np.einsum(
            "mn,mn->n", coefficients(population, world, t, more), np.reshape(tables, (len(tables), len(population)))
        )
        for more in further
    ]


@dataclass(frozen=True)
class Spots:
    """Where customers stand in a (Y, Z, L, S, S) table, (n,) each: the lower speed and room, how far it is to the next, levels,
    segments.
    """

    speed: NDArray[np.int64]
    faster: Floats
    room: NDArray[np.int64]
    wider: Floats
    where: Places
    start: NDArray[np.integer]
    now: NDArray[np.integer]

    @classmethod
    def of(cls, growth: Growth, world: World, population: Population, t: int) -> Spots:
        """Of these customers in period t."""
        d, life, n = world.dynamics, population.life, len(population)
        assert d is not None and d.growth is not None and life is not None
        y = np.clip(d.growth.per_order * living_rate(population, world, t), 0, SPEEDS[-1])
        low = np.clip(np.searchsorted(SPEEDS, y, side="right") - 1, 0, len(SPEEDS) - 2)
        v = (y - SPEEDS[low]) / (SPEEDS[low + 1] - SPEEDS[low])
        place = np.clip(np.log(d.growth.limit / life.grown.astype(np.float64)), 0, growth.room[-1]) / growth.room[1]
        near = np.minimum(place.astype(np.int64), len(growth.room) - 2)
        first = np.zeros(n, np.int64)
        where = Places(first, first, np.zeros(n))
        if growth.levels is not None:
            where = places(growth.levels, population, world, t)
        return cls(low, v, near, place - near, where, population.traits.start_segment, population.state.segment)

    def at(self, table: Floats) -> Floats:
        """(n,) of the table, less its value at speed 0."""
        table = rows_of(table, self.where)
        first, second, part = self.where.first, self.where.second, self.where.weight

        def cell(y: NDArray[np.int64] | int, z: NDArray[np.int64] | int) -> Floats:
            found = (1 - part) * table[y, z, first, self.start, self.now]
            return np.asarray(found + part * table[y, z, second, self.start, self.now] if part.any() else found)

        def row(y: NDArray[np.int64]) -> Floats:
            return np.asarray((1 - self.wider) * cell(y, self.room) + self.wider * cell(y, self.room + 1))

        return np.asarray((1 - self.faster) * row(self.speed) + self.faster * row(self.speed + 1) - cell(0, 0))
