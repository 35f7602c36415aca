"""Names in a scenario that point at something: offers, channels, segments, categories, strategies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from scenarios.pacing import windows
from scenarios.schema.base import Filter, Problem
from scenarios.schema.dynamics_references import check_dynamics, warn_of_dynamics
from scenarios.schema.offers import Offer
from scenarios.schema.planning import Strategy
from scenarios.schema.scenario import Scenario
from scenarios.schema.surroundings import around
from scenarios.schema.unmeant import warn_of_idle
from scenarios.suggest import nearest

RULE_MEASURES = ("value", "cost", "revenue", "margin", "count")
RULE_LABELS = ("offer", "channel", "kind", "segment")
PLAN_LABELS = ("segment",)
OPTIMISING = ("greedy", "optimal", "optimal_over_time")
KINDS = ("contact", "discount", "retention", "cross_sell", "up_sell", "win_back")


class Names:
    """What a scenario defines; None = known only after a fit, or once a fault is mended.

    Read from the raw data, so that an offer with a fault of its own still has its name.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        def keys(section: Any) -> tuple[str, ...]:
            return tuple(section) if isinstance(section, dict) else ()

        def names(section: Any) -> tuple[str, ...] | None:
            return tuple(section) if isinstance(section, dict) else None

        self.channels = names(data.get("channels"))
        self.offers = names(data.get("offers"))
        self.strategies: tuple[str, ...] | None = None
        strategies = data.get("strategies")
        if isinstance(strategies, list):
            named = [item.get("name") if isinstance(item, dict) else None for item in strategies]
            if all(isinstance(name, str) for name in named):
                self.strategies = tuple(str(name) for name in named)
        dynamics = data.get("dynamics")
        self.dynamics = names(dynamics if "dynamics" in data else {})
        tiers = keys(dynamics.get("tiers")) if isinstance(dynamics, dict) else ()
        self.groups: dict[str, tuple[str, ...]] = {"tier": tiers} if tiers else {}
        self.segments: tuple[str, ...] | None = None
        self.categories: tuple[str, ...] | None = None
        self.lapsed: tuple[str, ...] | None = None
        population = data.get("population")
        population = population if isinstance(population, dict) else {}
        synthetic, fit = population.get("synthetic"), population.get("fit")
        if isinstance(synthetic, dict):
            groups = synthetic.get("groups")
            self.groups |= {str(k): keys(v) for k, v in groups.items()} if isinstance(groups, dict) else {}
            self.segments = names(synthetic.get("segments"))
            self.categories = names(synthetic.get("categories", {}))
        elif isinstance(fit, dict):
            self.segments = keys(fit.get("segments")) or None
            categories = fit.get("categories", 0)
            if isinstance(categories, list | tuple):
                self.categories = tuple(str(item) for item in categories)
            elif categories == 0:
                self.categories = ()
        if self.segments is not None:
            defined = (synthetic if isinstance(synthetic, dict) else fit or {}).get("segments")
            segments = defined if isinstance(defined, dict) else {}
            lapsed = {
                name: part.get("lapsed", False) if isinstance(part, dict) else None for name, part in segments.items()
            }
            if all(isinstance(is_so, bool) for is_so in lapsed.values()):
                self.lapsed = tuple(name for name, is_so in lapsed.items() if is_so)


def unknown(what: str, names: Iterable[object], known: tuple[str, ...] | None) -> Iterator[str]:
    """A sentence for each name that is not known."""
    if known is not None:
        for name in names:
            if name not in known:
                yield f"unknown {what} {name!r}{nearest(name, known)}"


def check(scenario: Scenario, names: Names) -> Iterator[Problem]:
    """Every name that points at nothing, and every filter that keeps nothing."""
    for name, offer in scenario.offers.items():
        yield from _offer(("offers", name), offer, names)
    yield from _synthetic(scenario, names)
    yield from check_dynamics(scenario, names)
    for index, rule in enumerate(scenario.rules):
        where: tuple[str | int, ...] = ("rules", index)
        named = [rule.measure] if rule.measure is not None else []
        named += [rule.ratio.of, rule.ratio.to] if rule.ratio else []
        for sentence in unknown("measure", named, RULE_MEASURES):
            yield where, sentence
        yield from _filter((*where, "where"), rule.where, (*RULE_LABELS, *names.groups), names)
        if rule.parity is not None:
            for sentence in unknown("measure", [rule.parity.measure], RULE_MEASURES):
                yield (*where, "parity", "measure"), sentence
            for sentence in unknown("label of customers", [rule.parity.by], ("segment", *names.groups)):
                yield (*where, "parity", "by"), sentence
        if scenario.offers and not _keeps_an_arm(rule.where, scenario.offers, names.channels):
            yield (
                (*where, "where"),
                "no offer goes through such a channel, or is of such a kind: the filter can match nothing",
            )
    yield from around(scenario, names, unknown)
    for index, strategy in enumerate(scenario.strategies):
        yield from _strategy(("strategies", index), strategy, scenario, names)
    if names.strategies and scenario.baseline:
        for sentence in unknown("strategy", [scenario.baseline], names.strategies):
            yield ("baseline",), f"{sentence}; a baseline is one of the strategies"


