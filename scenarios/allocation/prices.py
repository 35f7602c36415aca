"""What rules cost: the value of the best plan without a rule, and with its bound one per cent looser and tighter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scenarios.allocation.slack import penalty_of
from scenarios.allocation.solving import Limits, Outcome, solve_case
from scenarios.schema.allocation import SingleRule

NOISE = 1e-5
NEAR = 1e-9
SLIGHT = 1e-3  # of a bound: a tenth of the one per cent by which prices are checked


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

    Solves start from the plan's multipliers.  A difference is known to the gap of both solves.  Rules whose solves do not all end
    before the deadline of ``limits`` are left out.
    """
    found = []
    for index, item in enumerate(outcome.case.compiled.rules):
        if not item.rows:
            continue
        if not binds(outcome, index):
            found.append(RulePrice(item.rule.name, 0.0, 0.0, None))
            continue
        singles = list(outcome.case.singles)
        before, after = singles[:index], singles[index + 1 :]
        looser, tighter = (moved(singles[index], 0.01, loosen) for loosen in (True, False))
        gains: list[float | None] = []
        for others in ([], [looser], [tighter]):
            if limits.late:
                break
            rules = [rule for rule in others if rule is not None]
            gains.append(_gain(outcome, limits, [*before, *rules, *after]) if rules == others else None)
        if not limits.late:
            found.append(RulePrice(item.rule.name, *gains))
    return tuple(found)


def not_priced(outcome: Outcome, prices: tuple[RulePrice, ...]) -> list[str]:
    """A sentence on the rules that time left without a price, if there are any."""
    rules = outcome.case.compiled.rules
    wanted = {item.rule.name for index, item in enumerate(rules) if item.rows and binds(outcome, index)}
    priced = wanted & {price.name for price in prices}
    if priced == wanted:
        return []
    return [
        f"Prices by solving again: {len(priced)} of {len(wanted)} rules that bind, then time was up; a longer --time-limit finds "
        "the others."
    ]


Room = Literal["none", "little", "enough"]


def binds(outcome: Outcome, index: int) -> bool:
    """Whether a rule has no room, or little and a price, see :func:`room_of`."""
    return room_of(outcome, index) != "enough"


def room_of(outcome: Outcome, index: int) -> Room:
    """Whether a rule has no room; or less than one more offer can need or than ``SLIGHT`` of the bound, and a price beyond the
    solve's own tolerance.

    Among many customers a plan within its gap leaves some offers' room in rules whose price decides.  A rule with more has no
    price in the plan, whatever multiplier is left on it: of a solve that stopped at its gap, or of the relaxation.  Multipliers
    near the optimum can leave a trace on a rule with little room, too: less than ``NOISE`` of the objective over its whole bound
    is none.
    """
    item = outcome.case.compiled.rules[index]
    forms = {row.name: row.coefficients for row in item.rows}
    if penalty_of(item):  # stand-ins fill the rows of a soft rule: the plan's own sum tells
        value, (low, high) = item.value(outcome.table), item.bounds
        size = max([1.0, *(abs(bound) for bound in (low, high) if bound is not None)])
        full = (low is not None and value <= low + NEAR * size) or (high is not None and value >= high - NEAR * size)
        return "none" if full else "enough"
    moved_by = np.abs(outcome.table).ravel()
    least = NOISE * abs(outcome.solution.objective)
    found: Room = "enough"
    for row in outcome.solution.rows:
        if row.name not in forms:
            continue
        size = max([abs(x) for x in (row.lower, row.upper) if math.isfinite(x)] or [0.0])
        room = min(row.upper - row.value, row.value - row.lower)
        if room <= NEAR * max(1.0, size):
            return "none"
        # A ratio's row has the bound 0: what counts is how much moves through it.
        through = float((abs(forms[row.name]) @ moved_by)[0])
        slight = max(outcome.case.most_of_one(forms[row.name]), SLIGHT * (size or through))
        if not row.shadow_price or room >= slight:
            continue
        if abs(row.shadow_price) * max(size, through) > least:
            found = "little"
    return found


def solved_price(rule: SingleRule, price: RulePrice | None) -> float | None:
    """What the solve with a looser bound brought, for each unit (ratios, parity: 0.01) of the bound; None without one."""
    bounds = [rule.min, rule.max] if rule.parity is None else [rule.parity.within]
    step = max((0.01 * abs(bound) for bound in bounds if bound is not None), default=0.0)
    if price is None or price.looser is None or not step:
        return None
    return max(price.looser, 0.0) / step * (1.0 if rule.parity is None and rule.ratio is None else 0.01)


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
