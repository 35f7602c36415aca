"""The scenario's words for dynamics -> the engine's parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import Segments
from engine.dynamics import (
    ArmDynamics,
    Attrition,
    Channel,
    Competition,
    Dynamics,
    Habituation,
    OrderGrowth,
    Pantry,
    Rival,
    Stock,
    Tilt,
)
from engine.rules import GRID
from scenarios.schema.dynamics import PARAMETERS, CategoryChoice, Choice
from scenarios.schema.dynamics import Attrition as Leaving
from scenarios.schema.dynamics import Dynamics as Spec
from scenarios.schema.offers import Offer
from scenarios.schema.scenario import Scenario

Floats = NDArray[np.float64]


def in_use(scenario: Scenario) -> bool:
    """Whether the scenario names any of it."""
    return (
        scenario.dynamics is not None
        or any(c.consent < 1 or c.reach < 1 or c.fatigue or c.opt_out for c in scenario.channels.values())
        or any(offer.wear_out or offer.appeal for offer in scenario.offers.values())
    )


def stocks_of(scenario: Scenario) -> dict[tuple[str, str], Stock]:
    """Exposure stocks by (channel | offer, name)."""
    found = {("channel", n): c.fatigue for n, c in scenario.channels.items() if c.fatigue}
    found |= {("offer", n): o.wear_out for n, o in scenario.offers.items() if o.wear_out}
    return {key: Stock(f.decay, f.weight) for key, f in found.items()}


def attrition(spec: Leaving, segments: Segments) -> Attrition:
    """With the distribution of its trait."""
    first, second = (getattr(spec, name) or 0.0 for name in PARAMETERS[spec.model])
    return Attrition(spec.model, segments.names.index(spec.into), spec.renews_every, (first, second))


def rivals_of(scenario: Scenario) -> dict[str, CategoryChoice]:
    """Categories with a competitor, in the order of the engine's rivals."""
    competition = scenario.dynamics.competition if scenario.dynamics else None
    return competition.categories if competition else {}


def build_dynamics(scenario: Scenario, segments: Segments, categories: tuple[str, ...]) -> Dynamics | None:
    """None where nothing is named."""
    if not in_use(scenario):
        return None
    d, stocks = scenario.dynamics or Spec(), stocks_of(scenario)
    places = list(stocks)
    weights = list(d.values.weights.values()) if d.values else []
    return Dynamics(
        attrition=attrition(d.attrition, segments) if d.attrition else None,
        pantry=Pantry(d.pantry.share, d.pantry.use) if d.pantry else None,
        habituation=Habituation(d.habituation.memory, d.habituation.weight) if d.habituation else None,
        tilt=Tilt(directions(d, segments), d.segments.trust, d.segments.fatigue, d.segments.momentum)
        if d.segments
        else None,
        growth=OrderGrowth(d.order_growth.per_order, d.order_growth.limit) if d.order_growth else None,
        competition=Competition(pull(d.competition, scenario.time.horizon_periods), d.competition.trust)
        if d.competition and d.competition.share is not None
        else None,
        rivals=tuple(
            Rival(categories.index(name), pull(c, scenario.time.horizon_periods), c.trust)
            for name, c in rivals_of(scenario).items()
        ),
        stocks=tuple(stocks.values()),
        channels=tuple(
            Channel(
                c.reach,
                c.opt_out.base if c.opt_out else 0.0,
                c.opt_out.per_contact if c.opt_out else 0.0,
                places.index(("channel", n)) if ("channel", n) in stocks else -1,
            )
            for n, c in scenario.channels.items()
        ),
        values=tuple(d.values.weights) if d.values else (),
        value_means=np.array(weights, float),
        tiers=np.array([tier.price_multiple for tier in d.tiers.values()], float),
        breadth=d.breadth.attrition_factor if d.breadth else 1.0,
        trust_decay=d.trust.decay if d.trust else 1.0,
        trust_response=d.trust.response if d.trust else 0.0,
        flows=d.flows,
    )


def directions(d: Spec, segments: Segments) -> Floats:
    """(S,) as given; else ranks by orders per period from -1 (lapsed) to 1."""
    given = d.segments.direction if d.segments else {}
    if given:
        return np.array([given.get(name, 0.0) for name in segments.names], float)
    order = np.argsort(np.argsort(np.where(segments.lapsed, -1.0, segments.multiplier), kind="stable"), kind="stable")
    return np.asarray(2 * order / max(len(order) - 1, 1) - 1, np.float64)


def pull(c: Choice, horizon: int) -> Floats:
    """(T,) change of our advantage: the competitor's price up is good for us, his value and trust up are bad."""
    out, now = np.zeros(horizon), sorted(c.events, key=lambda e: e.period)
    for event in now:
        out[event.period :] = c.price * event.price - c.value * event.value - c.trust * event.trust
    return out


def arm_dynamics(name: str, offer: Offer, channel: str, scenario: Scenario, categories: tuple[str, ...]) -> ArmDynamics:
    """What one arm does beyond the plain effects."""
    plain = ArmDynamics(
        win_back=offer.kind == "win_back",
        cannibalises=offer.effects.ownership.cannibalises if offer.effects.ownership else 0.0,
        bundle=sum({1 << categories.index(c) for c in offer.bundle}),
    )
    if not in_use(scenario):
        return plain
    d, stocks, e = scenario.dynamics or Spec(), list(stocks_of(scenario)), offer.effects

    def stock(kind: str, of: str) -> int:
        return stocks.index((kind, of)) if (kind, of) in stocks else -1

    curve: tuple[float, ...] = ()
    if d.habituation and e.response.curve is not None:
        p = np.clip([e.response.at(x) for x in np.linspace(0, offer.depth, GRID)], 1e-6, 1 - 1e-6)
        curve = tuple((np.log(p) - np.log1p(-p)).tolist())
    strength = d.values.strength if d.values else 0.0
    return ArmDynamics(
        channel=list(scenario.channels).index(channel),
        stocks=(stock("channel", channel), stock("offer", name)),
        curve=curve,
        appeal=tuple(strength * offer.appeal.get(v, 0.0) for v in d.values.weights) if d.values else (),
        tilt_response=e.tilt.response if e.tilt else 0.0,
        tilt_contact=e.tilt.contact if e.tilt else 0.0,
        tier_step=e.tier.step if e.tier else 0,
        tier_probability=e.tier.probability if e.tier else 0.0,
        share_shift=e.share.shift if e.share else 0.0,
        share_rival=list(rivals_of(scenario)).index(e.share.category) if e.share and e.share.category else -1,
        trust=e.trust.shift if e.trust else 0.0,
        win_back=plain.win_back,
        cannibalises=plain.cannibalises,
        bundle=plain.bundle,
    )
