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
from engine._jit import formula, phase, routine
from engine.customers import Money, Real, Word
from engine.formulas import FAR, exp32, integer, orders_search
from engine.ledger import LOSING_ORDERS, LOSSES, VISITS
from engine.rng import unit

HEAD = 12  # numbers of visits that the vector loop looks at
FAST = np.float32(60.0)
NEGLIGIBLE = 1e-12
INVERSE = 1 / np.maximum(np.arange(512), 1)
MOST_VISITS = 500.0  # per period: the search is exact to 600


def browsing(conversion: NDArray[np.float64] | None) -> Real:
    """(S,) float32 visits without an order for each order; empty without traffic."""
    return np.zeros(0, np.float32) if conversion is None else (1 / conversion - 1).astype(np.float32)


@formula
def visits_head(u: np.float32, rate: np.float32) -> np.uint32:
    """Poisson inverse CDF of u where it is below HEAD, else FAR."""
    p = exp32(-rate)
    q, k = p, np.uint32(0)
    for i in range(1, HEAD):
        k = np.uint32(k + np.uint32(u >= q))
        p = p * rate * np.float32(1 / i)
        q = q + p
    return FAR if u >= q else k


@routine
def visits_search(u: np.float32, rate: np.float32) -> int:
    """Poisson inverse CDF of u, exact to 1e-7 of probability; beyond the range of float32's exponential the slower search."""
    if rate > FAST:
        return np.int64(orders_search(u, rate))  # type: ignore[return-value]  # what kernels know as int
    mean, target, p = float(rate), float(u), float(exp32(-rate))
    q, k = p, 0
    while target >= q and (k < mean or p > NEGLIGIBLE):
        k += 1
        p = p * mean * INVERSE[k]
        q += p
    return k


@routine
def other_visits(u: np.float32, rate: np.float32) -> int:
    """Visits without an order: Poisson inverse CDF of u."""
    k = visits_head(u, rate)
    return visits_search(u, rate) if k == FAR else np.int64(k)  # type: ignore[return-value]  # as above


@phase
def visit(real: Real, word: Word, m: int, active: int, ratio: Real, lines: Money) -> None:
    """Visits of the period into the ledger; W0 holds the words of VISITS.

    Row X0: the rate of other visits, N2: their number, MARK: orders without the offer.
    """
    for j in range(at.BLOCK):
        real[at.X0 + j] = real[at.LAM + j] * ratio[word[at.SEG + j]]
    for j in range(at.BLOCK):
        word[at.N2 + j] = visits_head(unit(word[at.W0 + j]), real[at.X0 + j])
        word[at.MARK + j] = word[at.K + j]
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        word[at.MARK + j] = word[at.K0 + j]
    total = np.int64(0)
    for j in range(m):
        others, placed = integer(word, at.N2 + j), integer(word, at.K + j)
        if word[at.N2 + j] == FAR:
            others = visits_search(unit(word[at.W0 + j]), real[at.X0 + j])
        visits = integer(word, at.MARK + j) + others
        total += visits if visits > placed else placed
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
