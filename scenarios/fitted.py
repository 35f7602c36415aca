"""A fitted customer base in the words of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import OrderValue, Population, Segments
from engine.calibration import FittedBase
from scenarios.base import Customers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RealBase:
    """Real customers, fitted."""

    fitted: FittedBase

    @property
    def order_value(self) -> OrderValue:
        """Noise of one order."""
        return self.fitted.order_value

    @property
    def categories(self) -> tuple[str, ...]:
        """Category names."""
        return self.fitted.categories

    @property
    def complementarity(self) -> Floats:
        """(C, C)."""
        return self.fitted.complementarity

    @property
    def real_customers(self) -> int | None:
        """Number of real customers."""
        return len(self.fitted)

    @property
    def ids(self) -> NDArray[Any]:
        """As in the log."""
        return self.fitted.ids

    def category_spend(self, population: Population) -> Floats:
        """(n, C) each one's own share of spend in the log, of his drawn order value."""
        share, source = self.fitted.category_share, population.traits.source
        assert share is not None  # scenarios.customers refuses such a file
        return np.asarray(share[source] * population.traits.order_value[:, None], np.float64)

    def segments(self, state_dependence: float) -> Segments:
        """Fitted segments."""
        return self.fitted.segments_at(state_dependence)

    def draw(self, n: int, seed: int, state_dependence: float, *, resample: bool = False) -> Customers:
        """Each real customer n / N times, with traits drawn from his posteriors."""
        make = self.fitted.bootstrap if resample else self.fitted.draw
        drawn = make(n, seed, state_dependence)
        return self._known(drawn.population, drawn.rate_estimate, drawn.order_value_estimate)

    def each(self, seed: int, state_dependence: float) -> Customers:
        """Every real customer once, in the order of ``ids``."""
        return self.draw(len(self.fitted), seed, state_dependence)

    def _known(self, population: Any, rate: NDArray[np.float32], value: NDArray[np.float32]) -> Customers:
        f, source = self.fitted, population.traits.source
        expected = f.rate_rate - f.rate_dispersion
        seen = np.where(expected > 0, (f.rate_shape - f.rate_dispersion) / np.where(expected > 0, expected, 1.0), 1.0)
        mean_value = f.spend.sum() / max(f.orders.sum(), 1.0)
        raw_value = np.where(f.orders > 0, f.spend / np.maximum(f.orders, 1.0), mean_value)
        return Customers(population, rate, value, seen[source].astype(np.float32), raw_value[source].astype(np.float32))
