"""From plays to the records of a run: one strategy's result, its series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import World
from scenarios.around import costs, flows, growth, losing, new_customers, seen, service_result, traffic, wallet
from scenarios.bridge import bridge
from scenarios.budget_results import BudgetPrice
from scenarios.chance import ENOUGH_DRAWS
from scenarios.jobs import JobResult, cumulative_margin, difference_variance
from scenarios.play import Played
from scenarios.results import Interval, Month, Series, StrategyResult
from scenarios.returns import returns
from scenarios.schema.planning import Time
from scenarios.statistics import normal_interval, outer_interval
from scenarios.upgrades import upgrades

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """What the results of all strategies share.

    ``draws``: outer draws, each with one row a strategy in the order of ``names``.  ``with_levers``: strategies that move some.
    """

    world: World
    time: Time
    names: tuple[str, ...]
    descriptions: dict[str, str]
    baseline: str
    winner: str
    played: dict[str, Played]
    nothing: Played
    draws: tuple[JobResult, ...]
    p_best: Floats
    level: float
    with_levers: frozenset[str] = frozenset()

    @property
    def customers(self) -> int:
        """Simulated customers."""
        return len(self.nothing.cost)

    def compare(self, name: str, other: str) -> tuple[float, Interval, Interval]:
        """CLV per customer of one strategy less another's, its simulation interval and its decision interval."""
        p, q = self.played[name], self.played[other]
        estimate, variance = float((p.clv - q.clv).mean()), difference_variance(p, q)
        i, j = self.names.index(name), self.names.index(other)
        drawn = np.array([d.clv[i] - d.clv[j] for d in self.draws])
        noise = np.array([d.variance[i, j] for d in self.draws])
        decision = outer_interval(estimate, drawn, noise, variance, self.level)
        return estimate, normal_interval(estimate, variance, self.level), decision


def strategy_result(frame: Frame, name: str) -> StrategyResult:
    """One strategy's line."""
    p, base, nothing, n = frame.played[name], frame.played[frame.baseline], frame.nothing, frame.customers
    years = frame.world.horizon / frame.time.periods_per_year
    estimate, simulation, decision = frame.compare(name, frame.baseline)
    behind, _, behind_ci = frame.compare(frame.winner, name)
    spend = float(p.cost.sum())
    invested = spend + float((p.ledger.overheads - nothing.ledger.overheads).sum())
    realised = float((p.clv - nothing.clv).mean())
    ledger = p.ledger
    revenue = float((ledger.revenue - ledger.discount).sum())
    months = cash_by_month(frame, p)
    missed: dict[str, float] = {}
    for made in p.decisions:
        for rule, short in made.missed.items():
            missed[rule] = max(missed.get(rule, 0.0), short)
    return StrategyResult(
        name=name,
        description=frame.descriptions[name],
        clv_per_customer=float(p.clv.mean()),
        clv_horizon_per_customer=float(p.horizon_value.mean()),
        clv_terminal_per_customer=float(p.terminal_value.mean()),
        clv_total=float(p.clv.sum()),
        difference=estimate,
        difference_total=estimate * n,
        difference_relative=estimate / float(base.clv.mean()) if base.clv.mean() else float("nan"),
        simulation_ci=simulation,
        difference_ci=decision,
        behind=behind,
        behind_ci=behind_ci,
        p_best=float(frame.p_best[frame.names.index(name)]) if len(frame.draws) >= ENOUGH_DRAWS else float("nan"),
        spend=spend,
        planned_spend=sum(d.planned_cost for d in p.decisions),
        liability=sum(d.liability for d in p.decisions),
        budget=p.budget,
        unspent=None if p.budget is None else p.budget - spend,
        roi=realised * n / invested if spend > 0 and invested > 0 else None,
        margin_rate=float(ledger.margin.sum()) / revenue if revenue > 0 else None,
        churn_rate=churn_rate(frame.world, p, base_lapsed(frame), years),
        contacts_per_customer=float(ledger.contacts.sum()) / n,
        responses_per_customer=float(ledger.responses.sum()) / n,
        orders_per_customer=float(ledger.orders.sum()) / n,
        orders_incremental_per_customer=float(ledger.incremental_orders.sum()) / n,
        cannibalised_per_customer=float(ledger.cannibalised.sum()) / n,
        planned=p.planned_value / n,
        realised=realised,
        payback_month=payback(months, spend),
        months=months,
        bridge=bridge(p, base) if name != frame.baseline else {},
        growth=growth(frame.world, ledger),
        losing=losing(frame.world, p),
        service=service_result(p.service, ledger),
        new_customers=new_customers(p, n),
        concentration=p.held,
        returns=() if name in frame.with_levers or p is nothing else returns(frame.world, p, nothing),
        seen=seen(frame.world, p),
        upgrades=upgrades(frame.world, p, nothing),
        flows=flows(frame.world, ledger),
        costs=costs(ledger),
        wallet=wallet(ledger),
        contacts_by_arm={
            arm.name: int(c) for arm, c in zip(frame.world.arms, ledger.contacts.sum(axis=0), strict=True)
        },
        rules=missed,
        **over_time(p, n),
        solver={
            "gap": max((d.gap for d in p.decisions), default=0.0),
            "passes": float(sum(d.passes for d in p.decisions)),
        },
    )