def warnings(scenario: Scenario) -> Iterator[Problem]:
    """What is allowed, but seldom meant."""
    rate = scenario.margins.gross_margin_rate
    for name, offer in scenario.offers.items():
        if offer.depth > rate and offer.min_margin_rate is None and offer.kind not in ("cross_sell", "up_sell"):
            loss = f"a discount of {offer.depth:g} on a margin of {rate:g} loses money on every order"
            yield ("offers", name, "depth"), f"{loss}; min_margin_rate would hold it back"
    if not any(rule.measure == "cost" and (rule.max is not None or rule.releases) for rule in scenario.rules):
        yield ("rules",), "no rule limits cost: every strategy may spend what it likes"
    yield from warn_of_dynamics(scenario)
    yield from warn_of_idle(scenario)
    time, every = scenario.time, scenario.planning.every_periods
    if time.discount_rate_annual > 1:
        said = f"{time.discount_rate_annual:g} is {time.discount_rate_annual:.0%} a year"
        yield ("time", "discount_rate_annual"), f"{said}; 10 % is written 0.10"
    for name, offer in scenario.offers.items():
        lift = offer.effects.orders.lift if offer.effects.orders else None
        if lift is not None and lift > 10:
            said = f"{lift:g} brings {lift:g} extra orders for each that would come anyway"
            yield ("offers", name, "effects", "orders", "lift"), f"{said}; 10 % more is 0.10"
    yield from _unevenly_charged(scenario)
    epochs = scenario.planning.waves or tuple(range(0, time.horizon_periods, every))
    for index, rule in enumerate(scenario.rules):
        starts = windows(rule.per, time, epochs)
        held = len({bisect_right(starts, epoch) for epoch in epochs})
        if held < len(starts):
            lost = f"{len(starts) - held} of {len(starts)} windows hold no decision, and their amount is never used"
            yield ("rules", index, "per"), f"{lost}; plan more often"


def _unevenly_charged(scenario: Scenario) -> Iterator[Problem]:
    """A capability that some strategies that optimise pay for, and others do not."""
    optimising = [s.name for s in scenario.strategies if s.type in OPTIMISING]
    for name, capability in scenario.capabilities.items():
        pay = [s for s in optimising if s in capability.needed_by]
        free = [s for s in optimising if s not in capability.needed_by]
        if pay and free:
            said = f"needed by {' and '.join(pay)}, not by {' and '.join(free)}, though both optimise"
            yield ("capabilities", name, "needed_by"), f"{said}; who does not pay may win by that alone"


def _offer(path: tuple[str | int, ...], offer: Offer, names: Names) -> Iterator[Problem]:
    effects, segments = offer.effects, names.segments
    for sentence in unknown("channel", offer.channels, names.channels):
        yield (*path, "channels"), sentence
    if offer.category is not None:
        for sentence in unknown("category", [offer.category], names.categories):
            yield (*path, "category"), sentence
        for sentence in unknown("category", offer.bundle, names.categories):
            yield (*path, "bundle"), sentence
    by_segment = effects.response.by_segment
    at = (*path, "effects", "response", "by_segment")
    for sentence in unknown("segment", by_segment, segments):
        yield at, sentence
    if (
        by_segment
        and effects.response.base is None
        and effects.response.curve is None
        and segments
        and (rest := [name for name in segments if name not in by_segment])
    ):
        yield at, f"no response for {', '.join(rest)}; add them, or a base for the rest"
    if effects.move is not None:
        for sentence in unknown("segment", [effects.move.to], segments):
            yield (*path, "effects", "move", "to"), sentence
        if names.lapsed and effects.move.to in names.lapsed:
            yield (*path, "effects", "move", "to"), f"{effects.move.to!r} is a lapsed segment"
    if effects.attrition is not None and names.lapsed == ():
        yield (
            (*path, "effects", "attrition"),
            "no segment is lapsed, so there is no attrition to reduce; mark one: lapsed: true",
        )


def _synthetic(scenario: Scenario, names: Names) -> Iterator[Problem]:
    synthetic = scenario.population.synthetic if scenario.population else None
    if synthetic is None:
        return
    at: tuple[str | int, ...] = ("population", "synthetic")
    for key, table, what, known in (
        ("transition", synthetic.transition, "segment", names.segments),
        ("complementarity", synthetic.complementarity or {}, "category", names.categories),
    ):
        for sentence in unknown(what, table, known):
            yield (*at, key), sentence
        for name, row in table.items():
            for sentence in unknown(what, row, known):
                yield (*at, key, name), sentence


def _strategy(path: tuple[str | int, ...], strategy: Strategy, scenario: Scenario, names: Names) -> Iterator[Problem]:
    for sentence in unknown("offer", [strategy.offer] if strategy.offer else [], names.offers):
        yield (*path, "offer"), sentence
    offer = scenario.offers.get(strategy.offer or "")
    if offer is not None and strategy.channel is not None and strategy.channel not in offer.channels:
        yield (
            (*path, "channel"),
            f"{strategy.offer!r} does not go through {strategy.channel!r}{nearest(strategy.channel, offer.channels)}",
        )
    yield from _filter((*path, "where"), strategy.where, PLAN_LABELS, names)


def _filter(path: tuple[str | int, ...], where: Filter, labels: tuple[str, ...], names: Names) -> Iterator[Problem]:
    known: dict[str, tuple[str, ...] | None] = {"offer": names.offers, "channel": names.channels, "kind": KINDS}
    known |= {"segment": names.segments, **names.groups}
    for label, values in where.items():
        if label not in labels:
            yield path, f"unknown label {label!r}{nearest(label, labels)}"
            continue
        for sentence in unknown(label, values, known[label]):
            yield (*path, label), sentence


def _keeps_an_arm(where: Filter, offers: dict[str, Offer], channels: tuple[str, ...] | None) -> bool:
    """Whether some offer through some channel passes the filter; names that are unknown have been reported already."""
    if any(channel not in (channels or ()) for offer in offers.values() for channel in offer.channels):
        return True
    if any(value not in offers for value in where.get("offer", ())):
        return True
    return any(
        name in where.get("offer", (name,))
        and offer.kind in where.get("kind", (offer.kind,))
        and channel in where.get("channel", (channel,))
        for name, offer in offers.items()
        for channel in offer.channels
    )
