"""No straw men: a simple rule sends the arm that is best for it, found on a small draw in the planner's world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scenarios.jobs import Setup
from scenarios.lives import draw_customers
from scenarios.play import play
from scenarios.strategies.base import Strategy
from scenarios.strategies.catalogue import ONE_ARM
from scenarios.strategies.ranked import Ranked
from scenarios.workers import Runner

PILOT_CUSTOMERS = 2000
PILOT_SEED = 0x9107


def pilot_arms(setup: Setup, on: Runner) -> dict[str, int]:
    """Strategy -> arm with the largest mean CLV of the rule on ``PILOT_CUSTOMERS`` customers, in the world believed in."""
    simple = [s for s in setup.scenario.strategies if s.type in ONE_ARM]
    arms = len(setup.beliefs.arms)
    tried = [Ranked(ONE_ARM[s.type], arm, s.share or 1.0) for s in simple for arm in range(arms)]
    means = list(on(pilot_value, tried))
    chosen = [int(np.argmax(means[i * arms : (i + 1) * arms])) for i in range(len(simple))]
    return {s.name: arm for s, arm in zip(simple, chosen, strict=True)}


def pilot_value(setup: Setup, rule: Strategy) -> float:
    """Mean CLV of one rule with one arm."""
    setup = setup.with_levers("")  # what new customers cost is not there for offers
    scenario, world = setup.scenario, setup.beliefs
    seed, size = scenario.seed ^ PILOT_SEED, min(PILOT_CUSTOMERS, setup.customers)
    customers = draw_customers(scenario, setup.base, world, size, seed)
    world = replace(world, scale=size / setup.customers)  # what is paid once is shared by all customers
    briefing = setup.briefing(customers, seed, setup.gap)
    return float(play(world, briefing.tables, briefing, rule, seed).clv.mean())
