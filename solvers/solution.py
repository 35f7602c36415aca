"""What a solver answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True)
class Solution:
    """A plan and its certificate.

    Attributes:
        status: see :class:`Status`.
        method: what solved it.
        arm: (n,) int16, index of the arm, -1 = none, in the problem's customer order.
        objective: value of the plan, recomputed in float64 outside the solver.
        bound: upper bound on any plan's value, recomputed outside the solver; NaN for methods that give none.
        gap: (bound - objective) / max(|bound|, 1e-12), never below 0 up to rounding.
        rows: one result a rule.
        multipliers: (R,) the dual prices behind the bound (start of a later solve), >= 0 prices the upper bound.
        conflict: if infeasible, names of rules that cannot all be met; else empty.
        conflict_gives: if infeasible, for each of those rules the least by which it would have to give if all others hold
            (NaN if giving alone does not help).
        seconds, passes: solving time and pricing passes.
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
    conflict_gives: tuple[float, ...] = ()
    seconds: float = 0.0
    passes: int = 0
    note: str = ""

    @property
    def selected(self) -> int:
        """Customers with an arm."""
        return int(np.count_nonzero(self.arm >= 0))
