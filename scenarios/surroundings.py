"""The world around the customer, from the YAML's words: seasons, traffic, the contact centre."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import Season, Segments
from engine.service import Service, Shift, Team, Trust
from scenarios.schema import demand
from scenarios.schema import service as words
from scenarios.schema.dynamics import Dynamics
from scenarios.schema.planning import Time
from scenarios.schema.scenario import Scenario

Floats = NDArray[np.float64]


def surroundings(scenario: Scenario, segments: Segments) -> dict[str, Any]:
    """Arguments of :class:`engine.World`; empty where the scenario names nothing of the kind."""
    found: dict[str, Any] = {}
    if scenario.season is not None:
        found["season"] = season(scenario.season, scenario.time)
    if scenario.traffic is not None:
        traffic = scenario.traffic
        found["conversion"] = np.array([traffic.by_segment.get(s, traffic.conversion) for s in segments.names])
    if scenario.service is not None:
        found["service"] = service(scenario.service, segments, scenario.dynamics)
    return found


def year(spec: demand.Season, time: Time) -> Floats:
    """Factors of a year without events, from its first of January on."""
    length = round(time.periods_per_year)
    if spec.by_period:
        return np.array(spec.by_period, float)
    month = ((np.arange(length) + 0.5) * 12 / length).astype(np.int64)
    return np.array([spec.by_month.get(demand.MONTHS[m], 1.0) for m in month])


def season(spec: demand.Season, time: Time) -> Season:
    """The run's factors, and the year that repeats after it."""
    base, horizon = year(spec, time), time.horizon_periods
    length = len(base)
    every = np.roll(base, -(spec.starts_in_period % length))
    for event in spec.events:
        if event.every_year:
            np.multiply.at(every, (event.period + np.arange(event.periods)) % length, event.factor)
    if spec.mean is not None:
        every = every * (spec.mean / every.mean())
    within = every[np.arange(horizon) % length]
    for event in spec.events:
        if not event.every_year:
            within[event.period : event.period + event.periods] *= event.factor
    return Season(within, every[(horizon + np.arange(length)) % length])


def service(spec: words.Service, segments: Segments, dynamics: Dynamics | None = None) -> Service:
    """The contact centre."""
    kinds = tuple(spec.kinds.items()) or (("contact", 1.0),)
    names = [name for name, _ in kinds]
    hours = spec.hours_per_day
    teams: dict[str, words.Team] = spec.teams or {
        "agents": words.Team(agents=spec.agents, cost_per_agent_hour=spec.cost_per_agent_hour or 0.0)
    }
    failure, wait, trust = spec.effects.failure, spec.effects.wait, spec.effects.trust
    shared = dynamics.trust if dynamics is not None and trust is not None else None
    recovery = 1 - shared.decay if shared is not None else (trust.recovers or 0.0) if trust is not None else 0.0
    lapsed = np.flatnonzero(segments.lapsed)
    leaves_to = segments.names.index(spec.leaves_to) if spec.leaves_to else int(lapsed[0]) if len(lapsed) else -1
    return Service(
        contacts_per_order=spec.contacts_per_order,
        contacts_per_customer=spec.contacts_per_customer,
        minutes=spec.minutes,
        patience_minutes=spec.patience_minutes or float("inf"),
        days=spec.days_per_period,
        hours_per_day=hours,
        teams=tuple(
            Team(
                name,
                tuple(names.index(s) for s in team.skills or names),
                tuple(Shift(s.start_hour, s.end_hour, s.agents) for s in team.shifts)
                or (Shift(0.0, hours, team.agents or 0),),
                team.cost_per_agent_hour,
            )
            for name, team in teams.items()
        ),
        kinds=kinds,
        load_by_hour=spec.load_by_hour,
        priority=tuple(0 if name in spec.first else 1 for name in segments.names) if spec.first else (),
        ends=failure.ends if failure else 0.0,
        leaves_to=leaves_to,
        on_time_minutes=spec.on_time_seconds / 60,
        trust=Trust(
            failure.loses_trust if failure else 0.0,
            wait.loses_trust_per_minute if wait else 0.0,
            recovery,
            (trust.churn_without or 0.0) if trust else 0.0,
            shared is not None,
        ),
    )
