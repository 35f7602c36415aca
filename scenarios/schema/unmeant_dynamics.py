"""Dynamics that are legal and change nothing, or do what nobody means."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.schema.base import Problem
from scenarios.schema.dynamics import Choice, Competition, Dynamics
from scenarios.schema.population import Synthetic
from scenarios.schema.scenario import Scenario

AS_WEIGHTS = 0.05
"""How far mean weights by segment may lie from the weights of all."""


def warn_of_idle_dynamics(scenario: Scenario) -> Iterator[Problem]:
    """Features whose numbers switch them off, and those that contradict the population."""
    d, synthetic = scenario.dynamics, scenario.population.synthetic
    if d is None:
        return
    yield from _trust(scenario, d)
    yield from _switched_off(scenario, d)
    yield from _tiers(scenario, d)
    if synthetic is not None:
        yield from _by_segment(d, synthetic)
        yield from _lapsing(d, synthetic)


def _trust(scenario: Scenario, d: Dynamics) -> Iterator[Problem]:
    """Trust that is read and never moved, or moved and never read."""
    moved = [name for name, offer in scenario.offers.items() if offer.effects.trust is not None]
    served = scenario.service is not None and scenario.service.effects.trust is not None
    shared = d.trust is not None and served
    readers: dict[tuple[str, ...], float] = {
        ("dynamics", "segments", "trust"): d.segments.trust if d.segments else 0.0,
        ("dynamics", "trust", "response"): d.trust.response if d.trust else 0.0,
    }
    choices = dict(_choices(d.competition))
    readers |= {(*path, "trust"): choice.trust for path, choice in choices.items()}
    for path, weight in readers.items():
        rival = choices.get(path[:-1])
        if weight and not (moved or shared) and not (rival and any(event.trust for event in rival.events)):
            also = "; the contact centre's trust is another stock without dynamics.trust" if served else ""
            yield path, f"changes nothing: no offer's effects.trust moves trust{also}"
    if d.trust is not None and not (moved or shared or any(readers.values())):
        yield ("dynamics", "trust"), "changes nothing: no offer's effects.trust moves it, and nothing reads it"
    if moved and not (shared or any(readers.values())):
        yield (
            ("offers", moved[0], "effects", "trust"),
            "changes nothing: neither dynamics.trust.response nor segments.trust nor competition.trust reads trust",
        )


def _choices(competition: Competition | None) -> Iterator[tuple[tuple[str, ...], Choice]]:
    """Every competitor, of the order rate or of a category, with its path."""
    at = ("dynamics", "competition")
    if competition is not None and competition.share is not None:
        yield at, competition
    for name, choice in competition.categories.items() if competition is not None else ():
        yield (*at, "categories", name), choice


def _switched_off(scenario: Scenario, d: Dynamics) -> Iterator[Problem]:
    """Features that nothing sets in motion.  A weight of 0 is how one is switched off, and is meant."""
    at = ("dynamics",)
    for path, choice in _choices(d.competition):
        for i, event in enumerate(choice.events):
            for name in ("price", "value", "trust"):
                if getattr(event, name) and not getattr(choice, name):
                    where = (*path, "events", i, name)
                    yield where, f"changes nothing: {'.'.join(path)}.{name}, its weight, is 0"
    if d.competition is not None:
        yield from _idle_categories(scenario, d.competition)
    if d.habituation is not None and d.habituation.memory == 1:
        yield (*at, "habituation", "memory"), "is 1: today's deal is never taken in, so habituation changes nothing"
    if d.segments is not None:
        tilts = [offer.effects.tilt for offer in scenario.offers.values() if offer.effects.tilt is not None]
        if not (d.segments.trust or d.segments.fatigue or d.segments.momentum or tilts):
            yield (*at, "segments"), "tilts nothing: no offer has effects.tilt, and trust, fatigue and momentum are 0"
        if d.segments.fatigue and scenario.contact_policy.fatigue is None:
            yield (*at, "segments", "fatigue"), "changes nothing: contact_policy has no fatigue, so nobody is tired"
        yield from _direction(d.segments.direction, scenario.population.synthetic)
    if d.values is not None and not any(offer.appeal for offer in scenario.offers.values()):
        yield (*at, "values"), "change nothing: no offer has an 'appeal' to them"


def _idle_categories(scenario: Scenario, competition: Competition) -> Iterator[Problem]:
    """Categories of which nobody buys anything from us, or in which nothing ever moves a share."""
    synthetic = scenario.population.synthetic
    offers = scenario.offers.values()
    for name, choice in competition.categories.items():
        at = ("dynamics", "competition", "categories", name)
        known = synthetic.categories.get(name) if synthetic is not None else None
        sold = any(name in (offer.category, *offer.bundle) for offer in offers)
        if known is not None and (not (sold or known.owner_share) or not known.spend_per_order):
            yield at, "changes nothing: nobody spends anything on it with us, and no offer sells it"
        shifted = any(offer.effects.share and offer.effects.share.category == name for offer in offers)
        if not ("events" in choice.model_fields_set or choice.trust or shifted):  # events: [] is meant
            yield (
                at,
                "changes nothing but the wallets in reports: no event, no trust and no offer moves our share of it",
            )


def _tiers(scenario: Scenario, d: Dynamics) -> Iterator[Problem]:
    """Tiers in which nobody can move up, or to which moving up brings nothing."""
    at = ("dynamics",)
    prices = [tier.price_multiple for tier in d.tiers.values()]
    if len(prices) > 1 and len(set(prices)) == 1:
        yield (*at, "tiers"), f"all have the price multiple {prices[0]:g}: moving up brings nothing"
    if prices and prices[0] != 1:
        first = next(iter(d.tiers))
        yield (
            (*at, "tiers", first, "price_multiple"),
            f"the first tier's is {prices[0]:g}, yet multiples are relative to it: all order values are multiplied; write 1",
        )
    if d.tiers and list(d.tiers.values())[-1].share == 1 and len(d.tiers) > 1:
        yield (*at, "tiers"), "everybody is in the top tier at the start: nobody can move up"
    if len(d.tiers) == 1 and any(offer.effects.tier for offer in scenario.offers.values()):
        yield (*at, "tiers"), "there is one tier: offers that move customers up change nothing"


def _direction(given: dict[str, float], synthetic: Synthetic | None) -> Iterator[Problem]:
    """A direction in which nobody is drawn, or the wrong one."""
    if not given or synthetic is None:
        return
    path = ("dynamics", "segments", "direction")
    every = {name: given.get(name, 0.0) for name in synthetic.segments}
    if len(set(every.values())) == 1:
        yield path, f"is {next(iter(every.values())):g} for every segment: nothing is tilted"
    elif rest := [name for name in every if name not in given]:
        yield path, f"{', '.join(rest)}: left out, and so at 0; name every segment"
    live = [every[name] for name, segment in synthetic.segments.items() if not segment.lapsed]
    high = [
        name
        for name, s in synthetic.segments.items()
        if s.lapsed and len(set(every.values())) > 1 and every[name] >= max(live)
    ]
    if high:
        yield (
            path,
            f"draws towards {', '.join(high)}, which {'is' if len(high) == 1 else 'are'} lapsed, above all others",
        )


def _by_segment(d: Dynamics, synthetic: Synthetic) -> Iterator[Problem]:
    """Mean weights by segment that are not, on average, the weights: the mean response is then not ``base``."""
    if d.values is None or not d.values.by_segment:
        return
    found = []
    for lapsed in (True, False):  # over all customers, or over those who have not left
        share = {n: s.share for n, s in synthetic.segments.items() if lapsed or not s.lapsed}
        whole = sum(share.values())
        mean = {
            v: sum(p * d.values.by_segment.get(n, d.values.weights).get(v, 0.0) for n, p in share.items()) / whole
            if whole
            else w
            for v, w in d.values.weights.items()
        }
        found.append(max((abs(mean[v] - w), v, mean[v], w) for v, w in d.values.weights.items()))
    far, name, mean_weight, weight = min(found)
    if far > AS_WEIGHTS:
        yield (
            ("dynamics", "values", "by_segment"),
            f"the mean weight of {name!r} over customers is {mean_weight:.2g}, yet weights says {weight:g}: an appeal to it moves "
            "the mean response, too, away from base",
        )


def _lapsing(d: Dynamics, synthetic: Synthetic) -> Iterator[Problem]:
    """An attrition model on top of moves that lapse customers already."""
    rows = synthetic.transition
    gone = [n for n, s in synthetic.segments.items() if s.lapsed]
    moves = [
        n for n, s in synthetic.segments.items() if not s.lapsed and any(rows.get(n, {}).get(g, 0.0) for g in gone)
    ]
    if d.attrition is not None and moves:
        yield (
            ("dynamics", "attrition"),
            f"comes on top of the moves of {', '.join(moves)} into lapsed segments: who leaves is counted by both; leave one out",
        )
