"""The workbook and the CSV of the strategy table.  The only file that knows XlsxWriter.

Numbers are numbers, with formats.  A text never becomes a formula or a link: in the workbook it is written as a string
(marked as quoted where it starts like a formula), in the CSV it gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import xlsxwriter

from scenarios.report import columns as cols
from scenarios.report import over_time
from scenarios.report.around_sheets import around_sheets
from scenarios.report.formats import clean, finite, flat
from scenarios.results import Interval, RunResults

EACH, TOTAL, SHARE, FACTOR, COUNT, GENERAL = "#,##0.00##", "#,##0", "0.0%", "0.00##", "#,##0", "General"
FORMATS = {
    cols.Kind.EACH: EACH,
    cols.Kind.LEAD: EACH,
    cols.Kind.DECISION: EACH,
    cols.Kind.NOISE: EACH,
    cols.Kind.TOTAL: TOTAL,
    cols.Kind.BUDGET: TOTAL,
    cols.Kind.SHARE: SHARE,
    cols.Kind.CHANCE: SHARE,
    cols.Kind.CHANGE: SHARE,
    cols.Kind.FACTOR: FACTOR,
    cols.Kind.MONTH: COUNT,
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
MOST_CHARACTERS = 32_000

Cell = str | float | int | None
Row = Sequence[Cell]


@dataclass
class Sheet:
    """One sheet: notes above, a header, rows, and a number format for each column."""

    name: str
    head: Sequence[str]
    rows: Sequence[Row]
    formats: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def write_workbook(results: RunResults) -> bytes:
    """The run as an XLSX file.  The same results give the same bytes."""
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties(
        {"title": clean(results.scenario)[:200], "comments": "Made by cvmax", "created": _when(results)}
    )
    styles = Styles(book)
    for sheet in _sheets(results):
        write_sheet(book.add_worksheet(sheet.name), sheet, styles)
    book.close()
    return buffer.getvalue()


def write_csv(results: RunResults) -> str:
    """The strategy table, one row each, ranked; shares as shares (0.05 = 5 %), nothing where there is no value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    table = _strategies(results, keys=True)
    writer.writerow(table.head)
    for row in table.rows:
        writer.writerow([_quoted(c) if isinstance(c, str) else c if finite(c) else "" for c in row])
    return buffer.getvalue()


def _quoted(text: str) -> str:
    """A text that no spreadsheet reads as a formula."""
    return f"'{clean(text)}" if text.startswith(FORMULA_STARTS) else clean(text)


def _when(results: RunResults) -> datetime:
    """The run's own time, so that the file does not depend on when it was written."""
    try:
        return datetime.fromisoformat(str(results.provenance["time"])).replace(tzinfo=None)
    except (KeyError, ValueError):
        return datetime(2000, 1, 1)


