"""Small whole comparisons, one after the other or on several processes: outer draws, stepped assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine import Calendar, World
from engine.rng import CONTROL, TRACKED, uniforms
from engine.season import shocked, shocks
from engine.valuation import OrderTables, value_tables
from scenarios.acquisition import with_new_customers, without_acquisition
from scenarios.assumptions import changed
from scenarios.base import Base, Customers
from scenarios.briefing import Briefing
from scenarios.building import build_world
from scenarios.capabilities import capability_costs
from scenarios.lives import draw_customers
from scenarios.play import Played, play
from scenarios.schema.scenario import Scenario
from scenarios.statistics import paired_variance
from scenarios.strategies.base import Strategy
from scenarios.strategies.catalogue import Maker, maker

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Setup:
    """What all comparisons of a run share.

    Attributes:
        scenario: as validated.
        base: its customers.
        customers: number that amounts in rules are meant for.
        gap: target gap of optimising strategies in small comparisons.
    """

    scenario: Scenario
    base: Base
    customers: int
    gap: float = 5e-3

    @cached_property
    def beliefs(self) -> World:
        """The world as the planner believes it to be."""
        return build_world(changed(self.scenario, self.scenario.planning.beliefs), self.base)

    @cached_property
    def tables(self) -> OrderTables:
        """Expected orders in the world believed in."""
        return value_tables(self.beliefs)

    def tables_of(self, world: World) -> OrderTables:
        """Expected orders in another world: mostly the same ones, since most assumptions are about offers."""
        known = self.beliefs
        same = (
            world.season is None
            and known.season is None
            and world.dynamics is None
            and known.dynamics is None
            and world.horizon == known.horizon
            and world.economics.discount_factor == known.economics.discount_factor
            and world.segments.state_dependence == known.segments.state_dependence
        )  # segments of one base differ in nothing else
        return self.tables if same else value_tables(world)

    def with_levers(self, strategy: str) -> Setup:
        """The same with one strategy's levers moved, and money for new customers taken off the budget."""
        levers = next((s.levers for s in self.scenario.strategies if s.name == strategy), {})
        scenario = without_acquisition(changed(self.scenario, levers) if levers else self.scenario)
        return self if scenario is self.scenario else replace(self, scenario=scenario)

    def briefing(self, customers: Customers, seed: int, gap: float, base: int | None = None) -> Briefing:
        """The same for every strategy.  ``base``: customers at the start (default: all)."""
        key = customers.population.traits.key
        share = self.scenario.contact_policy.control_group
        tracked = self.scenario.planning.tracked_share
        return Briefing(
            scenario=self.scenario,
            beliefs=self.beliefs,
            tables=self.tables,
            customers=customers,
            control=uniforms(seed, key, 0, CONTROL, 0) < share,
            calendar=calendar(self.scenario),
            scale=(base or len(key)) / self.customers,
            seed=seed,
            gap=gap,
            tracked=uniforms(seed, key, 0, TRACKED, 0) < tracked if tracked < 1 else None,
        )

    def makers(self, names: tuple[str, ...], pilot_arms: Mapping[str, int]) -> dict[str, Maker]:
        """Strategies by name; ``pilot_arms``: strategy -> arm of a simple rule."""
        world = self.beliefs
        arms, segments = tuple(a.name for a in world.arms), world.segments.names
        specs = {s.name: s for s in self.scenario.strategies}
        return {name: maker(specs[name], arms, segments, self.base.ids, pilot_arms.get(name, -1)) for name in names}


def calendar(scenario: Scenario) -> Calendar:
    """Decisions at the campaign waves, or every so many periods."""
    horizon, planning = scenario.time.horizon_periods, scenario.planning
    return Calendar(horizon, waves=planning.waves) if planning.waves else Calendar(horizon, planning.every_periods)


