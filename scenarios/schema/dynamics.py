"""What a world may have beyond segments, orders and offers; what is left out is off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from scenarios.schema.base import (
    Count,
    Flag,
    Model,
    Name,
    NonNegative,
    Number,
    Positive,
    Probability,
    Problem,
    Text,
    Uncertain,
    Whole,
    repeats,
)

PARAMETERS = {"bg_nbd": ("a", "b"), "pareto_nbd": ("s", "beta"), "sbg": ("a", "b")}


class Attrition(Uncertain):
    """Leaving for good, as a trait in which customers differ, into the lapsed segment ``into``.

    ``bg_nbd``: after every order that comes anyway, with a probability ~ Beta(a, b).  ``pareto_nbd``: at a hazard per
    period ~ Gamma(s, rate beta).  ``sbg``: at every renewal, with a probability ~ Beta(a, b); contracts last
    ``renews_every`` periods.  ``observed``: whether the business sees that a customer has left (default: contracts only).
    """

    model: Literal["bg_nbd", "pareto_nbd", "sbg"]
    a: Positive | None = None
    b: Positive | None = None
    s: Positive | None = None
    beta: Positive | None = None
    into: Text
    renews_every: Count = Field(default=1, le=255)
    observed: Flag | None = None

    def problems(self) -> Iterator[Problem]:
        """A model has its parameters."""
        wanted = PARAMETERS[self.model]
        for name in ("a", "b", "s", "beta"):
            if name in wanted and getattr(self, name) is None:
                yield (), f"{self.model} needs {name!r}"
            if name not in wanted and getattr(self, name) is not None:
                yield (name,), f"{self.model} has no {name!r}; it has {', '.join(wanted)}"
        if self.model != "sbg" and self.renews_every != 1:
            yield ("renews_every",), f"only sbg renews contracts, this one is {self.model}"

    @property
    def seen(self) -> bool:
        """Whether the business sees it."""
        return self.model == "sbg" if self.observed is None else self.observed


class Pantry(Uncertain):
    """``share`` of the orders that an offer adds was only brought forward; ``use`` of that stock is lived on per period."""

    share: Probability
    use: Positive = Field(default=0.25, le=1)


class Habituation(Uncertain):
    """Deals are remembered, ``memory`` of them from period to period; a deal feels ``weight`` x memory less deep."""

    memory: Probability
    weight: NonNegative = 1.0


class Tilts(Uncertain):
    """Moves tilted towards segments of higher ``direction`` (default: ranks by orders per period, -1 to 1).

    ``momentum``: by the last move; ``trust``, ``fatigue``: by the customer's state; offers tilt by ``effects.tilt``.
    """

    trust: Number = 0.0
    fatigue: NonNegative = 0.0
    momentum: Number = 0.0
    direction: dict[Text, Number] = Field(default_factory=dict)


class OrderGrowth(Uncertain):
    """Every order makes the next one worth ``per_order`` more, up to ``limit`` times."""

    per_order: Probability
    limit: Number = Field(default=2.0, ge=1)


class Breadth(Uncertain):
    """``attrition_factor``: for every category owned beyond the first, attrition times this."""

    attrition_factor: Probability


class Trust(Uncertain):
    """Trust moved by offers (``effects.trust``), back to neutral by ``decay`` per period; ``response``: its weight there."""

    response: Number = 0.0
    decay: Probability


class Tier(Model):
    """A tier: the share of customers in it at the start, and its price relative to the first's order value."""

    share: Probability
    price_multiple: Positive


class Rival(Model):
    """From ``period`` on the competitor's price, value and trust are so much above what they were at the start."""

    period: Whole
    price: Number = 0.0
    value: Number = 0.0
    trust: Number = 0.0


