"""New customers: how many the money buys, who they are, when they join, and what is left for offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import THERE, Arrivals, Population, State, Traits, World, make_population
from engine.population import NEVER
from engine.tables import micro_units
from scenarios.base import Customers
from scenarios.schema.base import Problem
from scenarios.schema.investment import Acquisition, AcquisitionSource
from scenarios.schema.planning import Time
from scenarios.schema.rules import Rule
from scenarios.schema.scenario import Scenario
from scenarios.schema.surroundings import budgets

FIRST_KEY, KEYS_OF_A_SOURCE = 1 << 48, 1 << 40  # above every key of a base
STREAM = 5
POOL = 4096
"""Customers of the base whose traits new ones resemble."""


def without_acquisition(scenario: Scenario) -> Scenario:
    """The scenario with the money for new customers taken off every rule that limits the cost of everything.

    Of several such rules the tightest is shared out: the one with the least money a period.  What new customers cost then counts in
    all of them, ``share x least`` a period, so that offers and new customers together keep each.
    """
    spec, places = scenario.acquisition, budgets(scenario)
    if spec is None or not spec.share_of_budget or not places:
        return scenario
    rules, share = list(scenario.rules), spec.share_of_budget
    rates = {index: per_period(rules[index], rules[index].max or 0.0, scenario.time) for index in places}
    tightest = min(places, key=rates.__getitem__)
    whole = per_period(rules[tightest], (rules[tightest].max or 0.0) * share, scenario.time)
    for index, rate in rates.items():
        used = share * (rates[tightest] / rate if rate > 0 else 1.0)
        rules[index] = rules[index].model_copy(update={"max": (rules[index].max or 0.0) * (1 - used)})
    spec = spec.model_copy(update={"budget_per_period": whole, "share_of_budget": None})
    return scenario.model_copy(update={"rules": tuple(rules), "acquisition": spec})


def per_period(rule: Rule, amount: float, time: Time) -> float:
    """An amount of the rule's windows, by period."""
    if rule.per == "total":
        return amount / time.horizon_periods
    assert rule.per != "epoch"  # refused when the scenario is read
    return amount / time.periods_in(rule.per)


def joining(spec: Acquisition, horizon: int, scale: float) -> list[NDArray[np.int64]]:
    """(T,) new customers of each source by period: what the money so far pays for, within the capacity so far."""
    money = (spec.budget_per_period or 0.0) * scale
    out = []
    for source in spec.sources.values():
        share = 1 / len(spec.sources) if source.share is None else source.share
        per_period = min(money * share / source.cost, source.capacity_per_period * scale)
        total = np.floor(np.arange(1, horizon + 1) * per_period + 1e-9)
        out.append(np.diff(total, prepend=0.0).astype(np.int64))
    return out


def idle_sources(scenario: Scenario) -> Iterator[Problem]:
    """Sources whose money wins nobody in the whole run: what is set aside for them is spent on nothing."""
    spec = without_acquisition(scenario).acquisition
    if spec is None:
        return
    for (name, source), count in zip(
        spec.sources.items(), joining(spec, scenario.time.horizon_periods, 1.0), strict=True
    ):
        if spec.budget_per_period and source.share != 0 and not count.any():
            share = 1 / len(spec.sources) if source.share is None else source.share
            money = spec.budget_per_period * share * scenario.time.horizon_periods
            yield (
                ("acquisition", "sources", name, "cost"),
                f"{source.cost:g} for each, and {money:g} in the whole run: nobody is won, and that money is spent on nothing",
            )


