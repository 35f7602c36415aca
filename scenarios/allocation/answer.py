"""An answer to ``cvmax allocate``: the plan, its certificate, and what a reader should know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from scenarios.allocation.conflict import Conflict
from scenarios.allocation.households import HouseholdUse
from scenarios.allocation.prices import RulePrice
from scenarios.allocation.solving import Outcome
from scenarios.allocation.why import WhyNot
from solvers.solution import Solution, Status


@dataclass(frozen=True)
class RuleResult:
    """A rule under the plan.

    ``value``: what it uses; NaN for a ratio to nothing.  ``shadow_price``: objective per unit of the bound (ratios and
    parity: per 0.01), >= 0 when relaxing helps, signed for equalities; 0 for a rule with room, or that is only reported.
    ``little_room``: the plan leaves less than one more offer may need, and the price is that of parts of offers (``relaxed``)
    or of a solve anew (``solved``).  ``missed``: by how much a soft rule (or a given plan) is outside its bounds.
    """

    name: str
    value: float
    min: float | None
    max: float | None
    shadow_price: float
    binding: bool
    kind: str = "sum"
    missed: float = 0.0
    penalty: float = 0.0
    price: RulePrice | None = None
    little_room: Literal["", "relaxed", "solved"] = ""


@dataclass(frozen=True)
class Allocation:
    """An answer.

    Attributes:
        outcome: the plan and its certificate.
        rules: one result for each rule, ``for_each`` spelt out; empty if infeasible.
        rows: the chosen candidates as an Arrow table, None if infeasible or if the plan was given.
        remarks: what a reader should know: unspent budget and why, and the like.
        why: reasons of customers without an offer, None if infeasible.
        conflict: rules in conflict, if infeasible.
        keeps: a given plan keeps every rule; None if the plan was not given.
        best: value of the best plan found, beside a given one.
        households: what households use of the offers that they share, if the rules ask for it.

    """

    outcome: Outcome
    rules: tuple[RuleResult, ...]
    rows: Any
    remarks: tuple[str, ...] = ()
    why: WhyNot | None = None
    conflict: tuple[Conflict, ...] = ()
    keeps: bool | None = None
    best: float | None = None
    households: HouseholdUse | None = None

    @property
    def solution(self) -> Solution:
        """The solver's."""
        return self.outcome.solution

    @property
    def customers(self) -> int:
        """How many there were."""
        return self.outcome.case.n

    @property
    def exit_code(self) -> int:
        """0 met, 4 plan without the target gap, 3 no plan, or a given plan that breaks a rule."""
        if self.keeps is not None:
            return 0 if self.keeps else 3
        return {Status.MET: 0, Status.GAP_NOT_MET: 4, Status.INFEASIBLE: 3}[self.solution.status]

    def totals(self) -> dict[str, float]:
        """Sums of the plan by measure."""
        return {name: self.outcome.total(name) for name in self.outcome.case.data.names}

    def funnel(self) -> list[tuple[str, str, int]]:
        """(reason, because, customers) of everybody without an offer."""
        return [] if self.why is None else self.why.funnel()

    def document(self) -> dict[str, Any]:
        """The answer as one JSON document; numbers that do not exist are null."""
        solution = self.solution
        found = self.outcome.found or self.keeps is not None
        selected = int((solution.arm >= 0).sum()) if found else 0
        return {
            "status": solution.status.value if self.keeps is None else "kept" if self.keeps else "broken",
            "objective": _number(solution.objective) if found else None,
            "bound": _number(solution.bound),
            "gap": _number(solution.gap) if found else None,
            "selected": selected,
            "customers": self.customers,
            "seconds": solution.seconds,
            "passes": solution.passes,
            "method": solution.method,
            **({} if self.best is None else {"best": _number(self.best)}),
            "totals": {name: _number(total) for name, total in self.totals().items()} if found else {},
            "constraints": [_rule(rule) for rule in self.rules],
            **({} if self.households is None else {"per_household": self.households.document()}),
            "funnel": [{"reason": reason, "because": because, "customers": n} for reason, because, n in self.funnel()],
            "conflict": [item.document() for item in self.conflict],
            "warnings": list(self.outcome.case.warnings),
            "remarks": [*self.remarks, *([solution.note] if solution.note else [])],
        }


def _rule(rule: RuleResult) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": rule.name,
        "value": _number(rule.value),
        "min": rule.min,
        "max": rule.max,
        "shadow_price": _number(rule.shadow_price),
        "binding": rule.binding,
        "little_room": rule.little_room or None,
    }
    if rule.penalty:
        document |= {"missed": rule.missed, "penalty": rule.penalty}
    if rule.price is not None:
        document["resolved"] = {
            "without": rule.price.without,
            "looser_by_1_percent": rule.price.looser,
            "tighter_by_1_percent": rule.price.tighter,
        }
    return document


def _number(value: float) -> float | None:
    return float(value) + 0.0 if math.isfinite(value) else None