class Choice(Uncertain):
    """Logit choice between us and a competitor.

    ``price``, ``value``, ``trust``: weights in the log odds.  ``events``: what the competitor does.
    """

    concentration: Positive = 10.0
    price: NonNegative = 0.0
    value: NonNegative = 0.0
    trust: NonNegative = 0.0
    events: tuple[Rival, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """An event says where the competitor stands from then on, so there is one a period."""
        for period in repeats(tuple(event.period for event in self.events)):
            yield (
                ("events",),
                f"two events in period {period}: each says how far the competitor is from where he started; make them one",
            )


class CategoryChoice(Choice):
    """Own share of what a customer spends on one category, of which he has a wallet of its own.

    ``share``: mean own share at the start, ~ Beta with ``concentration``.
    """

    share: float = Field(strict=True, gt=0, lt=1)


class Competition(Choice):
    """Own share of a customer's wallet.

    ``share``: mean own share at the start, ~ Beta with ``concentration``; it acts on the order rate, and is left out where only
    ``categories`` have a competitor, each its own: these act on the value of an order.
    """

    share: float | None = Field(default=None, strict=True, gt=0, lt=1)
    categories: dict[Text, CategoryChoice] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _sourced_below(cls, data: Any) -> Any:
        """Categories have sources of their own; without a share there is no other number."""
        below = isinstance(data, dict) and "categories" in data and not data.keys() - {"categories"}
        return {"source": "given", **data} if below else data

    def problems(self) -> Iterator[Problem]:
        """Without a share, nothing competes for the order rate."""
        yield from super().problems()
        if self.share is None and not self.categories:
            yield (), "'share' is missing (or 'categories', each with a competitor of its own)"
        elif self.share is None:
            for name in ("concentration", "price", "value", "trust", "events"):
                if name in self.model_fields_set:
                    yield (
                        (name,),
                        "acts on the order rate, which has no competitor without a 'share'; say it of a category",
                    )


class Values(Uncertain):
    """What customers value, as weights that sum to 1; offers appeal to it by ``appeal``.

    ``concentration``: of the Dirichlet spread between customers (none: all alike).  ``by_segment``: mean weights of a
    segment, in place of ``weights``.  ``strength``: log odds per unit of fit.  ``known``: whether the planner knows each
    customer's weights (a survey), or only the means.
    """

    strength: NonNegative = 1.0
    concentration: Positive | None = None
    weights: dict[Name, NonNegative] = Field(min_length=2, max_length=16)
    by_segment: dict[Text, dict[Text, NonNegative]] = Field(default_factory=dict)
    known: Flag = False

    def problems(self) -> Iterator[Problem]:
        """Weights sum to 1, over the same values."""
        rows = {(): self.weights} | {("by_segment", name): row for name, row in self.by_segment.items()}
        for path, row in rows.items():
            total = sum(row.values())
            if abs(total - 1) > 1e-9:
                yield path or ("weights",), f"expected weights that sum to 1, got {total:.6g}"
            for name in row:
                if name not in self.weights:
                    yield path, f"unknown value {name!r}; there are {', '.join(self.weights)}"


class Dynamics(Model):
    """Features in use; see ``docs/``."""

    attrition: Attrition | None = None
    pantry: Pantry | None = None
    habituation: Habituation | None = None
    segments: Tilts | None = None
    order_growth: OrderGrowth | None = None
    breadth: Breadth | None = None
    trust: Trust | None = None
    tiers: dict[Name, Tier] = Field(default_factory=dict, max_length=16)
    competition: Competition | None = None
    values: Values | None = None
    flows: Flag = False

    def problems(self) -> Iterator[Problem]:
        """Tiers go up, their shares sum to 1."""
        if self.tiers:
            total = sum(tier.share for tier in self.tiers.values())
            if abs(total - 1) > 1e-9:
                yield ("tiers",), f"expected shares that sum to 1, got {total:.6g} ({total - 1:+.6g})"
            prices = [tier.price_multiple for tier in self.tiers.values()]
            if sorted(prices) != prices:
                yield ("tiers",), f"expected tiers from the cheapest up, got price multiples {prices}"
