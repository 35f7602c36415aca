"""Rules on a plan: a measure summed over a filter, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from scenarios.schema.base import Filter, Model, Name, Number, Problem, Text

Per = Literal["total", "year", "quarter", "month", "epoch"]


class Ratio(Model):
    """``sum of`` divided by ``sum to``."""

    of: Text
    to: Text


class Sum(Model):
    """What a rule looks at: the chosen offers that ``where`` keeps, summed in a measure, or a ratio of two sums.

    ``measure: count`` counts the chosen offers.  ``scope: base`` adds what happens without offers to every sum.
    """

    name: Name
    measure: Text | None = None
    ratio: Ratio | None = None
    where: Filter = Field(default_factory=dict)
    scope: Literal["selected", "base"] = "selected"


class Constraint(Sum):
    """``min <= sum(measure) <= max``, or ``min <= sum(of) / sum(to) <= max``, over the chosen offers that ``where``
    keeps.

    Without ``min`` and ``max`` the rule is only reported.
    """

    min: Number | None = None
    max: Number | None = None

    def problems(self) -> Iterator[Problem]:
        """One measure or ratio; bounds in order."""
        if (self.measure is None) == (self.ratio is None):
            yield (), "expected exactly one of 'measure' and 'ratio'"
        if self.min is not None and self.max is not None and self.min > self.max:
            yield (), f"expected min <= max, got {self.min:g} > {self.max:g}"


class Rule(Constraint):
    """A constraint that renews every ``per``."""

    per: Per = "total"
