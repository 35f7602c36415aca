"""Scalar formulas of one customer's period, in float32 unless said otherwise.

Own exponential, logarithm and sine in float32 operations only: library versions differ between machines, interpreter
and vectorised code, these do not.  All run compiled in the kernels, and as plain Python on NumPy scalars in the
reference.
Polynomial coefficients: Cephes single precision (Moshier); errors are held to 2e-7 relative by the tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine._jit import formula, routine
from engine.rng import unit

F = np.float32
Pair = tuple[np.float32, np.float32]

ZERO, HALF_, ONE, TWO = F(0), F(0.5), F(1), F(2)
LOG2E, LN2_HIGH, LN2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
ROUND32 = F(12582912.0)  # 1.5 * 2^23: adding it rounds a float32 below 2^22 to the nearest integer, ties to even
ROUND32_BITS = np.int32(0x4B400000)
ROUND64 = 6755399441055744.0  # 1.5 * 2^52, the same for float64 below 2^51
ROUND64_BITS = np.int64(0x4338000000000000)
EXP_LIMIT = F(87.0)
TURN = F(2 * math.pi)
FAR = np.uint32(0xFFFFFFFF)  # more orders than the head of the inverse CDF looks at
MAX_ORDERS = 4000  # far above any rate that a simulation admits; ends the search on principle


@formula
def bits(x: np.float32) -> np.int32:
    """The float's bits."""
    return np.float32(x).view(np.int32)


@formula
def real(i: np.int32) -> np.float32:
    """The float of these bits."""
    return np.int32(i).view(np.float32)


@formula
def signed(value: np.unsignedinteger[Any]) -> int:
    """The signed integer that counts and places are; ``int()`` would stay unsigned in Numba."""
    return np.int64(value)  # type: ignore[return-value]  # what kernels know as int


@formula
def integer(values: NDArray[Any], place: int | tuple[int, int]) -> int:
    """An entry of an unsigned row as a signed integer."""
    return signed(values[place])


@formula
def place(low: int, j: int) -> int:
    """Where customer j of the block that begins at ``low`` is in the population.

    Unsigned: Numba takes a signed place below 0 for one counted from the end, and a loop that must ask reads one by one.
    """
    return np.uint64(np.uint64(low) + np.uint64(j))  # type: ignore[return-value]  # what kernels know as int


@formula
def short(index: np.uint32) -> np.uint32:
    """An index below 2^31, said so: look-ups then go by 16 instead of by 8."""
    return np.uint32(index & np.uint32(0x7FFFFFFF))


@formula
def exp32(x: np.float32) -> np.float32:
    """e^x, clipped to x in [-87, 87]."""
    x = min(max(x, -EXP_LIMIT), EXP_LIMIT)
    shifted = x * LOG2E + ROUND32
    n = shifted - ROUND32
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    y = F(1.9875691500e-4)
    y = y * r + F(1.3981999507e-3)
    y = y * r + F(8.3334519073e-3)
    y = y * r + F(4.1665795894e-2)
    y = y * r + F(1.6666665459e-1)
    y = y * r + F(5.0000001201e-1)
    y = y * (r * r) + r + ONE
    exponent = np.int32(bits(shifted) - ROUND32_BITS)
    return F(y * real(np.int32(np.int32(exponent + np.int32(127)) << np.int32(23))))


@formula
def power2(x: np.float32) -> np.float32:
    """2^x for x in [-125, 125]."""
    shifted = x + ROUND32
    r = x - (shifted - ROUND32)
    y = F(1.535336188319500e-4)
    y = y * r + F(1.339887440266574e-3)
    y = y * r + F(9.618437357674640e-3)
    y = y * r + F(5.550332471162809e-2)
    y = y * r + F(2.402264791363012e-1)
    y = y * r + F(6.931472028550421e-1)
    y = y * r + ONE
    exponent = np.int32(bits(shifted) - np.int32(ROUND32_BITS - np.int32(127)))
    return F(y * real(np.int32(exponent << np.int32(23))))


@formula
def log32(x: np.float32) -> np.float32:
    """Natural logarithm of a positive normal number."""
    i = bits(x)
    e = F(np.int32(np.int32(i >> np.int32(23)) - np.int32(126)))
    m = real(np.int32(np.int32(i & np.int32(0x007FFFFF)) | np.int32(0x3F000000)))  # in [1/2, 1)
    small = m < F(0.707106781)
    e = e - (ONE if small else ZERO)
    m = (m + m - ONE) if small else (m - ONE)
    z = m * m
    y = F(7.0376836292e-2)
    y = y * m + F(-1.1514610310e-1)
    y = y * m + F(1.1676998740e-1)
    y = y * m + F(-1.2420140846e-1)
    y = y * m + F(1.4249322787e-1)
    y = y * m + F(-1.6668057665e-1)
    y = y * m + F(2.0000714765e-1)
    y = y * m + F(-2.4999993993e-1)
    y = y * m + F(3.3333331174e-1)
    y = y * m * z
    y = y + e * LN2_LOW - HALF_ * z
    return F(m + y + e * LN2_HIGH)


