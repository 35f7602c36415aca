"""The rules file: what is sound in it, every problem with its line, and where each rule is written."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from scenarios.allocation.sound_parts import sound_parts
from scenarios.errors import ConfigError
from scenarios.paths import dotted
from scenarios.rules import COUNT
from scenarios.schema.allocation import AllocationRule, AllocationRules, Eligibility, Range
from scenarios.schema.base import Problem
from scenarios.suggest import nearest
from scenarios.yamlfile import Document, read_yaml

BUDGET = "budget"
# Keys outside of lists that messages point at.
_LINES = {
    ("objective",), ("standard_error",), ("risk_aversion",), ("per_household",), ("per_customer", "min_margin_rate"),
    ("per_customer", "never_together"), ("per_customer", "only_if"),
}  # fmt: skip


@dataclass(frozen=True)
class RulesFile:
    """Rules; ``problems`` of the file, found so far: then ``rules`` holds its sound parts only."""

    rules: AllocationRules
    problems: tuple[str, ...]
    source: str
    places: dict[str, str]

    @property
    def folder(self) -> str:
        """Where relative paths in the file start."""
        return str(Path(self.source).parent)


def read_rules(path: Path, budget: float | None = None) -> RulesFile:
    """The rules in a file, with another maximum in the one named ``budget`` if asked.

    Raises:
        ConfigError: the file is not strict YAML; ``budget`` is no amount.

    """
    document = read_yaml(path)
    twice = _told_apart(document.data)
    rules, problems = sound_parts(document.data)
    texts = [document.where(at, dotted(at, document.data)) + f": {text}" for at, text in (*twice, *problems)]
    return RulesFile(with_budget(rules, budget), tuple(texts), str(path), _places(document))


def in_order(problems: Iterable[str], source: str) -> list[str]:
    """Each problem once, those of a file by line, others behind."""
    line = re.compile(re.escape(source) + r":(\d+)\b")
    once = list(dict.fromkeys(problems))
    return sorted(once, key=lambda text: int(at[1]) if (at := line.match(text)) else sys.maxsize)


def _told_apart(data: Any) -> list[Problem]:
    """Names that are used again get a number, ``budget#2``, so that each thing has a place of its own; a sentence for each."""
    per = data.get("per_customer")
    contacts = per.get("contacts") if isinstance(per, dict) else None
    lists = [
        (("constraints",), data, "constraints"),
        (("per_customer", "eligible"), per, "tests"),
        (("per_customer", "contacts", "caps"), contacts, "caps"),
    ]
    problems: list[Problem] = []
    for path, parent, kind in lists:
        items = parent.get(path[-1]) if isinstance(parent, dict) else None
        named = [
            (place, item["name"], item)
            for place, item in enumerate(items if isinstance(items, list) else ())
            if isinstance(item, dict) and isinstance(item.get("name"), str)
        ]
        used = {name for _, name, _ in named}
        seen: set[str] = set()
        for place, name, item in named:
            if name in seen:
                item["name"] = next(new for k in count(2) if (new := f"{name}#{k}") not in used)
                used.add(item["name"])
                problems.append(((*path, place), f"{name!r} is the name of two {kind}"))
            seen.add(name)
    return problems


def at_key(*path: object) -> str:
    """The place of a key that is no name of a rule; no rule's name begins like this."""
    return ":" + ".".join(map(str, path))


def _places(document: Document) -> dict[str, str]:
    """Rule, test or cap -> ``file:line path``."""
    found = {}
    for path in document.lines:
        value = document.data
        for part in path:
            value = value[part]
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            found[value["name"]] = document.where(path, dotted(path, document.data))
        if len(path) == 4 and path[-2] == "consent":
            found[f"consent {path[-1]}"] = document.where(path, dotted(path, document.data))
        if path in _LINES:
            found[at_key(*path)] = document.where(path, dotted(path, document.data))
    return found


def with_budget(rules: AllocationRules, budget: float | None) -> AllocationRules:
    """The rules with another maximum in the one named ``budget``, or with such a rule on ``cost``."""
    if budget is None:
        return rules
    if not (math.isfinite(budget) and budget >= 0):
        raise ConfigError([f"--budget: expected a number >= 0, got {budget:g}"])
    old = next((rule for rule in rules.constraints if rule.name == BUDGET), None)
    if old is None:
        new = AllocationRule(name=BUDGET, measure="cost", max=budget)
        return rules.model_copy(update={"constraints": (new, *rules.constraints)})
    if old.for_each is not None or old.measure is None:
        raise ConfigError(
            ["--budget: expected one rule on a sum named 'budget'; this one has 'for_each' or no measure"]
        )
    if isinstance(old.min, float) and old.min > budget:
        raise ConfigError([f"--budget: expected at least the rule's own min {old.min:g}, got {budget:g}"])
    changed = old.model_copy(update={"max": budget, "equal": None})
    return rules.model_copy(update={"constraints": tuple(changed if r is old else r for r in rules.constraints)})


