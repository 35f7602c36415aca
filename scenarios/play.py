"""One strategy, one world, one population: plan, simulate, value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine import THERE, Ledger, Population, World, simulate
from engine.arrivals import Arrivals
from engine.ledger import MICRO
from engine.service import Service
from engine.service.worth import trust_gap
from engine.valuation import OrderTables, future_value
from scenarios.acquisition import source_of
from scenarios.briefing import Briefing
from scenarios.concentrations import concentrations
from scenarios.customer_results import Concentration
from scenarios.planner import Decision, Planner
from scenarios.strategies.base import Strategy
from scenarios.strategies.optimising import Nobody

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Newcomers:
    """New customers of a run.

    Attributes:
        count: how many joined.
        cost: paid for them, currency units, undiscounted.
        value: discounted margin of all within the horizon and after it, net of that cost.
        not_paid_back: how many have brought less than they cost within the horizon.
        by_source: name -> count, cost, value.
    """

    count: int
    cost: float
    value: float
    not_paid_back: int
    by_source: dict[str, tuple[int, float, float]] = field(default_factory=dict)


def newcomers(
    arrivals: Arrivals, margin: Floats, terminal: Floats, base: int, source: NDArray[np.int64], names: Sequence[str]
) -> Newcomers:
    """Those behind the first ``base``; ``margin``, ``terminal`` and ``source`` (place in ``names``) are theirs."""
    cost, value, k = arrivals.cost[base:] / MICRO, margin + terminal, len(names)
    count, paid, brought = (np.bincount(source, weights, k) for weights in (None, cost, value))
    by_source = {name: (int(count[i]), float(paid[i]), float(brought[i])) for i, name in enumerate(names)}
    return Newcomers(len(margin), float(cost.sum()), float(value.sum()), int((margin < 0).sum()), by_source)


def hosted(values: Floats, base: int) -> Floats:
    """(base,) what the base's customers have, with new ones booked with them in turn."""
    if len(values) == base:
        return values
    return np.asarray(values[:base] + np.bincount(np.arange(len(values) - base) % base, values[base:], base))


@dataclass(frozen=True)
class Losers:
    """Customers whose margin is below 0: how many, what they lose together, and how many by start segment (S,)."""

    customers: int = 0
    margin: float = 0.0
    by_segment: tuple[int, ...] = ()

    @classmethod
    def of(cls, margin: Floats, segment: NDArray[np.uint8], segments: int) -> Losers:
        """Of (n,) margins and start segments."""
        low = margin < 0
        counts = np.bincount(segment[low], minlength=segments)
        return cls(int(low.sum()), float(margin.clip(max=0).sum()), tuple(int(c) for c in counts))


@dataclass(frozen=True)
class Played:
    """How one strategy went.  n customers at the start.

    New customers are booked with one of the base each, so that means per customer hold what they bring, and a paired
    difference stays one of n numbers; overheads are shared alike.

    Attributes:
        horizon_value: (n,) discounted margin within the horizon.
        terminal_value: (n,) value of the state at its end, without further offers, discounted to the start.
        cost: (n,) promotion cost realised, undiscounted.
        ledger: sums by period, segment and arm.
        decisions: one an epoch.
        plans: arms by epoch, if kept.
        priced_cost: (n,) see :class:`scenarios.planner.Planner`; zeros where nothing is priced.
        budget: amount allowed in all, None without a budget.
        population: customers at the end, new ones behind the n.
        discount_factor: per period.
        newcomers: new customers apart, None without acquisition.
        overheads: staff, set-up and capabilities per customer of the base, discounted; already off ``horizon_value``.
        losing: customers of the base whose margin within the horizon is below 0.
        own: (n,) what the base's customers bring themselves; None where that is ``clv`` without overheads.
        held: how few customers hold how much, if plans are kept.
        seen: (S, S) customers by true segment and by the one that the planner saw, over all decisions; None without any.
        service: the contact centre, with this strategy's levers.
    """

    horizon_value: Floats
    terminal_value: Floats
    cost: Floats
    ledger: Ledger
    decisions: tuple[Decision, ...]
    plans: tuple[NDArray[np.int16], ...]
    priced_cost: Floats
    budget: float | None
    population: Population
    discount_factor: float
    newcomers: Newcomers | None = None
    overheads: float = 0.0
    losing: Losers = Losers()
    service: Service | None = None
    own: Floats | None = None
    held: dict[str, Concentration] = field(default_factory=dict)
    seen: NDArray[np.int64] | None = None

    @property
    def clv(self) -> Floats:
        """(n,) customer lifetime value."""
        return self.horizon_value + self.terminal_value

    @property
    def own_value(self) -> Floats:
        """(n,) CLV of the base's customers without what new ones bring and without shared overheads."""
        return self.clv + self.overheads if self.own is None else self.own

    @property
    def planned_value(self) -> float:
        """Expected incremental value of all decisions, discounted to the start, sum over customers."""
        return sum(d.planned_value * self.discount_factor**d.period for d in self.decisions)


def play(
    world: World,
    tables: OrderTables,
    briefing: Briefing,
    strategy: Strategy,
    seed: int,
    *,
    keep_plans: bool = False,
    arrivals: Arrivals | None = None,
) -> Played:
    """Run a strategy through the calendar.  ``tables`` are the world's (:func:`engine.valuation.order_tables`)."""
    planner = Planner(briefing, strategy, keep_plans)
    run = simulate(
        world,
        briefing.customers.population,
        seed=seed,
        calendar=briefing.calendar,
        planner=None if isinstance(strategy, Nobody) else planner,  # nothing to plan costs nothing
        arrivals=arrivals,
    )
    d = world.economics.discount_factor
    terminal = future_value(tables, run.population, world, world.horizon)
    if run.centre is not None:
        terminal -= trust_gap(world, run.population, run.centre.trust)
    terminal *= d**world.horizon
    base = len(run.margin) if arrivals is None else int((arrivals.period == THERE).sum())
    joined = None
    if arrivals is not None and briefing.scenario.acquisition is not None:
        sources = tuple(briefing.scenario.acquisition.sources)
        of = source_of(run.population.traits.key[base:])
        joined = newcomers(arrivals, run.margin[base:], terminal[base:], base, of, sources)
    start = briefing.customers.population
    if base < len(start):
        start = start.take(np.arange(base))
    own = run.margin[:base] + terminal[:base]
    overheads = run.ledger.overheads - run.ledger.acquisition  # each new customer has paid for himself
    shared = float(overheads @ d ** np.arange(len(overheads))) / max(base, 1)
    priced = np.zeros(len(run.margin)) if planner.priced_cost is None else planner.priced_cost
    return Played(
        horizon_value=hosted(run.margin, base) - shared,
        terminal_value=hosted(terminal, base),
        cost=hosted(run.promotion_cost, base),
        ledger=run.ledger,
        decisions=tuple(planner.decisions),
        plans=tuple(planner.plans),
        priced_cost=hosted(priced, base),
        budget=planner.budget,
        population=run.population,
        discount_factor=d,
        newcomers=joined,
        overheads=shared,
        losing=Losers.of(run.margin[:base], start.traits.start_segment, len(world.segments.names)),
        service=world.service,
        own=None if arrivals is None else own,
        held=concentrations(start, run.population, run.margin, own) if keep_plans else {},
        seen=planner.seen_segments if planner.decisions else None,
    )
