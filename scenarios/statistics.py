"""Intervals for differences between strategies on common random numbers.

Two kinds, never mixed up.  ``paired_interval`` holds the noise of one run.  ``outer_interval`` adds what an outer loop shows:
customers resampled, effects redrawn, everything planned and simulated again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit  # scipy.stats takes half a second to import

from scenarios.results import Interval

Floats = NDArray[np.float64]

SAMPLES = 4096


def paired_variance(
    difference: Floats, priced_cost: Floats | float = 0.0, source: NDArray[np.integer] | None = None
) -> float:
    """Variance of the mean of D_i - (priced cost)_i, n customers.

    Customers that share a budget are not independent: one who costs more leaves less for the others.  ``priced_cost`` is the
    budget's shadow price times planned cost less its mean, for one strategy less the other: the total cost is fixed by
    the budget, so only its pattern counts.  Strategies that price nothing have none: their variance is on the safe side.

    ``source``: several customers stand for one real customer; only their scatter around the real customer's mean counts
    then, pooled over real customers that occur more than once.
    """
    influence = difference - priced_cost
    n = len(influence)
    if n < 2:
        return float("inf")
    if source is None:
        return float(influence.var(ddof=1) / n)
    _, group = np.unique(source, return_inverse=True)
    size = np.bincount(group)
    free = n - len(size)
    if free < 1:
        return 0.0  # nobody occurs twice: luck cannot be told from the customers, and the interval stays wide
    within = influence - (np.bincount(group, influence) / size)[group]
    return float((within**2).sum() / free / n)


def normal_interval(estimate: float, variance: float, level: float) -> Interval:
    """Normal interval; variance 0 gives the point."""
    half = float(ndtri(0.5 + level / 2)) * float(np.sqrt(variance))
    return Interval(estimate - half, estimate + half)


def outer_interval(
    estimate: float, draws: Floats, noise_of_draws: Floats, noise_of_estimate: float, level: float
) -> Interval:
    """Interval around the main run's estimate from B outer draws (B,) with simulation variances (B,).

    Variance components: what the draws scatter beyond their own simulation noise is the uncertainty about customers and
    effects; the main run's own noise is added back.  Student's t with Satterthwaite's degrees of freedom, at least 2: a
    small difference of two variances is known badly, and the interval says so.  Fewer than two draws: only
    the main run's noise is known.
    """
    if len(draws) < 2:
        return normal_interval(estimate, noise_of_estimate, level)
    spread = float(draws.var(ddof=1))
    between = max(spread - float(noise_of_draws.mean()), 0.0)
    free = float(len(draws) - 1)
    if spread > 0:
        free = max(free * (between / spread) ** 2, min(2.0, free))
    half = float(stdtrit(free, 0.5 + level / 2)) * float(np.sqrt(between + noise_of_estimate))
    return Interval(estimate - half, estimate + half)


def probability_best(means: Floats, noise: Floats, draws: Floats, draw_noise: Floats) -> Floats:
    """(S,) probability that each strategy is the best.

    Args:
        means: (S,) of the main run.
        noise: (S, S) simulation variance of paired differences in the main run.
        draws: (B, S) of the outer draws.
        draw_noise: (B, S, S) simulation variance of paired differences in each draw.

    The draws are small: their own luck would make good strategies that plan alike trade places.  So each strategy's
    difference to the main run's best has the main run's mean, scatters as much as the draws do beyond their simulation
    noise, and has the main run's own noise on top (``SAMPLES`` fixed samples).  Ties are shared.
    """
    best = int(means.argmax())
    gap = np.repeat((means - means[best])[None], max(len(draws), 1), axis=0)
    if len(draws) >= 2:
        difference = draws - draws[:, best : best + 1]
        spread = difference.var(axis=0, ddof=1)
        real = np.maximum(spread - draw_noise[:, :, best].mean(axis=0), 0.0)
        scale = np.sqrt(np.divide(real, spread, out=np.zeros_like(real), where=spread > 0))
        gap = gap + scale * (difference - difference.mean(axis=0))
    # Differences to a common best are correlated: cov(a - b, c - b) = (v_ab + v_cb - v_ac) / 2.
    covariance = (noise[:, best, None] + noise[None, best] - noise) / 2
    value, vector = np.linalg.eigh(covariance)
    root = vector * np.sqrt(np.maximum(value, 0.0))
    luck = np.random.default_rng(0).standard_normal((SAMPLES, len(means))) @ root.T
    luck[:, best] = 0.0
    gap = gap[np.arange(SAMPLES) % len(gap)] + luck
    first = gap == gap.max(axis=1, keepdims=True)
    return np.asarray((first / first.sum(axis=1, keepdims=True)).mean(axis=0))
