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
    names = {s.name: s.type for s in scenario.strategies if s.type in ONE_ARM}
    if not names:
        return {}
    world, seed = setup.beliefs(), scenario.seed ^ PILOT_SEED
    customers = setup.base.draw(min(PILOT_CUSTOMERS, setup.customers), seed, scenario.population.kappa.value)
    briefing = setup.briefing(customers, seed, setup.gap)
    best: dict[str, int] = {}
    for name, kind in names.items():
        means = [
            play(world, briefing.tables, briefing, Ranked(ONE_ARM[kind], arm), seed).clv.mean()
            for arm in range(len(world.arms))
        ]
        best[name] = max(range(len(means)), key=means.__getitem__)
    return best
