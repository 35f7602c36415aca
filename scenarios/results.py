"""What a run answers: typed records, and the JSON document made of them.

Money is in the scenario's currency.  ``difference*`` are per customer against the baseline; totals end in ``_total``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from scenarios.around_results import Growth, NewCustomers, ServiceResult, WalletResult
from scenarios.budget_results import BudgetPoint, BudgetPrice, Ceiling, Split
from scenarios.customer_results import Concentration, Losing, Return, Seen, Upgrades


@dataclass(frozen=True)
class Interval:
    """Two-sided interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Assumption:
    """A number that the verdict may lean on: where it stands, its value, standard deviation and source."""

    path: str
    value: float
    source: str
    sd: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Month:
    """Cash of one month (4 or 5 weeks of the calendar), against doing nothing, for all customers together.

    ``margin`` is what is left after the ``promotion`` cost (>= 0); ``cumulative`` is the running sum of ``margin``.
    """

    month: int
    margin: float
    promotion: float
    cumulative: float


@dataclass(frozen=True)
class StrategyResult:
    """One strategy, main run unless said otherwise.

    Attributes:
        name, description: as listed, and in words.
        clv_per_customer: discounted margin within the horizon plus terminal value.
        clv_horizon_per_customer, clv_terminal_per_customer: its two parts.
        clv_total: for all customers.
        difference: CLV per customer less the baseline's; ``difference_total`` for all customers.
        difference_relative: difference / baseline's CLV.
        simulation_ci: noise of this run alone (paired, common random numbers).
        difference_ci: what a decision is signed on: resampled customers, redrawn effects, and simulation noise.
        behind, behind_ci: how far the winner is ahead of this strategy, per customer, and its decision interval.
        p_best: probability of being the best (:func:`scenarios.statistics.probability_best`); printed only with enough outer draws.
        spend, budget, unspent: promotion cost realised (contacts, discounts, redemptions), the budget allowed (None = no rule),
            and what is left of it.
        planned_spend: expected by the planner; liability: if every contact redeemed.
        roi: net incremental value against doing nothing / what is put in: spend, and staff, acquisition, set-up and
            capabilities beyond those of doing nothing; None without spend.
        margin_rate: margin / revenue net of discounts; None without revenue.
        churn_rate: share of customers that lapse, a year.
        contacts_per_customer, responses, orders_per_customer, orders_incremental_per_customer: in the horizon.
        cannibalised_per_customer: discount on orders that would have come anyway.
        planned, realised: incremental CLV per customer as the planner expected, and as it came out.
        payback_month: first month from which cumulative cash against doing nothing stays >= 0; None if never.
        months: cash by month.
        rules: name -> largest shortfall of a rule at any epoch, relative to its bound; only rules that were missed.
        solver: worst certified gap and total passes of the epochs, where the strategy optimises.
        growth, losing, service, new_customers, wallet: see there; None where the scenario has no contact centre, wins nobody,
            or has no competitor.
        concentration: of orders, revenue, margin and CLV, by name.
        returns: what offers, channels and categories brought; empty where the strategy moves levers, which bring their part, too.
        seen: segments as the planner saw them; None where nothing is planned.
        upgrades: from low to high segments; None where there are no two kinds.
        flows: customers x periods by segment before and after a period; empty unless the scenario asks for flows.
        costs: kind -> amount in all, undiscounted; only what is not 0.
        budget_prices: by decision, where the strategy plans over time; model_value: incremental CLV per customer that its
            model of the whole run expected at the first decision (no bound).
        bridge: step -> amount per customer, discounted, in the order to be read; they add up to ``difference``.
            Empty: reports show the change within the horizon and after it.
    """

    name: str
    description: str
    clv_per_customer: float
    clv_horizon_per_customer: float
    clv_terminal_per_customer: float
    clv_total: float
    difference: float
    difference_total: float
    difference_relative: float
    simulation_ci: Interval
    difference_ci: Interval
    behind: float
    behind_ci: Interval
    p_best: float
    spend: float
    planned_spend: float
    liability: float
    budget: float | None
    unspent: float | None
    roi: float | None
    margin_rate: float | None
    churn_rate: float
    contacts_per_customer: float
    responses_per_customer: float
    orders_per_customer: float
    orders_incremental_per_customer: float
    cannibalised_per_customer: float
    planned: float
    realised: float
    payback_month: int | None
    months: tuple[Month, ...]
    contacts_by_arm: dict[str, int] = field(default_factory=dict)
    rules: dict[str, float] = field(default_factory=dict)
    solver: dict[str, float] = field(default_factory=dict)
    bridge: dict[str, float] = field(default_factory=dict)
    growth: Growth | None = None
    losing: Losing | None = None
    service: ServiceResult | None = None
    new_customers: NewCustomers | None = None
    concentration: dict[str, Concentration] = field(default_factory=dict)
    returns: tuple[Return, ...] = ()
    seen: Seen | None = None
    flows: dict[str, dict[str, int]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    budget_prices: tuple[BudgetPrice, ...] = ()
    model_value: float | None = None
    upgrades: Upgrades | None = None
    wallet: WalletResult | None = None


@dataclass(frozen=True)
class Driver:
    """One assumption stepped in the world while the planner's belief stays: what it does to the winner's lead
    over the best of the others.

    ``steps`` are (value, lead per customer); ``flips_at`` is where the lead crosses 0, None if it does not within the steps.
    """

    path: str
    value: float
    source: str
    steps: tuple[tuple[float, float], ...]
    flips_at: float | None

    @property
    def swing(self) -> float:
        """Largest less smallest lead."""
        leads = [lead for _, lead in self.steps]
        return max(leads) - min(leads)

    @property
    def distance(self) -> float:
        """How far the flip is from today's value, relative to it; infinite if there is none."""
        return math.inf if self.flips_at is None else abs(self.flips_at - self.value) / max(abs(self.value), 1e-12)


@dataclass(frozen=True)
class Series:
    """By period, for one strategy: value over time and the segment mix.

    ``cumulative`` is the discounted margin against the baseline per customer; ``low``/``high`` its interval over the outer draws.
    ``segments`` maps a segment to the number of customers in it.  ``traffic``, ``orders`` and ``revenue`` (net of
    discounts) are the growth identity's parts: revenue = traffic x (orders / traffic) x (revenue / orders).
    ``own_share`` is our part of what customers spend wherever they buy, those who left included, and ``competitor`` what the
    competitor holds; empty without one.
    """

    strategy: str
    cumulative: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    segments: dict[str, tuple[int, ...]]
    traffic: tuple[int, ...] = ()
    orders: tuple[int, ...] = ()
    revenue: tuple[float, ...] = ()
    own_share: tuple[float, ...] = ()
    competitor: tuple[float, ...] = ()


@dataclass(frozen=True)
class RunResults:
    """A whole run.

    ``budget_today``: the budget that ``budget_curve``'s epoch has now, None without one.  ``control_cost``: value that the
    first epoch's best plan forgoes because a control group is held out, None without one.  ``season_mean``: mean factor of
    a year, None without a season.  ``split``: one budget over new customers and offers, None where they share none.  ``ceiling``:
    None where it was not asked for.
    """

    scenario: str
    question: str
    currency: str
    seed: int
    customers: int
    real_customers: int | None
    horizon_periods: int
    period: str
    baseline: str
    draws: int
    level: float
    assumptions: tuple[Assumption, ...]
    strategies: tuple[StrategyResult, ...]
    winner: str
    verdict: str
    drivers: tuple[Driver, ...]
    state_dependence: tuple[tuple[float, float], ...]
    series: tuple[Series, ...]
    budget_curve: tuple[BudgetPoint, ...]
    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    fit: dict[str, Any] | None
    provenance: dict[str, Any]
    budget_today: float | None = None
    control_cost: float | None = None
    season_mean: float | None = None
    split: Split | None = None
    ceiling: Ceiling | None = None

    def strategy(self, name: str) -> StrategyResult:
        """The result of this strategy."""
        return next(s for s in self.strategies if s.name == name)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document: intervals as [low, high], what has no value as null."""
        document: dict[str, Any] = plain(self)
        return document


def plain(value: Any) -> Any:
    """JSON's own types: records to dicts, tuples to lists, intervals to pairs, NaN and infinities to None."""
    if isinstance(value, Interval):
        return [plain(value.low), plain(value.high)]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
