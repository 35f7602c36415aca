"""Worlds that are legal, in which something named does nothing or cannot go well: warned about, since nobody means them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scenarios.schema.base import Problem
from scenarios.schema.population import MADE_UP, Synthetic
from scenarios.schema.scenario import Scenario
from scenarios.schema.service import Service
from scenarios.schema.unmeant_dynamics import warn_of_idle_dynamics
from scenarios.schema.unmeant_offers import warn_of_offers

WIDE_SIGMA, HEAVY_TAIL = 3.0, 1.2


def warn_of_idle(scenario: Scenario) -> Iterator[Problem]:
    """What is named and changes nothing, or asks for more than there is."""
    yield from warn_of_offers(scenario)
    yield from warn_of_idle_dynamics(scenario)
    yield from _calendar(scenario)
    synthetic = scenario.population.synthetic
    if synthetic is None:
        return
    yield from _customers(synthetic)
    if scenario.service is not None:
        yield from _overload(scenario.service, synthetic, scenario.population.customers or MADE_UP)


def _calendar(scenario: Scenario) -> Iterator[Problem]:
    """Seasons without orders, shocks that never fall, decisions and data that come too late."""
    season, time, planning = scenario.season, scenario.time, scenario.planning
    if season is not None:
        for name, factors, length in (
            ("by_month", tuple(season.by_month.values()), 12),
            ("by_period", season.by_period, len(season.by_period)),
        ):
            if factors and len(factors) == length and not any(factors):
                yield ("season", name), "are all 0: nobody ever orders"
    if scenario.shocks is not None and scenario.uncertainty.draws == 0:
        yield ("shocks",), "never fall: they are drawn in outer draws, and uncertainty.draws is 0"
    epochs = planning.waves or tuple(range(0, time.horizon_periods, planning.every_periods))
    if "waves" in planning.model_fields_set and not planning.waves:
        yield ("planning", "waves"), f"are none: a decision comes every {planning.every_periods} periods instead"
    if planning.data_lag_decisions >= len(epochs):
        yield (
            ("planning", "data_lag_decisions"),
            f"there are {len(epochs)} decisions: the planner never sees anything later than the start",
        )
    for index, rule in enumerate(scenario.rules):
        late = [release.period for release in rule.releases if release.period > epochs[-1]]
        if late:
            yield (
                ("rules", index, "releases"),
                f"what is released in period {late[0]} is never used: the last decision is in period {epochs[-1]}",
            )
    policy = scenario.contact_policy
    if policy.max_contacts is not None and policy.window_periods is not None:
        most = max(sum(1 for e in epochs if t <= e < t + policy.window_periods) for t in epochs)
        if policy.max_contacts > most:
            yield (
                ("contact_policy", "max_contacts"),
                f"{policy.max_contacts} never binds: {policy.window_periods} periods hold {most} decision{'s' * (most != 1)}, "
                "with one contact each at most",
            )


def _customers(synthetic: Synthetic) -> Iterator[Problem]:
    """Customers who do not order, or whose numbers do not go together."""
    at = ("population", "synthetic")
    live = [s for s in synthetic.segments.values() if not s.lapsed]
    if not any(s.share for s in live):
        yield (*at, "segments"), "everybody has lapsed at the start"
    if not any(s.orders_per_period for s in synthetic.segments.values()):
        yield (*at, "segments"), "nobody ever orders: orders_per_period is 0 everywhere"
    value = synthetic.order_value
    if (value.sigma or 0.0) > WIDE_SIGMA or (value.customer_sigma or 0.0) > WIDE_SIGMA:
        name = "sigma" if (value.sigma or 0.0) > WIDE_SIGMA else "customer_sigma"
        wide = getattr(value, name)
        yield (
            (*at, "order_value", name),
            f"{wide:g} is the spread of a logarithm: half of all lie below {_half(wide)} of the mean; 40 % is 0.4",
        )
    if value.q is not None and value.q < HEAVY_TAIL:
        yield (
            (*at, "order_value", "q"),
            f"{value.q:g} is so near to 1 that a handful of customers carries the mean, and no sample shows it",
        )
    owned = sum(category.owner_share * category.spend_per_order for category in synthetic.categories.values())
    if owned > value.average:
        dear = max(
            synthetic.categories,
            key=lambda n: synthetic.categories[n].owner_share * synthetic.categories[n].spend_per_order,
        )
        yield (
            (*at, "categories", dear, "spend_per_order"),
            f"with it, what customers own adds up to {owned:g} an order on average, yet a mean order with all of it is worth "
            f"{value.average:g}",
        )
    shares = [category.owner_share for category in synthetic.categories.values()]
    if shares and not any(shares) and synthetic.complementarity is not None:
        yield (*at, "categories"), "nobody owns any, so that no door opens to another; see complementarity"


def _half(sigma: float) -> str:
    """Median over mean of a lognormal."""
    return f"1/{math.exp(min(sigma, 37.0) ** 2 / 2):.3g}"


def _overload(service: Service, synthetic: Synthetic, customers: int) -> Iterator[Problem]:
    """Work per period against the hours of the agents, where nobody hangs up."""
    if service.patience_minutes is not None:
        return
    hours = (service.agents or 0) * service.hours_per_day
    for team in service.teams.values():
        hours += (team.agents or 0) * service.hours_per_day
        hours += sum(shift.agents * (shift.end_hour - shift.start_hour) for shift in team.shifts)
    live = [s for s in synthetic.segments.values() if not s.lapsed]
    contacts = sum(
        s.share * (service.contacts_per_order * s.orders_per_period + service.contacts_per_customer) for s in live
    )
    busy = contacts * customers * service.minutes / 60 / (hours * service.days_per_period)
    if busy >= 1:
        yield (
            ("service", "teams" if service.teams else "agents"),
            f"have work for {busy:.0%} of their hours, and without patience_minutes nobody hangs up: the queue grows without end",
        )
