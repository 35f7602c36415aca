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

from scenarios.errors import ConfigError
from scenarios.schema.allocation import SingleRule
from scenarios.schema.base import Label
from scenarios.schema.rules import Constraint, Fair, Parity
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


def compile_rules(
    rules: Sequence[Constraint], subject: Subject, where: str = "rules", places: Mapping[str, str] | None = None
) -> CompiledRules:
    """Rules to rows.  ``places``: where a rule of that name is written, for messages; else ``where`` and the name.

    Ratios are linearised, ``sum(of) - r sum(to) >= 0``, which holds the ratio where the denominator is positive.

    Raises:
        ConfigError: unknown measures, labels or values, filters that keep nothing; all at once, ``where`` first.

    """
    if problems := rule_problems(rules, subject, where, places):
        raise ConfigError(problems)
    groups = {rule.parity.by for rule in rules if isinstance(rule, Fair) and rule.parity}
    used = [name for name in subject.customers if name in groups or any(name in rule.where for rule in rules)]
    class_of, values = _classes(used, subject)
    real = len(values)
    soft = [rule for rule in rules if isinstance(rule, SingleRule) and rule.penalty is not None and not rule.report]
    extra = sum((rule.min is not None) + (rule.max is not None) for rule in soft)
    values = values + [("",) * len(used)] * extra
    spare = iter(range(real, real + extra))
    shape = Shape(class_of, tuple(values), real, tuple(used))
    compiled = []
    for rule in rules:
        classes = np.arange(len(values)) < real
        for label, wanted in rule.where.items():
            if label in used:
                position = used.index(label)
                keep = texts(wanted)
                classes &= np.array([value[position] in keep for value in values], dtype=bool)
        arms = _arms(rule, subject)
        if isinstance(rule, Fair) and rule.parity is not None:
            compiled.append(_parity(rule, rule.parity, classes, arms, shape, subject))
            continue
        slack: tuple[int | None, int | None] = (None, None)
        if isinstance(rule, SingleRule) and rule in soft:
            slack = (
                next(spare) if rule.max is not None else None,
                next(spare) if rule.min is not None else None,
            )
        compiled.append(_compile(rule, classes, arms, class_of, subject, slack))
    return CompiledRules(tuple(compiled), class_of, len(values))


def rule_problems(
    rules: Sequence[Constraint], subject: Subject, where: str = "rules", places: Mapping[str, str] | None = None
) -> list[str]:
    """What rules name that is not there: a sentence each, for :func:`compile_rules`' arguments."""
    at = places or {}
    texts = [
        f"{at.get(rule.name, f'{where} {rule.name}')}: {text}" for rule in rules for text in _problems(rule, subject)
    ]
    return list(dict.fromkeys(texts))


@dataclass(frozen=True)
class Shape:
    """Classes: (n,) the class of each customer, the labels' values of each, how many are real, and the labels."""

    class_of: NDArray[np.int32]
    values: tuple[tuple[str, ...], ...]
    real: int
    labels: tuple[str, ...]


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
    if isinstance(rule, Fair) and rule.parity is not None and rule.parity.by not in subject.customers:
        found.append(
            f"parity by {rule.parity.by!r}: expected a label of customers{nearest(rule.parity.by, subject.customers)}"
        )
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
    if isinstance(rule, Fair) and rule.parity is not None:
        return (rule.parity.measure,)
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
    rule: Constraint,
    classes: Bools,
    arms: Bools,
    class_of: NDArray[np.int32],
    subject: Subject,
    slack: tuple[int | None, int | None],
) -> CompiledRule:
    terms = []
    for name in _measures(rule):
        index = len(subject.measures) if name == COUNT else subject.measures.index(name)
        constant = float(subject.base[name][classes[class_of]].sum()) if rule.scope == "base" else 0.0
        terms.append(Term(index, classes, arms, constant))
    shape = (len(subject.measures), len(classes), len(arms))
    rows: list[Row] = []
    if isinstance(rule, SingleRule) and rule.report:
        pass
    elif rule.ratio is None:
        if rule.min is not None or rule.max is not None:
            low = -np.inf if rule.min is None else rule.min
            high = np.inf if rule.max is None else rule.max
            (term,) = terms
            parts = [(term.measure, classes, arms, 1.0)]
            for of, sign in zip(slack, (1.0, -1.0), strict=True):
                # A stand-in of size s is worth -penalty s (measure 0), and takes s off the sum, or adds s to it.
                if of is not None and isinstance(rule, SingleRule) and rule.penalty is not None:
                    first = np.arange(len(arms)) == 0
                    parts.append((0, np.arange(len(classes)) == of, first, sign / rule.penalty))
            rows = [row(shape, rule.name, parts, low, high, term.constant)]
    else:
        both = rule.min is not None and rule.max is not None
        over, under = terms
        for bound, end, low, high in ((rule.min, "min", 0.0, np.inf), (rule.max, "max", -np.inf, 0.0)):
            if bound is None:
                continue
            name = f"{rule.name} ({end})" if both else rule.name
            parts = [(over.measure, classes, arms, 1.0), (under.measure, classes, arms, -bound)]
            rows.append(row(shape, name, parts, low, high, over.constant - bound * under.constant))
    return CompiledRule(rule, tuple(terms), tuple(rows), (), slack)


def _parity(rule: Fair, parity: Parity, classes: Bools, arms: Bools, shape: Shape, subject: Subject) -> CompiledRule:
    """Groups within ``classes``; each group's sum per customer against everybody's."""
    index = len(subject.measures) if parity.measure == COUNT else subject.measures.index(parity.measure)
    position = shape.labels.index(parity.by)
    count = np.bincount(shape.class_of, minlength=len(shape.values)).astype(np.float64)
    size = (len(subject.measures), len(classes), len(arms))
    everybody = float(count[classes].sum())
    terms, sizes, rows = [], [], []
    for value in dict.fromkeys(v[position] for v in shape.values[: shape.real]):
        of = classes & np.array([v[position] == value for v in shape.values])
        customers = float(count[of].sum())
        if not customers:
            continue
        terms.append(Term(index, of, arms, 0.0))
        sizes.append(customers)
        if isinstance(rule, SingleRule) and rule.report:
            continue
        share = customers / everybody
        for end, sign in (("max", 1.0), ("min", -1.0)):
            if end == "min" and parity.within >= 1:
                continue
            # S_g <= (1 + within) share S: the row per customer of the group, so that its price is one of the mean.
            parts = [
                (index, of, arms, 1.0 / customers),
                (index, classes, arms, -(1.0 + sign * parity.within) * share / customers),
            ]
            bounds = (-np.inf, 0.0) if sign > 0 else (0.0, np.inf)
            rows.append(row(size, f"{rule.name} [{value}] ({end})", parts, *bounds))
    return CompiledRule(rule, (*terms, Term(index, classes, arms, 0.0)), tuple(rows), (*sizes, everybody))
