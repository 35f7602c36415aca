"""What no strategy could exceed: a proven bound on the incremental CLV of a scenario, where its world allows the proof.

The bound of :mod:`solvers.lagrangian` over all decisions of the run, for customers with their true traits: a strategy that
knows less can do no better.  Customers are spread over a grid of sizes, on which their value is convex
(:mod:`solvers.chords`), so that it holds however they differ.  What is left out can only lower what strategies bring: minimums
and ratios among the rules, margin tests, set-up costs, fatigue of contacts older than the model remembers (a lower response can
be imitated by sending the offer less often), the whole numbers of customers.

It is proven where the model's moves are the world's: segments, orders and offers that do not overlap, no dynamics, no
categories, no unseen responsiveness.  Elsewhere :func:`obstacles` says what is in the way, and nothing is claimed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine import Population, World, make_population
from engine.valuation import candidate
from scenarios.ahead import at_every_place
from scenarios.base import Customers
from scenarios.briefing import MEASURES
from scenarios.budget_results import OVERLAP
from scenarios.contacts_ahead import Memories
from scenarios.flow_ahead import make_flow
from scenarios.jobs import Setup
from scenarios.planner import Planner
from scenarios.schema.scenario import Scenario
from scenarios.strategies.optimising import Nobody
from solvers import lagrangian
from solvers.chords import chords

Floats = NDArray[np.float64]

POINTS, POINTS_OF_TWO = 96, 24
CELLS = 12_000_000
LEAST_RATE = 1e-30
"""Below, sales over rate leave float32."""
ROUNDING = 1e-6
"""Sizes are float32; relative."""


def obstacles(scenario: Scenario, world: World, population: Population) -> list[str]:
    """What keeps the bound from being proven; empty if it is."""
    found = []
    if world.dynamics is not None:
        found.append("dynamics")
    if world.service is not None:
        found.append("a contact centre")
    if scenario.acquisition is not None:
        found.append("new customers")
    if any(arm.category >= 0 for arm in world.arms):
        found.append("cross-selling")
    if population.traits.responsiveness.any():
        found.append("responsiveness that differs between customers")
    if (population.traits.start_segment != population.state.segment).any():
        found.append("customers who have moved before the run")
    if overlap(scenario, world):
        found.append(OVERLAP)
    if scenario.planning.beliefs:
        found.append("a planner who believes other numbers, and so spends another amount than the rules mean")
    if scenario.planning.knowledge == "history":
        found.append(
            "a planner who takes past behaviour for the rate, and so spends another amount than the rules mean"
        )
    if not _alone(world) and float(population.traits.rate.min(initial=1)) < LEAST_RATE:
        found.append("customers who never order, where an order costs something to serve or to redeem")
    return found


def _alone(world: World) -> bool:
    """Whether an offer's value and cost depend on rate x order value alone."""
    return world.economics.cost_to_serve_per_order == 0 and all(arm.redemption_cost == 0 for arm in world.arms)


def overlap(scenario: Scenario, world: World) -> bool:
    """An offer can still act on a customer, or on his moves, when the next one comes."""
    planning, policy, horizon = scenario.planning, scenario.contact_policy, world.horizon
    epochs = planning.waves or tuple(range(0, horizon, planning.every_periods))
    shortest = min(np.diff(epochs), default=horizon)
    apart = shortest
    if policy.max_contacts == 1 and policy.window_periods is not None:
        apart = max(apart, policy.window_periods)
    return any(arm.duration > (shortest if arm.attrition_reduction > 0 else apart) for arm in world.arms)


