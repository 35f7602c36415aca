"""What all charts have in common: colours, axes, the data behind them, the page's JavaScript."""

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

from scenarios.folder import replace_text
from scenarios.report.formats import clean, finite
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
    return alt.utils.schemapi.debug_mode(False)  # type: ignore[no-any-return]  # Altair does not say


class Datasets:
    """The rows of one chart by name, kept out of Altair's hands: it would copy and check every one of them."""

    def __init__(self) -> None:
        self.tables: dict[str, Rows] = {}

    def __call__(self, rows: Rows) -> alt.NamedData:
        """Keep the rows, and name them."""
        name = f"rows{len(self.tables)}"
        self.tables[name] = rows
        return alt.NamedData(name=name)


def number(value: float) -> float | None:
    """Six digits are more than a chart shows, and keep the page small."""
    return float(f"{value:.6g}") if finite(value) else None


def in_unit(results: RunResults, text: str) -> str:
    """A title with the currency in place of ``{}``."""
    return text.format(clean(results.currency))


def money_axis(values: Iterable[float]) -> alt.Axis:
    """Large amounts read 60k, 1.2M, 3B; small ones stay as they are (SI's m would be taken for a million)."""
    if max((abs(v) for v in values if finite(v)), default=0.0) < 1e4:
        return alt.Axis()
    return alt.Axis(labelExpr="replace(format(datum.value, '~s'), 'G', 'B')")


def legend(orient: str = "top") -> alt.Legend:
    """Beside each other where there is room, else one below the other."""
    return alt.Legend(
        title=None, orient=orient, columns=alt.ExprRef("width < 360 ? 1 : 3"), symbolStrokeWidth=4, labelLimit=150
    )


def period_axis() -> alt.Axis:
    """Whole periods."""
    return alt.Axis(tickMinStep=1, grid=False, format="d")


def above(data: alt.NamedData, field: str, y: alt.Y) -> alt.Chart:
    """The names of the rows above their bars, where long ones have room, instead of beside them."""
    text = alt.Chart(data).mark_text(align="left", dx=2, dy=-9, color=INK, fontSize=12, limit=alt.ExprRef("width"))
    return text.encode(y=y, x=alt.value(0), text=f"{field}:N")


def tip(field: str, kind: str = "Q") -> alt.Tooltip:
    """What a pointer shows: four digits of a number."""
    return alt.Tooltip(f"{field}:{kind}", format=",.4~g") if kind == "Q" else alt.Tooltip(f"{field}:{kind}")


def zero_line(channel: str) -> alt.Chart:
    """A thin line at 0."""
    rule = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=GREY, strokeWidth=1)
    return rule.encode(x="zero:Q") if channel == "x" else rule.encode(y="zero:Q")


def thinned(length: int) -> list[int]:
    """Indices of at most about MOST_POINTS periods, the last one always among them."""
    step = -(-length // MOST_POINTS) or 1
    return sorted({*range(0, length, step), *([length - 1] if length else [])})


def choice(names: list[str], first: str) -> alt.Parameter:
    """A list to choose a strategy from."""
    value = first if first in names else names[0]
    return alt.param(name="chosen", value=value, bind=alt.binding_select(options=names, name="Strategy "))


def spec_of(chart: alt.Chart | alt.LayerChart, height: int, data: Datasets) -> Spec:
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
