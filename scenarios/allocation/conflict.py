"""Rules in conflict, in the words and units of the rules file.

What a rule must give is the amount by which a whole plan is found to break it while the others hold: of a sum, the optimum of
a problem of its own (:mod:`solvers.giving`); of a ratio, the best ratio that a plan reaches, after Dinkelbach (solve for
``of - r to``, go on with the ratio of the plan found); of parity, whose rows all move together, by halving, where each plan found
moves the upper end to its own deviation.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.case import Case
from scenarios.allocation.plans import hold
from scenarios.allocation.solving import Limits, Outcome, solve_case
from scenarios.schema.allocation import SingleRule
from solvers.problem import NO_ARM
from solvers.solution import Give

if TYPE_CHECKING:
    from solvers.giving import Reach

Floats = NDArray[np.float64]
_TRIALS = 40
_NEAR = 1e-4
_FAR = 1e6
_ROUGH = 1e-2  # any plan will do
FINE = 1e-5


@dataclass(frozen=True)
class Conflict:
    """A rule of a set that conflicts, see :func:`solvers.explain.explain`.

    Attributes:
        name: the rule.
        gives: amount, in the rule's unit (ratios and parity: of the ratio), with which its bound makes room for a whole plan if
            all other rules hold; NaN if none was found.
        at_least: no whole plan does with less; inf if giving alone is proven not to help.
        bound, needed: the bound as it is, and as it would have to be.
        end: ``min`` or ``max``.
        group: 0, 1, ...: which conflict this is about; amounts are those with the other conflicts settled.  None: a rule that
            is in all conflicts, and what it must give to settle them alone.
        time_up: the time limit came before an amount was found.

    """

    name: str
    gives: float
    bound: float | None = None
    needed: float | None = None
    end: str = ""
    group: int | None = 0
    at_least: float = 0.0
    time_up: bool = False

    @property
    def exact(self) -> bool:
        """Less is proven not to be enough, to four digits."""
        return self.gives - self.at_least <= 2 * _NEAR * abs(self.gives) + 1e-9

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "must_give": self.gives if math.isfinite(self.gives) else None,
            "at_least": self.at_least if math.isfinite(self.at_least) else None,
            "end": self.end or None,
            "bound": self.bound,
            "needed": self.needed,
            "group": self.group,
            "time_up": self.time_up,
        }


def conflicts(outcome: Outcome, limits: Limits) -> tuple[Conflict, ...]:
    """The rules that the solver found in conflict, conflict by conflict, and what each must give: by further solves, until time
    is up.  Last what rules that are in all of several conflicts must give to settle them alone.
    """
    items = {row.name: index for index, item in enumerate(outcome.case.compiled.rules) for row in item.rows}
    sets = _sets_of_rules(outcome, items)
    found = []
    for group, rules in enumerate(sets):
        apart = {index for other in sets for index in other} - set(rules)
        found += [_given(outcome, limits, index, row, apart, group) for index, row in rules.items()]
    everywhere = [index for index in sets[0] if all(index in rules for rules in sets)] if len(sets) > 1 else []
    return (*found, *(_given(outcome, limits, index, sets[0][index], set(), None) for index in everywhere))


def _sets_of_rules(outcome: Outcome, items: dict[str, int]) -> list[dict[int, str]]:
    """The conflicts as rules (their indices, and a row of each); of those that differ only in rows of the same rules, one."""
    solution = outcome.solution
    sets: dict[int, dict[int, str]] = {}
    for name, group in zip(solution.conflict, solution.conflict_group, strict=True):
        sets.setdefault(group, {}).setdefault(items[name], name)
    kept: list[dict[int, str]] = []
    for rules in sorted(sets.values(), key=len):
        if not any(other.keys() <= rules.keys() for other in kept):
            kept.append(rules)
    order = list(sets.values())
    return sorted(kept, key=order.index)


def _given(
    outcome: Outcome, limits: Limits, index: int, row: str, apart: Collection[int], group: int | None
) -> Conflict:
    """What a rule must give if the rules ``apart`` are left out and all others hold."""
    from solvers.giving import gives  # loads kernels: only when needed

    rules = outcome.case.compiled.rules
    item = rules[index]
    if limits.late:
        return Conflict(item.rule.name, math.nan, group=group, time_up=True)
    names = {rules[other].rule.name for other in apart}
    if item.sizes:
        give = _parity_gives(outcome, index, names, limits)
    else:
        problem = outcome.case.problem if outcome.held is None else hold(outcome.case, outcome.held)
        place = {one.name: r for r, one in enumerate(problem.rows)}
        out = [place[one.name] for other in apart for one in rules[other].rows]
        give = gives(problem, place[row], out, replace(limits, gap=min(limits.gap, FINE)).solve)
        if len(item.terms) > 1:
            give = _ratio_gives(outcome, index, row, give, names, limits)
    end = {"lower": "min", "upper": "max"}[give.end]
    low, high = item.bounds
    bound = low if end == "min" else high
    needed = None
    if bound is not None and math.isfinite(give.enough):
        needed = bound - give.enough if end == "min" else bound + give.enough
    late = math.isnan(give.enough) and limits.late
    return Conflict(item.rule.name, give.enough, bound, needed, end, group, give.at_least, late)


class _Moved:
    """The case under another bound of one rule, without the rules of other conflicts."""

    def __init__(self, outcome: Outcome, index: int, apart: Collection[str]) -> None:
        self.outcome, self.apart, self.rule = outcome, apart, outcome.case.singles[index]

    def case(self, rule: SingleRule) -> Case:
        """With this in the rule's place."""
        singles = [rule if one is self.rule else one for one in self.outcome.case.singles]
        return self.outcome.case.with_rules([one for one in singles if one.name not in self.apart])

    def value(self, case: Case, table: Floats) -> float:
        """The rule's ratio or deviation under a plan."""
        item = next(one for one in case.compiled.rules if one.rule.name == self.rule.name)
        h, k, _, c = case.problem.shape
        return item.value(table.reshape(h + 1, c, k))


