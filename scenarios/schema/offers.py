"""Channels, offers and what an offer does to a customer who responds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from scenarios.schema.base import (
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

Kind = Literal["contact", "discount", "retention", "cross_sell"]


class Channel(Model):
    """A way to reach customers; ``capacity_per_period`` contacts a period, unlimited if left out."""

    cost_per_contact: NonNegative
    capacity_per_period: Count | None = None


class Response(Sourced):
    """Probability that a contacted customer responds, at zero fatigue; ``base`` for segments that ``by_segment``
    leaves out.

    ``sd``: of the base probability.
    """

    base: Probability | None = None
    by_segment: dict[Text, Probability] = Field(default_factory=dict)
    sd: NonNegative | None = None

    def problems(self) -> Iterator[Problem]:
        """A response needs a number."""
        if self.base is None and not self.by_segment:
            yield (), "expected 'base' or 'by_segment'"


class Orders(Sourced):
    """``lift``: relative change of a responder's order rate while the offer acts."""

    lift: Number = Field(ge=-1, le=100)
    sd: NonNegative | None = None


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
    """``sticks``: probability that a responder keeps the cross-sold category for good."""

    sticks: Probability
    sd: NonNegative | None = None


class Effects(Model):
    """Where an offer acts; what is left out is off."""

    response: Response
    orders: Orders | None = None
    attrition: Attrition | None = None
    move: Move | None = None
    ownership: Ownership | None = None

    def problems(self) -> Iterator[Problem]:
        """One effect acts in one place."""
        if self.attrition and self.move:
            yield (), "attrition and move both change where a responder goes next: one effect in two places; keep one"
        if not (self.orders or self.attrition or self.move or self.ownership):
            yield (), "a response that changes nothing only costs; expected one of orders, attrition, move, ownership"


class Offer(Model):
    """One offer.

    kind: ``contact`` costs the contact only; ``discount`` gives ``depth`` of the redeeming order away;
    ``retention`` slows the moves into lapsed segments; ``cross_sell`` sells a category that the customer does not
    own yet (``depth`` is then of the category's value).  ``duration_periods``: how long a responder's effects act.
    ``redemption_cost``: per redeeming order, on top of the discount.  ``min_margin_rate``: customers whose orders
    would leave less are not eligible.  ``setup_cost``: paid once, when the offer is first sent.
    """

    kind: Kind
    depth: Probability = 0.0
    duration_periods: Count = 1
    channels: Names
    category: Text | None = None
    redemption_cost: NonNegative = 0.0
    setup_cost: NonNegative = 0.0
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
        for channel in repeats(self.channels):
            yield ("channels",), f"{channel!r} is named twice"


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
