"""Rules on a plan: a measure summed over a filter, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from scenarios.schema.base import Count, Filter, Flag, Model, Name, NonNegative, Number, Problem, Text, Whole, repeats

Per = Literal["total", "year", "quarter", "month", "epoch"]


class Ratio(Model):
    """``sum of`` divided by ``sum to``."""

    of: Text
    to: Text


class Constraint(Model):
    """``min <= sum(measure) <= max``, or ``min <= sum(of) / sum(to) <= max``, over the chosen offers that ``where``
    keeps.

    ``measure: count`` counts the chosen offers.  ``scope: base`` adds what happens without offers to every sum.
    Without ``min`` and ``max`` the rule is only reported.
    """

    name: Name
    measure: Text | None = None
    ratio: Ratio | None = None
    where: Filter = Field(default_factory=dict)
    min: Number | None = None
    max: Number | None = None
    scope: Literal["selected", "base"] = "selected"

    def problems(self) -> Iterator[Problem]:
        """One measure or ratio; bounds in order."""
        if (self.measure is None) == (self.ratio is None):
            yield (), "expected exactly one of 'measure' and 'ratio'"
        if self.min is not None and self.max is not None and self.min > self.max:
            yield (), f"expected min <= max, got {self.min:g} > {self.max:g}"


class PerCustomer(Model):
    """What one customer may get.  Offers whose margin is less than ``min_margin_rate`` of revenue are left out."""

    max_offers: Count = 1
    never_together: tuple[tuple[Text, ...], ...] = ()
    min_margin_rate: Number | None = None

    def problems(self) -> Iterator[Problem]:
        """One offer a customer, which no pair can break."""
        if self.max_offers != 1:
            yield ("max_offers",), f"expected 1, got {self.max_offers}; several offers a customer are not supported yet"


class AllocationRules(Model):
    """What ``cvmax allocate`` maximises, and within which limits."""

    objective: Text = "value"
    per_customer: PerCustomer = Field(default_factory=PerCustomer)
    constraints: tuple[Constraint, ...] = ()
    allow_negative_cost: Flag = False

    def problems(self) -> Iterator[Problem]:
        """Names are names of one thing."""
        for name in repeats(tuple(rule.name for rule in self.constraints)):
            yield ("constraints",), f"{name!r} is the name of two constraints"


class Release(Model):
    """``amount`` may be used from ``period`` of the run on; what is left stays."""

    period: Whole
    amount: NonNegative


class Rule(Constraint):
    """A constraint whose ``max`` renews every ``per``, or comes in ``releases``."""

    per: Per = "total"
    releases: tuple[Release, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """One schedule, in order."""
        yield from super().problems()
        if self.releases and (self.max is not None or self.min is not None or self.ratio is not None):
            yield ("releases",), "releases are the rule's max over time: remove 'min', 'max' and 'ratio'"
        if self.releases and "per" in self.model_fields_set:
            yield ("releases",), "expected one of 'per' and 'releases', got both"
        periods = [release.period for release in self.releases]
        if periods != sorted(set(periods)):
            yield ("releases",), f"expected ascending periods, got {periods}"
