"""The rules file of ``cvmax allocate``: what is maximised, what one customer may get, and what a plan must keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field

from scenarios.schema.base import (
    Count,
    Date,
    Filter,
    Flag,
    Labels,
    Model,
    Name,
    NonNegative,
    Number,
    Positive,
    Problem,
    Text,
)
from scenarios.schema.rules import Fair, Parity, Sum

Bound = Number | dict[Text, Number]


class AllocationRule(Sum):
    """One rule of a plan: exactly one of ``measure``, ``ratio`` and ``parity``.

    ``for_each: tier`` makes one rule for each value of the label; bounds may then be mappings from its values.
    ``equal`` is min and max in one.  ``report: true`` shows the rule and binds nothing.  ``penalty`` makes it soft: each
    unit by which it is missed costs this much of the objective.
    """

    parity: Parity | None = None
    for_each: Text | None = None
    min: Bound | None = None
    max: Bound | None = None
    equal: Bound | None = None
    report: Flag = False
    penalty: Positive | None = None

    def problems(self) -> Iterator[Problem]:
        """One thing to look at; bounds that can be."""
        if sum(x is not None for x in (self.measure, self.ratio, self.parity)) != 1:
            yield (), "expected exactly one of 'measure', 'ratio' and 'parity'"
        if self.equal is not None and (self.min is not None or self.max is not None):
            yield (), "expected either 'equal' or 'min' and 'max', got both"
        for name in ("min", "max", "equal"):
            if isinstance(getattr(self, name), dict) and self.for_each is None:
                yield (name,), "bounds by value need 'for_each', the label whose values they are"
        low, high = self.min, self.max
        pairs = [(low, high)] if not isinstance(low, dict) and not isinstance(high, dict) else []
        if isinstance(low, dict) or isinstance(high, dict):
            values = {*(low if isinstance(low, dict) else ()), *(high if isinstance(high, dict) else ())}
            pairs = [(bound_of(low, value), bound_of(high, value)) for value in sorted(values)]
        for a, b in pairs:
            if a is not None and b is not None and a > b:
                yield (), f"expected min <= max, got {a:g} > {b:g}"
        if self.parity is not None:
            for name in ("min", "max", "equal", "for_each", "penalty"):
                if getattr(self, name) is not None:
                    yield (name,), "parity has its bound in 'within'; leave this out"
            if self.scope == "base":
                yield ("scope",), "parity looks at chosen offers; leave this out"
        if self.penalty is not None and self.ratio is not None:
            yield ("penalty",), "a ratio has no units to be missed by; make it hard, or state it as a sum"
        bounded = any(x is not None for x in (self.min, self.max, self.equal))
        if self.penalty is not None and not bounded and self.parity is None:
            yield ("penalty",), "nothing can be missed: the rule has no min, max or equal"


def bound_of(bound: Bound | None, value: str) -> float | None:
    """The bound for one value of a label."""
    return bound.get(value) if isinstance(bound, dict) else bound


class SingleRule(Fair):
    """A rule after ``for_each`` and ``equal`` are spelt out, for one value each."""

    report: Flag = False
    penalty: Positive | None = None


class Range(Model):
    """Numbers from ``min`` to ``max``, both included."""

    min: Number | None = None
    max: Number | None = None

    def problems(self) -> Iterator[Problem]:
        """Bounds in order."""
        if self.min is None and self.max is None:
            yield (), "expected 'min' or 'max' or both"
        if self.min is not None and self.max is not None and self.min > self.max:
            yield (), f"expected min <= max, got {self.min:g} > {self.max:g}"


Conditions = Annotated[dict[Text, Range | Labels], Field(min_length=1)]


class Eligibility(Model):
    """Offers that ``where`` keeps are open to those rows only that ``only`` keeps; and to none that ``never`` keeps.

    Conditions look at columns of the candidates: a value, a list of values, or a range ``{min: , max: }``.
    """

    name: Name
    where: Filter = Field(default_factory=dict)
    only: Conditions | None = None
    never: Conditions | None = None

    def problems(self) -> Iterator[Problem]:
        """One of the two."""
        if (self.only is None) == (self.never is None):
            yield (), "expected exactly one of 'only' and 'never'"


class ContactCap(Model):
    """At most ``max`` contacts within ``window_days``, this plan's included, of the kind that ``channel`` and ``offer`` say.

    Past contacts come from the history file, or, ready counted, from a ``column`` of the candidates.
    """

    name: Name
    max: Count
    window_days: Count | None = None
    channel: Text | None = None
    same_offer: Flag = False
    column: Text | None = None

    def problems(self) -> Iterator[Problem]:
        """One source of past contacts."""
        if (self.window_days is None) == (self.column is None):
            yield (), "expected exactly one of 'window_days' (with a history) and 'column' (past contacts, counted)"


class Contacts(Model):
    """Contact policy: caps over sliding windows that end with ``as_of``, the day on which the plan is sent.

    ``history``: a table with ``customer_id, date`` and, where caps need them, ``channel`` and ``offer``; a relative path
    is taken from the rules file.
    """

    history: Text | None = None
    as_of: Date | None = None
    caps: tuple[ContactCap, ...] = ()
    consent: dict[Text, Text] = Field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """A history where windows need one."""
        if any(cap.window_days is not None for cap in self.caps):
            for name in ("history", "as_of"):
                if getattr(self, name) is None:
                    yield (), f"caps with window_days need {name!r}"


class PerCustomer(Model):
    """What one customer may get.  ``never_together: [[a, b]]``: not both; ``only_if: {b: a}``: b only with a; names are
    offers, or ``offer/channel``.  Offers whose margin is less than ``min_margin_rate`` of revenue, or whose objective is
    less than ``min_profit``, are left out.
    """

    max_offers: Count = 1
    never_together: tuple[tuple[Text, Text], ...] = ()
    only_if: dict[Text, Text] = Field(default_factory=dict)
    min_margin_rate: Number | None = None
    min_profit: Number | None = None
    eligible: tuple[Eligibility, ...] = ()
    contacts: Contacts = Field(default_factory=Contacts)

    def problems(self) -> Iterator[Problem]:
        """A prerequisite needs room for two."""
        if self.only_if and self.max_offers < 2:
            yield ("only_if",), "a prerequisite needs room for two offers: expected max_offers of at least 2"


class PerHousehold(Model):
    """Customers with the same value in ``column`` get ``max_offers`` offers together at most; an empty cell is no household."""

    column: Text
    max_offers: Count


def _weights(value: object) -> object:
    """A lone column has weight 1."""
    return {value: 1.0} if isinstance(value, str) else value


Objective = Annotated[dict[Text, Number], BeforeValidator(_weights), Field(min_length=1)]


class AllocationRules(Model):
    """What ``cvmax allocate`` maximises, and within which limits.

    ``objective`` is a column, or columns with weights; ``risk_aversion`` takes that many times the column
    ``standard_error`` off it.
    """

    objective: Objective = Field(default_factory=lambda: {"value": 1.0})
    risk_aversion: NonNegative = 0.0
    standard_error: Text = "value_se"
    per_customer: PerCustomer = Field(default_factory=PerCustomer)
    per_household: PerHousehold | None = None
    constraints: tuple[AllocationRule, ...] = ()
    allow_negative_cost: Flag = False

    @property
    def objective_name(self) -> str:
        """The column that is maximised, or ``objective`` where there is no such column."""
        (first, weight), *more = self.objective.items()
        return first if not more and weight == 1 and not self.risk_aversion else "objective"
