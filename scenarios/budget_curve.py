"""Model value of the first plan against its budget."""

from __future__ import annotations

import numpy as np

from scenarios.jobs import Setup
from scenarios.lives import draw_customers
from scenarios.planner import Planner, shadow_price
from scenarios.results import BudgetPoint
from scenarios.strategies.optimising import Nobody
from solvers import Status, solve

MULTIPLES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
CUSTOMERS = 20_000


def budget_curve(setup: Setup) -> tuple[tuple[BudgetPoint, ...], float | None]:
    """Value of the best plan of the first epoch at multiples of its budget, in money of all customers; and that budget.

    Empty if no rule limits the cost of everything.  The other rules stay as they are; budgets at which they conflict are left out.
    """
    scenario, size = setup.scenario, min(CUSTOMERS, setup.customers)
    drawn = draw_customers(scenario, setup.base, setup.beliefs(), size, scenario.seed)
    briefing = setup.briefing(drawn, scenario.seed, 1e-4)
    planner = Planner(briefing, Nobody())
    index = planner.budget_row
    if index is None:
        return (), None
    known = briefing.as_known(drawn.population)
    measures, _ = briefing.candidates(known, 0)
    rules = planner.rules(0)
    today = float(rules[index].max or 0.0)
    out, start = [], None
    for multiple in MULTIPLES:
        rules[index] = rules[index].model_copy(update={"max": today * multiple, "min": None})
        problem, compiled = briefing.problem(known, 0, rules, measures)
        solution = solve(problem, gap=1e-4, start=start)
        if solution.status is Status.INFEASIBLE:
            continue
        start = solution.multipliers
        price = shadow_price(solution, compiled, index)
        scale = setup.customers / size
        out.append(BudgetPoint(today * multiple * scale, solution.objective * scale, float(np.maximum(price, 0.0))))
    return tuple(out), today * setup.customers / size
