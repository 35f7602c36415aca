"""Value against the bound of one rule: what each level is worth, the next unit, the mean unit, and where to stop.

The best value is concave in a rule's bound (up to what whole offers leave), so its slope is the shadow price, the knee is
the point farthest above the chord, and a target has one bound that just meets it.  With one budget as the only rule, all
optima come from one sort (:mod:`solvers.path`); else each point is a solve that starts from its neighbour's prices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.case import Case
from scenarios.allocation.solving import Limits, solve_case
from scenarios.errors import ConfigError
from scenarios.schema.allocation import SingleRule
from scenarios.suggest import nearest

Floats = NDArray[np.float64]
NEAR = 1e-7
_ROOT_STEPS = 30


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


@dataclass(frozen=True)
class Frontier:
    """The curve.

    Attributes:
        rule: whose bound moves; ``end``: ``min``, ``max`` or ``equal``; ``ratio``: the bound is one.
        points: by rising bound.
        today: the rule's bound as it is, None if it had none.
        knee: bound farthest above the chord of the curve.
        break_even: the least bound from which more room brings nothing: the next unit returns only what it costs.
        target: what was asked for, with the bound that meets it.
        exact: all points are optima of one path.

    """

    rule: str
    end: str
    ratio: bool
    objective: str
    points: tuple[Point, ...]
    today: Point | None
    knee: Point | None
    break_even: float | None
    target: Target | None = None
    exact: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """3 if a target cannot be met, else 0."""
        return 3 if self.target is not None and self.target.point is None else 0

    def document(self) -> dict[str, Any]:
        """One JSON document."""
        return {
            "rule": self.rule,
            "end": self.end,
            "ratio": self.ratio,
            "objective": self.objective,
            "points": [_document(point) for point in self.points],
            "today": None if self.today is None else _document(self.today),
            "knee": None if self.knee is None else _document(self.knee),
            "break_even": self.break_even,
            "target": None if self.target is None else self.target.document(),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Target:
    """``kind``: value or roi; ``point``: the least bound that reaches the value, or the largest with that return; None if there is
    none, and ``best`` says how far one can come.
    """

    kind: str
    asked: float
    point: Point | None
    best: float | None = None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        point = None if self.point is None else _document(self.point)
        return {"kind": self.kind, "asked": self.asked, "point": point, "best": self.best}


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
        if problems:
            raise ConfigError(problems)


_OPTION = {"low": "from", "high": "to", "target_value": "target-value", "target_roi": "target-roi"}


def frontier(case: Case, limits: Limits, asked: Asked) -> Frontier:
    """The curve of one rule.

    Raises:
        ConfigError: no such rule; a rule that has no bound to move, or that is soft.

    """
    case, index = _case_with(case, asked)
    rule = case.singles[index]
    ratio = rule.ratio is not None
    end = "equal" if rule.min is not None and rule.min == rule.max else "min" if rule.max is None else "max"
    if ratio and asked.target_roi is not None:
        raise ConfigError([f"--target-roi: expected a rule on a sum, got the ratio {rule.name!r}"])
    curve = _path(case, index, end) or _SolvedCurve(case, limits, index, end)
    low, high, stop = _range(curve, rule, end, asked)
    today = rule.min if end == "min" else rule.max
    today = None if today is None or not math.isfinite(today) else today
    # Steps widen with the bound: a concave curve bends where it begins.
    share = np.linspace(0, 1, max(asked.points, 2)) ** (2 if end == "max" and not ratio else 1)
    bounds = {float(low + (high - low) * s) for s in share.tolist()}
    if today is not None and low <= today <= high:
        bounds.add(today)
    points = tuple(curve.at(bound) for bound in sorted(bounds))
    at_today = next((point for point in points if point.bound == today), None)
    if at_today is None and today is not None:
        at_today = curve.at(today)
    return Frontier(
        rule=rule.name,
        end=end,
        ratio=ratio,
        objective=case.data.names[0],
        points=points,
        today=at_today,
        knee=_knee(points) if end == "max" else None,
        break_even=stop if end == "max" and not ratio else None,
        target=_target(curve, asked, low, stop if stop is not None else high, end),
        exact=isinstance(curve, _PathCurve),
        warnings=case.warnings,
    )


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


class _Curve:
    """Points at any bound."""

    def at(self, bound: float) -> Point:
        raise NotImplementedError

    def free(self) -> float | None:
        """Use of the rule when it is left out; None if no plan meets the others."""
        raise NotImplementedError


class _PathCurve(_Curve):
    def __init__(self, path: Any) -> None:
        self.path = path

    def at(self, bound: float) -> Point:
        value = self.path.value_at(bound)
        if math.isnan(value):
            return Point(bound, None, None, None, None)
        used = min(bound, float(self.path.budgets[-1]))
        whole = float(self.path.values[self.path.steps_at(bound)])
        gap = (value - whole) / max(abs(value), 1e-12)
        return Point(bound, used, value, self.path.marginal_at(bound), value / used if used > 0 else None, gap)

    def free(self) -> float | None:
        return float(self.path.budgets[-1])


class _SolvedCurve(_Curve):
    def __init__(self, case: Case, limits: Limits, index: int, end: str) -> None:
        self.case, self.limits, self.index, self.end = case, limits, index, end
        self.known: dict[float, tuple[Point, Case, Floats]] = {}
        singles = list(case.singles)
        self.others = case.with_rules([*singles[:index], *singles[index + 1 :]])
        self.outcome = solve_case(self.others, limits)

    def at(self, bound: float) -> Point:
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
        if not self.outcome.found:
            return None
        value = self.case.compiled.rules[self.index].value(
            self.case.table(self.outcome.arm, self.outcome.solution.others)
        )
        return value if math.isfinite(value) else None


def _path(case: Case, index: int, end: str) -> _PathCurve | None:
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

    return _PathCurve(budget_path(case.problem))


def _range(curve: _Curve, rule: SingleRule, end: str, asked: Asked) -> tuple[float, float, float | None]:
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


def _target(curve: _Curve, asked: Asked, low: float, high: float, end: str) -> Target | None:
    if asked.target_value is None and asked.target_roi is None:
        return None
    if end != "max":
        raise ConfigError(["--target-value, --target-roi: expected a rule with a max, whose room can grow"])
    if asked.target_value is not None:
        wanted = asked.target_value
        size = max(abs(wanted), 1e-12)
        top, bottom = curve.at(high), curve.at(low)
        if top.value is None or top.value < wanted - NEAR * size:
            return Target("value", wanted, None, top.value)
        if bottom.value is not None and bottom.value >= wanted:
            return Target("value", wanted, bottom)
        if isinstance(curve, _PathCurve):
            return Target("value", wanted, curve.at(curve.path.budget_for(min(wanted, float(curve.path.values[-1])))))
        bound = _root(lambda b: (curve.at(b).value or -math.inf) - wanted, low, high, NEAR * size)
        return Target("value", wanted, curve.at(bound))
    rate = float(asked.target_roi or 0.0)
    top = curve.at(high)
    if top.value is not None and top.used and top.value >= rate * top.used:
        return Target("roi", rate, top)

    def over(bound: float) -> float:
        point = curve.at(bound)
        return -math.inf if point.value is None else rate * (point.used or 0.0) - point.value

    near = low + 1e-3 * (high - low)
    for _ in range(40):
        point = curve.at(near)
        if point.value is not None and point.used and over(near) <= 0:
            break
        near = low + 0.25 * (near - low)
    else:
        first = curve.at(low + 1e-3 * (high - low))
        return Target("roi", rate, None, first.average)
    bound = _root(over, near, high, NEAR * max(abs(top.value or 1.0), 1e-12), last_below=True)
    return Target("roi", rate, curve.at(bound))


def _root(f: Callable[[float], float], low: float, high: float, near: float, last_below: bool = False) -> float:
    """Where f turns from below 0 to above: the least bound found with f >= 0, or with ``last_below`` the largest with f <= 0.

    Regula falsi after Illinois: two trials on one side halve the other side's weight.
    """
    a, b = (low, f(low)), (high, f(high))
    side = 0
    for _ in range(_ROOT_STEPS):
        if b[0] - a[0] <= 1e-9 * max(abs(b[0]), 1e-12):
            break
        if math.isinf(a[1]) or b[1] == a[1]:
            x = 0.5 * (a[0] + b[0])
        else:
            x = a[0] - a[1] * (b[0] - a[0]) / (b[1] - a[1])
            x = min(max(x, a[0] + 1e-3 * (b[0] - a[0])), b[0] - 1e-3 * (b[0] - a[0]))
        y = f(x)
        if y >= 0:
            b = (x, y)
            a = (a[0], a[1] / 2) if side > 0 else a
            side = 1
        else:
            a = (x, y)
            b = (b[0], b[1] / 2) if side < 0 else b
            side = -1
        if 0 <= (y if not last_below else -y) <= near:
            break
    return a[0] if last_below else b[0]


def _document(point: Point) -> dict[str, Any]:
    return {
        "bound": point.bound,
        "used": point.used,
        "value": point.value,
        "marginal": point.marginal,
        "average": point.average,
        "gap": point.gap if point.value is not None else None,
    }
