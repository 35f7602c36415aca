"""Period by period: value, segments, cash."""

from __future__ import annotations

import altair as alt

from scenarios.report.charts.canvas import (
    BLUE,
    INK,
    LIGHT,
    PALETTE,
    Datasets,
    Rows,
    Spec,
    choice,
    in_unit,
    legend,
    money_axis,
    number,
    period_axis,
    spec_of,
    thinned,
    tip,
    zero_line,
)
from scenarios.report.formats import clean
from scenarios.results import RunResults


def value_over_time(results: RunResults) -> Spec | None:
    """Discounted margin against the baseline as it grows; the band of the chosen strategy."""
    rows: Rows = []
    for series in results.series:
        for t in thinned(len(series.cumulative)):
            low, high = series.low[t : t + 1], series.high[t : t + 1]
            rows.append(
                {
                    "strategy": clean(series.strategy),
                    "period": t + 1,
                    "value": number(series.cumulative[t]),
                    "low": number(low[0]) if low else None,
                    "high": number(high[0]) if high else None,
                }
            )
    if not rows:
        return None
    data = Datasets()
    x = alt.X("period:Q", title=results.period, axis=period_axis(), scale=alt.Scale(nice=False, zero=False))
    y = alt.Y("value:Q", title=in_unit(results, "{} per customer"))
    tips = [tip("strategy", "N"), tip("period"), tip("value"), tip("low"), tip("high")]
    base = alt.Chart(data(rows)).encode(x=x)
    chosen = base.transform_filter("datum.strategy == chosen")
    lines = base.mark_line(color=LIGHT, strokeWidth=1.5).encode(y=y, detail="strategy:N", tooltip=tips[:3])
    band = chosen.mark_area(color=BLUE, opacity=0.2).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = chosen.mark_line(color=BLUE, strokeWidth=3, tooltip=True).encode(y=y, tooltip=tips)
    end = max(r["period"] for r in rows)
    last = alt.Chart(data([r for r in rows if r["period"] == end]))
    name = last.transform_filter("datum.strategy == chosen").mark_text(
        align="right", dy=-10, color=BLUE, fontWeight="bold", limit=220
    )
    layers = zero_line("y") + band + lines + line + name.encode(x=x, y=y, text="strategy:N")
    names = [clean(s.strategy) for s in results.series]
    return spec_of(layers.add_params(choice(names, clean(results.winner))), 280, data)


def segment_mix(results: RunResults, first: str) -> Spec | None:
    """Share of customers in each segment over time, for one strategy, ``first`` to begin with."""
    rows: Rows = []
    order: dict[str, int] = {}
    for series in results.series:
        for name, counts in series.segments.items():
            place = order.setdefault(clean(name), len(order))
            rows += [
                {
                    "strategy": clean(series.strategy),
                    "period": t + 1,
                    "segment": clean(name),
                    "n": counts[t],
                    "place": place,
                }
                for t in thinned(len(counts))
            ]
    if not rows:
        return None
    data = Datasets()
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(order))]
    chart = (
        alt.Chart(data(rows))
        .transform_filter("datum.strategy == chosen")
        .transform_joinaggregate(all="sum(n)", groupby=["period"])
        .transform_calculate(share="datum.n / datum.all")
        .mark_area(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("period:Q", title=results.period, axis=period_axis(), scale=alt.Scale(nice=False, zero=False)),
            y=alt.Y("n:Q", stack="normalize", title="share of customers", axis=alt.Axis(format="%")),
            color=alt.Color(
                "segment:N",
                scale=alt.Scale(domain=list(order), range=colours),
                legend=legend("bottom"),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                tip("segment", "N"),
                tip("period"),
                alt.Tooltip("n:Q", title="customers", format=","),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
    )
    names = list(dict.fromkeys(clean(s.strategy) for s in results.series))
    return spec_of(chart.add_params(choice(names, clean(first))), 230, data)


def cash(results: RunResults) -> Spec | None:
    """Extra margin and promotion cost by month against doing nothing, and the running sum, for the chosen strategy."""
    kinds = ["extra margin", "promotion cost"]
    bars, sums = [], []
    spenders = [s for s in results.strategies if s.months]
    for s in spenders:
        for m in s.months:
            for kind, money in zip(kinds, (m.margin + m.promotion, -m.promotion), strict=True):
                bars.append({"strategy": clean(s.name), "month": m.month, "is": kind, "amount": number(money)})
            sums.append({"strategy": clean(s.name), "month": m.month, "is": "running sum", "sum": number(m.cumulative)})
    if not bars:
        return None
    data = Datasets()
    x = alt.X("month:O", title="month", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    colour = alt.Scale(domain=[*kinds, "running sum"], range=[BLUE, "#E69F00", INK])
    labels = money_axis(m.cumulative for s in spenders for m in s.months)
    flows = (
        alt.Chart(data(bars))
        .transform_filter("datum.strategy == chosen")
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("amount:Q", title=in_unit(results, "{}"), axis=labels),
            color=alt.Color("is:N", scale=colour, legend=legend()),
            tooltip=[tip("strategy", "N"), tip("month", "O"), tip("is", "N"), tip("amount")],
        )
    )
    running = (
        alt.Chart(data(sums))
        .transform_filter("datum.strategy == chosen")
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30, color=INK))
        .encode(
            x=x,
            y="sum:Q",
            color=alt.Color("is:N", scale=colour),
            tooltip=[tip("strategy", "N"), tip("month", "O"), tip("sum")],
        )
    )
    names = [clean(s.name) for s in spenders]
    first = clean(results.winner) if clean(results.winner) in names else names[0]
    return spec_of((zero_line("y") + flows + running).add_params(choice(names, first)), 260, data)
