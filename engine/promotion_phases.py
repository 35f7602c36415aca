"""What moves a response beyond the offer's base, what a contact leaves behind, and what a response does to orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import formula, phase, wide_vectors
from engine.customers import Customers, Real, Word
from engine.formulas import ZERO, integer, place
from engine.life import Columns
from engine.life_phases import revalue, share_of
from engine.noise import whole
from engine.offer_phases import count_orders
from engine.rng import unit
from engine.rules import GRID, Rules
from engine.tables import Tables

ONE = np.float32(1)


@formula
def felt(curve: NDArray[np.float32], start: int, depth: np.float32, lost: np.float32) -> np.float32:
    """Response curve of an arm at ``depth - lost``, relative to its full depth; linear between points."""
    part = ONE - min(lost, depth) / depth
    x = part * np.float32(GRID - 1)
    i = min(int(x), GRID - 2)
    low, high = curve[start + i], curve[start + i + 1]
    return np.float32(low + (x - np.float32(i)) * (high - low))


@phase
def stock_now(life: Columns, i: int, g: int, period: int, width: int, rules: Rules) -> np.float32:
    """Exposure left of stock g; ``width``: of its row of ``rules.decay``."""
    passed = min(period - integer(life.touched, (i, g)), width - 1)
    return np.float32(life.stock[i, g] * rules.decay[g * width + passed])


@phase
def prepare(
    real: Real,
    word: Word,
    plan: NDArray[np.uint8],
    low: int,
    contacted: int,
    period: int,
    tables: Tables,
    rules: Rules,
    life: Columns,
) -> None:
    """Whether a contact arrives (DEAF), what shifts its response (SHIFT); exposure grows, some opt out of the channel.

    W2 and W3 hold words of the stream LIFE.
    """
    values = life.values.shape[1]
    width = rules.decay.shape[0] // max(rules.weight.shape[0], 1)
    for c in range(contacted):
        j = integer(word, at.CONTACTED + c)
        i, a = place(low, j), integer(plan, place(low, j)) - 1
        away = word[at.GONE + j] != np.uint32(0) and tables.win_back[a] == 0
        deaf = away or unit(word[at.W2 + j]) >= rules.reach[a]
        word[at.DEAF + j] = np.uint32(1 if deaf else 0)
        if deaf:
            continue
        shift = rules.trust_response * real[at.TRUST + j]
        leaves = rules.opt_out[a]
        for q in range(2):
            g = integer(rules.stock, 2 * a + q)
            if g >= 0:
                now = stock_now(life, i, g, period, width, rules)
                shift = shift - rules.weight[g] * now
                if g == rules.opt_out_stock[a]:
                    leaves = leaves + rules.opt_out_slope[a] * now
                life.stock[i, g] = rules.fade[g] * now + ONE
                life.touched[i, g] = np.uint16(period)
        if rules.channel[a] >= 0 and unit(word[at.W3 + j]) < leaves:
            bit = np.uint32(np.uint32(1) << np.uint32(rules.channel[a]))
            life.consent[i] = np.uint32(life.consent[i] & ~bit)
        if values > 0:
            fit = -rules.level[a]
            for d in range(values):
                fit = fit + rules.pull[a * values + d] * life.values[i, d]
            shift = shift + fit
        if rules.habit > ZERO and rules.depth[a] > ZERO:
            shift = shift + felt(rules.curve, a * GRID, rules.depth[a], rules.habit * real[at.MEMORY + j])
        real[at.SHIFT + j] = shift


@phase
def follow(
    real: Real,
    word: Word,
    plan: NDArray[np.uint8],
    low: int,
    contacted: int,
    customers: Customers,
    rules: Rules,
) -> None:
    """Tier and trust of those who responded; the tilt of those whom the contact reached and who did not."""
    for c in range(contacted):
        j = integer(word, at.CONTACTED + c)
        a = integer(plan, place(low, j)) - 1
        if word[at.SAID + j] != np.uint32(0):
            real[at.TRUST + j] = real[at.TRUST + j] + rules.trust[a]
            step = integer(rules.tier_step, a)
            if step > 0 and unit(word[at.W2 + j]) < rules.tier_probability[a]:
                top = rules.multiple.shape[0] - 1
                word[at.TIER + j] = np.uint32(min(integer(word, at.TIER + j) + step, top))
            revalue(real, word, customers, low, j, rules)
        elif word[at.DEAF + j] == np.uint32(0):
            real[at.TILT + j] = rules.tilt_contact[a]


@formula
def lifted(rate: np.float32, factor: np.float32, own: np.float32, more: np.float32, wallet: np.float32) -> np.float32:
    """Rate with an offer where there is a competitor: x the ratio of shares, at most the whole wallet."""
    return min(rate * factor * (share_of(more) / share_of(own)), wallet)


@phase
def lift(real: Real, word: Word, active: int, period: int, tables: Tables, rules: Rules) -> None:
    """Orders with the offer and, from the same uniform, without it."""
    wide_vectors()
    advantage = rules.advantage[min(period, rules.advantage.shape[0] - 1)]
    for i in range(active):
        j = integer(word, at.ACTIVE + i)
        real[at.X0 + i] = real[at.LAM + j]
        real[at.X1 + i] = tables.lift[integer(word, at.ARM + j) - 1]
    if rules.competes:
        for i in range(active):
            j = integer(word, at.ACTIVE + i)
            own = real[at.SHARE + j] + advantage + rules.share_trust * real[at.TRUST + j]
            real[at.X2 + i] = own
            real[at.X3 + i] = own + rules.share_shift[integer(word, at.ARM + j) - 1]
            real[at.X4 + i] = real[at.WALLET + j]
        for i in range(whole(active)):
            own, more, wallet = real[at.X2 + i], real[at.X3 + i], real[at.X4 + i]
            real[at.X0 + i] = lifted(real[at.X0 + i], real[at.X1 + i], own, more, wallet)
    else:
        for i in range(active):
            real[at.X0 + i] = real[at.X0 + i] * real[at.X1 + i]
    count_orders(real, word, active)
