r"""Expected future orders where customers differ in how they leave: the recursion of :mod:`engine.valuation` for levels.

A level is a strength of leaving: for BG/NBD the product of rate and dropout probability, for Pareto/NBD the hazard, for sBG
the probability of not renewing (and the place in the contract), else the number of categories owned beyond the first.  With
``sigma`` the probability of staying through a period in segment s' and ``e`` the expected part of its orders placed,

    Q[t][a, s] = sum_s' P[s, s'] (now[a, s'] e + d (sigma Q[t + 1][a, s'] + (1 - sigma) Q[t + 1][a, into]))

BG/NBD and Pareto/NBD: ``sigma = exp(-h)``, ``e = (1 - sigma) / h``, ``h`` the hazard in that segment; both are exact for a
known trait.  Levels are a grid; between two of them Q is interpolated linearly in 1 / (h + 0.01).  Where the trait is in doubt,
Q is the mean over its distribution (:mod:`engine.doubt`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.doubt import Kind, kinds, trait_distribution
from engine.dynamics import Attrition
from engine.errors import WorldError
from engine.fading import extra_discounts
from engine.population import Population
from engine.present import categories_owned, living_rate
from engine.rates import factor_table, level_table
from engine.service.strain import Strain
from engine.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXTENSION = 520
"""Periods after the horizon in which the level still moves; the slowest mode of a fitted chain has died out by then."""
SOFT = 0.01


@dataclass(frozen=True)
class Levels:
    """L levels; S segments, T periods.

    Attributes:
        grid: (G,) strengths, ascending; L = G x phases, the phase counts fastest.
        phases: periods in a contract, 1 unless contracts renew less often than each period.
        factor: (S, S), level: (S, T + EXTENSION) as in :class:`engine.valuation.OrderTables`.
        discounted: (T + 1, L, S, S) discounted to period t, all future.
        fading: (T + 1, M, L, S, S) what trust adds to it while it fades (:mod:`engine.fading`); M = 0 where it moves no share.
        strain: what is foreseen of the contact centre, within the horizon.
        mixtures: those made so far, by prior, what has been seen, and scales.
    """

    grid: Floats
    phases: int
    factor: Floats
    level: Floats
    discounted: Floats
    fading: Floats
    strain: Strain | None = None
    mixtures: dict[tuple[object, ...], Floats] = field(default_factory=dict, compare=False, repr=False)

    def orders(self, t: int) -> Floats:
        """(S, S) ``[start, now]`` of period t, per unit of rate."""
        orders = self.level[:, min(t, self.level.shape[1] - 1), None] * self.factor
        return orders if self.strain is None else self.strain.spent(orders, t)


@dataclass(frozen=True)
class Places:
    """Two rows of a table and the weight of the second for each customer (n,).

    Rows are levels, or mixtures of strengths (R, G) where traits are in doubt.
    """

    first: Ints
    second: Ints
    weight: Floats
    mixture: Floats | None = None


def strengths(world: World) -> tuple[Floats, int]:
    """Grid and phases that a world needs."""
    dynamics = world.dynamics
    assert dynamics is not None
    if dynamics.attrition is None:
        return np.arange(max(len(world.categories), 1) if dynamics.breadth < 1 else 1, dtype=float), 1
    if dynamics.attrition.model == "sbg":
        return np.linspace(0, 1, 25) ** 2, dynamics.attrition.renews_every
    return np.append(0.0, np.geomspace(1e-4, 20, 40)), 1


def survival(world: World, levels: Levels, t: int, hold: float = 1.0) -> tuple[Floats, Floats]:
    """``sigma`` and ``e``, (L, S, S) ``[level, start, segment after the move]``, of period t; ``hold``: factor on leaving."""
    s, dynamics = len(levels.factor), world.dynamics
    assert dynamics is not None
    shape = (len(levels.grid) * levels.phases, s, s)
    attrition = dynamics.attrition
    if attrition is None:
        return np.ones(shape), np.ones(shape)
    c = np.repeat(levels.grid, levels.phases)[:, None, None] * hold
    live = ~world.segments.lapsed
    if attrition.model == "sbg":
        phase = np.tile(np.arange(levels.phases), len(levels.grid))[:, None, None]
        renews = (t + 1 + phase) % levels.phases == 0
        return np.broadcast_to(1 - c * renews * live, shape), np.ones(shape)
    h = np.broadcast_to(c, shape) * live
    if attrition.model == "bg_nbd":
        h = h * levels.orders(t)
    return np.exp(-h), np.where(h > 0, -np.expm1(-h) / np.where(h > 0, h, 1.0), 1.0)


def carried(world: World, sigma: Floats | float, q: Floats, t: int) -> Floats:
    """``sigma q + (1 - sigma) q[into]``: what the next period is worth at the end of period t."""
    if world.strain is not None:
        q = world.strain.carried(q, t)
    attrition = world.dynamics.attrition if world.dynamics else None
    if attrition is None:
        return q
    return np.asarray(sigma * q + (1 - sigma) * q[..., attrition.into, None])


def swayed(world: World, levels: Levels, ahead: Floats, t: int, hold: float = 1.0) -> Floats:
    """(L, S, S) change of period t's orders and of ``ahead``, the discounted orders after it, per relative change of its rate."""
    sigma, e = survival(world, levels, t, hold)
    now, attrition = levels.orders(t), world.dynamics.attrition if world.dynamics else None
    if attrition is None or attrition.model != "bg_nbd":
        return np.asarray(now * e)
    if world.strain is not None:
        ahead = world.strain.carried(ahead, t)
    lost = sigma * np.log(np.where(sigma > 0, sigma, 1.0)) * (ahead - ahead[..., attrition.into, None])
    return np.asarray(now * sigma + world.economics.discount_factor * lost)


