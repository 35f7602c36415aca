"""What rules name that is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scenarios.rules import COUNT, Subject, arms_of_rule, measures_of_rule, text_of
from scenarios.schema.rules import Constraint, Fair
from scenarios.suggest import nearest


def rule_problems(
    rules: Sequence[Constraint], subject: Subject, where: str = "rules", places: Mapping[str, str] | None = None
) -> list[str]:
    """What rules name that is not there: a sentence each, for :func:`compile_rules`' arguments."""
    at = places or {}
    texts = [
        f"{at.get(rule.name, f'{where} {rule.name}')}: {text}" for rule in rules for text in _problems(rule, subject)
    ]
    return list(dict.fromkeys(texts))


def _problems(rule: Constraint, subject: Subject) -> list[str]:
    found = []
    for name in measures_of_rule(rule):
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
    if not found and not arms_of_rule(rule, subject).any():
        found.append(f"where: no offer has {' and '.join(f'{k}: {list(v)}' for k, v in rule.where.items())} together")
    return found
