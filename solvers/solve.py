"""Who gets what: the one call."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from solvers._jit import threads_for
from solvers.answer import EXACT_PAIRS, answer
from solvers.certify import certify
from solvers.errors import SolverError
from solvers.evaluate import checked_plan
from solvers.giving import gives
from solvers.impossible import without_impossible
from solvers.layout import Layout, arrange
from solvers.mend import broken_rows
from solvers.methods import (
    Found,
    at_least,
    by_decomposition,
    by_exact,
    by_greedy,
    by_path,
    join,
    missed,
    narrowed,
    split,
)
from solvers.path import path_row
from solvers.plan import plan_of
from solvers.problem import Problem
from solvers.program import Backend
from solvers.rest import rejoined, rest_of
from solvers.sample import sampled_start
from solvers.solution import UNKNOWN, Solution, Status

FloatArray = NDArray[np.float64]
Method = Literal["auto", "exact", "decomposition", "path", "greedy"]


def solve(
    problem: Problem,
    *,
    method: Method = "auto",
    gap: float = 1e-4,
    time_limit: float | None = None,
    start: NDArray[np.floating] | None = None,
    backend: Backend = "highs",
    plan: NDArray[np.integer] | None = None,
    fixed: NDArray[np.bool_] | None = None,
    amounts: bool = False,
) -> Solution:
    """Maximise measure 0 over plans that keep every row.

    Args:
        problem: see :class:`solvers.problem.Problem`.
        method: ``exact`` is the whole integer program in PuLP; ``decomposition`` is column generation, rounding
        and repair;
            ``path`` is one sort of all hull steps, for one rule with an upper bound alone; ``greedy`` is the rule of thumb;
            ``auto`` takes ``exact`` for small problems, ``path`` where it applies and ``decomposition`` otherwise, and
            closes what these leave open by ``exact`` where that is affordable.
        gap: relative gap between bound and value at which to stop, >= 0.
        time_limit: seconds after which to stop at the next opportunity.  Without it, the same input gives the same
        plan on
            any number of threads; with it, the plan can depend on the speed of the machine.
        start: (R,) multipliers of an earlier, similar solve (``Solution.multipliers``); saves passes.
        backend: ``highs`` or ``cbc``, the solver behind PuLP.
        plan: a plan at hand, (n,) arms or (M, n) where several are allowed: the answer is worth at least as much, if it
            keeps the rows (the note says if it does not).
        fixed: (n,) customers who keep the arms that ``plan`` gives them; the others are optimised.
        amounts: where rules conflict, find out by more solves what each would have to give (``Solution.gives``).

    Returns:
        A certified solution: its objective, bound, rows and status come from :func:`solvers.certify.certify`.  A
        plan is never returned that breaks a row by more than 1e-9 of max(1, its bound); with no such plan at hand the
        status is ``infeasible`` (the note says whether that is proven) and nobody gets an arm.

    Raises:
        SolverError: arguments outside their range, or ``path`` where it does not apply.
        ProblemError: measures that are not finite, classes that do not exist.

    """
    began = time.perf_counter()
    problems = []
    if method not in get_args(Method):
        problems.append(f"method: expected one of {', '.join(get_args(Method))}, got {method!r}")
    if method == "path" and path_row(problem) is None:
        problems.append(
            "method: path takes one rule with an upper bound alone, one offer a customer, no households; use auto or decomposition"
        )
    if not gap >= 0:
        problems.append(f"gap: expected a number >= 0, got {gap}")
    if time_limit is not None and not time_limit > 0:
        problems.append(f"time_limit: expected seconds > 0, got {time_limit}")
    if backend not in get_args(Backend):
        problems.append(f"backend: expected one of {', '.join(get_args(Backend))}, got {backend!r}")
    rows = len(problem.rows)
    if start is not None and (np.shape(start) != (rows,) or not np.isfinite(start).all()):
        problems.append(f"start: expected {rows} finite multipliers, got {np.asarray(start)!r}")
    if fixed is not None and (plan is None or np.shape(fixed) != problem.class_of.shape or fixed.dtype != np.bool_):
        problems.append(
            f"fixed: expected a mask of {len(problem.class_of)} customers together with a plan, got {fixed!r}"
        )
    if problems:
        raise SolverError(problems)
    deadline = np.inf if time_limit is None else began + time_limit
    given = None if plan is None else checked_plan(problem, plan)
    with threads_for(problem.measures.size):
        if fixed is None or given is None:
            solution = _solve(problem, method, gap, deadline, start, backend, began, given)
            return _with_gives(problem, solution, gap, deadline, backend, began) if amounts else solution
        rest, worth = rest_of(problem, given, fixed)
        # The gap is one of the whole: what is fixed is certain.
        solution = _solve(rest, method, gap, deadline, start, backend, began, given[..., ~fixed])
        solution = _with_gives(rest, solution, gap, deadline, backend, began) if amounts else solution
        return rejoined(problem, given, fixed, solution, worth, gap)


def _with_gives(
    problem: Problem, solution: Solution, gap: float, deadline: float, backend: Backend, began: float
) -> Solution:
    """What each row in conflict must give: by solves of their own; unknown of rows whose turn comes after the deadline."""
    if not solution.conflict:
        return solution
    place = {row.name: r for r, row in enumerate(problem.rows)}

    def best(other: Problem) -> Solution:
        return _solve(other, "auto", min(gap, 1e-5), deadline, None, backend, time.perf_counter(), None)

    found = tuple(
        gives(problem, place[name], [place[other] for other in solution.apart(group)], best)
        if time.perf_counter() <= deadline
        else UNKNOWN
        for name, group in zip(solution.conflict, solution.conflict_group, strict=True)
    )
    return replace(solution, gives=found, seconds=time.perf_counter() - began)


def _solve(
    problem: Problem,
    method: Method,
    gap: float,
    deadline: float,
    start: NDArray[np.floating] | None,
    backend: Backend,
    began: float,
    given: NDArray[np.int64] | None,
) -> Solution:
    layout = arrange(problem)
    incumbent, warning = None, ""
    if given is not None:
        incumbent = plan_of(layout, layout.arranged(given))
        broken = broken_rows(layout, incumbent.usage)
        allowed = certify(problem, given, np.zeros(len(problem.rows)), bound=np.inf).allowed
        if len(broken) or not allowed:
            names = [repr(problem.rows[r].name) for r in broken.tolist()] + ([] if allowed else ["who may have what"])
            incumbent, warning = None, f"the plan given breaks {', '.join(names)}"
    pairs = int(layout.gross[-1].sum())
    path = method in ("auto", "path") and path_row(problem) is not None
    small = method == "auto" and pairs <= EXACT_PAIRS
    if start is not None:
        first = np.asarray(start, np.float64)
    elif method in ("greedy", "exact") or path or small:
        first = np.zeros(len(problem.rows))
    else:
        first = sampled_start(layout, gap)
    if method == "greedy":
        found = by_greedy(layout, first)
    elif method == "exact" or small:
        found = by_exact(layout, gap, backend, deadline, nodes=2_000 if small else 1_000_000)
    elif path:
        found = by_path(layout, gap)
    else:
        found = by_decomposition(layout, first, gap, backend, deadline, incumbent)
    if incumbent is not None:
        found = at_least(layout, found, incumbent, gap)
    if method == "auto":
        if not small:
            found = _closed(layout, found, gap, deadline, backend, given)
        why = "for one budget" if found.method == "path" else f"for {pairs} open pairs of customer and arm"
        found = replace(found, note=join(f"auto: {found.method}, {why}", found.note))
    found = replace(found, note=join(found.note, warning))
    return answer(layout, found, gap, backend, began, deadline)


def _closed(
    layout: Layout, found: Found, gap: float, deadline: float, backend: Backend, given: NDArray[np.int64] | None
) -> Found:
    """Where decomposition missed the gap: whatever may close it, cheapest first."""

    def late() -> bool:
        return time.perf_counter() > deadline

    def done() -> bool:
        # What an integer program leaves open, the others leave open too.
        return found.searched or found.infeasible or late() or not missed(layout, found, gap)

    if not done() or (found.plan is None and not found.infeasible and not late()):
        found, _ = narrowed(layout, found, gap, backend, deadline)
    if not done():
        found = _possible(layout, found, gap, deadline, backend, given)
    if not done() and not np.isfinite(found.proved):
        found = split(layout, found, gap, backend, deadline)
    return found


def _possible(
    layout: Layout, found: Found, gap: float, deadline: float, backend: Backend, given: NDArray[np.int64] | None
) -> Found:
    """Where the gap is missed: a smaller bound, and perhaps a better plan, without offers that alone break a rule.

    The multipliers stay: prices say what more room would bring, and these offers may be what it brings.
    """
    assert found.plan is not None
    tight = without_impossible(layout.problem)
    if tight is None:
        return found
    other = _solve(tight, "auto", gap, deadline, found.multipliers, backend, time.perf_counter(), given)
    note = join(found.note, "offers that alone break a rule left out")
    if other.status is Status.INFEASIBLE:
        return found
    plan = plan_of(layout, layout.arranged(other.plan.astype(np.int64)))
    better = plan if plan.value > found.plan.value else found.plan
    return replace(found, plan=better, proved=min(found.proved, max(other.bound, better.value)), note=note)
