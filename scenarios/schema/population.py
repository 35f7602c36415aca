"""Whose customers: fitted from purchases, read from an earlier fit, or made up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from engine.simulation import MAX_ORDER_VALUE, MAX_RATE
from engine.tables import MAX_CATEGORIES, MAX_SEGMENTS
from scenarios.correlation import faults, traits_of
from scenarios.schema.base import (
    Assumed,
    Count,
    Date,
    Flag,
    Labels,
    Model,
    Name,
    NonNegative,
    Number,
    Positive,
    Probability,
    Problem,
    Share,
    Source,
    Text,
    Whole,
    repeats,
)

SUM_TOLERANCE = 1e-9
MADE_UP = 20_000
"""Customers of a made-up population that does not say how many."""
TAKEN = ("segment", "tier", "offer", "channel", "kind")


class Columns(Model):
    """How the purchase log calls its columns.  ``date_format``: like ``%d.%m.%Y``, where dates are not ISO or YYYYMMDD."""

    customer_id: Text
    date: Text
    amount: Text
    order_id: Text | None = None
    category: Text | None = None
    date_format: Text | None = None


class SegmentRule(Model):
    """What the business sees of a customer; the first rule that holds names the segment, bounds included.

    Recency and tenure: whole periods since the last and the first order.  Frequency and value: orders and spend in the
    trailing window; a ``quantile`` is resolved on the log, among customers with an order in the window.
    """

    recency_min: NonNegative | None = None
    recency_max: NonNegative | None = None
    frequency_min: NonNegative | None = None
    frequency_max: NonNegative | None = None
    value_min: NonNegative | None = None
    value_max: NonNegative | None = None
    tenure_min: NonNegative | None = None
    tenure_max: NonNegative | None = None
    frequency_quantile_min: Share | None = None
    value_quantile_min: Share | None = None
    lapsed: Flag = False

    def problems(self) -> Iterator[Problem]:
        """Bounds in order."""
        for what in ("recency", "frequency", "value", "tenure"):
            low, high = getattr(self, f"{what}_min"), getattr(self, f"{what}_max")
            if low is not None and high is not None and low > high:
                yield (), f"expected {what}_min <= {what}_max, got {low:g} > {high:g}"
            if low is not None and getattr(self, f"{what}_quantile_min", None) is not None:
                yield (), f"expected {what}_min or {what}_quantile_min, got both"

    @property
    def bounds(self) -> tuple[str, ...]:
        """Names of the bounds that are given."""
        return tuple(name for name in type(self).model_fields if name != "lapsed" and getattr(self, name) is not None)


class Fit(Model):
    """Fit the population to purchases: a shipped ``dataset``, or a file of ``transactions`` with its ``columns``.

    ``exclude``: lines whose column has one of these values are left out.  ``until``: last day that is used.
    ``left_truncated``: customers lived before the log began (default: as the dataset says; for a file they did).
    ``segments``: rules in order, over a trailing window of ``window_periods`` (default: the fit's own); the last one
    has no bounds, it takes the rest.  ``categories``: how many of the largest, or which.
    """

    dataset: Text | None = None
    transactions: Text | None = None
    columns: Columns | None = None
    exclude: dict[Text, Labels] = Field(default_factory=dict)
    until: Date | None = None
    left_truncated: Flag | None = None
    segments: dict[Name, SegmentRule] = Field(default_factory=dict)
    window_periods: Count = 13
    categories: Whole | tuple[Text, ...] = 0

    def problems(self) -> Iterator[Problem]:
        """One source of purchases."""
        if (self.dataset is None) == (self.transactions is None):
            yield (), "expected exactly one of 'dataset' and 'transactions'"
        if self.transactions is not None and self.columns is None:
            yield (), "transactions need 'columns': {customer_id: ..., date: ..., amount: ...}"
        if self.dataset is not None and self.columns is not None:
            yield ("columns",), "a shipped dataset knows its columns; remove this key"
        for place, (name, rule) in enumerate(self.segments.items(), start=1):
            if (place == len(self.segments)) == bool(rule.bounds):
                what = (
                    f"no bounds, it takes the rest; got {', '.join(rule.bounds)}"
                    if rule.bounds
                    else "a bound, or none is left for the next"
                )
                yield ("segments", name), f"expected {what}"
        if isinstance(self.categories, tuple):
            for name in repeats(self.categories):
                yield ("categories",), f"{name!r} is named twice"


class Segment(Model):
    """A segment of a made-up population: its ``share`` at the start and the mean orders per period."""

    share: Probability
    orders_per_period: NonNegative = Field(le=MAX_RATE)
    lapsed: Flag = False


class OrderValue(Model):
    """Value of an order.

    ``lognormal``: mean ``mean``, ``sigma`` of the logarithm from order to order, and ``customer_sigma`` of the logarithm of
    customers' means (0 if left out: all alike).  ``gamma_gamma``: order values of a customer are Gamma(p, rate nu) with
    nu ~ Gamma(q, rate gamma): the mean over customers is p gamma / (q - 1).
    """

    distribution: Literal["lognormal", "gamma_gamma"]
    mean: Positive | None = Field(default=None, le=MAX_ORDER_VALUE)
    sigma: NonNegative | None = None
    customer_sigma: NonNegative | None = None
    p: Positive | None = None
    q: Number | None = Field(default=None, gt=1)
    gamma: Positive | None = None

    @property
    def average(self) -> float:
        """Mean over customers."""
        return self.mean if self.mean is not None else (self.p or 1.0) * (self.gamma or 1.0) / ((self.q or 2.0) - 1)

    def problems(self) -> Iterator[Problem]:
        """A distribution has its parameters, and no others."""
        wanted = ("mean", "sigma", "customer_sigma") if self.distribution == "lognormal" else ("p", "q", "gamma")
        for name in ("mean", "sigma", "customer_sigma", "p", "q", "gamma"):
            if name in wanted and name != "customer_sigma" and getattr(self, name) is None:
                yield (), f"a {self.distribution} order value needs {name!r}"
            if name not in wanted and getattr(self, name) is not None:
                yield (name,), f"a {self.distribution} order value has no {name!r}; it has {', '.join(wanted)}"


class Category(Model):
    """A category: the share of customers who own it at the start, and what its buyers spend on it in an order."""

    owner_share: Probability
    spend_per_order: NonNegative = Field(le=MAX_ORDER_VALUE)


class Group(Model):
    """Customers of one value of a label: their ``share``, and factors on order rates and order values of theirs."""

    share: Probability
    order_rate: Positive = 1.0
    order_value: Positive = 1.0


class Synthetic(Model):
    """A made-up population.

    ``transition[from][to]``: probability per period, 0 where left out; every row sums to 1.  ``order_rate_shape``:
    r of the Gamma(r, mean 1) spread of order rates within a segment; none if left out.  ``responsiveness_sd``:
    spread of the logit of responses between customers.  ``complementarity[a][b]``: how far owning a opens the door
    to b, 0 where left out; without the key every door is open.  ``correlation``: rank correlations of traits by pairs
    ``order_rate~order_value``, 0 where left out, through a Gaussian copula (:mod:`scenarios.correlation`).
    ``groups``: labels that rules may name (age, region), each with its values; a customer has one value of each, independent of
    everything else.
    """

    segments: dict[Name, Segment] = Field(min_length=1, max_length=MAX_SEGMENTS)
    transition: dict[Text, dict[Text, Probability]]
    order_rate_shape: Positive | None = None
    order_value: OrderValue
    responsiveness_sd: NonNegative = 0.0
    categories: dict[Name, Category] = Field(default_factory=dict, max_length=MAX_CATEGORIES)
    complementarity: dict[Text, dict[Text, Probability]] | None = None
    correlation: dict[Text, Number] = Field(default_factory=dict)
    groups: dict[Name, dict[Name, Group]] = Field(default_factory=dict)
    source: Source = "assumed"
    note: Text | None = None

    def problems(self) -> Iterator[Problem]:
        """Shares and rows sum to 1; somebody is not lapsed."""
        total = sum(segment.share for segment in self.segments.values())
        if abs(total - 1) > SUM_TOLERANCE:
            yield ("segments",), f"expected shares that sum to 1, got {total:.6g} ({total - 1:+.6g})"
        if all(segment.lapsed for segment in self.segments.values()):
            yield ("segments",), "expected a segment that is not lapsed"
        for name in self.segments:
            if name not in self.transition:
                yield ("transition",), f"the row of {name!r} is missing; who stays for good has {name}: {{{name}: 1}}"
        for name, row in self.transition.items():
            total = sum(row.values())
            if abs(total - 1) > SUM_TOLERANCE:
                yield ("transition", name), f"expected a row that sums to 1, got {total:.6g} ({total - 1:+.6g})"
        for label, groups in self.groups.items():
            at = ("groups", label)
            if label in TAKEN:
                yield at, f"{label!r} is a label of its own; expected another name than {', '.join(TAKEN)}"
            total = sum(group.share for group in groups.values())
            if abs(total - 1) > SUM_TOLERANCE:
                yield at, f"expected shares that sum to 1, got {total:.6g} ({total - 1:+.6g})"
        for path, sentence in faults(self.correlation):
            yield ("correlation", *path), sentence
        value = self.order_value
        for trait, differs, needed in (
            ("order_rate", self.order_rate_shape, "order_rate_shape"),
            ("responsiveness", self.responsiveness_sd, "responsiveness_sd"),
            ("order_value", value.distribution == "gamma_gamma" or value.customer_sigma, "order_value.customer_sigma"),
        ):
            if not differs and any(trait in traits_of(pair) for pair in self.correlation):
                yield ("correlation",), f"all customers have the same {trait}: expected {needed} above 0"


class Population(Model):
    """Exactly one of ``fit``, ``fitted`` (the file that ``cvmax fit`` wrote) and ``synthetic``.

    ``customers``: how many to draw (default: as many as were fitted; 20,000 made-up ones).  ``state_dependence``:
    how much of the difference between segments a move brings, 0 to 1 (default: 0.5 for fitted populations, 1 for
    made-up ones).
    """

    fit: Fit | None = None
    fitted: Text | None = None
    synthetic: Synthetic | None = None
    customers: Count | None = None
    state_dependence: Assumed | None = None

    def problems(self) -> Iterator[Problem]:
        """One population; state dependence is a share."""
        given = [name for name in ("fit", "fitted", "synthetic") if getattr(self, name) is not None]
        if len(given) != 1:
            yield (), f"expected exactly one of 'fit', 'fitted', 'synthetic', got {' and '.join(given) or 'none'}"
        if self.state_dependence is not None and not 0 <= self.state_dependence.value <= 1:
            yield ("state_dependence",), f"expected 0 to 1, got {self.state_dependence.value:g}"

    @property
    def kappa(self) -> Assumed:
        """The state dependence in force."""
        default = 1.0 if self.synthetic is not None else 0.5
        return self.state_dependence or Assumed(value=default, source="assumed", note="the default")
