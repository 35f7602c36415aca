"""Visits, of which some become orders; and orders that lose money.

A Poisson stream of visits thinned with the conversion c gives orders and other visits that are independent Poisson streams of
rates in the ratio c : 1 - c.  So orders stay as they are without traffic, and visits are the orders without the offer plus
Poisson(rate x (1 / c - 1)): the thinning is exact.  An offer turns visits into orders and brings no visits: where the extra orders
of a customer are more than his other visits, the orders count as visits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import phase
from engine.customers import Money, Real, Word
from engine.formulas import integer, orders
from engine.ledger import LOSING_ORDERS, LOSSES, VISITS
from engine.rng import VISITS as VISITS_STREAM
from engine.rng import unit, words


def browsing(conversion: NDArray[np.float64] | None) -> Real:
    """(S,) float32 visits without an order for each order; empty without traffic."""
    return np.zeros(0, np.float32) if conversion is None else (1 / conversion - 1).astype(np.float32)


@phase
def visit(
    real: Real, word: Word, m: int, active: int, period: int, k0: np.uint64, k1: np.uint64, ratio: Real, lines: Money
) -> None:
    """Visits of the period into the ledger."""
    c2, c3 = np.uint64(period), np.uint64(VISITS_STREAM << 24)
    total = np.int64(0)
    for j in range(m):
        w = words(np.uint64(word[at.KEY_LOW + j]), np.uint64(word[at.KEY_HIGH + j]), c2, c3, k0, k1)
        rate = np.float32(real[at.LAM + j] * ratio[integer(word, at.SEG + j)])
        placed = integer(word, at.K + j)
        without = integer(word, at.K0 + j) if active > 0 and word[at.LEFT + j] != np.uint32(0) else placed
        visits = without + np.int64(orders(unit(w[0]), rate))
        total += visits if visits > placed else np.int64(placed)
    lines[VISITS] += total


@phase
def count_losses(word: Word, money: Money, buyers: int, lines: Money) -> None:
    """Orders of customers who bring less than nothing in the period, and by how much."""
    for b in range(buyers):
        j = integer(word, at.BUYER + b)
        cash = money[at.CASH + j]
        if cash < 0:
            lines[LOSING_ORDERS] += integer(word, at.K + j)
            lines[LOSSES] -= cash
