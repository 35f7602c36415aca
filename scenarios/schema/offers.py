"""Channels, offers and what an offer does to a customer who responds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from engine.tables import MAX_DURATION
from scenarios.schema.base import (
    Amount,
    Count,
    Model,
    Name,
    Names,
    NonNegative,
    Number,
    Probability,
    Problem,
    Sourced,
    Text,
    repeats,
)
from scenarios.schema.curves import Curve

Kind = Literal["contact", "discount", "retention", "cross_sell", "up_sell", "win_back"]


class ExposureFatigue(Sourced):
    """Exposure to one channel or one offer: ``F <- decay F``, + 1 on a contact; the logit of a response loses ``weight F``."""

    decay: Probability
    weight: NonNegative


class OptOut(Sourced):
    """A contact ends the consent with probability ``base + per_contact x F``, F the channel's exposure before it."""

    base: Probability = 0.0
    per_contact: Probability = 0.0


class Channel(Model):
    """A way to reach customers; ``capacity_per_period`` contacts a period, unlimited if left out.

    ``consent``: share of customers who may be contacted at the start.  ``reach``: probability that a contact arrives.
    """

    cost_per_contact: NonNegative
    capacity_per_period: Count | None = None
    consent: Probability = 1.0
    reach: Probability = 1.0
    fatigue: ExposureFatigue | None = None
    opt_out: OptOut | None = None

    def problems(self) -> Iterator[Problem]:
        """A probability of opting out stays one."""
        if self.opt_out and self.opt_out.per_contact:
            if self.fatigue is None:
                yield (
                    ("opt_out", "per_contact"),
                    "needs the channel's 'fatigue': without it there is no exposure to grow with",
                )
            elif self.fatigue.decay == 1:
                yield (
                    ("opt_out", "per_contact"),
                    "exposure never fades where the channel's fatigue.decay is 1, and the probability passes 1; lower the decay",
                )
            else:
                most = self.opt_out.base + self.opt_out.per_contact / (1 - self.fatigue.decay)
                if most > 1:
                    yield (
                        ("opt_out", "per_contact"),
                        f"after contacts in every period the probability would be {most:.3g}, above 1; lower it to at most "
                        f"{(1 - self.opt_out.base) * (1 - self.fatigue.decay):.3g}",
                    )


class Response(Sourced):
    """Probability that a contacted customer responds, at zero fatigue; ``base`` for segments that ``by_segment``
    leaves out.

    ``sd``: of the base probability.
    """

    base: Probability | None = None
    by_segment: dict[Text, Probability] = Field(default_factory=dict)
    curve: Curve | None = None
    sd: NonNegative | None = None

    def problems(self) -> Iterator[Problem]:
        """A response needs a number."""
        if self.base is None and not self.by_segment and self.curve is None:
            yield (), "expected 'base' or 'by_segment', or a 'curve' of the depth"
        if self.base is not None and self.curve is not None:
            yield ("curve",), "base and curve both say how many respond; keep one"
        if self.curve is not None and self.curve.kind == "elasticity":
            yield ("curve", "kind"), "an elasticity is of orders, not of responses; use hill, adbudg, logistic or table"

    def at(self, depth: float) -> float:
        """Base probability of an offer of this depth."""
        return self.curve(depth) if self.curve is not None else self.base or 0.0


class Orders(Sourced):
    """``lift``: relative change of a responder's order rate while the offer acts; or a ``curve`` of the offer's depth."""

    lift: Number | None = Field(default=None, ge=-1, le=100)
    curve: Curve | None = None
    sd: NonNegative | None = None

    def problems(self) -> Iterator[Problem]:
        """One of the two."""
        if (self.lift is None) == (self.curve is None):
            yield (), "expected exactly one of 'lift' and 'curve'"
        if self.curve is not None and self.curve.kind == "logistic":
            yield ("curve", "kind"), "a logistic curve is of responses; use hill, adbudg, table or elasticity"

    def at(self, depth: float) -> float:
        """Lift of an offer of this depth."""
        return self.curve(depth) if self.curve is not None else self.lift or 0.0


class Attrition(Sourced):
    """``reduction``: share by which a responder's moves into lapsed segments are cut."""

    reduction: Probability
    sd: NonNegative | None = None


class Move(Sourced):
    """A responder moves to a segment with this probability, in place of the natural move."""

    to: Text
    probability: Probability
    sd: NonNegative | None = None


class Ownership(Sourced):
    """``sticks``: probability that a responder keeps the cross-sold category for good.

    ``cannibalises``: share of the category's value that replaces what the customer buys already.
    """

    sticks: Probability
    cannibalises: Probability = 0.0
    sd: NonNegative | None = None


class TierMove(Sourced):
    """A responder moves up ``step`` tiers with this probability, for good."""

    probability: Probability
    step: Count = 1
    sd: NonNegative | None = None


class WalletShare(Sourced):
    """``shift``: log odds of the own share of wallet while the offer acts; ``category``: of what is spent on this one."""

    shift: Number
    category: Text | None = None
    sd: NonNegative | None = None


class TiltEffect(Sourced):
    """Towards better segments: ``response`` while the offer acts on a responder, ``contact`` on who does not respond."""

    response: Number = 0.0
    contact: Number = 0.0
    sd: NonNegative | None = None


class TrustEffect(Sourced):
    """``shift``: added to a responder's trust."""

    shift: Number
    sd: NonNegative | None = None


