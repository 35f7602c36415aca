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
from scenarios.synthetic import SyntheticBase

FEW = 100


def check_possible(loaded: LoadedScenario) -> None:
    """Nothing for customers who are fitted: they are fitted first.

    Raises:
        ConfigError: the engine cannot run this world, or its numbers overflow.
    """
    scenario = loaded.scenario
    if scenario.population.synthetic is None:
        return
    base = SyntheticBase(scenario.population.synthetic)
    where = loaded.files[0]
    try:
        with np.errstate(over="raise", invalid="raise"):
            world = build_world(scenario, base)
            Simulation(world, draw_customers(scenario, base, world, FEW, scenario.seed).population, seed=scenario.seed)
            value_tables(world)
    except EngineError as error:
        raise ConfigError([f"{where}: {problem}" for problem in error.problems]) from error
    except (ArithmeticError, MemoryError, np.linalg.LinAlgError) as error:
        raise ConfigError(
            [f"{where}: expected numbers that can be computed with; some are far too large or too small ({error})"]
        ) from error
