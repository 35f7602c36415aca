"""What a planner knows at a decision epoch, as an allocation problem."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine import Calendar, Population, World
from engine.valuation import OrderTables, candidate, order_margin, order_tables, orders_ahead
from scenarios.base import Customers
from scenarios.rules import Labels, compile_rules
from scenarios.schema.rules import Rule
from scenarios.schema.scenario import Scenario
from solvers import Problem

MEASURES = ("value", "cost", "revenue", "margin")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Briefing:
    """What every strategy of a comparison is told alike.

    Attributes:
        scenario: rules, contact policy, knowledge.
        beliefs: the world as the planner believes it to be.
        customers: drawn customers with the planner's estimates.
        control: (n,) customers held out of every plan.
        calendar: decision epochs of the run.
        scale: drawn customers / the customers that amounts in rules are meant for.
        seed: the planner's own luck.
        gap: target gap of optimising strategies.
    """

    scenario: Scenario
    beliefs: World
    customers: Customers
    control: NDArray[np.bool_]
    calendar: Calendar
    scale: float
    seed: int
    gap: float = 1e-4
    tables: OrderTables = field(init=False)

    def __post_init__(self) -> None:
        world = self.beliefs
        tables = order_tables(world.segments, world.horizon, world.economics.discount_factor)
        object.__setattr__(self, "tables", tables)

    def as_known(self, population: Population) -> Population:
        """The customers with the traits that the planner takes for true; state is observed."""
        knowledge = self.scenario.planning.knowledge
        if knowledge == "oracle":
            return population
        c = self.customers
        traits = replace(
            population.traits,
            rate=c.rate_history if knowledge == "history" else c.rate_model,
            order_value=c.order_value_history if knowledge == "history" else c.order_value_model,
            responsiveness=np.zeros(len(population), np.float32),
        )
        return Population(traits, population.state)

    def candidates(self, known: Population, period: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(4, K, n) measures of every arm, and (K, n) what it would cost if everybody responded."""
        world = self.beliefs
        sd = 0.0 if self.scenario.planning.knowledge == "oracle" else self.customers.responsiveness_sd
        measures = np.empty((len(MEASURES), len(world.arms), len(known)), np.float32)
        liability = np.empty(measures.shape[1:], np.float32)
        for k, arm in enumerate(world.arms):
            c = candidate(world, self.tables, known, arm, period, sd)
            measures[0, k], measures[1, k], measures[2, k], measures[3, k] = c.value, c.cost, c.revenue, c.margin
            liability[k] = c.liability
        return measures, liability

    def eligible(self, known: Population, measures: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(K, n) who may get what: not the control group, within the contact policy, the offer's margin rate kept."""
        policy = self.scenario.contact_policy
        free = ~self.control
        if policy.max_contacts is not None and policy.window_periods is not None:
            window = np.uint64((1 << (policy.window_periods - 1)) - 1)
            free = free & (np.bitwise_count(known.state.contacts & window) < policy.max_contacts)
        out = np.repeat(free[None], measures.shape[1], axis=0)
        for k, arm in enumerate(self.beliefs.arms):
            rate = self.scenario.offers[arm.offer].min_margin_rate
            if rate is not None:
                out[k] &= measures[3, k] >= rate * measures[2, k]
        return out

    def problem(self, known: Population, period: int, rules: list[Rule], measures: NDArray[np.float32]) -> Problem:
        """The allocation problem under these rules; a customer's class is the observed segment."""
        world = self.beliefs
        labels = Labels(
            customers={"segment": world.segments.names},
            arms={
                "offer": tuple(arm.offer for arm in world.arms),
                "channel": tuple(arm.channel for arm in world.arms),
                "kind": tuple(arm.kind for arm in world.arms),
            },
        )
        rows = compile_rules(rules, MEASURES, labels, base=self._anyway(known, period))
        segment = known.state.segment.astype(np.int32)
        return Problem(measures, MEASURES, segment, len(world.segments.names), rows, self.eligible(known, measures))

    def _anyway(self, known: Population, period: int) -> Floats:
        """(4, S) revenue and margin that come anyway until the next epoch, by segment, for rules with ``scope: base``."""
        world = self.beliefs
        until = min([e for e in self.calendar.decisions if e > period], default=world.horizon)
        ahead = orders_ahead(self.tables, world.segments, period, until - period)
        segment, s = known.state.segment, len(world.segments.names)
        orders = known.traits.rate * ahead[known.traits.start_segment, segment]
        value = known.traits.order_value.astype(np.float64) + known.state.extra_value
        revenue = np.bincount(segment, orders * value, s)
        margin = np.bincount(segment, orders * order_margin(known, world), s)
        return np.stack([np.zeros(s), np.zeros(s), revenue, margin])
