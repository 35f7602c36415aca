"""Names that service, traffic, acquisition and capabilities point at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scenarios.schema.base import Problem
from scenarios.schema.scenario import Scenario

Unknown = Callable[[str, Iterable[object], tuple[str, ...] | None], Iterator[str]]


def around(scenario: Scenario, names: Any, unknown: Unknown) -> Iterator[Problem]:
    """Every name that points at nothing.  ``names``: what the scenario defines."""
    service, traffic, acquisition = scenario.service, scenario.traffic, scenario.acquisition
    if service is not None:
        for sentence in unknown("segment", service.first or (), names.segments):
            yield ("service", "first"), sentence
        for sentence in unknown("segment", [service.leaves_to] if service.leaves_to else [], names.segments):
            yield ("service", "leaves_to"), sentence
        if service.leaves_to and names.lapsed is not None and names.lapsed and service.leaves_to not in names.lapsed:
            yield ("service", "leaves_to"), f"{service.leaves_to!r} is not a lapsed segment: {', '.join(names.lapsed)}"
        failure, trust = service.effects.failure, service.effects.trust
        leaves = (failure is not None and failure.ends > 0) or (trust is not None and trust.acts_on == "churn")
        if leaves and names.lapsed == ():
            yield ("service", "effects"), "customers leave, but no segment is lapsed; mark one: lapsed: true"
    if traffic is not None:
        for sentence in unknown("segment", traffic.by_segment, names.segments):
            yield ("traffic", "by_segment"), sentence
    if acquisition is not None:
        for name, source in acquisition.sources.items():
            for sentence in unknown("segment", [source.segment], names.segments):
                yield ("acquisition", "sources", name, "segment"), sentence
            if names.lapsed and source.segment in names.lapsed:
                yield ("acquisition", "sources", name, "segment"), f"{source.segment!r} is a lapsed segment"
        if acquisition.share_of_budget is not None:
            limits = [scenario.rules[place] for place in budgets(scenario)]
            wrong = "" if limits else "no rule limits the cost of everything; add one, or give budget_per_period"
            for rule in limits:
                if rule.releases:
                    wrong = (
                        f"the releases of {rule.name!r} have no even amount per period, at which new customers are won; expected "
                        "budget_per_period"
                    )
                elif rule.per == "epoch":
                    wrong = (
                        f"{rule.name!r} is a budget per epoch and has no amount per period; expected budget_per_period"
                    )
            if wrong:
                yield ("acquisition", "share_of_budget"), wrong
        if scenario.population is not None and scenario.population.kappa.value != 1:
            yield (
                ("acquisition",),
                "new customers have no start segment to keep: expected population.state_dependence 1, got "
                f"{scenario.population.kappa.value:g}",
            )
    yield from _together(scenario)
    yield from _season(scenario)
    if scenario.planning is not None and scenario.time is not None:
        for wave in scenario.planning.waves:
            if wave >= scenario.time.horizon_periods:
                yield ("planning", "waves"), f"expected periods below {scenario.time.horizon_periods}, got {wave}"
        for index, rule in enumerate(scenario.rules):
            for release in rule.releases:
                if release.period >= scenario.time.horizon_periods:
                    yield (
                        ("rules", index, "releases"),
                        f"expected periods below {scenario.time.horizon_periods}, got {release.period}",
                    )
    for name, capability in scenario.capabilities.items():
        for sentence in unknown("strategy", capability.needed_by, names.strategies):
            yield ("capabilities", name, "needed_by"), sentence


def _together(scenario: Scenario) -> Iterator[Problem]:
    """Features whose equations do not hold together yet."""
    dynamics = scenario.dynamics
    trust = scenario.service.effects.trust if scenario.service is not None else None
    if trust is not None:
        shared = dynamics is not None and dynamics.trust is not None
        at = ("service", "effects", "trust")
        if shared and trust.recovers is not None:
            yield (
                (*at, "recovers"),
                "trust is one stock with dynamics.trust, whose 'decay' says how it recovers; leave this out",
            )
        if not shared and trust.recovers is None:
            yield at, "'recovers' is missing"
    inferred = scenario.planning is not None and scenario.planning.segments == "inferred"
    if inferred and dynamics is not None and dynamics.attrition is not None:
        yield (
            ("planning", "segments"),
            "cannot be combined with dynamics.attrition yet: who has left is inferred by its own model",
        )


def _season(scenario: Scenario) -> Iterator[Problem]:
    season, time = scenario.season, scenario.time
    if season is None or time is None:
        return
    length = round(time.periods_per_year)
    if season.by_period and len(season.by_period) != length:
        yield (
            ("season", "by_period"),
            f"expected {length} factors, one for each {time.period} of a year, got {len(season.by_period)}",
        )
    for name, factors in (("by_period", season.by_period), ("by_month", tuple(season.by_month.values()))):
        whole = len(factors) == (12 if name == "by_month" else length)  # months left out have the factor 1
        if season.mean is not None and whole and not any(factors):
            yield ("season", name), f"expected factors that can have the mean {season.mean:g}, got only 0"
    for index, event in enumerate(season.events):
        if event.period >= time.horizon_periods and not event.every_year:
            yield (
                ("season", "events", index, "period"),
                f"expected a period of the run, below {time.horizon_periods}, got {event.period}",
            )
        if event.every_year and event.periods > length:
            yield (
                ("season", "events", index, "periods"),
                f"expected at most the {length} {time.period}s of a year, as it comes every year, got {event.periods}",
            )


def budgets(scenario: Scenario) -> tuple[int, ...]:
    """Places of the rules that limit the cost of everything."""
    return tuple(
        index
        for index, rule in enumerate(scenario.rules)
        if rule.measure == "cost" and not rule.where and (rule.max is not None or rule.releases)
    )
