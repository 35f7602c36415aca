"""Customers as a struct of arrays.

Traits never change during a run; state does.  ``key`` names a customer in the random streams: the same key has the same
luck whatever its place in the arrays, so that samples, shards and bootstraps of a population stay comparable.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import PopulationError
from engine.life import Life, check_life
from engine.world import World

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]

T = TypeVar("T", bound=np.generic)

NEVER = 65535  # recency of a customer who has not ordered yet


@dataclass
class Traits:
    """What a customer is.  n customers, C categories.

    Attributes:
        key: (n,) uint64, name in the random streams, unique.
        source: (n,) int32, the real customer this one was drawn from (the cluster of a bootstrap); its own index if synthetic.
        rate: (n,) float32, order rate relative to the segment's multiplier.
        order_value: (n,) float32, mean value of an order, categories owned at the start included.
        responsiveness: (n,) float32, added to the logit of every response.
        start_segment: (n,) uint8.
        headroom: (n, C) float32, what an order would be worth more if the customer bought the category: wallet not yet won.
    """

    key: U64
    source: I32
    rate: F32
    order_value: F32
    responsiveness: F32
    start_segment: U8
    headroom: F32


@dataclass
class State:
    """Where a customer is.

    Attributes:
        segment: (n,) uint8.
        fatigue: (n,) float32, contact stock.
        owned: (n,) uint32, bit c = category c.
        extra_value: (n,) float32, order value gained through cross-sold categories.
        contacts: (n,) uint64, bit k = contacted k periods ago (bit 0: the last period that was run).
        active_arm: (n,) uint8, 1 + index of the arm whose effects act on this responder, 0 = none.
        active_left: (n,) uint8, periods for which they still act.
        recency: (n,) uint16, periods since the last order, NEVER if none.
        orders: (n,) float32, orders in the observed history (log or warm-up, and the run so far).
        spend: (n,) float32, spend in the same history, net of discounts.
        tenure: (n,) uint16, periods since the first order.
    """

    segment: U8
    fatigue: F32
    owned: U32
    extra_value: F32
    contacts: U64
    active_arm: U8
    active_left: U8
    recency: U16
    orders: F32
    spend: F32
    tenure: U16


@dataclass
class Population:
    """Traits and state of n customers; ``life``: further columns of worlds with dynamics."""

    traits: Traits
    state: State
    life: Life | None = None

    def __len__(self) -> int:
        return len(self.traits.key)

    def copy(self) -> Population:
        """Traits shared, state copied: what a run needs, since it changes state only."""
        state = State(**{f.name: getattr(self.state, f.name).copy() for f in fields(State)})
        return Population(self.traits, state, self.life.copy() if self.life else None)

    def to_arrow(self, world: World | None = None) -> Any:
        """``pyarrow.Table``, one row a customer (:func:`engine.arrow.population_table`)."""
        from engine.arrow import population_table

        return population_table(self, world)

    def take(self, index: NDArray[np.integer]) -> Population:
        """The customers at these places, in this order.  Places may not repeat: a key names one customer."""
        return Population(
            Traits(**{f.name: getattr(self.traits, f.name)[index] for f in fields(Traits)}),
            State(**{f.name: getattr(self.state, f.name)[index] for f in fields(State)}),
            self.life.take(index) if self.life else None,
        )


def make_population(
    *,
    rate: NDArray[np.floating],
    order_value: NDArray[np.floating],
    segment: NDArray[np.integer],
    key: NDArray[np.integer] | None = None,
    source: NDArray[np.integer] | None = None,
    responsiveness: NDArray[np.floating] | None = None,
    headroom: NDArray[np.floating] | None = None,
    owned: NDArray[np.integer] | None = None,
    recency: NDArray[np.integer] | None = None,
    orders: NDArray[np.floating] | None = None,
    spend: NDArray[np.floating] | None = None,
    tenure: NDArray[np.integer] | None = None,
) -> Population:
    """A population from its traits and start; what is left out is 0 (recency: NEVER)."""
    n = len(rate)

    def column(values: NDArray[Any] | None, dtype: type[T], default: float = 0) -> NDArray[T]:
        return np.full(n, default, dtype) if values is None else np.ascontiguousarray(values, dtype)

    index = np.arange(n)
    traits = Traits(
        key=column(index if key is None else key, np.uint64),
        source=column(index if source is None else source, np.int32),
        rate=column(rate, np.float32),
        order_value=column(order_value, np.float32),
        responsiveness=column(responsiveness, np.float32),
        start_segment=column(segment, np.uint8),
        headroom=np.zeros((n, 0), np.float32) if headroom is None else np.ascontiguousarray(headroom, np.float32),
    )
    state = State(
        segment=traits.start_segment.copy(),
        fatigue=np.zeros(n, np.float32),
        owned=column(owned, np.uint32),
        extra_value=np.zeros(n, np.float32),
        contacts=np.zeros(n, np.uint64),
        active_arm=np.zeros(n, np.uint8),
        active_left=np.zeros(n, np.uint8),
        recency=column(recency, np.uint16, NEVER),
        orders=column(orders, np.float32),
        spend=column(spend, np.float32),
        tenure=column(tenure, np.uint16),
    )
    return Population(traits, state)


def check_population(population: Population, world: World) -> None:
    """Raise :class:`PopulationError` if arrays disagree in length, hold NaN, or name segments that the world lacks."""
    n, problems = len(population), []
    for part in (population.traits, population.state):
        for f in fields(part):
            values = getattr(part, f.name)
            if len(values) != n:
                problems.append(f"{f.name}: expected {n} customers, got {len(values)}")
            elif values.dtype.kind == "f" and not np.isfinite(values).all():
                problems.append(
                    f"{f.name}: expected finite numbers, got {np.count_nonzero(~np.isfinite(values))} NaN or infinite"
                )
    problems += check_life(population.life, n, world)
    if not problems:
        if n and population.state.segment.max(initial=0) >= len(world.segments.names):
            problems.append(
                f"segment: expected below {len(world.segments.names)}, got {population.state.segment.max()}"
            )
        for name in ("rate", "order_value"):
            if (getattr(population.traits, name) < 0).any():
                problems.append(f"{name}: expected >= 0, got {getattr(population.traits, name).min()}")
        if population.traits.headroom.shape[1] != len(world.categories):
            problems.append(
                f"headroom: expected {len(world.categories)} categories, got {population.traits.headroom.shape[1]}"
            )
        ordered = np.sort(population.traits.key)  # 70 times faster than np.unique
        if (ordered[1:] == ordered[:-1]).any():
            problems.append("key: expected unique keys, got repeats")
    if problems:
        raise PopulationError(problems)
