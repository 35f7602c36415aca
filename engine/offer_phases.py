"""The phases of a period that offers bring; none of them is called for a block without contact or active offer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._jit import phase
from engine.customers import Customers
from engine.formulas import ZERO, gate, logistic, micro, noise_sum, orders
from engine.ledger import (
    ARM_CONTACTS,
    ARM_DISCOUNT,
    ARM_ORDERS,
    ARM_RESPONSES,
    CANNIBALISED,
    CONTACT,
    DISCOUNT,
    INCREMENTAL,
    REDEMPTION,
)
from engine.phases import Money, Real, Word
from engine.rng import HALF, OFFER, unit, words
from engine.scratch import (
    ACTIVE,
    ARM,
    BLOCK,
    BUYER,
    CASH,
    CONTACTED,
    EXTRA,
    FATIGUE,
    INCOME,
    JUMP,
    K0,
    KEY_HIGH,
    KEY_LOW,
    LAM,
    LEFT,
    NOISE_SUM,
    OLD,
    OWNED,
    PART,
    PRICE,
    RESPONSIVENESS,
    SEG,
    V0,
    V1,
    V2,
    VALUE,
    W1,
    W2,
    W3,
    K,
)
from engine.tables import Tables


@phase
def list_contacted(word: Word, plan: NDArray[np.uint8], low: int, m: int) -> int:
    """Places of those whom the plan gives an arm; no jump is pending for anybody."""
    count = 0
    for j in range(BLOCK):
        word[JUMP + j] = np.uint32(0)
    for j in range(m):
        word[CONTACTED + count] = np.uint32(j)
        count += 1 if plan[low + j] != 0 else 0
    return count


@phase
def owns(owned: np.uint32, category: int) -> bool:
    """Whether the category's bit is set."""
    return bool((owned >> np.uint32(category)) & np.uint32(1))


@phase
def contact(
    real: Real,
    word: Word,
    money: Money,
    plan: NDArray[np.uint8],
    low: int,
    contacted: int,
    tables: Tables,
    customers: Customers,
    lines: Money,
    by_arm: Money,
) -> None:
    """Contact, response and what a response starts: the active arm, an induced move, the adoption of a category."""
    for i in range(contacted):
        j = np.int64(word[CONTACTED + i])
        a = np.int64(plan[low + j]) - 1
        segment = np.int64(word[SEG + j])
        cost = tables.contact_cost[a]
        money[CASH + j] -= cost
        customers.promotion[low + j] += cost
        lines[CONTACT] += cost
        by_arm[ARM_CONTACTS, a] += 1
        score = (
            tables.logit[a * tables.segments + segment]
            + real[RESPONSIVENESS + j]
            - tables.fatigue_weight * real[FATIGUE + j]
        )
        if unit(word[V0 + j]) >= logistic(score):
            continue
        by_arm[ARM_RESPONSES, a] += 1
        word[ARM + j] = np.uint32(a + 1)
        word[LEFT + j] = np.uint32(tables.duration[a])
        target = tables.move_to[a]
        if target >= 0 and tables.absorbing[segment] == 0 and unit(word[V1 + j]) < tables.move_probability[a]:
            word[JUMP + j] = np.uint32(target + 1)
        c = np.int64(tables.category[a])
        if c >= 0 and not owns(word[OWNED + j], c) and unit(word[V2 + j]) < tables.sticks[a]:
            part = gate(word[OWNED + j], c, tables.complementarity) * customers.headroom[low + j, c]
            if part > ZERO:
                word[OWNED + j] = np.uint32(word[OWNED + j] | np.uint32(np.uint32(1) << np.uint32(c)))
                real[EXTRA + j] = real[EXTRA + j] + part
                real[VALUE + j] = customers.order_value[low + j] + real[EXTRA + j]


@phase
def tire(real: Real, word: Word, contacted: int, decay: np.float32) -> None:
    """Fatigue F <- decay F, + 1 on a contact."""
    for j in range(BLOCK):
        real[FATIGUE + j] = decay * real[FATIGUE + j]
    for i in range(contacted):
        j = np.int64(word[CONTACTED + i])
        real[FATIGUE + j] = real[FATIGUE + j] + np.float32(1)


@phase
def list_active(word: Word, m: int) -> int:
    """Places of those on whom an offer acts in this period; everybody's segment is kept for :func:`redirect`."""
    count = 0
    for j in range(m):
        word[ACTIVE + count] = np.uint32(j)
        count += 1 if word[LEFT + j] != np.uint32(0) else 0
    if count > 0:
        for j in range(BLOCK):
            word[OLD + j] = word[SEG + j]
    return count


