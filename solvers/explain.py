"""Which rules conflict, proven.

Phase 1 is the column generation with objective 0: the master minimises what rows are broken by (in row sizes).
Its multipliers y are a proof as soon as their bound is below 0: then no choice, customer by customer, meets the rows
with y != 0 together; the proof is recomputed in float64 by :func:`solvers.certify.lagrangian`.  A column is a plan
with its use of every row, so that one pool serves every subset of rows.

An irreducible set (deletion filter): try to prove the conflict without one row; proven: go on with the rows of the new
proof; not proven: the row is needed.  Not proven means that a mix of plans meets the others (a whole plan, by :class:`Integral`),
or that the search for a proof came to its limit of rounds, nodes or time.  How much each would have to give: :mod:`solvers.giving`.
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
MOST_TRIALS = 100  # subsets that may hold one more conflict
MOST_NODES = 2_000


@dataclass(frozen=True)
class Conflict:
    """Rows (indices) of conflicts, and which conflict each belongs to, 0, 1, ...; a row can be in several.

    ``whole``: every row was tried for whether it can be left out of its conflict; else time was up.  ``complete``: the oracle
    finds no further conflict; else there may be more.
    """

    rows: tuple[int, ...]
    group: tuple[int, ...] = ()
    whole: bool = True
    complete: bool = True


class Oracle(Protocol):
    """Decides subsets of rows."""

    def conflict(self, rows: Mask) -> Mask | None:
        """Rows among ``rows`` that are proven to conflict, or None if no proof was found."""
        ...


class Memory:
    """Subsets of rows that are proven to conflict, and such that can be met: what follows for other subsets."""

    def __init__(self) -> None:
        self.proofs: list[Mask] = []
        self.met: list[Mask] = []

    def proof(self, rows: Mask) -> Mask | None:
        """A known conflict among the rows."""
        return next((known.copy() for known in self.proofs if not (known & ~rows).any()), None)

    def possible(self, rows: Mask) -> bool:
        """Whether the rows are known to be met together."""
        return any(not (rows & ~known).any() for known in self.met)


class Mixes:
    """Oracle over mixes of plans: what it proves holds for integral plans too.  It remembers what it was asked, and proves
    nothing more past the ``deadline`` (of ``time.perf_counter``).
    """

    def __init__(self, layout: Layout, backend: Backend = "highs", most: int = 300, deadline: float = math.inf) -> None:
        h, k, _, c = layout.shape
        self.layout, self.backend, self.most, self.deadline = layout, backend, most, deadline
        self.pricer = Pricer(layout, np.zeros((h + 1, c, k)))
        self.pool = Pool(layout, 1.0)
        self.memory = Memory()

    def conflict(self, rows: Mask) -> Mask | None:
        """See :class:`Oracle`."""
        found = self.memory.proof(rows)
        if found is None and not self.memory.possible(rows):
            found = self._sought(rows)
            if found is not None:
                self.memory.proofs.append(found.copy())
        return found

    def _sought(self, rows: Mask) -> Mask | None:
        """:meth:`conflict` of a question that is new."""
        layout = self.layout
        scale = layout.scale
        lower = np.where(rows, layout.lower / scale, -np.inf)
        upper = np.where(rows, layout.upper / scale, np.inf)
        best, center = np.inf, np.zeros(len(scale))
        y = np.zeros(len(scale))
        for _ in range(self.most):
            if time.perf_counter() > self.deadline:
                return None
            if len(self.pool.block):
                mix = master(self.pool, lower, upper, 1.0, self.backend)
                if np.abs(mix.broken).sum() < 1e-9:
                    self.memory.met.append(rows.copy())
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
        self.deadline, self.memory = deadline, Memory()

    def conflict(self, rows: Mask) -> Mask | None:
        """See :class:`Oracle`."""
        proof = self.mixes.conflict(rows)
        if proof is None:
            proof = self.memory.proof(rows)
        if proof is not None or self.memory.possible(rows):
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
        if answer is None or answer.infeasible:
            self.memory.proofs.append(rows.copy())
            return rows.copy()
        if answer.solved:
            self.memory.met.append(rows.copy())
        return None


def explain(layout: Layout, oracle: Oracle, deadline: float = math.inf) -> Conflict | None:
    """Sets of rows in conflict; None if the oracle finds no proof of any.

    First sets that share no row, each among the rows that the ones before leave.  Then sets that share rows with them: any other
    conflict avoids a row of each set that is known, so that all rows but such a choice of rows (a hitting set) are tried, until
    none of the choices leaves a conflict (Reiter 1987; Liffiton et al. 2016).

    No row of a set can be left out and the oracle still proves the conflict of the rest.  Past the ``deadline`` (of
    ``time.perf_counter``) rows are left untried; sets after the first are sought for half of the time that is left then.
    """
    live = np.ones(len(layout.lower), bool)
    first, whole = _irreducible(oracle, live, deadline)
    if first is None:
        return None
    sets, complete = [first], False
    if math.isfinite(deadline):
        deadline -= 0.5 * max(deadline - time.perf_counter(), 0.0)
    rest = live & ~first
    tried: set[frozenset[int]] = set()
    while len(sets) < MOST_CONFLICTS and len(tried) < MOST_TRIALS and time.perf_counter() <= deadline:
        if rest.any():
            rows, fully = _irreducible(oracle, rest, deadline)
            rest = rest & ~rows if rows is not None and fully else np.zeros_like(rest)
        else:
            choices, every = _choices(sets)
            out = next((choice for choice in choices if choice not in tried), None)
            if out is None:
                complete = every
                break
            tried.add(out)
            without = live.copy()
            without[list(out)] = False
            rows, fully = _irreducible(oracle, without, deadline)
        if rows is not None and fully:  # one that is not known to be irreducible says less than those that are
            sets.append(rows)
    complete = complete and time.perf_counter() <= deadline
    group = tuple(number for number, of in enumerate(sets) for _ in range(int(of.sum())))
    return Conflict(tuple(r for of in sets for r in np.flatnonzero(of).tolist()), group, whole, complete)


def _choices(sets: list[Mask]) -> tuple[list[frozenset[int]], bool]:
    """The smallest choices of rows with one of each set at least, none of which holds another; and whether these are all:
    at most ``MOST_TRIALS`` are kept.
    """
    choices: list[frozenset[int]] = [frozenset()]
    every = True
    for mask in sets:
        of = frozenset(np.flatnonzero(mask).tolist())
        meeting = [choice for choice in choices if choice & of]
        grown = [choice | {row} for choice in choices if not choice & of for row in of]
        new = [choice for choice in grown if not any(other <= choice for other in meeting)]
        choices = sorted({*meeting, *new}, key=lambda choice: (len(choice), sorted(choice)))
        every = every and len(choices) <= MOST_TRIALS
        choices = choices[:MOST_TRIALS]
    return choices, every


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
