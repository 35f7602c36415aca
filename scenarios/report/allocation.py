"""An allocation for the console."""

from __future__ import annotations

import math
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.allocate import Allocation, RuleResult
from solvers.solution import Status

_STATUS = {
    Status.MET: "optimal within the target gap",
    Status.GAP_NOT_MET: "a plan, but not proven within the target gap",
    Status.INFEASIBLE: "no plan meets all rules",
}


def print_allocation(allocation: Allocation, file: TextIO) -> None:
    """Status, value, bound and gap, the rules with their prices, and what a reader should know."""
    console = Console(file=file, highlight=False, soft_wrap=True)
    solution = allocation.solution
    console.print(Text(f"{_STATUS[solution.status]}  ({solution.method}, {solution.seconds:.2f} s)", style="bold"))
    if solution.status is Status.INFEASIBLE:
        for name, gives in zip(solution.conflict, solution.conflict_gives, strict=False):
            must = f"would have to give {_amount(gives)}" if math.isfinite(gives) else "cannot help by giving alone"
            console.print(Text(f"  {name}: {must}"))
        console.print(Text("These rules conflict; with any one of them relaxed that far, the others can be met."))
        return
    console.print(
        Text(
            f"value {_amount(solution.objective)}, at most {_amount(solution.bound)} (gap {solution.gap:.2g}); "
            f"{solution.selected:,} of {allocation.customers:,} customers get an offer"
        )
    )
    if allocation.rules:
        console.print(_rules(allocation))
        console.print(Text("price: value gained if the rule gives one unit (ratios: 0.01); binding rules are marked *"))
    for remark in (*allocation.remarks, *((solution.note,) if solution.note else ())):
        console.print(Text(remark))


def _rules(allocation: Allocation) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    for name in ("value", "min", "max", "price"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for rule in allocation.rules:
        table.add_row(Text(rule.name), *(Text(cell) for cell in _cells(rule)), "*" if rule.binding else "")
    return table


def _cells(rule: RuleResult) -> tuple[str, str, str, str]:
    value = _amount(rule.value) if math.isfinite(rule.value) else "no value"
    bounds = ["" if bound is None else _amount(bound) for bound in (rule.min, rule.max)]
    price = "" if rule.min is None and rule.max is None else _amount(rule.shadow_price)
    return value, bounds[0], bounds[1], price


def _amount(value: float) -> str:
    """Four significant digits below 1,000, thousands and cents above."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
    return f"{value:.4g}"
