r"""Gamma order-value noise by inversion: a table of the quantile function of Gamma(shape p, rate p), which has mean 1.

A word's uniform is u = (m + 1/2) / 2^23 (:func:`engine.rng.unit`), so ``v = min(u, 1 - u)`` is an odd multiple of
2^-24 below 1/2: a float32 without rounding, whose exponent and first 6 bits of mantissa number the bin, 64 bins to
an octave, 23 octaves.  The 17 bits left interpolate linearly.  Both tails are thus resolved to the last uniform, and the bin
takes a shift, no search.

Over the 2^23 equally likely values, for p = 0.3, 0.65, 1 and 6.25 (``tests/test_engine_quantiles.py`` holds these):

* mean: 1 within 2e-9; the nodes are scaled by 1 + 2e-5 or less for that;
* second, third and fourth moment: within 2e-5, 4e-5 and 6e-5, relative; a chord lies above a convex function;
* quantiles: within 2.3e-4, 2.1e-5, 2.1e-5 and 3.1e-5, relative.  The greatest error of a shape below 1 is that of u near
  0, where the quantile grows as u^(1/p) and is next to nothing;
* nothing is drawn beyond u = 2^-24 and 1 - 2^-24: a float32 uniform's limit, that of the lognormal noise too.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammainccinv

from engine._jit import formula
from engine.formulas import bits
from engine.rng import unit

OCTAVES = 23  # 2^-24 to 1/2
BINS = 64  # bins of an octave
REST_BITS = np.int32(17)  # mantissa bits below the bin's
SIDE = OCTAVES * BINS + 1  # nodes of either half; the last one is v = 1/2
FIRST = np.int32((127 - 24) * BINS)  # bin of v = 2^-24, were bins counted from the float 0
REST_MASK = np.int32((1 << 17) - 1)
REST_UNIT = np.float32(2.0**-17)
ALL_ONES = np.uint32(0xFFFFFFFF)


def grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(SIDE,) nodes v, and (SIDE,) weights: the sum over all uniforms of a half of a function linear in each bin.

    In units of 2^-24 the uniforms are the odd numbers.  A bin of an even width of them has its odd numbers in symmetric
    places, so that each of its ends weighs half their number; in narrower bins the odd numbers are nodes themselves.
    """
    start = np.repeat(2.0 ** np.arange(OCTAVES), BINS)
    node = np.append(start * (1 + np.tile(np.arange(BINS), OCTAVES) / BINS), 2.0**OCTAVES)
    odd = np.where(start / BINS >= 2, start / BINS / 2, 0.0)
    weight = np.append(odd, 0.0) / 2 + np.insert(odd, 0, 0.0) / 2
    weight[:-1] += (start / BINS < 2) & (node[:-1] % 2 == 1)
    return node * 2.0**-24, weight * 2.0**-23


@lru_cache(maxsize=32)
def noise_table(shape: float) -> NDArray[np.float32]:
    """(2 * SIDE,) float32, read-only: quantiles at v, then at 1 - v, for v from 2^-24 to 1/2.

    ``shape``: p > 0.  Scaled such that the mean over all uniforms is 1.  Quantiles below the smallest normal float32 are
    0.  Takes milliseconds.
    """
    v, weight = grid()
    quantile = np.concatenate([gammaincinv(shape, v), gammainccinv(shape, v)]) / shape
    table = (quantile / (np.tile(weight, 2) @ quantile)).astype(np.float32)
    table[table < np.finfo(np.float32).tiny] = 0
    table.setflags(write=False)
    return table


@formula
def noise_quantile(word: np.uint32, table: NDArray[np.float32]) -> np.float32:
    """Interpolated quantile at the word's uniform.

    The complement of a word above 1/2 has the uniform 1 - u, exactly.
    """
    upper = np.uint32(word >> np.uint32(31))
    v = bits(unit(np.uint32(word ^ np.uint32(upper * ALL_ONES))))
    place = np.uint32(np.uint32((v >> REST_BITS) - FIRST) + np.uint32(upper * np.uint32(SIDE)))
    low, high = table[place], table[np.uint32(place + np.uint32(1))]
    return np.float32(low + np.float32(v & REST_MASK) * REST_UNIT * (high - low))
