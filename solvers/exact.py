"""The whole problem as one integer program in PuLP: the oracle, and the choice for small problems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.choices import by_choice, open_sets
from solvers.homes import home_rows
from solvers.layout import Layout
from solvers.mend import broken_rows
from solvers.offers import once_each, scaled_rows, usage_of_offers
from solvers.plan import Plan, plan_of
from solvers.pricing import Prices
from solvers.program import Answer, Backend, solve_program

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Exact:
    """Best plan found (None if none), upper bound that the solver proved, and whether it proved that there is no
    plan.
    """

    plan: Plan | None
    bound: float
    infeasible: bool


class WholeProgram:
    """All open (customer, set) pairs as binaries, or those of ``keep`` (S, n); rows in force can be chosen."""

    def __init__(self, layout: Layout, keep: NDArray[np.bool_] | None = None) -> None:
        open_to = open_sets(layout)
        if keep is not None:
            open_to = open_to & keep
        self.layout = layout
        self.customer, self.arm = np.nonzero(open_to.T)
        self.value, self.usage = usage_of_offers(layout, self.customer, self.arm)
        once = once_each(self.customer)
        shared, room = home_rows(layout.homes, layout.sets, self.customer, self.arm, layout.homes.room)
        self.own = sparse.vstack([once, shared]).tocsr()
        self.most = np.concatenate([np.ones(once.shape[0]), room])

    def solve(
        self,
        *,
        integer: bool,
        backend: Backend = "highs",
        gap: float = 0.0,
        nodes: int = 1_000_000,
        seconds: float | None = None,
        rows: NDArray[np.bool_] | None = None,
        objective: FloatArray | None = None,
        tight: FloatArray | float = 0.0,
        bounds: tuple[FloatArray, FloatArray] | None = None,
    ) -> tuple[Answer | None, FloatArray]:
        """(answer, row scales); no answer if a row that nobody touches is broken.  tight: (R,) bounds moved
        inwards; bounds: others than the problem's.
        """
        layout = self.layout
        lower, upper = (layout.lower, layout.upper) if bounds is None else bounds
        lower, upper = lower + tight, upper - tight
        if rows is not None:
            lower, upper = np.where(rows, lower, -np.inf), np.where(rows, upper, np.inf)
        scaled = scaled_rows(self.usage, lower, upper, layout.tolerance)
        if scaled is None:
            return None, np.ones(len(lower))
        matrix, low, high = scaled
        size = np.asarray(abs(self.usage).max(axis=1).todense()).ravel() if self.usage.shape[1] else np.ones(len(lower))
        answer = solve_program(
            self.value if objective is None else objective,
            sparse.vstack([matrix, self.own]).tocsr(),
            np.concatenate([low, np.full(self.own.shape[0], -np.inf)]),
            np.concatenate([high, self.most]),
            np.zeros(len(self.value)),
            np.ones(len(self.value)),
            integer=integer,
            backend=backend,
            gap_relative=gap,
            nodes=nodes,
            seconds=seconds,
        )
        return answer, np.where(size > 0, size, 1.0)

    def plan(self, answer: Answer) -> Plan:
        """The plan of an answer."""
        arm = np.full(self.layout.shape[2], -1, self.layout.arm_dtype)
        taken = answer.x > 0.5
        arm[self.customer[taken]] = self.arm[taken]
        return plan_of(self.layout, arm)


def promising(layout: Layout, price: Prices, y: FloatArray, value: float) -> NDArray[np.bool_]:
    """(S, n) pairs whose regret at the prices of y is at most the distance of their bound from ``value``.

    A plan with any other pair is worth less than ``value``, that of a plan at hand: the best plan is among these, or at hand.
    Tolls are multipliers like others, so that this holds for any.
    """
    score = -by_choice(layout, price.form) - price.charge(layout.sets)
    if layout.mask.size:
        score = np.where(open_sets(layout), score, -np.inf)
    best = np.maximum(score.max(axis=0, initial=0.0), 0.0)
    room = float(best.sum() + y @ layout.rhs(y)) - value
    homes = layout.homes
    if homes.some:
        room += float(price.toll[homes.member[homes.first[:-1]]] @ homes.room)
    return np.asarray(best - score <= room * (1.0 + 1e-9) + 1e-9 * layout.worth / max(layout.shape[2], 1))


def exact_plan(
    layout: Layout,
    gap: float,
    *,
    backend: Backend = "highs",
    nodes: int = 1_000_000,
    seconds: float | None = None,
    keep: NDArray[np.bool_] | None = None,
) -> Exact:
    """Solve the integer program to a relative gap (HiGHS, one thread), over all open pairs or those of ``keep``.

    The solver's own feasibility tolerance can leave a row broken by more than a certificate allows; then that
    row's bound is moved inwards by twice what it was broken by, and the program solved again.
    """
    program = WholeProgram(layout, keep)
    tight = np.zeros(len(layout.lower))
    bound = np.inf
    for attempt in range(5):
        answer, _ = program.solve(integer=True, backend=backend, gap=gap, nodes=nodes, seconds=seconds, tight=tight)
        if answer is None or (answer.infeasible and attempt == 0):
            return Exact(None, -np.inf, True)
        if attempt == 0:
            bound = answer.bound
        if not answer.solved:
            break
        plan = program.plan(answer)
        if not len(broken_rows(layout, plan.usage)):
            return Exact(plan, max(bound, plan.value), False)
        tight += np.where(layout.lower < layout.upper, 2.0 * layout.violation(plan.usage), 0.0)
    return Exact(None, bound, False)


def relaxed_multipliers(layout: Layout, *, backend: Backend = "highs", seconds: float | None = None) -> FloatArray:
    """(R,) shadow prices of the relaxation without integrality; zeros if it has no answer."""
    answer, size = WholeProgram(layout).solve(integer=False, backend=backend, seconds=seconds)
    if answer is None or not answer.optimal:
        return np.zeros(len(layout.lower))
    rows = len(layout.lower)
    return layout.projected(answer.multipliers[:rows] / size)
