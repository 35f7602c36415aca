"""How far to trust a fitted base: what was fitted, the log simulated again, and a forecast of periods held out."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from engine.calibration.base import FittedBase
from engine.calibration.fit import Fit, base_at, calibration_span
from engine.calibration.forecast import Shape, forecast, shape_of, simulate_no_offers
from engine.calibration.labels import NOT_YET
from engine.calibration.panel import Floats, weighted_count, window_totals
from engine.calibration.pareto_nbd import fit_pareto_nbd
from engine.calibration.purchase_summary import PurchaseSummary, purchase_summary
from engine.errors import CalibrationError
from scenarios.cleaning import CleaningReport
from scenarios.purchases import PurchaseLog

SIMULATED = 100_000
YARDSTICK_SAMPLE = 5_000


@dataclass(frozen=True)
class SegmentLine:
    """One segment.

    ``observed_orders_per_period`` describes the label; ``multiplier`` is what the label brings once customers' own
    rates are taken out, and ``own_rate_mean`` the mean of those rates among its customers at the end of the log.
    """

    name: str
    customers: int
    observed_orders_per_period: float
    multiplier: float
    own_rate_mean: float
    stay: float
    customer_periods: int
    lapsed: bool


def segment_lines(fit: Fit, base: FittedBase) -> tuple[SegmentLine, ...]:
    """One line for each segment."""
    count = np.bincount(base.segment, minlength=len(base.segments.names))
    return tuple(
        SegmentLine(
            name, int(count[s]), float(base.observed_rate[s]), float(base.segments.multiplier[s]),
            float(base.segment_rate_mean[s]), float(base.segments.transition[s, s]), int(fit.moves[s].sum()),
            bool(base.segments.lapsed[s]),
        )
        for s, name in enumerate(base.segments.names)
    )  # fmt: skip


@dataclass(frozen=True)
class Reconciled:
    """The last ``periods`` of the log, and the same customers simulated over them from where they were."""

    periods: int
    log: Shape
    simulated: Shape


def reconcile(fit: Fit, ids: NDArray[np.generic], powers: Floats, seed: int) -> Reconciled | None:
    """Simulate the log's end again: parameters of the whole log, histories until the start; None if too short."""
    span = calibration_span(fit)
    origin = fit.panel.periods - span
    who = np.flatnonzero(fit.labels[:, origin] != NOT_YET)
    if origin <= fit.begin or len(who) < 10:
        return None
    base = base_at(fit, ids, origin, powers, None, 0)
    orders, spend = window_totals(fit.panel, origin, fit.panel.periods)
    drawn = base.draw(max(SIMULATED, len(base)), seed)
    return Reconciled(
        span,
        shape_of(orders[who], spend[who]),
        shape_of(*simulate_no_offers(drawn, base.segments, base.order_value, span, seed)),
    )


@dataclass(frozen=True)
class Holdout:
    """A forecast of the last ``periods`` from a fit of the ``fitted_periods`` before, for the customers known by then.

    ``window`` repeats the last window of the fitted periods, ``average`` each customer's orders per period since the
    first one; ``pareto_nbd`` is the published model, for weeks and days of logs that saw their customers' first orders.
    ``mae`` is the mean absolute error of orders per customer.  ``new_orders`` are those of customers not
    yet known, which no forecast here claims.
    """

    fitted_periods: int
    periods: int
    customers: int
    orders: float
    orders_forecast: float
    orders_window: float
    orders_average: float
    revenue: float
    revenue_forecast: float
    revenue_window: float
    revenue_average: float
    mae_forecast: float
    mae_window: float
    mae_average: float
    new_orders: int
    orders_pareto_nbd: float | None = None
    mae_pareto_nbd: float | None = None

    @classmethod
    def compare(cls, base: FittedBase, log: PurchaseLog, cut: int, window: int) -> Holdout:
        """Compare the base, fitted on the periods before ``cut``, with the whole periods from ``cut`` on."""
        known = np.zeros(len(log.customer_ids), np.bool_)
        known[np.searchsorted(log.customer_ids, base.ids)] = True
        periods = log.periods - cut

        def totals(begin: int, end: int) -> tuple[Floats, Floats]:
            inside = (log.period >= begin) & (log.period < end)
            n = len(known)
            count = np.bincount(log.customer[inside], minlength=n).astype(np.float64)
            return count[known], weighted_count(log.customer[inside], log.amount[inside], n)[known]

        orders, revenue = totals(cut, log.periods)
        back = min(window, cut)
        last_orders, last_revenue = (values * periods / back for values in totals(cut - back, cut))
        age = base.tenure + 1.0
        past_orders, past_revenue = (values * periods / age for values in totals(0, cut))
        by_period, money, by_customer = forecast(base, periods)
        late = (log.period >= cut) & (log.period < log.periods) & ~known[log.customer]

        def mae(values: Floats) -> float:
            return float(np.abs(values - orders).mean())

        yardstick = _pareto_nbd(log, cut)
        return cls(
            cut, periods, len(base),
            float(orders.sum()), float(by_period.sum()), float(last_orders.sum()), float(past_orders.sum()),
            float(revenue.sum()), float(money.sum()), float(last_revenue.sum()), float(past_revenue.sum()),
            mae(by_customer), mae(last_orders), mae(past_orders), int(late.sum()),
            None if yardstick is None else float(yardstick.sum()),
            None if yardstick is None else mae(yardstick),
        )  # fmt: skip


