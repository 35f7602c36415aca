"""Contacts of a period and the responses to them.

Those contacted are listed, and their numbers stand in rows by place in this list (``few``, ``those``: :mod:`engine.scratch`),
apart from the rows by customer: so a loop may gather from customers and write to the list, and still is vector code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import phase, wide_vectors
from engine.customers import Customers, Money, Real, Word
from engine.formulas import ZERO, integer, logistic, part_of, place, short, signed
from engine.ledger import ARM_CONTACTS, ARM_RESPONSES, CONTACT
from engine.noise import whole
from engine.rng import unit, words
from engine.tables import Tables

NONE, ONE = np.uint32(0), np.uint32(1)


@phase
def list_contacted(word: Word, those: Word, plan: NDArray[np.uint8], low: int, m: int) -> int:
    """WHO is contacted, and OFFERED what (an arm); no jump is pending for anybody."""
    count = NONE
    for j in range(at.BLOCK):
        word[at.JUMP + j] = NONE
    for j in range(m):
        choice = np.uint32(plan[place(low, j)])
        those[at.WHO + count] = np.uint32(j)
        those[at.OFFERED + count] = np.uint32(max(choice, ONE) - ONE)  # an arm at any place: vectors read past the list
        count = np.uint32(count + np.uint32(choice != NONE))
    return signed(count)


@phase
def toss(word: Word, those: Word, contacted: int, period: int, stream: np.uint64, k0: np.uint64, k1: np.uint64) -> None:
    """Four random words for each of them into rows L0 to L3; ``stream``: purpose << 24."""
    wide_vectors()
    for i in range(whole(contacted)):
        j = short(those[at.WHO + i])
        key_low, key_high = np.uint64(word[at.KEY_LOW + j]), np.uint64(word[at.KEY_HIGH + j])
        w0, w1, w2, w3 = words(key_low, key_high, np.uint64(period), stream, k0, k1)
        those[at.L0 + i] = w0
        those[at.L1 + i] = w1
        those[at.L2 + i] = w2
        those[at.L3 + i] = w3


@phase
def charge(
    money: Money, those: Word, low: int, contacted: int, tables: Tables, promotion: Money, lines: Money, by_arm: Money
) -> None:
    """What the contacts cost, whether or not they arrive."""
    total = np.int64(0)
    for i in range(contacted):
        j, a = those[at.WHO + i], those[at.OFFERED + i]
        cost = tables.contact_cost[a]
        money[at.CASH + j] -= cost
        promotion[place(low, j)] += cost
        total += cost
        by_arm[ARM_CONTACTS, a] += 1
    lines[CONTACT] += total


@phase
def list_responders(
    real: Real, word: Word, few: Real, those: Word, contacted: int, tables: Tables, by_arm: Money
) -> int:
    """Places in the list of those who respond; SAID = 1 for them.  L0 holds the words that decide."""
    wide_vectors()
    segments, weight = np.uint32(tables.segments), tables.fatigue_weight
    for i in range(whole(contacted)):
        j, a = short(those[at.WHO + i]), those[at.OFFERED + i]
        base = tables.logit[short(np.uint32(np.uint32(a * segments) + word[at.SEG + j]))]
        few[at.SCORE + i] = base + real[at.RESPONSIVENESS + j] - weight * real[at.FATIGUE + j] + few[at.SHIFT + i]
    for i in range(whole(contacted)):
        said = unit(those[at.L0 + i]) < logistic(few[at.SCORE + i])
        those[at.SAID + i] = np.uint32(said & (those[at.DEAF + i] == NONE))
    listed = NONE
    for i in range(contacted):
        those[at.RESPONDER + listed] = np.uint32(i)
        listed = np.uint32(listed + those[at.SAID + i])
    count = signed(listed)
    for r in range(count):
        by_arm[ARM_RESPONSES, those[at.OFFERED + those[at.RESPONDER + r]]] += 1
    return count


@phase
def begin(real: Real, word: Word, those: Word, low: int, responders: int, tables: Tables, customers: Customers) -> None:
    """What a response starts: the active arm, an induced move, the adoption of a category."""
    for r in range(responders):
        i = those[at.RESPONDER + r]
        j, a = integer(those, at.WHO + i), integer(those, at.OFFERED + i)
        word[at.ARM + j] = np.uint32(a + 1)
        word[at.LEFT + j] = np.uint32(tables.duration[a])
        target = tables.move_to[a]
        open_ = tables.absorbing[word[at.SEG + j]] == 0 or tables.win_back[a] != 0
        if target >= 0 and open_ and unit(those[at.L1 + i]) < tables.move_probability[a]:
            word[at.JUMP + j] = np.uint32(target + 1)
        owned = word[at.OWNED + j]
        new = np.uint32(tables.members[a] & ~owned)
        if new != NONE and unit(those[at.L2 + i]) < tables.sticks[a]:
            part = part_of(owned, new, tables.complementarity, customers.headroom[place(low, j)])
            if part > ZERO:
                word[at.OWNED + j] = np.uint32(owned | new)
                real[at.EXTRA + j] = real[at.EXTRA + j] + part * tables.fresh[a]
                real[at.VALUE + j] = customers.order_value[place(low, j)] + real[at.EXTRA + j]


@phase
def tire(real: Real, those: Word, contacted: int, decay: np.float32) -> None:
    """Fatigue F <- decay F, + 1 on a contact."""
    for j in range(at.BLOCK):
        real[at.FATIGUE + j] = decay * real[at.FATIGUE + j]
    for i in range(contacted):
        j = those[at.WHO + i]
        real[at.FATIGUE + j] = real[at.FATIGUE + j] + np.float32(1)
