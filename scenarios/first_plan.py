"""Two questions about the first plan: what it is worth at other budgets, and what the control group costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine import Population
from scenarios.briefing import Briefing
from scenarios.budget_results import BudgetPoint
from scenarios.jobs import Setup
from scenarios.lives import draw_customers
from scenarios.planner import Planner, shadow_price
from scenarios.schema.rules import Rule
from scenarios.strategies.optimising import Nobody
from solvers import Solution, Status, solve

MULTIPLES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
CUSTOMERS = 20_000
GAP = 1e-4


@dataclass(frozen=True)
class FirstPlan:
    """The first epoch's allocation on a sample of customers.  ``scale``: customers of the run for one of the sample."""

    briefing: Briefing
    known: Population
    measures: NDArray[np.float32]
    rules: tuple[Rule, ...]
    budget_row: int | None
    scale: float
    period: int

    @classmethod
    def of(cls, setup: Setup) -> FirstPlan:
        """As the planner meets it."""
        setup = setup.with_levers("")  # what new customers cost is not there for offers
        scenario, size = setup.scenario, min(CUSTOMERS, setup.customers)
        drawn = draw_customers(scenario, setup.base, setup.beliefs, size, scenario.seed)
        briefing = setup.briefing(drawn, scenario.seed, GAP)
        planner = Planner(briefing, Nobody())
        known, period = briefing.as_known(drawn.population), briefing.calendar.decisions[0]
        measures, _ = briefing.candidates(known, period)
        rules, scale = tuple(planner.rules(period)), setup.customers / size
        return cls(briefing, known, measures, rules, planner.budget_row, scale, period)

    @property
    def budget_today(self) -> float | None:
        """Budget of the epoch, in money of all customers; None where no rule limits the cost of everything."""
        return None if self.budget_row is None else self.scale * float(self.rules[self.budget_row].max or 0.0)

    def budget_curve(self) -> tuple[BudgetPoint, ...]:
        """Value of the best plan at multiples of its budget, in money of all customers; empty without a budget.

        The other rules stay as they are; budgets at which they conflict are left out.
        """
        if self.budget_row is None or self.budget_today is None:
            return ()
        out, start = [], None
        for multiple in MULTIPLES:
            solution, price = self._solved(self.briefing, self.budget_today / self.scale * multiple, start)
            if solution.status is Status.INFEASIBLE:
                continue
            start = solution.multipliers
            out.append(BudgetPoint(self.budget_today * multiple, solution.objective * self.scale, max(price, 0.0)))
        return tuple(out)

    def control_cost(self) -> float | None:
        """Value that holding out the control group forgoes at this decision: the best plan's with nobody held out, less its own.

        None without a control group, or where the rules conflict.  Not below 0.
        """
        if not self.briefing.control.any():
            return None
        free = replace(self.briefing, control=np.zeros_like(self.briefing.control))
        held, all_in = (self._solved(b, None, None)[0] for b in (self.briefing, free))
        if Status.INFEASIBLE in (held.status, all_in.status):
            return None
        return max(all_in.objective - held.objective, 0.0) * self.scale

    def _solved(
        self, briefing: Briefing, budget: float | None, start: NDArray[np.float64] | None
    ) -> tuple[Solution, float]:
        """The best plan, and the price of its budget."""
        rules = list(self.rules)
        if budget is not None and self.budget_row is not None:
            rules[self.budget_row] = rules[self.budget_row].model_copy(update={"max": budget, "min": None})
        problem, compiled = briefing.problem(self.known, self.period, rules, self.measures)
        solution = solve(problem, gap=GAP, start=start)
        return solution, shadow_price(solution, compiled, self.budget_row)