def with_known_columns(file: RulesFile, columns: Sequence[str], source: str) -> tuple[AllocationRules, list[str]]:
    """The rules less what names columns that the candidates lack, and a sentence for each such column."""
    problems: list[str] = []

    def lacks(name: str, wanted: Iterable[str]) -> bool:
        missing = [column for column in dict.fromkeys(wanted) if column not in columns]
        for column in missing:
            rest = [c for c in columns if c not in ("customer_id", "offer")]
            problems.append(
                f"{file.places.get(name, name.lstrip(':'))}: {source} has no column {column!r}{nearest(column, rest)}"
            )
        return bool(missing)

    rules, per = file.rules, file.rules.per_customer
    if at_key("objective") in file.places:
        lacks(at_key("objective"), rules.objective)
    if rules.risk_aversion:
        written = at_key("standard_error") in file.places
        lacks(at_key("standard_error" if written else "risk_aversion"), [rules.standard_error])
    if per.min_margin_rate is not None and lacks(at_key("per_customer", "min_margin_rate"), ["margin", "revenue"]):
        per = per.model_copy(update={"min_margin_rate": None})
    own = {rules.objective_name, COUNT, "cost", *rules.objective}  # asked for anyway
    kept = []
    for rule in rules.constraints:
        sums = [name for name in sums_of(rule) if name not in own]
        sums += [f"base_{name}" for name in sums_of(rule) if rule.scope == "base"]
        kept.append(_what_is_known(rule, columns) if lacks(rule.name, [*sums, *_labels(rule)]) else rule)
    tests = [
        _test_of_known(test, columns) if lacks(test.name, [*test.where, *(test.only or test.never or {})]) else test
        for test in per.eligible
    ]
    caps = [cap for cap in per.contacts.caps if not lacks(cap.name, [cap.column] if cap.column else [])]
    consent = {c: column for c, column in per.contacts.consent.items() if not lacks(f"consent {c}", [column])}
    house = rules.per_household
    if house is not None and lacks(at_key("per_household"), [house.column]):
        house = None
    contacts = per.contacts.model_copy(update={"caps": tuple(caps), "consent": consent})
    per = per.model_copy(update={"eligible": tuple(tests), "contacts": contacts})
    return rules.model_copy(update={"constraints": tuple(kept), "per_customer": per, "per_household": house}), problems


def _test_of_known(test: Eligibility, columns: Sequence[str]) -> Eligibility:
    """A test that lacks a column, less what needs it."""

    def known(of: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return None if of is None else {column: wanted for column, wanted in of.items() if column in columns}

    return test.model_copy(update={"where": known(test.where), "only": known(test.only), "never": known(test.never)})


def _what_is_known(rule: AllocationRule, columns: Sequence[str]) -> AllocationRule:
    """A rule that lacks a column, less what needs it: the rest may be wrong too."""
    where = {label: values for label, values in rule.where.items() if label in columns}
    update: dict[str, Any] = {"measure": COUNT, "ratio": None, "parity": None, "scope": "selected", "where": where}
    if rule.for_each not in columns:
        update |= {"for_each": None, "min": None, "max": None, "equal": None}
    return rule.model_copy(update=update)


def written_columns(file: RulesFile) -> list[str]:
    """Columns of the objective that the file names: what :func:`with_known_columns` reports and nothing can do without."""
    names = list(file.rules.objective) if at_key("objective") in file.places else []
    return [*names, file.rules.standard_error] if file.rules.risk_aversion else names


def measures_of(rules: AllocationRules) -> list[str]:
    """The columns that must be numbers, objective first."""
    names = [rules.objective_name, "cost"]
    for rule in rules.constraints:
        names += sums_of(rule)
    if rules.per_customer.min_margin_rate is not None:
        names += ["margin", "revenue"]
    return [name for name in dict.fromkeys(names) if name != COUNT]


def mixed_of(rules: AllocationRules) -> dict[str, dict[str, float]]:
    """The objective as a weighted sum of columns, where it is more than one."""
    if rules.objective_name in rules.objective and len(rules.objective) == 1:
        return {}
    weights = dict(rules.objective)
    if rules.risk_aversion:
        weights[rules.standard_error] = weights.get(rules.standard_error, 0.0) - rules.risk_aversion
    return {rules.objective_name: weights}


def labels_of(rules: AllocationRules) -> list[str]:
    """The columns that filters and ``for_each`` name."""
    names = [label for rule in rules.constraints for label in _labels(rule)]
    names += [label for test in rules.per_customer.eligible for label in test.where]
    return list(dict.fromkeys(names))


def base_of(rules: AllocationRules) -> list[str]:
    """Measures with a ``base_`` column."""
    names = [name for rule in rules.constraints if rule.scope == "base" for name in sums_of(rule)]
    return [name for name in dict.fromkeys(names) if name != COUNT]


def columns_of(rules: AllocationRules) -> tuple[list[str], list[str]]:
    """(columns read as numbers or nothing, columns read as texts) that tests look at."""
    numbers: list[str] = []
    texts = list(rules.per_customer.contacts.consent.values())
    texts += [rules.per_household.column] if rules.per_household is not None else []
    for test in rules.per_customer.eligible:
        for column, wanted in (test.only or test.never or {}).items():
            (numbers if isinstance(wanted, Range) else texts).append(column)
    numbers += [cap.column for cap in rules.per_customer.contacts.caps if cap.column is not None]
    return numbers, texts


def _labels(rule: AllocationRule) -> Iterator[str]:
    yield from rule.where
    if rule.for_each is not None:
        yield rule.for_each
    if rule.parity is not None:
        yield rule.parity.by


def sums_of(rule: AllocationRule) -> Iterator[str]:
    """The measures that a rule sums."""
    if rule.ratio is not None:
        yield from (rule.ratio.of, rule.ratio.to)
    elif rule.parity is not None:
        yield rule.parity.measure
    elif rule.measure is not None:
        yield rule.measure