def transitions(world: World, levels: Levels, transition: Floats) -> Floats:
    """(L, S, S) transposed, so that ``x @ transitions`` is the expectation before the move; breadth holds moves into lapsed."""
    count = len(levels.grid) * levels.phases
    dynamics, lapsed = world.dynamics, world.segments.lapsed
    assert dynamics is not None
    if dynamics.attrition is not None or dynamics.breadth == 1:
        return np.broadcast_to(transition.T, (count, *transition.shape))
    moved = transition * np.outer(~lapsed, lapsed)
    held = (1 - dynamics.breadth**levels.grid)[:, None, None] * moved
    out = transition - held + held.sum(axis=2)[:, :, None] * np.eye(len(lapsed))
    return np.ascontiguousarray(out.transpose(0, 2, 1))


def level_tables(world: World) -> Levels:
    """Backward recursion of the module's equation."""
    segments, d = world.segments, world.economics.discount_factor
    grid, phases = strengths(world)
    s, count = len(segments.names), len(grid) * phases
    level = level_table(segments, world.horizon + EXTENSION)
    settled = level[:, -1:]
    if world.season is not None:
        level = level * np.concatenate([world.season.within, np.resize(world.season.after, EXTENSION)])
        settled = settled * world.season.after.mean()
    shape, extra = (count, s, s), extra_discounts(world)
    discounted = np.empty((world.horizon + 1, *shape))
    fading = np.empty((world.horizon + 1, len(extra), *shape))
    out = Levels(grid, phases, factor_table(segments), level, discounted, fading, world.strain)
    p = transitions(world, out, segments.transition)
    far, calm = replace(out, level=settled, strain=None), replace(world, strain=None)
    q = _far_future(world, far, p, settled * out.factor * survival(world, far, 0)[1])
    sway = swayed(calm, far, q, 0)
    more = np.array([_far_future(world, far, p, sway, float(m)) for m in extra.ravel()]).reshape(len(extra), *shape)
    for t in range(world.horizon + EXTENSION - 1, -1, -1):
        sigma, e = survival(world, out, t)
        if len(extra):
            more = (swayed(world, out, q, t) + d * extra * carried(world, sigma, more, t)) @ p
        q = (out.orders(t) * e + d * carried(world, sigma, q, t)) @ p
        if t <= world.horizon:
            discounted[t], fading[t] = q, more
    return out


def _far_future(world: World, levels: Levels, p: Floats, now: Floats, extra: float = 1.0) -> Floats:
    """(L, S, S) at one level for ever, a season at its mean, ``now`` in each period and discounted by ``extra`` besides; contracts
    renew each period with the same loss over their length.
    """
    d, s = world.economics.discount_factor * extra, len(levels.factor)
    sigma, _ = survival(world, levels, 0)
    if levels.phases > 1:
        loss = np.repeat(levels.grid, levels.phases)[:, None, None] * ~world.segments.lapsed
        sigma = np.broadcast_to((1 - loss) ** (1 / levels.phases), sigma.shape)
    # q = (now + d (sigma q + (1 - sigma) q[into])) p, for each level and start a system in the S numbers of q.
    keep = sigma[..., None] * np.eye(s)
    attrition = world.dynamics.attrition if world.dynamics else None
    if attrition is not None:
        keep[..., attrition.into] += 1 - sigma
    step = np.einsum("lks,lakm->lasm", p, keep)  # from s: to k by the move, then to m at the period's end
    right = now @ p
    system = np.eye(s) - d * step
    if d < 1:
        q = np.linalg.solve(system, right[..., None])[..., 0]
    else:
        q = (np.linalg.pinv(system) @ right[..., None])[..., 0]
    if np.abs(np.einsum("lasm,lam->las", system, q) - right).max() > 1e-6 * max(np.abs(right).max(), 1.0):
        raise WorldError(
            ["discount rate: expected > 0 where customers go on ordering for ever, got 0: their value is infinite"]
        )
    return np.asarray(q)


