"""What a given plan is worth, without changing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers._jit import threads_for
from solvers.answer import row_results
from solvers.certify import TOLERANCE, certify
from solvers.errors import ProblemError, SolverError
from solvers.layout import Layout, arrange
from solvers.methods import multipliers_of
from solvers.problem import NO_ARM, Problem
from solvers.solution import RowResult

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """A plan as it is.

    Attributes:
        value: sum of measure 0.
        bound: upper bound on every plan that keeps the rows.
        gap: (bound - value) / max(|bound|, 1e-12): what optimising can add at most; below 0 only if rows are broken.
        rows: every rule under the plan, with shadow prices at the bound's multipliers.
        broken: names of the rules outside their bounds by more than 1e-9 of their size.
        allowed: every customer's arms are open to them and may be had together.
        multipliers: (R,) the bound's proof; ``start`` of a later solve.

    """

    value: float
    bound: float
    gap: float
    rows: tuple[RowResult, ...]
    broken: tuple[str, ...]
    allowed: bool
    multipliers: FloatArray

    @property
    def feasible(self) -> bool:
        """The plan keeps every rule."""
        return self.allowed and not self.broken


def checked_plan(problem: Problem, plan: NDArray[np.integer]) -> NDArray[np.int64]:
    """A plan (n,), or (M, n) where several arms are allowed, whose arms exist.

    Raises:
        ProblemError: another shape, or arms outside -1 .. K - 1.

    """
    _, k, n, _ = problem.shape
    plan = np.asarray(plan)
    if plan.ndim not in (1, 2) or plan.shape[-1] != n or (plan.ndim == 2 and not problem.several and len(plan) > 1):
        raise ProblemError([f"plan: expected arms of {n} customers, got shape {plan.shape}"])
    if not np.issubdtype(plan.dtype, np.integer):
        raise ProblemError([f"plan: expected whole numbers, got {plan.dtype}"])
    if plan.size and (plan.min() < NO_ARM or plan.max() >= k):
        raise ProblemError([f"plan: expected arms -1 .. {k - 1}, got {plan.min()} .. {plan.max()}"])
    whole: NDArray[np.int64] = plan.astype(np.int64)
    return whole if problem.several else whole.reshape(n)


def evaluate(
    problem: Problem,
    plan: NDArray[np.integer],
    *,
    multipliers: NDArray[np.floating] | None = None,
    gap: float = 1e-4,
) -> Evaluation:
    """Value, rules and distance to the best of a plan, which is not changed.

    Args:
        problem: see :class:`solvers.problem.Problem`.
        plan: (n,) arms, -1 = none; or (M, n) where several are allowed.
        multipliers: (R,) a proof of the bound that is known already; otherwise the dual is solved (no plan is sought).
        gap: how near to the least bound that is done, relative.

    Raises:
        SolverError: multipliers of another length, or not finite.
        ProblemError: a plan that does not fit the problem, or measures that are not finite.

    """
    rows = len(problem.rows)
    if multipliers is not None and (np.shape(multipliers) != (rows,) or not np.isfinite(multipliers).all()):
        raise SolverError([f"multipliers: expected {rows} finite numbers, got {np.asarray(multipliers)!r}"])
    plan = checked_plan(problem, plan)
    with threads_for(problem.measures.size):
        layout = arrange(problem)
        y = _multipliers(layout, gap) if multipliers is None else layout.projected(np.asarray(multipliers, np.float64))
        proof = certify(problem, plan, y)
    return Evaluation(
        value=proof.objective,
        bound=proof.bound,
        gap=proof.gap,
        rows=row_results(problem, proof, y),
        broken=tuple(r.name for r, v in zip(problem.rows, proof.violation.tolist(), strict=True) if v > TOLERANCE),
        allowed=proof.allowed,
        multipliers=y,
    )


def _multipliers(layout: Layout, gap: float) -> FloatArray:
    return multipliers_of(layout, gap) if len(layout.lower) else np.zeros(0)
