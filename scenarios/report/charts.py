"""Charts as Vega-Lite specifications.  The only file that knows Altair and vl-convert.

Each function returns a specification, or None where there is nothing to draw.  What users named stands in the data
only, never in an expression or a field name.  Colours are Okabe and Ito's, safe for colour-blind readers.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from scenarios.budget_results import BudgetPoint
from scenarios.folder import replace_text
from scenarios.report.columns import ranked
from scenarios.report.formats import amount, clean, decimals_for, finite, significant
from scenarios.results import RunResults

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

BLUE, ORANGE, GREEN, SKY, GREY, LIGHT, INK = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#767676", "#c9ccd1", "#22262b"
PALETTE = [
    BLUE, "#E69F00", GREEN, "#CC79A7", SKY, ORANGE, "#F0E442", "#999999", "#332288", "#117733", "#882255", "#44AA99",
]  # fmt: skip
MOST_POINTS = 160
MOST_DRIVERS = 10
ROW = 26
LABEL = "containerSize()[0] < 500 ? 110 : 190"


@functools.cache
def bundle() -> str:
    """JavaScript of Vega, Vega-Lite and its embedding, to be put into a page once; needs no network.

    Making it takes two seconds, so it is kept beside the compiled modules, under the versions that it was made by.
    """
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    kept = Path(__file__).parent / "__pycache__" / f"vega-{version}-{metadata.version('vl-convert-python')}.js"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    make: Callable[..., str] = vl_convert.javascript_bundle  # its stub wants a snippet, which has a default
    text = make(vl_version=version)
    with contextlib.suppress(OSError):  # a folder that cannot be written costs two seconds, no more
        kept.parent.mkdir(exist_ok=True)
        replace_text(kept, text)
    return text


def unchecked() -> AbstractContextManager[None]:
    """Within it Altair builds charts without checking each part against its schema (a test does): 3 times faster."""
    return alt.utils.schemapi.debug_mode(False)  # type: ignore[no-any-return]


def differences(results: RunResults) -> Spec | None:
    """CLV per customer against the baseline: a dot, the decision interval, and the noise of this run."""
    kinds = ["decision interval", "noise of this run alone"]
    rows = [
        {
            "strategy": clean(s.name),
            "difference": s.difference,
            "low": _number(s.difference_ci.low),
            "high": _number(s.difference_ci.high),
            "noise_low": _number(s.simulation_ci.low),
            "noise_high": _number(s.simulation_ci.high),
            "wide": kinds[0],
            "narrow": kinds[1],
        }
        for s in ranked(results)
        if s.name != results.baseline and finite(s.difference)
    ]
    if not rows:
        return None
    data = _Datasets()
    y = alt.Y("strategy:N", sort=[r["strategy"] for r in rows], title=None)
    colour = alt.Scale(domain=kinds, range=[BLUE, "#E69F00"])
    base = alt.Chart(data(rows)).encode(y=y)
    wide = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=_unit(results, "{} per customer")),
        x2="high:Q",
        color=alt.Color("wide:N", scale=colour, legend=_legend()),
        tooltip=[_tip("strategy", "N"), _tip("difference"), _tip("low"), _tip("high")],
    )
    narrow = base.mark_rule(strokeWidth=8, opacity=0.75).encode(
        x="noise_low:Q", x2="noise_high:Q", color=alt.Color("narrow:N", scale=colour)
    )
    dot = base.mark_point(filled=True, size=70, color=INK, opacity=1).encode(
        x="difference:Q", tooltip=[_tip("strategy", "N"), _tip("difference"), _tip("low"), _tip("high")]
    )
    return _spec(_zero("x") + narrow + wide + dot, ROW * len(rows) + 10, data)


def value_over_time(results: RunResults) -> Spec | None:
    """Discounted margin against the baseline as it grows; the band of the chosen strategy."""
    rows: Rows = []
    for series in results.series:
        for t in _thinned(len(series.cumulative)):
            low, high = series.low[t : t + 1], series.high[t : t + 1]
            rows.append(
                {
                    "strategy": clean(series.strategy),
                    "period": t + 1,
                    "value": _number(series.cumulative[t]),
                    "low": _number(low[0]) if low else None,
                    "high": _number(high[0]) if high else None,
                }
            )
    if not rows:
        return None
    data = _Datasets()
    x = alt.X("period:Q", title=results.period, axis=_periods(), scale=alt.Scale(nice=False, zero=False))
    y = alt.Y("value:Q", title=_unit(results, "{} per customer"))
    tips = [_tip("strategy", "N"), _tip("period"), _tip("value"), _tip("low"), _tip("high")]
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
    layers = _zero("y") + band + lines + line + name.encode(x=x, y=y, text="strategy:N")
    names = [clean(s.strategy) for s in results.series]
    return _spec(layers.add_params(_choice(names, clean(results.winner))), 280, data)


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
                for t in _thinned(len(counts))
            ]
    if not rows:
        return None
    data = _Datasets()
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(order))]
    chart = (
        alt.Chart(data(rows))
        .transform_filter("datum.strategy == chosen")
        .transform_joinaggregate(all="sum(n)", groupby=["period"])
        .transform_calculate(share="datum.n / datum.all")
        .mark_area(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("period:Q", title=results.period, axis=_periods(), scale=alt.Scale(nice=False, zero=False)),
            y=alt.Y("n:Q", stack="normalize", title="share of customers", axis=alt.Axis(format="%")),
            color=alt.Color(
                "segment:N",
                scale=alt.Scale(domain=list(order), range=colours),
                legend=_legend("bottom"),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                _tip("segment", "N"),
                _tip("period"),
                alt.Tooltip("n:Q", title="customers", format=","),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
    )
    names = list(dict.fromkeys(clean(s.strategy) for s in results.series))
    return _spec(chart.add_params(_choice(names, clean(first))), 230, data)


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
    data = _Datasets()
    curve = (
        alt.Chart(data(rows))
        .mark_line(color=BLUE, strokeWidth=2.5, point=alt.OverlayMarkDef(size=25, color=BLUE))
        .encode(
            x=alt.X("budget:Q", title=_unit(results, "budget, {}"), axis=_axis(r["budget"] for r in rows)),
            y=alt.Y(f"{field}:Q", title=_unit(results, title), axis=_axis(r[field] for r in rows)),
            tooltip=[_tip("budget"), _tip(field)],
        )
    )
    layers = _zero("y") + curve
    if finite(results.budget_today):
        today = alt.Chart(data([{"budget": results.budget_today, "text": "budget today"}])).encode(x="budget:Q")
        layers = layers + today.mark_rule(color=ORANGE, strokeWidth=2, strokeDash=[5, 3])
        layers = layers + today.mark_text(align="left", dx=5, color=ORANGE, fontWeight="bold").encode(
            text="text:N", y=alt.value(12)
        )
    return _spec(layers, 230, data)


def tornado(results: RunResults) -> Spec | None:
    """The winner's lead as each assumption is stepped alone; the widest first; where the lead crosses 0."""
    drivers = sorted((d for d in results.drivers if d.steps), key=lambda d: -d.swing)[:MOST_DRIVERS]
    if not drivers:
        return None
    data = _Datasets()
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
            points.append({"driver": label, "value": significant(value), "lead": _number(lead), "is": kind})
        if d.flips_at is not None:
            flips.append({"driver": label, "text": f"flips at {significant(d.flips_at)}"})
    y = alt.Y("driver:N", sort=[s["driver"] for s in spans], title=None, axis=None)
    x = alt.X("low:Q", title=_unit(results, "lead over the baseline and doing nothing, {} per customer"))
    bars = alt.Chart(data(spans)).mark_bar(color="#dfe6ee", height=14, yOffset=8).encode(y=y, x=x, x2="high:Q")
    colour = alt.Scale(domain=kinds, range=["#E69F00", INK, BLUE])
    shapes = alt.Scale(domain=kinds, range=["triangle-left", "diamond", "triangle-right"])
    dots = (
        alt.Chart(data(points))
        .mark_point(filled=True, size=45, opacity=0.9, yOffset=8)
        .encode(
            y=y,
            x="lead:Q",
            color=alt.Color("is:N", scale=colour, legend=_legend()),
            shape=alt.Shape("is:N", scale=shapes),
            tooltip=[_tip("driver", "N"), alt.Tooltip("value:N", title="value"), _tip("lead")],
        )
    )
    layers = bars + _zero("x") + dots + _above(bars.data, "driver", y)
    if flips:
        text = alt.Chart(data(flips)).mark_text(align="right", dx=-2, dy=-9, color=ORANGE, fontSize=12)
        layers = layers + text.encode(y=y, x=alt.value("width"), text="text:N")
    return _spec(layers, 44 * len(spans), data)


