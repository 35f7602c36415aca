"""What the verdict leans on."""

from __future__ import annotations

import altair as alt

from scenarios.report.charts.canvas import (
    BLUE,
    INK,
    MOST_DRIVERS,
    ORANGE,
    Datasets,
    Spec,
    above,
    in_unit,
    legend,
    number,
    spec_of,
    tip,
    zero_line,
)
from scenarios.report.formats import clean, finite, significant
from scenarios.results import RunResults


def tornado(results: RunResults) -> Spec | None:
    """The winner's lead as each assumption is stepped alone; the widest first; where the lead crosses 0."""
    drivers = sorted((d for d in results.drivers if d.steps), key=lambda d: -d.swing)[:MOST_DRIVERS]
    if not drivers:
        return None
    data = Datasets()
    spans, points, flips = [], [], []
    kinds = ["below the value used", "the value used", "above it"]
    for d in drivers:
        leads = [lead for _, lead in d.steps if finite(lead)]
        label = clean(d.path)
        if not leads:
            continue
        spans.append({"driver": label, "low": min(leads), "high": max(leads)})
        for value, lead in d.steps:
            close = abs(value - d.value) <= 1e-9 * max(abs(d.value), 1e-12)
            kind = kinds[1] if close else kinds[0] if value < d.value else kinds[2]
            points.append({"driver": label, "value": significant(value), "lead": number(lead), "is": kind})
        if d.flips_at is not None:
            flips.append({"driver": label, "text": f"flips at {significant(d.flips_at)}"})
    y = alt.Y("driver:N", sort=[s["driver"] for s in spans], title=None, axis=None)
    x = alt.X("low:Q", title=in_unit(results, "lead over the baseline and doing nothing, {} per customer"))
    bars = alt.Chart(data(spans)).mark_bar(color="#dfe6ee", height=14, yOffset=8).encode(y=y, x=x, x2="high:Q")
    colour = alt.Scale(domain=kinds, range=["#E69F00", INK, BLUE])
    shapes = alt.Scale(domain=kinds, range=["triangle-left", "diamond", "triangle-right"])
    dots = (
        alt.Chart(data(points))
        .mark_point(filled=True, size=45, opacity=0.9, yOffset=8)
        .encode(
            y=y,
            x="lead:Q",
            color=alt.Color("is:N", scale=colour, legend=legend()),
            shape=alt.Shape("is:N", scale=shapes),
            tooltip=[tip("driver", "N"), alt.Tooltip("value:N", title="value"), tip("lead")],
        )
    )
    layers = bars + zero_line("x") + dots + above(bars.data, "driver", y)
    if flips:
        text = alt.Chart(data(flips)).mark_text(align="right", dx=-2, dy=-9, color=ORANGE, fontSize=12)
        layers = layers + text.encode(y=y, x=alt.value("width"), text="text:N")
    return spec_of(layers, 44 * len(spans), data)


def state_dependence(results: RunResults) -> Spec | None:
    """The winner's lead against how much a move between segments really brings."""
    rows = [{"kappa": k, "lead": lead} for k, lead in results.state_dependence if finite(lead)]
    if not rows:
        return None
    data = Datasets()
    line = (
        alt.Chart(data(rows))
        .mark_line(color=BLUE, strokeWidth=2.5, point=alt.OverlayMarkDef(size=60, color=BLUE))
        .encode(
            x=alt.X(
                "kappa:Q",
                title="state dependence",
                axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2~f"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            y=alt.Y("lead:Q", title=in_unit(results, "lead, {} per customer")),
            tooltip=[tip("kappa"), tip("lead")],
        )
    )
    return spec_of(zero_line("y") + line, 200, data)
