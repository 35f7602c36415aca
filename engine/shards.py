"""Populations that do not fit into memory: made, run and forgotten one shard after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import WorldError
from engine.ledger import Ledger
from engine.population import Population
from engine.simulation import Simulation
from engine.world import World

SHARD = 1_000_000  # customers; about 100 MB without history


class Totals(NamedTuple):
    """What is left of all shards.

    Attributes:
        customers: how many.
        mean, sd: of the customers' discounted margin, currency units.
        ledger: the books of all.
    """

    customers: int
    mean: float
    sd: float
    ledger: Ledger


def simulate_in_shards(
    world: World,
    make_shard: Callable[[int, int], Population],
    customers: int,
    *,
    seed: int,
    periods: int,
    plan: Callable[[Population], NDArray[np.uint8]] | None = None,
    size: int = SHARD,
) -> Totals:
    """Run ``customers`` customers in shards of ``size``; the books are those of one run of all, to the bit.

    A customer's luck hangs on the seed and his key alone, so shards need only keys of their own.

    Args:
        world: nothing in it may be shared by customers: no contact centre, set-up cost or overheads.
        make_shard: customers ``low`` up to ``high``, with those as keys.
        customers: how many in all.
        seed: as of :class:`engine.Simulation`.
        periods: periods to run.
        plan: (n,) uint8 arms of a shard in the first period.
        size: customers in memory at a time.

    Raises:
        WorldError: the world has something that customers share.
    """
    shared = [
        f"{name}: expected none, since shards would each pay for it or queue alone"
        for name, there in (
            ("service", world.service is not None),
            ("overheads", world.overheads is not None),
            ("arms: setup_cost", any(arm.setup_cost for arm in world.arms)),
        )
        if there
    ]
    if shared:
        raise WorldError(shared)
    if customers < 1 or size < 1:
        raise WorldError([f"customers and size: expected at least 1, got {customers} and {size}"])
    total = square = 0.0
    ledger: Ledger | None = None
    for low in range(0, customers, size):
        shard = make_shard(low, min(low + size, customers))
        run = Simulation(world, shard, seed=seed, track_history=False)
        run.advance(periods, None if plan is None else plan(shard))
        total += float(run.margin.sum())
        square += float(np.square(run.margin).sum())
        ledger = run.ledger if ledger is None else ledger.plus(run.ledger)
    assert ledger is not None
    mean = total / customers
    return Totals(customers, mean, float(np.sqrt(max(square / customers - mean**2, 0.0))), ledger)
