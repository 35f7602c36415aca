"""One period of one block, phase by phase: what every customer goes through.

``real``, ``word`` and ``money`` are the block's scratch (:mod:`engine.scratch`), ``m`` the customers in it: the last
block of a population is padded with customers who never order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import phase, wide_vectors
from engine.customers import Money, Real, Word
from engine.formulas import FAR, integer, micro, orders_head, orders_search, place, short, signed
from engine.ledger import COST_OF_GOODS, COST_TO_SERVE, ORDERS, REVENUE
from engine.population import NEVER
from engine.rng import unit, words
from engine.tables import GUIDE_BITS, MICRO, SEARCH, TARGET, TARGET_BITS, Tables

BITS, REST = np.uint32(GUIDE_BITS), np.uint32(32 - GUIDE_BITS)
LONG_AGO = np.uint32(NEVER - 1)  # recency stops counting here
UNKNOWN = np.uint32(NEVER)
LONGEST = np.uint32(65535)
NONE, ONE = np.uint32(0), np.uint32(1)
UNCLEAR = np.uint32(SEARCH)
BELOW, ABOVE = np.uint32(TARGET - 1), np.uint32(TARGET_BITS)


@phase
def draw(word: Word, period: int, stream: np.uint64, k0: np.uint64, k1: np.uint64) -> None:
    """Four random words for each customer into rows W0 to W3; ``stream``: purpose << 24 | draw (:mod:`engine.rng`).

    The rows are fixed: with a row chosen at run time the compiler cannot rule out overlaps, and this takes five times
    as long.
    """
    wide_vectors()
    c2 = np.uint64(period)
    for j in range(at.BLOCK):
        w0, w1, w2, w3 = words(np.uint64(word[at.KEY_LOW + j]), np.uint64(word[at.KEY_HIGH + j]), c2, stream, k0, k1)
        word[at.W0 + j] = w0
        word[at.W1 + j] = w1
        word[at.W2 + j] = w2
        word[at.W3 + j] = w3


@phase
def list_marked(word: Word, m: int) -> int:
    """MARKED: places of those with a MARK; often there is none."""
    wide_vectors()
    some, count = np.uint32(0), np.uint32(0)
    for j in range(at.BLOCK):
        some = np.uint32(some | word[at.MARK + j])
    if some != NONE:
        for j in range(m):
            word[at.MARKED + count] = np.uint32(j)
            count = np.uint32(count + np.uint32(word[at.MARK + j] != NONE))
    return signed(count)


@phase
def move(word: Word, tables: Tables) -> None:
    """Natural move by inverse CDF: a look-up by the word's upper bits, a search where more than one threshold lies there."""
    wide_vectors()
    for j in range(at.BLOCK):
        segment = word[at.SEG + j]
        cell = short(np.uint32(np.uint32(segment << BITS) + np.uint32(word[at.W0 + j] >> REST)))
        targets = tables.guide[cell]
        beyond = np.uint32(word[at.W0 + j] >> ONE) >= tables.bounds[cell]
        target = np.uint32(targets >> ABOVE) if beyond else np.uint32(targets & BELOW)
        word[at.MARK + j] = np.uint32(target == UNCLEAR)
        word[at.SEG + j] = segment if target == UNCLEAR else target
    for i in range(list_marked(word, at.BLOCK)):
        j = integer(word, at.MARKED + i)
        row = integer(word, at.SEG + j) * tables.segments
        u = np.uint32(word[at.W0 + j] >> ONE)
        passed = 0
        while u >= tables.thresholds[row + passed]:
            passed += 1
        word[at.SEG + j] = np.uint32(passed)


@phase
def pace(real: Real, word: Word, table: Real) -> None:
    """Order rate of the period without offers: rate x factor[start, now] x level[start, t]."""
    wide_vectors()
    for j in range(at.BLOCK):
        real[at.LAM + j] = real[at.RATE + j] * table[short(np.uint32(word[at.START + j] + word[at.SEG + j]))]


@phase
def order(real: Real, word: Word) -> None:
    """Orders where they are few, FAR where they are more than the head of the distribution."""
    wide_vectors()
    for j in range(at.BLOCK):
        word[at.K + j] = orders_head(unit(word[at.W1 + j]), real[at.LAM + j])


@phase
def list_buyers(real: Real, word: Word, m: int) -> int:
    """Places of those who order; the few FAR ones are searched."""
    listed = NONE
    for j in range(m):
        word[at.BUYER + listed] = np.uint32(j)
        listed = np.uint32(listed + np.uint32(word[at.K + j] != NONE))
    count = signed(listed)
    for a in range(count):
        j = integer(word, at.BUYER + a)
        if word[at.K + j] == FAR:
            word[at.K + j] = orders_search(unit(word[at.W1 + j]), real[at.LAM + j])
    return count


@phase
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
        j = integer(word, at.BUYER + a)
        k = integer(word, at.K + j)
        amount = np.float64(real[price + j] * real[at.NOISE_SUM + a])
        revenue, goods = micro(amount * MICRO), micro(amount * tables.goods_scale)
        money[at.INCOME + j] = revenue
        money[at.CASH + j] += revenue - goods - tables.serve * k
        revenue_sum += revenue
        goods_sum += goods
        order_sum += k
        orders_by_segment[integer(word, at.SEG + j)] += k
    lines[REVENUE] += revenue_sum
    lines[COST_OF_GOODS] += goods_sum
    lines[COST_TO_SERVE] += tables.serve * order_sum
    lines[ORDERS] += order_sum


@phase
def book(
    word: Word,
    places: Word,
    money: Money,
    count: int,
    weight: float,
    margin: NDArray[np.float64],
    low: int,
    margin_by_segment: Money,
) -> None:
    """CASH of those at ``places`` into their discounted margin (``weight``: units per micro-unit); CASH is 0 again."""
    for a in range(count):
        j = integer(places, a)
        cash = money[at.CASH + j]
        margin[place(low, j)] += np.float64(cash) * weight
        margin_by_segment[integer(word, at.SEG + j)] += cash
        money[at.CASH + j] = 0


@phase
def census(word: Word, m: int, customers_by_segment: Money) -> None:
    """Customers in each segment after the move."""
    for s in range(customers_by_segment.shape[0]):
        wanted = np.uint32(s)
        count = np.uint32(0)
        for j in range(m):
            count = np.uint32(count + (ONE if word[at.SEG + j] == wanted else NONE))
        customers_by_segment[s] += signed(count)


@phase
def remember(real: Real, word: Word, money: Money, buyers: int) -> None:
    """Recency, frequency, money and tenure of the observed history.

    Tenure counts from the first order: it stays 0 for those who have not ordered before this period.
    """
    for j in range(at.BLOCK):
        recency, tenure = word[at.RECENCY + j], word[at.TENURE + j]
        ages = recency != UNKNOWN and tenure != LONGEST
        word[at.TENURE + j] = np.uint32(tenure + (ONE if ages else NONE))
        waits = np.uint32(recency + (ONE if recency < LONG_AGO else NONE))
        word[at.RECENCY + j] = waits if word[at.K + j] == NONE else NONE
        real[at.FREQUENCY + j] = real[at.FREQUENCY + j] + np.float32(np.int32(word[at.K + j]))
    for a in range(buyers):
        j = integer(word, at.BUYER + a)
        real[at.SPEND + j] = real[at.SPEND + j] + np.float32(np.float64(money[at.INCOME + j]) / MICRO)
