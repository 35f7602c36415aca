"""A case: candidates and rules, read, checked and turned into an allocation problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scenarios.allocation.eligibility import Tests, run_tests
from scenarios.allocation.households import Households, households_of
from scenarios.allocation.rules_file import (
    RulesFile,
    at_key,
    base_of,
    columns_of,
    in_order,
    labels_of,
    measures_of,
    mixed_of,
    read_rules,
    sums_of,
    with_known_columns,
    written_columns,
)
from scenarios.allocation.slack import with_stand_ins
from scenarios.allocation.spelling import spell_out
from scenarios.allocation.units import strange_units
from scenarios.candidates import Candidates, rows_named
from scenarios.candidates_file import columns_in, read_candidates
from scenarios.errors import CvmaxError, DataError
from scenarios.rule_problems import rule_problems
from scenarios.rule_rows import compile_rules
from scenarios.rules import COUNT, CompiledRules, Subject, plan_table
from scenarios.schema.allocation import AllocationRules, Range, SingleRule
from scenarios.suggest import nearest
from solvers.problem import Problem

Floats = NDArray[np.float64]
Arms = NDArray[np.integer]


@dataclass(frozen=True)
class Case:
    """What is to be decided.

    Attributes:
        file: the rules as read.
        data: the candidates.
        singles: rules one by one, ``for_each`` spelt out; in the order of ``compiled.rules``.
        compiled: their rows.
        tests: what closes offers, and which.
        eligible: (K, n) bool, offers that are open.
        problem: for the solvers; behind the n customers stand those of soft rules.
        warnings: units that look wrong, and the like.
        households: customers who share a number of offers, if the rules ask for it.

    """

    file: RulesFile
    data: Candidates
    singles: tuple[SingleRule, ...]
    compiled: CompiledRules
    tests: Tests
    eligible: NDArray[np.bool_]
    problem: Problem
    warnings: tuple[str, ...]
    households: Households | None = None

    @property
    def rules(self) -> AllocationRules:
        """The rules as asked."""
        return self.file.rules

    @property
    def n(self) -> int:
        """Customers."""
        return self.data.n

    def table(self, arm: Arms, others: Arms | None = None) -> Floats:
        """(H + 1, C, K) sums of a plan (n,) of real customers, and of their further arms (M - 1, n)."""
        table = plan_table(self.data.measures, arm[: self.n], self.compiled)
        for more in others if others is not None else ():
            table += plan_table(self.data.measures, more[: self.n], self.compiled)
        return table

    @cached_property
    def _largest(self) -> Floats:
        """(H + 1, K) the largest size of each measure, and 1 for the count."""
        planes = self.data.measures
        most = np.maximum(planes.max(axis=2, initial=0.0), -planes.min(axis=2, initial=0.0))
        return np.concatenate([most, np.ones((1, planes.shape[1]))])

    def most_of_one(self, form: sparse.csr_matrix) -> float:
        """No offer changes a row's linear form by more."""
        h, k, _, c = self.problem.shape
        line = np.asarray(abs(form).todense()).reshape(h + 1, c, k).max(axis=1, initial=0.0)
        return float((line * self._largest).sum(axis=0).max(initial=0.0))

    def with_rules(self, singles: Sequence[SingleRule]) -> Case:
        """The same candidates under other rules, which filter on no other labels."""
        compiled = compile_rules(singles, subject_of(self.data), self.file.source, self.file.places)
        problem = _problem(self.data, compiled, self.eligible, self.rules, self.households, [])
        return replace(self, singles=tuple(singles), compiled=compiled, problem=problem)

    def start_from(self, other: Case, multipliers: Floats | None) -> Floats | None:
        """Multipliers of another case's rows for this one's, by name; 0 for rows that it did not have."""
        if multipliers is None:
            return None
        known = dict(zip((row.name for row in other.problem.rows), multipliers.tolist(), strict=True))
        return np.array([known.get(row.name, 0.0) for row in self.problem.rows])


