"""One trust: what the contact centre calls trust and what dynamics call trust are two readings of one stock.

``Life.trust`` T is 0 at neutral and moves by sums; the centre's trust is ``exp(min(T, 0))``, 1 at neutral, and moves by factors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine._jit import formula, kernel
from engine.formulas import ZERO, exp32, log32

Real = NDArray[np.float32]

LEAST = np.float32(-20.0)  # trust is as good as gone, and can still come back
LEAST_PART = np.float32(1e-6)


@formula
def as_factor(stock: np.float32) -> np.float32:
    """The centre's reading of the stock: trust above neutral adds no orders."""
    return exp32(min(stock, ZERO))


@formula
def moved(stock: np.float32, before: np.float32, after: np.float32) -> np.float32:
    """The stock after contacts that took the centre's trust from ``before`` to ``after``."""
    if after == before:
        return np.float32(stock)
    return max(np.float32(stock + log32(max(np.float32(after / before), LEAST_PART))), LEAST)


@kernel
def carry_in(stock: Real, trust: Real) -> None:
    """(n,) the centre's trust from the stock."""
    for i in range(stock.shape[0]):
        trust[i] = as_factor(stock[i])


@kernel
def carry_back(stock: Real, trust: Real) -> None:
    """(n,) the stock after the period's contacts, which have changed ``trust``."""
    for i in range(stock.shape[0]):
        stock[i] = moved(stock[i], as_factor(stock[i]), trust[i])
