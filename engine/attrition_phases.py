"""Leaving: BG/NBD after an order, Pareto/NBD at a hazard, sBG at a renewal; and what holds customers."""

from __future__ import annotations

import numpy as np

from engine import scratch as at
from engine._jit import formula, phase, wide_vectors
from engine.customers import Money, Real, Word
from engine.formulas import ZERO, integer, log32, short
from engine.ledger import INCREMENTAL
from engine.phases import list_marked
from engine.rng import LEAVING, LIFE, PERIODS_PER_DRAW, unit, words
from engine.rules import BG_NBD, SBG, Rules
from engine.tables import Tables

ONE = np.float32(1)


@formula
def span(u: np.float32, hazard: np.float32) -> np.float32:
    """Share of the period until an exponential time of leaving, 1 = stays on."""
    return min(ONE, -log32(u) / hazard)


@formula
def last_order(u: np.float32, p: np.float32, orders: int) -> int:
    """Order after which the customer drops out with probability p each, 0 = none of these: inverse CDF of a geometric."""
    survives, last = ONE, 0
    for i in range(orders):
        survives = survives * (ONE - p)
        if u >= survives:
            last = i + 1
            break
    return last


@formula
def bits_set(x: np.uint32) -> np.uint32:
    """Number of bits set, by sums of neighbouring pairs, fours, eights (Warren 2012)."""
    x = np.uint32(x - ((x >> np.uint32(1)) & np.uint32(0x55555555)))
    x = np.uint32((x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333)))
    x = np.uint32((x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F))
    x = np.uint32(x + (x >> np.uint32(8)))
    return np.uint32((x + (x >> np.uint32(16))) & np.uint32(0x3F))


@phase
def hold(real: Real, word: Word, active: int, tables: Tables, rules: Rules) -> None:
    """HOLD: factor on attrition by breadth, and by a retention offer."""
    wide_vectors()
    for j in range(at.BLOCK):
        real[at.HOLD + j] = ONE
    if rules.breadth[2] < ONE:
        for j in range(at.BLOCK):
            real[at.HOLD + j] = rules.breadth[short(bits_set(word[at.OWNED + j]))]
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        real[at.HOLD + j] = real[at.HOLD + j] * (ONE - tables.retention[integer(word, at.ARM + j) - 1])


@phase
def keep_words(word: Word) -> None:
    """LEAVE_WORDS: a row of words of LEAVING for each of the periods that share a draw."""
    wide_vectors()
    for j in range(at.BLOCK):
        word[at.LEAVE_WORDS + j] = word[at.W0 + j]
        word[at.LEAVE_WORDS + at.BLOCK + j] = word[at.W1 + j]
        word[at.LEAVE_WORDS + 2 * at.BLOCK + j] = word[at.W2 + j]
        word[at.LEAVE_WORDS + 3 * at.BLOCK + j] = word[at.W3 + j]


@phase
def spans(real: Real, word: Word, row: int) -> None:
    """SPAN from the row of words of LEAVING that the period takes."""
    wide_vectors()
    for j in range(at.BLOCK):
        real[at.SPAN + j] = span(unit(word[row + j]), real[at.DROPOUT + j] * real[at.HOLD + j])


@phase
def shorten(real: Real, word: Word, tables: Tables) -> None:
    """Orders come until the customer leaves."""
    wide_vectors()
    for j in range(at.BLOCK):
        part = real[at.SPAN + j] if tables.lapsed[short(word[at.SEG + j])] == 0 else ONE
        real[at.LAM + j] = real[at.LAM + j] * part
        real[at.WALLET + j] = real[at.WALLET + j] * part


@formula
def luck(word: Word, j: int, period: int, k0: np.uint64, k1: np.uint64) -> np.float32:
    """Uniform of the period's word of LEAVING."""
    low, high = np.uint64(word[at.KEY_LOW + j]), np.uint64(word[at.KEY_HIGH + j])
    share = words(low, high, np.uint64(period // PERIODS_PER_DRAW), np.uint64(LIFE << 24 | LEAVING), k0, k1)
    return unit(share[period % PERIODS_PER_DRAW])


@phase
def drop_out(real: Real, word: Word, buyers: int, period: int, k0: np.uint64, k1: np.uint64, tables: Tables) -> int:
    """BG/NBD: after an order that comes anyway the customer may be gone; the orders behind it do not come."""
    leavers = 0
    for b in range(buyers):
        j = integer(word, at.BUYER + b)
        p = real[at.DROPOUT + j] * real[at.HOLD + j]
        if p <= ZERO or tables.lapsed[word[at.SEG + j]] != 0:
            continue
        k = integer(word, at.K + j)
        active = word[at.LEFT + j] != np.uint32(0)
        anyway = min(k, integer(word, at.K0 + j)) if active else k
        last = last_order(luck(word, j, period, k0, k1), p, anyway)
        if last > 0:
            word[at.K + j] = np.uint32(last)
            if active:
                word[at.K0 + j] = np.uint32(min(integer(word, at.K0 + j), last))
            word[at.LEAVER + leavers] = np.uint32(j)
            leavers += 1
    return leavers


@phase
def count_incremental(word: Word, active: int, lines: Money) -> None:
    """Orders that the offers added."""
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        lines[INCREMENTAL] += integer(word, at.K + j) - integer(word, at.K0 + j)


@phase
def list_leavers(
    real: Real,
    word: Word,
    leavers: int,
    m: int,
    period: int,
    k0: np.uint64,
    k1: np.uint64,
    tables: Tables,
    rules: Rules,
) -> int:
    """Places of those who leave at the end of the period; ``leavers``: BG/NBD's, who are listed already."""
    if rules.attrition == BG_NBD:
        return leavers
    wide_vectors()
    due = np.uint32((rules.renews - (period + 1) % rules.renews) % rules.renews)
    contract = rules.attrition == SBG
    for j in range(at.BLOCK):
        asked = word[at.RENEWAL + j] == due if contract else real[at.SPAN + j] < ONE
        word[at.MARK + j] = np.uint32(asked & (tables.lapsed[short(word[at.SEG + j])] == 0))
    count = 0
    for i in range(list_marked(word, m)):
        j = integer(word, at.MARKED + i)
        word[at.LEAVER + count] = np.uint32(j)
        stays = contract and luck(word, j, period, k0, k1) >= real[at.DROPOUT + j] * real[at.HOLD + j]
        count += 0 if stays else 1
    return count


@phase
def leave(word: Word, leavers: int, rules: Rules) -> None:
    """Into the segment of those who left; no offer acts on them any more."""
    for i in range(leavers):
        j = integer(word, at.LEAVER + i)
        word[at.GONE + j] = np.uint32(word[at.SEG + j] + np.uint32(1))
        word[at.SEG + j] = np.uint32(rules.into)
        word[at.ARM + j] = np.uint32(0)
        word[at.LEFT + j] = np.uint32(0)
