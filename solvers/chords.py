"""Spread points outwards onto a grid, so that means stay and every convex function's sum can only grow.

A point between two grid points becomes two, with the weights that keep its place (on a plane: four corners, axis by axis).
By Jensen's inequality the sum over points of a convex function is at most the sum over the grid of weight x function: the
chords of a convex function lie above it (jointly convex functions included, since each axis is one chord after the other).
Where a type is worth a maximum of linear functions of its scale, as in :mod:`solvers.flow`, a bound for the grid's types is
one for the individuals, however they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from solvers.errors import ProblemError

FloatArray = NDArray[np.float64]


def chords(points: NDArray[np.floating], grid: Sequence[FloatArray]) -> tuple[NDArray[np.int64], FloatArray]:
    """Corners (n, 2^D) as places in the product of the axes (the last counts fastest), and their weights (n, 2^D).

    Args:
        points: (n, D).
        grid: D axes, each ascending; together they must cover the points.

    Raises:
        ProblemError: axes that do not ascend, or points outside.

    """
    points = np.asarray(points, np.float64)
    problems = []
    if points.ndim != 2 or points.shape[1] != len(grid):
        raise ProblemError([f"points: expected (n, {len(grid)}), got shape {points.shape}"])
    low, share = [], []
    for d, axis in enumerate(grid):
        x = points[:, d]
        if axis.ndim != 1 or not len(axis) or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
            problems.append(f"grid[{d}]: expected ascending numbers, got {axis.tolist()}")
            continue
        if not ((x >= axis[0]) & (x <= axis[-1])).all():
            problems.append(f"points: expected {axis[0]:g} to {axis[-1]:g} on axis {d}, got {x.min():g} to {x.max():g}")
            continue
        at = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, max(len(axis) - 2, 0))
        step = axis[np.minimum(at + 1, len(axis) - 1)] - axis[at]
        low.append(at)
        share.append(np.where(step > 0, (x - axis[at]) / np.where(step > 0, step, 1.0), 0.0))
    if problems:
        raise ProblemError(problems)
    corners, weights = [], []
    for corner in product((0, 1), repeat=len(grid)):
        place, weight = np.zeros(len(points), np.int64), np.ones(len(points))
        for d, up in enumerate(corner):
            place = place * len(grid[d]) + np.minimum(low[d] + up, len(grid[d]) - 1)
            weight = weight * (share[d] if up else 1 - share[d])
        corners.append(place)
        weights.append(weight)
    return np.stack(corners, axis=1), np.stack(weights, axis=1)
