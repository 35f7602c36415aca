"""The methods: each from a layout to what it found, before anything is certified."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solvers.branch import branched, worth_branching
from solvers.certify import relative_gap
from solvers.choices import open_sets
from solvers.decomposition import Dual, generate
from solvers.descent import descend
from solvers.exact import exact_plan, promising, relaxed_multipliers
from solvers.explain import Mixes
from solvers.greedy import greedy_plan
from solvers.layout import Layout
from solvers.path import budget_path
from solvers.plan import Plan, plan_of
from solvers.pricing import Pricer
from solvers.program import Backend
from solvers.recovery import recover, recover_mix
from solvers.sample import SAMPLE, sampled_start
from solvers.search import Response, respond, search, trouble

FloatArray = NDArray[np.float64]

FIXING_PAIRS = 1_000_000  # pairs up to which those that cannot be better are sought, where decomposition left a gap
CLOSING_PAIRS = 3_000  # ... and up to which remaining pairs an integer program may close it, in nodes x pairs
CLOSING_WORK = 1_000_000
SPLIT_FIRST = 5_000  # customers beyond which cases of whole numbers come before a better plan
FEW_PAIRS = 1_000  # ... and up to which it is cheaper than a better plan to start from


@dataclass(frozen=True)
class Found:
    """What a method came to, before it is certified.

    Attributes:
        plan: None if it found none that keeps the rows.
        multipliers: (R,) a bound's proof.
        method, note: what to call it, and what to say.
        proved: an upper bound beside the multipliers' own.
        infeasible: the rows were seen to conflict (a proof follows).
        passes: pricing passes.
        searched: an integer program over all that could be better has had its try.
        mixes: what proved the conflict, to be asked further.

    """

    plan: Plan | None
    multipliers: FloatArray
    method: str
    note: str = ""
    proved: float = np.inf
    infeasible: bool = False
    passes: int = 0
    searched: bool = False
    mixes: Mixes | None = None


def join(*sentences: str) -> str:
    """Notes in one line."""
    return "; ".join(s for s in sentences if s)


def by_path(layout: Layout, gap: float) -> Found:
    """One budget: the path's plan at its bound, then single moves into what is left of it."""
    path = budget_path(layout.problem)
    row = layout.problem.rows[0]
    budget = float(layout.upper[0]) + row.constant
    slack = float(layout.tolerance[0])
    pricer = Pricer(layout)
    if path.budgets[0] > budget + slack:
        return Found(None, np.zeros(1), "path", infeasible=True)
    at = respond(layout, pricer, np.array([path.marginal_at(budget)]))
    plan = plan_of(layout, layout.arranged(path.plan_at(max(budget, float(path.budgets[0])))))
    whole = recover(layout, pricer.prices(at.y), at.y, at.bound, plan, gap).plan
    return Found(whole, at.y, "path", passes=pricer.passes)


def by_greedy(layout: Layout, y: FloatArray) -> Found:
    """The rule of thumb, with the bound at multipliers y."""
    pricer = Pricer(layout)
    plan = greedy_plan(layout, pricer)
    note = "greedy proves no bound of its own: the bound is the one at the multipliers it was started with"
    return Found(plan, layout.projected(y), "greedy", note, passes=pricer.passes)


def _seconds(deadline: float) -> float | None:
    return None if np.isinf(deadline) else max(deadline - time.perf_counter(), 0.05)


def by_exact(layout: Layout, gap: float, backend: Backend, deadline: float, nodes: int = 1_000_000) -> Found:
    """The whole integer program."""
    y = relaxed_multipliers(layout, backend=backend, seconds=_seconds(deadline))
    result = exact_plan(layout, gap, backend=backend, nodes=nodes, seconds=_seconds(deadline))
    return Found(result.plan, y, "exact", "", result.bound, result.infeasible)


def multipliers_of(layout: Layout, gap: float) -> FloatArray:
    """(R,) multipliers of a small bound, without a plan: search, descent, and a few masters where rows interlock."""
    pricer = Pricer(layout)
    path = search(layout, pricer, sampled_start(layout, gap), gap)
    if trouble(layout, path[-1]).sum() > gap * max(abs(path[-1].bound), 1e-12):
        path = path[-6:-1] + descend(layout, pricer, path[-1], gap)
        path = [generate(layout, pricer, path, 0.3 * gap, passes=pricer.passes + 100).best]
    return path[-1].y


def at_least(layout: Layout, found: Found, incumbent: Plan, gap: float) -> Found:
    """What was found, or the plan at hand improved by single moves at its prices, whichever is worth more."""
    at = respond(layout, Pricer(layout), found.multipliers)
    price = Pricer(layout).prices(at.y)
    other = recover(layout, price, at.y, at.bound, incumbent, gap).plan or incumbent
    if found.plan is not None and found.plan.value >= other.value:
        return found
    note = join(found.note, "the plan given was best" if other.value <= incumbent.value else "the plan given, improved")
    return replace(found, plan=other, infeasible=False, note=note)


