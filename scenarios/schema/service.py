"""The contact centre: what customers ask, who answers, and what waiting and failing do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from scenarios.schema.base import (
    Model,
    Name,
    Names,
    NonNegative,
    Number,
    Positive,
    Probability,
    Problem,
    Source,
    Sourced,
    Text,
    Whole,
)

SUM_TOLERANCE = 1e-9
Wage = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)]
Minutes = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e5)]


class Shift(Model):
    """``agents`` at work from ``start_hour`` to ``end_hour``, every day, counted from opening."""

    start_hour: NonNegative
    end_hour: Positive
    agents: Whole


class Team(Model):
    """Agents who can take these kinds of contacts (``skills``; all if left out), all day or in ``shifts``."""

    agents: Whole | None = None
    shifts: tuple[Shift, ...] = ()
    skills: Names | None = None
    cost_per_agent_hour: Wage

    def problems(self) -> Iterator[Problem]:
        """All day or in shifts."""
        if (self.agents is None) == (not self.shifts):
            yield (), "expected exactly one of 'agents' (all day) and 'shifts'"
        elif not (self.agents or any(shift.agents for shift in self.shifts)):
            yield (
                ("agents" if self.agents is not None else "shifts",),
                "expected at least 1 agent, got 0: nobody is ever there",
            )


class Failure(Sourced):
    """A contact given up unanswered ends the relationship with probability ``ends``; else trust loses a share."""

    ends: Probability = 0.0
    loses_trust: Probability = 0.0
    sd: NonNegative | None = None


class Wait(Sourced):
    """Each minute waited leaves ``exp(-loses_trust_per_minute)`` of trust."""

    loses_trust_per_minute: NonNegative = Field(le=1e3)
    sd: NonNegative | None = None


class Trust(Sourced):
    """Trust is 1 at the start, and the share ``recovers`` of what is missing comes back each period.  With ``dynamics.trust`` it is
    one stock with the trust that offers move, which recovers as said there, and ``recovers`` is left out.

    It multiplies the order rate, or (``acts_on: churn``) a customer without trust leaves with ``churn_without`` per period.
    """

    recovers: Probability | None = None
    acts_on: Literal["orders", "churn"] = "orders"
    churn_without: Probability | None = None
    sd: NonNegative | None = None

    def problems(self) -> Iterator[Problem]:
        """One effect in one place."""
        if (self.acts_on == "churn") != bool(self.churn_without):
            yield (), "acts_on: churn and a churn_without above 0 come together"


class ServiceEffects(Model):
    """What the contact centre does to customers; what is left out is off."""

    failure: Failure | None = None
    wait: Wait | None = None
    trust: Trust | None = None

    def problems(self) -> Iterator[Problem]:
        """Trust that can be lost must act somewhere."""
        loses = (self.failure is not None and self.failure.loses_trust > 0) or self.wait is not None
        if loses and self.trust is None:
            yield (), "trust is lost, but acts nowhere: add 'trust: {recovers: ..., source: ...}'"
        if self.trust is not None and not loses:
            yield (), "trust acts, but nothing moves it: add loses_trust to 'failure', or 'wait'"


class Service(Model):
    """A contact centre, for the scenario's ``customers``; smaller draws queue at the same load.

    A customer contacts it Poisson(``contacts_per_order`` x orders + ``contacts_per_customer`` while not lapsed) times a period.
    ``minutes``: mean service time; ``patience_minutes``: mean patience, endless if left out; ``source``: of these four.  One group
    of ``agents``, or ``teams`` with skills and shifts.  ``first``: segments that are answered before others.  ``leaves_to``: where
    those go who leave for good (default: the first lapsed segment).
    """

    source: Source = "given"
    note: Text | None = None
    contacts_per_order: NonNegative = Field(default=0.0, le=100)
    contacts_per_customer: NonNegative = Field(default=0.0, le=100)
    minutes: Minutes
    patience_minutes: Positive | None = None
    days_per_period: Number = Field(gt=0, le=366)
    hours_per_day: Number = Field(gt=0, le=24)
    agents: Whole | None = None
    cost_per_agent_hour: Wage | None = None
    teams: dict[Name, Team] = Field(default_factory=dict)
    kinds: dict[Name, Probability] = Field(default_factory=dict)
    load_by_hour: tuple[NonNegative, ...] = ()
    first: Names | None = None
    on_time_seconds: Positive = 20.0
    leaves_to: Text | None = None
    effects: ServiceEffects = Field(default_factory=ServiceEffects)

    def problems(self) -> Iterator[Problem]:
        """Somebody asks, somebody answers."""
        if (self.agents is None) == (not self.teams):
            yield (), "expected exactly one of 'agents' and 'teams'"
        if self.agents == 0:
            yield ("agents",), "expected at least 1, got 0"
        if (self.agents is None) != (self.cost_per_agent_hour is None):
            yield (), "'agents' and 'cost_per_agent_hour' come together; teams have their own"
        if self.contacts_per_order == 0 and self.contacts_per_customer == 0:
            yield (), "nobody ever asks: expected contacts_per_order or contacts_per_customer above 0"
        hours = math.ceil(self.hours_per_day)
        if self.load_by_hour and (len(self.load_by_hour) != hours or not any(self.load_by_hour)):
            yield ("load_by_hour",), f"expected {hours} numbers, not all 0, got {list(self.load_by_hour)}"
        total = sum(self.kinds.values())
        if self.kinds and abs(total - 1) > SUM_TOLERANCE:
            yield ("kinds",), f"expected shares that sum to 1, got {total:.6g} ({total - 1:+.6g})"
        for name, team in self.teams.items():
            for skill in team.skills or ():
                if skill not in self.kinds:
                    yield (
                        ("teams", name, "skills"),
                        f"{skill!r} is none of the kinds of contacts: {', '.join(self.kinds)}",
                    )
            for i, shift in enumerate(team.shifts):
                if not shift.start_hour < shift.end_hour <= self.hours_per_day:
                    yield (
                        ("teams", name, "shifts", i),
                        f"expected start_hour < end_hour <= {self.hours_per_day:g}, got {shift.start_hour:g} to {shift.end_hour:g}",
                    )
        for kind, share in self.kinds.items():
            if share > 0 and self.teams and not any(t.skills is None or kind in t.skills for t in self.teams.values()):
                yield ("kinds", kind), "no team has this skill"
