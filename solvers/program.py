"""Linear and integer programs as arrays, built and solved in PuLP.  The only file that knows PuLP.

    maximise    objective . x
    subject to  lower <= matrix x <= upper          (multipliers: one a row)
                low <= x <= high,  x integer where asked

What the wrapper hides, each measured with PuLP 3.3:

- shadow prices of a maximisation have opposite signs under HiGHS and CBC;
- ``status`` says "Optimal" for a time limit too: only ``sol_status`` tells a proof from an incumbent;
- HiGHS' "solution limit" (its node limit) is unknown to PuLP and raises ``KeyError`` after the values were read;
- HiGHS keeps one scheduler a process: every call must ask for the same number of threads, or nothing is solved;
- the constructors ``LpVariable`` and ``PULP_CBC_CMD`` warn that they are going away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pulp
from numpy.typing import NDArray
from pulp.apis.coin_api import pulp_cbc_path
from scipy import sparse

Backend = Literal["highs", "cbc"]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What a solver found.

    Attributes:
        solved: a point is there (an optimum, or the incumbent at a limit).
        optimal: the point is proven optimal within the gaps asked for.
        infeasible: the solver proved that there is none.
        x: (J,) the point; zeros if there is none.
        multipliers: (R,) gain of the objective per unit of right-hand side; for linear programs only.
        reduced: (J,) reduced costs; for linear programs only.
        bound: upper bound on the objective that the solver proved, +inf if it does not say.

    """

    solved: bool
    optimal: bool
    infeasible: bool
    x: FloatArray
    multipliers: FloatArray
    reduced: FloatArray
    bound: float


class _Program(pulp.LpProblem):  # type: ignore[misc]
    """A problem that knows its variables from their making: PuLP looks for them in every row, again at each of
    several calls.
    """

    def __init__(self) -> None:
        super().__init__("program", pulp.LpMaximize)

    def make(self, name: str, low: float | None, high: float | None, kind: str) -> Any:
        variable = self.add_variable(name, low, high, kind)
        self._register_variable(variable)
        return variable

    def variables(self) -> list[Any]:
        return self._variables  # type: ignore[no-any-return]

    def _add_variables(self, variables: Any) -> None:
        pass


class _Highs(pulp.HiGHS):  # type: ignore[misc]
    """HiGHS whose node limit is an answer, not an error."""

    def findSolutionValues(self, lp: Any) -> tuple[int, int]:
        try:
            return super().findSolutionValues(lp)  # type: ignore[no-any-return]
        except KeyError:
            found = np.isfinite(lp.solverModel.getInfo().primal_solution_status) and (
                lp.solverModel.getInfo().primal_solution_status == 2  # kSolutionStatusFeasible
            )
            if found:
                return pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible
            return pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound


def _solver(backend: Backend, integer: bool, limits: dict[str, Any]) -> Any:
    if backend == "highs":
        options: dict[str, Any] = {"primal_feasibility_tolerance": 1e-9}
        if integer:
            options |= {"mip_feasibility_tolerance": 1e-9, "mip_max_nodes": limits["nodes"]}
            options |= {"gapAbs": limits["gap_absolute"], "gapRel": limits["gap_relative"]}
            if np.isfinite(limits["enough"]):
                options["objective_target"] = -float(limits["enough"])  # PuLP hands HiGHS a minimisation
        else:
            options["presolve"] = "off"
        return _Highs(msg=False, threads=1, timeLimit=limits["seconds"], **options)
    words = ["primalTolerance 1e-9"]
    if integer:
        words.append(f"maxNodes {limits['nodes']}")
    return pulp.COIN_CMD(
        path=pulp_cbc_path,
        msg=False,
        timeLimit=limits["seconds"],
        gapAbs=limits["gap_absolute"] if integer else None,
        gapRel=limits["gap_relative"] if integer else None,
        options=words,
    )


def _finite(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def solve_program(
    objective: FloatArray,
    matrix: sparse.csr_matrix,
    lower: FloatArray,
    upper: FloatArray,
    low: FloatArray,
    high: FloatArray,
    *,
    integer: bool = False,
    backend: Backend = "highs",
    gap_absolute: float = 0.0,
    gap_relative: float = 0.0,
    enough: float = np.inf,
    nodes: int = 1_000_000,
    seconds: float | None = None,
) -> Answer:
    """Maximise.  ``enough``: an integer search may stop at this objective (HiGHS only).

    ``nodes`` limits an integer search reproducibly; ``seconds`` does not.
    """
    columns = len(objective)
    if columns == 0:  # solvers call an empty model neither solved nor infeasible
        possible = bool((lower <= 1e-9).all() and (upper >= -1e-9).all())
        nothing = np.zeros(0)
        return Answer(
            possible, possible, not possible, nothing, np.zeros(len(lower)), nothing, 0.0 if possible else -np.inf
        )
    problem = _Program()
    kind = pulp.LpInteger if integer else pulp.LpContinuous
    x = [
        problem.make(f"x{j}", _finite(a), _finite(b), kind)
        for j, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True))
    ]
    problem.setObjective(pulp.LpAffineExpression(dict(zip(x, objective.tolist(), strict=True))))
    first, where, numbers = matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist()
    constraints: list[Any] = []
    for r, (a, b) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
        terms = {x[j]: v for j, v in zip(where[first[r] : first[r + 1]], numbers[first[r] : first[r + 1]], strict=True)}
        if a == b:
            sense, rhs = pulp.LpConstraintEQ, a
        elif np.isinf(a) and np.isinf(b):
            constraints.append(None)
            continue
        elif np.isinf(a) or np.isinf(b):
            sense, rhs = (pulp.LpConstraintLE, b) if np.isinf(a) else (pulp.LpConstraintGE, a)
        else:  # two-sided: an equality with a bounded level, so that one multiplier serves both sides
            terms[problem.make(f"level{r}", a, b, pulp.LpContinuous)] = -1.0
            sense, rhs = pulp.LpConstraintEQ, 0.0
        constraints.append(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, f"r{r}", rhs))
        problem.addConstraint(constraints[-1])
    limits = {
        "gap_absolute": gap_absolute,
        "gap_relative": gap_relative,
        "enough": enough,
        "nodes": nodes,
        "seconds": seconds,
    }
    problem.solve(_solver(backend, integer, limits))
    solved = problem.sol_status in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible)
    optimal = problem.sol_status == pulp.LpSolutionOptimal
    point = np.array([v.varValue or 0.0 for v in x]) if solved else np.zeros(columns)
    multipliers, reduced = np.zeros(len(lower)), np.zeros(columns)
    if solved and not integer:
        sign = -1.0 if backend == "highs" else 1.0
        multipliers = np.array([0.0 if c is None else sign * (c.pi or 0.0) for c in constraints])
        reduced = np.array([sign * (v.dj or 0.0) for v in x])
    value = float(objective @ point)
    bound = np.inf
    if integer and backend == "highs":
        proved = float(problem.solverModel.getInfo().mip_dual_bound)
        bound = -proved if np.isfinite(proved) else np.inf
    elif optimal:
        bound = value + max(gap_absolute, gap_relative * abs(value))
    return Answer(solved, optimal, problem.sol_status == pulp.LpSolutionInfeasible, point, multipliers, reduced, bound)
