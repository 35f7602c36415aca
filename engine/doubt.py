r"""A trait of leaving that is not known for sure: its distribution given what has been seen, as a mixture of levels.

Values are convex in the trait, so the value at its mean is not the mean value.  What has been seen of a customer who is there
still is ``lived``: orders after which he did not drop out (BG/NBD), renewals (sBG), periods (Pareto/NBD).  With ``left`` the
number of times that he is known to have left, the priors are conjugate:

    BG/NBD, sBG   Beta(a + left, b + max(lived, left) - left)
    Pareto/NBD    Gamma(s + left, rate beta + lived)

Where the trait goes with others by a Gaussian copula, what is known of those says that its normal score z is N(lean, spread), not
N(0, 1), before anything was seen of it: each point weighs ``exp(z^2 / 2 - (z - lean)^2 / (2 spread))`` times as much.

The distribution is put on a fine grid such that probability and mean of every cell are kept (incomplete beta and gamma functions),
and each of its points, times the customer's scale (factor of breadth; for BG/NBD the rate too), between two levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.dynamics import Attrition
from engine.life import Life

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


@dataclass
class KnownLife(Life):
    """A :class:`Life` as a planner knows it.

    Attributes:
        left: (n,) uint8, how often the customer is known to have left.
        lean, spread: (n,) mean and variance of the trait's normal score that other traits speak for; None = 0 and 1.
    """

    left: NDArray[np.uint8] | None = None
    lean: NDArray[np.float32] | None = None
    spread: NDArray[np.float32] | None = None

    def take(self, index: NDArray[np.integer]) -> KnownLife:
        """The customers at these places."""
        return KnownLife(**{name: values[index] for name, values in self.columns().items()})

    def copy(self) -> KnownLife:
        """All columns copied."""
        return KnownLife(**{name: values.copy() for name, values in self.columns().items()})


Kind = tuple[int, int, float, float]
"""lived, left, lean, spread: customers of one kind have one distribution."""


def kinds(life: Life) -> tuple[list[Kind], Ints]:
    """The kinds that there are, and (n,) the place of each customer's; lean in tenths, spread in steps of 0.05."""
    assert life.lived is not None
    left, zero = (life.gone > 0).astype(np.int64), np.zeros(len(life.lived), np.int64)
    lean, spread = zero, zero + 20
    if isinstance(life, KnownLife):
        left = left if life.left is None else life.left.astype(np.int64)
        lean = lean if life.lean is None else np.rint(10 * np.clip(life.lean, -6, 6)).astype(np.int64)
        spread = spread if life.spread is None else np.rint(20 * np.clip(life.spread, 0.05, 1)).astype(np.int64)
    code = ((rounded(life.lived) * 256 + left) * 128 + (lean + 64)) * 32 + spread
    first, place = np.unique(code, return_inverse=True)
    found = [
        (k >> 20, k >> 12 & 255, ((k >> 5 & 127) - 64) / 10, (k & 31) / 20) for k in (int(x) for x in first.tolist())
    ]
    return found, place.astype(np.int64)


@lru_cache(maxsize=4096)
def trait_distribution(
    attrition: Attrition, lived: int, left: int, lean: float = 0.0, spread: float = 1.0
) -> tuple[Floats, Floats]:
    """Points of the trait, and their probabilities; probability and mean of every cell between two points are exact, before
    ``lean`` and ``spread`` weigh them.
    """
    from scipy.special import betainc, betaincc, gammainc, gammaincc  # loaded only where something is in doubt

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
    if lean or spread != 1:
        tails = (gammainc, gammaincc) if attrition.model == "pareto_nbd" else (betainc, betaincc)
        at = (first, second * x) if attrition.model == "pareto_nbd" else (first, second, x)
        z = score(*(tail(*at) for tail in tails))
        out *= np.exp(z**2 / 2 - (z - lean) ** 2 / (2 * spread))
    return x, out / out.sum()


def score(below: Floats, above: Floats) -> Floats:
    """Normal score of a value, by the probabilities of less and of more; within 8 deviations."""
    from scipy.special import ndtri

    return np.asarray(np.where(below < 0.5, ndtri(np.maximum(below, 1e-15)), -ndtri(np.maximum(above, 1e-15))))
