"""The inverse of a curve: the bound that a target value or return asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.allocation.curve import Curve, PathCurve, Point
from scenarios.errors import ConfigError

NEAR = 1e-7
_ROOT_STEPS = 30
_STEPS_DOWN = 20


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
        point = None if self.point is None else self.point.document()
        return {"kind": self.kind, "asked": self.asked, "point": point, "best": self.best}


def target_of(
    curve: Curve, points: Sequence[Point], value: float | None, roi: float | None, low: float, high: float, end: str
) -> Target | None:
    """The bound between low and high that just meets a value, or a return on what is used; None if neither is asked.

    ``points``: those of the curve that are known, by bound; at small bounds there may be no plan, and no return.

    Raises:
        ConfigError: the rule has no maximum.

    """
    if value is None and roi is None:
        return None
    if end != "max":
        raise ConfigError(["--target-value, --target-roi: expected a rule with a max, whose room can grow"])
    if value is not None:
        wanted = value
        size = max(abs(wanted), 1e-12)
        top, bottom = curve.at(high), curve.at(low)
        if top.value is None or top.value < wanted - NEAR * size:
            return Target("value", wanted, None, top.value)
        if bottom.value is not None and bottom.value >= wanted:
            return Target("value", wanted, bottom)
        if isinstance(curve, PathCurve):
            return Target("value", wanted, curve.at(curve.path.budget_for(min(wanted, float(curve.path.values[-1])))))
        bound = root(lambda b: (curve.at(b).value or -math.inf) - wanted, low, high, NEAR * size)
        return Target("value", wanted, curve.at(bound))
    rate = float(roi or 0.0)
    top = curve.at(high)
    if top.value is not None and top.used and top.value >= rate * top.used:
        return Target("roi", rate, top)

    def over(bound: float) -> float:
        point = curve.at(bound)
        return -math.inf if point.value is None else rate * (point.used or 0.0) - point.value

    tried = [point for point in points if low <= point.bound <= high]
    near = max((point.bound for point in tried if point.average is not None and point.average >= rate), default=None)
    if near is None:
        tried += _first_units(curve, tried, rate, low, high)
        last = tried[-1]
        if last.average is None or last.average < rate:
            return Target("roi", rate, None, max((p.average for p in tried if p.average is not None), default=None))
        near = last.bound
    bound = root(over, near, high, NEAR * max(abs(top.value or 1.0), 1e-12), last_below=True)
    return Target("roi", rate, curve.at(bound))


def _first_units(curve: Curve, known: Sequence[Point], rate: float, low: float, high: float) -> list[Point]:
    """Points ever nearer to the least bound with a plan, where the return is highest, up to the first with this return."""
    some = min((point.bound for point in known if point.value is not None and point.used), default=high)
    none = max((point.bound for point in known if point.value is None and point.bound < some), default=None)
    found = [curve.at(some)]
    for step in range(_STEPS_DOWN):
        bound = low + (1e-3 if step == 0 else 0.25) * (some - low) if none is None else 0.5 * (none + some)
        point = curve.at(bound)
        if point.value is None or not point.used:
            none = bound
            continue
        some = bound
        found.append(point)
        if point.average is not None and point.average >= rate:
            break
    return found


def root(f: Callable[[float], float], low: float, high: float, near: float, last_below: bool = False) -> float:
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