def _above(data: alt.NamedData, field: str, y: alt.Y) -> alt.Chart:
    """The names of the rows above their bars, where long ones have room, instead of beside them."""
    text = alt.Chart(data).mark_text(align="left", dx=2, dy=-9, color=INK, fontSize=12, limit=alt.ExprRef("width"))
    return text.encode(y=y, x=alt.value(0), text=f"{field}:N")


def state_dependence(results: RunResults) -> Spec | None:
    """The winner's lead against how much a move between segments really brings."""
    rows = [{"kappa": k, "lead": lead} for k, lead in results.state_dependence if finite(lead)]
    if not rows:
        return None
    data = _Datasets()
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
            y=alt.Y("lead:Q", title=_unit(results, "lead, {} per customer")),
            tooltip=[_tip("kappa"), _tip("lead")],
        )
    )
    return _spec(_zero("y") + line, 200, data)


def waterfall(results: RunResults, steps: Iterable[tuple[str, float]]) -> Spec | None:
    """From 0 through the steps to the winner's difference per customer."""
    pairs = list(steps)
    if not pairs:
        return None
    data = _Datasets()
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
            x=alt.X("from:Q", title=_unit(results, "{} per customer")),
            x2="to:Q",
            color=alt.Color("is:N", scale=scale, legend=None),
            tooltip=[_tip("step", "N"), _tip("amount")],
        )
    )
    return _spec(_zero("x") + bars + _above(bars.data, "step", y), 40 * len(rows), data)


