"""The phases of a period that offers bring; none of them is called for a block without contact or active offer."""

from __future__ import annotations

import numpy as np

from engine import scratch as at
from engine._jit import phase, wide_vectors
from engine.customers import Customers, Money, Real, Word
from engine.formulas import FAR, ZERO, integer, micro, orders_head, orders_search, part_of, place, signed
from engine.ledger import (
    ARM_DISCOUNT,
    ARM_ORDERS,
    CANNIBALISED,
    DISCOUNT,
    INCREMENTAL,
    REDEMPTION,
)
from engine.noise import noise_sum, whole
from engine.rng import HALF, OFFER, unit, words
from engine.tables import Tables


@phase
def list_active(word: Word, m: int) -> int:
    """Places of those on whom an offer acts in this period; everybody's segment is kept for :func:`redirect`."""
    listed = np.uint32(0)
    for j in range(m):
        word[at.ACTIVE + listed] = np.uint32(j)
        listed = np.uint32(listed + np.uint32(word[at.LEFT + j] != np.uint32(0)))
    count = signed(listed)
    if count > 0:
        for j in range(at.BLOCK):
            word[at.OLD + j] = word[at.SEG + j]
    return count


@phase
def redirect(word: Word, active: int, first: bool, period: int, k0: np.uint64, k1: np.uint64, tables: Tables) -> None:
    """A response's own move in place of the natural one, and moves into lapsed segments that a retention offer cuts.

    ``first``: the period of the plan, the only one in which jumps are pending.
    """
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        before, now = integer(word, at.OLD + j), integer(word, at.SEG + j)
        kept = tables.retention[integer(word, at.ARM + j) - 1]
        if first and word[at.JUMP + j] != np.uint32(0):
            word[at.SEG + j] = np.uint32(word[at.JUMP + j] - np.uint32(1))
        elif kept > ZERO and tables.lapsed[before] == 0 and tables.lapsed[now] != 0:
            draw = words(
                np.uint64(word[at.KEY_LOW + j]),
                np.uint64(word[at.KEY_HIGH + j]),
                np.uint64(period),
                np.uint64(OFFER << 24),
                k0,
                k1,
            )
            if unit(draw[3]) < kept:
                word[at.SEG + j] = np.uint32(before)


@phase
def lift(real: Real, word: Word, active: int, tables: Tables, lines: Money) -> None:
    """Orders with the offer and, from the same uniform, without it."""
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        real[at.X0 + i] = real[at.LAM + j] * tables.lift[integer(word, at.ARM + j) - 1]
    count_orders(real, word, active)
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        lines[INCREMENTAL] += integer(word, at.K + j) - integer(word, at.K0 + j)


@phase
def count_orders(real: Real, word: Word, active: int) -> None:
    """K0 = orders without the offer, K = orders at the rate that it raises (row X0 of the list), both of one uniform."""
    wide_vectors()
    for i in range(active):
        word[at.N2 + i] = word[at.W1 + integer(word, at.ACTIVE + i)]
    for i in range(whole(active)):
        word[at.NK + i] = orders_head(unit(word[at.N2 + i]), real[at.X0 + i])
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        u, without, k = unit(word[at.N2 + i]), word[at.K + j], word[at.NK + i]
        without = orders_search(u, real[at.LAM + j]) if without == FAR else without
        k = orders_search(u, real[at.X0 + i]) if k == FAR else k
        # Two float32 sums may cross by a rounding: the order of the counts is kept by force.
        k = max(k, without) if real[at.X0 + i] >= real[at.LAM + j] else min(k, without)
        word[at.K0 + j] = without
        word[at.K + j] = k


@phase
def price(real: Real, word: Word, low: int, active: int, tables: Tables, headroom: Real) -> None:
    """PRICE = VALUE, plus the category's part while a cross-sell offer is on trial; PART = the part."""
    for j in range(at.BLOCK):
        real[at.PRICE + j] = real[at.VALUE + j]
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        a = integer(word, at.ARM + j) - 1
        sold = tables.members[a]
        if sold != np.uint32(0):
            owned = word[at.OWNED + j]
            real[at.PART + j] = part_of(owned, sold, tables.complementarity, headroom[place(low, j)])
            new = np.uint32(sold & ~owned)
            if new != np.uint32(0):
                part = part_of(owned, new, tables.complementarity, headroom[place(low, j)])
                real[at.PRICE + j] = real[at.VALUE + j] + part * tables.fresh[a]


@phase
def discount(
    real: Real,
    word: Word,
    money: Money,
    buyers: int,
    low: int,
    period: int,
    k0: np.uint64,
    k1: np.uint64,
    tables: Tables,
    customers: Customers,
    lines: Money,
    by_arm: Money,
) -> None:
    """What active offers give away on the orders of the period, and which part of it on orders that come anyway.

    A cross-sell offer discounts the category's part only, and is not redeemed where there is none.
    """
    for b in range(buyers):
        j = integer(word, at.BUYER + b)
        if word[at.LEFT + j] == np.uint32(0):
            continue
        a = integer(word, at.ARM + j) - 1
        base = real[at.PART + j] if tables.category[a] >= 0 else real[at.PRICE + j]
        if tables.category[a] >= 0 and base <= ZERO:
            continue
        k = integer(word, at.K + j)
        anyway = min(k, integer(word, at.K0 + j))
        total = real[at.NOISE_SUM + b]
        without = total
        if anyway < k:
            key = np.uint64(word[at.KEY_HIGH + j]) << HALF | np.uint64(word[at.KEY_LOW + j])
            w2, w3 = word[at.W2 + j], word[at.W3 + j]
            without = noise_sum(anyway, w2, w3, key, np.uint64(period), k0, k1, tables.spread)
        given = micro(np.float64(base * total) * tables.discount_scale[a])
        redemption = tables.redemption_cost[a] * k
        money[at.INCOME + j] -= given
        money[at.CASH + j] -= given + redemption
        customers.promotion[place(low, j)] += given + redemption
        lines[DISCOUNT] += given
        lines[CANNIBALISED] += micro(np.float64(base * without) * tables.discount_scale[a])
        lines[REDEMPTION] += redemption
        by_arm[ARM_ORDERS, a] += k
        by_arm[ARM_DISCOUNT, a] += given


@phase
def age(word: Word, active: int) -> None:
    """One period less for every active offer."""
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        left = np.uint32(word[at.LEFT + j] - np.uint32(1))
        word[at.LEFT + j] = left
        if left == np.uint32(0):
            word[at.ARM + j] = np.uint32(0)
