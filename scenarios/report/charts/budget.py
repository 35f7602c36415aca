"""What a budget brings, and the next unit of it; its split over new customers and offers."""

from __future__ import annotations

from collections.abc import Iterable

import altair as alt

from scenarios.budget_results import BudgetPoint
from scenarios.report.charts.canvas import (
    BLUE,
    INK,
    ORANGE,
    Datasets,
    Spec,
    in_unit,
    money_axis,
    number,
    spec_of,
    tip,
    zero_line,
)
from scenarios.report.formats import finite
from scenarios.results import RunResults


def budget_value(results: RunResults) -> Spec | None:
    """Model value of the first plan against its budget."""
    return _against_budget(results, "value", "model value, {}", [(p, p.value) for p in results.budget_curve])


def budget_marginal(results: RunResults) -> Spec | None:
    """Model value of the next unit of money against the budget; it is net of the cost, so 0 is break-even."""
    title = "net value of the next {}"
    return _against_budget(results, "marginal", title, [(p, p.marginal) for p in results.budget_curve])


def _against_budget(
    results: RunResults, field: str, title: str, pairs: Iterable[tuple[BudgetPoint, float]]
) -> Spec | None:
    rows = [{"budget": p.budget, field: v} for p, v in pairs if finite(v) and finite(p.budget)]
    if not rows:
        return None
    data = Datasets()
    curve = (
        alt.Chart(data(rows))
        .mark_line(color=BLUE, strokeWidth=2.5, point=alt.OverlayMarkDef(size=25, color=BLUE))
        .encode(
            x=alt.X("budget:Q", title=in_unit(results, "budget, {}"), axis=money_axis(r["budget"] for r in rows)),
            y=alt.Y(f"{field}:Q", title=in_unit(results, title), axis=money_axis(r[field] for r in rows)),
            tooltip=[tip("budget"), tip(field)],
        )
    )
    layers = zero_line("y") + curve
    if finite(results.budget_today):
        today = alt.Chart(data([{"budget": results.budget_today, "text": "budget today"}])).encode(x="budget:Q")
        layers = layers + today.mark_rule(color=ORANGE, strokeWidth=2, strokeDash=[5, 3])
        layers = layers + today.mark_text(align="left", dx=5, color=ORANGE, fontWeight="bold").encode(
            text="text:N", y=alt.value(12)
        )
    return spec_of(layers, 230, data)


def split(results: RunResults) -> Spec | None:
    """CLV per customer against the share of the budget for new customers."""
    found = results.split
    if found is None:
        return None
    rows = [
        {
            "share": p.share,
            "value": number(p.clv_per_customer),
            "low": number(p.clv_per_customer - 2 * p.noise),
            "high": number(p.clv_per_customer + 2 * p.noise),
            "joined": p.joined,
            "is": "today" if p.share == found.today else "best found" if p.share == found.best else "",
        }
        for p in found.points
    ]
    data = Datasets()
    x = alt.X("share:Q", title="share of the budget for new customers", axis=alt.Axis(format=".0%"))
    y = alt.Y("value:Q", title=in_unit(results, "CLV, {} per customer"), scale=alt.Scale(zero=False))
    tips = [tip("share"), tip("value"), tip("low"), tip("high"), tip("joined")]
    base = alt.Chart(data(rows)).encode(x=x)
    band = base.mark_area(color=BLUE, opacity=0.15).encode(y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q")
    line = base.mark_line(color=BLUE, strokeWidth=2, point=True).encode(y=y, tooltip=tips)
    named = alt.Chart(data([r for r in rows if r["is"]]))
    mark = named.mark_point(filled=True, size=110, color=ORANGE, opacity=1).encode(x=x, y=y, tooltip=tips)
    text = named.mark_text(dy=-12, color=INK).encode(x=x, y=y, text="is:N")
    return spec_of(band + line + mark + text, 220, data)
