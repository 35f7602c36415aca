"""The sheets of an allocation's workbook: summary, rules, frontier, segments, funnel, assumptions."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.allocation.answer import Allocation
from scenarios.allocation.frontier import Frontier, Stop
from scenarios.allocation.segments import segments
from scenarios.report.allocation import amount_of
from scenarios.report.formats import flat
from scenarios.report.workbook import COUNT, GENERAL, SHARE, Row, Sheet

MONEY, PRICE, GAP = "#,##0.00", "#,##0.0000", "0.0E+00"


def allocation_sheets(
    allocation: Allocation, frontier: Frontier | None, provenance: Sequence[tuple[str, str]]
) -> list[Sheet]:
    """All but the plan itself."""
    sheets = [_summary(allocation), _rules(allocation)]
    if frontier is not None:
        sheets.append(frontier_sheet(frontier))
    return [*sheets, _segments(allocation), _funnel(allocation), _assumptions(allocation, provenance)]


def _summary(allocation: Allocation) -> Sheet:
    solution = allocation.solution
    document = allocation.document()
    rows: list[Row] = [
        ("status", {"met": "optimal within the target gap"}.get(document["status"], document["status"])),
        ("value of the plan", solution.objective),
        ("no plan is worth more than", solution.bound),
        ("gap, share of the bound", abs(solution.gap)),
        ("customers", allocation.customers),
        ("customers with an offer", document["selected"]),
        *((f"sum of {name}", total) for name, total in allocation.totals().items()),
        ("method", solution.method),
        ("seconds", solution.seconds),
        *(("warning", text) for text in allocation.outcome.case.warnings),
        *(("remark", text) for text in document["remarks"]),
    ]
    return Sheet("summary", ["allocation", ""], rows, ["", GENERAL])


def _rules(allocation: Allocation) -> Sheet:
    rows: list[Row] = [
        (
            rule.name,
            rule.kind,
            rule.value,
            rule.min,
            rule.max,
            "yes" if rule.binding else "",
            None if rule.min is None and rule.max is None else rule.shadow_price,
            rule.missed if rule.missed else None,
            rule.missed * rule.penalty if rule.missed else None,
            *(
                (None, None, None)
                if rule.price is None
                else (rule.price.without, rule.price.looser, rule.price.tighter)
            ),
        )
        for rule in allocation.rules
    ]
    head = [
        "rule", "kind", "used", "min", "max", "binds", "price of one unit", "missed by", "cost of missing",
        "gain without the rule", "gain at +1 %", "gain at -1 %",
    ]  # fmt: skip
    notes = [
        "price: value gained if the bound gives one unit more (ratios and parity: 0.01)",
        "gain: change of the plan's value, solved anew with --price-rules",
    ]
    return Sheet("rules", head, rows, ["", "", GENERAL, GENERAL, GENERAL, "", PRICE, *[MONEY] * 5], notes)


def frontier_sheet(frontier: Frontier) -> Sheet:
    """The curve, one row a point."""
    rows: list[Row] = [
        (
            point.bound,
            point.used,
            point.value,
            point.marginal,
            point.average,
            mark(frontier, point.bound),
        )
        for point in frontier.points
    ]
    unit = "0.01 more" if frontier.ratio else "one unit more"
    head = [
        f"{frontier.rule}, {frontier.end}",
        "used",
        frontier.objective,
        f"value of {unit}",
        "value per unit used",
        "",
    ]
    notes = [] if frontier.stop is None else [why_it_ends(frontier.stop)]
    number = "0.0000" if frontier.ratio else MONEY
    return Sheet("frontier", head, rows, [number, number, MONEY, PRICE, PRICE, ""], notes)


def mark(frontier: Frontier, bound: float) -> str:
    """What is special about a point."""
    marks = []
    if frontier.today is not None and bound == frontier.today.bound:
        marks.append("as it is")
    if frontier.knee is not None and bound == frontier.knee.bound:
        marks.append("knee")
    if frontier.stop is not None and bound == frontier.stop.bound:
        marks.append(_ENDS[frontier.stop.why])
    return ", ".join(marks)


_ENDS = {"break-even": "break-even", "rules": "other rules stop it", "offers": "no more offers"}


def why_it_ends(stop: Stop) -> str:
    """What more room than the last brings, and why."""
    nothing = f"beyond {amount_of(stop.bound)} more room brings nothing"
    if stop.why == "break-even":
        return f"break-even: {nothing}"
    why = f"other rules stop it ({', '.join(stop.rules)})" if stop.rules else "everybody has what is worth most to them"
    return f"{why}: {nothing}, though the last unit still brought {amount_of(stop.last)}"


def _segments(allocation: Allocation) -> Sheet:
    rows: list[Row] = [
        (
            part.label,
            part.value,
            "" if part.customers is None else part.customers,
            part.selected,
            "" if not part.customers else part.selected / part.customers,
            *part.totals,
        )
        for part in segments(allocation.outcome)
    ]
    names = allocation.outcome.case.data.names
    head = ["label", "of", "customers", "with an offer", "share", *names]
    return Sheet("segments", head, rows, ["", "", COUNT, COUNT, SHARE, *[MONEY] * len(names)])


def _funnel(allocation: Allocation) -> Sheet:
    funnel = allocation.funnel()
    rows: list[Row] = [
        ("customers", "", allocation.customers),
        *((reason, because, -count) for reason, because, count in funnel),
        ("with an offer", "", allocation.customers - sum(count for _, _, count in funnel)),
    ]
    return Sheet(
        "funnel", ["what", "because of", "customers"], rows, ["", "", "#,##0"],
        ["Why customers get nothing; each is counted once, and the reason does not depend on the order of rules"],
    )  # fmt: skip


def _assumptions(allocation: Allocation, provenance: Sequence[tuple[str, str]]) -> Sheet:
    case = allocation.outcome.case
    asked = case.rules.model_dump(mode="json", exclude_defaults=True)
    asked["objective"] = dict(case.rules.objective)
    rows: list[Row] = [*flat(asked), *provenance]
    return Sheet("assumptions", ["what", "value"], rows)