def _ratio_gives(outcome: Outcome, index: int, row: str, give: Give, apart: Collection[str], limits: Limits) -> Give:
    """The least change of a ratio's bound at the end that ``give`` names."""
    from solvers.giving import reach_of  # loads kernels: only when needed

    if not math.isfinite(give.enough):  # what is certain is so in the row's unit, which is not the ratio's
        return Give(math.nan, give.at_least if math.isinf(give.at_least) else 0.0, give.end)
    moved = _Moved(outcome, index, apart)
    key, sign = ("min", 1.0) if give.end == "lower" else ("max", -1.0)
    asked = getattr(moved.rule, key)

    def at(bound: float) -> tuple[Reach, float]:
        """How far the row of this bound can be met, and the ratio of that plan."""
        case = moved.case(moved.rule.model_copy(update={key: bound}))
        problem = case.problem if outcome.held is None else hold(case, outcome.held)
        place = next(r for r, one in enumerate(problem.rows) if one.name == row)
        reach = reach_of(problem, place, give.end, (), limits.solve)
        table = reach.table
        if outcome.held is not None:
            layers = np.where(outcome.held.listed, outcome.held.arms, NO_ARM)
            table = table + case.table(layers[0], layers[1:]).ravel()
        return reach, moved.value(case, table)

    size = max(abs(asked), 1e-9)
    best, step = math.nan, 0.05 * size
    bound = asked
    for _ in range(_TRIALS):
        if limits.late:
            break
        reach, ratio = at(bound)
        if math.isnan(reach.value):
            break
        if math.isfinite(ratio) and sign * (asked - ratio) > 0:
            if math.isfinite(best) and sign * (ratio - best) <= _NEAR * abs(asked - best):
                break
            best = ratio if math.isnan(best) else sign * max(sign * best, sign * ratio)
            bound = best
        elif (
            math.isnan(best) and step <= _FAR * size
        ):  # a plan of nothing has no ratio: a smaller one may do with something
            bound, step = asked - sign * step, 2 * step
        else:
            break
    if math.isnan(best):
        return Give(best, give.at_least if math.isinf(give.at_least) else 0.0, give.end)
    for share in (_NEAR, 30 * _NEAR):
        if limits.late:
            break
        less = (1.0 - share) * abs(asked - best)
        reach, _ = at(asked - sign * less)
        if reach.bound < -1e-9 * size:
            return Give(abs(asked - best), less, give.end)
    return Give(abs(asked - best), 0.0, give.end)


def _parity_gives(outcome: Outcome, index: int, apart: Collection[str], limits: Limits) -> Give:
    """The least change of what groups may differ by."""
    moved = _Moved(outcome, index, apart)
    parity = moved.rule.parity
    assert parity is not None
    quick = replace(limits, gap=max(limits.gap, _ROUGH))

    def found(rule: SingleRule) -> tuple[float | None, bool]:
        """The deviation of a plan, None if none is found, and whether that is proven."""
        case = moved.case(rule)
        other = solve_case(case, quick, held=outcome.held)
        if not other.found:
            return None, bool(other.solution.conflict)
        return moved.value(case, other.table), False

    far, proven = found(moved.rule.model_copy(update={"report": True}))
    if far is None or not math.isfinite(far):
        return Give(math.nan, math.inf if proven else 0.0, "upper")
    near = sure = parity.within
    while far - near > _NEAR * (far - parity.within) and not limits.late:
        middle = 0.5 * (near + far)
        deviation, proven = found(
            moved.rule.model_copy(update={"parity": parity.model_copy(update={"within": middle})})
        )
        if deviation is None:
            near = middle
            sure = middle if proven else sure
        else:
            far = min(deviation, middle) if math.isfinite(deviation) else middle
    return Give(far - parity.within, sure - parity.within, "upper")
