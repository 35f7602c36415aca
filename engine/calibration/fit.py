"""From a panel of orders to a fitted base.

The order of things: labels from rules; moves between labels (P); order rates by label together with customers' own
rates (g and posteriors); multipliers with ``P m = g``; trait powers, so that dispersion is the log's; order values;
wallets.

A left-truncated log spends its first window on warming the labels up: moves and orders count from then on.  A log that
saw its customers' first orders needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.calibration.base import FittedBase
from engine.calibration.dispersion import KAPPAS, fit_trait_powers
from engine.calibration.gamma_gamma import fit_gamma_gamma
from engine.calibration.labels import NOT_YET, U8, label_matrix
from engine.calibration.order_rates import OrderRates, fit_order_rates
from engine.calibration.panel import Floats, Panel, weighted_count, window_totals
from engine.calibration.segment_rules import SegmentRules, resolve_quantiles
from engine.calibration.transitions import count_exposure, count_moves, move_probabilities, multipliers_for
from engine.calibration.wallet import CategoryCells, fit_wallet, no_wallet
from engine.errors import CalibrationError
from engine.world import Segments

DEFAULT_STATE_DEPENDENCE = 0.5
POWER_SAMPLE = 100_000  # customers looked at to match the dispersion


@dataclass(frozen=True)
class Fit:
    """The parameters and the labels they came from; :func:`base_at` turns them into a base at any period.

    ``begin`` is the first period that counts, ``labels`` (n, periods + 1) uint8.
    """

    panel: Panel
    rules: SegmentRules
    labels: U8
    begin: int
    moves: NDArray[np.int64]
    order_rates: OrderRates
    observed_rate: Floats
    segments: Segments

    def history(self, end: int, who: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Orders (n,) and periods under each label (n, S) of these customers from ``begin`` until ``end``."""
        orders = _labelled_orders(self.panel, self.labels, self.begin, end)
        exposure = count_exposure(self.labels, len(self.rules.rules), self.begin, end)
        return self.panel.totals(orders)[who], exposure[who]


def fit_segments(panel: Panel, rules: SegmentRules, state_dependence: float = DEFAULT_STATE_DEPENDENCE) -> Fit:
    """Labels, moves, order rates and multipliers."""
    begin = rules.window_periods if panel.left_truncated else 0
    if panel.periods < begin + 2:
        raise CalibrationError(
            [
                f"log: expected more than {begin + 1} whole periods (to warm up a window of {rules.window_periods}), "
                f"got {panel.periods}; a shorter segments.window_periods, shorter periods or a longer log would do"
            ]
        )
    rules = resolve_quantiles(rules, panel, begin)
    labels = label_matrix(panel, rules.bounds(), rules.window_periods)
    s, everyone = len(rules.rules), np.arange(len(panel))
    moves = count_moves(labels, s, begin, panel.periods)
    transition = move_probabilities(moves)
    exposure = count_exposure(labels, s, begin, panel.periods)
    orders = _labelled_orders(panel, labels, begin, panel.periods)
    under = labels[panel.owner, panel.period]
    segment_orders = weighted_count(under[orders > 0], orders[orders > 0], s)
    rates = fit_order_rates(panel.totals(orders)[everyone], exposure, segment_orders)
    time = exposure.sum(axis=0)
    observed = np.divide(segment_orders, time, out=np.zeros(s), where=time > 0)
    multiplier = multipliers_for(transition, rates.rate, time)
    lapsed = np.array([rule.lapsed for rule in rules.rules])
    segments = Segments(rules.names, transition, multiplier, lapsed, state_dependence)
    return Fit(panel, rules, labels, begin, moves, rates, observed, segments)


def _labelled_orders(panel: Panel, labels: U8, begin: int, end: int) -> Floats:
    """(k,) orders of each cell that were placed under a label in ``begin <= t < end``, 0 elsewhere."""
    counted = (panel.period >= begin) & (panel.period < end) & (labels[panel.owner, panel.period] != NOT_YET)
    return np.where(counted, panel.orders, 0).astype(np.float64)