def scale(population: Population, world: World, t: int, further: int | Ints = 0) -> Floats:
    """(n,) strength of leaving over the trait, with so many further categories; without a trait the strength itself."""
    dynamics = world.dynamics
    assert dynamics is not None
    more = np.maximum(categories_owned(population.state.owned) + further - 1, 0)
    if dynamics.attrition is None:
        return np.asarray(more, np.float64)
    hold = np.asarray(dynamics.breadth**more, np.float64)
    return hold * living_rate(population, world, t) if dynamics.attrition.model == "bg_nbd" else hold


def places(levels: Levels, population: Population, world: World, t: int, further: int | Ints = 0) -> Places:
    """Where each customer stands."""
    n, dynamics, life = len(population), world.dynamics, population.life
    assert dynamics is not None and life is not None
    if len(levels.grid) == 1:
        return Places(np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n))
    x, mixture = scale(population, world, t, further), None
    if dynamics.attrition is None:
        low, weight = between(levels.grid, x, 0.0)
        return Places(low, low + 1, weight)
    if life.lived is None or dynamics.attrition.prior is None:
        low, weight = between(levels.grid, x * life.dropout.astype(np.float64), SOFT)
    else:
        scales = levels.grid if dynamics.attrition.model == "bg_nbd" else np.unique(np.append(x, [0.0, 1.0]))
        present, kind = kinds(life)
        parts = [mixed(levels, dynamics.attrition, scales, k) for k in present]
        low, weight = between(scales, x, SOFT)
        low += len(scales) * kind
        mixture = np.concatenate(parts) if parts else None
    phase = life.renewal % levels.phases
    first = low * levels.phases + phase
    return Places(first, first + levels.phases, weight, mixture)


def between(grid: Floats, x: Floats, soft: float) -> tuple[Ints, Floats]:
    """(n,) place of x in the grid, and how far it is to the next: linear in 1 / (x + soft), in x at ``soft`` 0."""
    x = np.clip(x, 0, grid[-1])
    low = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, len(grid) - 2)
    a, b = grid[low], grid[low + 1]
    if soft:
        a, b, x = 1 / (a + soft), 1 / (b + soft), 1 / (x + soft)
    return low, (x - a) / (b - a)


def mixed(levels: Levels, attrition: Attrition, scales: Floats, kind: Kind) -> Floats:
    """(scales, G) weights of the strengths in the distribution of scale x trait."""
    key = (attrition.prior, kind, scales.tobytes())
    if key not in levels.mixtures:
        trait, probability = trait_distribution(attrition, *kind)
        low, weight = between(levels.grid, scales[:, None] * trait, SOFT)
        out, row = np.zeros((len(scales), len(levels.grid))), np.arange(len(scales))[:, None]
        np.add.at(out, (row, low), (1 - weight) * probability)
        np.add.at(out, (row, low + 1), weight * probability)
        levels.mixtures[key] = out
    return levels.mixtures[key]


def rows_of(table: Floats, where: Places) -> Floats:
    """(..., L, S, S) table -> (..., R, S, S), in rows that the places name."""
    if where.mixture is None:
        return table
    shape, count = table.shape, where.mixture.shape[1]
    # The phases of a strength stand side by side.
    mixed = where.mixture @ table.reshape(*shape[:-3], count, shape[-3] // count * shape[-1] * shape[-2])
    return np.asarray(mixed.reshape(*shape[:-3], -1, *shape[-2:]))


def look_up(table: Floats, where: Places, start: NDArray[np.integer], now: NDArray[np.integer]) -> Floats:
    """(n,) of a (L, S, S) table."""
    table = rows_of(table, where)
    return np.asarray(
        (1 - where.weight) * table[where.first, start, now] + where.weight * table[where.second, start, now]
    )


def faded(
    tables: Floats, coefficients: Floats, where: Places, start: NDArray[np.integer], now: NDArray[np.integer]
) -> Floats:
    """(n,) ``a_1 D_1 + ... + a_M D_M`` of (M, L, S, S) tables and (M, n) :func:`engine.fading.coefficients`."""
    out = np.zeros(len(start))
    for table, a in zip(tables, coefficients, strict=True):
        out += a * look_up(table, where, start, now)
    return out
