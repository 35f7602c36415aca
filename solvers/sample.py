"""Multipliers from a sample: every so-manieth customer, with bounds scaled alike, stands for all.

Customers are in class order, so that the sample has its share of every class.  The multipliers of the small
problem are near those of the large one, and what they cost is a fraction of a few passes over everybody.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers._jit import threads_for
from solvers.descent import descend
from solvers.layout import Layout, arrange
from solvers.pricing import Pricer
from solvers.search import search

SAMPLE = 40_000
WORTHWHILE = 4  # times the sample


def sampled_start(layout: Layout, gap: float) -> NDArray[np.float64]:
    """(R,) multipliers to start from; zeros where a sample would not save time."""
    rows = len(layout.lower)
    n = layout.shape[2]
    if n < WORTHWHILE * SAMPLE or rows == 0:
        return np.zeros(rows)
    step = n // SAMPLE
    # Households come whole; those without come one by one.
    homes = layout.homes
    every = np.where(homes.of >= 0, homes.of, np.arange(n)) if homes.some else np.arange(n)
    some = np.flatnonzero(every % step == step // 2)
    share = len(some) / n
    problem = layout.problem
    households: dict[str, Any] = {"household_of": None, "household_room": None}
    if homes.some:
        of = homes.of[some]
        known, number = np.unique(of[of >= 0], return_inverse=True)
        mine = np.full(len(of), -1, np.int32)
        mine[of >= 0] = number
        households = {"household_of": mine, "household_room": homes.room[known]}
    scaled = tuple(
        dataclasses.replace(row, lower=lower * share, upper=upper * share, constant=0.0)
        for row, lower, upper in zip(problem.rows, layout.lower.tolist(), layout.upper.tolist(), strict=True)
    )
    small = arrange(
        dataclasses.replace(
            problem,
            measures=np.ascontiguousarray(layout.measures[:, :, some]),
            class_of=layout.class_of[some],
            rows=scaled,
            eligible=np.ascontiguousarray(layout.mask[:, some]) if layout.mask.size else None,
            **households,
        )
    )
    # The start only needs whole counts in the mean: rounding them in a sample would shift small volumes.
    lower, upper = layout.lower * share, layout.upper * share
    small = dataclasses.replace(small, lower=lower, upper=upper)
    gap = max(gap, 2e-6)
    with threads_for(small.measures.size):
        pricer = Pricer(small)
        path = search(small, pricer, np.zeros(rows), gap)
        return descend(small, pricer, path[-1], gap, most=120)[-1].y
