"""What rules cost: the value of the best plan without a rule, and with its bound one per cent looser and tighter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scenarios.allocation.solving import Limits, Outcome, solve_case
from scenarios.schema.allocation import SingleRule

NOISE = 1e-5


@dataclass(frozen=True)
class RulePrice:
    """Objective gained (lost, below 0) by a change of one rule, each from a solve of its own; None where no plan is left,
    or where one per cent of the bound is nothing.
    """

    name: str
    without: float | None
    looser: float | None
    tighter: float | None


def price_rules(outcome: Outcome, limits: Limits) -> tuple[RulePrice, ...]:
    """Prices of the rules that bind; the others cost nothing.

    Solves start from the plan's multipliers.  A difference is known to the gap of both solves.
    """
    found = []
    for index, item in enumerate(outcome.case.compiled.rules):
        if not item.rows:
            continue
        if not binds(outcome, index):
            found.append(RulePrice(item.rule.name, 0.0, 0.0, None))
            continue
        singles = list(outcome.case.singles)
        rest = [*singles[:index], *singles[index + 1 :]]
        gains = [_gain(outcome, limits, rest)]
        for loosen in (True, False):
            other = moved(singles[index], 0.01, loosen)
            gains.append(
                None if other is None else _gain(outcome, limits, [*singles[:index], other, *singles[index + 1 :]])
            )
        found.append(RulePrice(item.rule.name, *gains))
    return tuple(found)


def binds(outcome: Outcome, index: int) -> bool:
    """Whether a row of the rule has no room, or a price that is more than the solve's own tolerance.

    Multipliers near the optimum can leave a trace on a rule with room: less than ``NOISE`` of the objective over its whole bound.
    """
    forms = {row.name: row.coefficients for row in outcome.case.compiled.rules[index].rows}
    moved_by = np.abs(outcome.table).ravel()
    least = NOISE * abs(outcome.solution.objective)
    for row in outcome.solution.rows:
        if row.name not in forms:
            continue
        size = max([abs(x) for x in (row.lower, row.upper) if math.isfinite(x)] or [0.0])
        near = 1e-9 * max(1.0, size)
        if row.value >= row.upper - near or row.value <= row.lower + near:
            return True
        # A ratio's row has the bound 0: what counts is how much moves through it.
        through = float((abs(forms[row.name]) @ moved_by)[0])
        if abs(row.shadow_price) * max(size, through) > least:
            return True
    return False


def moved(rule: SingleRule, by: float, loosen: bool) -> SingleRule | None:
    """The rule with its bounds moved by a share of themselves; None if that moves nothing."""
    if rule.parity is not None:
        parity = rule.parity.model_copy(update={"within": rule.parity.within * (1 + (by if loosen else -by))})
        return rule.model_copy(update={"parity": parity}) if rule.parity.within else None
    sign = 1.0 if loosen else -1.0
    low = None if rule.min is None else rule.min - sign * by * abs(rule.min)
    high = None if rule.max is None else rule.max + sign * by * abs(rule.max)
    if (low, high) == (rule.min, rule.max) or (low is not None and high is not None and low > high):
        return None
    return rule.model_copy(update={"min": low, "max": high})


def _gain(outcome: Outcome, limits: Limits, singles: list[SingleRule]) -> float | None:
    other = outcome.case.with_rules(singles)
    start = other.start_from(outcome.case, outcome.solution.multipliers)
    again = solve_case(other, limits, start, outcome.held)
    return again.solution.objective - outcome.solution.objective if again.found else None
