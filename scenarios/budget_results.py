"""What a budget is worth, as results: by decision, by amount, by its split, and what no strategy could exceed."""

from __future__ import annotations

from dataclasses import dataclass

OVERLAP = "offers that last until the same customer's next one"
"""An obstacle to the bound; in a model of types such offers count in full."""


@dataclass(frozen=True)
class BudgetPrice:
    """One decision of a strategy that plans over time: value of the budget's next unit, discounted to that decision, and the cost
    planned at it.
    """

    period: int
    price: float
    planned_cost: float


@dataclass(frozen=True)
class Ceiling:
    """What any strategy that keeps the rules' amounts in expectation could bring at most, discounted, more than doing nothing.

    ``per_customer`` and ``total`` are a proven bound on the expected value, for the drawn customers in the scenario's own world;
    None where something stands in the way of the proof: ``obstacles``.
    """

    per_customer: float | None
    total: float | None
    obstacles: tuple[str, ...] = ()


@dataclass(frozen=True)
class BudgetPoint:
    """Model value of the first epoch's optimal plan at one budget.  ``marginal``: value of the next unit of money."""

    budget: float
    value: float
    marginal: float


@dataclass(frozen=True)
class SplitPoint:
    """One ``share`` of the budget for new customers: what was spent on them (``acquisition``) and on offers (``promotion``), who
    ``joined``, CLV per customer of the base, its ``difference`` against today's share, and that one's standard error.
    """

    share: float
    acquisition: float
    promotion: float
    joined: int
    clv_per_customer: float
    difference: float
    noise: float


@dataclass(frozen=True)
class Split:
    """One budget over new customers and offers, under one strategy: today's share, the best found, and every share tried."""

    strategy: str
    today: float
    best: float
    points: tuple[SplitPoint, ...]

    def at(self, share: float) -> SplitPoint:
        """The point of a share that was tried."""
        return next(point for point in self.points if point.share == share)
