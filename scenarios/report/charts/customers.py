"""How few customers carry how much."""

from __future__ import annotations

import altair as alt

from scenarios.report.charts.canvas import (
    INK,
    LIGHT,
    PALETTE,
    Datasets,
    Rows,
    Spec,
    choice,
    legend,
    number,
    spec_of,
    tip,
)
from scenarios.report.columns import ranked
from scenarios.report.formats import clean
from scenarios.results import RunResults


def lorenz(results: RunResults, log: float | None) -> Spec | None:
    """Share of the total held by the smallest customers, for the chosen strategy; ``log``: the top tenth's revenue in the log."""
    rows: Rows = []
    for s in ranked(results):
        for measure, found in s.concentration.items():
            last = len(found.lorenz) - 1
            for k, held in enumerate(found.lorenz):
                rows.append({"strategy": clean(s.name), "of": measure, "customers": k / last, "share": number(held)})
    if not rows:
        return None
    data = Datasets()
    measures = list(dict.fromkeys(r["of"] for r in rows))
    colour = alt.Scale(domain=measures, range=PALETTE[: len(measures)])
    share = alt.Axis(format=".0%", tickCount=5)
    x = alt.X("customers:Q", title="customers, smallest first", axis=share, scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("share:Q", title="share that they hold", axis=share, scale=alt.Scale(domain=[0, 1]))
    equal = alt.Chart(data([{"customers": 0, "share": 0}, {"customers": 1, "share": 1}])).mark_line(
        color=LIGHT, strokeDash=[4, 4]
    )
    tips = [tip("strategy", "N"), tip("of", "N"), tip("customers"), tip("share")]
    curve = (
        alt.Chart(data(rows))
        .transform_filter("datum.strategy == chosen")
        .mark_line(strokeWidth=2.5, tooltip=True)
        .encode(x=x, y=y, color=alt.Color("of:N", scale=colour, legend=legend()), tooltip=tips)
    )
    layers = equal.encode(x=x, y=y) + curve
    if log is not None:
        point = alt.Chart(data([{"customers": 0.9, "share": number(1 - log), "of": "revenue in the log"}]))
        layers += point.mark_point(filled=True, size=90, color=INK, opacity=1).encode(x=x, y=y, tooltip=tips[1:])
    names = list(dict.fromkeys(r["strategy"] for r in rows))
    first = clean(results.baseline) if clean(results.baseline) in names else names[0]
    return spec_of(layers.add_params(choice(names, first)), 280, data)
