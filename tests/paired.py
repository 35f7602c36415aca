"""One contact of everybody against none, on common random numbers, and what was planned of it."""

import numpy as np

from engine import Simulation
from engine.valuation import future_value, value_tables


def value_and_cost(world, population, seed=3):
    """((n,), (n,)) for nobody contacted and for everybody in the first period: discounted value with what is left, promotion cost."""
    tables, n, out = value_tables(world), len(population), []
    for plan in (np.zeros(n, np.uint8), np.ones(n, np.uint8)):
        run = Simulation(world, population, seed=seed)
        run.advance(1, plan)
        run.advance(world.horizon - 1)
        run.ledger.check()
        end = (
            future_value(tables, run.population, world, world.horizon) * world.economics.discount_factor**world.horizon
        )
        out.append((run.margin + end, run.promotion_cost))
    return out


def comes_about(realised, expected, off=0.01):
    """|z| <= 4 plus so much of what was expected, for named approximations."""
    error = realised - expected
    allowed = 4 * error.std() / np.sqrt(len(error)) + off * abs(expected.mean())
    assert abs(error.mean()) <= allowed, (realised.mean(), expected.mean(), error.std() / np.sqrt(len(error)))