class Effects(Model):
    """Where an offer acts; what is left out is off."""

    response: Response
    orders: Orders | None = None
    attrition: Attrition | None = None
    move: Move | None = None
    ownership: Ownership | None = None
    tier: TierMove | None = None
    share: WalletShare | None = None
    tilt: TiltEffect | None = None
    trust: TrustEffect | None = None

    def problems(self) -> Iterator[Problem]:
        """One effect acts in one place."""
        if self.attrition and self.move:
            yield (), "attrition and move both change where a responder goes next: one effect in two places; keep one"
        if self.tilt and self.move:
            yield (), "tilt and move both change where a responder goes next: one effect in two places; keep one"
        if not any(getattr(self, name) for name in type(self).model_fields if name != "response"):
            yield (), "a response that changes nothing only costs; expected one of orders, attrition, move, ownership"


class Offer(Model):
    """One offer.

    kind: ``contact`` costs the contact only; ``discount`` gives ``depth`` of the redeeming order away;
    ``retention`` slows the moves into lapsed segments; ``cross_sell`` sells a category that the customer does not
    own yet (``depth`` is then of the category's value), with ``bundle``: further categories in the same offer;
    ``up_sell`` moves responders up a tier; ``win_back`` moves who has left out of a lapsed segment, and nobody else
    responds to it.  ``appeal``: to which of the customers' values, 0 to 1 each.  ``wear_out``: by repeats of the same offer.

    ``duration_periods``: how long a responder's effects act.
    ``redemption_cost``: per redeeming order, on top of the discount.  ``min_margin_rate``: customers whose orders
    would leave less are not eligible.  ``setup_cost``: paid once, when the offer is first sent.
    """

    kind: Kind
    depth: Probability = 0.0
    duration_periods: Count = Field(default=1, le=MAX_DURATION)
    channels: Names
    category: Text | None = None
    bundle: tuple[Text, ...] = ()
    appeal: dict[Text, Probability] = Field(default_factory=dict)
    wear_out: ExposureFatigue | None = None
    redemption_cost: NonNegative = 0.0
    setup_cost: Amount = 0.0
    min_margin_rate: Number | None = None
    effects: Effects

    def problems(self) -> Iterator[Problem]:
        """A kind has the effects that make it one, and no others."""
        effects = self.effects
        if self.kind == "discount" and not self.depth > 0:
            yield ("depth",), f"a discount needs a depth > 0, got {self.depth:g}"
        if self.kind == "contact" and self.depth > 0:
            yield ("depth",), f"a contact gives nothing away, got depth {self.depth:g}; use kind: discount"
        if self.kind == "retention" and effects.attrition is None:
            yield ("effects",), "a retention offer needs 'attrition'"
        if self.kind == "cross_sell":
            if self.category is None:
                yield (), "a cross_sell offer needs a 'category'"
            if effects.ownership is None:
                yield ("effects",), "a cross_sell offer needs 'ownership'"
        else:
            if self.category is not None:
                yield ("category",), f"only a cross_sell offer has a category, this one is a {self.kind}"
            if effects.ownership is not None:
                yield ("effects", "ownership"), f"only a cross_sell offer acts on ownership, this one is a {self.kind}"
        if self.kind == "up_sell" and effects.tier is None:
            yield ("effects",), "an up_sell offer needs 'tier'"
        if self.kind == "win_back" and effects.move is None:
            yield ("effects",), "a win_back offer needs 'move'"
        if self.bundle and self.kind != "cross_sell":
            yield ("bundle",), f"only a cross_sell offer has a bundle, this one is a {self.kind}"
        for category in repeats(self.bundle):
            yield ("bundle",), f"{category!r} is named twice"
        if self.category in self.bundle:
            yield ("bundle",), f"{self.category!r} is the offer's own category; a bundle names further ones"
        if effects.tier is not None and effects.ownership is not None:
            yield ("effects", "tier"), "tier and ownership both change what an order is worth; keep one"
        yield from self._curves()
        for channel in repeats(self.channels):
            yield ("channels",), f"{channel!r} is named twice"

    def _curves(self) -> Iterator[Problem]:
        """Curves give probabilities and lifts up to the offer's depth."""
        for name, low, high in (("response", 0.0, 1.0), ("orders", -1.0, 100.0)):
            effect = getattr(self.effects, name)
            if effect is None or effect.curve is None or not effect.curve.complete or any(effect.curve.problems()):
                continue
            at: tuple[str | int, ...] = ("effects", name, "curve")
            if self.depth == 0:
                yield at, "a curve is of the offer's depth, which is 0"
            for x in (self.depth * k / 8 for k in range(9)):
                if not low <= effect.curve(x) <= high:
                    yield (
                        at,
                        f"expected {low:g} to {high:g} up to the offer's depth, got {effect.curve(x):.4g} at {x:.3g}",
                    )
                    break


class Fatigue(Sourced):
    """Contact stock ``F <- decay F``, + 1 on a contact; the logit of a response loses ``weight F``."""

    decay: Probability
    weight: NonNegative
    sd: NonNegative | None = None


class ContactPolicy(Model):
    """At most ``max_contacts`` in any ``window_periods`` periods; ``control_group``: share held out of every plan."""

    max_contacts: Count | None = None
    window_periods: Count | None = Field(default=None, le=64)
    control_group: float = Field(default=0.0, strict=True, ge=0, lt=1)
    fatigue: Fatigue | None = None

    def problems(self) -> Iterator[Problem]:
        """A maximum and its window come together."""
        if (self.max_contacts is None) != (self.window_periods is None):
            missing = "window_periods" if self.window_periods is None else "max_contacts"
            yield (), f"max_contacts and window_periods come together; {missing} is missing"


Channels = dict[Name, Channel]
Offers = dict[Name, Offer]
