"""A problem arranged for pricing: customers grouped by class, in chunks of one class each, and rows as sparse algebra.

Rows meet customers in two places only:

- prices and tables: row multipliers y -> price[class, measure, arm], and table[class, measure, arm] -> row usage;
- cells: for a (class, arm) the few rows that it touches, with their coefficients by measure, for whoever moves
  customers one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers._jit import Floats, Ints, Mask, Parts, parallel_kernel
from solvers.cells import Cells, cells_from, rows_of
from solvers.certify import TOLERANCE, integral_bounds, lagrangian, row_size
from solvers.errors import ProblemError
from solvers.homes import Homes, homes_of
from solvers.problem import NO_ARM, Problem
from solvers.sets import allowed_sets, numbered

FloatArray = NDArray[np.float64]
CHUNK = 4096
MOST_BLOCKS = 32


def narrow(sets: int) -> type[np.signedinteger]:
    """The smallest integers that number so many sets: plans are read at every pass, and kernels compiled for one type."""
    return np.int8 if sets < 128 else np.int16


@dataclass(frozen=True)
class Layout:
    """The arrays that kernels read; customers in class order.

    Attributes:
        measures: (H, K, n), those of the problem where its customers are grouped already, else a sorted copy.
        mask: (K, n) bool, or (0, 0) if every arm is open to everybody.
        sets: (S, M) what a customer may have at once: arms, rising, padded with -1; one offer a customer: the arms.
        order: (n,) place in the problem of each customer here, or None if nothing moved.
        edge: (C + 1,) customers of class c are edge[c] : edge[c + 1].
        start, chunk_class: bounds of the chunks (Q + 1,) and the class of each (Q,).
        here, first_chunk: classes that have customers, and the first chunk of each.
        block: (C,) block of a class: classes are merged to at most 32 blocks, each with its own columns in the master; one
            block where households hold customers of several classes together.
        homes: households that can run out of room.
        lower, upper: (R,) bounds less constants; counting rows rounded.
        tolerance: (R,) how far a row may be outside its bounds.
        rows: (R, W) coefficients, W = (H + 1) * C * K; transposed: (W, R); by_block: (B * R, W).
        read: (H,) measures that the objective or some row reads.
        gross: (H + 1, C, K) sum of |measure| over the customers to whom an arm is open; last: their count.
        scale: (R,) size of a row, and worth: size of the objective, if customers took an even share of every arm.

    """

    problem: Problem
    measures: NDArray[np.floating]
    mask: NDArray[np.bool_]
    sets: NDArray[np.int64]
    class_of: NDArray[np.int32]
    order: NDArray[np.int64] | None
    edge: NDArray[np.int64]
    start: NDArray[np.int64]
    chunk_class: NDArray[np.int64]
    here: NDArray[np.int64]
    first_chunk: NDArray[np.int64]
    block: NDArray[np.int64]
    n_blocks: int
    homes: Homes
    lower: FloatArray
    upper: FloatArray
    tolerance: FloatArray
    rows: sparse.csr_matrix
    transposed: sparse.csr_matrix
    by_block: sparse.csr_matrix
    cells: Cells
    read: NDArray[np.bool_]
    gross: FloatArray
    scale: FloatArray
    worth: float
    _bounds: dict[bytes, float] = field(default_factory=dict, repr=False, compare=False)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(H, K, n, C)."""
        return self.problem.shape

    @property
    def arm_dtype(self) -> type[np.signedinteger]:
        """Smallest integers that hold the number of a set."""
        return narrow(len(self.sets))

    def restored(self, arm: NDArray[np.signedinteger]) -> NDArray[np.int16]:
        """A plan in the problem's order of customers: arms (n,), or (M, n) where several are allowed; -1 = none."""
        out = np.empty(len(arm), np.int16)
        if self.order is None:
            out[:] = arm
        else:
            out[self.order] = arm
        if not self.problem.several:
            return out
        lists = np.concatenate([self.sets, np.full((1, self.sets.shape[1]), NO_ARM)]).astype(np.int16)
        return np.ascontiguousarray(lists[out].T)

    def arranged(self, arm: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
        """A plan of the problem, (n,) or (M, n), in the order of customers and the numbers of sets here."""
        if self.problem.several:
            arm = numbered(self.sets, np.atleast_2d(arm), self.shape[1])
        return (arm if self.order is None else arm[self.order]).astype(self.arm_dtype)

    def bound(self, multipliers: FloatArray) -> float:
        """The certificate's bound at multipliers, computed once."""
        key = np.ascontiguousarray(multipliers).tobytes()
        if key not in self._bounds:
            self._bounds[key] = lagrangian(self.problem, multipliers)
        return self._bounds[key]

    def projected(self, multipliers: FloatArray) -> FloatArray:
        """Multipliers that price no open bound."""
        y = np.where(np.isinf(self.upper), np.minimum(multipliers, 0.0), multipliers)
        return np.where(np.isinf(self.lower), np.maximum(y, 0.0), y)

    def rhs(self, multipliers: FloatArray) -> FloatArray:
        """The bound that each multiplier prices, 0 where it prices none."""
        return np.where(multipliers > 0, self.upper, np.where(multipliers < 0, self.lower, 0.0))

    def violation(self, usage: FloatArray) -> FloatArray:
        """(R,) how far usage is outside the bounds, >= 0."""
        return np.maximum(np.maximum(usage - self.upper, self.lower - usage), 0.0)


@parallel_kernel
def gross_sums(chunks: Parts, measures: Floats, mask: Mask, start: Ints, read: Mask, out: Floats) -> None:
    """Out (Q, H + 1, K): chunk sums of |measure| over the customers to whom the arm is open; last: their count."""
    h_count, k_count, _ = measures.shape
    masked = mask.shape[0] > 0
    for q in range(chunks[0], chunks[1]):
        lo, hi = start[q], start[q + 1]
        for k in range(k_count):
            open_to = hi - lo
            if masked:
                open_to = 0
                for i in range(lo, hi):
                    open_to += 1 if mask[k, i] else 0
            out[q, h_count, k] = open_to
            for h in range(h_count):
                if read[h]:
                    w = measures[h, k]
                    a, b = 0.0, 0.0
                    if masked:
                        for i in range(lo, hi):
                            if mask[k, i]:
                                a += abs(w[i])
                    else:
                        i = lo
                        while i + 2 <= hi:
                            a += abs(w[i])
                            b += abs(w[i + 1])
                            i += 2
                        if i < hi:
                            a += abs(w[i])
                    out[q, h, k] = a + b


@parallel_kernel
def gather(planes: Parts, source: Floats, order: Ints, read: Mask, out: Floats) -> None:
    """out[h, k, j] = source[h, k, order[j]] for the planes that are read."""
    k_count = source.shape[1]
    for plane in range(planes[0], planes[1]):
        h, k = plane // k_count, plane % k_count
        if read[h]:
            for j in range(len(order)):
                out[h, k, j] = source[h, k, order[j]]


def arrange(problem: Problem) -> Layout:
    """Group customers by class (no copy if they are), cut chunks, and turn rows into sparse algebra.

    Raises:
        ProblemError: class_of outside [0, C), more arms than int16 holds, or a measure that is read is not finite.

    """
    h, k, n, c = problem.shape
    class_of = problem.class_of
    problems = []
    if n and (class_of.min() < 0 or class_of.max() >= c):
        problems.append(f"class_of: expected 0 .. {c - 1}, got {class_of.min()} .. {class_of.max()}")
    if k > 32_000:
        problems.append(f"measures: expected at most 32,000 arms, got {k}")
    if problems:
        raise ProblemError(problems)
    sets = allowed_sets(problem)
    rows = rows_of(problem)
    read = np.zeros(h, bool)
    used = np.unique(rows.indices[rows.data != 0] // max(c * k, 1))
    read[used[used < h]] = True
    read[0] = True
    measures, mask, order = problem.measures, problem.eligible, None
    if n and (np.diff(class_of) < 0).any():
        order = np.argsort(class_of, kind="stable")
        class_of = class_of[order]
        sorted_measures = np.empty_like(measures)
        gather(h * k, measures, order, read, sorted_measures)
        measures = sorted_measures
        mask = None if mask is None else mask[:, order]
    measures = np.ascontiguousarray(measures)
    mask = np.zeros((0, 0), bool) if mask is None else np.ascontiguousarray(mask)
    edge = np.searchsorted(class_of, np.arange(c + 1))
    sizes = np.diff(edge)
    here = np.flatnonzero(sizes)
    pieces = -(-sizes // CHUNK)
    chunk_class = np.repeat(np.arange(c), pieces)
    first_chunk = np.concatenate([[0], np.cumsum(pieces)])
    start = edge[chunk_class] + (np.arange(len(chunk_class)) - first_chunk[chunk_class]) * CHUNK
    start = np.append(start, n)
    sums = np.zeros((len(chunk_class), h + 1, k))
    gross_sums(len(start) - 1, measures, mask, start, read, sums)
    gross = np.zeros((c, h + 1, k))
    if len(here):
        gross[here] = np.add.reduceat(sums, first_chunk[here], axis=0)
    gross = np.ascontiguousarray(gross.transpose(1, 0, 2))
    bad = np.argwhere(~np.isfinite(gross).all(axis=1))
    if len(bad):
        raise ProblemError(
            [
                f"measures: expected finite numbers, got NaN or infinity in {problem.measure_names[m]!r}, arm {a}"
                for m, a in bad
            ]
        )
    homes = homes_of(problem, order)
    n_blocks = 1 if homes.some else min(max(len(here), 1), MOST_BLOCKS)
    block = np.zeros(c, np.int64)
    block[here] = np.arange(len(here)) * n_blocks // max(len(here), 1)
    bounds = [integral_bounds(row, h * c * k) for row in problem.rows]
    lower, upper = (np.array([b[side] for b in bounds], np.float64) for side in (0, 1))
    line = np.repeat(np.arange(len(bounds)), np.diff(rows.indptr))
    at = block[rows.indices % (c * k) // k] * len(bounds) + line if c * k else line
    by_block = sparse.csr_matrix((rows.data, (at, rows.indices)), shape=(n_blocks * len(bounds), rows.shape[1]))
    share = gross.ravel() / (k + 1)
    scale = abs(rows) @ share
    finite = [max([abs(x) for x in b if np.isfinite(x)] or [0.0]) for b in bounds]
    scale = np.where(scale > 0, scale, np.maximum(finite, 1.0)) if len(bounds) else np.zeros(0)
    return Layout(
        problem=problem,
        measures=measures,
        mask=mask,
        sets=sets,
        class_of=class_of,
        order=order,
        edge=edge,
        start=start,
        chunk_class=chunk_class,
        here=here,
        first_chunk=first_chunk[here],
        block=block,
        n_blocks=n_blocks,
        homes=homes,
        lower=lower,
        upper=upper,
        tolerance=np.array([0.5 * TOLERANCE * row_size(row.lower, row.upper) for row in problem.rows]),
        rows=rows,
        transposed=rows.T.tocsr(),
        by_block=by_block,
        cells=cells_from(rows, problem.shape),
        read=read,
        gross=gross,
        scale=scale,
        worth=max(float(gross[0].sum()) / (k + 1), 1e-12),
    )
