"""Which rules conflict, proven, and by how much each of them would have to give.

Phase 1 is the column generation with objective 0: the master minimises what rows are broken by (in row sizes).
Its multipliers y are a proof as soon as their bound is below 0: then no choice, customer by customer, meets the rows
with y != 0 together; the proof is recomputed in float64 by :func:`solvers.certify.lagrangian`.  A column is a plan
with its use of every row, so that one pool serves every subset of rows.

An irreducible set (deletion filter): try to prove the conflict without one row; proven: go on with the rows of the new
proof; feasible: the row is needed.  How much: the least that a row of the set must give if all other rows of the
problem hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.certify import lagrangian
from solvers.decomposition import Pool, generate, master
from solvers.exact import WholeProgram
from solvers.layout import Layout, arrange
from solvers.moves import row_form
from solvers.pricing import Pricer
from solvers.problem import Problem
from solvers.program import Backend
from solvers.search import respond

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
MOST_CONFLICTS = 10


@dataclass(frozen=True)
class Conflict:
    """Rows (indices) of irreducible conflicts, the least each must give (NaN: giving alone does not help), and which conflict
    each belongs to, 0, 1, ...: no row is in two.
    """

    rows: tuple[int, ...]
    gives: tuple[float, ...]
    group: tuple[int, ...] = ()


class Oracle(Protocol):
    """Decides subsets of rows."""

    def conflict(self, rows: Mask) -> Mask | None:
        """Rows among ``rows`` that are proven to conflict, or None if no proof was found."""
        ...

    def least(self, rest: Mask, r: int) -> float:
        """The least by which row r must give if the rows ``rest`` hold; NaN if they conflict without it."""
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

    def least(self, rest: Mask, r: int) -> float:
        """See :class:`Oracle`."""
        layout = self.layout
        form = row_form(layout, r).transpose(1, 0, 2)
        give = 0.0
        for sign, limit in ((-1.0, layout.upper[r]), (1.0, -layout.lower[r])):
            if np.isfinite(limit):
                pricer = Pricer(layout, np.ascontiguousarray(sign * form))
                first = respond(layout, pricer, np.zeros(len(rest)))
                dual = generate(
                    layout,
                    pricer,
                    [first],
                    1e-5,
                    backend=self.backend,
                    rows=rest,
                    worth=float(layout.scale[r]),
                    passes=150,
                )
                if not dual.feasible:
                    return float("nan")
                give = max(give, -dual.best.bound - limit)
        return give


class Integral:
    """Oracle over integral plans of a small problem."""

    def __init__(self, layout: Layout, backend: Backend = "highs") -> None:
        self.layout, self.backend, self.program = layout, backend, WholeProgram(layout)

    def conflict(self, rows: Mask) -> Mask | None:
        """See :class:`Oracle`."""
        answer, _ = self.program.solve(
            integer=True, backend=self.backend, rows=rows, objective=np.zeros(len(self.program.value))
        )
        return rows.copy() if answer is None or answer.infeasible else None

    def least(self, rest: Mask, r: int) -> float:
        """See :class:`Oracle`."""
        layout, program = self.layout, self.program
        line = np.asarray(program.usage[r].todense()).ravel()
        gives = [np.inf]
        # What whole plans use of a row has holes: one side gives while the other still holds.
        for sign, gone in ((-1.0, layout.upper), (1.0, layout.lower)):
            if np.isfinite(gone[r]):
                lower, upper = np.where(rest, layout.lower, -np.inf), np.where(rest, layout.upper, np.inf)
                if sign < 0:
                    lower[r] = layout.lower[r]
                else:
                    upper[r] = layout.upper[r]
                answer, _ = program.solve(
                    integer=True, backend=self.backend, bounds=(lower, upper), objective=sign * line
                )
                if answer is not None and answer.solved:
                    gives.append(max(sign * (gone[r] - float(line @ answer.x)), 0.0))
        return min(gives) if len(gives) > 1 else float("nan")


def explain(layout: Layout, oracle: Oracle) -> Conflict | None:
    """Irreducible sets of rows in conflict and what each row must give; None if the oracle finds no proof of any.

    The rows of a set are left out and the next one is sought, until the rest can be met.  What a row must give: the least if
    all other rows hold but those of other sets, which have conflicts of their own.
    """
    live = np.ones(len(layout.lower), bool)
    sets: list[list[int]] = []
    while len(sets) < MOST_CONFLICTS:
        rows = _irreducible(oracle, live)
        if rows is None:
            break
        sets.append(np.flatnonzero(rows).tolist())
        live &= ~rows
    if not sets:
        return None
    found, gives, group = [], [], []
    for number, of in enumerate(sets):
        for r in of:
            rest = np.ones(len(live), bool)
            rest[[x for other in sets if other is not of for x in other]] = False
            rest[r] = False
            found.append(r)
            gives.append(oracle.least(rest, r))
            group.append(number)
    return Conflict(tuple(found), tuple(gives), tuple(group))


def _irreducible(oracle: Oracle, live: Mask) -> Mask | None:
    """Rows among ``live`` that conflict, but not with any one of them left out; None without a proof."""
    rows = oracle.conflict(live)
    if rows is None:
        return None
    needed = np.zeros(len(rows), bool)
    while (rows & ~needed).any():
        r = int(np.flatnonzero(rows & ~needed)[0])
        without = rows.copy()
        without[r] = False
        smaller = oracle.conflict(without)
        if smaller is None:
            needed[r] = True
        else:
            rows = smaller
    return rows


def least_give(problem: Problem, r: int, backend: Backend = "highs") -> float:
    """The least by which row r must give if all other rows hold, in its own units; 0 if it need not.

    What mixes of plans need; NaN if the others conflict without it.
    """
    layout = arrange(problem)
    rest = np.ones(len(problem.rows), bool)
    rest[r] = False
    give = Mixes(layout, backend).least(rest, r)
    return 0.0 if give <= layout.tolerance[r] + 1e-9 * float(layout.scale[r]) else give
