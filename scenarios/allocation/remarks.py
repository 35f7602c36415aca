"""What a reader of a plan should know beside its numbers."""

from __future__ import annotations

import math

from scenarios.allocation.answer import RuleResult
from scenarios.allocation.case import Case
from scenarios.allocation.households import HouseholdUse
from scenarios.allocation.solving import Limits, Outcome
from solvers.solution import Status

FEW_OFFERS = 1000
HANDFUL = 20


def remarks_of(
    outcome: Outcome, results: tuple[RuleResult, ...], limits: Limits, shared: HouseholdUse | None
) -> list[str]:
    """Sentences on money that is left, rules that do not bind, a missed gap, prices of a few offers, and households."""
    return [
        *_left(results, shared),
        *_unlimited(outcome.case, results),
        *_missed_gap(outcome, limits),
        *_few_offers(outcome, results),
        *([] if shared is None else [shared.sentence()]),
    ]


def _unlimited(case: Case, results: tuple[RuleResult, ...]) -> list[str]:
    """That nothing binds, so that the plan is no choice between customers."""
    if any(rule.binding for rule in results) or case.households is not None:
        return []
    limits = [rule for rule in results if rule.min is not None or rule.max is not None]
    what = "No rule binds" if limits else "No rule limits the plan (no min, max, equal or parity)"
    return [f"{what}: every customer gets what is worth most to the objective, whatever it costs."]


def _offers(outcome: Outcome) -> int:
    return int(sum((layer >= 0).sum() for layer in outcome.layers))


def _few_offers(outcome: Outcome, results: tuple[RuleResult, ...]) -> list[str]:
    """That prices of a handful of offers are those of parts of offers."""
    offers = _offers(outcome)
    if offers >= HANDFUL or not any(rule.shadow_price and rule.binding for rule in results):
        return []
    return [
        f"Prices are those of parts of offers: with {offers} whole ones in the plan, a little more room may bring nothing until "
        "it pays for one more; --price-rules solves anew."
    ]


def _missed_gap(outcome: Outcome, limits: Limits) -> list[str]:
    """What a missed gap means in money, and what helps."""
    solution = outcome.solution
    if solution.status is not Status.GAP_NOT_MET or not math.isfinite(solution.gap):
        return []
    left = solution.bound - solution.objective
    texts = [f"At most {left:,.2f} more is possible: gap {solution.gap:.2g}, asked {limits.gap:.2g}."]
    digits = 10.0 ** math.floor(math.log10(max(solution.gap, 1e-12)))
    accepted = math.ceil(solution.gap / digits) * digits
    ways = [f"--gap {accepted:.0e} accepts it" if accepted < 0.01 else f"--gap {accepted:.2g} accepts it"]
    if limits.time_limit is not None:
        ways.insert(0, "a longer --time-limit may close it")
    offers = _offers(outcome)
    if offers < FEW_OFFERS:
        ways.append(
            f"with {offers:,} offers in the plan the bound, which may take part of an offer, is out of a whole plan's reach: "
            "more room in the binding rules narrows the gap"
        )
    return [texts[0] + " What helps: " + "; ".join(ways) + "."]


def _left(results: tuple[RuleResult, ...], shared: HouseholdUse | None) -> list[str]:
    """What a reader should know about money that is left and soft rules that are missed."""
    remarks = []
    budget = next((rule for rule in results if rule.name == "budget" and rule.max is not None), None)
    if (
        budget is not None
        and budget.max is not None
        and not budget.binding
        and budget.max - budget.value > 0.005 * abs(budget.max)
    ):
        others = [rule.name for rule in results if rule.binding]
        others += ["per_household"] if shared is not None and shared.full else []
        reason = f"other rules bind: {', '.join(others)}" if others else "no further offer is worth more than nothing"
        remarks.append(f"{budget.max - budget.value:,.2f} of the budget is left: {reason}.")
    remarks += [
        f"{rule.name} is missed by {rule.missed:,.6g}, at a price of {rule.missed * rule.penalty:,.2f}."
        for rule in results
        if rule.missed and rule.penalty
    ]
    return remarks
