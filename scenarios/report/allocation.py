"""An allocation for the console."""

from __future__ import annotations

import math
from typing import TextIO

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from scenarios.allocation.answer import Allocation, RuleResult
from scenarios.allocation.conflict import Conflict
from solvers.solution import Status

_STATUS = {
    Status.MET: "optimal within the target gap",
    Status.GAP_NOT_MET: "a plan, but not proven within the target gap",
    Status.INFEASIBLE: "no plan meets all rules",
}
_MOST_REASONS = 12
_WIDEST = 1000


def print_allocation(allocation: Allocation, file: TextIO) -> None:
    """Status, value, bound and gap, the rules with their prices, and what a reader should know."""
    console = Console(file=file, highlight=False, soft_wrap=True)
    solution = allocation.solution
    status = _STATUS[solution.status]
    if allocation.keeps is not None:
        status = "the given plan keeps every rule" if allocation.keeps else "the given plan breaks rules"
    if solution.status is Status.INFEASIBLE and not allocation.conflict and allocation.keeps is None:
        status = "no plan was found, and no proof that there is none"
    console.print(Text(f"{status}  ({solution.method}, {solution.seconds:.2f} s)", style="bold"))
    if not allocation.outcome.found and allocation.keeps is None:
        for line in conflict_lines(allocation):
            console.print(Text(line))
        return
    selected = int((solution.arm >= 0).sum())
    console.print(
        Text(
            f"value {amount_of(solution.objective)}, at most {amount_of(solution.bound)} (gap {abs(solution.gap):.2g}); "
            f"{selected:,} of {allocation.customers:,} customers get an offer"
        )
    )
    if allocation.rules:
        table = _rules(allocation)
        # As wide as it is: a table that is cut to the width of a pipe cuts names.
        wide = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
        console.print(table, width=max(wide, console.width), crop=False)
        for line in _legend(allocation):
            console.print(Text(line))
    if any(rule.price is not None for rule in allocation.rules):
        console.print(
            Text("without, +1 %, -1 %: value gained without the rule, with its bound looser and tighter, solved anew")
        )
    for line in funnel_lines(allocation):
        console.print(Text(line))
    for remark in (*allocation.remarks, *((solution.note,) if solution.note else ())):
        console.print(Text(remark))


def conflict_lines(allocation: Allocation) -> list[str]:
    """Which rules conflict, and what each would have to give."""
    note = allocation.solution.note
    return [*told_conflict(allocation.conflict), *allocation.remarks, *([note] if note else [])]


def told_conflict(conflict: tuple[Conflict, ...]) -> list[str]:
    """Rules in conflict, and what it takes."""
    groups = sorted({item.group for item in conflict if item.group is not None})
    names = [item.name for item in conflict if item.group is not None]
    lines = []
    for group in groups:
        if len(groups) > 1:
            lines.append(f"conflict {group + 1}:")
        lines += [f"  {item.name}: {_must(item)}" for item in conflict if item.group == group]
    shown = all(math.isfinite(item.gives) for item in conflict)
    if len(groups) == 1 and shown:
        lines.append(
            "These rules conflict; with any one of them relaxed that far, all others can be met: a plan was found each time."
        )
    elif len(groups) == 1:
        lines.append("These rules conflict: one of them, at least, must give.")
    elif groups:
        kind = "sets" if len(set(names)) < len(names) else "separate sets"
        lines.append(
            f"{len(groups)} {kind} of rules conflict; one rule of each must give (that far, if the other conflicts are settled)."
        )
    for item in conflict:
        if item.group is None:
            lines.append(f"{item.name} is in all of them, and alone {_must(item)}.")
    return lines


