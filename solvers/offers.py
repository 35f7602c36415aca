"""What offers are worth and use: for pairs of customer and set of arms, and by a linear form for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.layout import Layout
from solvers.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_STEP = 1 << 15  # customers at a time


def usage_of_offers(layout: Layout, customer: IntArray, choice: IntArray) -> tuple[FloatArray, sparse.csr_matrix]:
    """(value (J,), usage (R, J)) of giving set choice[j] to customer[j] (places in the layout), float64."""
    value = np.zeros(len(customer))
    usage = sparse.csr_matrix((len(layout.lower), len(customer)))
    for member in layout.sets.T:
        arm = member[choice]
        some = np.flatnonzero(arm >= 0)
        worth, used = _usage_of_arms(layout, customer[some], arm[some], some, len(customer))
        value[some] += worth
        usage = used if layout.sets.shape[1] == 1 else usage + used
    return value, usage


def _usage_of_arms(
    layout: Layout, customer: IntArray, arm: IntArray, place: IntArray, size: int
) -> tuple[FloatArray, sparse.csr_matrix]:
    """(value (J,), usage (R, size) with column place[j] for customer[j] on arm[j])."""
    h, k, _, _ = layout.shape
    cells = layout.cells
    w = np.ones((h + 1, len(customer)))
    for m in range(h):
        w[m] = layout.measures[m, arm, customer] if layout.read[m] else 0.0
    cell = layout.class_of[customer].astype(np.int64) * k + arm
    count = cells.first[cell + 1] - cells.first[cell]
    column = np.repeat(np.arange(len(cell)), count)
    entry = np.arange(len(column)) - np.repeat(np.cumsum(count) - count - cells.first[cell], count)
    number = np.einsum("eh,he->e", cells.coefficient[entry], w[:, column])
    return w[0], sparse.csr_matrix((number, (cells.row[entry], place[column])), shape=(len(layout.lower), size))


def once_each(customer: IntArray) -> sparse.csr_matrix:
    """Rows "one offer at most" of the customers with several; customer (J,)."""
    _, who = np.unique(customer, return_inverse=True)
    shape = (int(who.max()) + 1 if len(who) else 0, len(customer))
    own = sparse.csr_matrix((np.ones(len(customer)), (who, np.arange(len(customer)))), shape=shape)
    return own[np.flatnonzero(np.diff(own.indptr) > 1)]


def scaled_rows(
    usage: sparse.csr_matrix, lower: FloatArray, upper: FloatArray, tolerance: FloatArray
) -> tuple[sparse.csr_matrix, FloatArray, FloatArray] | None:
    """Rows divided by their largest coefficient; None if a row without any coefficient is broken by more than the
    tolerance.

    Bounds give way by a quarter of the tolerance, so that a plan exactly on a bound is not lost to rounding.
    """
    size = np.asarray(abs(usage).max(axis=1).todense()).ravel() if usage.shape[1] else np.zeros(usage.shape[0])
    idle = size == 0
    if (idle & (np.maximum(lower, -upper) > tolerance)).any():
        return None
    size = np.where(idle, 1.0, size)
    mild = 0.25 * tolerance / size
    mild = np.where(lower == upper, 0.0, mild)
    lower = np.where(idle, -np.inf, lower / size - mild)
    upper = np.where(idle, np.inf, upper / size + mild)
    return (sparse.diags(1.0 / size) @ usage).tocsr(), lower, upper


def form_by_offer(problem: Problem, form: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
    """What a linear form (H + 1, C, K) makes of every offer: customers, a piece at a time, and (K, m) of them."""
    h, _, n, _ = problem.shape
    read = [m for m in range(h) if form[m].any()]
    for first in range(0, n, _STEP):
        piece = slice(first, first + _STEP)
        of = problem.class_of[piece]
        use = form[h, of].T.copy()
        for m in read:
            use += form[m, of].T * problem.measures[m, :, piece]
        yield piece, use