@formula
def cos_sin(u: np.float32) -> Pair:
    """cos and sin of 2 pi u for u in (0, 1): nearest quarter turn, then polynomials on an eighth."""
    shifted = u * F(4) + ROUND32
    quarter = np.int32(bits(shifted) - ROUND32_BITS)
    x = (u - (shifted - ROUND32) * F(0.25)) * TURN
    z = x * x
    s = ((F(-1.9515295891e-4) * z + F(8.3321608736e-3)) * z + F(-1.6666654611e-1)) * z * x + x
    c = (
        ((F(2.443315711809948e-5) * z + F(-1.388731625493765e-3)) * z + F(4.166664568298827e-2)) * z * z
        - HALF_ * z
        + ONE
    )
    odd = (quarter & np.int32(1)) != 0
    sine = c if odd else s
    cosine = s if odd else c
    sine = -sine if (quarter & np.int32(2)) != 0 else sine
    cosine = -cosine if ((quarter + np.int32(1)) & np.int32(2)) != 0 else cosine
    return cosine, sine


@formula
def normals(radius_word: np.uint32, angle_word: np.uint32) -> Pair:
    """Two independent standard normals (Box & Muller 1958)."""
    r = np.sqrt(F(-2) * log32(unit(radius_word)))
    c, s = cos_sin(unit(angle_word))
    return r * c, r * s


@formula
def logistic(x: np.float32) -> np.float32:
    """1 / (1 + e^-x); exactly 1 at +inf, and at -inf smaller than any uniform."""
    return F(ONE / (ONE + exp32(-x)))


@routine
def exp64(x: float) -> float:
    """e^x in float64 for -700 < x < 700: Cody-Waite reduction and 13 Taylor terms, 1e-15 relative."""
    n = math.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
    y = 1.0
    for k in range(13, 0, -1):
        y = 1.0 + y * r / k
    return float(y * np.int64((np.int64(n) + np.int64(1023)) << np.int64(52)).view(np.float64))


@formula
def orders_head(u: np.float32, rate: np.float32) -> np.uint32:
    """Poisson inverse CDF of u where it is 0 to 3, else FAR."""
    p0 = exp32(-rate)
    p1 = p0 * rate
    p2 = p1 * rate * HALF_
    p3 = p2 * rate * F(1 / 3)
    q1 = p0 + p1
    q2 = q1 + p2
    q3 = q2 + p3
    k = np.uint32(np.uint32(u >= p0) + np.uint32(u >= q1) + np.uint32(u >= q2))
    return FAR if u >= q3 else k


@routine
def orders_search(u: np.float32, rate: np.float32) -> np.uint32:
    """Poisson inverse CDF of u, summed in float64: exact to the resolution of u at any rate below 600."""
    mean, target = float(rate), float(u)
    p = exp64(-mean)
    q = p
    k = 0
    while target >= q and k < MAX_ORDERS:
        k += 1
        p = p * mean / k
        q += p
    return np.uint32(k)


@routine
def orders(u: np.float32, rate: np.float32) -> np.uint32:
    """Poisson inverse CDF: the number of orders in a period at this rate."""
    k = orders_head(u, rate)
    return orders_search(u, rate) if k == FAR else k


@formula
def lognormal(normal: np.float32, sigma: np.float32, drift: np.float32) -> np.float32:
    """exp(sigma N + drift), with drift = -sigma^2 / 2 for a mean of 1."""
    return exp32(sigma * normal + drift)


@formula
def micro(amount: float) -> np.int64:
    """float64 micro-units to int64, ties to even; right below 2^51, that is 2.2e9 currency units."""
    return np.int64(np.float64(amount + ROUND64).view(np.int64) - ROUND64_BITS)


@routine
def gate(owned: np.uint32, category: int, complementarity: NDArray[np.float32]) -> np.float32:
    """How far the other categories owned open the door to this one: max of complementarity[owned, category]."""
    best = ZERO
    for b in range(complementarity.shape[0]):
        if b != category and (owned >> np.uint32(b)) & np.uint32(1) != 0:
            best = max(best, complementarity[b, category])
    return best


@routine
def part_of(owned: np.uint32, members: np.uint32, complementarity: NDArray[np.float32], headroom: Any) -> np.float32:
    """What an order is worth in these categories, each as far as its door is open; ``headroom`` (C,) of one customer."""
    total = ZERO
    for c in range(complementarity.shape[0]):
        if (members >> np.uint32(c)) & np.uint32(1) != 0:
            total = total + gate(owned, c, complementarity) * headroom[c]
    return total
