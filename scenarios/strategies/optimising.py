"""Strategies that use each customer's incremental CLV."""

from __future__ import annotations

import numpy as np

from scenarios.strategies.base import Arms, Choice, View
from solvers import Status, solve


class Nobody:
    """No offers."""

    def choose(self, view: View) -> Choice:
        """None."""
        return Choice(np.full(len(view.clv), -1, np.int16))


class Greedy:
    """By return: the solver's greedy rule; under parity customers by their best return, each with his arms in that order."""

    def choose(self, view: View) -> Choice:
        """Greedy."""
        if view.fair is not None:
            return Choice(self._fairly(view))
        solution = solve(view.problem, method="greedy")
        return Choice(solution.arm, solution)

    def _fairly(self, view: View) -> Arms:
        """The solver's rule would take nobody: its first customer of any group would break parity."""
        open_to = np.stack([view.open_to(k) for k in range(len(view.arms))])
        ratio = np.where(open_to & (view.value > 0), view.value / np.maximum(view.cost, 1e-9), -np.inf)
        best = np.argsort(-ratio, axis=0, kind="stable")
        order = np.argsort(-ratio.max(axis=0), kind="stable")
        who, arms = (
            np.repeat(order, len(best)),
            best[:, order].T.ravel(),
        )  # each customer's arms, best first: rules may close one
        good = np.isfinite(ratio[arms, who])
        return view.fill(who[good], arms[good])


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
