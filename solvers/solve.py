"""Who gets what: the one call."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from solvers._jit import threads_for
from solvers.certify import Certificate, certify
from solvers.decomposition import Dual, generate
from solvers.descent import descend
from solvers.errors import SolverError
from solvers.exact import exact_plan, promising, relaxed_multipliers
from solvers.explain import Conflict, Integral, Mixes, explain
from solvers.greedy import greedy_plan
from solvers.layout import Layout, arrange
from solvers.mend import broken_rows
from solvers.plan import Plan, plan_of
from solvers.pricing import Pricer
from solvers.problem import NO_ARM, Problem
from solvers.program import Backend
from solvers.recovery import recover, recover_mix
from solvers.sample import SAMPLE, sampled_start
from solvers.search import Response, search, trouble
from solvers.solution import RowResult, Solution, Status

FloatArray = NDArray[np.float64]
Method = Literal["auto", "exact", "decomposition", "greedy"]

EXACT_PAIRS = 400  # open (customer, arm) pairs up to which the integer program is solved whole at once
FIXING_PAIRS = 1_000_000  # ... up to which pairs that cannot be better are sought, where decomposition left a gap
CLOSING_PAIRS = 800  # ... and up to which remaining pairs an integer program may close it
CLOSING_NODES = 100


@dataclass(frozen=True)
class _Found:
    """What a method came to, before it is certified."""

    plan: Plan | None
    multipliers: FloatArray
    method: str
    note: str = ""
    proved: float = np.inf  # an upper bound beside the multipliers' own
    infeasible: bool = False  # the rows were seen to conflict (a proof follows)
    passes: int = 0


def solve(
    problem: Problem,
    *,
    method: Method = "auto",
    gap: float = 1e-4,
    time_limit: float | None = None,
    start: NDArray[np.floating] | None = None,
    backend: Backend = "highs",
) -> Solution:
    """Maximise measure 0 over plans that keep every row.

    Args:
        problem: see :class:`solvers.problem.Problem`.
        method: ``exact`` is the whole integer program in PuLP; ``decomposition`` is column generation, rounding
        and repair;
            ``greedy`` is the rule of thumb; ``auto`` takes ``exact`` for small problems and ``decomposition``
            otherwise, and closes what the latter leaves open by ``exact`` where that is affordable.
        gap: relative gap between bound and value at which to stop, >= 0.
        time_limit: seconds after which to stop at the next opportunity.  Without it, the same input gives the same
        plan on
            any number of threads; with it, the plan can depend on the speed of the machine.
        start: (R,) multipliers of an earlier, similar solve (``Solution.multipliers``); saves passes.
        backend: ``highs`` or ``cbc``, the solver behind PuLP.

    Returns:
        A certified solution: its objective, bound, rows and status come from :func:`solvers.certify.certify`.  A
        plan is never returned that breaks a row by more than 1e-9 of max(1, its bound); with no such plan at hand the
        status is ``infeasible`` (the note says whether that is proven) and nobody gets an arm.

    Raises:
        SolverError: arguments outside their range.
        ProblemError: measures that are not finite, classes that do not exist.

    """
    began = time.perf_counter()
    problems = []
    if method not in get_args(Method):
        problems.append(f"method: expected one of {', '.join(get_args(Method))}, got {method!r}")
    if not gap >= 0:
        problems.append(f"gap: expected a number >= 0, got {gap}")
    if time_limit is not None and not time_limit > 0:
        problems.append(f"time_limit: expected seconds > 0, got {time_limit}")
    if backend not in get_args(Backend):
        problems.append(f"backend: expected one of {', '.join(get_args(Backend))}, got {backend!r}")
    rows = len(problem.rows)
    if start is not None and (np.shape(start) != (rows,) or not np.isfinite(start).all()):
        problems.append(f"start: expected {rows} finite multipliers, got {np.asarray(start)!r}")
    if problems:
        raise SolverError(problems)
    deadline = np.inf if time_limit is None else began + time_limit
    with threads_for(problem.measures.size):
        return _solve(problem, method, gap, deadline, start, backend, began)


def _solve(
    problem: Problem,
    method: Method,
    gap: float,
    deadline: float,
    start: NDArray[np.floating] | None,
    backend: Backend,
    began: float,
) -> Solution:
    rows = len(problem.rows)
    layout = arrange(problem)
    if start is not None:
        first = np.asarray(start, np.float64)
    else:
        first = np.zeros(rows) if method == "greedy" else sampled_start(layout, gap)
    pairs = int(layout.gross[-1].sum())
    if method == "greedy":
        found = _greedy(layout, first)
    elif method == "exact":
        found = _exact(layout, gap, backend, deadline)
    elif method == "decomposition":
        found = _decomposition(layout, first, gap, backend, deadline)
    elif pairs <= EXACT_PAIRS:
        found = _exact(layout, gap, backend, deadline, nodes=2_000)
        found = replace(found, note=_join(f"auto: exact, for {pairs} open pairs of customer and arm", found.note))
    else:
        found = _decomposition(layout, first, gap, backend, deadline)
        found = _closed(layout, found, gap, pairs, backend, deadline)
        found = replace(
            found, note=_join(f"auto: {found.method}, for {pairs} open pairs of customer and arm", found.note)
        )
    return _answer(layout, found, gap, backend, began)


def _join(*sentences: str) -> str:
    return "; ".join(s for s in sentences if s)


def _greedy(layout: Layout, y: FloatArray) -> _Found:
    pricer = Pricer(layout)
    plan = greedy_plan(layout, pricer)
    note = "greedy proves no bound of its own: the bound is the one at the multipliers it was started with"
    return _Found(plan, layout.projected(y), "greedy", note, passes=pricer.passes)


def _seconds(deadline: float) -> float | None:
    return None if np.isinf(deadline) else max(deadline - time.perf_counter(), 0.05)


def _exact(layout: Layout, gap: float, backend: Backend, deadline: float, nodes: int = 1_000_000) -> _Found:
    y = relaxed_multipliers(layout, backend=backend)
    result = exact_plan(layout, gap, backend=backend, nodes=nodes, seconds=_seconds(deadline))
    return _Found(result.plan, y, "exact", "", result.bound, result.infeasible)


def _decomposition(layout: Layout, start: FloatArray, gap: float, backend: Backend, deadline: float) -> _Found:
    pricer = Pricer(layout)
    path = search(layout, pricer, start, gap)
    spare, done = _mended(layout, pricer, path[-1], gap)
    if not done:
        most = 80 if layout.shape[2] < 4 * SAMPLE else 30  # a sample has come near already
        path = path[-6:-1] + descend(layout, pricer, path[-1], gap, most)
        other, done = _mended(layout, pricer, path[-1], gap)
        if spare is None or (other is not None and other.value > spare.value):
            spare = other
    if done:
        return _Found(spare, path[-1].y, "decomposition", passes=pricer.passes)
    dual = generate(layout, pricer, path, 0.3 * gap, backend=backend, deadline=deadline)
    if not dual.feasible and not dual.stopped:
        if explain_quickly(layout, backend):
            return _Found(None, dual.best.y, "decomposition", infeasible=True, passes=pricer.passes)
        more = pricer.passes + 400
        dual = generate(
            layout, pricer, [dual.best], 0.3 * gap, backend=backend, passes=more, most_penalty=1e9, deadline=deadline
        )
    plan = _recovered(layout, pricer, dual, gap, backend, deadline)
    if plan is None or (spare is not None and spare.value > plan.value):
        plan = spare
    note = "stopped by its limits before the dual was solved" if dual.stopped else ""
    return _Found(plan, dual.best.y, "decomposition", note, passes=pricer.passes)


def _mended(layout: Layout, pricer: Pricer, at: Response, gap: float) -> tuple[Plan | None, bool]:
    """A plan from everybody's best answers, and whether it is good enough."""
    size = max(abs(at.bound), 1e-12)
    hopeful = (
        0.02 if layout.shape[2] <= 50_000 else 5e-4
    )  # mending many rules of many customers costs more than masters
    if trouble(layout, at).sum() > max(20 * gap, hopeful) * size:
        return None, False
    plan = recover(layout, pricer.prices(at.y), at.y, at.bound, plan_of(layout, at.arm.copy()), gap).plan
    return plan, plan is not None and plan.value >= at.bound - 0.95 * gap * size


