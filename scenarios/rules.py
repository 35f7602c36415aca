"""Rules as rows of an allocation problem.

A rule is a measure (or a ratio of two) over a filter, within bounds.  Filters name labels; customers that agree in
every label that some filter names form a class, and a row is a linear form of the table ``sum[measure, class,
arm]`` of a plan.

Parity is two rows a group: with N_g customers in group g of N and S_g the group's sum, ``S_g / N_g`` lies within ``1 -+
within`` times ``S / N``.  A soft rule has a class of stand-ins besides, see :mod:`scenarios.allocation.slack`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scenarios.schema.base import Label
from scenarios.schema.rules import Constraint, Fair
from solvers.problem import Row

COUNT = "count"
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CustomerLabel:
    """A label of customers: ``codes`` (n,) integers into ``values``; values may be longer than what occurs."""

    values: tuple[str, ...]
    codes: NDArray[np.integer]


@dataclass(frozen=True)
class Subject:
    """What rules speak about.

    Attributes:
        measures: names of the H measures; ``count`` is known besides.
        arms: label -> its value for each of the K arms, None where it has none.
        customers: label -> its value for each of the n customers.
        n: customers.
        base: measure -> (n,) what happens without offers, for rules with ``scope: base``.

    """

    measures: tuple[str, ...]
    arms: Mapping[str, Sequence[str | None]]
    customers: Mapping[str, CustomerLabel]
    n: int
    base: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Term:
    """A measure (index, H = count) summed over a filter, (C,) classes and (K,) arms, plus a constant of the base."""

    measure: int
    classes: Bools
    arms: Bools
    constant: float

    def total(self, table: Floats) -> float:
        """The sum under a plan whose table is (H + 1, C, K)."""
        return float(table[self.measure][np.ix_(self.classes, self.arms)].sum()) + self.constant


@dataclass(frozen=True)
class CompiledRule:
    """A rule, its terms and its rows.

    A ratio has two terms, numerator and denominator; parity one for each group and one for everybody, with ``sizes``
    customers.  A rule that is only reported has no row, a ratio with both bounds has two, parity two a group.
    ``slack``: classes of stand-ins that let a soft rule be missed, for its maximum and for its minimum.
    """

    rule: Constraint
    terms: tuple[Term, ...]
    rows: tuple[Row, ...]
    sizes: tuple[float, ...] = ()
    slack: tuple[int | None, int | None] = (None, None)

    def value(self, table: Floats) -> float:
        """The sum or ratio under a plan, or parity's largest deviation; NaN for a ratio to nothing."""
        totals = [term.total(table) for term in self.terms]
        if self.sizes:
            mean = totals[-1] / self.sizes[-1]
            if mean == 0:
                return float("nan")
            return max(abs(total / size / mean - 1.0) for total, size in zip(totals, self.sizes, strict=True))
        if len(totals) == 1:
            return totals[0]
        return totals[0] / totals[1] if totals[1] != 0 else float("nan")

    def unit(self, table: Floats) -> float:
        """What moving the rule's bound by one unit (ratios and parity: by 0.01) moves the right-hand side of its rows by.

        The row of a ratio is ``sum(of) - r sum(to)``: moving r by 0.01 moves its right-hand side by ``0.01 sum(to)``.
        """
        if self.sizes:
            return 0.01 * self.terms[-1].total(table) / self.sizes[-1]
        return 1.0 if len(self.terms) == 1 else 0.01 * self.terms[1].total(table)

    def price(self, shadow_price: float, table: Floats) -> float:
        """A row's shadow price per unit of the bound; for a ratio and for parity, per 0.01 of it."""
        return shadow_price * self.unit(table)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """(min, max) in the rule's own unit."""
        parity = getattr(self.rule, "parity", None)
        return (None, parity.within) if parity is not None else (self.rule.min, self.rule.max)


@dataclass(frozen=True)
class CompiledRules:
    """All rules over one subject: rows for a Problem, and the classes of its customers."""

    rules: tuple[CompiledRule, ...]
    class_of: NDArray[np.int32]
    n_classes: int

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row, in the rules' order."""
        return tuple(row for rule in self.rules for row in rule.rows)


def text_of(value: Label) -> str:
    """A label's value as text: numbers without a trailing ``.0``, ``true`` and ``false``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def texts(values: Sequence[Label]) -> frozenset[str]:
    """Labels' values as texts."""
    return frozenset(text_of(value) for value in values)


def plan_table(measures: NDArray[np.floating], arm: NDArray[np.integer], compiled: CompiledRules) -> Floats:
    """(H + 1, C, K) sums of each measure, and the count, of a plan ``arm`` (n,) with -1 for no offer."""
    h, k, _ = measures.shape
    chosen = np.flatnonzero(arm >= 0)
    picked = arm[chosen].astype(np.int64)
    cell = compiled.class_of[chosen].astype(np.int64) * k + picked
    shape = (compiled.n_classes, k)
    size = compiled.n_classes * k
    sums = [np.bincount(cell, measures[m][picked, chosen].astype(np.float64), size).reshape(shape) for m in range(h)]
    return np.stack([*sums, np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)])


def measures_of_rule(rule: Constraint) -> tuple[str, ...]:
    """The measures that a rule sums: one, or a ratio's two."""
    if isinstance(rule, Fair) and rule.parity is not None:
        return (rule.parity.measure,)
    return (rule.ratio.of, rule.ratio.to) if rule.ratio else (rule.measure or COUNT,)


def arms_of_rule(rule: Constraint, subject: Subject) -> Bools:
    """(K,) the arms that a rule's filter keeps."""
    arms = np.ones(len(next(iter(subject.arms.values()))), dtype=bool)
    for label, wanted in rule.where.items():
        if label in subject.arms:
            keep = texts(wanted)
            arms &= np.array([value in keep for value in subject.arms[label]], dtype=bool)
    return arms
