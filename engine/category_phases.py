"""Categories with a competitor: our share of what each customer spends on them, and what an order is worth with it.

``shelf``: for each such category the rows ODDS, BEGAN, SPENT, RATIO of :mod:`engine.scratch`, then one number a category.
"""

from __future__ import annotations

import numpy as np

from engine import scratch as at
from engine._jit import phase, wide_vectors
from engine.customers import Customers, Real, Word
from engine.formulas import ZERO, gate, integer, part_of, place, short
from engine.life import Columns
from engine.rules import Rules
from engine.tables import Tables
from engine.wallet_phases import share_of

ONE = np.float32(1)
NONE = np.uint32(0)


@phase
def load_shelf(shelf: Real, life: Columns, low: int, m: int, rules: Rules) -> None:
    """Into the scratch; the padding spends nothing."""
    for r in range(rules.rivals.shape[0]):
        first = r * at.SHELF_ROWS
        for j in range(m, at.BLOCK):
            shelf[first + at.ODDS + j] = ZERO
            shelf[first + at.SPENT + j] = ZERO
        for j in range(m):
            shelf[first + at.ODDS + j] = life.category_share[place(low, j), r]
            shelf[first + at.SPENT + j] = life.spent[place(low, j), r]
        for j in range(at.BLOCK):
            shelf[first + at.BEGAN + j] = share_of(shelf[first + at.ODDS + j])


@phase
def store_shelf(shelf: Real, life: Columns, low: int, m: int) -> None:
    """Back into the population."""
    for r in range(life.spent.shape[1]):
        for j in range(m):
            life.spent[place(low, j), r] = shelf[r * at.SHELF_ROWS + at.SPENT + j]


@phase
def take_up(
    word: Word, those: Word, shelf: Real, low: int, responders: int, tables: Tables, customers: Customers, rules: Rules
) -> None:
    """What was cross-sold for good is spent with us from now on; ``customers.owned``: before this period."""
    for i in range(responders):
        k = integer(those, at.RESPONDER + i)
        j, a = integer(those, at.WHO + k), integer(those, at.OFFERED + k)
        who = place(low, j)
        before = customers.owned[who]
        new = np.uint32(word[at.OWNED + j] & ~before)
        for r in range(rules.rivals.shape[0] if new != NONE else 0):
            c = integer(rules.rivals, r)
            if (new >> np.uint32(c)) & np.uint32(1) != NONE:
                part = gate(before, c, tables.complementarity) * customers.headroom[who, c]
                shelf[r * at.SHELF_ROWS + at.SPENT + j] = part * tables.fresh[a]


@phase
def share_categories(real: Real, word: Word, shelf: Real, period: int, rules: Rules) -> None:
    """RATIO of each category, SWING = sum of SPENT (RATIO - 1), WORTH = VALUE + sum of SPENT (1 / BEGAN - 1)."""
    for j in range(at.BLOCK):
        real[at.SWING + j] = ZERO
        real[at.WORTH + j] = real[at.VALUE + j]
    arms = rules.share_shift.shape[0] + 1
    for r in range(rules.rivals.shape[0]):
        now = min(period, rules.rival_pull.shape[1] - 1)
        rows = shelf[r * at.SHELF_ROWS : (r + 1) * at.SHELF_ROWS]
        shift = rules.rival_shift[r * arms : (r + 1) * arms]
        share_category(real, word, rows, shift, rules.rival_pull[r, now], rules.rival_trust[r])


@phase
def share_category(real: Real, word: Word, rows: Real, shift: Real, advantage: np.float32, trust: np.float32) -> None:
    """The same of one category; ``shift``: by 1 + active arm."""
    wide_vectors()
    for j in range(at.BLOCK):
        today = rows[at.ODDS + j] + advantage + trust * real[at.TRUST + j] + shift[short(word[at.ARM + j])]
        began, spent = rows[at.BEGAN + j], rows[at.SPENT + j]
        ratio = share_of(today) / began
        rows[at.RATIO + j] = ratio
        real[at.SWING + j] = real[at.SWING + j] + spent * (ratio - ONE)
        real[at.WORTH + j] = real[at.WORTH + j] + spent * (ONE / began - ONE)


@phase
def price(
    real: Real, word: Word, shelf: Real, low: int, active: int, tables: Tables, headroom: Real, rules: Rules
) -> None:
    """PRICE = VALUE + SWING, plus a part on trial, at least 0; PART, what a cross-sell offer discounts; all at today's shares."""
    wide_vectors()
    parts = shelf[rules.rivals.shape[0] * at.SHELF_ROWS :]
    for j in range(at.BLOCK):
        real[at.PRICE + j] = real[at.VALUE + j]
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        a = integer(word, at.ARM + j) - 1
        sold = tables.members[a]
        if sold != NONE:
            owned = word[at.OWNED + j]
            for c in range(rules.rival_of.shape[0]):
                r = integer(rules.rival_of, c)
                ratio = shelf[r * at.SHELF_ROWS + at.RATIO + j] if r >= 0 else ONE
                parts[c] = headroom[place(low, j), c] * ratio
            real[at.PART + j] = part_of(owned, sold, tables.complementarity, parts)
            new = np.uint32(sold & ~owned)
            if new != NONE:
                part = part_of(owned, new, tables.complementarity, parts)
                real[at.PRICE + j] = real[at.VALUE + j] + part * tables.fresh[a]
    for j in range(at.BLOCK):
        real[at.PRICE + j] = max(real[at.PRICE + j] + real[at.SWING + j], ZERO)
