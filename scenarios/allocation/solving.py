"""A case solved: the plan of the real customers, its certificate, and what soft rules and held customers add."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.allocation.case import Case
from scenarios.allocation.plans import GivenPlan, held_value, hold, with_held
from scenarios.allocation.slack import Miss, misses
from solvers.certify import certify, keeps_company, relative_gap, within_homes
from solvers.problem import NO_ARM, Problem
from solvers.solution import Solution, Status

Floats = NDArray[np.float64]
Solver = Callable[..., Solution]
LEAST_SECONDS = 0.01


def solve_within(problem: Problem, **options: Any) -> Solution:
    """:func:`solvers.solve`."""
    from solvers.solve import solve  # loads kernels: only when needed

    return solve(problem, **options)


@dataclass(frozen=True)
class Limits:
    """When to stop, and who solves.  ``time_limit`` seconds are each solve's own, or, :meth:`begun`, those of all together:
    then they end at ``deadline`` (of ``time.perf_counter``).
    """

    gap: float = 1e-5
    time_limit: float | None = None
    solver: Solver | None = None
    deadline: float | None = None

    def begun(self) -> Limits:
        """The same with one deadline for all solves from now on; as they are where there is no time limit."""
        return self if self.time_limit is None else replace(self, deadline=time.perf_counter() + self.time_limit)

    @property
    def late(self) -> bool:
        """The deadline is past."""
        return self.deadline is not None and time.perf_counter() > self.deadline

    def solve(
        self,
        problem: Problem,
        start: Floats | None = None,
        plan: NDArray[np.integer] | None = None,
    ) -> Solution:
        """Solve within the limits, from multipliers and from a plan at hand."""
        call = self.solver or solve_within
        more: dict[str, Any] = {name: value for name, value in (("start", start), ("plan", plan)) if value is not None}
        seconds = self.time_limit
        if self.deadline is not None:
            seconds = max(self.deadline - time.perf_counter(), LEAST_SECONDS)
        return call(problem, gap=self.gap, time_limit=seconds, **more)


def usual_gap(case: Case) -> float:
    """The gap where none is asked for: a tenth of what one average customer is worth, at least 1e-5 and at most 1e-4."""
    return min(max(1e-5, 0.1 / max(case.n, 1)), 1e-4)


@dataclass(frozen=True)
class Outcome:
    """A plan and what can be said of it.

    Attributes:
        solution: objective (less the price of missed soft rules), bound, gap and arms of the n real customers.
        table: (H + 1, C, K) sums of the plan.
        missed: soft rules that it misses.

    """

    case: Case
    solution: Solution
    table: Floats
    missed: tuple[Miss, ...] = ()
    held: GivenPlan | None = None

    @property
    def found(self) -> bool:
        """There is a plan."""
        return self.solution.status is not Status.INFEASIBLE

    @property
    def arm(self) -> NDArray[np.int16]:
        """(n,) the plan."""
        return self.solution.arm

    @property
    def layers(self) -> tuple[NDArray[np.int16], ...]:
        """(n,) arms each: the first of every customer, the second, and so on."""
        return (self.arm, *self.solution.others)

    def total(self, name: str) -> float:
        """The plan's sum of a measure."""
        return float(self.table[self.case.data.names.index(name)].sum())


