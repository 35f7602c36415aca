"""The segment of every customer in every period."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._jit import kernel
from engine.calibration.panel import I32, Floats, Ints, Panel

U8 = NDArray[np.uint8]
MICRO = 1_000_000  # spend is summed as integers: a window's total does not depend on what came before it
NOT_YET = 255  # label before the end of the period of the first order


@kernel
def _label_matrix(
    start: Ints, period: I32, orders: Ints, spend: Ints, periods: int, window: int, shift: I32, bounds: Floats, out: U8
) -> None:
    for i in range(len(start) - 1):
        begin, end = start[i], start[i + 1]
        first = period[begin]
        new, old = begin, begin  # cells before ``new`` are known, cells before ``old`` have left the window
        for t in range(first + 1, periods + 1):
            while new < end and period[new] < t:
                new += 1
            while old < new and period[old] < t - window:
                old += 1
            recency = t - 1 - period[new - 1]
            frequency = orders[new] - orders[old]
            value = (spend[new] - spend[old]) / MICRO
            tenure = t - 1 - first + shift[i]
            label = len(bounds) - 1
            for s in range(len(bounds)):
                b = bounds[s]
                if (
                    b[0, 0] <= recency <= b[0, 1]
                    and b[1, 0] <= frequency <= b[1, 1]
                    and b[2, 0] <= value <= b[2, 1]
                    and b[3, 0] <= tenure <= b[3, 1]
                ):
                    label = s
                    break
            out[i, t] = label


def label_matrix(panel: Panel, bounds: Floats, window: int) -> U8:
    """(n, periods + 1) uint8: ``[i, t]`` is known at the start of period t, from orders in periods < t; else NOT_YET.

    A left-truncated customer first seen in the first window has an unknown, longer tenure: it counts as begun one
    window before the log, so that nobody is new only because the log is.
    """
    out = np.full((len(panel), panel.periods + 1), NOT_YET, np.uint8)
    orders, spend = _cumulative(panel)
    shift = np.where(panel.left_truncated & (panel.first < window), window, 0).astype(np.int32)
    _label_matrix(panel.start, panel.period, orders, spend, panel.periods, window, shift, bounds, out)
    return out


@kernel
def _features(
    start: Ints,
    period: I32,
    orders: Ints,
    spend: Ints,
    periods: int,
    window: int,
    step: int,
    frequency: I32,
    value: Floats,
) -> None:
    for row in range(len(frequency)):
        begin, end = start[row * step], start[row * step + 1]
        new, old = begin, begin
        for t in range(period[begin] + 1, periods + 1):
            while new < end and period[new] < t:
                new += 1
            while old < new and period[old] < t - window:
                old += 1
            frequency[row, t] = orders[new] - orders[old]
            value[row, t] = (spend[new] - spend[old]) / MICRO


def features(panel: Panel, window: int, step: int = 1) -> tuple[I32, Floats]:
    """(n / step, periods + 1): orders and spend in the window before each period, of every step-th customer."""
    rows = (len(panel) + step - 1) // step
    frequency, value = np.zeros((rows, panel.periods + 1), np.int32), np.zeros((rows, panel.periods + 1))
    orders, spend = _cumulative(panel)
    _features(panel.start, panel.period, orders, spend, panel.periods, window, step, frequency, value)
    return frequency, value


def _cumulative(panel: Panel) -> tuple[Ints, Ints]:
    """Running sums before each cell, so that a window's total is a difference."""
    micro = np.rint(panel.spend * MICRO).astype(np.int64)
    return np.concatenate(([0], np.cumsum(panel.orders, dtype=np.int64))), np.concatenate(([0], np.cumsum(micro)))
