"""Rules in conflict, in the words and units of the rules file."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from scenarios.allocation.plans import hold
from scenarios.allocation.solving import Outcome
from scenarios.rules import CompiledRule
from scenarios.schema.allocation import SingleRule

_TRIALS = 40


@dataclass(frozen=True)
class Conflict:
    """A rule of an irreducible set.

    Attributes:
        name: the rule.
        gives: least amount, in the rule's unit (ratios and parity: of the ratio), by which its bound would have to give if all
            other rules hold; NaN if that alone does not help.
        bound, needed: the bound as it is, and as it would have to be; None for a rule with both bounds.
        end: ``min`` or ``max``.
        group: 0, 1, ...: rules of another group are in a conflict of their own.

    """

    name: str
    gives: float
    bound: float | None = None
    needed: float | None = None
    end: str = ""
    group: int = 0


def conflicts(outcome: Outcome) -> tuple[Conflict, ...]:
    """The rules that the solver found in conflict."""
    solution = outcome.solution
    items = {row.name: (index, item) for index, item in enumerate(outcome.case.compiled.rules) for row in item.rows}
    found: dict[str, Conflict] = {}
    groups = solution.conflict_group or (0,) * len(solution.conflict)
    for name, gives, group in zip(solution.conflict, solution.conflict_gives, groups, strict=True):
        index, item = items[name]
        others = {items[row][1].rule.name for row, of in zip(solution.conflict, groups, strict=True) if of != group}
        if item.rule.name in found:
            continue
        if (len(item.terms) > 1 or item.sizes) and math.isfinite(gives) and gives > 0:
            gives = _ratio_gives(outcome, index, name, others)
        low, high = item.bounds
        end = "min" if high is None else "max" if low is None else _end(name)
        bound = {"min": low, "max": high, "": None}[end]
        needed = None
        if bound is not None and math.isfinite(gives):
            needed = bound - gives if end == "min" else bound + gives
        found[item.rule.name] = Conflict(item.rule.name, gives, bound, needed, end, group)
    return tuple(found.values())


def _end(row: str) -> str:
    """The end that a row of a ratio with two bounds holds; nothing for a sum within two."""
    return "min" if row.endswith(" (min)") else "max" if row.endswith(" (max)") else ""


def _ratio_gives(outcome: Outcome, index: int, row: str, others: Collection[str]) -> float:
    """The least change of a ratio (of parity's ``within``) that makes room: the row's own gap, as a function of the bound, is
    concave and falls to 0 there; found by regula falsi on a bracket.  ``others``: rules of other conflicts, left out.
    """
    rule = outcome.case.singles[index]
    item = outcome.case.compiled.rules[index]
    gap = _gap(outcome, index, row, others)
    size = max(abs(x) for x in item.bounds if x is not None) or 1.0
    near, at_near = 0.0, gap(rule)
    if not math.isfinite(at_near):
        return float("nan")
    far, step = 0.0, 0.05 * size
    while True:
        far = near + step
        value = gap(_loosened(rule, item, far))
        if not math.isfinite(value) or far > 1e6 * size:
            return float("nan")
        if value <= 0:
            break
        near, at_near, step = far, value, 2 * step
    for _ in range(_TRIALS):
        if far - near <= 1e-6 * size:
            break
        # Beyond the root the gap reads 0, so the far end has no slope: halve, and use the concave near side first.
        middle = 0.5 * (near + far)
        value = gap(_loosened(rule, item, middle))
        if value > 0:
            slope = (at_near - value) / (middle - near)
            near, at_near = middle, value
            guess = near + at_near / slope if slope > 0 else far
            if near < guess < far and gap(_loosened(rule, item, guess)) <= 0:
                far = guess
        else:
            far = middle
    return far


def _gap(outcome: Outcome, index: int, row: str, others: Collection[str]) -> Callable[[SingleRule], float]:
    from solvers.explain import least_give  # loads kernels: only when needed

    def gap(rule: SingleRule) -> float:
        singles = list(outcome.case.singles)
        singles[index] = rule
        case = outcome.case.with_rules([one for one in singles if one.name not in others])
        problem = case.problem if outcome.held is None else hold(case, outcome.held)
        place = next((r for r, one in enumerate(problem.rows) if one.name == row), None)
        return 0.0 if place is None else least_give(problem, place)

    return gap


def _loosened(rule: SingleRule, item: CompiledRule, by: float) -> SingleRule:
    if rule.parity is not None:
        return rule.model_copy(update={"parity": rule.parity.model_copy(update={"within": rule.parity.within + by})})
    low = None if rule.min is None else rule.min - by
    high = None if rule.max is None else rule.max + by
    return rule.model_copy(update={"min": low, "max": high})
