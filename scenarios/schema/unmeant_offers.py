"""Channels, offers and new customers that are legal, and that nobody means."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.schema.base import Problem
from scenarios.schema.curves import Curve
from scenarios.schema.offers import Offer
from scenarios.schema.scenario import Scenario


def warn_of_offers(scenario: Scenario) -> Iterator[Problem]:
    """Nobody is reached, can be sent it or can respond; numbers beyond where they act."""
    for name, channel in scenario.channels.items():
        for key in ("consent", "reach"):
            if getattr(channel, key) == 0:
                yield ("channels", name, key), "is 0: nobody is ever reached by this channel"
    for name, offer in scenario.offers.items():
        for path, said in _offer(offer, scenario):
            yield ("offers", name, *path), said


def _offer(offer: Offer, scenario: Scenario) -> Iterator[Problem]:
    effects, rate = offer.effects, scenario.margins.gross_margin_rate
    best = rate - (offer.depth if offer.kind != "cross_sell" else 0.0)
    if offer.min_margin_rate is not None and offer.min_margin_rate > best:
        yield (
            ("min_margin_rate",),
            f"{offer.min_margin_rate:g} is more than an order can leave, {best:.3g} at most: nobody is eligible",
        )
    tired = scenario.contact_policy.fatigue is not None or offer.wear_out is not None or bool(offer.appeal)
    tired = tired or any(scenario.channels[c].fatigue for c in offer.channels if c in scenario.channels)
    response = {("base",): effects.response.base} | {
        ("by_segment", n): p for n, p in effects.response.by_segment.items()
    }
    for path, value in response.items():
        if value == 1 and tired:
            yield (
                ("effects", "response", *path),
                "is 1: no fatigue, wear-out or appeal changes a response that is certain; write 0.99",
            )
    for effect, curve in (
        ("response", effects.response.curve),
        ("orders", effects.orders.curve if effects.orders else None),
    ):
        if curve is not None and curve.points:
            yield from _table(("effects", effect, "curve", "points"), curve, offer.depth)
    if effects.orders is not None and (lift := effects.orders.at(offer.depth)) < 0:
        of = "the curve" if effects.orders.curve is not None else "lift"
        yield (
            ("effects", "orders", "curve" if effects.orders.curve is not None else "lift"),
            f"{of} is {lift:.3g}: the offer cuts orders of who responds"
            + ("; an elasticity below 0 lets a lower price bring more" if effects.orders.curve is not None else ""),
        )
    synthetic = scenario.population.synthetic
    category = synthetic.categories.get(offer.category or "") if synthetic is not None else None
    if category is not None and category.owner_share == 1:
        yield ("category",), f"everybody owns {offer.category!r}: there is nobody to sell it to"


def _table(path: tuple[str | int, ...], curve: Curve, depth: float) -> Iterator[Problem]:
    """Beyond its points a table stays at the last one."""
    assert curve.points is not None
    first, last = curve.points[0][0], curve.points[-1][0]
    if not first <= depth <= last:
        end = f"begin at {first:g}" if depth < first else f"end at {last:g}"
        yield path, f"{end}, and the offer's depth is {depth:g}: beyond its points a table is flat"