def by_decomposition(
    layout: Layout, start: FloatArray, gap: float, backend: Backend, deadline: float, incumbent: Plan | None = None
) -> Found:
    """Search, descent and masters for the dual; mending, rounding and programs for the plan."""
    pricer = Pricer(layout)
    path = search(layout, pricer, start, gap, deadline)
    spare, done = _mended(layout, pricer, path[-1], gap, incumbent, deadline)
    if not done:
        most = 80 if layout.shape[2] < 4 * SAMPLE else 30  # a sample has come near already
        path = path[-6:-1] + descend(layout, pricer, path[-1], gap, most, deadline)
        other, done = _mended(layout, pricer, path[-1], gap, incumbent, deadline)
        if spare is None or (other is not None and other.value > spare.value):
            spare = other
    if done:
        return Found(spare, path[-1].y, "decomposition", passes=pricer.passes)
    dual = generate(layout, pricer, path, 0.3 * gap, backend=backend, deadline=deadline)
    if not dual.feasible and not dual.stopped:
        mixes = Mixes(layout, backend, deadline=deadline)
        if mixes.conflict(np.ones(len(layout.lower), bool)) is not None:
            return Found(None, dual.best.y, "decomposition", infeasible=True, passes=pricer.passes, mixes=mixes)
        more = pricer.passes + 400
        dual = generate(
            layout, pricer, [dual.best], 0.3 * gap, backend=backend, passes=more, most_penalty=1e9, deadline=deadline
        )
    if spare is not None and dual.feasible and not dual.stopped:
        whole = Found(spare, dual.best.y, "decomposition", passes=pricer.passes)
        if not missed(layout, whole, gap):
            return whole
        whole, tried = narrowed(layout, whole, gap, backend, deadline, FEW_PAIRS)
        if tried:
            return whole
        if layout.shape[2] > SPLIT_FIRST:
            whole = split(layout, whole, gap, backend, deadline)
            if not missed(layout, whole, gap):
                return whole
        spare = whole.plan
    plan = _recovered(layout, pricer, dual, gap, backend, deadline)
    if plan is None or (spare is not None and spare.value > plan.value):
        plan = spare
    note = "stopped by its limits before the dual was solved" if dual.stopped else ""
    return Found(plan, dual.best.y, "decomposition", note, passes=pricer.passes)


def _mended(
    layout: Layout, pricer: Pricer, at: Response, gap: float, incumbent: Plan | None, deadline: float
) -> tuple[Plan | None, bool]:
    """A plan from everybody's best answers, and whether it is good enough."""
    size = max(abs(at.bound), 1e-12)
    hopeful = (
        0.02 if layout.shape[2] <= 50_000 else 5e-4
    )  # mending many rules of many customers costs more than masters
    if trouble(layout, at).sum() > max(20 * gap, hopeful) * size:
        good = incumbent is not None and incumbent.value >= at.bound - 0.95 * gap * size
        return incumbent, good
    near = plan_of(layout, at.arm.copy())
    plan = recover(layout, pricer.prices(at.y), at.y, at.bound, near, gap, deadline=deadline).plan
    if incumbent is not None and (plan is None or plan.value < incumbent.value):
        plan = incumbent
    return plan, plan is not None and plan.value >= at.bound - 0.95 * gap * size


def _recovered(
    layout: Layout, pricer: Pricer, dual: Dual, gap: float, backend: Backend, deadline: float
) -> Plan | None:
    if not len(dual.weight) and layout.shape[2] and not dual.feasible:
        return None
    return recover_mix(layout, pricer.prices(dual.best.y), dual, gap, backend=backend, deadline=deadline).plan


def _value(found: Found) -> float:
    return -np.inf if found.plan is None else found.plan.value


def split(layout: Layout, found: Found, gap: float, backend: Backend, deadline: float) -> Found:
    """A better bound (and perhaps plan) by cases of whole numbers, where that can be expected to help."""
    if found.plan is None or not worth_branching(layout, found.multipliers):
        return found
    more = branched(layout, found.multipliers, found.plan.value, gap, backend=backend, deadline=deadline)
    plan = found.plan if more.plan is None or more.plan.value <= found.plan.value else more.plan
    note = join(found.note, f"bound by {more.cases} cases of how many get an arm")
    return replace(found, plan=plan, proved=min(found.proved, max(more.bound, plan.value)), note=note)


def missed(layout: Layout, found: Found, gap: float) -> bool:
    """Whether there is a plan whose bound is farther than the gap."""
    if found.plan is None:
        return False
    return relative_gap(min(layout.bound(found.multipliers), found.proved), found.plan.value) > gap


def narrowed(
    layout: Layout, found: Found, gap: float, backend: Backend, deadline: float, most: int = CLOSING_PAIRS
) -> tuple[Found, bool]:
    """An integer program over the choices that could be better, where these are at most ``most``; and whether it was tried."""
    pairs = int(layout.gross[-1].sum())
    at_hand = _value(found)
    keep, choices, bound = None, pairs, np.inf
    if found.plan is not None:
        if pairs * len(layout.sets) > FIXING_PAIRS * layout.shape[1]:
            return found, False
        bound = layout.bound(found.multipliers)
        keep = promising(layout, Pricer(layout).prices(found.multipliers), found.multipliers, at_hand)
        choices = int((keep & open_sets(layout)).sum())
    if choices > most:
        return found, False
    nodes = CLOSING_WORK // max(choices, 1)
    result = exact_plan(layout, gap, backend=backend, nodes=nodes, seconds=_seconds(deadline), keep=keep)
    better = result.plan is not None and result.plan.value > at_hand
    found = replace(
        found,
        plan=result.plan if better else found.plan,
        method="exact" if better else found.method,
        proved=min(max(result.bound, at_hand), bound, found.proved),
        infeasible=result.infeasible and keep is None,
        searched=True,
        note=join(found.note, f"an integer program over the {choices} choices that could be better"),
    )
    return found, True
