"""Rules to rows: classes of customers that filters tell apart, and each rule as linear forms of their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ConfigError
from scenarios.rule_problems import rule_problems
from scenarios.rules import (
    COUNT,
    Bools,
    CompiledRule,
    CompiledRules,
    Subject,
    Term,
    arms_of_rule,
    measures_of_rule,
    texts,
)
from scenarios.schema.allocation import SingleRule
from scenarios.schema.rules import Constraint, Fair, Parity
from solvers.problem import Row, row


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
        arms = arms_of_rule(rule, subject)
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


@dataclass(frozen=True)
class Shape:
    """Classes: (n,) the class of each customer, the labels' values of each, how many are real, and the labels."""

    class_of: NDArray[np.int32]
    values: tuple[tuple[str, ...], ...]
    real: int
    labels: tuple[str, ...]


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
    for name in measures_of_rule(rule):
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