class Styles:
    """Cell formats, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[str, Any] = {}
        self.head = book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom", "bg_color": "#EEF2F6"}
        )
        self.note = book.add_format({"italic": True, "font_color": "#5B626B"})
        self.text = book.add_format({"valign": "top"})
        self.quoted = book.add_format({"valign": "top", "quote_prefix": True})

    def number(self, code: str) -> Any:
        """The format of this number code."""
        if code not in self._made:
            self._made[code] = self._book.add_format({"num_format": code, "valign": "top"})
        return self._made[code]


def write_sheet(sheet: Any, content: Sheet, styles: Styles) -> None:
    """Write a sheet from top to bottom."""
    row = 0
    for note in content.notes:
        sheet.write_string(row, 0, clean(note)[:MOST_CHARACTERS], styles.note)
        row += 1
    for column, text in enumerate(content.head):
        sheet.write_string(row, column, clean(text)[:MOST_CHARACTERS], styles.head)
    sheet.freeze_panes(row + 1, 1)
    widths = [min(max(len(word) for word in text.split() or [""]) + 4, 40) for text in content.head]
    for cells in content.rows:
        row += 1
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                _write_text(sheet, row, column, cell, styles)
            elif cell is None or not finite(cell):
                continue  # what has no value is empty: a text would spoil sums and charts of the column
            else:
                code = content.formats[column] if column < len(content.formats) else GENERAL
                sheet.write_number(row, column, cell, styles.number(code))
            length = len(cell) if isinstance(cell, str) else len(f"{cell:,.2f}") if cell is not None else 8
            widths[column] = max(widths[column], min(length + 2, 60))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _write_text(sheet: Any, row: int, column: int, text: str, styles: Styles) -> None:
    style = styles.quoted if text.startswith(FORMULA_STARTS) else styles.text
    sheet.write_string(row, column, clean(text)[:MOST_CHARACTERS], style)


def _sheets(results: RunResults) -> list[Sheet]:
    ranked = cols.ranked(results)
    return [
        _summary(results),
        _strategies(results),
        Sheet(
            "cash by month",
            ["strategy", "month", "extra margin", "promotion cost", "net", "cumulative"],
            [
                (s.name, m.month, m.margin + m.promotion, m.promotion, m.margin, m.cumulative)
                for s in ranked
                for m in s.months
            ],
            ["", COUNT, TOTAL, TOTAL, TOTAL, TOTAL],
            [f"{results.currency}, against doing nothing, all customers; net = extra margin - promotion cost"],
        ),
        Sheet(
            "contacts",
            ["strategy", "offer/channel", "contacts"],
            [(s.name, arm, n) for s in ranked for arm, n in sorted(s.contacts_by_arm.items())],
            ["", "", COUNT],
        ),
        Sheet(
            "rules",
            ["strategy", "rule", "largest shortfall, share of its bound"],
            [(s.name, rule, by) for s in ranked for rule, by in s.rules.items()],
            ["", "", SHARE],
            ["Rules that were missed at any decision; none listed: all were met"],
        ),
        Sheet(
            "assumptions",
            ["where", "value", "uncertainty (sd)", "source", "note"],
            [(a.path, a.value, a.sd, a.source, a.note) for a in results.assumptions],
        ),
        Sheet(
            "drivers",
            ["assumption", "value used", "source", "stepped to", "lead per customer", "verdict flips at"],
            [
                (d.path, d.value, d.source, value, lead, d.flips_at)
                for d in sorted((d for d in results.drivers if d.steps), key=lambda d: -d.swing)
                for value, lead in d.steps
            ]
            + [("state dependence", None, "", kappa, lead, None) for kappa, lead in results.state_dependence],
            ["", GENERAL, "", GENERAL, EACH, GENERAL],
            [
                f"Lead: {cols.lead(results)}, {results.currency}; each row moves one assumption, unknown to the planner",
                "verdict flips at: empty where it does not flip within the steps",
            ],
        ),
        _series(results),
        Sheet(
            "budget curve",
            ["budget", "model value", "value of the next unit"],
            [(p.budget, p.value, p.marginal) for p in results.budget_curve],
            [TOTAL, TOTAL, "0.0000"],
            [
                f"{results.currency}; the first epoch's optimal plan at each budget, as the planner sees it",
                *([f"budget today: {results.budget_today:,.2f}"] if results.budget_today is not None else []),
            ],
        ),
        *(Sheet(*content) for content in around_sheets(ranked, results)),
        Sheet("provenance", ["what", "value"], flat(results.provenance)),
    ]


def _summary(results: RunResults) -> Sheet:
    decision, noise = cols.legend(results)
    rows: list[Row] = [
        ("question", results.question),
        ("verdict", results.verdict),
        ("best strategy", results.winner),
        ("baseline", results.baseline),
        ("currency", results.currency),
        ("customers", results.customers),
        ("real customers", results.real_customers),
        ("horizon", f"{results.horizon_periods} {results.period}s"),
        ("draws", results.draws),
        ("seed", results.seed),
        ("control group's cost, first decision", results.control_cost),
        ("how to read", decision),
        ("", noise),
        ("", cols.made_of(results)),
        *(("warning", w) for w in results.warnings),
        *(("changed", c) for c in results.changes),
        *((f"fit: {path}", text) for path, text in flat(results.fit or {})),
    ]
    return Sheet("summary", [results.scenario, ""], rows, ["", "0"])


def _strategies(results: RunResults, *, keys: bool = False) -> Sheet:
    """All columns; an interval takes two; ``keys``: headed by the JSON document's names."""
    head, formats = ["strategy"], [""]
    columns = [*cols.VALUE, *cols.MONEY, *cols.DETAIL]
    for c in columns:
        words = c.key if keys else cols.title(c, results)
        if c.kind in (cols.Kind.DECISION, cols.Kind.NOISE):
            head += [f"{words}_low", f"{words}_high"] if keys else [f"{words}, low", f"{words}, high"]
            formats += [FORMATS[c.kind]] * 2
        else:
            head.append(words if keys or c.key != "difference_relative" else "difference in %")
            formats.append(FORMATS[c.kind])
    rows: list[Row] = []
    for s in cols.ranked(results):
        row: list[Cell] = [s.name]
        for c in columns:
            value = c.get(s)
            if isinstance(value, Interval):
                row += [value.low, value.high]
            elif keys:
                row.append(s.payback_month if c.kind is cols.Kind.MONTH else value)
            else:
                row.append(None if c.kind is cols.Kind.MONTH and not value else value)
        rows.append(row)
    notes = [f"Money in {results.currency}; differences against {results.baseline}", *cols.legend(results)]
    notes += _empty_cells(results)
    notes += over_time.lines(cols.ranked(results), results)
    return Sheet("strategies", head, rows, formats, notes)


def _empty_cells(results: RunResults) -> list[str]:
    """Why cells of number columns are empty: a text in them would spoil sums and charts."""
    ranked = cols.ranked(results)
    reasons = {
        "payback month, nothing was spent": [s.name for s in ranked if not s.spend],
        "payback month, not yet paid back": [s.name for s in ranked if s.spend and s.payback_month is None],
        "budget and unspent, no rule names a budget": [s.name for s in ranked if s.budget is None],
    }
    return [f"empty cells ({reason}): {', '.join(names)}" for reason, names in reasons.items() if names]


def _series(results: RunResults) -> Sheet:
    """One row for each strategy and period; a column for each segment of any strategy."""
    segments = list(dict.fromkeys(name for s in results.series for name in s.segments))
    rows: list[Row] = []
    for s in results.series:
        for t, value in enumerate(s.cumulative):
            mix = (s.segments.get(name, ()) for name in segments)
            row: list[Cell] = [s.strategy, t + 1, value]
            row += [x[t] if t < len(x) and results.draws >= 2 else None for x in (s.low, s.high)]
            rows.append([*row, *(counts[t] if t < len(counts) else None for counts in mix)])
    head = [
        "strategy",
        results.period,
        "cumulative value per customer",
        "decision interval, low",
        "decision interval, high",
    ]
    formats = ["", COUNT, EACH, EACH, EACH, *([COUNT] * len(segments))]
    return Sheet(
        "series", [*head, *segments], rows, formats, [f"{results.currency}, discounted, against {results.baseline}"]
    )