@phase
def redirect(word: Word, active: int, first: bool, period: int, k0: np.uint64, k1: np.uint64, tables: Tables) -> None:
    """A response's own move in place of the natural one, and moves into lapsed segments that a retention offer cuts.

    ``first``: the period of the plan, the only one in which jumps are pending.
    """
    for i in range(active):
        j = np.int64(word[ACTIVE + i])
        before, now = np.int64(word[OLD + j]), np.int64(word[SEG + j])
        kept = tables.retention[np.int64(word[ARM + j]) - 1]
        if first and word[JUMP + j] != np.uint32(0):
            word[SEG + j] = np.uint32(word[JUMP + j] - np.uint32(1))
        elif kept > ZERO and tables.lapsed[before] == 0 and tables.lapsed[now] != 0:
            draw = words(
                np.uint64(word[KEY_LOW + j]),
                np.uint64(word[KEY_HIGH + j]),
                np.uint64(period),
                np.uint64(OFFER << 24),
                k0,
                k1,
            )
            if unit(draw[3]) < kept:
                word[SEG + j] = np.uint32(before)


@phase
def lift(real: Real, word: Word, active: int, tables: Tables, lines: Money) -> None:
    """Orders with the offer and, from the same uniform, without it."""
    for i in range(active):
        j = np.int64(word[ACTIVE + i])
        u, rate = unit(word[W1 + j]), real[LAM + j]
        factor = tables.lift[np.int64(word[ARM + j]) - 1]
        without = orders(u, rate)
        # Two float32 sums may cross by a rounding: the order of the counts is kept by force.
        k = orders(u, rate * factor)
        k = max(k, without) if factor >= np.float32(1) else min(k, without)
        word[K0 + j] = without
        word[K + j] = k
        lines[INCREMENTAL] += np.int64(k) - np.int64(without)


@phase
def price(real: Real, word: Word, low: int, active: int, tables: Tables, headroom: Real) -> None:
    """PRICE = VALUE, plus the category's part while a cross-sell offer is on trial; PART = the part."""
    for j in range(BLOCK):
        real[PRICE + j] = real[VALUE + j]
    for i in range(active):
        j = np.int64(word[ACTIVE + i])
        c = np.int64(tables.category[np.int64(word[ARM + j]) - 1])
        if c >= 0:
            part = gate(word[OWNED + j], c, tables.complementarity) * headroom[low + j, c]
            real[PART + j] = part
            if not owns(word[OWNED + j], c):
                real[PRICE + j] = real[VALUE + j] + part


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
        j = np.int64(word[BUYER + b])
        if word[LEFT + j] == np.uint32(0):
            continue
        a = np.int64(word[ARM + j]) - 1
        base = real[PART + j] if tables.category[a] >= 0 else real[PRICE + j]
        if tables.category[a] >= 0 and base <= ZERO:
            continue
        k = np.int64(word[K + j])
        anyway = min(k, np.int64(word[K0 + j]))
        total = real[NOISE_SUM + b]
        without = total
        if anyway < k:
            key = np.uint64(word[KEY_HIGH + j]) << HALF | np.uint64(word[KEY_LOW + j])
            w2, w3 = word[W2 + j], word[W3 + j]
            without = noise_sum(
                anyway, w2, w3, key, np.uint64(period), k0, k1, tables.gamma, tables.noise_shape, tables.noise_drift
            )
        given = micro(np.float64(base * total) * tables.discount_scale[a])
        redemption = tables.redemption_cost[a] * k
        money[INCOME + j] -= given
        money[CASH + j] -= given + redemption
        customers.promotion[low + j] += given + redemption
        lines[DISCOUNT] += given
        lines[CANNIBALISED] += micro(np.float64(base * without) * tables.discount_scale[a])
        lines[REDEMPTION] += redemption
        by_arm[ARM_ORDERS, a] += k
        by_arm[ARM_DISCOUNT, a] += given


@phase
def age(word: Word, active: int) -> None:
    """One period less for every active offer."""
    for i in range(active):
        j = np.int64(word[ACTIVE + i])
        left = np.uint32(word[LEFT + j] - np.uint32(1))
        word[LEFT + j] = left
        if left == np.uint32(0):
            word[ARM + j] = np.uint32(0)
