"""The slow twin of the kernels: a whole run in plain Python, one customer and one period at a time.

Same formulas, same float32 operations, same bits; but without tables, blocks, lists or vector code.  One customer's period
is in :mod:`engine.period_reference`, to be read first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.arrivals import Arrivals
from engine.ledger import ACQUIRED, ACQUISITION, ARM_LINES, CAPABILITY, LINES, SEGMENT_LINES, SETUP
from engine.period_reference import MICRO, Outcome, live_one
from engine.population import Population
from engine.service.link import as_factor, moved
from engine.service.reference import work_slowly
from engine.world import World


def live(
    world: World,
    population: Population,
    seed: int,
    plans: Sequence[NDArray[np.uint8] | None],
    arrivals: Arrivals | None = None,
) -> Outcome:
    """Run ``len(plans)`` periods from period 0, each with its plan or None; history is tracked."""
    n, s, periods = len(population), len(world.segments.names), len(plans)
    out = Outcome(
        population.copy(),
        np.zeros(n),
        np.zeros(n, np.int64),
        np.zeros((periods, LINES), np.int64),
        np.zeros((periods, SEGMENT_LINES, s), np.int64),
        np.zeros((periods, ARM_LINES, len(world.arms)), np.int64),
        np.zeros((periods, s, s), np.int64),
        np.ones(n, np.float32),
        np.zeros(n, np.int64),
    )
    with np.errstate(over="ignore", divide="ignore"):
        for t, plan in enumerate(plans):
            present = [i for i in range(n) if arrivals is None or arrivals.period[i] <= t]
            link(world, out, present)
            was = out.population.state.segment.copy()
            for i in present:
                if arrivals is not None and arrivals.period[i] == t:
                    join(world, out, t, i, int(arrivals.cost[i]))
                live_one(world, out, seed, t, i, 0 if plan is None else int(plan[i]))
            for i in set(range(n)) - set(present):
                out.population.state.contacts[i] <<= np.uint64(1)
            end_period(world, out, seed, t, present, plan, was)
    return out


def link(world: World, out: Outcome, present: Sequence[int]) -> None:
    """The contact centre's reading of trust, where it is one stock with the dynamics'."""
    if world.service is not None and world.service.trust.linked:
        assert out.population.life is not None
        for i in present:
            out.trust[i] = as_factor(out.population.life.trust[i])


def join(world: World, out: Outcome, t: int, i: int, cost: int) -> None:
    """A new customer is paid for."""
    out.lines[t, ACQUISITION] += cost
    out.lines[t, ACQUIRED] += 1
    out.margin[i] -= cost * (world.economics.discount_factor**t / MICRO)


def end_period(
    world: World,
    out: Outcome,
    seed: int,
    t: int,
    present: Sequence[int],
    plan: NDArray[np.uint8] | None,
    was: NDArray[np.uint8],
) -> None:
    """What happens to all customers together: the contact centre, and overheads.  ``was``: segments before the period."""
    traits, state = out.population.traits, out.population.state
    if world.service is not None:
        link(world, out, present)
        segment, trust = state.segment[present], out.trust[present]
        keys, placed = [int(traits.key[i]) for i in present], [int(out.placed[i]) for i in present]
        work_slowly(
            world.service, world.segments.lapsed, keys, placed, segment, trust, t, seed, world.scale, out.lines[t]
        )
        for i, now in zip(present, segment, strict=True):
            if now != state.segment[i]:
                out.flow[t, was[i], state.segment[i]] -= 1
                out.flow[t, was[i], now] += 1
        state.segment[present], out.trust[present] = segment, trust
        if world.service.trust.linked and out.population.life is not None:
            stock = out.population.life.trust
            for i in present:
                stock[i] = moved(stock[i], as_factor(stock[i]), out.trust[i])
    for a, arm in enumerate(world.arms):
        if plan is not None and arm.offer not in out.begun and bool(np.any(plan == a + 1)):
            out.begun.add(arm.offer)
            out.lines[t, SETUP] += round(arm.setup_cost * world.scale * MICRO)
    if world.overheads is not None and t < len(world.overheads):
        out.lines[t, CAPABILITY] += round(float(world.overheads[t]) * world.scale * MICRO)