def base_at(
    fit: Fit, ids: NDArray[np.generic], end: int, powers: Floats, cells: CategoryCells | None, top: int
) -> FittedBase:
    """The base as the fit sees it at the start of period ``end``: histories until then, parameters of the whole panel.

    ``ids`` are those of the log; customers without an order before ``end`` are left out.
    """
    who = np.flatnonzero(fit.labels[:, end] != NOT_YET)
    panel = _until(fit.panel, who, end)
    segment = fit.labels[who, end]
    shape, rate = fit.order_rates.posterior(*fit.history(end, who))
    orders, spend = panel.totals(panel.orders), panel.totals(panel.spend)
    values = fit_gamma_gamma(orders, spend / orders)
    value_shape, value_rate = values.posterior(orders, np.maximum(spend, 0.0))
    value_mean = values.p * value_rate / (value_shape - 1)
    wallet = no_wallet(len(who))
    if cells is not None and top:
        wallet = fit_wallet(panel, cells, segment, len(fit.rules.rules), value_mean, fit.rules.window_periods, top)
    return FittedBase(
        segments=fit.segments,
        observed_rate=fit.observed_rate,
        moves=fit.moves,
        rate_dispersion=fit.order_rates.shape,
        trait_powers=powers,
        value_model=values,
        rules=fit.rules,
        periods=end,
        categories=wallet.names,
        complementarity=wallet.complementarity,
        ids=ids[panel.customer],
        segment=segment,
        rate_shape=shape,
        rate_rate=rate,
        value_shape=value_shape,
        value_rate=value_rate,
        headroom=wallet.headroom,
        owned=wallet.owned,
        recency=(end - 1 - panel.last).astype(np.int32),
        tenure=(end - 1 - panel.first).astype(np.int32),
        orders=orders,
        spend=spend,
        category_share=wallet.share,
    )


def _until(panel: Panel, who: NDArray[np.int64], end: int) -> Panel:
    """These customers' cells before ``end``."""
    if end == panel.periods and len(who) == len(panel):
        return panel
    place = np.full(len(panel), -1)
    place[who] = np.arange(len(who))
    keep = (panel.period < end) & (place[panel.owner] >= 0)
    counts = np.bincount(place[panel.owner[keep]], minlength=len(who))
    start = np.concatenate(([0], np.cumsum(counts)))
    return Panel(
        start, panel.period[keep], panel.orders[keep], panel.spend[keep], panel.customer[who], end, panel.left_truncated
    )


def calibration_span(fit: Fit) -> int:
    """Periods over which dispersion is matched: a third of the log, as far as labels reach."""
    return max(1, min(fit.panel.periods // 3, fit.panel.periods - fit.begin - 2))


def trait_powers(fit: Fit) -> Floats:
    """(5,) see :func:`engine.calibration.dispersion.fit_trait_powers`; over the last :func:`calibration_span`."""
    span = calibration_span(fit)
    origin = fit.panel.periods - span
    if origin <= fit.begin:
        return np.ones(len(KAPPAS))
    who = np.flatnonzero(fit.labels[:, origin] != NOT_YET)
    who = who[:: max(1, len(who) // POWER_SAMPLE)]
    shape, rate = fit.order_rates.posterior(*fit.history(origin, who))
    orders, _ = window_totals(fit.panel, origin, fit.panel.periods)
    return fit_trait_powers(fit.segments, shape, rate, fit.labels[who, origin], orders[who], span)


def fit_base(
    panel: Panel,
    ids: NDArray[np.generic],
    rules: SegmentRules,
    cells: CategoryCells | None = None,
    *,
    top_categories: int = 8,
    state_dependence: float = DEFAULT_STATE_DEPENDENCE,
) -> tuple[Fit, FittedBase]:
    """Fit everything; the base stands at the end of the panel.

    Args:
        panel: orders by customer and period.
        ids: (log customers,) ids.
        rules: segment rules; quantiles are resolved on the panel.
        cells: spend by order and category, if the log has categories.
        top_categories: how many to keep, by sales.
        state_dependence: kappa that populations get unless told otherwise: assumed, no log can tell it.

    Raises:
        CalibrationError: a log too short or too thin.

    """
    fit = fit_segments(panel, rules, state_dependence)
    return fit, base_at(fit, ids, panel.periods, trait_powers(fit), cells, top_categories)