def over_time(p: Played, customers: int) -> dict[str, Any]:
    """Prices of the budget and the model's value, where the strategy planned over time."""
    first = p.decisions[0] if p.decisions else None
    if first is None or first.model_value is None:
        return {}
    prices = tuple(BudgetPrice(d.period, d.price, d.planned_cost) for d in p.decisions)
    value = first.model_value * p.discount_factor**first.period / customers
    return {"budget_prices": prices if p.budget is not None else (), "model_value": value}


def base_lapsed(frame: Frame) -> NDArray[np.bool_]:
    """(n,) customers in a lapsed segment at the start."""
    return frame.world.segments.lapsed[frame.nothing.population.traits.start_segment[: frame.customers]]


def churn_rate(world: World, played: Played, lapsed_at_start: NDArray[np.bool_], years: float) -> float:
    """Share of the customers live at the start that have lapsed at the end, as a rate per year: 1 - (1 - share)^(1 / years)."""
    live = ~lapsed_at_start
    if not live.any():
        return float("nan")
    base = played.population.state.segment[: len(live)]
    share = float(world.segments.lapsed[base[live]].mean())
    return float(1 - (1 - share) ** (1 / years))


def cash_by_month(frame: Frame, played: Played) -> tuple[Month, ...]:
    """Undiscounted cash against doing nothing; a month is a twelfth of a year's periods."""
    gain = played.ledger.margin - frame.nothing.ledger.margin
    promotion = played.ledger.promotion_cost
    length = frame.time.periods_per_year / 12
    month = np.minimum(np.arange(len(gain)) / length, 1e9).astype(np.int64)
    margin, cost = np.bincount(month, gain), np.bincount(month, promotion)
    total = np.cumsum(margin)
    return tuple(
        Month(i + 1, float(m), float(c), float(t)) for i, (m, c, t) in enumerate(zip(margin, cost, total, strict=True))
    )


def payback(months: tuple[Month, ...], spend: float) -> int | None:
    """First month from which cumulative cash stays at or above 0; None if never, or nothing was spent."""
    if spend <= 0 or not months or months[-1].cumulative < 0:
        return None
    last_negative = max((m.month for m in months if m.cumulative < 0), default=0)
    return last_negative + 1


def series(frame: Frame, name: str) -> Series:
    """Value over time against the baseline, with the interval of the outer draws, and the segment mix.

    The noise of a draw is known for the whole CLV; its share of the draws' scatter there is taken for its share in every
    period, so that the band says what the decision interval says.
    """
    p, base = frame.played[name], frame.played[frame.baseline]
    centre = cumulative_margin(p, frame.world, frame.customers) - cumulative_margin(base, frame.world, frame.customers)
    i, b = frame.names.index(name), frame.names.index(frame.baseline)
    bands = [Interval(x, x) for x in centre]
    if len(frame.draws) >= 2:
        drawn = np.array([d.cumulative[i] - d.cumulative[b] for d in frame.draws])
        noise = np.array([d.variance[i, b] for d in frame.draws])
        scatter = float(np.array([d.clv[i] - d.clv[b] for d in frame.draws]).var(ddof=1))
        scale = drawn.var(axis=0, ddof=1) / scatter if scatter > 0 else np.zeros(len(centre))
        own = difference_variance(p, base)
        bands = [
            outer_interval(x, drawn[:, t], scale[t] * noise, scale[t] * own, frame.level) for t, x in enumerate(centre)
        ]
    mix, competes = p.ledger.segment_customers, bool(p.ledger.wallet.any())
    return Series(
        strategy=name,
        cumulative=tuple(centre.tolist()),
        low=tuple(x.low for x in bands),
        high=tuple(x.high for x in bands),
        segments={s: tuple(int(v) for v in mix[:, j]) for j, s in enumerate(frame.world.segments.names)},
        traffic=tuple(traffic(frame.world, p.ledger).tolist()),
        orders=tuple(p.ledger.orders.tolist()),
        revenue=tuple((p.ledger.revenue - p.ledger.discount).tolist()),
        own_share=tuple(p.ledger.own_share_in_all.tolist()) if competes else (),
        competitor=tuple(p.ledger.competitor.tolist()) if competes else (),
    )
