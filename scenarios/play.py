"""One strategy, one world, one population: plan, simulate, value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import Ledger, Population, World, simulate
from engine.valuation import OrderTables, future_value
from scenarios.briefing import Briefing
from scenarios.planner import Decision, Planner
from scenarios.strategies.base import Strategy
from scenarios.strategies.optimising import Nobody

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """How one strategy went.  n customers.

    Attributes:
        horizon_value: (n,) discounted margin within the horizon.
        terminal_value: (n,) value of the state at its end, without further offers, discounted to the start.
        cost: (n,) promotion cost realised, undiscounted.
        ledger: sums by period, segment and arm.
        decisions: one an epoch.
        plans: arms by epoch, if kept.
        priced_cost: (n,) see :class:`scenarios.planner.Planner`; zeros where nothing is priced.
        budget: amount allowed in all, None without a budget.
        population: customers at the end.
        discount_factor: per period.
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

    @property
    def clv(self) -> Floats:
        """(n,) customer lifetime value."""
        return self.horizon_value + self.terminal_value

    @property
    def planned_value(self) -> float:
        """Expected incremental value of all decisions, discounted to the start, sum over customers."""
        return sum(d.planned_value * self.discount_factor**d.period for d in self.decisions)


def play(
    world: World, tables: OrderTables, briefing: Briefing, strategy: Strategy, seed: int, *, keep_plans: bool = False
) -> Played:
    """Run a strategy through the calendar.  ``tables`` are the world's (:func:`engine.valuation.order_tables`)."""
    planner = Planner(briefing, strategy, keep_plans)
    run = simulate(
        world,
        briefing.customers.population,
        seed=seed,
        calendar=briefing.calendar,
        planner=None if isinstance(strategy, Nobody) else planner,  # nothing to plan costs nothing
    )
    d = world.economics.discount_factor
    return Played(
        horizon_value=run.margin,
        terminal_value=future_value(tables, run.population, world, world.horizon) * d**world.horizon,
        cost=run.promotion_cost,
        ledger=run.ledger,
        decisions=tuple(planner.decisions),
        plans=tuple(planner.plans),
        priced_cost=np.zeros(len(run.margin)) if planner.priced_cost is None else planner.priced_cost,
        budget=planner.budget,
        population=run.population,
        discount_factor=d,
    )
