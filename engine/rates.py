"""The order rate along a path of segments: how much of the difference between segments a move brings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.world import Segments

Floats = NDArray[np.float64]


def factor_table(segments: Segments) -> Floats:
    """(S, S) float64 ``[start, now]``: ``m[start]^(1 - kappa) m[now]^kappa``.

    A segment with ``m = 0`` is a place without orders, not a label: its factor is 0 for every kappa.  A customer who
    starts in one carries no ``m[start]``; :func:`level_table` sets the mean.
    """
    m, kappa = segments.multiplier, segments.state_dependence
    positive = m > 0
    start = np.where(positive, m, 1.0) ** (1 - kappa)
    now = np.where(positive, np.where(positive, m, 1.0) ** kappa, 0.0)
    return np.outer(start, now)


def pace_table(segments: Segments, horizon: int, season: Floats | None = None) -> Floats:
    """(T, S, S) float64 ``[t, start, now]``: order rate of a customer of rate 1; ``season`` (T,)."""
    pace = factor_table(segments)[None] * level_table(segments, horizon).T[:, :, None]
    return pace if season is None else np.asarray(pace * season[:, None, None])


def level_table(segments: Segments, periods: int) -> Floats:
    """(S, periods) float64 ``[start, t]``: the factor that keeps the mean order rate independent of kappa.

    ``level[a, t] = (P^(t+1) m)[a] / (P^(t+1) factor[a, :])[a]``: the move comes before the orders of a period.  1 at
    ``kappa = 1``, and where nobody can order.
    """
    factor, p = factor_table(segments), segments.transition
    mean = segments.multiplier.copy()
    shaped = factor.T.copy()  # column a: factor[a, now]
    out = np.ones((len(mean), periods))
    for t in range(periods):
        mean = p @ mean
        shaped = p @ shaped
        weight = np.diagonal(shaped)
        out[:, t] = np.where(weight > 0, mean / np.where(weight > 0, weight, 1.0), 1.0)
    return out
