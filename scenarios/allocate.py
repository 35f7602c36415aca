"""Scored candidates and rules to an allocation: who gets what, what it is worth, and what each rule costs."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from scenarios.allocation.answer import Allocation, RuleResult
from scenarios.allocation.case import Case, build_case
from scenarios.allocation.conflict import conflicts
from scenarios.allocation.households import household_use
from scenarios.allocation.plans import GivenPlan, hold, read_plan
from scenarios.allocation.prices import RulePrice, not_priced, price_rules, room_of, solved_price
from scenarios.allocation.remarks import remarks_of
from scenarios.allocation.slack import penalty_of
from scenarios.allocation.solving import (
    Limits,
    Outcome,
    Solver,
    full_plan,
    outcome_of,
    solve_case,
    usual_gap,
    value_plan,
)
from scenarios.allocation.why import why_not
from solvers.certify import certify, keeps_company, relative_gap
from solvers.solution import Status

NEAR = 1e-9


def allocate(
    candidates: str | Path,
    rules: str | Path,
    budget: float | None = None,
    gap: float | None = None,
    time_limit: float | None = None,
    solver: Solver | None = None,
    *,
    evaluate: str | Path | None = None,
    fix: str | Path | None = None,
    start: str | Path | None = None,
    prices: bool = False,
) -> Allocation:
    """The best plan within the rules.

    Args:
        candidates: CSV, Parquet or ``file.duckdb::table``.
        rules: a YAML file, see :class:`scenarios.schema.allocation.AllocationRules`.
        budget: replaces the maximum of the rule named ``budget``; without one, a new rule on ``cost``.
        gap: target of ``(bound - objective) / |bound|``; without one, that of :func:`usual_gap`.
        time_limit: seconds of all solving together: the plan and ``prices``, or what is said of a conflict.  Reading and
            checking files, and compiling at the first call after an installation, come on top.
        solver: instead of :func:`solvers.solve`.
        evaluate: a plan to value as it is; nothing is chosen.
        fix: a plan whose customers keep what it gives them; the others are chosen for.
        start: a plan that the answer is never worth less than, if it keeps the rules.
        prices: solve again without each rule that binds, and with its bound 1 % looser and tighter.

    Raises:
        ConfigError, DataError: with every problem.

    """
    case = build_case(candidates, rules, budget)
    limits = Limits(usual_gap(case) if gap is None else gap, time_limit, solver)
    return allocate_case(case, limits, evaluate=evaluate, fix=fix, start=start, prices=prices)


def allocate_case(
    case: Case,
    limits: Limits,
    *,
    evaluate: str | Path | None = None,
    fix: str | Path | None = None,
    start: str | Path | None = None,
    prices: bool = False,
) -> Allocation:
    """:func:`allocate` of a case that is read already."""
    most = case.problem.max_offers
    given, held, incumbent = (None if x is None else read_plan(str(x), case.data, most) for x in (evaluate, fix, start))
    once = limits.begun()
    outcome = solve_case(case, once, held=held, incumbent=incumbent)
    if given is not None:
        return _evaluated(case, given, outcome, limits)
    remarks: list[str] = []
    if held is not None:
        remarks += _about_held(case, held)
    if incumbent is not None:
        outcome, text = _not_below(case, incumbent, outcome, limits, held)
        remarks.append(text)
    if not outcome.found:
        began = time.perf_counter()
        conflict = conflicts(outcome, once)
        seconds = outcome.solution.seconds + time.perf_counter() - began
        outcome = replace(outcome, solution=replace(outcome.solution, seconds=seconds))
        return Allocation(outcome, (), None, tuple(remarks), None, conflict)
    measured = price_rules(outcome, once) if prices else ()
    remarks += not_priced(outcome, measured) if prices else []
    results = _results(outcome, measured)
    shared = None
    if case.households is not None:
        problem = case.problem if held is None else hold(case, held)
        shared = household_use(case.households, problem, outcome.solution.multipliers, outcome.layers)
    remarks += remarks_of(outcome, results, limits, shared)
    rows = case.data.selected(*outcome.layers)
    return Allocation(outcome, results, rows, tuple(remarks), why_not(outcome), households=shared)


def _evaluated(case: Case, given: GivenPlan, best: Outcome, limits: Limits) -> Allocation:
    """A given plan as it stands."""
    outcome, keeps = value_plan(case, given, best, limits)
    results = _results(outcome, ())
    broken = [rule.name for rule in results if rule.missed and not rule.penalty]
    remarks = []
    if broken:
        remarks.append(f"The plan breaks: {', '.join(broken)}.")
    if closed := given.closed(case):
        remarks.append(f"{closed:,} customers have an offer that is closed to them.")
    remarks += _apart(case, given)
    if best.found:
        more = best.solution.objective - outcome.solution.objective
        remarks.append(f"The best plan found within the rules is worth {best.solution.objective:,.2f}, {more:+,.2f}.")
    else:
        proven = bool(best.solution.conflict)
        remarks.append("No plan meets all rules." if proven else "No plan was found, and no proof that there is none.")
    worth = best.solution.objective if best.found else None
    return Allocation(outcome, results, None, tuple(remarks), keeps=keeps, best=worth)


def _apart(case: Case, plan: GivenPlan) -> list[str]:
    """Offers of a given plan that may not be had together."""
    texts = []
    if not keeps_company(case.problem, full_plan(case, plan.arms).astype(np.int64)):
        texts.append("Some customers have offers that never_together or only_if forbid.")
    if case.households is not None:
        over = int((case.households.used(plan.layers) > case.households.most).sum())
        if over:
            texts.append(f"{over:,} households have more than {case.households.most} offers.")
    return texts


def _about_held(case: Case, held: GivenPlan) -> list[str]:
    texts = [f"{int(held.listed.sum()):,} customers are held to {held.source}."]
    if closed := held.closed(case):
        texts.append(f"{closed:,} of them keep an offer that is closed to them by a test.")
    return [*texts, *_apart(case, held)]


def _not_below(
    case: Case, incumbent: GivenPlan, outcome: Outcome, limits: Limits, held: GivenPlan | None
) -> tuple[Outcome, str]:
    """The better of the plan found and the incumbent."""
    name = incumbent.source
    if held is not None and not incumbent.same(held)[held.listed].all():
        return outcome, f"{name}: gives held customers something else; the plan is made without it."
    valued, keeps = value_plan(case, incumbent, outcome, limits)
    if not keeps:
        return outcome, f"{name}: breaks a rule (value {valued.solution.objective:,.2f}); the plan is made without it."
    if outcome.found and outcome.solution.objective >= valued.solution.objective:
        more = outcome.solution.objective - valued.solution.objective
        return outcome, f"{name}: {more:+,.2f} against it."
    solution = replace(outcome.solution, arm=incumbent.arm, others=incumbent.arms[1:], method="given plan")
    if not outcome.found:
        # No plan was found, but there is one: the bound at the multipliers is all that is known.
        proof = certify(case.problem, full_plan(case, incumbent.arms), outcome.solution.multipliers)
        solution = replace(
            solution, objective=proof.objective, bound=proof.bound, gap=proof.gap, conflict=(), gives=(),
            rows=outcome.solution.rows,
        )  # fmt: skip
    value = valued.solution.objective
    bound = max(solution.bound, value)
    distance = relative_gap(bound, value)
    status = Status.MET if distance <= limits.gap else Status.GAP_NOT_MET
    solution = replace(solution, objective=value, bound=bound, gap=distance, status=status)
    return outcome_of(case, solution, limits, held), f"{name}: nothing better was found; it is kept."


def _results(outcome: Outcome, measured: tuple[RulePrice, ...]) -> tuple[RuleResult, ...]:
    """Rows' results as the rules' own."""
    rows = {row.name: row for row in outcome.solution.rows}
    prices = {price.name: price for price in measured}
    results = []
    for index, item in enumerate(outcome.case.compiled.rules):
        of = [rows[row.name] for row in item.rows if row.name in rows]
        value, (low, high) = item.value(outcome.table), item.bounds
        price = sum(item.price(row.shadow_price, outcome.table) for row in of)
        missed = max(0.0 if low is None else low - value, 0.0 if high is None else value - high, 0.0)
        size = max([1.0, *(abs(bound) for bound in (low, high) if bound is not None)])
        reported = not item.rows
        room = room_of(outcome, index)
        again = solved_price(outcome.case.singles[index], prices.get(item.rule.name)) if room == "little" else None
        if again is not None:
            price, room = again, "little" if again > NEAR else "enough"
        results.append(
            RuleResult(
                item.rule.name,
                value,
                low,
                high,
                price if room != "enough" and not reported else 0.0,
                room != "enough",
                "parity" if item.sizes else "ratio" if len(item.terms) == 2 else "sum",
                missed if math.isfinite(missed) and missed > NEAR * size and not reported else 0.0,
                penalty_of(item) or 0.0,
                prices.get(item.rule.name),
                "" if room != "little" else "relaxed" if again is None else "solved",
            )
        )
    return tuple(results)
