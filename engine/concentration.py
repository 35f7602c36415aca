"""How few customers carry how much: Lorenz curve, Gini coefficient, share of the top."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import PopulationError

Floats = NDArray[np.float64]


def _ascending(totals: NDArray[np.generic]) -> Floats:
    values = np.sort(np.asarray(totals, np.float64))
    if not len(values) or not np.isfinite(values).all() or values[0] < 0 or values.sum() <= 0:
        raise PopulationError(["totals: expected finite amounts >= 0, not all 0"])
    return values


def lorenz(totals: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """(n + 1,) share of customers, smallest first, and the share of the total that they hold; from (0, 0) to (1, 1).

    ``totals`` (n,): orders, revenue or margin of each customer, >= 0.

    Raises:
        PopulationError: negative, infinite or only zero amounts.
    """
    values = _ascending(totals)
    held = np.concatenate([[0.0], np.cumsum(values)])
    return np.linspace(0, 1, len(values) + 1), held / held[-1]


def gini(totals: NDArray[np.generic]) -> float:
    """Mean difference between two customers over twice the mean: 0 = all alike, near 1 = one holds all."""
    values = _ascending(totals)
    n = len(values)
    return float(2 * (np.arange(1, n + 1) @ values) / (n * values.sum()) - (n + 1) / n)


def top_share(totals: NDArray[np.generic], share: float = 0.1) -> float:
    """Share of the total held by the largest ``share`` of customers; by linear interpolation of the Lorenz curve."""
    people, held = lorenz(totals)
    return float(1 - np.interp(1 - share, people, held))
