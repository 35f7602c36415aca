"""Rules as written to rules one by one: ``for_each`` becomes one rule a value, ``equal`` a minimum and a maximum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scenarios.rules import Subject, text_of, texts
from scenarios.schema.allocation import AllocationRule, SingleRule, bound_of
from scenarios.suggest import nearest


def spell_out(rules: Sequence[AllocationRule], subject: Subject) -> tuple[list[SingleRule], list[tuple[str, str]]]:
    """Single rules, named ``NAME [VALUE]`` where there are several, and (name of the rule, what is wrong)."""
    singles: list[SingleRule] = []
    problems: list[tuple[str, str]] = []
    for rule in rules:
        if rule.for_each is None:
            singles.append(_single(rule, rule.name, None))
            continue
        known = _values(rule, subject)
        if known is None:
            hint = nearest(rule.for_each, (*subject.arms, *subject.customers))
            problems.append((rule.name, f"for_each: unknown label {rule.for_each!r}{hint}"))
            continue
        problems += [(rule.name, text) for text in _unknown(rule, known)]
        singles += [_single(rule, f"{rule.name} [{value or 'empty'}]", value) for value in known]
    return singles, problems


def _values(rule: AllocationRule, subject: Subject) -> list[str] | None:
    """The label's values that ``where`` leaves, or None if there is no such label."""
    label = rule.for_each or ""
    if label in subject.arms:
        values = sorted({value for value in subject.arms[label] if value is not None})
    elif label in subject.customers:
        values = sorted(set(subject.customers[label].values))
    else:
        return None
    return [value for value in values if label not in rule.where or value in texts(rule.where[label])]


def _unknown(rule: AllocationRule, known: Sequence[str]) -> Iterator[str]:
    for key in ("min", "max", "equal"):
        bound = getattr(rule, key)
        for value in bound if isinstance(bound, dict) else ():
            if value not in known:
                yield f"{key}: {rule.for_each} has no value {value!r}{nearest(value, known)}"


def _single(rule: AllocationRule, name: str, value: str | None) -> SingleRule:
    """The rule for one value, or as it is."""
    of = "" if value is None else value
    equal = bound_of(rule.equal, of)
    where = dict(rule.where)
    if value is not None and rule.for_each is not None:
        where[rule.for_each] = (value,)
    # What was checked as a whole needs no check again; names here hold brackets, which users' own may not.
    return SingleRule.model_construct(
        name=name,
        measure=rule.measure,
        ratio=rule.ratio,
        where=where,
        scope=rule.scope,
        min=bound_of(rule.min, of) if equal is None else equal,
        max=bound_of(rule.max, of) if equal is None else equal,
        parity=rule.parity,
        report=rule.report,
        penalty=rule.penalty,
    )


def as_text(value: object) -> str:
    """A label's value as text, nothing as empty."""
    return "" if value is None else text_of(value) if isinstance(value, str | int | float | bool) else str(value)
