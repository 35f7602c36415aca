"""The dual of the allocation by aggregated column generation: a restricted master in PuLP, pricing in Numba.

A column is (value, row usage) of one block's best answer to some multipliers; a block is a customer class, or a few of
them.  The master mixes columns:

    maximise    sum value x - penalty (over + under)
    subject to  lower <= sum usage x - over + under <= upper   (one multiplier a row)
                sum x <= 1 a block                              (the empty column is implied)

All is scaled (values by the worth at stake, rows by their size), so that one penalty serves every row; ``over``
and ``under`` keep the master feasible from the first pass.  A row's true price can be far above any fixed penalty: if
rows are still broken when the gap has closed, the penalty grows.

Stabilisation (in-out): price at a * best + (1 - a) * master.  a falls while the dual still slopes towards the
master's point and rises after an overshoot, so there is nothing to tune.  Columns that were idle for eight masters
are dropped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.layout import Layout
from solvers.pricing import Pricer
from solvers.program import Backend, solve_program
from solvers.search import Response, respond

FloatArray = NDArray[np.float64]
IDLE = 8


@dataclass(frozen=True)
class Dual:
    """Best multipliers and the mix of columns that nearly attains them.

    Attributes:
        best: the response with the smallest bound.
        gap: its bound against the master's value, relative.
        broken: (R,) what the master could not meet, in row units; all 0 if a mix of plans meets the rows.
        weight, block, answer: (J,) columns in use: share, block, which of ``arms``.
        arms: (D, n) plans that the columns come from.
        stopped: time or passes ran out before the gap closed.

    """

    best: Response
    gap: float
    broken: FloatArray
    weight: FloatArray
    block: NDArray[np.int64]
    answer: NDArray[np.int64]
    arms: NDArray[np.signedinteger]
    stopped: bool

    @property
    def feasible(self) -> bool:
        """A mix of plans meets every row."""
        return not self.broken.any()


class Pool:
    """Columns of the master, in scaled units."""

    def __init__(self, layout: Layout, worth: float) -> None:
        rows = len(layout.lower)
        self.layout, self.worth = layout, worth
        self.value = np.zeros(0)
        self.usage = np.zeros((0, rows))
        self.block = np.zeros(0, np.int64)
        self.born = np.zeros(0, np.int64)
        self.idle = np.zeros(0, np.int64)
        self.arms: dict[int, NDArray[np.signedinteger]] = {}
        self._next = 0

    def add(self, response: Response) -> None:
        """Add the columns of a response, one a block."""
        blocks = len(response.value)
        self.value = np.append(self.value, response.value / self.worth)
        self.usage = np.vstack([self.usage, response.usage / self.layout.scale])
        self.block = np.append(self.block, np.arange(blocks))
        self.born = np.append(self.born, np.full(blocks, self._next))
        self.idle = np.append(self.idle, np.zeros(blocks, np.int64))
        self.arms[self._next] = response.arm
        self._next += 1

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Drop the other columns, and plans that no column comes from."""
        self.value, self.usage, self.block = self.value[which], self.usage[which], self.block[which]
        self.born, self.idle = self.born[which], self.idle[which]
        for key in set(self.arms) - set(self.born.tolist()):
            del self.arms[key]


@dataclass(frozen=True)
class Mix:
    """The master's answer, scaled: multipliers (R,), weights (J,), reduced costs (J,), value, broken (R,) signed."""

    y: FloatArray
    weight: FloatArray
    reduced: FloatArray
    value: float
    broken: FloatArray


