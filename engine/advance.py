"""The driver: strips of blocks in parallel, periods in order, phases one after the other."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from engine import offer_phases as offers
from engine import phases
from engine._jit import kernel, parallel_kernel
from engine.ledger import SEGMENT_CUSTOMERS, SEGMENT_MARGIN, SEGMENT_ORDERS
from engine.phases import Money, Real, Word
from engine.rng import HALF, LOW, OFFER, PERIOD
from engine.scratch import (
    ARM,
    BLOCK,
    BUYER,
    CONTACTED,
    EXTRA,
    FATIGUE,
    FREQUENCY,
    KEY_HIGH,
    KEY_LOW,
    LEFT,
    MONEY_ROWS,
    OWNED,
    PRICE,
    RATE,
    REAL_ROWS,
    RECENCY,
    RESPONSIVENESS,
    SEG,
    SPEND,
    START,
    TENURE,
    V0,
    VALUE,
    W0,
    WORD_ROWS,
)
from engine.tables import Tables


class Customers(NamedTuple):
    """The arrays of a population and of its results, (n,) each but ``headroom`` (n, C)."""

    key: NDArray[np.uint64]
    rate: Real
    order_value: Real
    responsiveness: Real
    start_segment: NDArray[np.uint8]
    headroom: Real
    segment: NDArray[np.uint8]
    fatigue: Real
    owned: NDArray[np.uint32]
    extra_value: Real
    active_arm: NDArray[np.uint8]
    active_left: NDArray[np.uint8]
    recency: NDArray[np.uint16]
    orders: Real
    spend: Real
    tenure: NDArray[np.uint16]
    margin: NDArray[np.float64]
    promotion: Money


class Books(NamedTuple):
    """Ledger sums of each strip: ``lines`` (strips, T, LINES), ``by_segment`` (strips, T, 3, S), ``by_arm`` (strips, T, 4, A)."""

    lines: Money
    by_segment: Money
    by_arm: Money


class Switches(NamedTuple):
    """Features in use; what is off is not called."""

    offers: bool
    fatigue: bool
    history: bool
    planned: bool


@kernel
def load(real: Real, word: Word, customers: Customers, low: int, m: int, segments: int, on: Switches) -> None:
    """A block's traits and state into the scratch; the padding has rate 0 and never orders."""
    for j in range(m, BLOCK):
        real[RATE + j] = np.float32(0)
        word[SEG + j] = np.uint32(0)
        word[START + j] = np.uint32(0)
        word[RECENCY + j] = np.uint32(0)
    for j in range(m):
        i = low + j
        key = customers.key[i]
        word[KEY_LOW + j] = np.uint32(key & LOW)
        word[KEY_HIGH + j] = np.uint32(key >> HALF)
        word[SEG + j] = customers.segment[i]
        word[START + j] = np.uint32(customers.start_segment[i] * np.uint32(segments))
        real[RATE + j] = customers.rate[i]
        real[EXTRA + j] = customers.extra_value[i]
        real[VALUE + j] = customers.order_value[i] + customers.extra_value[i]
    if on.offers:
        for j in range(m):
            i = low + j
            real[RESPONSIVENESS + j] = customers.responsiveness[i]
            word[OWNED + j] = customers.owned[i]
            word[ARM + j] = customers.active_arm[i]
            word[LEFT + j] = customers.active_left[i]
    if on.fatigue:
        for j in range(m):
            real[FATIGUE + j] = customers.fatigue[low + j]
    if on.history:
        for j in range(m):
            i = low + j
            word[RECENCY + j] = customers.recency[i]
            word[TENURE + j] = customers.tenure[i]
            real[FREQUENCY + j] = customers.orders[i]
            real[SPEND + j] = customers.spend[i]


@kernel
def store(real: Real, word: Word, customers: Customers, low: int, m: int, on: Switches) -> None:
    """A block's state back into the population."""
    for j in range(m):
        customers.segment[low + j] = np.uint8(word[SEG + j])
    if on.offers:
        for j in range(m):
            i = low + j
            customers.extra_value[i] = real[EXTRA + j]
            customers.owned[i] = word[OWNED + j]
            customers.active_arm[i] = np.uint8(word[ARM + j])
            customers.active_left[i] = np.uint8(word[LEFT + j])
    if on.fatigue:
        for j in range(m):
            customers.fatigue[low + j] = real[FATIGUE + j]
    if on.history:
        for j in range(m):
            i = low + j
            customers.recency[i] = np.uint16(word[RECENCY + j])
            customers.tenure[i] = np.uint16(word[TENURE + j])
            customers.orders[i] = real[FREQUENCY + j]
            customers.spend[i] = real[SPEND + j]


