"""What a rule in conflict must give: the most, or least, that its sum can come to while the others hold.

That is an allocation problem of its own, whose objective is the rule's linear form and whose rows are the other rules and the
rule's own other end.  Its plan shows an amount that is enough, its bound one that is not exceeded in vain: with less than
``at_least`` no whole plan meets the rules.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.certify import counts_offers, lagrangian, plan_table
from solvers.offers import form_by_offer
from solvers.problem import Problem, Row
from solvers.solution import End, Give, Solution, Status

FloatArray = NDArray[np.float64]
Solve = Callable[[Problem], Solution]
ENDS: tuple[End, End] = ("lower", "upper")


@dataclass(frozen=True)
class Reach:
    """The most that a linear form comes to: ``value`` by the plan whose table this is (NaN: no plan found); no plan exceeds
    ``bound`` (-inf: proven that there is none).
    """

    value: float
    bound: float
    table: FloatArray


def most_of(problem: Problem, line: FloatArray, solve: Solve) -> Reach:
    """The most that ``line`` (W,), a linear form of the plan's table, comes to under the problem's rows."""
    other = _with_objective(problem, line)
    found = solve(other)
    if found.status is Status.INFEASIBLE:
        bound = -np.inf if found.conflict else lagrangian(other, found.multipliers)
        return Reach(math.nan, bound, np.zeros(len(line)))
    table = plan_table(problem, found.plan)
    value = float(line @ table)
    return Reach(value, max(found.bound, value), table)


def line_of(problem: Problem, row: Row) -> FloatArray:
    """(W,) a row's coefficients."""
    h, k, _, c = problem.shape
    line = np.zeros((h + 1) * c * k)
    np.add.at(line, row.coefficients.indices, row.coefficients.data)
    return line


def reach_of(problem: Problem, r: int, end: End, apart: Collection[int], solve: Solve) -> Reach:
    """How far row r can be met at one end, the less it is broken the larger: the most of its sum (``upper``: of the sum's
    negative) under the other rows, less its bound there; without the rows ``apart``.  Below 0, the rows conflict.
    """
    row = problem.rows[r]
    sign, bound, open_end = (-1.0, row.upper, np.inf) if end == "upper" else (1.0, row.lower, -np.inf)
    rest = [one for i, one in enumerate(problem.rows) if i != r and i not in apart]
    kept = dataclasses.replace(row, upper=open_end) if end == "upper" else dataclasses.replace(row, lower=open_end)
    reach = most_of(dataclasses.replace(problem, rows=(*rest, kept)), sign * line_of(problem, row), solve)
    h, k, _, c = problem.shape
    most = reach.bound
    if counts_offers(row, h * c * k) and np.isfinite(most):
        most = math.floor(most + 1e-6)
    short = sign * (bound - row.constant)
    return Reach(reach.value - short, most - short, reach.table)


def gives(problem: Problem, r: int, apart: Collection[int], solve: Solve) -> Give:
    """What row r must give if the others hold, but for the rows ``apart``, which have conflicts of their own."""
    row = problem.rows[r]
    ends: list[End] = [end for end, bound in zip(ENDS, (row.lower, row.upper), strict=True) if np.isfinite(bound)]
    reached = {end: reach_of(problem, r, end, apart, solve) for end in ends}
    found = [Give(max(-of.value, 0.0), max(-of.bound, 0.0), end) for end, of in reached.items()]
    best = min(found, key=lambda give: (math.isnan(give.enough), give.enough, give.at_least))
    return dataclasses.replace(best, at_least=min(give.at_least for give in found))


def _with_objective(problem: Problem, line: FloatArray) -> Problem:
    """The problem with another objective: what ``line`` makes of each offer.  The old one stays where a row reads it."""
    h, k, n, c = problem.shape
    worth = np.empty((k, n), np.float64)
    for piece, part in form_by_offer(problem, line.reshape(h + 1, c, k)):
        worth[:, piece] = part
    # Numbers of closed offers may be anything.
    if problem.eligible is not None:
        worth[~problem.eligible] = 0.0
    keep = any((row.coefficients.indices < c * k).any() for row in problem.rows)
    old = problem.measures if keep else problem.measures[1:]
    shift = c * k if keep else 0
    rows = []
    for row in problem.rows:
        moved = row.coefficients.copy()
        moved.resize((1, moved.shape[1] + shift))
        moved.indices = moved.indices + shift
        rows.append(dataclasses.replace(row, coefficients=moved))
    names = ("what the rule sums", *(problem.measure_names if keep else problem.measure_names[1:]))
    measures = np.concatenate([worth[None].astype(problem.measures.dtype), old])
    return dataclasses.replace(problem, measures=measures, measure_names=names, rows=tuple(rows))
