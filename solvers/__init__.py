"""Allocation: who gets which arm, under coupling rules, with a certificate; and plans over time."""

from solvers.errors import ProblemError, SolverError
from solvers.evaluate import Evaluation, evaluate
from solvers.fill import fill
from solvers.flow import Flow
from solvers.fluid import FluidPlan, fluid
from solvers.lagrangian import Lagrangian, lagrangian
from solvers.path import BudgetPath, budget_path
from solvers.problem import NO_ARM, Problem, Row, row
from solvers.solution import RowResult, Solution, Status
from solvers.solve import solve

__all__ = [
    "NO_ARM",
    "BudgetPath",
    "Evaluation",
    "Flow",
    "FluidPlan",
    "Lagrangian",
    "Problem",
    "ProblemError",
    "Row",
    "RowResult",
    "Solution",
    "SolverError",
    "Status",
    "budget_path",
    "evaluate",
    "fill",
    "fluid",
    "lagrangian",
    "row",
    "solve",
]
