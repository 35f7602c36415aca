"""Where customers come from: a fit to purchases, or a made-up population.  Both answer the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine import OrderValue, Population, Segments

Floats = NDArray[np.float64]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Customers:
    """A drawn population, and what a planner may know of it.

    Attributes:
        population: true traits, and the state at the start.
        rate_model, order_value_model: (n,) float32, posterior means given the history (shrunken).
        rate_history, order_value_history: (n,) float32, raw past behaviour; the mean of all where there is none.
        responsiveness_sd: spread of the responsiveness that a planner knows only as a distribution.
        groups: label -> (n,) uint8, the value of each customer, a place among the scenario's values.
        joined: (n,) first period of each; None = everybody is there from the start.
    """

    population: Population
    rate_model: F32
    order_value_model: F32
    rate_history: F32
    order_value_history: F32
    responsiveness_sd: float = 0.0
    groups: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    joined: NDArray[np.int32] | None = None


class Base(Protocol):
    """A customer base."""

    @property
    def order_value(self) -> OrderValue:
        """Spread of one order around the customer's mean."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories."""
        ...

    @property
    def complementarity(self) -> Floats:
        """(C, C)."""
        ...

    @property
    def real_customers(self) -> int | None:
        """How many real customers stand behind it; None if made up."""
        ...

    @property
    def ids(self) -> NDArray[Any]:
        """Names of the real customers, in the order of ``Traits.source``; empty if made up."""
        ...

    def category_spend(self, population: Population) -> Floats:
        """(n, C) what of a drawn customer's order goes to each category that he owns, at the start."""
        ...

    def segments(self, state_dependence: float) -> Segments:
        """Segments and transitions."""
        ...

    def draw(self, n: int, seed: int, state_dependence: float, *, resample: bool = False) -> Customers:
        """Draw n customers.  ``resample``: bootstrap the real ones first.  Same arguments, same bits."""
        ...
