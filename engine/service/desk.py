"""A contact centre: who works there, who contacts it, and what a wait or a failure does to a customer.

A *contact* is a customer's; the calls of a period meet in one queue, so that everybody's wait depends on everybody else's.  A
*failure* is a contact given up before it was answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine.errors import WorldError

HARDLY = 1e-9


@dataclass(frozen=True)
class Shift:
    """``agents`` at work from ``start_hour`` to ``end_hour`` of every day, counted from opening."""

    start_hour: float
    end_hour: float
    agents: int


@dataclass(frozen=True)
class Team:
    """Agents of the same skills: indices of the contact kinds that they can take."""

    name: str
    skills: tuple[int, ...]
    shifts: tuple[Shift, ...]
    cost_per_hour: float

    @property
    def hours_per_day(self) -> float:
        """Agent-hours of a day."""
        return sum((s.end_hour - s.start_hour) * s.agents for s in self.shifts)


@dataclass(frozen=True)
class Trust:
    """Trust in [0, 1], 1 at the start.

    A failure leaves the share ``1 - lost_per_failure`` of it, each minute waited ``exp(-lost_per_minute)``; each period the share
    ``recovery`` of what is missing comes back first.  It acts in one place: the order rate is multiplied by it, or
    (``churn_without`` above 0) a live customer leaves with probability ``churn_without x (1 - trust)`` per period.

    ``linked``: it is one stock with ``Life.trust``, ``exp(min(Life.trust, 0))`` of it: failures and waits lower ``Life.trust`` by
    the logarithm of what they leave, offers move it too, and it recovers by ``Dynamics.trust_decay`` alone; ``recovery`` is then
    what the value of missing trust after the run assumes.
    """

    lost_per_failure: float = 0.0
    lost_per_minute: float = 0.0
    recovery: float = 0.0
    churn_without: float = 0.0
    linked: bool = False

    @property
    def acts_on_orders(self) -> bool:
        """Else on churn."""
        return self.churn_without == 0


@dataclass(frozen=True)
class Service:
    """A contact centre and its customers' needs.

    Contacts of a customer in a period ~ Poisson(``contacts_per_order`` x orders of the period +
    ``contacts_per_customer`` where not lapsed).

    Attributes:
        minutes: mean of an exponential service time.
        patience_minutes: mean of an exponential patience; infinite = nobody gives up.
        days, hours_per_day: opening time of a period.
        teams: at least one.
        kinds: names and shares of the kinds of contacts, which sum to 1; each kind is a skill.
        load_by_hour: relative load of each hour of a day (even if empty).
        priority: by segment, smaller goes first (all alike if empty).
        ends: probability that a failure ends the relationship.
        leaves_to: segment of those who left, -1 if nobody can.
        on_time_minutes: a contact answered within is on time; reported only.
    """

    contacts_per_order: float
    contacts_per_customer: float
    minutes: float
    patience_minutes: float
    days: float
    hours_per_day: float
    teams: tuple[Team, ...]
    kinds: tuple[tuple[str, float], ...] = (("contact", 1.0),)
    load_by_hour: tuple[float, ...] = ()
    priority: tuple[int, ...] = ()
    ends: float = 0.0
    leaves_to: int = -1
    on_time_minutes: float = 1.0
    trust: Trust = field(default_factory=Trust)

    @property
    def cost_per_period(self) -> float:
        """Wages, currency units."""
        return self.days * sum(team.hours_per_day * team.cost_per_hour for team in self.teams)

    @property
    def simple(self) -> bool:
        """One team, one kind, no priorities, the same staff all day: the recursion will do, whatever the load's shape."""
        return (
            len(self.teams) == 1
            and len(self.kinds) == 1
            and len(set(self.priority)) <= 1
            and [(s.start_hour, s.end_hour) for s in self.teams[0].shifts] == [(0.0, self.hours_per_day)]
        )

    def problems(self, segments: int) -> list[str]:
        """What no contact centre can be, one sentence each."""
        found: list[str] = []

        def above(name: str, value: float, low: float = 0.0, *, strict: bool = False, most: float = math.inf) -> None:
            if not (value > low if strict else value >= low) or value > most or math.isnan(value):
                limit = f"{'above' if strict else 'at least'} {low:g}" + (
                    "" if math.isinf(most) else f", at most {most:g}"
                )
                found.append(f"service.{name}: expected {limit}, got {value:g}")

        above("contacts_per_order", self.contacts_per_order, most=100)
        above("contacts_per_customer", self.contacts_per_customer, most=100)
        above("minutes", self.minutes, strict=True)
        above("patience_minutes", self.patience_minutes, strict=True)
        above("days", self.days, strict=True)
        above("hours_per_day", self.hours_per_day, strict=True, most=24)
        above("ends", self.ends, most=1)
        for name in ("lost_per_failure", "recovery", "churn_without"):
            above(f"trust.{name}", getattr(self.trust, name), most=1)
        above("trust.lost_per_minute", self.trust.lost_per_minute)
        if (self.ends > 0 or self.trust.churn_without > 0) and not 0 <= self.leaves_to < segments:
            found.append("service: customers leave, but no lapsed segment takes them")
        if self.priority and len(self.priority) != segments:
            found.append(f"service.priority: expected {segments} numbers, got {len(self.priority)}")
        if abs(sum(share for _, share in self.kinds) - 1) > HARDLY:
            found.append(f"service.kinds: expected shares that sum to 1, got {sum(s for _, s in self.kinds):.6g}")
        if self.load_by_hour and (
            len(self.load_by_hour) != math.ceil(self.hours_per_day)
            or min(self.load_by_hour) < 0
            or sum(self.load_by_hour) <= 0
        ):
            found.append(
                f"service.load_by_hour: expected {math.ceil(self.hours_per_day)} numbers >= 0, not all 0, got "
                f"{list(self.load_by_hour)}"
            )
        for team in self.teams:
            at = f"service.teams.{team.name}"
            if not team.skills:
                found.append(f"{at}: expected a skill, got none")
            if sum(shift.agents for shift in team.shifts) < 1:
                found.append(f"{at}.agents: expected at least 1, got 0")
            for shift in team.shifts:
                if not 0 <= shift.start_hour < shift.end_hour <= self.hours_per_day:
                    found.append(
                        f"{at}: expected a shift within 0 to {self.hours_per_day:g} hours, got {shift.start_hour:g} to "
                        f"{shift.end_hour:g}"
                    )
        for k, (kind, share) in enumerate(self.kinds):
            if share > 0 and not any(k in team.skills for team in self.teams):
                found.append(f"service.kinds.{kind}: no team has this skill")
        return found


def check(service: Service, segments: int) -> None:
    """Raise :class:`WorldError` with every problem at once."""
    if problems := service.problems(segments):
        raise WorldError(problems)
