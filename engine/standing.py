"""What an offer that still acts is worth: the response to another one ends it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine import outlook, valuation
from engine.population import Population
from engine.valuation import OrderTables
from engine.world import World

Floats = NDArray[np.float64]


def standing_value(world: World, tables: OrderTables, population: Population, t: int) -> Floats:
    """(n,) value of the periods that are left of each customer's active offer, against none; 0 where none acts.

    The state's value without further contacts is ``future_value + standing_value``, so an arm's incremental value is what it
    brings against no offer less this, given a response.
    """
    out, state = np.zeros(len(population)), population.state
    for a, arm in enumerate(world.arms, start=1):
        acts = state.active_arm == a
        for left in np.unique(state.active_left[acts]).tolist():
            who = np.flatnonzero(acts & (state.active_left == left))
            some, rest = population.take(who), replace(arm, duration=left)
            if world.dynamics is None:
                out[who] = valuation.given_response(world, tables, some, rest, t, begun=True)[-1]
            else:
                out[who] = outlook.given_response(world, tables, some, rest, t, begun=True).given
    return out
