"""A frontier for the console, as rows, and as one HTML page that needs no network."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any, TextIO

from jinja2 import Environment, StrictUndefined
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.allocation.frontier import Frontier, Point
from scenarios.report.allocation import amount_of, told_conflict
from scenarios.report.allocation_sheets import mark, why_it_ends
from scenarios.report.formats import clean
from scenarios.store import table_of

BLUE, ORANGE, GREEN, INK = "#0072B2", "#D55E00", "#009E73", "#22262b"
Spec = dict[str, Any]


def print_frontier(frontier: Frontier, file: TextIO) -> None:
    """The curve as a table, and what to read from it."""
    console = Console(file=file, highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name in _head(frontier):
        table.add_column(Text(name), justify="right", no_wrap=True)
    table.add_column("")
    for point in frontier.points:
        table.add_row(*(Text(cell) for cell in _cells(point)), mark(frontier, point.bound))
    console.print(table)
    for line in sentences(frontier):
        console.print(Text(line))


def frontier_rows(frontier: Frontier) -> Any:
    """An Arrow table, one row a point; what does not exist is empty."""
    names = ("bound", "used", "value", "marginal", "average", "gap")
    return table_of(
        {
            **{name: [getattr(point, name) for point in frontier.points] for name in names},
            "mark": [mark(frontier, point.bound) for point in frontier.points],
        }
    )


def sentences(frontier: Frontier) -> list[str]:
    """Today, conflicts, where plans begin, knee, where it ends, and target in words."""
    unit = "0.01" if frontier.ratio else "unit"
    lines = []
    if frontier.today is not None:
        found = frontier.today.value is not None
        more = f"; the next {unit} brings {_number(frontier.today.marginal)}" if found else ""
        lines.append(f"as it is, {_at(frontier, frontier.today)}{more}")
    lines += told_conflict(frontier.conflict)
    if frontier.empty and not frontier.conflict:
        lines.append("no plan was found that meets the rules, at any bound")
    if frontier.least is not None:
        lines.append(
            f"plans begin at {frontier.rule} {amount_of(frontier.least.bound)} at the latest: none was found at "
            f"{amount_of(frontier.least.none_at)}"
        )
    if frontier.knee is not None:
        lines.append(f"knee: {_at(frontier, frontier.knee)}; the next {unit} brings {_number(frontier.knee.marginal)}")
    if frontier.stop is not None:
        lines.append(why_it_ends(frontier.stop))
    if frontier.target is not None:
        lines.append(_target(frontier))
    if frontier.exact:
        lines.append("values are those of the whole curve; a plan of whole offers is worth at most one offer less")
    return [*lines, *(f"warning: {text}" for text in frontier.warnings)]


def _target(frontier: Frontier) -> str:
    target = frontier.target
    assert target is not None
    if target.kind == "value":
        if target.point is None:
            best = (
                "no plan meets the rules" if target.best is None else f"at most {amount_of(target.best)} can be reached"
            )
            return f"a value of {amount_of(target.asked)} is out of reach: {best}"
        return f"a value of {amount_of(target.asked)} needs {frontier.rule} {amount_of(target.point.bound)}"
    if target.point is None:
        best = "" if target.best is None else f": the highest return found is {amount_of(target.best)}"
        return f"no spend returns {amount_of(target.asked)} a unit{best}"
    most = amount_of(target.point.bound)
    return f"{frontier.rule} can grow to {most} with a mean return of at least {amount_of(target.asked)} a unit"


def _at(frontier: Frontier, point: Point) -> str:
    if point.value is None:
        return f"{frontier.rule} {amount_of(point.bound)}: no plan meets the rules"
    average = "" if point.average is None else f", {amount_of(point.average)} a unit"
    return f"{frontier.rule} {amount_of(point.bound)}: {frontier.objective} {amount_of(point.value)}{average}"


def _head(frontier: Frontier) -> tuple[str, ...]:
    unit = "next 0.01" if frontier.ratio else "next unit"
    return (f"{frontier.rule} ({frontier.end})", "used", frontier.objective, unit, "mean unit")


def _cells(point: Point) -> tuple[str, ...]:
    value = "no plan" if point.value is None else amount_of(point.value)
    average = "" if point.average is None else amount_of(point.average)
    return (amount_of(point.bound), _number(point.used), value, _number(point.marginal), average)


def _number(value: float | None) -> str:
    return "no value" if value is None or not math.isfinite(value) else amount_of(value)


def frontier_page(frontier: Frontier) -> str:
    """The page."""
    from scenarios.report.charts.canvas import bundle  # loads the chart library: only when needed

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("scenarios.report").joinpath("frontier.html.j2").read_text(encoding="utf-8")
    )
    specs = {"value": _value(frontier), "rates": _rates(frontier)}
    text = json.dumps({k: v for k, v in specs.items() if v}, allow_nan=False, separators=(",", ":"))
    return template.render(
        title=clean(f"{frontier.objective} against {frontier.rule}"),
        lines=[clean(line) for line in sentences(frontier)],
        head=[clean(name) for name in _head(frontier)],
        rows=[(_cells(point), mark(frontier, point.bound)) for point in frontier.points],
        charts=[key for key, spec in specs.items() if spec],
        specs=text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        bundle=bundle(),
    )


def _rows(frontier: Frontier) -> list[dict[str, Any]]:
    return [
        {
            "bound": point.bound,
            "value": point.value,
            "marginal": point.marginal,
            "average": point.average,
            "mark": mark(frontier, point.bound),
        }
        for point in frontier.points
        if point.value is not None
    ]


def _value(frontier: Frontier) -> Spec | None:
    """Value against the bound, with names at the special points."""
    rows = _rows(frontier)
    if len(rows) < 2:
        return None
    x, y = _axes(frontier, "value", frontier.objective)
    names = ("bound", "value", "marginal", "average")
    tips = [{"field": name, "type": "quantitative", "format": ",.4~g"} for name in names]
    marked: Spec = {"transform": [{"filter": "datum.mark != ''"}]}
    both: Spec = {"x": x, "y": y}
    dot: Spec = {"type": "point", "filled": True, "opacity": 1}
    words = {"type": "text", "dy": 18, "align": "right", "color": ORANGE, "fontWeight": "bold", "fontSize": 12}
    layers: list[Spec] = [
        {"mark": {"type": "line", "color": BLUE, "strokeWidth": 3}, "encoding": both},
        {"mark": {**dot, "size": 40, "color": BLUE}, "encoding": {**both, "tooltip": tips}},
        {**marked, "mark": {**dot, "size": 110, "color": ORANGE}, "encoding": {**both, "tooltip": tips}},
        {**marked, "mark": words, "encoding": {**both, "text": {"field": "mark", "type": "nominal"}}},
    ]
    return _spec(rows, layers, 300)


def _rates(frontier: Frontier) -> Spec | None:
    """The next and the mean unit against the bound."""
    names = {"marginal": "next unit" if not frontier.ratio else "next 0.01", "average": "mean unit"}
    rows = [
        {"bound": row["bound"], "kind": words, "rate": row[key]}
        for row in _rows(frontier)
        for key, words in names.items()
        if row[key] is not None
    ]
    if len(rows) < 2:
        return None
    x, y = _axes(frontier, "rate", f"{frontier.objective} per unit")
    colour = {
        "field": "kind", "type": "nominal", "title": None,
        "scale": {"domain": list(names.values()), "range": [ORANGE, GREEN]}, "legend": {"orient": "top"},
    }  # fmt: skip
    line = {"mark": {"type": "line", "strokeWidth": 3, "point": True}, "encoding": {"x": x, "y": y, "color": colour}}
    zero = {"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]}, "encoding": {"y": {"datum": 0}}}
    return _spec(rows, [zero, line], 240)


def _axes(frontier: Frontier, field: str, title: str) -> tuple[Spec, Spec]:
    x = {"field": "bound", "type": "quantitative", "title": clean(f"{frontier.rule}, {frontier.end}")}
    if frontier.ratio or frontier.end != "max":
        x["scale"] = {"zero": False}  # type: ignore[assignment]
    return x, {"field": field, "type": "quantitative", "title": clean(title)}


def _spec(rows: list[dict[str, Any]], layers: list[Spec], height: int) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": rows},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 5, "top": 8, "right": 16, "bottom": 5},
        "layer": layers,
        "config": {
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#eceef1"},
            "legend": {"labelFontSize": 12},
        },
    }
