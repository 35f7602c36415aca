"""Which rules conflict, proven.

Phase 1 is the column generation with objective 0: the master minimises what rows are broken by (in row sizes).
Its multipliers y are a proof as soon as their bound is below 0: then no choice, customer by customer, meets the rows
with y != 0 together; the proof is recomputed in float64 by :func:`solvers.certify.lagrangian`.  A column is a plan
with its use of every row, so that one pool serves every subset of rows.

An irreducible set (deletion filter): try to prove the conflict without one row; proven: go on with the rows of the new
proof; not proven: the row is needed.  Not proven means that a mix of plans meets the others (a whole plan, by :class:`Integral`),
or that the search for a proof came to its limit of rounds or nodes.  How much each would have to give: :mod:`solvers.giving`.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.certify import lagrangian
from solvers.decomposition import Pool, master
from solvers.exact import WholeProgram
from solvers.layout import Layout
from solvers.pricing import Pricer
from solvers.program import Backend
from solvers.search import respond

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
MOST_CONFLICTS = 10
MOST_NODES = 2_000


@dataclass(frozen=True)
class Conflict:
    """Rows (indices) of conflicts, and which conflict each belongs to, 0, 1, ...: no row is in two.

    ``whole``: every row was tried for whether it can be left out, and further conflicts were sought; else time was up.
    """

    rows: tuple[int, ...]
    group: tuple[int, ...] = ()
    whole: bool = True


class Oracle(Protocol):
    """Decides subsets of rows."""

    def conflict(self, rows: Mask) -> Mask | None:
        """Rows among ``rows`` that are proven to conflict, or None if no proof was found."""
        ...


class Mixes:
    """Oracle over mixes of plans: what it proves holds for integral plans too."""

    def __init__(self, layout: Layout, backend: Backend = "highs", most: int = 300) -> None:
        h, k, _, c = layout.shape
        self.layout, self.backend, self.most = layout, backend, most
        self.pricer = Pricer(layout, np.zeros((h + 1, c, k)))
        self.pool = Pool(layout, 1.0)

    def conflict(self, rows: Mask) -> Mask | None:
        """See :class:`Oracle`."""
        layout = self.layout
        scale = layout.scale
        lower = np.where(rows, layout.lower / scale, -np.inf)
        upper = np.where(rows, layout.upper / scale, np.inf)
        best, center = np.inf, np.zeros(len(scale))
        y = np.zeros(len(scale))
        for _ in range(self.most):
            if len(self.pool.block):
                mix = master(self.pool, lower, upper, 1.0, self.backend)
                if np.abs(mix.broken).sum() < 1e-9:
                    return None
                y = np.where(np.isinf(upper), np.minimum(mix.y, 0.0), mix.y)
                y = np.where(np.isinf(lower), np.maximum(y, 0.0), y)
                y = np.where(np.abs(y) > 1e-9, y, 0.0)
            point = y if np.isinf(best) else 0.5 * (center + y)
            response = respond(layout, self.pricer, point / scale)
            self.pool.add(response)
            if response.bound < best:
                best, center = response.bound, point
            if best < 0 and (proof := self._proof(center / scale)) is not None:
                return proof
        return None

    def _proof(self, y: FloatArray) -> Mask | None:
        allowed = float(np.abs(y) @ self.layout.tolerance) + 1e-10 * float(np.abs(y) @ self.layout.scale)
        if lagrangian(self.layout.problem, y, valued=False) < -allowed:
            return np.asarray(y != 0)
        return None


class Integral:
    """Oracle over whole plans of a small problem: mixes where they prove it, else an integer program."""

    def __init__(self, layout: Layout, mixes: Mixes, backend: Backend = "highs", deadline: float = math.inf) -> None:
        self.layout, self.mixes, self.backend, self.program = layout, mixes, backend, WholeProgram(layout)
        self.deadline = deadline

    def conflict(self, rows: Mask) -> Mask | None:
        """See :class:`Oracle`."""
        proof = self.mixes.conflict(rows)
        if proof is not None:
            return proof
        left = self.deadline - time.perf_counter()
        if left <= 0:
            return None
        answer, _ = self.program.solve(
            integer=True,
            backend=self.backend,
            rows=rows,
            objective=np.zeros(len(self.program.value)),
            nodes=MOST_NODES,
            seconds=left if math.isfinite(left) else None,
        )
        return rows.copy() if answer is None or answer.infeasible else None


def explain(layout: Layout, oracle: Oracle, deadline: float = math.inf) -> Conflict | None:
    """Sets of rows in conflict; None if the oracle finds no proof of any.

    The rows of a set are left out and the next one is sought, until no more is found.  No row of a set can be left out and
    the oracle still proves the conflict of the rest; past the ``deadline`` (of ``time.perf_counter``) rows are left untried,
    and after the first set no other is sought.
    """
    live = np.ones(len(layout.lower), bool)
    sets: list[list[int]] = []
    whole = True
    while len(sets) < MOST_CONFLICTS:
        if sets and time.perf_counter() > deadline:
            whole = False
            break
        rows, tried = _irreducible(oracle, live, deadline)
        whole = whole and tried
        if rows is None:
            break
        sets.append(np.flatnonzero(rows).tolist())
        live &= ~rows
    if not sets:
        return None
    group = tuple(number for number, of in enumerate(sets) for _ in of)
    return Conflict(tuple(r for of in sets for r in of), group, whole)


def _irreducible(oracle: Oracle, live: Mask, deadline: float) -> tuple[Mask | None, bool]:
    """Rows among ``live`` that conflict (None without a proof), but not with any one of them left out; and whether that was
    tried of every one before the deadline.
    """
    rows = oracle.conflict(live)
    if rows is None:
        return None, True
    needed = np.zeros(len(rows), bool)
    while (rows & ~needed).any():
        if time.perf_counter() > deadline:
            break
        r = int(np.flatnonzero(rows & ~needed)[0])
        without = rows.copy()
        without[r] = False
        smaller = oracle.conflict(without)
        if smaller is None:
            needed[r] = True
        else:
            rows = smaller
    return rows, bool(rows.sum() == 1) or time.perf_counter() <= deadline
