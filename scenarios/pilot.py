"""No straw men: a simple rule sends the arm that is best for it, found on a small draw in the planner's world."""

from __future__ import annotations

from scenarios.jobs import Setup
from scenarios.play import play
from scenarios.schema.scenario import Scenario
from scenarios.strategies.catalogue import ONE_ARM
from scenarios.strategies.ranked import Ranked

PILOT_CUSTOMERS = 3000
PILOT_SEED = 0x9107


def pilot_arms(setup: Setup, scenario: Scenario) -> dict[str, int]:
    """Strategy -> arm with the largest mean CLV of the rule on ``PILOT_CUSTOMERS`` customers, in the world believed in."""
    simple = [s for s in scenario.strategies if s.type in ONE_ARM]
    if not simple:
        return {}
    world, seed = setup.beliefs(), scenario.seed ^ PILOT_SEED
    customers = setup.base.draw(min(PILOT_CUSTOMERS, setup.customers), seed, scenario.population.kappa.value)
    briefing = setup.briefing(customers, seed, setup.gap)
    best: dict[str, int] = {}
    for spec in simple:
        rules = [Ranked(ONE_ARM[spec.type], arm, spec.share or 1.0) for arm in range(len(world.arms))]
        means = [play(world, briefing.tables, briefing, rule, seed).clv.mean() for rule in rules]
        best[spec.name] = max(range(len(means)), key=means.__getitem__)
    return best