def explain_quickly(layout: Layout, backend: Backend) -> bool:
    """Whether the rows are proven to conflict."""
    return Mixes(layout, backend).conflict(np.ones(len(layout.lower), bool)) is not None


def _recovered(
    layout: Layout, pricer: Pricer, dual: Dual, gap: float, backend: Backend, deadline: float
) -> Plan | None:
    if not len(dual.weight) and layout.shape[2] and not dual.feasible:
        return None
    return recover_mix(layout, pricer.prices(dual.best.y), dual, gap, backend=backend, deadline=deadline).plan


def _nobody(layout: Layout) -> Plan | None:
    """The empty plan, if it keeps the rows."""
    plan = plan_of(layout, np.full(layout.shape[2], NO_ARM, layout.arm_dtype))
    return None if len(broken_rows(layout, plan.usage)) else plan


def _closed(layout: Layout, found: _Found, gap: float, pairs: int, backend: Backend, deadline: float) -> _Found:
    """Let the exact method have a try where decomposition missed the gap on a problem that is not large."""
    if found.infeasible or time.perf_counter() > deadline:
        return found
    keep, at_hand, bound = None, -np.inf, np.inf
    if found.plan is not None:
        at_hand = found.plan.value
        bound = certify(layout.problem, layout.restored(found.plan.arm), found.multipliers).bound
        room = bound - at_hand
        if room <= gap * max(abs(bound), 1e-12) or pairs > FIXING_PAIRS:
            return found
        keep = promising(layout, Pricer(layout).prices(found.multipliers), room)
        pairs = int(keep.sum() if not layout.mask.size else (keep & layout.mask).sum())
    if pairs > CLOSING_PAIRS:
        return found
    result = exact_plan(layout, gap, backend=backend, nodes=CLOSING_NODES, seconds=_seconds(deadline), keep=keep)
    better = result.plan is not None and result.plan.value > at_hand
    return replace(
        found,
        plan=result.plan if better else found.plan,
        method="exact" if better else found.method,
        proved=min(max(result.bound, at_hand), bound),
        infeasible=result.infeasible and keep is None,
        note=_join(found.note, f"an integer program over the {pairs} pairs that could be better followed"),
    )