def ceiling(setup: Setup, customers: Customers, world: World) -> float:
    """Bound on the incremental CLV of these customers in all, against doing nothing, discounted, in expectation.

    ``setup`` without ``obstacles`` in this world.
    """
    scenario = setup.scenario
    planning = scenario.planning.model_copy(update={"knowledge": "oracle", "beliefs": {}, "data_lag_decisions": 0})
    knowing = replace(setup, scenario=scenario.model_copy(update={"planning": planning}))
    briefing = replace(knowing.briefing(customers, scenario.seed, 1e-4), beliefs=world, tables=setup.tables_of(world))
    if not world.arms or not briefing.sendable.any():
        return 0.0
    policy, epochs = scenario.contact_policy, briefing.calendar.decisions
    memories = Memories.of(epochs, policy.max_contacts, policy.window_periods, world.fatigue)
    types, weight = spread(customers.population, world, briefing.sendable, len(epochs) * memories.count)
    s, m, g = len(world.segments.names), memories.count, len(types)
    mass = np.zeros((g, m, s))
    mass[np.arange(g), 0, types.traits.start_segment] = weight
    mass = mass @ np.linalg.matrix_power(world.segments.transition, epochs[0])
    stages = []
    for epoch in epochs:
        copies = at_every_place(types, m, s)
        copies.state.fatigue[:] = np.tile(np.repeat(memories.fatigue(epoch), s), g).astype(np.float32)
        found = [candidate(world, briefing.tables, copies, arm, epoch) for arm in world.arms]
        measures = np.array([[getattr(x, name) for x in found] for name in MEASURES])
        shape = (len(world.arms), g, m, s)
        stages.append((measures.reshape(-1, *shape), briefing.chances(copies, epoch).reshape(shape)))
    # A lower response is imitated by sending less: that uses no more of these measures (of margin and value it may).
    every = Planner(briefing, Nobody()).limits(epochs[0])
    limits = [limit for limit in every if (limit[0].measure or "count") in ("cost", "count", "revenue")]
    once = np.zeros(len(world.arms), bool)
    least = lagrangian(make_flow(briefing, epochs, stages, memories, mass, limits, once, s))
    start = world.economics.discount_factor ** epochs[0]
    return least.bound * start * (1 + ROUNDING)


def spread(population: Population, world: World, who: NDArray[np.bool_], cells: int) -> tuple[Population, Floats]:
    """Types on a grid of (rate x order value, rate), one grid for each start segment, and how many customers each stands for.

    Where serving an order and redeeming it cost nothing, an offer's value and cost depend on the product alone.
    """
    traits = population.traits
    rate, value = traits.rate.astype(np.float64), traits.order_value.astype(np.float64) + population.state.extra_value
    alone = _alone(world)
    most = max(CELLS // max(cells * len(world.arms) * len(world.segments.names) ** 2, 1), 4)
    rates, values, starts, weights = [], [], [], []
    for a in np.unique(traits.start_segment[who]).tolist():
        here = who & (traits.start_segment == a)
        sales = rate[here] * value[here]
        if alone:
            axes = [axis(sales, min(POINTS, most))]
            corners, shares = chords(sales[:, None], axes)
        else:
            side = min(POINTS_OF_TWO, max(int(np.sqrt(most)), 2))
            axes = [axis(sales, side), axis(rate[here], side)]
            corners, shares = chords(np.column_stack([sales, rate[here]]), axes)
        nodes = np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=1)
        mass = np.bincount(corners.ravel(), shares.ravel(), len(nodes))
        used = mass > 0
        rates.append(np.ones(int(used.sum())) if alone else nodes[used, 1])
        values.append(nodes[used, 0] if alone else nodes[used, 0] / np.maximum(nodes[used, 1], 1e-300))
        starts.append(np.full(int(used.sum()), a))
        weights.append(mass[used])
    types = make_population(
        rate=np.concatenate(rates),
        order_value=np.concatenate(values),
        segment=np.concatenate(starts),
        headroom=np.zeros((sum(map(len, rates)), len(world.categories))),
    )
    return types, np.concatenate(weights)


def axis(x: Floats, points: int) -> Floats:
    """Ascending grid from the least to the largest, denser where customers are: a mix of quantiles and even ratios."""
    low, high = float(x.min()), float(x.max())
    even = np.geomspace(max(low, 1e-3 * high), high, points - points // 2) if high > 0 else np.zeros(1)
    return np.unique(
        np.concatenate([[low, high], even, np.quantile(x, np.linspace(0, 1, points // 2))]).clip(low, high)
    )
