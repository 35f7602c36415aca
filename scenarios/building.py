"""Scenario and customer base -> World: the one place where the YAML's words become the engine's parameters."""

from __future__ import annotations

import numpy as np

from engine import Arm, Economics, Fatigue, Segments, World
from engine.world import NO_CATEGORY, NO_SEGMENT
from scenarios.base import Base
from scenarios.building_dynamics import arm_dynamics, build_dynamics
from scenarios.schema.offers import Offer
from scenarios.schema.scenario import Scenario
from scenarios.surroundings import surroundings


def build_world(scenario: Scenario, base: Base) -> World:
    """The world that a scenario describes, for customers of this base."""
    segments = base.segments(scenario.population.kappa.value)
    fatigue = scenario.contact_policy.fatigue
    return World(
        segments=segments,
        order_value=base.order_value,
        economics=Economics(
            scenario.margins.gross_margin_rate,
            scenario.margins.cost_to_serve_per_order,
            scenario.time.discount_factor,
        ),
        horizon=scenario.time.horizon_periods,
        arms=tuple(
            _arm(name, offer, channel, scenario, segments, base.categories)
            for name, offer in scenario.offers.items()
            for channel in offer.channels
        ),
        fatigue=Fatigue(fatigue.decay, fatigue.weight) if fatigue else Fatigue(),
        categories=base.categories,
        complementarity=base.complementarity,
        dynamics=build_dynamics(scenario, segments, base.categories),
        **surroundings(scenario, segments),
    )


def _arm(
    name: str, offer: Offer, channel: str, scenario: Scenario, segments: Segments, categories: tuple[str, ...]
) -> Arm:
    effects = offer.effects
    base = effects.response.at(offer.depth)
    response = np.array([effects.response.by_segment.get(s, base) for s in segments.names])
    if offer.kind == "win_back":  # nobody who has not left is won back
        response = np.where(segments.lapsed, response, 0.0)
    return Arm(
        name=f"{name}/{channel}",
        offer=name,
        channel=channel,
        kind=offer.kind,
        contact_cost=scenario.channels[channel].cost_per_contact,
        redemption_cost=offer.redemption_cost,
        setup_cost=offer.setup_cost,
        depth=offer.depth,
        duration=offer.duration_periods,
        response=response,
        order_lift=effects.orders.at(offer.depth) if effects.orders else 0.0,
        attrition_reduction=effects.attrition.reduction if effects.attrition else 0.0,
        move_to=segments.names.index(effects.move.to) if effects.move else NO_SEGMENT,
        move_probability=effects.move.probability if effects.move else 0.0,
        category=categories.index(offer.category) if offer.category else NO_CATEGORY,
        sticks=effects.ownership.sticks if effects.ownership else 0.0,
        more=arm_dynamics(name, offer, channel, scenario, categories),
    )
