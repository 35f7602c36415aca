"""What a solver answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray


class Status(StrEnum):
    """``met``: feasible, within the target gap.  ``gap_not_met``: feasible, bound too far.  ``infeasible``: rows conflict."""

    MET = "met"
    GAP_NOT_MET = "gap_not_met"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True)
class RowResult:
    """A rule under the plan.  ``shadow_price``: objective per ``price_unit`` of the bound, >= 0 when relaxing it helps
    (for an equality: signed, the gain of raising the right-hand side).  ``binding``: the bound has a price or no slack.
    """

    name: str
    value: float
    lower: float
    upper: float
    shadow_price: float
    binding: bool


End = Literal["lower", "upper"]


@dataclass(frozen=True)
class Give:
    """What a row in conflict must give at its ``end`` (``lower`` or ``upper``) if the others hold.

    ``enough``: a whole plan shows it; NaN if none was found.  ``at_least``: no whole plan does with less; inf if giving alone
    is proven not to help.
    """

    enough: float
    at_least: float
    end: End


UNKNOWN = Give(math.nan, 0.0, "upper")  # nothing was found out


@dataclass(frozen=True)
class Solution:
    """A plan and its certificate.

    Attributes:
        status: see :class:`Status`.
        method: what solved it.
        arm: (n,) int16, index of the arm, -1 = none, in the problem's customer order; the first, where several are allowed.
        objective: value of the plan, recomputed in float64 outside the solver.
        bound: upper bound on any plan's value, recomputed outside the solver; NaN for methods that give none.
        gap: (bound - objective) / max(|bound|, 1e-12), never below 0 up to rounding.
        rows: one result a rule.
        multipliers: (R,) the dual prices behind the bound (start of a later solve), >= 0 prices the upper bound.
        others: (M - 1, n) int16 further arms of the same customers, rising, -1 = none; no rows where one offer is allowed.
        conflict: if infeasible, names of rules that cannot all be met, conflict by conflict (a rule can be in several); else
            empty.
        gives: if infeasible and asked for, what each of those rules would have to give if all others hold, but those of other
            conflicts.
        conflict_group: if infeasible, which conflict each of those names is about, 0, 1, ...:
            see :func:`solvers.explain.explain`.
        seconds, passes: solving time, that of ``gives`` included, and pricing passes.
        note: one sentence where something is worth saying (why a method was chosen, why the gap was not met).
    """

    status: Status
    method: str
    arm: NDArray[np.int16]
    objective: float
    bound: float
    gap: float
    rows: tuple[RowResult, ...]
    multipliers: NDArray[np.float64]
    conflict: tuple[str, ...] = ()
    gives: tuple[Give, ...] = ()
    conflict_group: tuple[int, ...] = ()
    seconds: float = 0.0
    passes: int = 0
    note: str = ""
    others: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 0), np.int16))

    @property
    def conflict_gives(self) -> tuple[float, ...]:
        """For each rule in conflict, what it would have to give: an amount that a whole plan shows to be enough."""
        return tuple(give.enough for give in self.gives)

    def apart(self, group: int) -> tuple[str, ...]:
        """Names of rules that are in other conflicts only than this one."""
        names = list(zip(self.conflict, self.conflict_group, strict=True))
        own = {name for name, of in names if of == group}
        return tuple(dict.fromkeys(name for name, _ in names if name not in own))

    @property
    def selected(self) -> int:
        """Customers with an arm."""
        return int(np.count_nonzero(self.arm >= 0))

    @property
    def plan(self) -> NDArray[np.int16]:
        """(n,) arms, or (M, n) where several are allowed: what ``certify``, ``evaluate`` and ``solve(plan=...)`` take."""
        return np.vstack([self.arm[None], self.others]) if len(self.others) else self.arm

    @property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(customers, arms) of all offers made, by customer, then by arm."""
        slots = np.atleast_2d(self.plan)
        customer, slot = np.nonzero(slots.T >= 0)
        return customer, slots[slot, customer].astype(np.int64)