def with_new_customers(
    scenario: Scenario, customers: Customers, world: World, seed: int
) -> tuple[Customers, Arrivals | None]:
    """The drawn customers with those who will join behind them, and who joins when.

    The k-th customer of a source has the same traits and the same luck under every strategy, whenever he joins.
    """
    spec = scenario.acquisition
    if spec is None:
        return customers, None
    base, names = customers.population, world.segments.names
    parts: list[Customers] = []
    resembled = [np.arange(len(base))]
    period, cost = [np.full(len(base), THERE)], [np.zeros(len(base), np.int64)]
    counts = joining(spec, world.horizon, world.scale)
    for index, (source, count) in enumerate(zip(spec.sources.values(), counts, strict=True)):
        n = int(count.sum())
        segment = names.index(source.segment)
        alike = np.flatnonzero(base.traits.start_segment == segment)
        alike = (alike if len(alike) else np.arange(len(base)))[:POOL]
        rng = np.random.default_rng([seed, STREAM, index])
        like = alike[np.minimum((rng.random(n) * len(alike)).astype(np.int64), len(alike) - 1)]
        resembled.append(like)
        parts.append(_newcomers(customers, like, segment, FIRST_KEY + index * KEYS_OF_A_SOURCE, source, alike))
        period.append(np.repeat(np.arange(world.horizon), count))
        cost.append(np.full(n, micro_units(source.cost)))
    when = np.concatenate(period)
    order = np.argsort(when, kind="stable")
    everybody = _joined([customers, *parts], order, np.concatenate(resembled)[order])
    joined = when[order].astype(np.int32)
    everybody = replace(everybody, population=_with_new_contracts(everybody.population, joined, world), joined=joined)
    return everybody, Arrivals(joined, np.concatenate(cost)[order])


def _with_new_contracts(population: Population, joined: NDArray[np.int32], world: World) -> Population:
    """New customers' contracts begin when they join; the segment before is the one in which they start."""
    life, dynamics = population.life, world.dynamics
    if life is None or dynamics is None:
        return population
    new = joined != THERE
    before, renewal = life.before.copy(), life.renewal.copy()
    before[new] = population.traits.start_segment[new]
    if dynamics.attrition is not None:
        renewal[new] = (-joined[new]) % dynamics.attrition.renews_every
    return replace(population, life=replace(life, before=before, renewal=renewal))


def new(key: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether customers with these keys joined during the run."""
    return key >= np.uint64(FIRST_KEY)


def source_of(key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Place of the source from which customers with these keys came."""
    return ((key - np.uint64(FIRST_KEY)) // np.uint64(KEYS_OF_A_SOURCE)).astype(np.int64)


def _newcomers(
    customers: Customers,
    like: NDArray[np.int64],
    segment: int,
    key: int,
    source: AcquisitionSource,
    alike: NDArray[np.int64],
) -> Customers:
    """Customers like these of the base, without a past; a planner knows only what their source brings on average."""
    n, old = len(like), customers.population.take(like)
    traits = replace(
        old.traits,
        key=(key + np.arange(n)).astype(np.uint64),
        rate=old.traits.rate * np.float32(source.order_rate.value),
        order_value=old.traits.order_value * np.float32(source.order_value.value),
        headroom=old.traits.headroom * np.float32(source.order_value.value),
        responsiveness=old.traits.responsiveness + np.float32(source.responsiveness.value),
        start_segment=np.full(n, segment, np.uint8),
    )
    fresh = make_population(
        rate=traits.rate, order_value=traits.order_value, segment=traits.start_segment, owned=old.state.owned
    ).state
    fresh.recency[:] = NEVER
    known = customers.population.traits
    rate = np.full(n, known.rate[alike].mean() * source.order_rate.value, np.float32)
    value = np.full(n, known.order_value[alike].mean() * source.order_value.value, np.float32)
    return Customers(Population(traits, fresh), rate, value, rate, value, customers.responsiveness_sd)


def _joined(parts: list[Customers], order: NDArray[np.int64], like: NDArray[np.int64]) -> Customers:
    """One population of all parts, in this order; what traits and state do not hold is that of ``like``, places in the base."""

    def column(arrays: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(arrays)[order]

    traits = {f.name: column([getattr(p.population.traits, f.name) for p in parts]) for f in fields(Traits)}
    state = {f.name: column([getattr(p.population.state, f.name) for p in parts]) for f in fields(State)}
    known = ("rate_model", "order_value_model", "rate_history", "order_value_history")
    estimates = {name: column([getattr(p, name) for p in parts]) for name in known}
    population = replace(parts[0].population.take(like), traits=Traits(**traits), state=State(**state))
    if population.life is not None:  # what is spent on categories goes with the order value
        old = parts[0].population.traits.order_value[like]
        spent = population.life.spent * (population.traits.order_value / np.where(old > 0, old, 1))[:, None]
        population = replace(population, life=replace(population.life, spent=spent.astype(np.float32)))
    groups = {label: code[like] for label, code in parts[0].groups.items()}
    return Customers(population, **estimates, responsiveness_sd=parts[0].responsiveness_sd, groups=groups)
