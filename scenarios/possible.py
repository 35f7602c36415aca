"""What only the engine can refuse: a scenario's world and a few of its customers, built without a run."""

from __future__ import annotations

import numpy as np

from engine import Simulation
from engine.errors import EngineError
from engine.valuation import value_tables
from scenarios.building import build_world
from scenarios.errors import ConfigError
from scenarios.lives import draw_customers
from scenarios.loading import LoadedScenario
from scenarios.places import extreme, placed
from scenarios.synthetic import SyntheticBase

FEW = 100


def check_possible(loaded: LoadedScenario) -> None:
    """Nothing for customers who are fitted: they are fitted first.

    Raises:
        ConfigError: the engine cannot run this world, or its numbers overflow; each problem with file and line.
    """
    scenario = loaded.scenario
    if scenario.population.synthetic is None:
        return
    base = SyntheticBase(scenario.population.synthetic)
    try:
        with np.errstate(over="raise", invalid="raise"):
            world = build_world(scenario, base)
            value_tables(world)
            Simulation(world, draw_customers(scenario, base, world, FEW, scenario.seed).population, seed=scenario.seed)
    except EngineError as error:
        found = dict.fromkeys(placed(problem, scenario) for problem in error.problems)
        raise ConfigError([text for path, said in found for text in loaded.at(path, [said])]) from error
    except (ArithmeticError, MemoryError, ValueError, np.linalg.LinAlgError) as error:
        worst = extreme(loaded.resolved)
        if worst is None:
            said = f"expected numbers that can be computed with; some are far too large or too small ({error})"
            raise ConfigError(loaded.at((), [said])) from error
        said = f"expected a number that can be computed with, got {worst[1]:g}"
        raise ConfigError(loaded.at(worst[0], [said])) from error