def _answer(layout: Layout, found: _Found, gap: float, backend: Backend, began: float) -> Solution:
    problem = layout.problem
    n = problem.shape[2]
    y = found.multipliers
    plan = found.plan
    if plan is None and not found.infeasible:
        plan = _nobody(layout)
    if plan is not None:
        arm = layout.restored(plan.arm)
        proof = certify(problem, arm, y)
        if proof.feasible:
            bound = min(proof.bound, max(found.proved, proof.objective))
            distance = (bound - proof.objective) / max(abs(bound), 1e-12)
            status = Status.MET if distance <= gap else Status.GAP_NOT_MET
            note = found.note
            if status is Status.GAP_NOT_MET:
                note = _join(note, f"the gap is {distance:.2g}, asked was {gap:.2g}")
            return Solution(
                status=status,
                method=found.method,
                arm=arm,
                objective=proof.objective,
                bound=bound,
                gap=distance,
                rows=_row_results(problem, proof, y),
                multipliers=y,
                seconds=time.perf_counter() - began,
                passes=found.passes,
                note=note,
            )
    nobody = np.full(n, NO_ARM, np.int16)
    conflict, note = _conflict(layout, found, backend)
    return Solution(
        status=Status.INFEASIBLE,
        method=found.method,
        arm=nobody,
        objective=float("nan"),
        bound=float("nan"),
        gap=float("nan"),
        rows=_row_results(problem, certify(problem, nobody, np.zeros(len(y))), np.zeros(len(y))),
        multipliers=y,
        conflict=tuple(problem.rows[r].name for r in conflict.rows),
        conflict_gives=conflict.gives,
        seconds=time.perf_counter() - began,
        passes=found.passes,
        note=_join(found.note, note),
    )


def _conflict(layout: Layout, found: _Found, backend: Backend) -> tuple[Conflict, str]:
    """Rows in conflict, and a sentence on how sure that is."""
    conflict = explain(layout, Mixes(layout, backend))
    if conflict is not None:
        return conflict, "proven: the rules named conflict, even on average"
    if int(layout.gross[-1].sum()) <= EXACT_PAIRS:
        conflict = explain(layout, Integral(layout, backend))
        if conflict is not None:
            return conflict, "proven: the rules named can be met on average but by no whole plan; widen their bounds"
    note = "not proven: no plan was found, though the rules can be met on average; give equalities of money a band"
    return Conflict((), ()), note


def _row_results(problem: Problem, proof: Certificate, y: FloatArray) -> tuple[RowResult, ...]:
    out = []
    for r, row in enumerate(problem.rows):
        value = float(proof.values[r])
        size = max([abs(x) for x in (row.lower, row.upper) if np.isfinite(x)] or [0.0])
        near = 1e-9 * max(1.0, size)
        price = float(y[r]) if row.lower == row.upper else abs(float(y[r]))
        binding = bool(y[r] != 0 or value >= row.upper - near or value <= row.lower + near)
        out.append(RowResult(row.name, value, row.lower, row.upper, price * row.price_unit, binding))
    return tuple(out)
