"""Seasons, events, common shocks, and visits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field

from engine.season import HIGHEST
from scenarios.schema.base import (
    Count,
    Flag,
    Model,
    Name,
    NonNegative,
    Number,
    Positive,
    Problem,
    Sourced,
    Text,
    Whole,
    repeats,
)

Month = Literal[
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
MONTHS: tuple[str, ...] = get_args(Month)


class Event(Model):
    """Orders times ``factor`` for ``periods`` from ``period`` of the run on (0 = the first); ``every_year`` again."""

    name: Name
    period: Whole
    periods: Count = 1
    factor: NonNegative = Field(le=HIGHEST)
    every_year: Flag = False


class Season(Sourced):
    """Factors on everybody's order rate: by month (1 where left out), or one for each period of a year.

    ``starts_in_period``: period of the year (0 = the first of January) in which the run starts.  ``mean``: the year's
    factors, with yearly events, are scaled to this mean; left out, they stand as they are.
    """

    by_month: dict[Month, NonNegative] = Field(default_factory=dict)
    by_period: tuple[NonNegative, ...] = ()
    starts_in_period: Whole = 0
    events: tuple[Event, ...] = ()
    mean: Positive | None = None

    def problems(self) -> Iterator[Problem]:
        """One description of a year."""
        if self.by_month and self.by_period:
            yield (), "expected one of 'by_month' and 'by_period', got both"
        if not (self.by_month or self.by_period or self.events):
            yield (), "a season needs by_month, by_period or events"
        for name in repeats(tuple(event.name for event in self.events)):
            yield ("events",), f"{name!r} is named twice"


class Shocks(Sourced):
    """Luck that all customers and strategies share: a factor on the order rate of mean 1 in every period.

    Its logarithm is an AR(1) of standard deviation ``sd`` and ``persistence`` from period to period.  Drawn anew in each
    outer draw; the main run has none, as it has every effect at its mean.
    """

    sd: Number = Field(gt=0, le=1)
    persistence: Number = Field(default=0.0, ge=0, lt=1)


class Traffic(Sourced):
    """Visits: ``conversion`` is orders per visit without offers, by segment or for all."""

    conversion: Number = Field(gt=0, le=1)
    by_segment: dict[Text, Number] = Field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """A share of visits."""
        for name, value in self.by_segment.items():
            if not 0 < value <= 1:
                yield ("by_segment", name), f"expected a share above 0 and at most 1, got {value:g}"
