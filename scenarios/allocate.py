"""Scored candidates and rules to an allocation: who gets what, what it is worth, and what each rule costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.candidates import Candidates, read_candidates, rows_named
from scenarios.errors import ConfigError, DataError
from scenarios.paths import dotted
from scenarios.rules import COUNT, CompiledRules, Subject, compile_rules, plan_table
from scenarios.schema.rules import AllocationRules, Constraint
from scenarios.schema.validate import validate_as
from scenarios.yamlfile import read_yaml
from solvers.problem import Problem
from solvers.solution import RowResult, Solution, Status

Solver = Callable[..., Solution]


@dataclass(frozen=True)
class RuleResult:
    """A rule under the plan.

    ``value``: NaN for a ratio to nothing.  ``shadow_price``: objective per unit of the bound (ratios: per 0.01), >=
    0 when relaxing helps; 0 for a rule that is only reported.
    """

    name: str
    value: float
    min: float | None
    max: float | None
    shadow_price: float
    binding: bool


@dataclass(frozen=True)
class Allocation:
    """An answer to ``cvmax allocate``.

    Attributes:
        solution: the solver's.
        rules: one result for each constraint; empty if infeasible.
        rows: the chosen candidates as an Arrow table, None if infeasible.
        customers: how many there were.
        remarks: what a reader should know: unspent budget and why.

    """

    solution: Solution
    rules: tuple[RuleResult, ...]
    rows: Any
    customers: int
    remarks: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 met, 4 plan without the target gap, 3 no plan."""
        return {Status.MET: 0, Status.GAP_NOT_MET: 4, Status.INFEASIBLE: 3}[self.solution.status]

    def document(self) -> dict[str, Any]:
        """The answer as one JSON document; numbers that do not exist are null."""
        solution = self.solution
        found = solution.status is not Status.INFEASIBLE
        return {
            "status": solution.status.value,
            "objective": _number(solution.objective) if found else None,
            "bound": _number(solution.bound),
            "gap": _number(solution.gap) if found else None,
            "selected": solution.selected if found else 0,
            "customers": self.customers,
            "seconds": solution.seconds,
            "passes": solution.passes,
            "method": solution.method,
            "constraints": [
                {
                    "name": rule.name,
                    "value": _number(rule.value),
                    "min": rule.min,
                    "max": rule.max,
                    "shadow_price": _number(rule.shadow_price),
                    "binding": rule.binding,
                }
                for rule in self.rules
            ],
            "conflict": [
                {"name": name, "must_give": _number(gives)}
                for name, gives in zip(solution.conflict, solution.conflict_gives, strict=False)
            ],
            "remarks": [*self.remarks, *([solution.note] if solution.note else [])],
        }


def allocate(
    candidates: str | Path,
    rules: str | Path,
    budget: float | None = None,
    gap: float = 1e-5,
    time_limit: float | None = None,
    solver: Solver | None = None,
) -> Allocation:
    """The best plan within the rules.

    Args:
        candidates: CSV, Parquet or ``file.duckdb::table``.
        rules: a YAML file, see :class:`scenarios.schema.rules.AllocationRules`.
        budget: replaces the maximum of the rule named ``budget``; without one, a new rule on ``cost``.
        gap: target of ``(bound - objective) / |bound|``.
        time_limit: seconds.
        solver: instead of :func:`solvers.solve`.

    Raises:
        ConfigError, DataError: with every problem.

    """
    asked = with_budget(read_rules(Path(rules)), budget)
    data = read_candidates(candidates, _measures(asked), _labels(asked), _base(asked))
    eligible = _eligible(data, asked)
    subject = Subject(data.names, data.arm_labels, data.customer_labels, data.n, data.base)
    compiled = compile_rules(asked.constraints, subject, str(rules))
    problem = Problem(data.measures, data.names, compiled.class_of, compiled.n_classes, compiled.rows, eligible)
    solution = (solver or _solve)(problem, gap=gap, time_limit=time_limit)
    if solution.status is Status.INFEASIBLE:
        return Allocation(solution, (), None, data.n)
    table = plan_table(data.measures, solution.arm, compiled)
    results = _results(compiled, solution, table)
    rows = data.selected(solution.arm)
    return Allocation(solution, results, rows, data.n, _remarks(results, asked, data, eligible, solution))


def _solve(problem: Problem, *, gap: float, time_limit: float | None) -> Solution:
    from solvers.solve import solve  # loads kernels: only when needed

    return solve(problem, gap=gap, time_limit=time_limit)


def read_rules(path: Path) -> AllocationRules:
    """The rules in a file.

    Raises:
        ConfigError: every problem, with file, line and path.

    """
    document = read_yaml(path)
    rules, problems = validate_as(AllocationRules, document.data)
    if rules is None or problems:
        raise ConfigError([document.where(at, dotted(at, document.data)) + f": {text}" for at, text in problems])
    return rules


