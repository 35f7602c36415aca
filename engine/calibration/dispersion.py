r"""Counting dispersion once: how much of the spread of orders is the path, how much the trait.

Orders over H periods of a customer that starts in segment a are Poisson with mean ``rate * W``, where ``W`` sums the
factor of the segments on the path (:mod:`engine.rates`).  Rate and path are independent given a, so the second
factorial moment is ``E[rate^2] E[W^2]``.  ``E[W^2]`` depends on the state dependence kappa; the trait takes up the
rest: posterior draws X of a customer's own rate are used as ``X^power`` (scaled to the segment's mean), with one
power per kappa, set so that the second factorial moment of orders is the log's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln

from engine.calibration.panel import Floats
from engine.rates import factor_table, level_table
from engine.world import Segments

KAPPAS = (0.0, 0.25, 0.5, 0.75, 1.0)
POWER_BOUNDS = (0.1, 3.0)


def path_moments(segments: Segments, periods: int) -> tuple[Floats, Floats]:
    """First and second moments, (S,) each by starting segment, of the sum of order factors over ``periods``.

    Backward recursion over the path: with x the factor in a period and u1, u2 the moments of what follows,
    ``u2 <- P (x^2 + 2 x u1 + u2)``, ``u1 <- P (x + u1)``.
    """
    factor, level, p = factor_table(segments), level_table(segments, periods), segments.transition
    s = len(segments.names)
    first, second = np.zeros((s, s)), np.zeros((s, s))  # [start, now]
    for t in reversed(range(periods)):
        x = factor * level[:, t : t + 1]
        second = (x * x + 2 * x * first + second) @ p.T
        first = (x + first) @ p.T
    return np.diagonal(first).copy(), np.diagonal(second).copy()


def gamma_power_moments(shape: Floats, rate: Floats, power: float) -> tuple[Floats, Floats]:
    """First and second moments of X^power, X ~ Gamma(shape, rate).

    ``E[X^k] = Gamma(shape + k) / Gamma(shape) rate^-k``, also for k that are no integers.
    """
    base = gammaln(shape)
    return (
        np.exp(gammaln(shape + power) - base - power * np.log(rate)),
        np.exp(gammaln(shape + 2 * power) - base - 2 * power * np.log(rate)),
    )


def segment_scale(mean: Floats, target: Floats, segment: NDArray[np.uint8], segments: int) -> Floats:
    """(S,) factor that turns the average of ``mean`` (n,) in each segment into ``target`` (S,); 1 where nobody is."""
    count = np.bincount(segment, minlength=segments)
    average = np.bincount(segment, weights=mean, minlength=segments) / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, target / np.where(count > 0, average, 1.0), 1.0))


def segment_means(values: Floats, segment: NDArray[np.uint8], segments: int, empty: float = 1.0) -> Floats:
    """(S,) mean by segment, ``empty`` where nobody is."""
    count = np.bincount(segment, minlength=segments)
    total = np.bincount(segment, weights=values, minlength=segments)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), empty))


def fit_trait_powers(
    segments: Segments, shape: Floats, rate: Floats, segment: NDArray[np.uint8], orders: Floats, periods: int
) -> Floats:
    """(5,) the power for each of :data:`KAPPAS` that gives orders over ``periods`` the second moment of the log.

    Args:
        segments: fitted segments.
        shape: (n,) of the posteriors of the customers' own rates at the start of the span.
        rate: (n,) of the same.
        segment: (n,) segment at its start.
        orders: (n,) orders of the log in it.
        periods: its length.

    The moment is relative to the squared mean, so that a year that sells more does not look more dispersed.  The
    power is clipped to :data:`POWER_BOUNDS`; 1 if the log holds too little to say.

    """
    mean = float(orders.mean()) if len(orders) else 0.0
    if mean <= 0 or len(orders) < 30:
        return np.ones(len(KAPPAS))
    target = float((orders * (orders - 1)).mean()) / mean**2
    level = segment_means(shape / rate, segment, len(segments.names))
    out = np.ones(len(KAPPAS))
    for k, kappa in enumerate(KAPPAS):
        path1, path2 = path_moments(replace(segments, state_dependence=kappa), periods)
        total = float((level[segment] * path1[segment]).mean())

        def excess(power: float, path2: Floats = path2, total: float = total) -> float:
            m1, m2 = gamma_power_moments(shape, rate, power)
            scale = segment_scale(m1, level, segment, len(segments.names))[segment]
            return float((m2 * scale**2 * path2[segment]).mean()) / total**2 - target

        low, high = POWER_BOUNDS
        if excess(low) >= 0:
            out[k] = low
        elif excess(high) <= 0:
            out[k] = high
        else:
            out[k] = brentq(excess, low, high, xtol=1e-6)
    return out


def trait_power(powers: Floats, state_dependence: float) -> float:
    """The power at this kappa, linear between :data:`KAPPAS`."""
    return float(np.interp(state_dependence, KAPPAS, powers))
