"""Noise of order values, of mean 1: summed over the first orders of one customer, or of all buyers of a block.

Noise belongs to an order's index: the first two orders take words 2 and 3 of the period's draw, later ones the words of
NOISE draws, four to a draw.  So an offer that brings more orders leaves those that come anyway as they are.
Lognormal noise makes two normals of two words, gamma noise a quantile of each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine import scratch as at
from engine._jit import formula, phase, routine, wide_vectors
from engine.customers import Real, Word
from engine.formulas import ZERO, Pair, integer, lognormal, normals, short, signed
from engine.quantiles import noise_quantile, noise_table
from engine.rng import HALF, LOW, NOISE, words
from engine.world import OrderValue

ONE, TWO, THREE, FOUR = np.uint32(1), np.uint32(2), np.uint32(3), np.uint32(4)


class Spread(NamedTuple):
    """One order's value around its mean: exp(sigma N + drift), or the quantiles of Gamma(p) / p.

    Attributes:
        gamma: which of the two.
        sigma, drift: float32 sigma and -sigma^2 / 2; 0 for gamma.
        quantiles: float32, :func:`engine.quantiles.noise_table`; empty for lognormal.
    """

    gamma: bool
    sigma: np.float32
    drift: np.float32
    quantiles: Real


def make_spread(value: OrderValue) -> Spread:
    """The noise as kernels and reference read it.

    The table is a copy: arrays that may be written are another type, and the kernels shall be compiled but once.
    """
    if value.kind == "gamma":
        return Spread(True, ZERO, ZERO, noise_table(value.shape).copy())
    return Spread(False, np.float32(value.shape), np.float32(-(value.shape**2) / 2), np.zeros(0, np.float32))


@formula
def lognormal_pair(first: np.uint32, second: np.uint32, sigma: np.float32, drift: np.float32) -> Pair:
    """Lognormal noise of two orders."""
    x, y = normals(first, second)
    return lognormal(x, sigma, drift), lognormal(y, sigma, drift)


@formula
def gamma_pair(first: np.uint32, second: np.uint32, quantiles: Real) -> Pair:
    """Gamma noise of two orders."""
    return noise_quantile(first, quantiles), noise_quantile(second, quantiles)


@routine
def noise_sum(
    k: int,
    w2: np.uint32,
    w3: np.uint32,
    key: np.uint64,
    period: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    spread: Spread,
) -> np.float32:
    """Noise of a customer's first k orders in a period, added up in order."""
    a, b = w2, w3
    x = y = total = ZERO
    for j in range(k):
        i = (j - 2) % 4
        if j >= 2 and i == 0:
            v0, v1, v2, v3 = words(key & LOW, key >> HALF, period, np.uint64(NOISE << 24 | (j - 2) // 4), k0, k1)
        if j >= 2 and i % 2 == 0:
            a, b = (v0, v1) if i == 0 else (v2, v3)
        if i % 2 == 0:
            if spread.gamma:
                x, y = gamma_pair(a, b, spread.quantiles)
            else:
                x, y = lognormal_pair(a, b, spread.sigma, spread.drift)
        total = total + (x if i % 2 == 0 else y)
    return total


@phase
def add_noise(real: Real, word: Word, buyers: int, period: int, k0: np.uint64, k1: np.uint64, spread: Spread) -> None:
    """NOISE_SUM[a]: noise of buyer a's orders, added up in order.

    All first and second orders at once, then orders 2 to 5 of those who have them, then 6 to 9, ...
    """
    if spread.gamma:
        first_gamma(real, word, buyers, spread.quantiles)
    else:
        first_lognormal(real, word, buyers, spread.sigma, spread.drift)

    longer = np.uint32(0)
    for a in range(buyers):
        word[at.TAIL + longer] = np.uint32(a)
        longer = np.uint32(longer + np.uint32(word[at.K + word[at.BUYER + a]] > TWO))
    tail, done, draw = signed(longer), 2, 0
    while tail > 0:
        for i in range(tail):
            a = integer(word, at.TAIL + i)
            j = integer(word, at.BUYER + a)
            word[at.N2 + i] = word[at.KEY_LOW + j]
            word[at.N3 + i] = word[at.KEY_HIGH + j]
            word[at.NK + i] = np.uint32(word[at.K + j] - np.uint32(done))
            real[at.TAIL_SUM + i] = real[at.NOISE_SUM + a]
        c2, c3 = np.uint64(period), np.uint64(NOISE << 24 | draw)
        if spread.gamma:
            next_gamma(real, word, tail, c2, c3, k0, k1, spread.quantiles)
        else:
            next_lognormal(real, word, tail, c2, c3, k0, k1, spread.sigma, spread.drift)
        more = 0
        for i in range(tail):
            a = word[at.TAIL + i]
            real[at.NOISE_SUM + np.int64(a)] = real[at.TAIL_SUM + i]
            word[at.TAIL + more] = a
            more += 1 if word[at.NK + i] > FOUR else 0
        tail = more
        done += 4
        draw += 1


# The loops below run over a few stale places more, to a whole number of vectors.


@formula
def whole(count: int) -> int:
    """Up to the next multiple of a vector."""
    return (count + at.LANES - 1) // at.LANES * at.LANES


@formula
def sum_of(
    total: np.float32, left: np.uint32, a: np.float32, b: np.float32, c: np.float32, d: np.float32
) -> np.float32:
    """``total`` with the noise of up to four of the orders that are left."""
    total = total + a
    total = total + (b if left > ONE else ZERO)
    total = total + (c if left > TWO else ZERO)
    return total + (d if left > THREE else ZERO)


@phase
def first_lognormal(real: Real, word: Word, buyers: int, sigma: np.float32, drift: np.float32) -> None:
    """NOISE_SUM of the first two orders."""
    wide_vectors()
    for a in range(whole(buyers)):
        j = short(word[at.BUYER + a])
        x, y = lognormal_pair(word[at.W2 + j], word[at.W3 + j], sigma, drift)
        real[at.NOISE_SUM + a] = x + (y if word[at.K + j] > ONE else ZERO)


@phase
def first_gamma(real: Real, word: Word, buyers: int, quantiles: Real) -> None:
    """NOISE_SUM of the first two orders."""
    wide_vectors()
    for a in range(whole(buyers)):
        j = short(word[at.BUYER + a])
        x, y = gamma_pair(word[at.W2 + j], word[at.W3 + j], quantiles)
        real[at.NOISE_SUM + a] = x + (y if word[at.K + j] > ONE else ZERO)


@phase
def next_lognormal(
    real: Real,
    word: Word,
    tail: int,
    c2: np.uint64,
    c3: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    sigma: np.float32,
    drift: np.float32,
) -> None:
    """TAIL_SUM with the next four orders."""
    wide_vectors()
    for i in range(whole(tail)):
        w0, w1, w2, w3 = words(np.uint64(word[at.N2 + i]), np.uint64(word[at.N3 + i]), c2, c3, k0, k1)
        a, b = lognormal_pair(w0, w1, sigma, drift)
        c, d = lognormal_pair(w2, w3, sigma, drift)
        real[at.TAIL_SUM + i] = sum_of(real[at.TAIL_SUM + i], word[at.NK + i], a, b, c, d)


@phase
def next_gamma(
    real: Real,
    word: Word,
    tail: int,
    c2: np.uint64,
    c3: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    quantiles: Real,
) -> None:
    """TAIL_SUM with the next four orders."""
    wide_vectors()
    for i in range(whole(tail)):
        w0, w1, w2, w3 = words(np.uint64(word[at.N2 + i]), np.uint64(word[at.N3 + i]), c2, c3, k0, k1)
        a, b = gamma_pair(w0, w1, quantiles)
        c, d = gamma_pair(w2, w3, quantiles)
        real[at.TAIL_SUM + i] = sum_of(real[at.TAIL_SUM + i], word[at.NK + i], a, b, c, d)
