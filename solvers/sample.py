"""Multipliers from a sample: every so-manieth customer, with bounds scaled alike, stands for all.

Customers are in class order, so that the sample has its share of every class.  The multipliers of the small
problem are near those of the large one, and what they cost is a fraction of a few passes over everybody.
"""

from __future__ import annotations

import dataclasses

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
    some = slice(step // 2, None, step)
    share = len(range(n)[some]) / n
    problem = layout.problem
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
