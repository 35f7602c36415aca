"""Strategies beside each other: intervals, the way from the baseline to the winner, planned against realised."""

from __future__ import annotations

from collections.abc import Iterable

import altair as alt

from scenarios.report.charts.canvas import (
    BLUE,
    INK,
    LIGHT,
    ORANGE,
    ROW,
    Datasets,
    Rows,
    Spec,
    above,
    in_unit,
    legend,
    number,
    spec_of,
    tip,
    zero_line,
)
from scenarios.report.columns import interval_name, ranked
from scenarios.report.formats import amount, clean, decimals_for, finite
from scenarios.results import RunResults


def differences(results: RunResults) -> Spec | None:
    """CLV per customer against the baseline: a dot, the interval to decide on, and the noise of this run."""
    kinds = [interval_name(results), "noise of this run alone"]
    rows = [
        {
            "strategy": clean(s.name),
            "difference": s.difference,
            "low": number(s.difference_ci.low),
            "high": number(s.difference_ci.high),
            "noise_low": number(s.simulation_ci.low),
            "noise_high": number(s.simulation_ci.high),
            "wide": kinds[0],
            "narrow": kinds[1],
        }
        for s in ranked(results)
        if s.name != results.baseline and finite(s.difference)
    ]
    if not rows:
        return None
    data = Datasets()
    y = alt.Y("strategy:N", sort=[r["strategy"] for r in rows], title=None)
    colour = alt.Scale(domain=kinds, range=[BLUE, "#E69F00"])
    base = alt.Chart(data(rows)).encode(y=y)
    wide = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=in_unit(results, "{} per customer")),
        x2="high:Q",
        color=alt.Color("wide:N", scale=colour, legend=legend()),
        tooltip=[tip("strategy", "N"), tip("difference"), tip("low"), tip("high")],
    )
    narrow = base.mark_rule(strokeWidth=8, opacity=0.75).encode(
        x="noise_low:Q", x2="noise_high:Q", color=alt.Color("narrow:N", scale=colour)
    )
    dot = base.mark_point(filled=True, size=70, color=INK, opacity=1).encode(
        x="difference:Q", tooltip=[tip("strategy", "N"), tip("difference"), tip("low"), tip("high")]
    )
    return spec_of(zero_line("x") + narrow + wide + dot, ROW * len(rows) + 10, data)


def waterfall(results: RunResults, steps: Iterable[tuple[str, float]]) -> Spec | None:
    """From 0 through the steps to the winner's difference per customer."""
    pairs = list(steps)
    if not pairs:
        return None
    data = Datasets()
    pairs.append(("difference per customer", sum(step for _, step in pairs)))
    decimals = decimals_for(step for _, step in pairs)
    rows: Rows = []
    at = 0.0
    for i, (label, step) in enumerate(pairs):
        start, kind = (at, "up" if step >= 0 else "down") if i < len(pairs) - 1 else (0.0, "sum")
        name = f"{amount(step, decimals, sign=True)}  {clean(label)}"
        rows.append({"step": name, "from": start, "to": start + step, "amount": step, "is": kind})
        at = start + step
    y = alt.Y("step:N", sort=[r["step"] for r in rows], title=None, axis=None)
    scale = alt.Scale(domain=["up", "down", "sum"], range=[BLUE, ORANGE, "#4a4f57"])
    bars = (
        alt.Chart(data(rows))
        .mark_bar(height=14, yOffset=8)
        .encode(
            y=y,
            x=alt.X("from:Q", title=in_unit(results, "{} per customer")),
            x2="to:Q",
            color=alt.Color("is:N", scale=scale, legend=None),
            tooltip=[tip("step", "N"), tip("amount")],
        )
    )
    return spec_of(zero_line("x") + bars + above(bars.data, "step", y), 40 * len(rows), data)


def planned_realised(results: RunResults) -> Spec | None:
    """Incremental CLV per customer as each strategy's planner expected it, and as it came out."""
    rows = [
        {"strategy": clean(s.name), "planned": s.planned, "realised": s.realised}
        for s in ranked(results)
        if finite(s.planned) and finite(s.realised)
    ]
    if not rows:
        return None
    data = Datasets()
    y = alt.Y("strategy:N", sort=[r["strategy"] for r in rows], title=None)
    x = in_unit(results, "{} per customer")
    link = (
        alt.Chart(data(rows))
        .mark_rule(color=LIGHT, strokeWidth=3)
        .encode(y=y, x=alt.X("planned:Q", title=x), x2="realised:Q")
    )
    kinds = ["planned", "realised"]
    dots = (
        alt.Chart(data(rows))
        .transform_fold(kinds, as_=["is", "amount"])
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            y=y,
            x="amount:Q",
            color=alt.Color("is:N", scale=alt.Scale(domain=kinds, range=["#E69F00", BLUE]), legend=legend()),
            shape=alt.Shape("is:N", scale=alt.Scale(domain=kinds, range=["diamond", "circle"])),
            tooltip=[tip("strategy", "N"), tip("planned"), tip("realised")],
        )
    )
    return spec_of(zero_line("x") + link + dots, ROW * len(rows) + 10, data)
