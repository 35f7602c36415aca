"""What surrounds the offers of one strategy, as results: growth, contact centre, new customers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Growth:
    """Revenue net of discounts = traffic x conversion x order value, exactly, within the horizon, new customers included.

    ``traffic_is``: ``visits`` where the scenario names them, else ``live customer-periods``; ``conversion``: orders for each.
    Without orders the last two factors are None.
    """

    traffic_is: str
    traffic: int
    orders: int
    conversion: float | None
    order_value: float | None
    revenue: float


@dataclass(frozen=True)
class WalletResult:
    """Who holds what customers spend, at list price, wherever they buy.

    ``own_share``: our part of it in the run, those who left included; ``own_share_at_end`` in the last period, and
    ``own_share_of_buyers`` there of those who still buy; ``competitor``, ``lost``: what he holds in the run, and what of it those
    in lapsed segments would spend.
    """

    own_share: float | None
    own_share_at_end: float | None
    own_share_of_buyers: float | None
    competitor: float
    lost: float


@dataclass(frozen=True)
class ServiceResult:
    """The contact centre as customers met it: shares of contacts that failed and that were answered on time, mean wait in
    seconds (those who gave up included), relationships ended, wages, and answered work / time of the agents.
    """

    contacts: int
    failed: float | None
    on_time: float | None
    wait_seconds: float | None
    ended: int
    cost: float
    occupancy: float


@dataclass(frozen=True)
class NewCustomers:
    """Who joined: their number, what they cost, CLV of each net of that, and how many have not paid for themselves
    within the horizon; ``base_clv``: CLV per customer of the base alone; ``by_source``: joined, cost and clv_each of each.
    """

    joined: int
    cost: float
    clv_each: float | None
    not_paid_back: int
    base_clv: float
    by_source: dict[str, dict[str, float | None]] = field(default_factory=dict)
