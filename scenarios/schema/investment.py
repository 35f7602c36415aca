"""New customers, and what a strategy's capabilities cost."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from scenarios.schema.base import (
    MOST_MONEY,
    Amount,
    Assumed,
    Count,
    Model,
    Name,
    Names,
    Positive,
    Probability,
    Problem,
    Text,
)

SUM_TOLERANCE = 1e-9


class AcquisitionSource(Model):
    """Where new customers come from, at ``cost`` each, ``capacity_per_period`` of them at most.

    Their traits are those of customers of the base in ``segment`` (everybody's, if nobody is there), with the order rate times
    ``order_rate``, the order value times ``order_value`` and ``responsiveness`` added, each a number, or one with its ``source``
    and ``sd``.  ``share``: of the money for new customers (alike for all if left out everywhere).
    """

    cost: Positive = Field(le=MOST_MONEY)
    capacity_per_period: Count
    segment: Text
    order_rate: Assumed = Assumed(value=1.0, source="given")
    order_value: Assumed = Assumed(value=1.0, source="given")
    responsiveness: Assumed = Assumed(value=0.0, source="given")
    share: Probability | None = None

    def problems(self) -> Iterator[Problem]:
        """Factors are not negative."""
        for name in ("order_rate", "order_value"):
            value = getattr(self, name).value
            if value < 0:
                yield (name,), f"expected a number >= 0, got {value:g}"


class Acquisition(Model):
    """Money for new customers: ``budget_per_period``, or ``share_of_budget`` of the rule that limits cost, which is then
    that much smaller for offers.  What a source's capacity leaves is not spent.
    """

    sources: dict[Name, AcquisitionSource] = Field(min_length=1)
    budget_per_period: Amount | None = None
    share_of_budget: Probability | None = None

    def problems(self) -> Iterator[Problem]:
        """One amount; shares of it."""
        if (self.budget_per_period is None) == (self.share_of_budget is None):
            yield (), "expected exactly one of 'budget_per_period' and 'share_of_budget'"
        shares = [source.share for source in self.sources.values()]
        if any(s is None for s in shares) and any(s is not None for s in shares):
            yield ("sources",), "expected a share for every source, or for none"
        total = sum(s or 0.0 for s in shares)
        if shares and None not in shares and abs(total - 1) > SUM_TOLERANCE:
            yield ("sources",), f"expected shares that sum to 1, got {total:.6g} ({total - 1:+.6g})"


class Capability(Model):
    """Data, systems or skills: ``once`` in the first period, and ``per_period``, for each strategy in ``needed_by``."""

    once: Amount = 0.0
    per_period: Amount = 0.0
    needed_by: Names

    def problems(self) -> Iterator[Problem]:
        """It costs something."""
        if self.once == 0 and self.per_period == 0:
            yield (), "a capability that costs nothing changes nothing: expected 'once' or 'per_period' above 0"
