"""Moves between segments that depend on what happened to the customer, and the flows they make."""

from __future__ import annotations

import numpy as np

from engine import scratch as at
from engine._jit import phase, wide_vectors
from engine.customers import Money, Real, Word
from engine.formulas import ZERO, integer, power2, short
from engine.phases import list_marked
from engine.rng import OFFER, unit, words
from engine.rules import Rules
from engine.tables import Tables

ONE = np.float32(1)
NONE = np.uint32(0)
FLOW_ROWS = 4

# rows that order values need later in the period
Z, TOTAL = at.X0, at.X1
ROW, MOVE = at.N2, at.NK
FLOW = at.N3


@phase
def keep_segment(real: Real, word: Word) -> None:
    """OLD = the segment before the move; nobody is tilted yet."""
    for j in range(at.BLOCK):
        word[at.OLD + j] = word[at.SEG + j]


@phase
def level_out(real: Real) -> None:
    """No tilt from contacts yet."""
    for j in range(at.BLOCK):
        real[at.TILT + j] = ZERO


@phase
def tilt(real: Real, word: Word, reached: Real, tables: Tables, rules: Rules) -> None:
    """Moves of those whose row is tilted, from the same uniform as the natural move: the inverse CDF of the tilted row.

    The last segment of positive probability takes the rest.  ``reached``: S rows of BLOCK, outside the scratch so that the
    compiler sees that they do not overlap it.
    """
    wide_vectors()
    s, segments, limit = tables.segments, np.uint32(tables.segments), rules.tilt_limit
    for j in range(at.BLOCK):
        now, before = rules.direction[short(word[at.OLD + j])], rules.direction[short(word[at.BEFORE + j])]
        z = real[at.TILT + j] + rules.tilt_trust * real[at.TRUST + j] - rules.tilt_fatigue * real[at.FATIGUE + j]
        z = z + rules.momentum * (now - before) + rules.tilt_response[short(word[at.ARM + j])]
        real[Z + j] = min(max(z, -limit), limit)
    for j in range(at.BLOCK):
        real[TOTAL + j] = ZERO
        word[ROW + j] = np.uint32(word[at.OLD + j] * segments)
    for k in range(s):
        weigh(real, word, reached[k * at.BLOCK : (k + 1) * at.BLOCK], rules.transition[k:], rules.exponent[k])
    for j in range(at.BLOCK):
        real[TOTAL + j] = unit(word[at.W0 + j]) * real[TOTAL + j]
        word[MOVE + j] = NONE
    for k in range(s):
        pass_by(real, word, reached[k * at.BLOCK : (k + 1) * at.BLOCK])
    for j in range(at.BLOCK):
        move, last = word[MOVE + j], rules.last[short(word[at.OLD + j])]
        move = move if move < segments else last
        word[at.SEG + j] = move if real[Z + j] != ZERO else word[at.SEG + j]


@phase
def weigh(real: Real, word: Word, reached: Real, transition: Real, exponent: np.float32) -> None:
    """TOTAL grows by P[segment, k] 2^(z exponent[k]), and ``reached`` keeps it; ``transition``: from [0, k] on."""
    wide_vectors()
    for j in range(at.BLOCK):
        total = real[TOTAL + j] + transition[short(word[ROW + j])] * power2(real[Z + j] * exponent)
        real[TOTAL + j] = total
        reached[j] = total


@phase
def pass_by(real: Real, word: Word, reached: Real) -> None:
    """MOVE is one more for those whose uniform lies beyond this segment."""
    wide_vectors()
    for j in range(at.BLOCK):
        word[MOVE + j] = np.uint32(word[MOVE + j] + np.uint32(real[TOTAL + j] >= reached[j]))


@phase
def redirect(
    real: Real,
    word: Word,
    m: int,
    contacted: int,
    held: bool,
    period: int,
    k0: np.uint64,
    k1: np.uint64,
    tables: Tables,
    rules: Rules,
) -> None:
    """A response's own move, moves into lapsed segments that something holds back, and customers who came back.

    ``contacted``: 0 but in the period of the plan, the only one in which jumps are pending; ``held``: somebody is.
    """
    if contacted > 0:
        for j in range(at.BLOCK):
            jump = word[at.JUMP + j]
            word[at.SEG + j] = np.uint32(jump - np.uint32(1)) if jump != NONE else word[at.SEG + j]
    if held:
        wide_vectors()
        for j in range(at.BLOCK):
            before, now = tables.lapsed[short(word[at.OLD + j])], tables.lapsed[short(word[at.SEG + j])]
            word[at.MARK + j] = np.uint32((before < now) & (real[at.HOLD + j] < ONE))
        for i in range(list_marked(word, m)):
            j = integer(word, at.MARKED + i)
            key_low, key_high = np.uint64(word[at.KEY_LOW + j]), np.uint64(word[at.KEY_HIGH + j])
            draw = words(key_low, key_high, np.uint64(period), np.uint64(OFFER << 24), k0, k1)
            jumped = contacted > 0 and word[at.JUMP + j] != np.uint32(0)
            if not jumped and unit(draw[3]) < ONE - real[at.HOLD + j]:
                word[at.SEG + j] = word[at.OLD + j]
    if rules.attrition > 0:
        home = np.uint32(rules.into)
        for j in range(at.BLOCK):
            word[at.GONE + j] = word[at.GONE + j] if word[at.SEG + j] == home else np.uint32(0)


@phase
def close_period(word: Word, m: int, segments: int, flows: Money) -> None:
    """Flows of the period, those who left included; the segment before the move stays known.

    ``flows``: (FLOW_ROWS, S * S), of which customers take turns, since an addition has to wait for the last one to the
    same place; (FLOW_ROWS, 0): not kept.
    """
    for j in range(at.BLOCK):
        word[FLOW + j] = np.uint32(np.uint32(word[at.OLD + j] * np.uint32(segments)) + word[at.SEG + j])
        word[at.BEFORE + j] = word[at.OLD + j]
    if flows.shape[1] > 0:
        for j in range(m):
            flows[np.uint32(j) % np.uint32(FLOW_ROWS), word[FLOW + j]] += 1