def subject_of(data: Candidates) -> Subject:
    """What rules can speak about."""
    return Subject(data.names, data.arm_labels, data.customer_labels, data.n, data.base)


def build_case(candidates: str | Path, rules: str | Path, budget: float | None = None) -> Case:
    """Read and check both files.

    Raises:
        CvmaxError: with every problem of both files.

    """
    file = read_rules(Path(rules), budget)
    columns = columns_in(candidates)
    asked, absent = with_known_columns(file, columns, str(candidates))
    problems = [*file.problems, *absent]
    numbers, texts = columns_of(asked)
    try:
        data = read_candidates(
            candidates,
            measures_of(asked),
            labels_of(asked),
            base_of(asked),
            mixed=mixed_of(asked),
            numbers=numbers,
            others=texts,
            reported=[name for name in written_columns(file) if name not in columns],
            problems=problems,
        )
    except CvmaxError as error:
        problems += [*error.problems, *_names_without_numbers(candidates, file, asked)]
        raise type(error)(in_order(problems, file.source)) from None
    if problems and set(measures_of(asked)) & {*labels_of(asked), *texts}:  # labels that were read as numbers
        problems += _names_without_numbers(candidates, file, asked)
        raise DataError(in_order(problems, file.source))
    singles, tests, places = _names(data, subject_of(data), file, asked, problems)
    for check in (_check_cost, _check_errors):
        problems += check(data, asked)
    households = households_of(data, asked, file.places, problems)
    if problems:
        raise DataError(in_order(problems, file.source))
    compiled = compile_rules(singles, subject_of(data), file.source, places)
    eligible = data.eligible if tests.closed is None else data.eligible & (tests.closed == 0)
    problem = _problem(data, compiled, eligible, asked, households, problems)
    warnings = strange_units(data, compiled, eligible, places)
    return Case(file, data, tuple(singles), compiled, tests, eligible, problem, warnings, households)


def _names(
    data: Candidates, subject: Subject, file: RulesFile, asked: AllocationRules, problems: list[str]
) -> tuple[list[SingleRule], Tests, dict[str, str]]:
    """Rules spelt out, tests, and where rules are written; names that nothing has are added to ``problems``."""
    singles, unknown = spell_out(asked.constraints, subject)
    problems += [f"{file.places.get(name, name)}: {text}" for name, text in unknown]
    places = {single.name: _place(single.name, file.places) for single in singles}
    problems += rule_problems(singles, subject, file.source, places)
    tests = Tests()
    try:
        tests = run_tests(data, asked, file.places, file.folder)
    except CvmaxError as error:
        problems += error.problems
    company(data, asked, file.places, problems)
    return singles, tests, places


def _names_without_numbers(candidates: str | Path, file: RulesFile, asked: AllocationRules) -> list[str]:
    """What is wrong with names and rows, where a column is missing that nothing can do without; with rows alone if labels
    cannot be read.
    """
    problems: list[str] = []
    mixed = mixed_of(asked)
    words = (*labels_of(asked), *columns_of(asked)[1])
    columns = columns_in(candidates, formulas=False)
    known = {*columns} - {*words}
    labels, others = ([name for name in group if name in columns] for group in (labels_of(asked), columns_of(asked)[1]))
    parts = [part for name in measures_of(asked) for part in mixed.get(name, (name,)) if part in known]
    try:
        data = read_candidates(candidates, tuple(dict.fromkeys(parts)), labels, others=others, problems=problems)
    except CvmaxError:
        return []
    if "cost" in data.names:
        problems += _check_cost(data, asked)
    if not {*words} <= {*columns}:
        return problems
    nothing = np.zeros(data.n)
    measures = tuple(measures_of(asked))
    base = dict.fromkeys(base_of(asked), nothing)
    per = asked.per_customer
    tests = [
        test.model_copy(update={"only": _labels(test.only), "never": _labels(test.never)}) for test in per.eligible
    ]
    contacts = per.contacts.model_copy(update={"caps": ()})
    per = per.model_copy(
        update={"min_margin_rate": None, "min_profit": None, "eligible": tuple(tests), "contacts": contacts}
    )
    rules = [rule for rule in asked.constraints if set(sums_of(rule)) <= {*columns, COUNT}]
    asked = asked.model_copy(update={"per_customer": per, "constraints": tuple(rules)})
    subject = Subject(measures, data.arm_labels, data.customer_labels, data.n, base)
    _names(data, subject, file, asked, problems)
    return problems


