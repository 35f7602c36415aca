"""Small whole comparisons, one after the other or on several processes: outer draws, stepped assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import Calendar, World
from engine.rng import CONTROL, uniforms
from engine.valuation import value_tables
from scenarios.assumptions import changed
from scenarios.base import Base, Customers
from scenarios.briefing import Briefing
from scenarios.building import build_world
from scenarios.lives import draw_customers
from scenarios.play import Played, play
from scenarios.schema.scenario import Scenario
from scenarios.statistics import paired_variance
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
    gap: float = 1e-3

    def beliefs(self) -> World:
        """The world as the planner believes it to be."""
        return build_world(changed(self.scenario, self.scenario.planning.beliefs), self.base)

    def briefing(self, customers: Customers, seed: int, gap: float) -> Briefing:
        """The same for every strategy."""
        key = customers.population.traits.key
        share = self.scenario.contact_policy.control_group
        return Briefing(
            scenario=self.scenario,
            beliefs=self.beliefs(),
            customers=customers,
            control=uniforms(seed, key, 0, CONTROL, 0) < share,
            calendar=Calendar(self.scenario.time.horizon_periods, self.scenario.planning.every_periods),
            scale=len(key) / self.customers,
            seed=seed,
            gap=gap,
        )

    def makers(self, names: tuple[str, ...], pilot_arms: Mapping[str, int]) -> dict[str, Maker]:
        """Strategies by name; ``pilot_arms``: strategy -> arm of a simple rule."""
        world = self.beliefs()
        arms, segments = tuple(a.name for a in world.arms), world.segments.names
        specs = {s.name: s for s in self.scenario.strategies}
        return {name: maker(specs[name], arms, segments, self.base.ids, pilot_arms.get(name, -1)) for name in names}


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
    world = build_world(scenario, setup.base)
    tables = value_tables(world)
    customers = draw_customers(scenario, setup.base, world, job.customers, job.seed, resample=job.resample)
    briefing = setup.briefing(customers, job.seed, setup.gap)
    makers = setup.makers(job.strategies, job.pilot_arms)
    played = {name: play(world, tables, briefing, makers[name](), job.seed) for name in job.strategies}
    source = None if setup.base.real_customers is None else customers.population.traits.source
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