def with_budget(rules: AllocationRules, budget: float | None) -> AllocationRules:
    """The rules with another maximum in the one named ``budget``."""
    if budget is None:
        return rules
    if not (math.isfinite(budget) and budget >= 0):
        raise ConfigError([f"--budget: expected a number >= 0, got {budget:g}"])
    replaced, found = [], False
    for rule in rules.constraints:
        if rule.name == "budget":
            found = True
            if rule.min is not None and rule.min > budget:
                raise ConfigError([f"--budget: expected at least the rule's own min {rule.min:g}, got {budget:g}"])
            replaced.append(rule.model_copy(update={"max": budget}))
        else:
            replaced.append(rule)
    if not found:
        replaced.insert(0, Constraint(name="budget", measure="cost", max=budget))
    return rules.model_copy(update={"constraints": tuple(replaced)})


def _measures(rules: AllocationRules) -> list[str]:
    """The columns that must be numbers, objective first."""
    names = [rules.objective, "cost"]
    for rule in rules.constraints:
        names += [rule.ratio.of, rule.ratio.to] if rule.ratio else [rule.measure or COUNT]
    if rules.per_customer.min_margin_rate is not None:
        names += ["margin", "revenue"]
    return [name for name in dict.fromkeys(names) if name != COUNT]


def _labels(rules: AllocationRules) -> list[str]:
    return list(dict.fromkeys(label for rule in rules.constraints for label in rule.where))


def _base(rules: AllocationRules) -> list[str]:
    names: list[str] = []
    for rule in rules.constraints:
        if rule.scope == "base":
            names += [rule.ratio.of, rule.ratio.to] if rule.ratio else [rule.measure or COUNT]
    return [name for name in dict.fromkeys(names) if name != COUNT]


def _eligible(data: Candidates, rules: AllocationRules) -> NDArray[np.bool_]:
    """(K, n) rows that exist and leave enough margin.

    Raises:
        DataError: negative costs that the rules do not allow.

    """
    cost = data.measures[data.names.index("cost")]
    if not rules.allow_negative_cost and cost.size and cost.min() < 0:
        where = rows_named(np.sort(data.row[cost < 0]))
        hint = "'allow_negative_cost: true' in the rules permits offers that save money"
        raise DataError([f"{data.source}: {where}: expected a cost >= 0, got {cost.min():g} at worst; {hint}"])
    rate = rules.per_customer.min_margin_rate
    if rate is None:
        return data.eligible
    margin, revenue = (data.measures[data.names.index(name)] for name in ("margin", "revenue"))
    enough: NDArray[np.bool_] = margin >= rate * revenue
    return data.eligible & enough


def _results(compiled: CompiledRules, solution: Solution, table: NDArray[np.float64]) -> tuple[RuleResult, ...]:
    """Rows' results as the rules' own."""
    by_name: dict[str, RowResult] = {result.name: result for result in solution.rows}
    results = []
    for item in compiled.rules:
        rows = [by_name[row.name] for row in item.rows]
        price = sum(item.price(row.shadow_price, table) for row in rows)
        rule = item.rule
        results.append(
            RuleResult(rule.name, item.value(table), rule.min, rule.max, price, any(row.binding for row in rows))
        )
    return tuple(results)


def _remarks(
    results: tuple[RuleResult, ...],
    rules: AllocationRules,
    data: Candidates,
    eligible: NDArray[np.bool_],
    solution: Solution,
) -> tuple[str, ...]:
    """What a reader should know about money and customers without an offer."""
    remarks = []
    budget = next((rule for rule in results if rule.name == "budget" and rule.max is not None), None)
    if (
        budget is not None
        and budget.max is not None
        and not budget.binding
        and budget.max - budget.value > 0.005 * abs(budget.max)
    ):
        others = [rule.name for rule in results if rule.binding]
        reason = f"other rules bind: {', '.join(others)}" if others else "no further offer is worth more than nothing"
        remarks.append(f"{budget.max - budget.value:,.2f} of the budget is left: {reason}.")
    none = data.n - solution.selected
    if none:
        objective = np.where(eligible, data.measures[0], -np.inf).max(axis=0, initial=-np.inf)
        closed = int(np.count_nonzero(~eligible.any(axis=0)))
        worthless = int(np.count_nonzero(eligible.any(axis=0) & (objective <= 0)))
        reasons = {
            f"no offer with a positive {rules.objective}": worthless,
            "no eligible offer": closed,
            "held back by the rules": none - closed - worthless,
        }
        parts = [f"{reason}: {number:,}" for reason, number in reasons.items() if number > 0]
        remarks.append(f"{none:,} of {data.n:,} customers get nothing ({'; '.join(parts)}).")
    return tuple(remarks)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