def _must(item: Conflict) -> str:
    if item.time_up:
        least = f"at least {amount_of(item.at_least)}; " if item.at_least > 0 and math.isfinite(item.at_least) else ""
        return f"{least}time was up before it was known how much it must give"
    if math.isinf(item.at_least):
        return "cannot help by giving alone" if item.group is not None else "cannot settle them"
    if not math.isfinite(item.gives):
        least = f"would have to give at least {amount_of(item.at_least)}; " if item.at_least > 0 else ""
        return f"{least}no plan was found that shows how much it must give"
    # The new bound is rounded to the side that makes room; the amount is what the shown bound says.
    text = f"would have to give {amount_of(item.gives)}"
    if item.bound is not None and item.needed is not None:
        up = item.end == "max"
        text = f"would have to give {outwards(item.gives, True)}"
        text += f" ({item.end} {amount_of(item.bound)} -> {outwards(item.needed, up)})"
    if not item.exact:
        more = f"at least {amount_of(item.at_least)} is certain" if item.at_least > 0 else "less may do"
        text = text.replace("would have to give", "has room if it gives", 1) + f"; {more}"
    return text


def outwards(value: float, up: bool) -> str:
    """:func:`amount_of`, rounded up or down in its last digit instead of to the nearest."""
    shown = amount_of(value)
    short = float(shown.replace(",", ""))
    if (short >= value - 1e-9 * max(1.0, abs(value))) if up else (short <= value + 1e-9 * max(1.0, abs(value))):
        return shown
    digit = 0.01 if abs(value) >= 1000 else 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return amount_of(short + digit if up else short - digit)


def funnel_lines(allocation: Allocation) -> list[str]:
    """Everybody without an offer, by reason."""
    funnel = allocation.funnel()
    none = sum(count for _, _, count in funnel)
    if not none:
        return []
    lines = [f"{none:,} of {allocation.customers:,} customers get nothing:"]
    width = max(len(f"{count:,}") for _, _, count in funnel)
    shown = funnel if len(funnel) <= _MOST_REASONS + 1 else funnel[:_MOST_REASONS]
    for reason, because, count in shown:
        lines.append(f"  {count:>{width},}  {reason}{': ' + because if because else ''}")
    if len(funnel) > len(shown):
        rest = sum(count for _, _, count in funnel[_MOST_REASONS:])
        lines.append(f"  {rest:>{width},}  {len(funnel) - _MOST_REASONS} other reasons")
    return lines


def _legend(allocation: Allocation) -> list[str]:
    """What prices and marks mean."""
    lines = [
        "price: value gained if the rule gives one unit more (ratios, parity: 0.01); rules without room are marked *"
    ]
    kinds = {rule.little_room for rule in allocation.rules}
    little = "(*): less room than one more offer may need, or than 0.1 % of the bound"
    if "relaxed" in kinds:
        lines.append(f"{little}; the price is that of parts of offers")
    if "solved" in kinds:
        lines.append(f"{little}; the price is that of the solve with a looser bound")
    return lines


def _rules(allocation: Allocation) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    priced = any(rule.price is not None for rule in allocation.rules)
    for name in ("used", "min", "max", "price", *(("without", "+1 %", "-1 %") if priced else ())):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for rule in allocation.rules:
        cells = [*_cells(rule), *(_prices(rule) if priced else ())]
        mark = "(*)" if rule.little_room else "*" if rule.binding else ""
        mark += " missed" if rule.missed else ""
        table.add_row(Text(rule.name), *(Text(cell) for cell in cells), mark.strip())
    return table


def _cells(rule: RuleResult) -> tuple[str, str, str, str]:
    value = amount_of(rule.value) if math.isfinite(rule.value) else "no value"
    bounds = ["" if bound is None else amount_of(bound) for bound in (rule.min, rule.max)]
    price = "" if rule.min is None and rule.max is None else amount_of(rule.shadow_price)
    return value, bounds[0], bounds[1], price


def _prices(rule: RuleResult) -> tuple[str, str, str]:
    if rule.price is None:
        return "", "", ""
    return tuple(  # type: ignore[return-value]  # three in, three out
        "" if gain is None else amount_of(gain) for gain in (rule.price.without, rule.price.looser, rule.price.tighter)
    )


def amount_of(value: float) -> str:
    """Four significant digits below 1,000, thousands and cents above; rounding is no amount, and 0 has no sign."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) < 1e-9:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
    return f"{value:.4g}"