def _labels(conditions: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if conditions is None else {k: v for k, v in conditions.items() if not isinstance(v, Range)}


def _problem(
    data: Candidates,
    compiled: CompiledRules,
    eligible: NDArray[np.bool_],
    rules: AllocationRules,
    households: Households | None,
    problems: list[str],
) -> Problem:
    open_to = None if eligible.all() else eligible
    apart, needs = company(data, rules, {}, problems)
    plain = Problem(
        data.measures,
        data.names,
        compiled.class_of,
        compiled.n_classes,
        compiled.rows,
        open_to,
        max_offers=rules.per_customer.max_offers,
        never_together=apart,
        only_if=needs,
    )
    whole = with_stand_ins(plain, compiled)
    return whole if households is None else households.within(whole)


Pairs = tuple[tuple[int, int], ...]


def company(
    data: Candidates, rules: AllocationRules, places: Mapping[str, str], problems: list[str]
) -> tuple[Pairs, Pairs]:
    """Pairs of arms that exclude each other, and (b, a) where b needs a."""

    def where(key: str) -> str:
        return places.get(at_key("per_customer", key), f"per_customer.{key}")

    def arms(name: str, key: str) -> list[int]:
        found = [k for k, (offer, _) in enumerate(data.arms) if name in (offer, data.arm_name(k))]
        if not found:
            hint = nearest(name, dict.fromkeys(offer for offer, _ in data.arms))
            problems.append(f"{where(key)}: unknown offer {name!r}{hint}")
        return found

    per = rules.per_customer
    apart = {
        (min(a, b), max(a, b))
        for one, other in per.never_together
        for a in arms(one, "never_together")
        for b in arms(other, "never_together")
        if a != b
    }
    needs = []
    for wants, needed in per.only_if.items():
        first = arms(needed, "only_if")
        if len(first) > 1:
            problems.append(f"{where('only_if')}: {needed!r} goes through several channels; name one, offer/channel")
        needs += [(b, a) for b in arms(wants, "only_if") for a in first[:1] if a != b]
    return tuple(sorted(apart)), tuple(needs)


def _place(name: str, places: Mapping[str, str]) -> str:
    return places.get(name) or places.get(name.partition(" [")[0], name)


def _check_cost(data: Candidates, rules: AllocationRules) -> list[str]:
    """Negative costs that the rules do not allow."""
    cost = data.measures[data.names.index("cost")]
    if rules.allow_negative_cost or not cost.size or cost.min() >= 0:
        return []
    arm, customer = np.nonzero(cost < 0)
    where = rows_named(np.sort(data.places(arm, customer)))
    hint = "'allow_negative_cost: true' in the rules permits offers that save money"
    return [f"{data.source}: {where}: expected a cost >= 0, got {cost.min():g} at worst; {hint}"]


def _check_errors(data: Candidates, rules: AllocationRules) -> list[str]:
    """Negative standard errors."""
    if not rules.risk_aversion:
        return []
    values = data.numbers(rules.standard_error)
    bad = np.flatnonzero(values < 0)
    if not len(bad):
        return []
    name = rules.standard_error
    return [f"{data.source}: {rows_named(bad)}: expected a standard error >= 0 in {name!r}, got {values[bad[0]]:g}"]
