"""The planner: asks one strategy at every decision epoch, holds it to the rules, books what it planned."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine import Epoch, Simulation
from engine.rng import STRATEGY, uniforms
from engine.valuation import future_value
from scenarios.briefing import Briefing
from scenarios.pacing import Pace, windows
from scenarios.schema.rules import Rule
from scenarios.strategies.base import Choice, Strategy, View
from solvers import Problem


@dataclass(frozen=True)
class Decision:
    """One decision: what was planned, and what the solver said.

    ``planned_value`` and costs are sums over customers, undiscounted to the start of the run.  ``price``: value of one more
    unit of the budget.  ``missed``: rule -> shortfall relative to its bound.
    """

    period: int
    contacts: int
    planned_value: float
    planned_cost: float
    liability: float
    price: float
    gap: float
    passes: int
    missed: dict[str, float]


@dataclass
class Planner:
    """One strategy under one briefing.  ``keep_plans`` keeps every epoch's arms for the run folder."""

    briefing: Briefing
    strategy: Strategy
    keep_plans: bool = False
    decisions: list[Decision] = field(default_factory=list)
    plans: list[NDArray[np.int16]] = field(default_factory=list)

    def __post_init__(self) -> None:
        b = self.briefing

        def pace(rule: Rule, bound: float | None) -> Pace | None:
            if bound is None or rule.ratio is not None:
                return None
            epochs = tuple(b.calendar.decisions)
            return Pace(bound * b.scale, windows(rule.per, b.scenario.time, epochs), epochs)

        self._paces = [(rule, pace(rule, rule.min), pace(rule, rule.max)) for rule in b.scenario.rules]
        self._capacities = [
            Rule(name=f"capacity of {name}", measure="count", where={"channel": (name,)}, max=c.capacity_per_period * b.scale)
            for name, c in b.scenario.channels.items()
            if c.capacity_per_period is not None
        ]

    @property
    def budget_row(self) -> int | None:
        """Index of the rule that limits the cost of everything; None without one."""
        for index, (rule, _, high) in enumerate(self._paces):
            if rule.measure == "cost" and not rule.where and high is not None:
                return index
        return None

    @property
    def budget(self) -> float | None:
        """Amount of all windows of the budget; None without one."""
        index = self.budget_row
        high = None if index is None else self._paces[index][2]
        return None if high is None else high.total()

    def __call__(self, epoch: Epoch, simulation: Simulation) -> NDArray[np.uint8]:
        """The plan of this epoch for the engine: 0 = none, 1 + arm."""
        b, period = self.briefing, epoch.period
        known = b.as_known(simulation.population)
        measures, liability = b.candidates(known, period)
        problem = b.problem(known, period, self.rules(period), measures)
        view = View(
            problem=problem,
            population=known,
            clv=future_value(b.tables, known, b.beliefs, period),
            arms=tuple(arm.name for arm in b.beliefs.arms),
            segments=b.beliefs.segments.names,
            uniform=lambda draw: uniforms(b.seed, known.traits.key, period, STRATEGY, draw),
            gap=b.gap,
        )
        choice = self.strategy.choose(view)
        self._book(period, problem, liability, choice)
        if self.keep_plans:
            self.plans.append(choice.arm)
        return (choice.arm + 1).astype(np.uint8)

    def rules(self, period: int) -> list[Rule]:
        """The rules with what this epoch may use of each, and the channels' capacities."""
        paced = [
            rule.model_copy(
                update={
                    "min": low.allowed(period) if low else rule.min,
                    "max": high.allowed(period) if high else rule.max,
                }
            )
            for rule, low, high in self._paces
        ]
        return paced + self._capacities

    def _book(self, period: int, problem: Problem, liability: NDArray[np.float32], choice: Choice) -> None:
        chosen = np.flatnonzero(choice.arm >= 0)
        arm = choice.arm[chosen]
        table = plan_table(problem, chosen, arm)
        missed = {}
        for index, row in enumerate(problem.rows):
            used = float((row.coefficients @ table.ravel())[0])
            size = max([1.0, *(abs(x) for x in (row.lower, row.upper) if np.isfinite(x))])
            short = max(row.lower - used - row.constant, used + row.constant - row.upper) / size
            if short > 1e-6:
                missed[row.name] = short
            if index < len(self._paces):
                for pace in self._paces[index][1:]:
                    if pace is not None:
                        pace.use(period, used)
        total = table.sum(axis=(1, 2))
        solution, budget = choice.solution, self.budget_row
        self.decisions.append(
            Decision(
                period=period,
                contacts=len(chosen),
                planned_value=float(total[0]),
                planned_cost=float(total[1]),
                liability=float(liability[arm, chosen].sum(dtype=np.float64)),
                price=solution.rows[budget].shadow_price if solution is not None and budget is not None else 0.0,
                gap=solution.gap if solution is not None else 0.0,
                passes=solution.passes if solution is not None else 0,
                missed=missed,
            )
        )


def plan_table(problem: Problem, chosen: NDArray[np.integer], arm: NDArray[np.integer]) -> NDArray[np.float64]:
    """(H + 1, C, K) sums of the measures, and the count, of a plan: customers ``chosen`` get ``arm``."""
    h, k, _, c = problem.shape
    cell = problem.class_of[chosen].astype(np.int64) * k + arm
    sums = [np.bincount(cell, problem.measures[m, arm, chosen], c * k) for m in range(h)]
    return np.stack([*sums, np.bincount(cell, minlength=c * k)]).reshape(h + 1, c, k)
