"""Names and numbers of dynamics held against the rest of the scenario."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scenarios.correlation import WEIGHT_OF, traits_of
from scenarios.schema.base import Problem
from scenarios.schema.dynamics import Choice, Competition
from scenarios.schema.population import Synthetic
from scenarios.schema.scenario import Scenario
from scenarios.suggest import nearest

if TYPE_CHECKING:
    from scenarios.schema.references import Names


def _unknown(what: str, names: object, known: tuple[str, ...] | None) -> Iterator[str]:
    if known is not None:
        for name in names:  # type: ignore[attr-defined]
            if name not in known:
                yield f"unknown {what} {name!r}{nearest(name, known)}"


def check_dynamics(scenario: Scenario, names: Names) -> Iterator[Problem]:
    """Segments and values that do not exist; effects of features that are off; periods beyond the horizon."""
    d = scenario.dynamics
    values = tuple(d.values.weights) if d and d.values else ()
    yield from _correlated(scenario, values, names.dynamics)
    for name, offer in scenario.offers.items():
        at, effects = ("offers", name), offer.effects
        if offer.appeal and not values:
            yield (*at, "appeal"), "customers' values are not defined; add dynamics.values"
        elif offer.appeal:
            for sentence in _unknown("value", offer.appeal, values):
                yield (*at, "appeal"), sentence
        for effect, given, feature in (
            ("tier", effects.tier, d and d.tiers),
            ("share", effects.share, d and d.competition),
            ("tilt", effects.tilt, d and d.segments),
            ("trust", effects.trust, d and d.trust),
        ):
            if given is not None and not feature:
                section = {"tier": "tiers", "share": "competition", "tilt": "segments", "trust": "trust"}[effect]
                if names.dynamics is None or section in names.dynamics:
                    continue  # there, with a fault of its own
                yield (*at, "effects", effect), f"needs dynamics.{section}, which the scenario does not define"
        if offer.kind == "win_back" and names.lapsed == ():
            yield at, "no segment is lapsed, so there is nobody to win back; mark one: lapsed: true"
        if offer.kind == "win_back" and names.lapsed:
            for segment in effects.response.by_segment:
                if segment in (names.segments or ()) and segment not in names.lapsed:
                    yield (
                        (*at, "effects", "response", "by_segment", segment),
                        f"{segment!r} is not a lapsed segment, and only who has left is won back; "
                        f"expected {', '.join(names.lapsed)}",
                    )
    if d is None:
        return
    if d.attrition is not None:
        where = ("dynamics", "attrition", "into")
        for sentence in _unknown("segment", [d.attrition.into], names.segments):
            yield where, sentence
        if (
            names.lapsed is not None
            and names.segments
            and d.attrition.into in names.segments
            and d.attrition.into not in names.lapsed
        ):
            yield where, f"expected a lapsed segment, got {d.attrition.into!r}; mark it: lapsed: true"
    if d.segments is not None:
        for sentence in _unknown("segment", d.segments.direction, names.segments):
            yield ("dynamics", "segments", "direction"), sentence
    if d.values is not None:
        for sentence in _unknown("segment", d.values.by_segment, names.segments):
            yield ("dynamics", "values", "by_segment"), sentence
    if d.competition is not None:
        yield from _competition(scenario, d.competition, names)
    if d.breadth is not None and names.categories == ():
        yield ("dynamics", "breadth"), "the population has no categories, so nobody's breadth can grow"
    if d.habituation is not None and not any(o.effects.response.curve for o in scenario.offers.values()):
        yield (
            ("dynamics", "habituation"),
            "no offer has a response 'curve' of its depth, so a deal that feels less deep changes nothing",
        )


def _competition(scenario: Scenario, competition: Competition, names: Names) -> Iterator[Problem]:
    """Events beyond the horizon; categories that do not exist, dearer than an order; shifts of others."""
    at: tuple[str | int, ...] = ("dynamics", "competition")
    choices: dict[tuple[str | int, ...], Choice] = {at: competition}
    choices |= {(*at, "categories", name): choice for name, choice in competition.categories.items()}
    for path, choice in choices.items():
        for i, event in enumerate(choice.events if scenario.time is not None else ()):
            if event.period >= scenario.time.horizon_periods:
                yield (
                    (*path, "events", i, "period"),
                    f"expected below the horizon of {scenario.time.horizon_periods}, got {event.period}",
                )
    for sentence in _unknown("category", competition.categories, names.categories):
        yield (*at, "categories"), sentence
    synthetic = scenario.population.synthetic if scenario.population else None
    if synthetic is not None:
        spend = {
            n: synthetic.categories[n].spend_per_order for n in competition.categories if n in synthetic.categories
        }
        if sum(spend.values()) > synthetic.order_value.average:
            yield (
                (*at, "categories"),
                f"who owns all of them spends {' + '.join(f'{s:g}' for s in spend.values())} = {sum(spend.values()):g} of an order "
                f"on them, and a mean order is worth {synthetic.order_value.average:g}: a share of less than nothing would be lost",
            )
    for name, offer in scenario.offers.items():
        share = offer.effects.share
        if share is None:
            continue
        where = ("offers", name, "effects", "share")
        if share.category is None and competition.share is None:
            yield (
                where,
                f"expected a 'category' ({', '.join(competition.categories)}): the order rate has no competitor",
            )
        elif share.category is not None and share.category not in competition.categories:
            some = f": {', '.join(competition.categories)}" if competition.categories else "; there are none"
            yield (
                (*where, "category"),
                f"{share.category!r} has no competitor; expected one of dynamics.competition.categories{some}",
            )


def _correlated(scenario: Scenario, values: tuple[str, ...], given: tuple[str, ...] | None) -> Iterator[Problem]:
    """Traits of dynamics that the scenario does not define, or in which its customers do not differ."""
    synthetic, d = scenario.population.synthetic if scenario.population else None, scenario.dynamics
    if synthetic is None:
        return
    at = ("population", "synthetic", "correlation")
    there = ("attrition", "competition", "values") if given is None else given  # maybe with a fault of their own
    for pair in synthetic.correlation:
        for trait in traits_of(pair):
            if trait == "attrition" and "attrition" not in there:
                yield (*at, pair), "attrition needs dynamics.attrition, which the scenario does not define"
            if trait == "own_share" and (
                "competition" not in there or (d and d.competition and not d.competition.share)
            ):
                yield (
                    (*at, pair),
                    "own_share needs the share of dynamics.competition, which the scenario does not define",
                )
            if trait.startswith(WEIGHT_OF):
                if "values" not in there or (d and d.values and not d.values.concentration):
                    yield (*at, pair), f"{trait} needs dynamics.values with a 'concentration'"
                for sentence in _unknown("value", [trait.removeprefix(WEIGHT_OF)], values or None):
                    yield (*at, pair), sentence


def warn_of_dynamics(scenario: Scenario) -> Iterator[Problem]:
    """What is legal, but seldom meant."""
    d, synthetic = scenario.dynamics, scenario.population.synthetic
    if synthetic is not None and not (d and d.attrition):
        stuck = _never_leave(synthetic)
        if stuck:
            yield (
                ("population", "synthetic", "transition"),
                f"customers in {', '.join(stuck)} can never lapse, and no attrition model is named: they order for ever",
            )
    if d and d.attrition and synthetic is None:
        yield (
            ("dynamics", "attrition"),
            f"comes on top of what the log already shows of leaving, and who leaves goes to the fitted {d.attrition.into!r}, where "
            "customers still order now and then and come back",
        )
    if d and d.tiers and synthetic is None:
        yield ("dynamics", "tiers"), "come on top of the differences in prices that the log already shows"
    for name, offer in scenario.offers.items():
        curve = offer.effects.orders.curve if offer.effects.orders else None
        if curve is not None and curve.kind == "elasticity" and abs(curve.elasticity or 0) > 2.5:
            yield (
                ("offers", name, "effects", "orders", "curve", "elasticity"),
                f"{curve.elasticity:g} is of the size found for single items, which gain from each other; a household's orders "
                "react far less",
            )
        if d and d.competition and d.competition.share and offer.effects.orders:
            lift = offer.effects.orders.at(offer.depth)
            if (1 + lift) * d.competition.share > 1:
                yield (
                    ("offers", name, "effects", "orders"),
                    f"a lift of {lift:g} on a share of {d.competition.share:g} is more than the whole wallet; it ends at "
                    f"{1 / d.competition.share - 1:.3g} for a customer of average share",
                )
        if synthetic is not None and synthetic.complementarity is not None:
            for category in (offer.category, *offer.bundle) if offer.category else ():
                doors = [
                    row.get(category, 0.0) for owned, row in synthetic.complementarity.items() if owned != category
                ]
                if category in synthetic.categories and not any(doors):
                    yield (
                        ("offers", name, "category"),
                        f"no category opens the door to {category!r}: the offer can sell nothing; see complementarity",
                    )


def _never_leave(synthetic: Synthetic) -> list[str]:
    """Segments with orders from which no lapsed segment can be reached."""
    reach = {name for name, segment in synthetic.segments.items() if segment.lapsed}
    while True:
        more = {a for a, row in synthetic.transition.items() if any(row.get(b, 0) > 0 for b in reach)} - reach
        if not more:
            break
        reach |= more
    return [n for n, s in synthetic.segments.items() if n not in reach and s.orders_per_period > 0]
