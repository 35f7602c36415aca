"""Moves between segments that depend on what happened to the customer, and the flows they make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import scratch as at
from engine._jit import phase, routine
from engine.customers import Money, Real, Word
from engine.formulas import ZERO, exp32, integer
from engine.rng import OFFER, unit, words
from engine.rules import Rules
from engine.tables import Tables

ONE = np.float32(1)


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


@routine
def tilted_move(
    u: np.float32, z: np.float32, segment: int, transition: NDArray[np.float32], direction: NDArray[np.float32]
) -> int:
    """Inverse CDF of the tilted row, in float32; the last segment of positive probability takes the rest."""
    s = direction.shape[0]
    row = segment * s
    total, last = ZERO, 0
    for k in range(s):
        if transition[row + k] > ZERO:
            total = total + transition[row + k] * exp32(z * direction[k])
            last = k
    target, reached = u * total, ZERO
    for k in range(last):
        if transition[row + k] > ZERO:
            reached = reached + transition[row + k] * exp32(z * direction[k])
            if target < reached:
                return k
    return last


@phase
def tilt(real: Real, word: Word, m: int, tables: Tables, rules: Rules) -> None:
    """Moves of those whose row is tilted, from the same uniform as the natural move."""
    for j in range(m):
        segment = integer(word, at.OLD + j)
        z = real[at.TILT + j] + rules.tilt_trust * real[at.TRUST + j] - rules.tilt_fatigue * real[at.FATIGUE + j]
        z = z + rules.momentum * (rules.direction[segment] - rules.direction[integer(word, at.BEFORE + j)])
        if word[at.LEFT + j] != np.uint32(0):
            z = z + rules.tilt_response[integer(word, at.ARM + j) - 1]
        if z != ZERO and tables.absorbing[segment] == 0:
            move = tilted_move(unit(word[at.W0 + j]), z, segment, rules.transition, rules.direction)
            word[at.SEG + j] = np.uint32(move)


@phase
def redirect(
    real: Real,
    word: Word,
    m: int,
    first: bool,
    period: int,
    k0: np.uint64,
    k1: np.uint64,
    tables: Tables,
    rules: Rules,
) -> None:
    """A response's own move, moves into lapsed segments that something holds back, and customers who came back."""
    for j in range(m):
        before, now = integer(word, at.OLD + j), integer(word, at.SEG + j)
        if first and word[at.JUMP + j] != np.uint32(0):
            word[at.SEG + j] = np.uint32(word[at.JUMP + j] - np.uint32(1))
        elif before != now and tables.lapsed[before] == 0 and tables.lapsed[now] != 0 and real[at.HOLD + j] < ONE:
            key_low, key_high = np.uint64(word[at.KEY_LOW + j]), np.uint64(word[at.KEY_HIGH + j])
            draw = words(key_low, key_high, np.uint64(period), np.uint64(OFFER << 24), k0, k1)
            if unit(draw[3]) < ONE - real[at.HOLD + j]:
                word[at.SEG + j] = np.uint32(before)
        if word[at.GONE + j] != np.uint32(0) and integer(word, at.SEG + j) != rules.into:
            word[at.GONE + j] = np.uint32(0)


@phase
def close_period(word: Word, m: int, segments: int, flows: Money) -> None:
    """Flows of the period, those who left included (``flows`` empty: not kept); the segment before the move stays known."""
    if flows.shape[0] > 0:
        for j in range(m):
            flows[integer(word, at.OLD + j) * segments + integer(word, at.SEG + j)] += 1
    for j in range(at.BLOCK):
        word[at.BEFORE + j] = word[at.OLD + j]
