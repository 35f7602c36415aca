"""A block's :class:`engine.life.Life` on its way into the scratch and back, and what every period does to it."""

from __future__ import annotations

import numpy as np

from engine import scratch as at
from engine._jit import formula, phase, wide_vectors
from engine.customers import Customers, Real, Word
from engine.formulas import ZERO, integer, place, short
from engine.life import Columns
from engine.rules import GROWTH_STEPS, SBG, Rules
from engine.wallet_phases import share_of

ONE = np.float32(1)


@formula
def order_value(own: np.float32, multiple: np.float32, grown: np.float32, extra: np.float32) -> np.float32:
    """Mean value of an order: own value x tier's price multiple x growth, and what cross-selling added."""
    return np.float32(own * multiple * grown + extra)


@phase
def load_life(real: Real, word: Word, life: Columns, customers: Customers, low: int, m: int, rules: Rules) -> None:
    """Into the scratch; the padding never leaves."""
    wide_vectors()
    for j in range(m, at.BLOCK):
        real[at.DROPOUT + j] = ZERO
        real[at.TRUST + j] = ZERO
        real[at.SHARE + j] = ZERO
        real[at.PANTRY + j] = ZERO
        word[at.GONE + j] = np.uint32(0)
        word[at.TIER + j] = np.uint32(0)
        word[at.OWNED + j] = np.uint32(0)
        word[at.BEFORE + j] = np.uint32(0)
        word[at.LEFT + j] = np.uint32(0)
    for j in range(m):
        i = place(low, j)
        real[at.DROPOUT + j] = life.dropout[i]
        real[at.SHARE + j] = life.share[i]
        real[at.PANTRY + j] = life.pantry[i]
        real[at.MEMORY + j] = life.memory[i]
        real[at.GROWN + j] = life.grown[i]
        real[at.TRUST + j] = life.trust[i]
        word[at.GONE + j] = life.gone[i]
        word[at.TIER + j] = life.tier[i]
        word[at.BEFORE + j] = life.before[i]
        word[at.OWNED + j] = customers.owned[i]
    for j in range(m):
        revalue(real, word, customers, low, j, rules)
    if rules.attrition == SBG:
        for j in range(m):
            word[at.RENEWAL + j] = np.uint32(np.uint32(life.renewal[place(low, j)]) % np.uint32(rules.renews))
    if rules.competes:
        for j in range(at.BLOCK):
            real[at.OWN + j] = share_of(real[at.SHARE + j])
    elif rules.rivals.shape[0] > 0:
        for j in range(at.BLOCK):
            real[at.OWN + j] = ONE


@phase
def store_life(real: Real, word: Word, life: Columns, low: int, m: int) -> None:
    """Back into the population; consent and stocks are changed in place."""
    for j in range(m):
        i = place(low, j)
        life.pantry[i] = real[at.PANTRY + j]
        life.memory[i] = real[at.MEMORY + j]
        life.grown[i] = real[at.GROWN + j]
        life.trust[i] = real[at.TRUST + j]
        life.gone[i] = np.uint8(word[at.GONE + j])
        life.tier[i] = np.uint8(word[at.TIER + j])
        life.before[i] = np.uint8(word[at.BEFORE + j])


@phase
def revalue(real: Real, word: Word, customers: Customers, low: int, j: int, rules: Rules) -> None:
    """VALUE after a change of tier, growth or extra value."""
    multiple = rules.multiple[short(word[at.TIER + j])]
    real[at.VALUE + j] = order_value(
        customers.order_value[place(low, j)], multiple, real[at.GROWN + j], real[at.EXTRA + j]
    )


@phase
def live_on_stock(real: Real, use: np.float32) -> None:
    """Post-promotion dip: part of the stock replaces orders."""
    for j in range(at.BLOCK):
        used = min(real[at.LAM + j], use * real[at.PANTRY + j])
        real[at.LAM + j] = real[at.LAM + j] - used
        real[at.PANTRY + j] = real[at.PANTRY + j] - used


@phase
def lay_in(real: Real, word: Word, active: int, share: np.float32) -> None:
    """Part of the orders that an offer added goes to stock."""
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        added = integer(word, at.K + j) - integer(word, at.K0 + j)
        if added > 0:
            real[at.PANTRY + j] = real[at.PANTRY + j] + share * np.float32(added)


@phase
def remember_deals(real: Real, word: Word, active: int, rules: Rules) -> None:
    """Memory of deals."""
    kept, new = rules.memory, ONE - rules.memory
    for j in range(at.BLOCK):
        real[at.MEMORY + j] = kept * real[at.MEMORY + j]
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        real[at.MEMORY + j] = real[at.MEMORY + j] + new * rules.depth[integer(word, at.ARM + j) - 1]


@phase
def grow(real: Real, word: Word, buyers: int, customers: Customers, low: int, rules: Rules) -> None:
    """Orders make the next one worth more."""
    for b in range(buyers):
        j = integer(word, at.BUYER + b)
        k = min(integer(word, at.K + j), GROWTH_STEPS - 1)
        real[at.GROWN + j] = min(real[at.GROWN + j] * rules.growth[k], rules.growth_limit)
        revalue(real, word, customers, low, j, rules)


@phase
def calm(real: Real, decay: np.float32) -> None:
    """Trust returns to neutral."""
    for j in range(at.BLOCK):
        real[at.TRUST + j] = decay * real[at.TRUST + j]
