"""The one loop: decide, then live until the next decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from engine.arrivals import Arrivals
from engine.calendar import Epoch
from engine.population import Population
from engine.simulation import Simulation
from engine.world import World

Planner = Callable[[Epoch, Simulation], "NDArray[np.uint8] | None"]


def simulate(
    world: World,
    population: Population,
    *,
    seed: int,
    calendar: Iterable[Epoch],
    planner: Planner | None = None,
    track_history: bool = True,
    arrivals: Arrivals | None = None,
) -> Simulation:
    """Run a population through a calendar; ``planner`` sees the epoch and the run so far and gives a plan or None."""
    run = Simulation(world, population, seed=seed, track_history=track_history, arrivals=arrivals)
    for epoch in calendar:
        run.advance(epoch.periods, planner(epoch, run) if planner and epoch.planned else None)
    return run
