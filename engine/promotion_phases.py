"""What moves a response beyond the offer's base, what a contact leaves behind, and what a response does to orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import formula, phase, wide_vectors
from engine.customers import Customers, Real, Word
from engine.formulas import ZERO, integer, place, short
from engine.life import Columns
from engine.life_phases import revalue
from engine.noise import whole
from engine.offer_phases import count_orders
from engine.rng import unit
from engine.rules import GRID, Rules
from engine.tables import Tables
from engine.wallet_phases import share_of

NONE, ONE = np.uint32(0), np.float32(1)


@formula
def felt(curve: NDArray[np.float32], arm: np.uint32, depth: np.float32, lost: np.float32) -> np.float32:
    """Response curve of an arm at ``depth - lost``, relative to its full depth; linear between points; 0 without a depth."""
    part = ONE - min(lost, depth) / depth if depth > ZERO else ONE
    x = part * np.float32(GRID - 1)
    i = min(np.int32(x), np.int32(GRID - 2))
    start = np.uint32(np.uint32(arm * np.uint32(GRID)) + np.uint32(i))
    low, high = curve[short(start)], curve[short(np.uint32(start + np.uint32(1)))]
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
    few: Real,
    those: Word,
    low: int,
    contacted: int,
    period: int,
    tables: Tables,
    rules: Rules,
    life: Columns,
) -> None:
    """Whether a contact arrives (DEAF) and what shifts its response (SHIFT).  L2 holds words of the stream LIFE."""
    wide_vectors()
    values = life.values.shape[1]
    for i in range(whole(contacted)):
        j, a = short(those[at.WHO + i]), short(those[at.OFFERED + i])
        away = (word[at.GONE + j] != NONE) & (tables.win_back[a] == NONE)
        those[at.DEAF + i] = np.uint32(away | (unit(those[at.L2 + i]) >= rules.reach[a]))
        few[at.SHIFT + i] = rules.trust_response * real[at.TRUST + j]
    if rules.exposes:
        expose(few, those, low, contacted, period, rules, life)
    if values > 0:
        for i in range(contacted):
            few[at.FIT + i] = -rules.level[short(those[at.OFFERED + i])]
        for d in range(values):
            for i in range(contacted):
                weight = life.values[place(low, those[at.WHO + i]), d]
                few[at.FIT + i] = few[at.FIT + i] + rules.pull[those[at.OFFERED + i] * values + d] * weight
        for i in range(contacted):
            few[at.SHIFT + i] = few[at.SHIFT + i] + few[at.FIT + i]
    if rules.habit > ZERO:
        for i in range(whole(contacted)):
            j, a = short(those[at.WHO + i]), short(those[at.OFFERED + i])
            change = felt(rules.curve, a, rules.depth[a], rules.habit * real[at.MEMORY + j])
            few[at.SHIFT + i] = few[at.SHIFT + i] + change


@phase
def expose(few: Real, those: Word, low: int, contacted: int, period: int, rules: Rules, life: Columns) -> None:
    """Wear-out by stocks of exposure, which the contact adds to; some opt out of the channel.  L3 holds words of LIFE."""
    width = rules.decay.shape[0] // max(rules.weight.shape[0], 1)
    for i in range(contacted):
        if those[at.DEAF + i] != NONE:
            continue
        who, a = place(low, integer(those, at.WHO + i)), integer(those, at.OFFERED + i)
        shift, leaves = few[at.SHIFT + i], rules.opt_out[a]
        for q in range(2):
            g = integer(rules.stock, 2 * a + q)
            if g >= 0:
                now = stock_now(life, who, g, period, width, rules)
                shift = shift - rules.weight[g] * now
                if g == rules.opt_out_stock[a]:
                    leaves = leaves + rules.opt_out_slope[a] * now
                life.stock[who, g] = rules.fade[g] * now + ONE
                life.touched[who, g] = np.uint16(period)
        few[at.SHIFT + i] = shift
        if rules.channel[a] >= 0 and unit(those[at.L3 + i]) < leaves:
            bit = np.uint32(np.uint32(1) << np.uint32(rules.channel[a]))
            life.consent[who] = np.uint32(life.consent[who] & ~bit)


@phase
def follow(
    real: Real,
    word: Word,
    few: Real,
    those: Word,
    low: int,
    contacted: int,
    responders: int,
    customers: Customers,
    rules: Rules,
) -> None:
    """Tier and trust of those who responded; the tilt of those whom the contact reached and who did not."""
    for r in range(responders):
        i = integer(those, at.RESPONDER + r)
        j, a = integer(those, at.WHO + i), integer(those, at.OFFERED + i)
        real[at.TRUST + j] = real[at.TRUST + j] + rules.trust[a]
        step = integer(rules.tier_step, a)
        if step > 0 and unit(those[at.L2 + i]) < rules.tier_probability[a]:
            top = rules.multiple.shape[0] - 1
            word[at.TIER + j] = np.uint32(min(integer(word, at.TIER + j) + step, top))
        revalue(real, word, customers, low, j, rules)
    if rules.tilted:
        for i in range(whole(contacted)):
            quiet = np.uint32(those[at.DEAF + i] | those[at.SAID + i]) == NONE
            few[at.SCORE + i] = rules.tilt_contact[short(those[at.OFFERED + i])] if quiet else ZERO
        for i in range(contacted):
            real[at.TILT + those[at.WHO + i]] = few[at.SCORE + i]


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
