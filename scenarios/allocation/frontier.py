"""Value against the bound of one rule: what each level is worth, the next unit, the mean unit, and where to stop.

The best value is concave in a rule's bound (up to what whole offers leave), so its slope is the shadow price, the knee is
the point farthest above the chord, and a target has one bound that just meets it.  With one budget as the only rule, all
optima come from one sort (:mod:`solvers.path`); else each point is a solve that starts from its neighbour's prices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scenarios.allocation.case import Case
from scenarios.allocation.conflict import Conflict, conflicts
from scenarios.allocation.curve import Curve, PathCurve, Point, SolvedCurve, path_curve
from scenarios.allocation.solving import Limits, solve_case
from scenarios.allocation.target import Target, target_of
from scenarios.errors import ConfigError
from scenarios.schema.allocation import SingleRule
from scenarios.suggest import nearest

__all__ = ["Asked", "Frontier", "Point", "Stop", "Target", "frontier"]


Why = Literal["break-even", "rules", "offers"]
NARROW, MOST_HALVINGS = 1e-3, 12  # how closely the least bound with a plan is looked for
FLAT = 0.05  # of the mean unit: what the last unit may still bring at break-even


@dataclass(frozen=True)
class Stop:
    """Where a curve ends: beyond ``bound`` more room brings nothing.

    ``why``: ``break-even``, the last unit just returns its cost; ``rules``, other ``rules`` bind; ``offers``, everybody has what is
    worth most.  ``last``: what the last unit brings.
    """

    bound: float
    why: Why
    last: float
    rules: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"bound": self.bound, "why": self.why, "last": self.last, "rules": list(self.rules)}


@dataclass(frozen=True)
class Least:
    """Where plans begin, as far as the search found: one at ``bound``, none at ``none_at`` below it."""

    bound: float
    none_at: float


@dataclass(frozen=True)
class Frontier:
    """The curve.

    Attributes:
        rule: whose bound moves; ``end``: ``min``, ``max`` or ``equal``; ``ratio``: the bound is one.
        points: by rising bound.
        today: the rule's bound as it is, None if it had none.
        knee: bound farthest above the chord of the curve.
        stop: the bound from which more room brings nothing, and why; None unless a sum's maximum moves.
        target: what was asked for, with the bound that meets it.
        exact: all points are optima of one path.
        conflict: the rules in conflict, where no plan meets them as they are.
        least: the least bound that has a plan, where a maximum moves and small bounds have none; else None.

    """

    rule: str
    end: str
    ratio: bool
    objective: str
    points: tuple[Point, ...]
    today: Point | None
    knee: Point | None
    stop: Stop | None
    target: Target | None = None
    exact: bool = False
    warnings: tuple[str, ...] = ()
    conflict: tuple[Conflict, ...] = ()
    least: Least | None = None

    @property
    def break_even(self) -> float | None:
        """The bound where the next unit just returns its cost, None where something else stops the curve."""
        return self.stop.bound if self.stop is not None and self.stop.why == "break-even" else None

    @property
    def empty(self) -> bool:
        """No point has a plan."""
        return all(point.value is None for point in self.points)

    @property
    def exit_code(self) -> int:
        """3 if a target cannot be met, or if no plan meets the rules as they are, else 0."""
        missed = self.target is not None and self.target.point is None
        as_is = self.empty or (self.today is not None and self.today.value is None)
        return 3 if missed or as_is else 0

    def document(self) -> dict[str, Any]:
        """One JSON document."""
        return {
            "rule": self.rule,
            "end": self.end,
            "ratio": self.ratio,
            "objective": self.objective,
            "points": [point.document() for point in self.points],
            "today": None if self.today is None else self.today.document(),
            "knee": None if self.knee is None else self.knee.document(),
            "break_even": self.break_even,
            "stop": None if self.stop is None else self.stop.document(),
            "conflict": [item.document() for item in self.conflict],
            "least": None if self.least is None else {"bound": self.least.bound, "none_at": self.least.none_at},
            "target": None if self.target is None else self.target.document(),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Asked:
    """What a user asks of a frontier."""

    rule: str | None = None
    points: int = 21
    low: float | None = None
    high: float | None = None
    target_value: float | None = None
    target_roi: float | None = None

    def __post_init__(self) -> None:
        problems = []
        for name in ("low", "high", "target_value", "target_roi"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                problems.append(f"--{_OPTION[name]}: expected a number, got {value}")
        if self.low is not None and self.high is not None and self.low >= self.high:
            problems.append(f"--from: expected less than --to, got {self.low:g} >= {self.high:g}")
        if self.target_value is not None and self.target_roi is not None:
            problems.append("--target-value and --target-roi: expected one of them, got both")
        if self.target_roi is not None and self.target_roi < 0:
            problems.append(
                f"--target-roi: expected a return >= 0, got {self.target_roi:g}; value is net of cost, so 0 is what just pays"
            )
        if problems:
            raise ConfigError(problems)


_OPTION = {"low": "from", "high": "to", "target_value": "target-value", "target_roi": "target-roi"}


def frontier(case: Case, limits: Limits, asked: Asked, progress: Callable[[str], None] = lambda _: None) -> Frontier:
    """The curve of one rule; ``progress`` hears of every step.

    Raises:
        ConfigError: no such rule; a rule that has no bound to move, or that is soft.

    """
    case, index = _case_with(case, asked)
    rule = case.singles[index]
    ratio = rule.ratio is not None
    end = "equal" if rule.min is not None and rule.min == rule.max else "min" if rule.max is None else "max"
    if ratio and asked.target_roi is not None:
        raise ConfigError([f"--target-roi: expected a rule on a sum, got the ratio {rule.name!r}"])
    progress(f"{rule.name}: the best plan without it")
    curve = path_curve(case, index, end) or SolvedCurve(case, limits, index, end)
    low, high, free = _range(curve, rule, end, asked)
    today = rule.min if end == "min" else rule.max
    today = None if today is None or not math.isfinite(today) else today
    # Steps widen with the bound: a concave curve bends where it begins.
    share = np.linspace(0, 1, max(asked.points, 2)) ** (2 if end == "max" and not ratio else 1)
    bounds = {float(low + (high - low) * s) for s in share.tolist()}
    if today is not None and low <= today <= high:
        bounds.add(today)
    points = []
    for number, bound in enumerate(sorted(bounds)):
        progress(f"{rule.name} {bound:,.6g}: point {number + 1} of {len(bounds)}")
        points.append(curve.at(bound))
    at_today = next((point for point in points if point.bound == today), None)
    if at_today is None and today is not None:
        at_today = curve.at(today)
    conflict: tuple[Conflict, ...] = ()
    if all(point.value is None for point in points) or (at_today is not None and at_today.value is None):
        progress("which rules conflict")
        limits = limits.begun()
        conflict = conflicts(solve_case(case, limits), limits)
    if asked.target_value is not None or asked.target_roi is not None:
        progress("the target")
    top = free if free is not None else high
    return Frontier(
        rule=rule.name,
        end=end,
        ratio=ratio,
        objective=case.data.names[0],
        points=tuple(points),
        today=at_today,
        knee=_knee(tuple(points)) if end == "max" else None,
        stop=_stop(curve, free) if end == "max" and not ratio and free is not None else None,
        target=target_of(curve, points, asked.target_value, asked.target_roi, low, top, end),
        exact=isinstance(curve, PathCurve),
        warnings=case.warnings,
        conflict=conflict,
        least=_least(curve, points, progress) if end == "max" else None,
    )


def _least(curve: Curve, points: list[Point], progress: Callable[[str], None]) -> Least | None:
    """The step between no plan and a plan, halved until it is a thousandth of the bound."""
    first = next((i for i, point in enumerate(points) if point.value is not None), 0)
    if first == 0:
        return None
    low, high = points[first - 1].bound, points[first].bound
    for number in range(MOST_HALVINGS):
        if high - low <= NARROW * abs(high):
            break
        progress(f"the least bound that has a plan: step {number + 1}")
        middle = 0.5 * (low + high)
        low, high = (middle, high) if curve.at(middle).value is None else (low, middle)
    return Least(high, low)


def _stop(curve: Curve, free: float) -> Stop:
    """Why more than ``free``, the use of the rule without its bound, brings nothing."""
    end, before = curve.at(free), curve.at(free - 0.02 * abs(free))
    last = before.marginal or 0.0
    if last <= FLAT * abs(end.average or 0.0):
        return Stop(free, "break-even", last)
    rules = curve.binding()
    return Stop(free, "rules" if rules else "offers", last, rules)


def _case_with(case: Case, asked: Asked) -> tuple[Case, int]:
    """The case and the place of the rule that moves; without a name: the budget, made where there is none."""
    names = [single.name for single in case.singles]
    name = asked.rule or "budget"
    if name not in names:
        if asked.rule is not None:
            raise ConfigError([f"--rule: there is no rule {asked.rule!r}{nearest(asked.rule, names)}"])
        new = SingleRule.model_construct(name=name, measure="cost", max=float("inf"), where={}, scope="selected")
        return case.with_rules([new, *case.singles]), 0
    index = names.index(name)
    rule = case.singles[index]
    if rule.parity is not None or rule.penalty is not None or rule.report or (rule.min is None and rule.max is None):
        raise ConfigError(
            [f"--rule: {name!r} has no hard bound to move; expected a sum or ratio with min, max or equal"]
        )
    return case, index


def _range(curve: Curve, rule: SingleRule, end: str, asked: Asked) -> tuple[float, float, float | None]:
    """(from, to, use of the rule without its bound)."""
    free = curve.free()
    today = rule.min if end == "min" else rule.max
    today = 0.0 if today is None or not math.isfinite(today) else today
    if end == "max" and rule.ratio is None:
        low, high = min(0.0, free or 0.0), max(free or 0.0, 0.0) or max(today, 1.0)
        if rule.min is not None:
            low = max(low, rule.min)
    else:
        middle = free if free is not None else 0.0
        reach = abs(today - middle) or 0.5 * max(abs(today), abs(middle), 1.0)
        low, high = (middle, middle + 2 * reach) if end == "min" else (middle - 2 * reach, middle)
        if end == "equal":
            low, high = min(middle, today) - 0.25 * reach, max(middle, today) + 0.25 * reach
    low = low if asked.low is None else asked.low
    high = high if asked.high is None else asked.high
    return low, max(high, low + 1e-12 + 1e-9 * abs(low)), free


def _knee(points: tuple[Point, ...]) -> Point | None:
    """The point farthest above the chord, both axes scaled to 1."""
    known = [point for point in points if point.value is not None]
    if len(known) < 3:
        return None
    x = np.array([point.bound for point in known])
    y = np.array([point.value for point in known], np.float64)
    if x[-1] <= x[0] or y[-1] <= y[0]:
        return None
    above = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    best = int(above.argmax())
    return known[best] if above[best] > 1e-6 else None
