"""Worlds that are legal, in which something named does nothing or cannot go well: warned about, since nobody means them."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.schema.base import Problem
from scenarios.schema.population import Synthetic
from scenarios.schema.scenario import Scenario
from scenarios.schema.service import Service


def warn_of_idle(scenario: Scenario) -> Iterator[Problem]:
    """What is named and changes nothing, or asks for more than there is."""
    for name, channel in scenario.channels.items():
        for key in ("consent", "reach"):
            if getattr(channel, key) == 0:
                yield ("channels", name, key), "is 0: nobody is ever reached by this channel"
    yield from _trust(scenario)
    if scenario.season and scenario.season.by_month and not any(scenario.season.by_month.values()):
        yield ("season", "by_month"), "are all 0: nobody orders in the months named"
    synthetic = scenario.population.synthetic
    if synthetic is None:
        return
    if not any(s.share for s in synthetic.segments.values() if not s.lapsed):
        yield ("population", "synthetic", "segments"), "everybody has lapsed at the start"
    if scenario.service is not None:
        yield from _overload(scenario.service, synthetic, scenario.population.customers)
    mean = synthetic.order_value.mean
    for name, category in synthetic.categories.items():
        if mean is not None and category.owner_share > 0 and category.spend_per_order > mean:
            yield (
                ("population", "synthetic", "categories", name, "spend_per_order"),
                f"its owners would spend {category.spend_per_order:g} on it in an order, yet a mean order with all that they own "
                f"is worth {mean:g}",
            )


def _trust(scenario: Scenario) -> Iterator[Problem]:
    """Trust that is read and never moved, or moved and never read."""
    d = scenario.dynamics
    if d is None:
        return
    moved = [name for name, offer in scenario.offers.items() if offer.effects.trust is not None]
    shared = d.trust is not None and scenario.service is not None
    readers = {
        ("dynamics", "segments", "trust"): d.segments.trust if d.segments else 0.0,
        ("dynamics", "competition", "trust"): d.competition.trust if d.competition else 0.0,
        ("dynamics", "trust", "response"): d.trust.response if d.trust else 0.0,
    }
    for path, weight in readers.items():
        if weight and not (moved or shared):
            yield path, "changes nothing: no offer's effects.trust moves trust"
    if moved and not (shared or any(readers.values())):
        yield (
            ("offers", moved[0], "effects", "trust"),
            "changes nothing: neither dynamics.trust.response nor segments.trust nor competition.trust reads trust",
        )


def _overload(service: Service, synthetic: Synthetic, customers: int | None) -> Iterator[Problem]:
    """Work per period against the hours of the agents, where nobody hangs up."""
    if service.patience_minutes is not None or service.agents is None or customers is None:
        return
    live = [s for s in synthetic.segments.values() if not s.lapsed]
    contacts = sum(
        s.share * (service.contacts_per_order * s.orders_per_period + service.contacts_per_customer) for s in live
    )
    busy = (
        contacts * customers * service.minutes / 60 / (service.agents * service.hours_per_day * service.days_per_period)
    )
    if busy >= 1:
        yield (
            ("service", "agents"),
            f"have work for {busy:.0%} of their hours, and without patience_minutes nobody hangs up: the queue grows without end",
        )
