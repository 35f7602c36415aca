"""One period of one block, phase by phase: what every customer goes through.

``real``, ``word`` and ``money`` are the block's scratch (:mod:`engine.scratch`), ``m`` the customers in it: the last
block of a population is padded with customers who never order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._jit import kernel
from engine.formulas import FAR, ZERO, lognormal, micro, noise_sum, normals, orders_head, orders_search
from engine.ledger import COST_OF_GOODS, COST_TO_SERVE, INCREMENTAL, ORDERS, REVENUE
from engine.population import NEVER
from engine.rng import HALF, unit, words
from engine.scratch import (
    BLOCK,
    BUYER,
    CASH,
    FREQUENCY,
    INCOME,
    K,
    KEY_HIGH,
    KEY_LOW,
    LAM,
    NOISE_SUM,
    PLACE,
    RATE,
    RECENCY,
    SEG,
    SPEND,
    START,
    TENURE,
    W0,
    W1,
    W2,
    W3,
)
from engine.tables import MICRO, Tables

Real = NDArray[np.float32]
Word = NDArray[np.uint32]
Money = NDArray[np.int64]

LONG_AGO = np.uint32(NEVER - 1)  # recency stops counting here
UNKNOWN = np.uint32(NEVER)
LONGEST = np.uint32(65535)
ONE, NONE = np.uint32(1), np.uint32(0)


@kernel
def draw(word: Word, out: int, period: int, purpose: int, k0: np.uint64, k1: np.uint64) -> None:
    """Four random words for each customer into the four rows from ``out`` on."""
    c2, c3 = np.uint64(period), np.uint64(purpose << 24)
    for j in range(BLOCK):
        w0, w1, w2, w3 = words(np.uint64(word[KEY_LOW + j]), np.uint64(word[KEY_HIGH + j]), c2, c3, k0, k1)
        word[out + j] = w0
        word[out + BLOCK + j] = w1
        word[out + 2 * BLOCK + j] = w2
        word[out + 3 * BLOCK + j] = w3


@kernel
def move(word: Word, thresholds: NDArray[np.uint32], width: int) -> None:
    """Natural move by inverse CDF: a binary search over the row's cumulative probabilities, all customers in step."""
    for j in range(BLOCK):
        word[PLACE + j] = np.uint32(word[SEG + j] * np.uint32(width))
    step = width // 2
    while step > 0:
        ahead, jump = np.uint32(step - 1), np.uint32(step)
        for j in range(BLOCK):
            place = word[PLACE + j]
            passed = np.uint32(word[W0 + j] >> ONE) >= thresholds[np.uint32(place + ahead)]
            word[PLACE + j] = np.uint32(place + (jump if passed else NONE))
        step //= 2
    last = np.uint32(width - 1)
    for j in range(BLOCK):
        word[SEG + j] = np.uint32(word[PLACE + j] & last)


@kernel
def pace(real: Real, word: Word, table: Real) -> None:
    """Order rate of the period without offers: rate x factor[start, now] x level[start, t]."""
    for j in range(BLOCK):
        real[LAM + j] = real[RATE + j] * table[np.uint32(word[START + j] + word[SEG + j])]


@kernel
def order(real: Real, word: Word) -> None:
    """Orders where they are few, FAR where they are more than the head of the distribution."""
    for j in range(BLOCK):
        word[K + j] = orders_head(unit(word[W1 + j]), real[LAM + j])


@kernel
def list_buyers(real: Real, word: Word, m: int) -> int:
    """Places of those who order; the few FAR ones are searched."""
    count = 0
    for j in range(m):
        word[BUYER + count] = np.uint32(j)
        count += 1 if word[K + j] != NONE else 0
    for a in range(count):
        j = np.int64(word[BUYER + a])
        if word[K + j] == FAR:
            word[K + j] = orders_search(unit(word[W1 + j]), real[LAM + j])
    return count


