"""Soft rules: stand-ins that let a rule be missed, at a price.

A rule with ``penalty: p`` may be missed by s for p s of the objective.  The solvers know customers and arms only, so
s is bought in pieces: stand-ins, each a customer with one arm that is worth -p size and gives size of room.  Sizes
halve from half of the most by which the rule can be missed down to a millionth of it (counts: powers of two down to 1), so that
together they reach every miss to that precision.  Bound and prices are those of the soft problem: a price can
never exceed p.  After the solve the miss is measured from the plan itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.rules import CompiledRule, CompiledRules
from scenarios.schema.allocation import SingleRule
from solvers.problem import Problem

Floats = NDArray[np.float64]
PIECES = 20


@dataclass(frozen=True)
class Miss:
    """By how much a plan misses a soft rule, and what that costs."""

    rule: int
    amount: float
    cost: float


def with_stand_ins(problem: Problem, compiled: CompiledRules) -> Problem:
    """The problem with the stand-ins of its soft rules behind its customers; itself if there is none."""
    pieces = [
        (of, penalty * _sizes(problem, compiled, item, end == 0))
        for item in compiled.rules
        if (penalty := penalty_of(item)) is not None
        for end, of in enumerate(item.slack)
        if of is not None
    ]
    if not pieces:
        return problem
    h, k, n, _ = problem.shape
    cost = np.concatenate([sizes for _, sizes in pieces])
    extra = len(cost)
    measures = np.concatenate([problem.measures, np.zeros((h, k, extra), problem.measures.dtype)], axis=2)
    measures[0, 0, n:] = -cost
    eligible = (
        np.ones((k, n + extra), bool) if problem.eligible is None else np.pad(problem.eligible, ((0, 0), (0, extra)))
    )
    eligible[:, n:] = False
    eligible[0, n:] = True
    classes = np.repeat([of for of, _ in pieces], [len(sizes) for _, sizes in pieces])
    class_of = np.concatenate([problem.class_of, classes.astype(np.int32)])
    return replace(problem, measures=measures, class_of=class_of, eligible=eligible)


def penalty_of(item: CompiledRule) -> float | None:
    """The price of a unit by which a rule may be missed, None for a hard one."""
    rule = item.rule
    return rule.penalty if isinstance(rule, SingleRule) and item.rows else None


def misses(compiled: CompiledRules, table: Floats) -> tuple[Miss, ...]:
    """What soft rules are missed by under a plan, those that are missed."""
    found = []
    for index, item in enumerate(compiled.rules):
        penalty = penalty_of(item)
        if penalty is None:
            continue
        value, (low, high) = item.value(table), item.bounds
        amount = max(0.0 if low is None else low - value, 0.0 if high is None else value - high, 0.0)
        if amount > 0:
            found.append(Miss(index, amount, penalty * amount))
    return tuple(found)


def _sizes(problem: Problem, compiled: CompiledRules, item: CompiledRule, upper: bool) -> Floats:
    """Pieces that add up to the most by which the rule can be missed at its upper (lower) end."""
    (term,) = item.terms
    low, high = item.bounds
    reach = _reach(problem, term.measure, term.classes, term.arms, upper) + term.constant
    most = reach - (high or 0.0) if upper else (low or 0.0) - reach
    if most <= 0:
        return np.zeros(0)
    if term.measure == len(problem.measure_names):
        return np.exp2(np.arange(int(np.ceil(np.log2(most + 1))), dtype=np.float64))
    sizes: Floats = most * np.exp2(-np.arange(1, PIECES + 1, dtype=np.float64))
    return np.append(sizes, sizes[-1])


def _reach(problem: Problem, measure: int, classes: NDArray[np.bool_], arms: NDArray[np.bool_], upper: bool) -> float:
    """The most (least) that the sum can be if every customer takes what moves it most, or nothing."""
    h = len(problem.measure_names)
    who = classes[problem.class_of]
    total = np.zeros(int(who.sum()))
    pick = np.maximum if upper else np.minimum
    for arm in np.flatnonzero(arms).tolist():
        amount = np.ones(len(total)) if measure == h else problem.measures[measure, arm, who]
        if problem.eligible is not None:
            amount = np.where(problem.eligible[arm, who], amount, 0.0)
        total = pick(total, amount, dtype=np.float64)
    return float(total.sum()) * problem.max_offers
