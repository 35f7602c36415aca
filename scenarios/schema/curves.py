"""How a response or an order rate depends on the depth of a promotion."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

from engine import curves
from scenarios.schema.base import Number, Positive, Probability, Problem, Sourced

_WANTED = {
    "hill": ("low", "high", "shape", "half"),
    "adbudg": ("low", "high", "c", "d"),
    "logistic": ("at_zero", "slope"),
    "table": ("points",),
    "elasticity": ("elasticity",),
}
_NAMES = ("low", "high", "shape", "half", "c", "d", "at_zero", "slope", "points", "elasticity")


class Curve(Sourced):
    """A value by depth x, a share of the price.

    ``hill``: low + (high - low) x^shape / (half^shape + x^shape).  ``adbudg``: low + (high - low) x^c / (d + x^c).
    ``logistic`` (responses only): log odds at_zero's + slope x.  ``table``: linear between ``points`` [depth, value].
    ``elasticity`` (order lifts only): -elasticity x; a household's, not an item's: items gain from each other.
    """

    kind: Literal["hill", "adbudg", "logistic", "table", "elasticity"]
    low: Number | None = None
    high: Number | None = None
    shape: Positive | None = None
    half: Positive | None = None
    c: Positive | None = None
    d: Positive | None = None
    at_zero: Probability | None = None
    slope: Number | None = None
    points: tuple[tuple[Probability, Number], ...] | None = None
    elasticity: Number | None = None

    def problems(self) -> Iterator[Problem]:
        """A kind has its numbers, and no others."""
        wanted = _WANTED[self.kind]
        for name in _NAMES:
            if name in wanted and getattr(self, name) is None:
                yield (), f"a {self.kind} curve needs {name!r}"
            if name not in wanted and getattr(self, name) is not None:
                yield (name,), f"a {self.kind} curve has no {name!r}; it has {', '.join(wanted)}"
        if self.points is not None and len(self.points) < 2:
            yield ("points",), f"expected at least two points, got {len(self.points)}"
        if self.points is not None and any(b[0] <= a[0] for a, b in itertools.pairwise(self.points)):
            depths = ", ".join(f"{x:g}" for x, _ in self.points)
            yield ("points",), f"expected depths in ascending order, each once, got {depths}"
        if self.at_zero is not None and not 0 < self.at_zero < 1:
            yield ("at_zero",), f"expected a probability within (0, 1), got {self.at_zero:g}"

    @property
    def complete(self) -> bool:
        """Whether it has its numbers."""
        return all(getattr(self, name) is not None for name in _WANTED[self.kind])

    def __call__(self, x: float) -> float:
        """Value at depth x."""
        if self.kind == "table":
            assert self.points is not None
            return curves.table(x, dict(self.points))
        if self.kind == "elasticity":
            assert self.elasticity is not None
            return -self.elasticity * x
        given = {name: getattr(self, name) for name in _WANTED[self.kind]}
        found = {"hill": curves.hill, "adbudg": curves.adbudg, "logistic": curves.logistic_price}[self.kind]
        return float(found(x, **given))  # type: ignore[operator]
