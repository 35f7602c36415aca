"""How few customers carry how much of a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import Population
from engine.concentration import gini, lorenz, top_share
from scenarios.customer_results import Concentration

Floats = NDArray[np.float64]

POINTS = 20
"""Steps of the reported Lorenz curve."""


def concentration(totals: NDArray[np.generic]) -> Concentration | None:
    """Of one amount a customer; None where nobody holds anything."""
    held = np.maximum(np.asarray(totals, np.float64), 0.0)
    if not len(held) or held.sum() <= 0:
        return None
    people, share = lorenz(held)
    curve = np.interp(np.linspace(0, 1, POINTS + 1), people, share)
    return Concentration(gini(held), top_share(held, 0.1), tuple(float(x) for x in curve))


def concentrations(start: Population, end: Population, margin: Floats, value: Floats) -> dict[str, Concentration]:
    """Orders, revenue, margin and CLV of the customers of ``start``, who stand first in ``end``; (n,) margin and value."""
    n = len(start)
    amounts = {
        "orders": end.state.orders[:n] - start.state.orders,
        "revenue": end.state.spend[:n] - start.state.spend,
        "margin": margin[:n],
        "CLV": value[:n],
    }
    found = {name: concentration(amount) for name, amount in amounts.items()}
    return {name: c for name, c in found.items() if c is not None}
