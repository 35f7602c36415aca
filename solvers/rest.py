"""The problem that is left when some customers' arms are decided: the others, and what the rows have left for them."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from solvers.certify import certify, plan_table, relative_gap
from solvers.errors import ProblemError
from solvers.problem import NO_ARM, Problem
from solvers.solution import Solution, Status


def rest_of(problem: Problem, plan: NDArray[np.int64], fixed: NDArray[np.bool_]) -> tuple[Problem, float]:
    """(problem of the customers not fixed, what the fixed ones are worth); the rows' constants hold what those use."""
    free = ~fixed
    table = plan_table(problem, np.where(fixed, plan, NO_ARM))
    used = [float(r.coefficients.data @ table[r.coefficients.indices]) for r in problem.rows]
    rows = tuple(dataclasses.replace(r, constant=r.constant + use) for r, use in zip(problem.rows, used, strict=True))
    room = problem.household_room
    if problem.household_of is not None and room is not None:
        some = fixed & (problem.household_of >= 0)
        has = (np.atleast_2d(plan) >= 0).sum(axis=0)[some]
        room = room - np.bincount(problem.household_of[some], has, len(room)).astype(np.int64)
        if len(room) and room.min() < 0:
            raise ProblemError([f"fixed: {int((room < 0).sum())} households have more offers than they may"])
    rest = dataclasses.replace(
        problem,
        measures=np.ascontiguousarray(problem.measures[:, :, free]),
        class_of=problem.class_of[free],
        eligible=None if problem.eligible is None else np.ascontiguousarray(problem.eligible[:, free]),
        rows=rows,
        household_of=None if problem.household_of is None else problem.household_of[free],
        household_room=room,
    )
    return rest, float(table[: len(table) // (problem.shape[0] + 1)].sum())


def rejoined(
    problem: Problem, plan: NDArray[np.int64], fixed: NDArray[np.bool_], solution: Solution, worth: float, gap: float
) -> Solution:
    """The solution of the rest with the fixed customers' arms; its bound holds for plans with these arms fixed.

    Feasibility and value of the whole are recomputed.
    """
    n = problem.shape[2]
    if solution.status is Status.INFEASIBLE:
        nobody = np.full(n, NO_ARM, np.int16)
        return dataclasses.replace(solution, arm=nobody, others=np.zeros((0, 0), np.int16))
    whole = np.where(fixed, plan, NO_ARM).astype(np.int16).reshape(-1, n)
    found = np.atleast_2d(solution.plan)
    height = max(len(whole), len(found))
    whole = np.concatenate([whole, np.full((height - len(whole), n), NO_ARM, np.int16)])
    found = np.concatenate([found, np.full((height - len(found), found.shape[1]), NO_ARM, np.int16)])
    whole[:, ~fixed] = found
    proof = certify(problem, whole if problem.several else whole[0], np.zeros(len(problem.rows)))
    if not proof.feasible:
        raise RuntimeError("the plan of the rest and the fixed customers do not add up to one that keeps the rules")
    bound = max(solution.bound + worth, proof.objective)
    distance = relative_gap(bound, proof.objective)
    return dataclasses.replace(
        solution,
        status=Status.MET if distance <= gap else Status.GAP_NOT_MET,
        arm=whole[0],
        others=whole[1:],
        objective=proof.objective,
        bound=bound,
        gap=distance,
        note="; ".join(x for x in (f"{int(fixed.sum())} customers fixed", solution.note) if x),
    )
