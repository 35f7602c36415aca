"""Prices of the rows of a flow, and a proven upper bound on what any rule of choice can bring.

For prices y >= 0, everybody left alone with them, ``D(y) = sum of everybody's own dynamic programme + y limit`` is at
least what any rule of choice brings that keeps the rows in expectation, though it may know everybody and look at
everything that has happened (weak duality; Adelman and Mersereau 2008).  D is convex; its least value is that of the
occupancy program of :mod:`solvers.fluid`.

Found by cutting planes: the answers to earlier prices are columns of a small master program whose multipliers are the next
prices, moved towards the best ones so far (in-out), as in :mod:`solvers.decomposition`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.errors import SolverError
from solvers.flow import Flow
from solvers.flow_pass import run_pass
from solvers.program import solve_program

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Lagrangian:
    """Prices of rows over time.

    Attributes:
        prices: (R,) >= 0, objective units per unit of ``limit``; the gain of one more unit where the bound is tight.
        bound: upper bound on every rule of choice for the flow's masses, D(prices), proven by weak duality.
        model_value: what a mix of the plans met brings within the rows, in expectation (its masses are not whole numbers).
        value: (G, T + 1, M, S) what an individual's future is worth at the prices, net of what it pays for rows.
        used: (R, T) what the mix uses of each row by stage.
        passes: dynamic programmes of everybody that were solved.
    """

    prices: FloatArray
    bound: float
    model_value: float
    value: FloatArray
    used: FloatArray
    passes: int

    @property
    def gap(self) -> float:
        """(bound - model_value) / max(|bound|, 1e-12)."""
        return (self.bound - self.model_value) / max(abs(self.bound), 1e-12)


@dataclass(frozen=True)
class _Answer:
    """Everybody's best answer to prices: its worth, use (R, T), bound and values."""

    prices: FloatArray
    worth: float
    used: FloatArray
    bound: float
    value: FloatArray


def _ask(flow: Flow, y: FloatArray) -> _Answer:
    value, _, table = run_pass(flow, flow.prices(y))
    bound = float((value[:, 0] * flow.mass).sum() + y @ flow.limit)
    return _Answer(y, float(table[-1].sum()), flow.used(table[:-1]), bound, value)


def lagrangian(
    flow: Flow, *, start: NDArray[np.floating] | None = None, gap: float = 1e-4, passes: int = 200
) -> Lagrangian:
    """Least bound to a relative distance of ``gap`` from what a mix of plans brings, or after ``passes``.

    Args:
        flow: see :class:`solvers.flow.Flow`.
        start: (R,) prices to begin with; default 0.
        gap: target.
        passes: most dynamic programmes.

    Raises:
        SolverError: prices to begin with of another length, below 0 or not finite.

    """
    rows = len(flow.limit)
    y = np.zeros(rows) if start is None else np.asarray(start, np.float64)
    if y.shape != (rows,) or not (np.isfinite(y) & (y >= 0)).all():
        raise SolverError([f"start: expected {rows} finite prices >= 0, got {start!r}"])
    answers = [_ask(flow, y)]
    if y.any():
        answers.append(_ask(flow, np.zeros(rows)))
    best = min(answers, key=lambda a: a.bound)
    size = np.maximum(np.max([a.used.sum(axis=1) for a in answers], axis=0), np.maximum(flow.limit, 1e-12))
    worth = max(best.bound, 1e-12)
    inward = 0.5
    while True:
        weight, prices, inside = _master(answers, flow.limit, size, worth)
        if best.bound - inside <= gap * max(abs(best.bound), 1e-12) or len(answers) >= passes:
            break
        out = prices * worth / size
        last = _ask(flow, inward * best.prices + (1 - inward) * out)
        answers.append(last)
        slope = flow.limit - last.used.sum(axis=1)
        uphill = float(slope @ (out - best.prices)) >= 0
        inward = min(0.95, inward + 0.1 * (1 - inward)) if uphill else max(0.0, inward - 0.1 * (1 - inward))
        if last.bound < best.bound:
            best = last
    used = np.tensordot(weight, np.stack([a.used for a in answers]), axes=1)
    return Lagrangian(best.prices, best.bound, inside, best.value, used, len(answers))


def _master(
    answers: list[_Answer], limit: FloatArray, size: FloatArray, worth: float
) -> tuple[FloatArray, FloatArray, float]:
    """The best mix of answers (doing nothing is always one): weights, multipliers of the scaled rows, value."""
    value = np.array([a.worth for a in answers])
    use = np.stack([a.used.sum(axis=1) for a in answers], axis=1)
    needed = np.flatnonzero((use > limit[:, None]).any(axis=1))
    matrix = np.vstack([use[needed] / size[needed, None], np.ones(len(answers))])
    right = np.append(limit[needed] / size[needed], 1.0)
    answer = solve_program(
        value / worth,
        sparse.csr_matrix(matrix),
        np.full(len(right), -np.inf),
        right,
        np.zeros(len(answers)),
        np.full(len(answers), np.inf),
    )
    if not answer.solved:
        raise RuntimeError(
            "the master program was not solved; is HiGHS used elsewhere in this process with other threads?"
        )
    prices = np.zeros(len(limit))
    prices[needed] = np.maximum(answer.multipliers[:-1], 0.0)
    return answer.x, prices, float(value @ answer.x)