@kernel
def run_period(
    real: Real,
    word: Word,
    money: Money,
    customers: Customers,
    tables: Tables,
    on: Switches,
    plan: NDArray[np.uint8],
    low: int,
    m: int,
    first: bool,
    period: int,
    weight: float,
    k0: np.uint64,
    k1: np.uint64,
    lines: Money,
    by_segment: Money,
    by_arm: Money,
) -> None:
    """One period of one block."""
    contacted = active = 0
    if on.planned and first:
        contacted = offers.list_contacted(word, plan, low, m)
        if contacted > 0:
            phases.draw(word, V0, period, OFFER, k0, k1)
            offers.contact(
                real,
                word,
                money,
                plan,
                low,
                contacted,
                tables,
                customers.order_value,
                customers.headroom,
                customers.promotion,
                lines,
                by_arm,
            )
    if on.fatigue:
        offers.tire(real, word, contacted, tables.fatigue_decay)
    if on.offers:
        active = offers.list_active(word, m)

    phases.draw(word, W0, period, PERIOD, k0, k1)
    phases.move(word, tables.thresholds, tables.width)
    if active > 0:
        offers.redirect(word, active, contacted > 0, period, k0, k1, tables)
    phases.census(word, m, by_segment[SEGMENT_CUSTOMERS])

    phases.pace(real, word, tables.pace[min(period, tables.pace.shape[0] - 1)])
    phases.order(real, word)
    if active > 0:
        offers.lift(real, word, active, tables, lines)
        offers.price(real, word, low, active, tables, customers.headroom)
    buyers = phases.list_buyers(real, word, m)
    phases.noise(real, word, buyers, period, k0, k1, tables)
    phases.settle(real, word, money, buyers, PRICE if active > 0 else VALUE, tables, lines, by_segment[SEGMENT_ORDERS])
    if active > 0:
        offers.discount(real, word, money, buyers, low, period, k0, k1, tables, customers.promotion, lines, by_arm)
        offers.age(word, active)

    phases.book(word, money, BUYER, buyers, weight, customers.margin, low, by_segment[SEGMENT_MARGIN])
    if contacted > 0:
        phases.book(word, money, CONTACTED, contacted, weight, customers.margin, low, by_segment[SEGMENT_MARGIN])
    if on.history:
        phases.remember(real, word, money, buyers)


@kernel
def run_strip(
    first_block: int,
    last_block: int,
    customers: Customers,
    tables: Tables,
    on: Switches,
    plan: NDArray[np.uint8],
    start: int,
    weights: NDArray[np.float64],
    k0: np.uint64,
    k1: np.uint64,
    lines: Money,
    by_segment: Money,
    by_arm: Money,
) -> None:
    """All periods of the blocks of a strip, one block after the other."""
    n = customers.key.shape[0]
    real = np.zeros(REAL_ROWS, np.float32)
    word = np.zeros(WORD_ROWS, np.uint32)
    money = np.zeros(MONEY_ROWS, np.int64)
    for b in range(first_block, last_block):
        low = b * BLOCK
        m = min(BLOCK, n - low)
        load(real, word, customers, low, m, tables.segments, on)
        for t in range(weights.shape[0]):
            run_period(
                real,
                word,
                money,
                customers,
                tables,
                on,
                plan,
                low,
                m,
                t == 0,
                start + t,
                weights[t],
                k0,
                k1,
                lines[t],
                by_segment[t],
                by_arm[t],
            )
        store(real, word, customers, low, m, on)


@parallel_kernel
def advance(
    customers: Customers,
    tables: Tables,
    on: Switches,
    plan: NDArray[np.uint8],
    start: int,
    weights: NDArray[np.float64],
    k0: np.uint64,
    k1: np.uint64,
    books: Books,
) -> None:
    """Advance every customer by ``len(weights)`` periods from period ``start`` on, in place.

    ``plan`` (n,) acts in the first period, 0 = none, else 1 + arm; ``weights[t]`` currency units of discounted margin per
    micro-unit.  A strip has its own books: integer sums, so that their total is the same for any number of strips.
    """
    blocks = (customers.key.shape[0] + BLOCK - 1) // BLOCK
    strips = books.lines.shape[0]
    for s in numba.prange(strips):
        run_strip(
            s * blocks // strips,
            (s + 1) * blocks // strips,
            customers,
            tables,
            on,
            plan,
            start,
            weights,
            k0,
            k1,
            books.lines[s],
            books.by_segment[s],
            books.by_arm[s],
        )