def split(results: RunResults) -> Spec | None:
    """CLV per customer against the share of the budget for new customers."""
    found = results.split
    if found is None:
        return None
    rows = [
        {
            "share": p.share,
            "value": _number(p.clv_per_customer),
            "low": _number(p.clv_per_customer - 2 * p.noise),
            "high": _number(p.clv_per_customer + 2 * p.noise),
            "joined": p.joined,
            "is": "today" if p.share == found.today else "best found" if p.share == found.best else "",
        }
        for p in found.points
    ]
    data = _Datasets()
    x = alt.X("share:Q", title="share of the budget for new customers", axis=alt.Axis(format=".0%"))
    y = alt.Y("value:Q", title=_unit(results, "CLV, {} per customer"), scale=alt.Scale(zero=False))
    tips = [_tip("share"), _tip("value"), _tip("low"), _tip("high"), _tip("joined")]
    base = alt.Chart(data(rows)).encode(x=x)
    band = base.mark_area(color=BLUE, opacity=0.15).encode(y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q")
    line = base.mark_line(color=BLUE, strokeWidth=2, point=True).encode(y=y, tooltip=tips)
    named = alt.Chart(data([r for r in rows if r["is"]]))
    mark = named.mark_point(filled=True, size=110, color=ORANGE, opacity=1).encode(x=x, y=y, tooltip=tips)
    text = named.mark_text(dy=-12, color=INK).encode(x=x, y=y, text="is:N")
    return _spec(band + line + mark + text, 220, data)


def lorenz(results: RunResults, log: float | None) -> Spec | None:
    """Share of the total held by the smallest customers, for the chosen strategy; ``log``: the top tenth's revenue in the log."""
    rows: Rows = []
    for s in ranked(results):
        for measure, found in s.concentration.items():
            last = len(found.lorenz) - 1
            for k, held in enumerate(found.lorenz):
                rows.append({"strategy": clean(s.name), "of": measure, "customers": k / last, "share": _number(held)})
    if not rows:
        return None
    data = _Datasets()
    measures = list(dict.fromkeys(r["of"] for r in rows))
    colour = alt.Scale(domain=measures, range=PALETTE[: len(measures)])
    share = alt.Axis(format=".0%", tickCount=5)
    x = alt.X("customers:Q", title="customers, smallest first", axis=share, scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("share:Q", title="share that they hold", axis=share, scale=alt.Scale(domain=[0, 1]))
    equal = alt.Chart(data([{"customers": 0, "share": 0}, {"customers": 1, "share": 1}])).mark_line(
        color=LIGHT, strokeDash=[4, 4]
    )
    tips = [_tip("strategy", "N"), _tip("of", "N"), _tip("customers"), _tip("share")]
    curve = (
        alt.Chart(data(rows))
        .transform_filter("datum.strategy == chosen")
        .mark_line(strokeWidth=2.5, tooltip=True)
        .encode(x=x, y=y, color=alt.Color("of:N", scale=colour, legend=_legend()), tooltip=tips)
    )
    layers = equal.encode(x=x, y=y) + curve
    if log is not None:
        point = alt.Chart(data([{"customers": 0.9, "share": _number(1 - log), "of": "revenue in the log"}]))
        layers += point.mark_point(filled=True, size=90, color=INK, opacity=1).encode(x=x, y=y, tooltip=tips[1:])
    names = list(dict.fromkeys(r["strategy"] for r in rows))
    first = clean(results.baseline) if clean(results.baseline) in names else names[0]
    return _spec(layers.add_params(_choice(names, first)), 280, data)


def planned_realised(results: RunResults) -> Spec | None:
    """Incremental CLV per customer as each strategy's planner expected it, and as it came out."""
    rows = [
        {"strategy": clean(s.name), "planned": s.planned, "realised": s.realised}
        for s in ranked(results)
        if finite(s.planned) and finite(s.realised)
    ]
    if not rows:
        return None
    data = _Datasets()
    y = alt.Y("strategy:N", sort=[r["strategy"] for r in rows], title=None)
    x = _unit(results, "{} per customer")
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
            color=alt.Color("is:N", scale=alt.Scale(domain=kinds, range=["#E69F00", BLUE]), legend=_legend()),
            shape=alt.Shape("is:N", scale=alt.Scale(domain=kinds, range=["diamond", "circle"])),
            tooltip=[_tip("strategy", "N"), _tip("planned"), _tip("realised")],
        )
    )
    return _spec(_zero("x") + link + dots, ROW * len(rows) + 10, data)


