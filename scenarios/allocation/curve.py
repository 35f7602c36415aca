"""The best plans at the bounds of one rule: from one sort where the rule is all there is, else a solve for each bound."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.case import Case
from scenarios.allocation.prices import binds
from scenarios.allocation.solving import Limits, solve_case

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """The best plan at one bound.

    ``used``: what it uses of the rule.  ``marginal``: objective per unit of a little more room (ratios: per 0.01).
    ``average``: objective per unit used, None for ratios and where nothing is used.  All None where no plan meets the rules.
    """

    bound: float
    used: float | None
    value: float | None
    marginal: float | None
    average: float | None
    gap: float = 0.0

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "bound": self.bound,
            "used": self.used,
            "value": self.value,
            "marginal": self.marginal,
            "average": self.average,
            "gap": self.gap if self.value is not None else None,
        }


class Curve(ABC):
    """Points at any bound."""

    @abstractmethod
    def at(self, bound: float) -> Point:
        """The best plan at a bound."""

    @abstractmethod
    def free(self) -> float | None:
        """Use of the rule when it is left out; None if no plan meets the others."""

    def binding(self) -> tuple[str, ...]:
        """Other rules that bind when this one is left out."""
        return ()


class PathCurve(Curve):
    """Points of the relaxation's path: one sort for all of them."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def at(self, bound: float) -> Point:
        """See :class:`Curve`."""
        value = self.path.value_at(bound)
        if math.isnan(value):
            return Point(bound, None, None, None, None)
        used = min(bound, float(self.path.budgets[-1]))
        whole = float(self.path.values[self.path.steps_at(bound)])
        gap = (value - whole) / max(abs(value), 1e-12)
        return Point(bound, used, value, self.path.marginal_at(bound), value / used if used > 0 else None, gap)

    def free(self) -> float | None:
        """See :class:`Curve`."""
        return float(self.path.budgets[-1])


class SolvedCurve(Curve):
    """Points by a solve each, from the prices of the nearest one known."""

    def __init__(self, case: Case, limits: Limits, index: int, end: str) -> None:
        self.case, self.limits, self.index, self.end = case, limits, index, end
        self.known: dict[float, tuple[Point, Case, Floats]] = {}
        singles = list(case.singles)
        self.others = case.with_rules([*singles[:index], *singles[index + 1 :]])
        self.outcome = solve_case(self.others, limits)

    def at(self, bound: float) -> Point:
        """See :class:`Curve`."""
        if bound in self.known:
            return self.known[bound][0]
        case = self._case(bound)
        start = None
        if self.known:
            near = min(self.known, key=lambda b: abs(b - bound))
            _, other, y = self.known[near]
            start = case.start_from(other, y)
        outcome = solve_case(case, self.limits, start)
        if not outcome.found:
            return Point(bound, None, None, None, None)
        item = case.compiled.rules[self.index]
        rows = {row.name: row for row in outcome.solution.rows}
        marginal = sum(item.price(rows[row.name].shadow_price, outcome.table) for row in item.rows)
        used, value = item.value(outcome.table), outcome.solution.objective
        free = self.free() if self.end == "max" and len(item.terms) == 1 else None
        if free is not None and bound >= free - 1e-9 * abs(free):
            marginal = 0.0  # the price at this very bound is that of the unit before
        average = value / used if len(item.terms) == 1 and used > 0 else None
        solution = outcome.solution
        point = Point(bound, used if math.isfinite(used) else None, value, marginal, average, solution.gap)
        self.known[bound] = (point, case, solution.multipliers)
        return point

    def _case(self, bound: float) -> Case:
        rule = self.case.singles[self.index]
        low, high = rule.min, rule.max
        if self.end == "max":
            high, low = bound, None if low is None or low > bound else low
        elif self.end == "min":
            low = bound
        else:
            low = high = bound
        singles = list(self.case.singles)
        singles[self.index] = rule.model_copy(update={"min": low, "max": high})
        return self.case.with_rules(singles)

    def free(self) -> float | None:
        """See :class:`Curve`."""
        if not self.outcome.found:
            return None
        value = self.case.compiled.rules[self.index].value(
            self.case.table(self.outcome.arm, self.outcome.solution.others)
        )
        return value if math.isfinite(value) else None

    def binding(self) -> tuple[str, ...]:
        """See :class:`Curve`."""
        rules = self.others.compiled.rules
        names = [item.rule.name for index, item in enumerate(rules) if item.rows and binds(self.outcome, index)]
        homes = self.case.households
        if homes is not None and homes.full(self.outcome.layers).any():
            names.append("per_household")
        return tuple(names)


def path_curve(case: Case, index: int, end: str) -> PathCurve | None:
    """The path, where the rule's maximum is the only bound there is."""
    rule, item = case.singles[index], case.compiled.rules[index]
    lone = sum(len(other.rows) for other in case.compiled.rules) == len(item.rows) == 1
    if (
        not lone
        or end != "max"
        or rule.min is not None
        or rule.ratio is not None
        or case.problem.shape[2] > case.n
        or case.problem.several
        or case.households is not None
    ):
        return None
    from solvers.path import budget_path  # loads kernels: only when needed

    return PathCurve(budget_path(case.problem))
