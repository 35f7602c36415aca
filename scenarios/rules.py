"""Rules as rows of an allocation problem.

A rule is a measure (or a ratio of two) over a filter, within bounds.  Filters name labels; customers that agree in
every label that some filter names form a class, and a row is a linear form of the table ``sum[measure, class,
arm]`` of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ConfigError
from scenarios.schema.base import Label
from scenarios.schema.rules import Constraint
from scenarios.suggest import nearest
from solvers.problem import Row, row

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

    A ratio has two terms, numerator and denominator.  A rule that is only reported has no row, a ratio with both
    bounds has two.
    """

    rule: Constraint
    terms: tuple[Term, ...]
    rows: tuple[Row, ...]

    def value(self, table: Floats) -> float:
        """The sum or ratio under a plan; NaN for a ratio to nothing."""
        totals = [term.total(table) for term in self.terms]
        if len(totals) == 1:
            return totals[0]
        return totals[0] / totals[1] if totals[1] != 0 else float("nan")

    def price(self, shadow_price: float, table: Floats) -> float:
        """A row's shadow price per unit of the bound; for a ratio, per 0.01 of it.

        The row of a ratio is ``sum(of) - r sum(to)``: moving r by 0.01 moves its right-hand side by ``0.01 sum(to)``.
        """
        return shadow_price if len(self.terms) == 1 else shadow_price * 0.01 * self.terms[1].total(table)


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


def compile_rules(rules: Sequence[Constraint], subject: Subject, where: str = "rules") -> CompiledRules:
    """Rules to rows.

    Ratios are linearised, ``sum(of) - r sum(to) >= 0``, which holds the ratio where the denominator is positive.

    Raises:
        ConfigError: unknown measures, labels or values, filters that keep nothing; all at once, ``where`` first.

    """
    problems = [f"{where} {rule.name}: {text}" for rule in rules for text in _problems(rule, subject)]
    if problems:
        raise ConfigError(problems)
    used = [name for name in subject.customers if any(name in rule.where for rule in rules)]
    class_of, values = _classes(used, subject)
    compiled = []
    for rule in rules:
        classes = np.ones(len(values), dtype=bool)
        for label, wanted in rule.where.items():
            if label in used:
                position = used.index(label)
                keep = texts(wanted)
                classes &= np.array([value[position] in keep for value in values], dtype=bool)
        arms = _arms(rule, subject)
        compiled.append(_compile(rule, classes, arms, class_of, subject))
    return CompiledRules(tuple(compiled), class_of, len(values))


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


def _problems(rule: Constraint, subject: Subject) -> list[str]:
    found = []
    for name in _measures(rule):
        if name != COUNT and name not in subject.measures:
            found.append(f"unknown measure {name!r}{nearest(name, (*subject.measures, COUNT))}")
        if rule.scope == "base" and name not in subject.base:
            found.append(f"scope: base needs to know {name!r} without offers{nearest(name, subject.base)}")
    for label, wanted in rule.where.items():
        if label in subject.arms:
            known = tuple(dict.fromkeys(value for value in subject.arms[label] if value is not None))
        elif label in subject.customers:
            known = subject.customers[label].values
        else:
            found.append(f"unknown label {label!r}{nearest(label, (*subject.arms, *subject.customers))}")
            continue
        found += [
            f"where {label}: nothing has the value {text_of(value)!r}{nearest(text_of(value), known)}"
            for value in wanted
            if text_of(value) not in known
        ]
    if not found and not _arms(rule, subject).any():
        found.append(f"where: no offer has {' and '.join(f'{k}: {list(v)}' for k, v in rule.where.items())} together")
    return found


def _measures(rule: Constraint) -> tuple[str, ...]:
    return (rule.ratio.of, rule.ratio.to) if rule.ratio else (rule.measure or COUNT,)


def _arms(rule: Constraint, subject: Subject) -> Bools:
    arms = np.ones(len(next(iter(subject.arms.values()))), dtype=bool)
    for label, wanted in rule.where.items():
        if label in subject.arms:
            keep = texts(wanted)
            arms &= np.array([value in keep for value in subject.arms[label]], dtype=bool)
    return arms


def _classes(used: Sequence[str], subject: Subject) -> tuple[NDArray[np.int32], list[tuple[str, ...]]]:
    """Classes that occur, numbered in the order of their labels' values; and each one's values."""
    code = np.zeros(subject.n, dtype=np.int64)
    for name in used:
        label = subject.customers[name]
        code = code * len(label.values) + label.codes
    present, class_of = np.unique(code, return_inverse=True)
    values: list[tuple[str, ...]] = []
    for number in present.tolist():
        parts: list[str] = []
        for name in reversed(used):
            number, part = divmod(number, len(subject.customers[name].values))
            parts.append(subject.customers[name].values[part])
        values.append(tuple(reversed(parts)))
    return class_of.astype(np.int32).reshape(-1), values or [()]


def _compile(
    rule: Constraint, classes: Bools, arms: Bools, class_of: NDArray[np.int32], subject: Subject
) -> CompiledRule:
    terms = []
    for name in _measures(rule):
        index = len(subject.measures) if name == COUNT else subject.measures.index(name)
        constant = float(subject.base[name][classes[class_of]].sum()) if rule.scope == "base" else 0.0
        terms.append(Term(index, classes, arms, constant))
    shape = (len(subject.measures), len(classes), len(arms))
    rows: list[Row] = []
    if rule.ratio is None:
        if rule.min is not None or rule.max is not None:
            low = -np.inf if rule.min is None else rule.min
            high = np.inf if rule.max is None else rule.max
            (term,) = terms
            rows = [row(shape, rule.name, [(term.measure, classes, arms, 1.0)], low, high, term.constant)]
    else:
        both = rule.min is not None and rule.max is not None
        over, under = terms
        for bound, end, low, high in ((rule.min, "min", 0.0, np.inf), (rule.max, "max", -np.inf, 0.0)):
            if bound is None:
                continue
            name = f"{rule.name} ({end})" if both else rule.name
            parts = [(over.measure, classes, arms, 1.0), (under.measure, classes, arms, -bound)]
            rows.append(row(shape, name, parts, low, high, over.constant - bound * under.constant))
    return CompiledRule(rule, tuple(terms), tuple(rows))