def _pareto_nbd(log: PurchaseLog, cut: int) -> Floats | None:
    """(known customers,) orders from period ``cut`` on by the Pareto/NBD model, fitted to a sample of the customers."""
    if log.left_truncated or log.period_name == "month":
        return None
    days = 7 if log.period_name == "week" else 1
    history = purchase_summary(log.customer, log.day, cut * days - 1, days)
    step = max(1, len(history.x) // YARDSTICK_SAMPLE)
    sample = PurchaseSummary(history.customer[::step], history.x[::step], history.t_x[::step], history.age[::step])
    try:
        return fit_pareto_nbd(sample).expected_next(history, log.periods - cut)
    except CalibrationError:
        return None


@dataclass(frozen=True)
class FitReport:
    """How far to trust a fit.  ``revenue_in_sample``: modelled over observed revenue of the log's orders."""

    cleaning: CleaningReport
    period_name: str
    periods: int
    unfinished_orders: int
    left_truncated: bool
    window_periods: int
    state_dependence: float
    rate_dispersion: float
    order_value_mean: float
    order_value_shape: float
    revenue_in_sample: float
    segments: tuple[SegmentLine, ...]
    reconciled: Reconciled | None
    holdout: Holdout | None
    categories: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Plain text."""
        unit = self.period_name
        begins = "in the middle of customers' lives" if self.left_truncated else "with customers' first orders"
        out = [
            *self.cleaning.lines(),
            f"{self.periods} whole {unit}s; the log begins {begins}; window {self.window_periods} {unit}s",
        ]
        if self.unfinished_orders:
            out.append(f"  set aside, unfinished last {unit}: {self.unfinished_orders:,} orders")
        heads = ("customers", f"orders/{unit}", "multiplier", "own rate", "stay", "seen")
        out.append(f"{'segment':<12}" + "".join(f"{head:>13}" for head in heads))
        out += [
            f"{s.name:<12}{s.customers:>13,}{s.observed_orders_per_period:>13.4f}{s.multiplier:>13.4f}"
            f"{s.own_rate_mean:>13.3f}{s.stay:>13.3f}{s.customer_periods:>13,}"
            for s in self.segments
        ]
        out.append(
            f"own rates Gamma(r = {self.rate_dispersion:.3f}); state dependence {self.state_dependence:g} (assumed)"
        )
        out.append(
            f"order value {self.order_value_mean:,.2f}, shape {self.order_value_shape:.3f}; "
            f"revenue of the log's orders, model over log {self.revenue_in_sample:.4f}"
        )
        out += self._reconciled_lines() + self._holdout_lines()
        return out + [f"note: {note}" for note in self.notes]

    def _reconciled_lines(self) -> list[str]:
        if self.reconciled is None:
            return []
        log, simulated = self.reconciled.log.to_dict(), self.reconciled.simulated.to_dict()
        out = [f"the last {self.reconciled.periods} {self.period_name}s simulated again: log, simulated"]
        return out + [
            f"  {k.replace('_', ' '):<26}{log[k]:>14,.4f}{simulated[k]:>14,.4f}" for k in log if k != "customers"
        ]

    def _holdout_lines(self) -> list[str]:
        h = self.holdout
        if h is None:
            return []

        def off(value: float, actual: float) -> str:
            return f"{value:>14,.1f} {f'{value / actual - 1:+.1%}' if actual else '':>8}"

        def line(name: str, orders: float, revenue: float | None, mae: float) -> str:
            money = f"{'':>23}" if revenue is None else off(revenue, h.revenue)
            return f"  {name:<20}{off(orders, h.orders)}{money}{mae:>10.3f}"

        out = [
            f"holdout: fitted on {h.fitted_periods} {self.period_name}s, {h.periods} forecast for {h.customers:,} "
            f"known customers ({h.new_orders:,} orders of new customers apart); MAE: orders per customer",
            f"  {'':<20}{'orders':>14} {'':>8}{'revenue':>14} {'':>8}{'MAE':>10}",
            f"  {'log':<20}{h.orders:>14,.1f} {'':>8}{h.revenue:>14,.1f}",
            line("fitted base", h.orders_forecast, h.revenue_forecast, h.mae_forecast),
            line("last window again", h.orders_window, h.revenue_window, h.mae_window),
            line("average so far", h.orders_average, h.revenue_average, h.mae_average),
        ]
        if h.orders_pareto_nbd is not None and h.mae_pareto_nbd is not None:
            out.append(line("Pareto/NBD", h.orders_pareto_nbd, None, h.mae_pareto_nbd))
        return out