class Stages:
    """What each strategy is played on: the same customers and luck; a world and a budget of its own where it moves levers,
    wins new customers or needs capabilities.

    Args:
        values: numbers changed in the world; the planner's beliefs stay.
        shocks: whether the common shocks of the scenario fall.
    """

    def __init__(
        self,
        setup: Setup,
        customers: Customers,
        seed: int,
        values: Mapping[str, float] | None = None,
        *,
        gap: float | None = None,
        shocks: bool = False,
    ) -> None:
        self.setup, self.customers, self.seed, self.values = setup, customers, seed, values or {}
        self.gap, self.shocks = setup.gap if gap is None else gap, shocks
        self._plain: tuple[World, OrderTables, Briefing] | None = None

    def play(self, name: str, strategy: Strategy, *, keep_plans: bool = False) -> Played:
        """Run one strategy by this name."""
        setup, seed = self.setup.with_levers(name), self.seed
        scenario = changed(setup.scenario, self.values)
        scale = len(self.customers.population) / setup.customers
        cost = capability_costs(scenario, name)
        own = setup is not self.setup or cost is not None or scenario.acquisition is not None
        if own or self._plain is None:
            world = build_world(scenario, setup.base)
            if self.shocks and scenario.shocks is not None:
                drawn = shocks(seed, world.horizon, scenario.shocks.sd, scenario.shocks.persistence)
                world = replace(world, season=shocked(world.season, drawn))
            world = replace(world, scale=scale, overheads=cost, count_losses=True)
            customers, arrivals = with_new_customers(scenario, self.customers, world, seed)
            stage = (
                world,
                setup.tables_of(world),
                setup.briefing(customers, seed, self.gap, len(self.customers.population)),
            )
            if not own:
                self._plain = stage
        else:
            stage, arrivals = self._plain, None
        return play(*stage, strategy, seed, keep_plans=keep_plans, arrivals=arrivals)


@dataclass(frozen=True)
class Job:
    """One small comparison: these numbers changed in the world (the planner's beliefs stay), this seed, so many customers."""

    values: Mapping[str, float]
    seed: int
    customers: int
    strategies: tuple[str, ...]
    pilot_arms: Mapping[str, int]
    resample: bool = False


@dataclass(frozen=True)
class JobResult:
    """CLV per customer (S,), variance of paired differences (S, S), cumulative discounted margin by period (S, T)."""

    clv: Floats
    variance: Floats
    cumulative: Floats


def run_job(setup: Setup, job: Job) -> JobResult:
    """Play the job's strategies on common random numbers."""
    scenario = changed(setup.scenario, job.values)
    customers = draw_customers(
        scenario, setup.base, build_world(scenario, setup.base), job.customers, job.seed, resample=job.resample
    )
    makers = setup.makers(job.strategies, job.pilot_arms)
    stages = Stages(setup, customers, job.seed, job.values, shocks=job.resample)
    played = {name: stages.play(name, makers[name]()) for name in job.strategies}
    source = None if setup.base.real_customers is None else customers.population.traits.source
    world = build_world(scenario, setup.base)
    return JobResult(
        np.array([p.clv.mean() for p in played.values()]),
        np.array([[difference_variance(p, q, source) for q in played.values()] for p in played.values()]),
        np.array([cumulative_margin(p, world, job.customers) for p in played.values()]),
    )


def difference_variance(one: Played, other: Played, source: NDArray[np.int32] | None = None) -> float:
    """Variance of the mean CLV of one strategy less another's, on the same customers and luck.

    ``source``: the real customer behind each; then only the luck is counted, not the difference between real customers.
    """
    if one is other:
        return 0.0
    return paired_variance(one.clv - other.clv, one.priced_cost - other.priced_cost, source)


def cumulative_margin(played: Played, world: World, customers: int) -> Floats:
    """(T,) discounted margin per customer, summed up to each period."""
    factor = world.economics.discount_factor ** np.arange(world.horizon)
    return np.asarray(np.cumsum(played.ledger.margin * factor) / customers)
