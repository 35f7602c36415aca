"""What a strategy's ledger says of growth, costs, losses, service and new customers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import Ledger, World
from engine.ledger import ENDED, FAILURES, LOSING_ORDERS, LOSSES, MICRO, ON_TIME, SERVICE_CONTACTS, WAITED
from engine.service import Service
from scenarios.around_results import Growth, NewCustomers, ServiceResult, WalletResult
from scenarios.customer_results import Losing, Seen
from scenarios.play import Played


def traffic(world: World, ledger: Ledger) -> NDArray[np.int64]:
    """(T,) visits where the world has them, else customers who are not lapsed: each period is a chance to order."""
    return ledger.customers if world.conversion is None else ledger.visits


def growth(world: World, ledger: Ledger) -> Growth:
    """The identity G = T x CR x AOV of the whole run.  Counts and micro-units are integers: nothing is lost."""
    visitors, orders = int(traffic(world, ledger).sum()), int(ledger.orders.sum())
    revenue = float((ledger.revenue - ledger.discount).sum())
    return Growth(
        traffic_is="live customer-periods" if world.conversion is None else "visits",
        traffic=visitors,
        orders=orders,
        conversion=orders / visitors if visitors else None,
        order_value=revenue / orders if orders else None,
        revenue=revenue,
    )


def wallet(ledger: Ledger) -> WalletResult | None:
    """Own share of wallet; None without a competitor."""
    if not ledger.wallet.any():
        return None
    whole = float((ledger.wallet + ledger.lost).sum())
    at_end = [float(shares[-1]) for shares in (ledger.own_share_in_all, ledger.own_share)]
    in_all, of_buyers = (None if np.isnan(share) else share for share in at_end)
    return WalletResult(
        own_share=float(ledger.revenue.sum()) / whole if whole > 0 else None,
        own_share_at_end=in_all,
        own_share_of_buyers=of_buyers,
        competitor=float(ledger.competitor.sum()),
        lost=float(ledger.lost.sum()),
    )


def losing(world: World, played: Played) -> Losing:
    """Customers, orders and segments that lose money."""
    ledger, lost = played.ledger, played.losing
    margin = ledger.segment_margin.sum(axis=0)
    base, orders = len(played.cost), int(ledger.orders.sum())
    segment = played.population.traits.start_segment[:base]
    started = np.bincount(segment, minlength=len(margin))
    by_segment = zip(world.segments.names, lost.by_segment, started, strict=False)
    losing_orders = int(ledger.lines[:, LOSING_ORDERS].sum())
    return Losing(
        customers=lost.customers,
        customers_loss=-lost.margin,
        orders=losing_orders,
        orders_loss=float(ledger.lines[:, LOSSES].sum() / MICRO),
        segments={name: float(m) for name, m in zip(world.segments.names, margin, strict=True) if m < 0},
        customers_share=lost.customers / base if base else None,
        orders_share=losing_orders / orders if orders else None,
        share_by_segment={name: float(count / n) for name, count, n in by_segment if count},
    )


def seen(world: World, played: Played) -> Seen | None:
    """What the planner saw of segments."""
    table, names = played.seen, world.segments.names
    if table is None or not table.sum():
        return None
    matrix = {
        true: {name: int(table[i, j]) for j, name in enumerate(names) if table[i, j]}
        for i, true in enumerate(names)
        if table[i].any()
    }
    return Seen(float(np.trace(table) / table.sum()), matrix)


def flows(world: World, ledger: Ledger) -> dict[str, dict[str, int]]:
    """Customers x periods by segment before a period and at its end."""
    flow, names = ledger.flow, world.segments.names
    if not len(flow):
        return {}
    total = flow.sum(axis=0)
    return {
        a: {b: int(total[i, j]) for j, b in enumerate(names) if total[i, j]}
        for i, a in enumerate(names)
        if total[i].any()
    }


def service_result(service: Service | None, ledger: Ledger) -> ServiceResult | None:
    """The contact centre over the run.  Counts are those of the simulated customers, times of their contacts."""
    if service is None:
        return None
    lines = ledger.lines.sum(axis=0)
    contacts, wages = int(lines[SERVICE_CONTACTS]), float(ledger.staff.sum())
    hours = service.days * sum(team.hours_per_day for team in service.teams) * len(ledger)
    share = wages / (service.cost_per_period * len(ledger)) if service.cost_per_period else 1.0  # a sample has its part

    def part(line: int) -> float | None:
        return float(lines[line] / contacts) if contacts else None

    wait = part(WAITED)
    return ServiceResult(
        contacts=contacts,
        failed=part(FAILURES),
        on_time=part(ON_TIME),
        wait_seconds=None if wait is None else wait / MICRO * 60,
        ended=int(lines[ENDED]),
        cost=wages,
        occupancy=(contacts - int(lines[FAILURES])) * service.minutes / 60 / (hours * share),
    )


def new_customers(played: Played, base: int) -> NewCustomers | None:
    """New customers apart from the base."""
    new = played.newcomers
    if new is None:
        return None
    each = new.value / new.count if new.count else None
    rest = float(played.clv.sum()) - new.value
    by_source: dict[str, dict[str, float | None]] = {
        name: {"joined": count, "cost": cost, "clv_each": value / count if count else None}
        for name, (count, cost, value) in new.by_source.items()
    }
    return NewCustomers(new.count, new.cost, each, new.not_paid_back, rest / base, by_source)


def costs(ledger: Ledger) -> dict[str, float]:
    """Kind -> amount over the run, undiscounted; what is 0 is left out.  Revenue at list price less all of them is the margin."""
    kinds = {
        "discounts": ledger.discount,
        "goods": ledger.cost_of_goods,
        "serving orders": ledger.cost_to_serve,
        "contacts": ledger.contact,
        "redemptions": ledger.redemption,
        "contact centre": ledger.staff,
        "winning new customers": ledger.acquisition,
        "set-up of offers": ledger.setup,
        "capabilities": ledger.capability,
    }
    return {name: float(line.sum()) for name, line in kinds.items() if line.any()}
