"""From a purchase log to a fitted base and a report of how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.calibration.base import FittedBase
from engine.calibration.fit import DEFAULT_STATE_DEPENDENCE, fit_base
from engine.calibration.panel import Panel, make_panel
from engine.calibration.segment_rules import SegmentRules, default_rules
from engine.calibration.wallet import CategoryCells
from engine.errors import CalibrationError
from scenarios.errors import DataError
from scenarios.fit_report import FitReport, Holdout, Reconciled, reconcile, segment_lines
from scenarios.purchases import PurchaseLog
from scenarios.schema.planning import PERIODS_PER_YEAR

HOLDOUT_SHARE = 0.25
TOLERANCE = 0.05  # a simulated total further off the log than this is noted

FEWEST_CUSTOMERS = 100
"""Their spread is known within 7 %: a sample's standard deviation has the relative error 1 / sqrt(2 n)."""
FEWEST_ORDERS = 400
"""The mean rate is known within 5 %: a Poisson count has the relative error 1 / sqrt(n)."""


@dataclass(frozen=True)
class FittedLog:
    """A base with the facts of the log behind it.  ``report`` is None where it was not asked for (or not kept)."""

    base: FittedBase
    source: str
    period_name: str
    first_day: date
    last_day: date
    left_truncated: bool
    report: FitReport | None = None

    @property
    def periods_per_year(self) -> float:
        """Periods in a year."""
        return PERIODS_PER_YEAR[self.period_name]


def panel_of(log: PurchaseLog, periods: int | None = None) -> Panel:
    """The log's orders by customer and period, as far as ``periods`` (default: all whole periods)."""
    return make_panel(log.customer, log.period, log.amount, periods or log.periods, left_truncated=log.left_truncated)


def cells_of(log: PurchaseLog) -> CategoryCells | None:
    """The log's spend by order and category, or None without categories."""
    if not log.categories:
        return None
    order = log.cell_order
    return CategoryCells(log.categories, log.customer[order], log.period[order], log.cell_category, log.cell_amount)


def fit_log(
    log: PurchaseLog,
    *,
    rules: SegmentRules | None = None,
    top_categories: int = 8,
    state_dependence: float = DEFAULT_STATE_DEPENDENCE,
    holdout_periods: int | None = None,
    report: bool = True,
    seed: int = 1,
) -> FittedLog:
    """Fit a log.

    Args:
        log: from :func:`scenarios.purchases.read_purchases`.
        rules: segment rules; default :func:`engine.calibration.segment_rules.default_rules`.
        top_categories: categories to keep, by sales.
        state_dependence: kappa given to populations: assumed.
        holdout_periods: last periods to hold out for the report; default a quarter of the log; 0 = none.
        report: also simulate the log again and forecast the holdout (a second fit); the base is the same without.
        seed: of the report's simulation.

    Raises:
        DataError: a log too short or too thin, or settings that no fit can have.

    """
    rules = rules or default_rules(log.period_name)
    held = round(HOLDOUT_SHARE * log.periods) if holdout_periods is None else holdout_periods
    if not 0 <= held < max(log.periods, 1):
        raise DataError(
            [f"{log.source}: holdout_periods: expected fewer than the {log.periods} of the log, got {held}"]
        )
    try:
        fit, base = fit_base(
            panel_of(log),
            log.customer_ids,
            rules,
            cells_of(log),
            top_categories=top_categories,
            state_dependence=state_dependence,
        )
    except CalibrationError as error:
        dirt = log.report.lines() if log.report.issues else []
        problems = [*error.problems, *too_little(log)]
        raise DataError([*(f"{log.source}: {problem}" for problem in problems), *dirt]) from error
    made = None
    if report:
        notes: list[str] = []
        reconciled = reconcile(fit, log.customer_ids, base.trait_powers, seed)
        made = FitReport(
            cleaning=log.report,
            period_name=log.period_name,
            periods=log.periods,
            unfinished_orders=int(np.count_nonzero(log.period >= log.periods)),
            left_truncated=log.left_truncated,
            window_periods=rules.window_periods,
            state_dependence=state_dependence,
            rate_dispersion=base.rate_dispersion,
            order_value_mean=float(np.average(base.order_value_mean, weights=base.orders)),
            order_value_shape=base.value_model.p,
            revenue_in_sample=float((base.orders * base.order_value_mean).sum() / base.spend.sum())
            if base.spend.sum() > 0
            else 1.0,
            segments=segment_lines(fit, base),
            reconciled=reconciled,
            holdout=hold_out(log, rules, held, notes),
            categories=base.categories,
            notes=(*too_little(log), *_notes(base), *_off(reconciled), *notes),
        )
    return FittedLog(base, log.source, log.period_name, log.first_day, log.last_day, log.left_truncated, made)


def hold_out(log: PurchaseLog, rules: SegmentRules, periods: int, notes: list[str]) -> Holdout | None:
    """Fit all but the last ``periods`` and forecast them; None (and a note) if what is left is too short."""
    if periods <= 0:
        return None
    cut = log.periods - periods
    try:
        _, base = fit_base(panel_of(log, cut), log.customer_ids, rules, None, top_categories=0)
    except CalibrationError as error:
        notes.append(f"no holdout: {error.problems[0]}")
        return None
    return Holdout.compare(base, log, cut, rules.window_periods)


def too_little(log: PurchaseLog) -> list[str]:
    """A warning if so few customers or orders make no customers to decide on."""
    customers, orders = len(log.customer_ids), len(log.customer)
    if customers >= FEWEST_CUSTOMERS and orders >= FEWEST_ORDERS:
        return []
    return [
        f"too little to fit: {customers:,} customers and {orders:,} orders; expected at least {FEWEST_CUSTOMERS} and "
        f"{FEWEST_ORDERS}, or the numbers are luck"
    ]


def _off(reconciled: Reconciled | None) -> list[str]:
    """A note for each total of the log's end that the simulation misses by more than :data:`TOLERANCE`."""
    if reconciled is None:
        return ["the log is too short to simulate its end again"]
    log, simulated = reconciled.log.to_dict(), reconciled.simulated.to_dict()
    return [
        f"{name.replace('_', ' ')}: simulated {simulated[name] / log[name] - 1:+.1%} against the log's end"
        for name in ("orders_per_customer", "revenue_per_customer", "dispersion")
        if log[name] > 0 and abs(simulated[name] / log[name] - 1) > TOLERANCE
    ]


def _notes(base: FittedBase) -> list[str]:
    notes = []
    for name, count in zip(base.segments.names, base.moves.sum(axis=1), strict=True):
        if count < 100:
            notes.append(
                f"segment {name}: {count:,} observed customer-periods; its moves and rate lean on those of all segments"
            )
    low, high = base.trait_powers.min(), base.trait_powers.max()
    if low <= 0.11 or high >= 2.99:
        notes.append(
            "segments and customers' own rates cannot reach the log's spread of orders; it is matched as far as they do"
        )
    return notes