def solve_case(
    case: Case,
    limits: Limits,
    start: Floats | None = None,
    held: GivenPlan | None = None,
    incumbent: GivenPlan | None = None,
) -> Outcome:
    """Solve; held customers keep what they have; an incumbent is improved where it keeps the rules."""
    problem = case.problem if held is None else hold(case, held)
    if held is not None:
        # The gap is of the whole plan; what is left to decide may be a small part of it.
        rough = replace(limits, gap=max(limits.gap, 1e-2)).solve(problem, start)
        if rough.status is not Status.INFEASIBLE:
            whole = abs(rough.objective + held_value(case, held))
            limits_of_rest = min(limits.gap * max(whole / max(abs(rough.objective), 1e-12), 1e-3), 1.0)
            rough = replace(limits, gap=limits_of_rest).solve(problem, rough.multipliers)
        solution = rough
    else:
        # With soft rules the solver's plan holds stand-ins too, and a plan at hand has none.
        plain = incumbent is not None and possible(case, incumbent) and problem.shape[2] == case.n
        solution = limits.solve(problem, start, incumbent.arms if plain and incumbent is not None else None)
    layers = np.vstack([solution.arm[None], solution.others.reshape(-1, len(solution.arm))])[:, : case.n]
    if held is not None:
        layers = with_held(held, layers)
    solution = replace(solution, arm=layers[0], others=layers[1:])
    if solution.status is Status.INFEASIBLE:
        return Outcome(case, solution, case.table(np.full(case.n, NO_ARM, np.int16)), (), held)
    return outcome_of(case, solution, limits, held)


def outcome_of(case: Case, solution: Solution, limits: Limits, held: GivenPlan | None = None) -> Outcome:
    """The certificate of the real customers' plan: value less what is missed, against the problem's bound."""
    table = case.table(solution.arm, solution.others)
    missed = misses(case.compiled, table)
    if held is not None or case.problem.shape[2] > case.n:
        extra = 0.0 if held is None else held_value(case, held)
        objective = float(table[0].sum()) - sum(miss.cost for miss in missed)
        bound = max(solution.bound + extra, objective)
        gap = relative_gap(bound, objective)
        status = Status.MET if gap <= limits.gap else Status.GAP_NOT_MET
        solution = replace(solution, objective=objective, bound=bound, gap=gap, status=status)
    return Outcome(case, solution, table, missed, held)


def value_plan(case: Case, plan: GivenPlan, best: Outcome | None, limits: Limits) -> tuple[Outcome, bool]:
    """A given plan as an outcome, and whether it keeps every rule; ``best``: where its bound comes from."""
    from solvers.answer import row_results  # loads kernels: only when needed

    table = case.table(plan.arm, plan.arms[1:])
    missed = misses(case.compiled, table)
    objective = float(table[0].sum()) - sum(miss.cost for miss in missed)
    y = best.solution.multipliers if best is not None and best.found else np.zeros(len(case.problem.rows))
    proof = certify(case.problem, full_plan(case, plan.arms), y)
    hard = [row.name not in soft_rows(case) and proof.violation[r] > 1e-9 for r, row in enumerate(case.problem.rows)]
    bound = best.solution.bound if best is not None and best.found else float("nan")
    keeps = proof.allowed and not any(hard)
    gap = relative_gap(bound, objective)
    status = Status.MET if gap <= limits.gap else Status.GAP_NOT_MET
    model = best.solution if best is not None else limits_only(case, y)
    solution = replace(
        model,
        status=status,
        method="given plan",
        arm=plan.arm,
        others=plan.arms[1:],
        objective=objective,
        bound=bound,
        gap=gap,
        rows=row_results(case.problem, proof, y),
        note="",
    )
    return Outcome(case, solution, table, missed), keeps


def full_plan(case: Case, arms: NDArray[np.integer]) -> NDArray[np.int16]:
    """(M, n') a plan (M, n) of the real customers with stand-ins that do nothing."""
    out = np.full((len(arms), case.problem.shape[2]), NO_ARM, np.int16)
    out[:, : case.n] = arms
    return out


def possible(case: Case, plan: GivenPlan) -> bool:
    """Every customer's and household's offers may be had together."""
    arms = full_plan(case, plan.arms).astype(np.int64)
    return keeps_company(case.problem, arms) and within_homes(case.problem, arms)


def soft_rows(case: Case) -> frozenset[str]:
    """Names of the rows of soft rules."""
    return frozenset(row.name for item in case.compiled.rules if item.slack != (None, None) for row in item.rows)


def limits_only(case: Case, y: Floats) -> Solution:
    """An empty solution to fill in."""
    nobody = np.full(case.n, NO_ARM, np.int16)
    return Solution(Status.INFEASIBLE, "", nobody, float("nan"), float("nan"), float("nan"), (), y)
