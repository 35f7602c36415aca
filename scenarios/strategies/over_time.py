"""The strategy that looks ahead: money is kept for when it is worth most, and offers for the moment that suits them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from scenarios.strategies.base import Choice, View
from solvers import Problem, Status, lagrangian, solve

GAP = 2e-3
PASSES = 60


class OptimalOverTime:
    """Prices every rule over the rest of the run, then chooses for today's customers at these prices.

    At each decision the rest of the run is solved anew with what is left of every rule's windows.  An arm's value is
    its incremental CLV, plus what it changes in the worth of later offers, less what it uses of rules that later decisions
    need too, at their prices.  The plan that is best by that, under all rules in force now, is certified as any other.
    """

    paces_itself = True

    def __init__(self) -> None:
        self._prices: dict[tuple[str, int], float] = {}

    def choose(self, view: View) -> Choice:
        """Solve the rest of the run, then today."""
        ahead = view.ahead()
        start = np.array([self._prices.get(key, 0.0) for key in ahead.keys])
        plan = lagrangian(ahead.flow, start=start, gap=GAP, passes=PASSES)
        self._prices = dict(zip(ahead.keys, plan.prices.tolist(), strict=True))
        charge = ahead.charges(plan.prices)
        segment = view.population.state.segment
        objective = view.value + ahead.future_of_arms(plan.value)
        for j, measure in enumerate(ahead.measures):
            counted = measure == len(view.problem.measures)
            objective -= charge[j][:, segment] * (1.0 if counted else view.problem.measures[measure])
        solution = solve(with_objective(view.problem, objective), gap=view.gap)
        if solution.status is Status.INFEASIBLE:
            return Choice(solution.arm, solution)
        return Choice(solution.arm, solution, ahead.prices_now(plan.prices), plan.model_value)


def with_objective(problem: Problem, objective: np.ndarray) -> Problem:
    """The same problem with another objective; rules still speak about the measures that they name."""
    h, k, _, c = problem.shape
    width = (h + 2) * c * k
    rows = tuple(
        replace(
            row,
            coefficients=sparse.csr_matrix(
                (row.coefficients.data, row.coefficients.indices + c * k, row.coefficients.indptr), shape=(1, width)
            ),
        )
        for row in problem.rows
    )
    measures = np.concatenate([objective[None].astype(problem.measures.dtype), problem.measures])
    return replace(problem, measures=measures, measure_names=("objective", *problem.measure_names), rows=rows)
