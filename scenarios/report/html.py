"""The report: one HTML page that needs no network, made of the results alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from scenarios.chance import ENOUGH_DRAWS, chance
from scenarios.report import around, over_time, people
from scenarios.report import columns as cols
from scenarios.report.charts import canvas
from scenarios.report.figures import all_figures
from scenarios.report.formats import amount, between, clean, decimals_for, flat, percent, significant
from scenarios.results import RunResults, StrategyResult

Table = dict[str, Any]


def render(results: RunResults) -> str:
    """The whole page as text."""
    with canvas.unchecked():
        figures = {f.key: f for f in all_figures(results) if f.spec is not None}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("scenarios.report").joinpath("page.html.j2").read_text(encoding="utf-8"))
    winner = next((s for s in cols.ranked(results) if s.name == results.winner), None)
    return template.render(
        results=results,
        clean=clean,
        soft=_soft,
        cards=_cards(results, winner) if winner else [],
        facts=_facts(results),
        figures=figures,
        legend=cols.legend(results),
        rules_met=cols.rules_met(cols.ranked(results)),
        value=_strategies(results, cols.VALUE),
        money=_strategies(results, cols.MONEY),
        detail=_strategies(results, cols.DETAIL),
        descriptions=[(clean(s.name), clean(s.description)) for s in cols.ranked(results)],
        missed=[
            (clean(s.name), clean(rule), percent(by)) for s in cols.ranked(results) for rule, by in s.rules.items()
        ],
        offers=_offers(results),
        cash=_cash(results),
        around=[
            (p.title, [head for head, _ in p.columns], p.rows([clean(s.name) for s in cols.ranked(results)]))
            for p in (*around.parts(cols.ranked(results), results), *people.parts(cols.ranked(results), results))
        ],
        notes=around.lines(cols.ranked(results), results),
        planned_ahead=over_time.lines(cols.ranked(results), results),
        returns=_returns(results),
        seen=_seen(results),
        flows=_flows(results),
        drivers=_drivers(results),
        assumptions=_assumptions(results),
        fit=flat(results.fit) if results.fit else [],
        solver=[(clean(s.name), flat(s.solver)) for s in results.strategies if s.solver.get("passes")],
        provenance=flat(results.provenance),
        specs=_for_script({key: f.spec for key, f in figures.items()}),
        bundle=canvas.bundle() if figures else "",
    )


def _soft(name: str) -> Markup:
    """The name, escaped, with places where a narrow column may break it."""
    return Markup(re.sub(r"([_./])(?=\w)", r"\1<wbr>", str(escape(name))))


def _for_script(document: object) -> str:
    """JSON that can stand inside a script element whatever the texts in it say."""
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facts(results: RunResults) -> list[tuple[str, str]]:
    real = "" if results.real_customers is None else f", drawn from {results.real_customers:,} real ones"
    return [
        ("Customers", f"{results.customers:,}{real}"),
        ("Horizon", clean(f"{results.horizon_periods} {results.period}s")),
        ("Baseline", clean(results.baseline)),
        ("Draws", f"{results.draws}"),
        ("Seed", f"{results.seed}"),
        *_control(results),
    ]


def _control(results: RunResults) -> list[tuple[str, str]]:
    if results.control_cost is None:
        return []
    return [
        ("Control group forgoes", f"{amount(results.control_cost, 0)} {clean(results.currency)} at the first decision")
    ]


def _cards(results: RunResults, winner: StrategyResult) -> list[tuple[str, str, str]]:
    """(what, number, note) of the winner."""
    unit = clean(results.currency)
    ci = winner.difference_ci
    decimals = decimals_for([winner.difference, ci.low, ci.high])
    lead = winner.name != results.baseline
    against = f"against {clean(results.baseline)}"
    month = next(c for c in cols.DETAIL if c.key == "payback_month")
    return [
        (
            "Best strategy",
            _soft(clean(winner.name)),
            f"P(best) {chance(winner.p_best, results.draws)}"
            if results.draws >= ENOUGH_DRAWS
            else "too few draws to tell P(best)",
        ),
        *(
            [
                (f"Per customer, {unit}", amount(winner.difference, decimals, sign=True), against),
                (
                    f"{cols.interval_name(results).capitalize()} ({100 * results.level:g}%)",
                    between(ci, decimals),
                    f"{unit} per customer",
                ),
                (f"In total, {unit}", amount(winner.difference_total, 0, sign=True), against),
            ]
            if lead
            else [
                (
                    f"CLV per customer, {unit}",
                    amount(winner.clv_per_customer, decimals_for([winner.clv_per_customer])),
                    "",
                )
            ]
        ),
        (f"Spend, {unit}", amount(winner.spend, 0), f"ROI {amount(winner.roi)}"),
        ("Pays back from", cols.cells(month, [winner])[0], "against doing nothing"),
    ]


def _strategies(results: RunResults, columns: Sequence[cols.Column]) -> Table:
    """Header and rows of a strategy table; each row knows its marks."""
    ranked = cols.ranked(results)
    texts = [cols.cells(c, ranked, "± ", results.draws) for c in columns]
    return {
        "head": [cols.title(c, results) for c in columns],
        "kinds": [
            "decision" if c.kind is cols.Kind.DECISION else "noise" if c.kind is cols.Kind.NOISE else ""
            for c in columns
        ],
        "rows": [
            {"name": clean(s.name), "marks": cols.marks(results, s), "cells": [t[i] for t in texts]}
            for i, s in enumerate(ranked)
        ],
    }


def _offers(results: RunResults) -> Table | None:
    """Contacts by offer and channel; the shade says how much of the largest number it is."""
    ranked = [s for s in cols.ranked(results) if s.contacts_by_arm]
    total: dict[str, int] = {}
    for s in ranked:
        for arm, n in s.contacts_by_arm.items():
            total[arm] = total.get(arm, 0) + n
    arms = sorted((a for a in total if total[a]), key=lambda a: (-total[a], a))
    if not arms:
        return None
    most = max(n for s in ranked for n in s.contacts_by_arm.values())
    return {
        "head": [clean(a) for a in arms],
        "rows": [
            (
                clean(s.name),
                [
                    (f"{n:,}" if n else "", round(0.55 * n / most, 3))
                    for n in (s.contacts_by_arm.get(a, 0) for a in arms)
                ],
                f"{sum(s.contacts_by_arm.values()):,}",
            )
            for s in ranked
        ],
    }


def _returns(results: RunResults) -> list[tuple[str, list[str]]]:
    """One row for each strategy and what it sent."""
    found = [(s, r) for s in cols.ranked(results) for r in s.returns]
    decimals = 0 if max((abs(r.value) for _, r in found), default=0.0) >= 100 else 2
    return [
        (
            clean(s.name),
            [
                f"{r.kind} {clean(r.name)}",
                f"{r.contacts:,}",
                amount(r.value, decimals),
                f"± {amount(2 * r.noise, decimals)}",
            ],
        )
        for s, r in found
    ]


def _seen(results: RunResults) -> Table | None:
    """The confusion matrix of the best strategy whose planner sees some segments wrongly."""
    ranked = [s for s in cols.ranked(results) if s.seen is not None and s.seen.correct < 1]
    if not ranked or ranked[0].seen is None:
        return None
    return {"name": clean(ranked[0].name), **_matrix(ranked[0].seen.matrix)}


def _flows(results: RunResults) -> Table | None:
    """Moves between segments under the winner, in % of those who were in a segment."""
    winner = next((s for s in results.strategies if s.name == results.winner), None)
    return _matrix(winner.flows) if winner is not None and winner.flows else None


def _matrix(matrix: dict[str, dict[str, int]]) -> Table:
    """Counts as shares of their row."""
    names = list(dict.fromkeys([*matrix, *(name for row in matrix.values() for name in row)]))
    return {
        "head": [clean(name) for name in names],
        "rows": [
            (clean(true), [percent(row.get(name, 0) / sum(row.values())) for name in names])
            for true, row in matrix.items()
        ],
    }


def _cash(results: RunResults) -> Table | None:
    """Net cash by month of every strategy."""
    ranked = [s for s in cols.ranked(results) if s.months]
    if not ranked:
        return None
    groups = [dict(cols.cash_groups(s.months, most=24)) for s in ranked]
    labels = list(dict.fromkeys(label for group in groups for label in group))
    decimals = decimals_for(v for group in groups for v in group.values())
    decimals = decimals if decimals > 2 else 0
    return {
        "head": labels,
        "rows": [
            (clean(s.name), [amount(g.get(label), decimals) for label in labels])
            for s, g in zip(ranked, groups, strict=True)
        ],
    }


def _drivers(results: RunResults) -> list[tuple[str, ...]]:
    drivers = sorted((d for d in results.drivers if d.steps), key=lambda d: -d.swing)
    decimals = decimals_for(d.swing for d in drivers)
    return [
        (
            clean(d.path),
            significant(d.value),
            clean(d.source),
            f"{significant(min(v for v, _ in d.steps))} to {significant(max(v for v, _ in d.steps))}",
            amount(d.swing, decimals),
            "not within the steps" if d.flips_at is None else significant(d.flips_at),
        )
        for d in drivers
    ]


def _assumptions(results: RunResults) -> list[tuple[str, ...]]:
    """What is assumed first, then by path."""
    known = sorted(results.assumptions, key=lambda a: (a.source != "assumed", a.source, a.path))
    return [
        (clean(a.path), significant(a.value), "" if a.sd is None else significant(a.sd), clean(a.source), clean(a.note))
        for a in known
    ]
