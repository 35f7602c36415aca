"""Simple rules under parity: the same share of every group, in the rule's own order within a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.rules import CompiledRules
from solvers import Problem, fill

Arms = NDArray[np.int16]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Fairness:
    """The parity rules of a problem.

    Attributes:
        group: (n,) group of each customer, over all parity rules together; -1 = in none.
        arms: (K,) arms that some parity rule counts.
        rows: names of the parity rules' rows.
    """

    group: Ints
    arms: NDArray[np.bool_]
    rows: frozenset[str]

    @classmethod
    def of(cls, compiled: CompiledRules, arms: int) -> Fairness | None:
        """None without parity."""
        found = [item for item in compiled.rules if item.sizes and item.rows]
        if not found:
            return None
        code = np.zeros(compiled.n_classes, np.int64)
        counted, inside = np.zeros(arms, np.bool_), np.zeros(compiled.n_classes, np.bool_)
        for item in found:
            groups = item.terms[:-1]
            own = np.zeros(compiled.n_classes, np.int64)
            for g, term in enumerate(groups):
                own[term.classes] = g + 1
                inside |= term.classes
            code = code * (len(groups) + 1) + own
            counted |= item.terms[-1].arms
        group = np.where(inside, code, -1)[compiled.class_of]
        return cls(group, counted, frozenset(row.name for item in found for row in item.rows))


def fill_fairly(problem: Problem, customers: NDArray[np.integer], arms: NDArray[np.integer], fair: Fairness) -> Arms:
    """:func:`solvers.fill` of candidates in order, with the same share of every group at every point of it.

    One by one, the first candidate of any group would break parity, and nobody would get anything.  So candidates are taken by
    their customer's place within the group over the group's customers (a customer may have several, taken in their order until one
    fits), up to the share that the smallest group can reach; the other rules are kept as ever.  This is parity of numbers; a
    parity of money may still be missed, and is reported then.
    """
    customers, arms = np.asarray(customers, np.int64), np.asarray(arms, np.int64)
    if problem.eligible is not None:  # who may not get it takes no place
        open_to = problem.eligible[arms, customers]
        customers, arms = customers[open_to], arms[open_to]
    group = np.where(fair.arms[arms], fair.group[customers], -1)
    size = np.bincount(fair.group[fair.group >= 0], minlength=int(fair.group.max(initial=0)) + 1)
    key = np.empty(len(customers))
    reach = np.inf
    for g in np.flatnonzero(size):
        mine = group == g
        place, count = places(customers[mine])
        key[mine] = (place + 0.5) / size[g]
        reach = min(reach, count / size[g])
    outside = group < 0
    key[outside] = (places(customers[outside])[0] + 0.5) / max(len(fair.group), 1)
    taken = outside | (key <= reach)
    order = np.flatnonzero(taken)[np.argsort(key[taken], kind="stable")]
    loose = replace(problem, rows=tuple(row for row in problem.rows if row.name not in fair.rows))
    return fill(loose, customers[order], arms[order])


def places(customers: NDArray[np.integer]) -> tuple[Ints, int]:
    """(m,) place of each one's first appearance among those of all, who may appear several times, and how many they are."""
    _, first, which = np.unique(customers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[which], len(first)


def fill_in(
    problem: Problem, order: NDArray[np.integer], arms: Sequence[int] | NDArray[np.integer], fair: Fairness | None
) -> Arms:
    """Candidates in order while the rules allow it; fairly where a rule asks for parity."""
    arms = np.asarray(arms)
    return fill(problem, order, arms) if fair is None else fill_fairly(problem, order, arms, fair)
