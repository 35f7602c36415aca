"""Rows as sparse algebra, and by (class, arm): the few rows that a customer who moves has to do with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.problem import Problem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Entries ``first[c * K + k] : first[c * K + k + 1]`` are the rows that arm k of class c touches.

    A customer i of class c who takes arm k uses ``coefficient[e] . (measures[:, k, i], 1)`` of row ``row[e]``.
    """

    first: NDArray[np.int64]
    row: NDArray[np.int64]
    coefficient: FloatArray  # (E, H + 1)


def rows_of(problem: Problem) -> sparse.csr_matrix:
    """(R, W) coefficients of all rows."""
    h, k, _, c = problem.shape
    width = (h + 1) * c * k
    lines = [row.coefficients for row in problem.rows]
    first = np.concatenate([[0], np.cumsum([line.nnz for line in lines])]).astype(np.int64)
    where = np.concatenate([line.indices for line in lines]) if lines else np.zeros(0, np.int64)
    data = np.concatenate([line.data for line in lines]).astype(np.float64) if lines else np.zeros(0)
    return sparse.csr_matrix((data, where.astype(np.int64), first), shape=(len(lines), width))


def cells_from(rows: sparse.csr_matrix, shape: tuple[int, int, int, int]) -> Cells:
    """The cells of rows (R, W) of a problem of that shape."""
    h, k, _, c = shape
    count = rows.shape[0]
    line = np.repeat(np.arange(count), np.diff(rows.indptr))
    measure, cell = np.divmod(rows.indices.astype(np.int64), c * k)
    live = rows.data != 0
    key, entry = np.unique(cell[live] * max(count, 1) + line[live], return_inverse=True)
    coefficient = np.zeros((len(key), h + 1))
    np.add.at(coefficient, (entry, measure[live]), rows.data[live])
    of, row = np.divmod(key, max(count, 1))
    return Cells(np.searchsorted(of, np.arange(c * k + 1)), row, coefficient)


def cells_of(problem: Problem) -> Cells:
    """The cells of a problem's rows."""
    return cells_from(rows_of(problem), problem.shape)