@kernel
def noise(real: Real, word: Word, buyers: int, period: int, k0: np.uint64, k1: np.uint64, tables: Tables) -> None:
    """NOISE_SUM[a]: the noise of buyer a's orders, added up; one and two lognormal orders in vector code."""
    shape, drift = tables.noise_shape, tables.noise_drift
    if not tables.gamma:
        for a in range(buyers):
            j = word[BUYER + a]
            first, second = normals(word[np.uint32(np.uint32(W2) + j)], word[np.uint32(np.uint32(W3) + j)])
            x, y = lognormal(first, shape, drift), lognormal(second, shape, drift)
            real[NOISE_SUM + a] = x + (y if word[np.uint32(np.uint32(K) + j)] > ONE else ZERO)
    for a in range(buyers):
        j = np.int64(word[BUYER + a])
        k = np.int64(word[K + j])
        if tables.gamma or k > 2:
            key = np.uint64(word[KEY_HIGH + j]) << HALF | np.uint64(word[KEY_LOW + j])
            real[NOISE_SUM + a] = noise_sum(
                k, word[W2 + j], word[W3 + j], key, np.uint64(period), k0, k1, tables.gamma, shape, drift
            )


@kernel
def settle(
    real: Real,
    word: Word,
    money: Money,
    buyers: int,
    price: int,
    tables: Tables,
    lines: Money,
    orders_by_segment: Money,
) -> None:
    """Revenue at list price, cost of goods and cost to serve, into CASH, INCOME and the ledger."""
    revenue_sum, goods_sum, order_sum = np.int64(0), np.int64(0), np.int64(0)
    for a in range(buyers):
        j = np.int64(word[BUYER + a])
        k = np.int64(word[K + j])
        amount = np.float64(real[price + j] * real[NOISE_SUM + a])
        revenue, goods = micro(amount * MICRO), micro(amount * tables.goods_scale)
        money[INCOME + j] = revenue
        money[CASH + j] += revenue - goods - tables.serve * k
        revenue_sum += revenue
        goods_sum += goods
        order_sum += k
        orders_by_segment[np.int64(word[SEG + j])] += k
    lines[REVENUE] += revenue_sum
    lines[COST_OF_GOODS] += goods_sum
    lines[COST_TO_SERVE] += tables.serve * order_sum
    lines[ORDERS] += order_sum


@kernel
def book(
    word: Word,
    money: Money,
    places: int,
    count: int,
    weight: float,
    margin: NDArray[np.float64],
    low: int,
    margin_by_segment: Money,
) -> None:
    """CASH of the listed customers into their discounted margin (``weight``: units per micro-unit); CASH is 0 again."""
    for a in range(count):
        j = np.int64(word[places + a])
        cash = money[CASH + j]
        margin[low + j] += np.float64(cash) * weight
        margin_by_segment[np.int64(word[SEG + j])] += cash
        money[CASH + j] = 0


@kernel
def census(word: Word, m: int, customers_by_segment: Money) -> None:
    """Customers in each segment after the move."""
    for s in range(customers_by_segment.shape[0]):
        wanted = np.uint32(s)
        count = np.uint32(0)
        for j in range(m):
            count = np.uint32(count + (ONE if word[SEG + j] == wanted else NONE))
        customers_by_segment[s] += np.int64(count)


@kernel
def remember(real: Real, word: Word, money: Money, buyers: int) -> None:
    """Recency, frequency, money and tenure of the observed history.

    Tenure counts from the first order: it stays 0 for those who have not ordered before this period.
    """
    for j in range(BLOCK):
        recency, tenure = word[RECENCY + j], word[TENURE + j]
        ages = recency != UNKNOWN and tenure != LONGEST
        word[TENURE + j] = np.uint32(tenure + (ONE if ages else NONE))
        waits = np.uint32(recency + (ONE if recency < LONG_AGO else NONE))
        word[RECENCY + j] = waits if word[K + j] == NONE else NONE
        real[FREQUENCY + j] = real[FREQUENCY + j] + np.float32(np.int32(word[K + j]))
    for a in range(buyers):
        j = np.int64(word[BUYER + a])
        real[SPEND + j] = real[SPEND + j] + np.float32(np.float64(money[INCOME + j]) / MICRO)
