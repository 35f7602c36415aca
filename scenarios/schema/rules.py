"""Rules on a plan: a measure summed over a filter, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from scenarios.schema.base import Filter, Model, Name, NonNegative, Number, Problem, Text, Whole

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


class Parity(Model):
    """Every group of customers gets its share: the sum of ``measure`` per customer of each value of the label ``by`` is
    within ``within`` (0.1 = 10 %) of the sum per customer of everybody.
    """

    measure: Text = "count"
    by: Text
    within: NonNegative


class Fair(Constraint):
    """A constraint, or parity between groups."""

    parity: Parity | None = None

    def problems(self) -> Iterator[Problem]:
        """One thing to look at."""
        if self.parity is None:
            yield from super().problems()
        elif self.measure is not None or self.ratio is not None:
            yield (), "expected exactly one of 'measure', 'ratio' and 'parity'"


NEVER_NEGATIVE = ("cost", "revenue", "count")


class Release(Model):
    """``amount`` may be used from ``period`` of the run on; what is left stays."""

    period: Whole
    amount: NonNegative


class Rule(Fair):
    """A constraint whose ``max`` renews every ``per``, or comes in ``releases``; or ``parity`` between groups at every decision."""

    per: Per = "total"
    releases: tuple[Release, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """Limits that can be kept; one schedule, in order."""
        yield from super().problems()
        if self.parity is not None:
            for name in ("min", "max", "per", "releases"):
                if name in self.model_fields_set:
                    yield (name,), "parity has its bound in 'within', at every decision; leave this out"
            if self.scope == "base":
                yield ("scope",), "parity looks at chosen offers; leave this out"
        if self.measure in NEVER_NEGATIVE and self.max is not None and self.max < 0:
            yield ("max",), f"expected a number >= 0, got {self.max:g}; no plan has less {self.measure} than none"
        if self.releases and (self.max is not None or self.min is not None or self.ratio is not None):
            yield ("releases",), "releases are the rule's max over time: remove 'min', 'max' and 'ratio'"
        if self.releases and "per" in self.model_fields_set:
            yield ("releases",), "expected one of 'per' and 'releases', got both"
        periods = [release.period for release in self.releases]
        if periods != sorted(set(periods)):
            yield ("releases",), f"expected ascending periods, got {periods}"
