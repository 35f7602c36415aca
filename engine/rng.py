"""Random numbers as a pure function of (seed; customer, period, purpose, draw).

Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; reference code:
Random123).  The counter is (customer key low, key high, period, purpose << 24 | draw), the cipher's key is the seed.
No state exists: a customer has the same luck in any order, shard, thread count and strategy, and a number that one
strategy does not need moves no other.

    PERIOD   word 0 natural move, 1 orders, 2 and 3 the noise of the first two orders
    OFFER    word 0 response, 1 induced move, 2 adoption, 3 staying in spite of attrition
    NOISE    noise of orders 2, 3, ...: four per draw
    LIFE     draw 0: words 0 and 1 free, 2 whether a contact arrives, 3 opting out; draw 1 in place of the period its fourth part:
             word (period modulo 4) leaving
    SERVICE  draw 0: word 0 number of service contacts, 1 leaving for lack of trust; draw 1 + j: contact j
    CENTRE   calls of the contact centre, keyed by their index in place of a customer
    VISITS   word 0 visits without an order
    SHOCK    common shocks, keyed by nothing
    from 16  free for the planning side (control groups, samples), through :func:`uniforms`
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine._jit import formula, kernel

PERIOD, OFFER, NOISE = 0, 1, 2
LEAVING = 1  # the draw of LIFE that says who leaves
PERIODS_PER_DRAW = 4  # of LEAVING: a word each
LIFE, SERVICE, CENTRE, VISITS, SHOCK = 8, 12, 13, 14, 15
CONTROL, SAMPLE, STRATEGY, TRACKED = 16, 17, 18, 19

ROUNDS = 10
MULTIPLIER_0, MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
MASK = 0xFFFFFFFF

M0, M1 = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1)
W0, W1 = np.uint64(WEYL_0), np.uint64(WEYL_1)
LOW, HALF = np.uint64(MASK), np.uint64(32)

Word = np.uint32


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Four 32-bit words from a counter of four and a key of two: Python ints, or uint64 arrays that broadcast.

    The slow twin of :func:`words`, and the form of the published known answers.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = c0 * MULTIPLIER_0, c2 * MULTIPLIER_1
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + WEYL_0) & MASK, (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@formula
def words(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[Word, Word, Word, Word]:
    """Philox4x32-10 of 32-bit words held in uint64, the form that vectorises; upper halves are noise until the end."""
    for _ in range(ROUNDS):
        p0 = (c0 & LOW) * M0
        p1 = (c2 & LOW) * M1
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1, (p0 >> HALF) ^ c3 ^ k1, p0
        k0 = k0 + W0
        k1 = k1 + W1
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@formula
def unit(word: Word) -> np.float32:
    """Uniform in (0, 1): (m + 1/2) / 2^23 of the word's upper 23 bits.

    23 and not 24: the half would need a 25th bit, rounding would hit 1.0 and favour even neighbours above 1/2.
    """
    return np.float32(np.int32(word >> np.uint32(9))) * np.float32(2.0**-23) + np.float32(2.0**-24)


@kernel
def _fill(
    out: NDArray[np.float32],
    keys: NDArray[np.uint64],
    period: np.uint64,
    stream: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
) -> None:
    for j in range(out.shape[0]):
        out[j] = unit(words(keys[j] & LOW, keys[j] >> HALF, period, stream, k0, k1)[0])


def split(value: int) -> tuple[np.uint64, np.uint64]:
    """Low and high 32 bits of an integer, modulo 2^64."""
    return np.uint64(value & MASK), np.uint64((value >> 32) & MASK)


def uniforms(seed: int, keys: NDArray[np.uint64], period: int, purpose: int, draw: int = 0) -> NDArray[np.float32]:
    """(n,) float32 uniforms in (0, 1), one for each key; purposes below 16 belong to the engine."""
    out = np.empty(len(keys), np.float32)
    _fill(
        out,
        np.ascontiguousarray(keys, np.uint64),
        np.uint64(period & MASK),
        np.uint64(purpose << 24 | draw),
        *split(seed),
    )
    return out
