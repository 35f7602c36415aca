"""What a planner knows at a decision epoch, as an allocation problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine import Calendar, Population, World
from engine.candidates import candidates
from engine.outlook import response_chance
from engine.present import present_rate, present_value
from engine.valuation import OrderTables, orders_ahead, response_probability
from scenarios.base import Customers
from scenarios.knowledge import hidden_spread, known_lives
from scenarios.margins import enough_margin
from scenarios.rule_rows import compile_rules
from scenarios.rules import CompiledRules, CustomerLabel, Subject
from scenarios.schema.rules import Rule
from scenarios.schema.scenario import Scenario
from scenarios.silence import Spells
from solvers import Problem

MEASURES = ("value", "cost", "revenue", "margin")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Briefing:
    """What every strategy of a comparison is told alike.

    Attributes:
        scenario: rules, contact policy, knowledge.
        beliefs: the world as the planner believes it to be.
        tables: expected orders in it.
        customers: drawn customers with the planner's estimates.
        control: (n,) customers held out of every plan.
        calendar: decision epochs of the run.
        scale: drawn customers / the customers that amounts in rules are meant for.
        seed: the planner's own luck.
        gap: target gap of optimising strategies.
        tracked: (n,) who is identified; None = everybody.
    """

    scenario: Scenario
    beliefs: World
    tables: OrderTables
    customers: Customers
    control: NDArray[np.bool_]
    calendar: Calendar
    scale: float
    seed: int
    gap: float = 1e-4
    tracked: NDArray[np.bool_] | None = None

    def as_known(
        self, population: Population, period: int = 0, since: Floats | None = None, spells: Spells | None = None
    ) -> Population:
        """The customers with the traits that the planner takes for true; state is observed.

        ``population``: those who are there, the first so many of the drawn customers.  ``since`` (n,): when a move showed each
        alive; ``spells``: when who left was away.
        """
        knowledge = self.scenario.planning.knowledge
        if knowledge == "oracle":
            return population
        c, n = self.customers, len(population)
        order_value = (c.order_value_history if knowledge == "history" else c.order_value_model)[:n]
        headroom, true = population.traits.headroom, population.traits.order_value
        if headroom.any():  # it goes with the order value, and is known as well as that
            headroom = headroom * (order_value / np.where(true > 0, true, 1)).astype(np.float32)[:, None]
        traits = replace(
            population.traits,
            rate=(c.rate_history if knowledge == "history" else c.rate_model)[:n],
            order_value=order_value,
            headroom=headroom,
            responsiveness=np.zeros(n, np.float32),
        )
        return known_lives(
            self.scenario,
            self.beliefs,
            self.tables,
            c.population,
            Population(traits, population.state, population.life),
            period,
            np.zeros(n, np.int64) if c.joined is None else np.maximum(c.joined[:n], 0).astype(np.int64),
            since,
            spells,
            c.groups,
        )

    def candidates(self, known: Population, period: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(4, K, n) measures of every arm, and (K, n) what it would cost if everybody responded."""
        sd = 0.0 if self.scenario.planning.knowledge == "oracle" else self.customers.responsiveness_sd
        out = candidates(self.beliefs, self.tables, known, period, sd, self._spread())
        return out[: len(MEASURES)], out[len(MEASURES)]

    def chances(self, known: Population, period: int) -> Floats:
        """(K, n) probability of a response to each arm."""
        world, sd = self.beliefs, self._spread()
        out = np.empty((len(world.arms), len(known)))
        for k, arm in enumerate(world.arms):
            if world.dynamics is None:
                out[k] = response_probability(
                    known, world, arm, 0.0 if sd is None else self.customers.responsiveness_sd
                )
            else:
                reach = world.dynamics.channels[arm.more.channel].reach if arm.more.channel >= 0 else 1.0
                out[k] = reach * response_chance(known, world, arm, period, 0.0 if sd is None else sd[k])
        return out

    def _spread(self) -> list[float] | None:
        """Spread of each arm's logit that the planner does not see; None where he sees everything."""
        if self.scenario.planning.knowledge == "oracle":
            return None
        return hidden_spread(self.scenario, self.customers.responsiveness_sd)

    @property
    def sendable(self) -> NDArray[np.bool_]:
        """(n,) customers who are identified and not in the control group."""
        return ~self.control if self.tracked is None else ~self.control & self.tracked

    def eligible(self, known: Population, measures: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(K, n) who may get what: identified, not the control group, within the contact policy, the offer's margin rate kept."""
        policy, free = self.scenario.contact_policy, self.sendable[: len(known)]
        if policy.max_contacts is not None and policy.window_periods is not None:
            window = np.uint64((1 << (policy.window_periods - 1)) - 1)
            free = free & (np.bitwise_count(known.state.contacts & window) < policy.max_contacts)
        return self.offered(known, measures) & free

    def offered(self, known: Population, measures: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(K, n) who consents to the channel, and for whom the offer's margin rate is kept."""
        out = np.ones(measures.shape[1:], bool)
        for k, arm in enumerate(self.beliefs.arms):
            if arm.more.channel >= 0 and known.life is not None:
                out[k] &= (known.life.consent >> np.uint32(arm.more.channel)) & np.uint32(1) == 1
            out[k] &= enough_margin(measures[3, k], measures[2, k], self.scenario.offers[arm.offer].min_margin_rate)
        return out

    def problem(
        self, known: Population, period: int, rules: Sequence[Rule], measures: NDArray[np.float32]
    ) -> tuple[Problem, CompiledRules]:
        """The allocation problem under these rules."""
        world = self.beliefs
        subject = Subject(
            measures=MEASURES,
            arms={
                "offer": [arm.offer for arm in world.arms],
                "channel": [arm.channel for arm in world.arms],
                "kind": [arm.kind for arm in world.arms],
            },
            customers=self._labels(known),
            n=len(known),
            base=self._anyway(known, period),
        )
        compiled = compile_rules(rules, subject)
        eligible = self.eligible(known, measures)
        return Problem(measures, MEASURES, compiled.class_of, compiled.n_classes, compiled.rows, eligible), compiled

    def _labels(self, known: Population) -> dict[str, CustomerLabel]:
        """Labels that rules may name: the segment, the tier, and the population's groups."""
        found = {"segment": CustomerLabel(self.beliefs.segments.names, known.state.segment)}
        dynamics, synthetic = self.scenario.dynamics, self.scenario.population.synthetic
        if dynamics is not None and dynamics.tiers and known.life is not None:
            found["tier"] = CustomerLabel(tuple(dynamics.tiers), known.life.tier)
        for label, code in self.customers.groups.items():
            if synthetic is not None:
                found[label] = CustomerLabel(tuple(synthetic.groups[label]), code[: len(known)])
        return found

    def _anyway(self, known: Population, period: int) -> dict[str, Floats]:
        """Revenue and margin (n,) that come anyway until the next epoch, for rules with ``scope: base``."""
        world, e = self.beliefs, self.beliefs.economics
        until = min([e for e in self.calendar.decisions if e > period], default=world.horizon)
        ahead = orders_ahead(self.tables, world.segments, period, until - period)
        orders = present_rate(known, world, period) * ahead[known.traits.start_segment, known.state.segment]
        value = present_value(known, world, period)
        return {
            "revenue": orders * value,
            "margin": orders * (e.gross_margin_rate * value - e.cost_to_serve_per_order),
        }
