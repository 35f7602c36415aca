"""Strategies that use each customer's incremental CLV."""

from __future__ import annotations

import numpy as np

from scenarios.strategies.base import Choice, View
from solvers import Status, solve


class Nobody:
    """No offers."""

    def choose(self, view: View) -> Choice:
        """None."""
        return Choice(np.full(len(view.clv), -1, np.int16))


class Greedy:
    """By return: the solver's greedy rule."""

    def choose(self, view: View) -> Choice:
        """Greedy."""
        solution = solve(view.problem, method="greedy")
        return Choice(solution.arm, solution)


class Optimal:
    """Largest incremental CLV under all rules at once, certified.  Starts from the last epoch's prices."""

    def __init__(self) -> None:
        self._prices: np.ndarray | None = None

    def choose(self, view: View) -> Choice:
        """Solve; the rules' prices start the next epoch's solve."""
        start = self._prices if self._prices is not None and len(self._prices) == len(view.problem.rows) else None
        solution = solve(view.problem, gap=view.gap, start=start)
        if solution.status is not Status.INFEASIBLE:
            self._prices = solution.multipliers
        return Choice(solution.arm, solution)
