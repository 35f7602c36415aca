"""Response to the depth of a promotion.  Scalar formulas; ``x`` is the depth, a share of the price."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping


def adbudg(x: float, low: float, high: float, c: float, d: float) -> float:
    """``low + (high - low) x^c / (d + x^c)`` (Little 1970, ADBUDG); a Hill curve where d = half^c."""
    power = x**c if x > 0 else 0.0
    return low + (high - low) * power / (d + power) if power > 0 else low


def hill(x: float, low: float, high: float, shape: float, half: float) -> float:
    """``low + (high - low) x^shape / (half^shape + x^shape)``: half of the way at ``half``; S-shaped where shape > 1."""
    if x <= 0:
        return low
    return low + (high - low) / (1 + math.exp(min(shape * math.log(half / x), 700.0)))


def logistic_price(x: float, at_zero: float, slope: float) -> float:
    """Logit of the response linear in the depth: ``logistic(logit(at_zero) + slope x)``."""
    odds = at_zero / (1 - at_zero) * math.exp(min(slope * x, 700.0))
    return odds / (1 + odds)


def table(x: float, points: Mapping[float, float]) -> float:
    """Linear between given points, flat beyond them."""
    xs = sorted(points)
    if x <= xs[0]:
        return points[xs[0]]
    for a, b in itertools.pairwise(xs):
        if x <= b:
            return points[a] + (points[b] - points[a]) * (x - a) / (b - a)
    return points[xs[-1]]