def cash(results: RunResults) -> Spec | None:
    """Extra margin and promotion cost by month against doing nothing, and the running sum, for the chosen strategy."""
    kinds = ["extra margin", "promotion cost"]
    bars, sums = [], []
    spenders = [s for s in results.strategies if s.months]
    for s in spenders:
        for m in s.months:
            for kind, money in zip(kinds, (m.margin + m.promotion, -m.promotion), strict=True):
                bars.append({"strategy": clean(s.name), "month": m.month, "is": kind, "amount": _number(money)})
            sums.append(
                {"strategy": clean(s.name), "month": m.month, "is": "running sum", "sum": _number(m.cumulative)}
            )
    if not bars:
        return None
    data = _Datasets()
    x = alt.X("month:O", title="month", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    colour = alt.Scale(domain=[*kinds, "running sum"], range=[BLUE, "#E69F00", INK])
    labels = _axis(m.cumulative for s in spenders for m in s.months)
    flows = (
        alt.Chart(data(bars))
        .transform_filter("datum.strategy == chosen")
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("amount:Q", title=_unit(results, "{}"), axis=labels),
            color=alt.Color("is:N", scale=colour, legend=_legend()),
            tooltip=[_tip("strategy", "N"), _tip("month", "O"), _tip("is", "N"), _tip("amount")],
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
            tooltip=[_tip("strategy", "N"), _tip("month", "O"), _tip("sum")],
        )
    )
    names = [clean(s.name) for s in spenders]
    first = clean(results.winner) if clean(results.winner) in names else names[0]
    return _spec((_zero("y") + flows + running).add_params(_choice(names, first)), 260, data)


