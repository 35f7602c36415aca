r"""A trait of leaving that is not known for sure: its distribution given what has been seen, as a mixture of levels.

Values are convex in the trait, so the value at its mean is not the mean value.  What has been seen of a customer who is there
still is ``lived``: orders after which he did not drop out (BG/NBD), renewals (sBG), periods (Pareto/NBD).  With ``left`` = 1 for
somebody who is known to have left, the priors are conjugate:

    BG/NBD, sBG   Beta(a + left, b + max(lived, left) - left)
    Pareto/NBD    Gamma(s + left, rate beta + lived)

The distribution is put on a fine grid such that probability and mean of every cell are kept (incomplete beta and gamma functions),
and each of its points, times the customer's scale (factor of breadth; for BG/NBD the rate too), between two levels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.dynamics import Attrition

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FINE = 120
EXACT = 64
"""Counts above are rounded to five bits: the distributions hardly differ."""


def rounded(lived: NDArray[np.integer]) -> Ints:
    """(n,) counts, those above ``EXACT`` to the middle of their step of 1/32 to 1/16."""
    count = lived.astype(np.int64)
    step = np.where(count < EXACT, 1, 1 << np.maximum(np.frexp(count.astype(float))[1] - 6, 0))
    return np.asarray(count // step * step + step // 2)


def _spread(shape: float) -> Floats:
    """(FINE,) points of a Gamma of mean 1, down to nearly 0 and up to where hardly anything is left; a third of them around 1."""
    deviation = 1 / np.sqrt(shape)
    most = 1 + 40 / shape + 8 * deviation
    near = np.linspace(max(1 - 6 * deviation, 0.01), min(1 + 6 * deviation, most), FINE // 3)
    return np.unique(np.concatenate([np.geomspace(1e-6, most, FINE - FINE // 3), near]))


@lru_cache(maxsize=4096)
def trait_distribution(attrition: Attrition, lived: int, left: int) -> tuple[Floats, Floats]:
    """Points of the trait, and their probabilities; probability and mean of every cell between two points are exact."""
    from scipy.special import betainc, gammainc  # loaded only where something is in doubt

    assert attrition.prior is not None
    first, second = attrition.prior
    if attrition.model == "pareto_nbd":
        shape, rate = first + left, second + lived
        mean = shape / rate
        x = np.append(0.0, _spread(shape)) * mean
        below, part = gammainc(shape, rate * x), mean * gammainc(shape + 1, rate * x)
    else:
        a, b = first + left, second + max(lived, left) - left
        x = np.append(0.0, np.geomspace(1e-6, 1.0, FINE))
        below, part = betainc(a, b, x), a / (a + b) * betainc(a + 1, b, x)
    mass, moment, width = np.diff(below), np.diff(part), np.diff(x)
    out = np.zeros(len(x))
    out[1:] += (moment - x[:-1] * mass) / width
    out[:-1] += (x[1:] * mass - moment) / width
    return x, out / out.sum()
