"""What a fitted base says of the periods ahead, without offers, and how it compares with a log."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from engine.calibration.base import Drawn, FittedBase
from engine.calibration.panel import Floats
from engine.rates import factor_table, level_table
from engine.world import OrderValue, Segments


def expected_path(segments: Segments, periods: int) -> Floats:
    """(S, periods) float64, orders expected in period t of a customer with rate 1: ``(P^(t+1) m)[start]``."""
    out, mean = np.empty((len(segments.names), periods)), segments.multiplier
    for t in range(periods):
        mean = segments.transition @ mean
        out[:, t] = mean
    return out


def forecast(base: FittedBase, periods: int) -> tuple[Floats, Floats, Floats]:
    """Expected orders by period (periods,), revenue by period (periods,), and orders by customer (n,)."""
    path, rate, s = expected_path(base.segments, periods), base.rate_mean(), len(base.segments.names)
    orders = np.bincount(base.segment, weights=rate, minlength=s) @ path
    revenue = np.bincount(base.segment, weights=rate * base.order_value_mean, minlength=s) @ path
    return orders, revenue, rate * path.sum(axis=1)[base.segment]


def simulate_no_offers(
    drawn: Drawn, segments: Segments, order_value: OrderValue, periods: int, seed: int
) -> tuple[Floats, Floats]:
    """(N,) orders and spend of each drawn customer over ``periods``: the world without offers, in plain numpy.

    A readable twin of the simulator's kernels, on numbers of its own; ``order_value`` must be of kind gamma.
    """
    traits = drawn.population.traits
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 3])))
    factor, level = factor_table(segments), level_table(segments, periods)
    edges = np.cumsum(segments.transition, axis=1)
    edges[:, -1] = 1.0
    start = traits.start_segment.astype(np.int64)
    now, orders = start.copy(), np.zeros(len(start))
    for t in range(periods):
        now = (random.random(len(start))[:, None] >= edges[now]).sum(axis=1)
        orders += random.poisson(traits.rate * factor[start, now] * level[start, t])
    noise = random.standard_gamma(np.maximum(orders, 1) * order_value.shape) / order_value.shape
    return orders, np.where(orders > 0, traits.order_value * noise, 0.0)


def top_decile_share(values: Floats) -> float:
    """Share of the total that the tenth of customers with the largest values hold; 0 if the total is 0."""
    top = max(1, round(len(values) / 10))
    total = float(values.sum())
    return float(np.partition(values, len(values) - top)[len(values) - top :].sum()) / total if total > 0 else 0.0


@dataclass(frozen=True)
class Shape:
    """How orders and spend of n customers over a span look.

    ``dispersion`` is the variance of orders per customer over their mean.
    """

    customers: int
    orders_per_customer: float
    revenue_per_customer: float
    dispersion: float
    active_share: float
    top_decile_share_orders: float
    top_decile_share_revenue: float

    def to_dict(self) -> dict[str, float]:
        """JSON-ready."""
        return asdict(self)


def shape_of(orders: Floats, spend: Floats) -> Shape:
    """Summarise (n,) orders and spend."""
    mean = float(orders.mean())
    return Shape(
        len(orders),
        mean,
        float(spend.mean()),
        float(orders.var()) / mean if mean > 0 else 0.0,
        float((orders > 0).mean()),
        top_decile_share(orders),
        top_decile_share(spend),
    )