class _Datasets:
    """The rows of one chart by name, kept out of Altair's hands: it would copy and check every one of them."""

    def __init__(self) -> None:
        self.tables: dict[str, Rows] = {}

    def __call__(self, rows: Rows) -> alt.NamedData:
        name = f"rows{len(self.tables)}"
        self.tables[name] = rows
        return alt.NamedData(name=name)


def _number(value: float) -> float | None:
    """Six digits are more than a chart shows, and keep the page small."""
    return float(f"{value:.6g}") if finite(value) else None


def _unit(results: RunResults, text: str) -> str:
    return text.format(clean(results.currency))


def _axis(values: Iterable[float]) -> alt.Axis:
    """Large amounts read 60k, 1.2M, 3B; small ones stay as they are (SI's m would be taken for a million)."""
    if max((abs(v) for v in values if finite(v)), default=0.0) < 1e4:
        return alt.Axis()
    return alt.Axis(labelExpr="replace(format(datum.value, '~s'), 'G', 'B')")


def _legend(orient: str = "top") -> alt.Legend:
    """Beside each other where there is room, else one below the other."""
    return alt.Legend(
        title=None, orient=orient, columns=alt.ExprRef("width < 360 ? 1 : 3"), symbolStrokeWidth=4, labelLimit=150
    )


def _periods() -> alt.Axis:
    return alt.Axis(tickMinStep=1, grid=False, format="d")


def _tip(field: str, kind: str = "Q") -> alt.Tooltip:
    return alt.Tooltip(f"{field}:{kind}", format=",.4~g") if kind == "Q" else alt.Tooltip(f"{field}:{kind}")


def _zero(channel: str) -> alt.Chart:
    """A thin line at 0."""
    rule = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=GREY, strokeWidth=1)
    return rule.encode(x="zero:Q") if channel == "x" else rule.encode(y="zero:Q")


def _thinned(length: int) -> list[int]:
    """Indices of at most about MOST_POINTS periods, the last one always among them."""
    step = -(-length // MOST_POINTS) or 1
    return sorted({*range(0, length, step), *([length - 1] if length else [])})


def _choice(names: list[str], first: str) -> alt.Parameter:
    value = first if first in names else names[0]
    return alt.param(name="chosen", value=value, bind=alt.binding_select(options=names, name="Strategy "))


def _spec(chart: alt.Chart | alt.LayerChart, height: int, data: _Datasets) -> Spec:
    """As wide as its place in the page; quiet axes; one font."""
    font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
    space = {"left": 5, "top": 5, "right": 16, "bottom": 5}  # the last label of an axis reaches beyond it
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    styled = (
        chart.properties(width="container", height=height, autosize=fit, padding=space)
        .configure(font=font, background="white")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor="#eceef1", domainColor="#9aa0a6", tickColor="#9aa0a6",
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", labelFlush=False,
            labelLimit=alt.ExprRef(LABEL),
        )
        .configure_axisXQuantitative(labelOverlap=True, tickCount=alt.ExprRef("max(2, ceil(width / 90))"))
        .configure_legend(labelFontSize=12, labelColor=INK, labelLimit=200)
    )  # fmt: skip
    return {**styled.to_dict(validate=False), "datasets": data.tables}
