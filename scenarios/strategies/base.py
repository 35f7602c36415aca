"""What a strategy is: an answer to "who gets what" from what the planner may know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine import Population
from scenarios.ahead import Ahead
from solvers import Problem, Solution

Floats = NDArray[np.float64]
Arms = NDArray[np.int16]


@dataclass(frozen=True)
class View:
    """What a planner sees at one decision epoch.  n customers, K arms.

    Attributes:
        problem: measures value, cost, revenue, margin (H, K, n), who may get what, and the rules in force now.
        population: the customers as the planner knows them (estimated traits, observed state).
        clv: (n,) expected value without offers, as the planner sees it.
        arms: K names, ``offer/channel``.
        segments: S names.
        uniform: draw index -> (n,) float32 in (0, 1), the planner's own luck, keyed by customer and epoch.
        gap: target gap of optimising strategies.
        ahead: the rest of the run, for strategies that plan over time.
    """

    problem: Problem
    population: Population
    clv: Floats
    arms: tuple[str, ...]
    segments: tuple[str, ...]
    uniform: Callable[[int], NDArray[np.float32]]
    gap: float
    ahead: Callable[[], Ahead]

    @property
    def value(self) -> NDArray[np.floating]:
        """(K, n) incremental CLV net of cost."""
        return np.asarray(self.problem.measures[0])

    @property
    def cost(self) -> NDArray[np.floating]:
        """(K, n) expected cost."""
        return np.asarray(self.problem.measures[1])

    def open_to(self, arm: int) -> NDArray[np.bool_]:
        """(n,) who may get this arm."""
        if self.problem.eligible is None:
            return np.ones(len(self.clv), bool)
        return np.asarray(self.problem.eligible[arm])


@dataclass(frozen=True)
class Choice:
    """Arm of each customer, -1 = none, and the solver's answer where there is one.

    ``prices``: rule -> what a unit of it was charged for, because it is worth that much later; ``model_value``: what the
    strategy's own model of the rest of the run expects, None without one.
    """

    arm: Arms
    solution: Solution | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    model_value: float | None = None


class Strategy(Protocol):
    """One strategy.  State from epoch to epoch (warm starts) is its own; a run makes a new one.

    One that has the attribute ``paces_itself`` set may use at once what a rule's window has left; the others' share of it is even.
    """

    def choose(self, view: View) -> Choice:
        """Who gets what now."""
        ...
