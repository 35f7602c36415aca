"""The whole curve of value against one budget: every optimum of the relaxation at once.

With one row and one arm a customer at most, the relaxation at budget B takes all customers' hull steps in order of return
until B is spent (Sinha, Zoltners 1979: the multiple-choice knapsack).  So one sort gives the optimum for every budget: at a
breakpoint the plan is whole, between two breakpoints one customer is split, and the value of that one step bounds what a
whole plan loses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers._jit import threads_for
from solvers.errors import ProblemError
from solvers.hulls import RADIX, hull_steps, pack_steps, radix_round, take_steps
from solvers.problem import NO_ARM, Problem, Row

FloatArray = NDArray[np.float64]
_CHUNK = 4096


@dataclass(frozen=True)
class BudgetPath:
    """Value against the use of one row; S steps.

    Attributes:
        budgets: (S + 1,) rising use of the row at the breakpoints, its constant included; the first is the least that any
            plan uses.
        values: (S + 1,) objective there, rising and concave.
        code: (S,) step j, from breakpoint j to j + 1, moves customer code // (K + 1) to arm code % (K + 1), K = none.
        arms: K.
        first: (n,) int16 the plan at the first breakpoint.

    """

    budgets: FloatArray
    values: FloatArray
    code: NDArray[np.signedinteger]
    arms: int
    first: NDArray[np.int16]

    @property
    def marginal(self) -> FloatArray:
        """(S,) objective per unit of budget in every step, falling."""
        return np.asarray(np.diff(self.values) / np.diff(self.budgets))

    def steps_at(self, budget: float) -> int:
        """Steps that are whole at a budget; -1 if even the first breakpoint uses more."""
        return int(np.searchsorted(self.budgets, budget, side="right")) - 1

    def value_at(self, budget: float) -> float:
        """Objective of the relaxation at a budget, an upper bound on any plan's; NaN below the first breakpoint."""
        if self.steps_at(budget) < 0:
            return float("nan")
        return float(np.interp(budget, self.budgets, self.values))

    def marginal_at(self, budget: float) -> float:
        """Objective per unit of a little more budget; 0 where nobody can use more, NaN below the first breakpoint."""
        at = self.steps_at(budget)
        if at < 0:
            return float("nan")
        if at >= len(self.code):
            return 0.0
        return float((self.values[at + 1] - self.values[at]) / (self.budgets[at + 1] - self.budgets[at]))

    def plan_at(self, budget: float) -> NDArray[np.int16]:
        """(n,) the whole plan of the last breakpoint within a budget, -1 = no arm.

        Raises:
            ProblemError: every plan uses more than this budget.

        """
        at = self.steps_at(budget)
        if at < 0:
            raise ProblemError([f"budget: expected at least {self.budgets[0]}, got {budget}"])
        plan = self.first.copy()
        customer, arm = np.divmod(self.code[:at], self.arms + 1)
        plan[customer] = np.where(arm < self.arms, arm, NO_ARM)  # later steps come later, and the last one counts
        return plan

    def budget_for(self, value: float) -> float:
        """The least budget whose relaxation is worth ``value``; NaN if none is."""
        if value > self.values[-1]:
            return float("nan")
        at = int(np.searchsorted(self.values, value))
        if at == 0:
            return float(self.budgets[0])
        share = (value - self.values[at - 1]) / (self.values[at] - self.values[at - 1])
        return float(self.budgets[at - 1] + share * (self.budgets[at] - self.budgets[at - 1]))

    def budget_at_price(self, price: float) -> float:
        """Use of the row if everybody answers to a price >= 0 of its unit: what to spend until the next unit returns less."""
        low, high = 0, len(self.code)
        while low < high:
            middle = (low + high) // 2
            cost = self.budgets[middle + 1] - self.budgets[middle]
            if self.values[middle + 1] - self.values[middle] > price * cost:
                low = middle + 1
            else:
                high = middle
        return float(self.budgets[low])


def path_row(problem: Problem) -> Row | None:
    """The row of a problem that :func:`budget_path` can take: the only one, with an upper bound alone."""
    if len(problem.rows) != 1 or problem.several or problem.household_of is not None:
        return None
    row = problem.rows[0]
    return row if np.isneginf(row.lower) and np.isfinite(row.upper) else None


def budget_path(problem: Problem, row: Row | None = None) -> BudgetPath:
    """The path of a problem along ``row`` (its only row by default), whatever that row's bounds are now.

    Other rows must be left out.  The row may be any linear form, with negative costs too (the path then starts at what the
    savings bring).

    Raises:
        ProblemError: no single row, more offers than one a customer, or numbers that are not finite.

    """
    if row is None and len(problem.rows) != 1:
        raise ProblemError([f"rows: expected exactly one for a path, got {len(problem.rows)}"])
    if problem.several or problem.household_of is not None:
        raise ProblemError(["max_offers: expected one offer a customer and no households for a path, got more"])
    along = problem.rows[0] if row is None else row
    h, k, n, c = problem.shape
    form = np.zeros((h + 1) * c * k)
    np.add.at(form, along.coefficients.indices, along.coefficients.data)
    form = np.ascontiguousarray(form.reshape(h + 1, c, k).transpose(1, 0, 2))
    used = np.flatnonzero(form[:, :h].any(axis=(0, 2)))
    start = np.append(np.arange(0, n, _CHUNK), n)
    chunks, size = len(start) - 1, n * k
    narrow: type[np.signedinteger] = np.int32 if n * (k + 1) < 2**31 else np.int64
    # Chunks store their steps from the front of their own piece: pages that nobody writes to take no memory.
    step, rates, code = np.empty((size, 2)), np.empty(size, np.float32), np.empty(size, narrow)
    count, base, first_arm = np.zeros(chunks, np.int64), np.zeros((chunks, 2)), np.empty(n, np.int16)
    mask = np.zeros((0, 0), bool) if problem.eligible is None else problem.eligible
    with threads_for(problem.measures.size):
        hull_steps(
            chunks,
            problem.measures,
            mask,
            problem.class_of,
            form,
            used,
            start,
            count,
            step,
            rates,
            code,
            first_arm,
            base,
        )
        if np.isnan(base).any():
            raise ProblemError(["measures: expected finite numbers, got NaN or infinity"])
        first = np.append(0, np.cumsum(count))
        steps = int(first[-1])
        rate, place = np.empty(steps, np.float32), np.empty(steps, narrow)
        pack_steps(chunks, rates, start, first, k, rate, place)
        key = ~rate.view(np.uint32)  # bits of positive floats are in their order: rising keys are falling returns
        other_key, other_place = np.empty_like(key), np.empty_like(place)
        for shift in (0, RADIX, 2 * RADIX):
            radix_round(key, place, shift, other_key, other_place)
            key, place, other_key, other_place = other_key, other_place, key, place
        budgets, values = np.empty(steps + 1), np.empty(steps + 1)
        codes = np.empty(steps, narrow)
        take_steps(steps, place, step, code, budgets[1:], values[1:], codes)
    budgets[0], values[0] = base[:, 0].sum() + along.constant, base[:, 1].sum()
    np.cumsum(budgets, out=budgets)
    np.cumsum(values, out=values)
    return BudgetPath(budgets, values, codes, k, first_arm)
