"""Plans over time in words: the proven bound, the strategy's own model, the price of the budget by decision."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.budget_results import OVERLAP, BudgetPrice
from scenarios.report.formats import amount, clean, decimals_for
from scenarios.results import RunResults, StrategyResult

ALIKE = 0.02
MOST = 16


def lines(ranked: Sequence[StrategyResult], results: RunResults) -> list[str]:
    """Sentences; none where nothing planned over time and nothing is proven."""
    unit, out = clean(results.currency), []
    planners = [s for s in ranked if s.model_value is not None]
    best = next((s for s in ranked if s.name == results.winner), None)
    top = results.ceiling
    if top is not None and top.per_customer is not None and best is not None:
        decimals = decimals_for([top.per_customer])
        out.append(
            f"No strategy could bring more than {amount(top.per_customer, decimals)} {unit} a customer more than doing nothing, on "
            f"average over luck, within the rules' amounts (proven bound in this scenario's own world); in this run's luck "
            f"{clean(best.name)} planned {amount(best.planned, decimals)} and brought {amount(best.realised, decimals)}."
        )
    for s in planners:
        value = s.model_value or 0.0
        if top is not None and OVERLAP in top.obstacles:
            out.append(f"In the model of {clean(s.name)} offers that overlap count in full, so its value is too high.")
        why = f"; no bound is proven with {', '.join(top.obstacles)}" if top is not None and top.obstacles else ""
        out.append(
            f"Model value of {clean(s.name)}: {amount(value, decimals_for([value]))} {unit} a customer at its first decision{why}."
        )
        if s.budget_prices:
            out.append(
                f"Price of the budget under {clean(s.name)}, value of its next unit (and planned cost), {_prices(s, results)}."
            )
    return out


def _prices(s: StrategyResult, results: RunResults) -> str:
    """Runs of decisions of about the same price."""
    groups: list[list[BudgetPrice]] = []
    for decision in s.budget_prices:
        last = groups[-1][0].price if groups else None
        if last is not None and abs(decision.price - last) <= ALIKE * max(last, 1e-9):
            groups[-1].append(decision)
        else:
            groups.append([decision])
    while len(groups) > MOST:  # too many to read: two and two together
        groups = [[d for group in groups[i : i + 2] for d in group] for i in range(0, len(groups), 2)]
    words = []
    for group in groups:
        first, last = group[0].period, group[-1].period
        when = f"{first}" if first == last else f"{first} to {last}"
        price = sum(d.price for d in group) / len(group)
        words.append(f"{when}: {amount(price, 2)} ({amount(sum(d.planned_cost for d in group), 0)})")
    return f"by {results.period}: {', '.join(words)}"