def master(pool: Pool, lower: FloatArray, upper: FloatArray, penalty: float, backend: Backend) -> Mix:
    """Mix the pool's columns.  Bounds are scaled.  Rows that no mix of these columns can break are left out (price
    0).
    """
    blocks = pool.layout.n_blocks
    high, low = np.zeros((2, blocks, pool.usage.shape[1]))
    np.maximum.at(high, pool.block, pool.usage)
    np.minimum.at(low, pool.block, pool.usage)
    needed = np.flatnonzero((high.sum(axis=0) > upper) | (low.sum(axis=0) < lower))
    usage, lower, upper = pool.usage[:, needed], lower[needed], upper[needed]
    columns, rows = usage.shape
    eye = sparse.identity(rows, format="csr")
    member = sparse.csr_matrix((np.ones(columns), (pool.block, np.arange(columns))), shape=(blocks, columns))
    matrix = sparse.bmat(
        [[sparse.csr_matrix(usage.T), -eye, eye], [member, None, None]] if rows else [[member]], format="csr"
    )
    size = columns + 2 * rows
    answer = solve_program(
        np.concatenate([pool.value, np.full(2 * rows, -penalty)]),
        matrix,
        np.concatenate([lower, np.full(blocks, -np.inf)]),
        np.concatenate([upper, np.ones(blocks)]),
        np.zeros(size),
        np.full(size, np.inf),
        backend=backend,
    )
    if not answer.solved:
        raise RuntimeError(
            "the master program was not solved; is another part of this process using HiGHS with other threads?"
        )
    x = answer.x
    over, under = x[columns : columns + rows], x[columns + rows :]
    value = float(pool.value @ x[:columns]) - penalty * float(over.sum() + under.sum())
    y, broken = np.zeros((2, pool.usage.shape[1]))
    y[needed], broken[needed] = answer.multipliers[:rows], over - under
    return Mix(y, x[:columns], answer.reduced[:columns], value, broken)


def generate(
    layout: Layout,
    pricer: Pricer,
    first: list[Response],
    gap: float,
    *,
    backend: Backend = "highs",
    rows: NDArray[np.bool_] | None = None,
    worth: float | None = None,
    passes: int = 400,
    most_penalty: float = 1e4,
    deadline: float = np.inf,
) -> Dual:
    """Column generation from the responses ``first`` (at least one) to a relative gap between dual and mix of ``gap``.

    rows: mask of the rows in force (all); worth: size of the objective if it is not the problem's own; passes:
    most passes; most_penalty: give up on rows that are broken at this penalty (prove the conflict, or call again with
    more).
    """
    worth = layout.worth if worth is None else worth
    scale = layout.scale
    live = np.ones(len(scale), bool) if rows is None else rows
    lower = np.where(live, layout.lower / scale, -np.inf)
    upper = np.where(live, layout.upper / scale, np.inf)
    pool = Pool(layout, worth)
    for response in first:
        pool.add(response)
    best = min(first, key=lambda x: x.bound)
    penalty, a, last = 100.0, 0.5, best
    while True:
        mix = master(pool, lower, upper, penalty, backend)
        distance = (best.bound / worth - mix.value) / max(abs(best.bound / worth), 1e-12)
        broken = np.where(np.abs(mix.broken) > 1e-9, mix.broken, 0.0)
        if distance < gap:
            if not broken.any() or penalty >= most_penalty:
                stopped = False
                break
            penalty *= 10.0
        elif pricer.passes >= passes or time.perf_counter() > deadline:
            stopped = True
            break
        pool.idle = np.where(mix.weight > 1e-9, 0, pool.idle + 1)
        pool.keep((pool.idle < IDLE) | (mix.reduced > -1e-9))
        out = np.where(np.isinf(upper), np.minimum(mix.y, 0.0), mix.y)
        out = np.where(np.isinf(lower), np.maximum(out, 0.0), out)
        center = np.where(live, best.y * scale / worth, 0.0)
        point = a * center + (1.0 - a) * out
        last = respond(layout, pricer, point * worth / scale)
        pool.add(last)
        slope = (layout.rhs(last.y) - last.total) * worth / scale
        slope = np.where(np.isfinite(slope), slope, 0.0)
        a = max(0.0, a - 0.1 * (1.0 - a)) if slope @ (out - center) < 0 else min(0.95, a + 0.1 * (1.0 - a))
        if last.bound < best.bound:
            best = last
    used = mix.weight > 1e-9
    born, answer = np.unique(pool.born[used], return_inverse=True)
    arms = (
        np.stack([pool.arms[b] for b in born.tolist()])
        if len(born)
        else np.full((1, layout.shape[2]), -1, layout.arm_dtype)
    )
    return Dual(best, distance, broken * scale, mix.weight[used], pool.block[used], answer, arms, stopped)
