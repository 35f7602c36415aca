"""The plan over time as one linear program: masses instead of individuals, all stages at once.

    maximise    sum worth x
    subject to  sum_k x[t, k, g, m, s] + x[t, none, g, m, s] = what flows into (t, g, m, s)      flow balance
                sum rows use x <= limit                                                          R rows, over any stages

Its value is a *model value*: what large numbers of individuals who are all alike within a type would bring.  It bounds what
real individuals can bring only if types were spread outwards (:mod:`solvers.chords`): a type that stands for the mean of
different individuals loses what can be gained by telling them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.errors import ProblemError
from solvers.flow import Flow
from solvers.program import Backend, solve_program

FloatArray = NDArray[np.float64]
MOST_COLUMNS = 100_000


@dataclass(frozen=True)
class FluidPlan:
    """The optimal masses, and prices.

    Attributes:
        model_value: the optimum.
        occupancy: (T, K + 1, G, M, S) masses, arm 0 = none.
        prices: (R,) >= 0, gain of the model value per unit of ``limit``: what paces a budget.
        state_value: (T, G, M, S) gain per unit of mass put there: what being there is worth, net of the rows' prices (where the
            plan puts no mass, one of the values that prove the optimum).
        used: (R, T) what the plan uses of each row by stage.
    """

    model_value: float
    occupancy: FloatArray
    prices: FloatArray
    state_value: FloatArray
    used: FloatArray


def fluid(flow: Flow, *, backend: Backend = "highs") -> FluidPlan:
    """Solve the occupancy program.

    Raises:
        ProblemError: more than ``MOST_COLUMNS`` variables; :func:`solvers.lagrangian.lagrangian` solves the same program.
        RuntimeError: the solver gave no answer.

    """
    t, _, g, m, s = flow.shape
    open_to = np.concatenate([np.ones((t, 1, g, m, s), bool), flow.open_to], axis=1)
    columns = np.argwhere(open_to)
    if len(columns) > MOST_COLUMNS:
        raise ProblemError(
            [
                f"flow: expected at most {MOST_COLUMNS:,} variables, got {len(columns):,}; lagrangian() solves larger ones"
            ]
        )
    place = np.full(open_to.shape, -1)
    place[open_to] = np.arange(len(columns))
    when, arm, kind, memory, at = columns.T
    state = np.arange(t * g * m * s).reshape(t, g, m, s)
    entries = [(state[when, kind, memory, at], np.arange(len(columns)), np.ones(len(columns)))]
    ongoing = np.flatnonzero(when < t - 1)
    w, a, c, o, p = columns[ongoing].T
    chance = np.where(a > 0, flow.chance[w, a - 1, c, o, p], 0.0)[:, None]
    moves = (1 - chance) * flow.calm[w, p] + chance * flow.hit[w, a - 1, p]
    goes = flow.follow[w, np.minimum(a, 1), o]
    for z in range(s):
        entries.append((state[w + 1, c, goes, z], ongoing, -moves[:, z]))
    chosen = np.flatnonzero(arm > 0)
    w, a, c, o, p = columns[chosen].T
    use = flow.use[:, w, a - 1, c, o, p].astype(np.float64)
    weights = np.einsum("rjx,jx->rx", flow.rows[:, :, w, a - 1, p], use)
    first = state.size
    for r in range(len(flow.limit)):
        entries.append((np.full(len(chosen), first + r), chosen, weights[r]))
    where, column, number = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    matrix = sparse.csr_matrix((number, (where, column)), shape=(first + len(flow.limit), len(columns)))
    matrix.eliminate_zeros()
    inflow = np.zeros(state.shape)
    inflow[0] = flow.mass
    objective = np.zeros(len(columns))
    objective[chosen] = flow.worth[w, a - 1, c, o, p]
    answer = solve_program(
        objective,
        matrix,
        np.concatenate([inflow.ravel(), np.full(len(flow.limit), -np.inf)]),
        np.concatenate([inflow.ravel(), flow.limit]),
        np.zeros(len(columns)),
        np.full(len(columns), np.inf),
        backend=backend,
    )
    if not answer.optimal:
        raise RuntimeError("the occupancy program was not solved")
    occupancy = np.zeros(open_to.shape)
    occupancy[open_to] = answer.x
    used = np.zeros((len(flow.limit), t))
    for r in range(len(flow.limit)):
        used[r] = np.bincount(w, weights[r] * answer.x[chosen], t)
    return FluidPlan(
        model_value=float(objective @ answer.x),
        occupancy=occupancy,
        prices=np.maximum(answer.multipliers[first:], 0.0),
        state_value=answer.multipliers[:first].reshape(state.shape),
        used=used,
    )
