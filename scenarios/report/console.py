"""What a run prints: the verdict first, then what it rests on, in about one and a half screens."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from scenarios.report import around, over_time
from scenarios.report import columns as cols
from scenarios.report.formats import NO_VALUE, amount, clean, decimals_for, finite, percent, significant
from scenarios.results import RunResults, StrategyResult
from scenarios.scaling import AMOUNTS_STAY

WIDTH_OF_A_PIPE = 120
MOST_DRIVERS = 5
NAME_WIDTH = 28


@dataclass(frozen=True)
class _Column:
    """A column of one table: header and its cells, which never wrap (a strategy's name may)."""

    title: str
    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        """Widest cell or word of the header; a header takes at most three lines."""
        words = max(cell_len(word) for word in self.title.split() or [""])
        return max(*(cell_len(c) for c in self.cells), words, -(-cell_len(self.title) // 3), 1)


def print_results(
    results: RunResults, *, file: TextIO | None = None, width: int | None = None, folder: Path | None = None
) -> None:
    """Print the run on ``file`` (default: standard output).

    Colour only on a terminal.  ``width``: the terminal's; where there is none, ``COLUMNS`` or 120.
    """
    stream = file or sys.stdout
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)
    if width is None and not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = WIDTH_OF_A_PIPE
    with console.capture() as capture:
        for part in _parts(results, console.width, folder):
            console.print(part)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = re.sub(r" +$", "", capture.get(), flags=re.MULTILINE)
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def _parts(results: RunResults, width: int, folder: Path | None) -> Iterator[RenderableType]:
    """Everything that is printed, in order."""
    ranked = cols.ranked(results)
    for warning in results.warnings:
        if AMOUNTS_STAY in warning:
            yield _lines(f"Warning: {warning}", width, "yellow")
    yield _lines(results.verdict, width, "bold")
    yield _lines(_facts(results), width, "dim")
    for warning in results.warnings:
        if AMOUNTS_STAY not in warning:
            yield _lines(f"Warning: {warning}", width, "yellow")
    for change in results.changes:
        yield _lines(f"Changed: {change}", width)
    yield ""
    unit = clean(results.currency)
    value = [_Column(cols.title(c, results), tuple(cols.cells(c, ranked, draws=results.draws))) for c in cols.VALUE]
    money = [_Column(cols.title(c, results), tuple(cols.cells(c, ranked))) for c in cols.MONEY]
    names = [_name(results, s) for s in ranked]
    title = f"Value in {unit}; differences are against {clean(results.baseline)}; {cols.made_of(results)}"
    yield from _tables(title, names, value, width)
    for line in cols.legend(results):
        yield _lines(line, width, "dim")
    yield ""
    yield from _tables(f"Money in {unit}, and customers", names, money, width)
    yield ""
    for part in around.parts(ranked, results):
        yield from _tables(part.title, names, [_Column(head, cells) for head, cells in part.columns], width)
        yield ""
    for line in [*over_time.lines(ranked, results), *around.lines(ranked, results)]:
        yield _lines(line, width)
    if any(s.months for s in ranked):
        yield from _tables(f"Net cash in {unit} against doing nothing", names, _cash(ranked), width)
        yield ""
    yield from _offers(ranked, results, width)
    yield from _rules(ranked, width)
    yield from _leans_on(results, width)
    yield from _last(results, folder, width)


def _lines(text: str, width: int, style: str = "") -> Text:
    """A paragraph within the width; a number stays with its per cent sign."""
    held = clean(text).replace(" %", "\xa0%")
    return Text(fill(held, max(width, 20), break_on_hyphens=False).replace("\xa0", " "), style=style)


def _facts(results: RunResults) -> str:
    """One line: how large, how long, how often."""
    drawn = "" if results.real_customers is None else f" drawn from {results.real_customers:,} real ones"
    draws = f"{results.draws} draws for the decision interval" if results.draws else "no draws: simulation noise only"
    return (
        f"{results.scenario}: {results.customers:,} customers{drawn}, {results.horizon_periods} {results.period}s, "
        f"{draws}, seed {results.seed}."
    )


def _name(results: RunResults, strategy: StrategyResult) -> Text:
    marks = cols.marks(results, strategy)
    text = Text(clean(strategy.name), style="bold green" if "best" in marks else "")
    return text.append(f" ({', '.join(marks)})" if marks else "")


def _tables(title: str, names: Sequence[Text], columns: Sequence[_Column], width: int) -> Iterator[RenderableType]:
    """One table, or as many as the width asks for, each with the names again; no column is ever squeezed."""
    yield Text(title, style="bold")
    head = min(max(*(cell_len(n.plain) for n in names), len("strategy")), NAME_WIDTH)
    part: list[_Column] = []
    left = width - head
    for column in columns:
        if part and column.width + 2 > left:
            yield _table(names, part, head)
            part, left = [], width - head
        part.append(column)
        left -= column.width + 2
    if part:
        yield _table(names, part, head)


def _table(names: Sequence[Text], columns: Sequence[_Column], head: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("strategy", width=head, overflow="fold", vertical="bottom")
    for column in columns:
        table.add_column(Text(column.title), justify="right", width=column.width, no_wrap=False, overflow="crop")
    for i, name in enumerate(names):
        table.add_row(name, *(Text(c.cells[i], no_wrap=True) for c in columns))
    return table


def _cash(ranked: Sequence[StrategyResult]) -> list[_Column]:
    """Net cash by month, quarter or year, and the payback."""
    groups = [dict(cols.cash_groups(s.months)) for s in ranked]
    labels = list(dict.fromkeys(label for group in groups for label in group))
    decimals = decimals_for(v for group in groups for v in group.values())
    decimals = decimals if decimals > 2 else 0
    payback = next(c for c in cols.DETAIL if c.key == "payback_month")
    return [
        *(_Column(label, tuple(amount(group.get(label), decimals) for group in groups)) for label in labels),
        _Column("pays back from", tuple(cols.cells(payback, ranked))),
    ]


def _offers(ranked: Sequence[StrategyResult], results: RunResults, width: int) -> Iterator[RenderableType]:
    """Contacts by offer and channel, the most used first."""
    if not any(s.contacts_by_arm for s in ranked):
        return
    yield Text("Contacts by offer and channel", style="bold")
    names = [_name(results, s) for s in ranked]
    head = min(max(*(cell_len(n.plain) for n in names), 8), NAME_WIDTH)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=head, overflow="fold")
    table.add_column(overflow="fold")
    for name, strategy in zip(names, ranked, strict=True):
        table.add_row(name, Text(_arms(strategy.contacts_by_arm, width - head - 4)))
    yield table
    yield ""


def _arms(contacts: dict[str, int], width: int) -> str:
    """As many arms as fit on one line, at least one."""
    used = sorted(((n, arm) for arm, n in contacts.items() if n), key=lambda pair: (-pair[0], pair[1]))
    words = [f"{clean(arm)} {n:,}" for n, arm in used]
    for shown in range(len(words), 0, -1):
        rest = len(words) - shown
        tail = [f"{rest} more {sum(n for n, _ in used[shown:]):,}"] if rest else []
        line = ", ".join([*words[:shown], *tail])
        if shown == 1 or cell_len(line) <= width:
            return line
    return "none"


def _rules(ranked: Sequence[StrategyResult], width: int) -> Iterator[RenderableType]:
    missed = [(s.name, rule, short) for s in ranked for rule, short in s.rules.items()]
    if not missed:
        yield _lines(f"Rules: {cols.rules_met(ranked)}", width)
    for name, rule, short in missed:
        yield _lines(f"Rule missed: {rule} by {name}, by up to {percent(short)} of its bound", width, "yellow")


def _leans_on(results: RunResults, width: int) -> Iterator[RenderableType]:
    """The register in one line, and the assumptions that move the verdict most."""
    sources: dict[str, int] = {}
    for assumption in results.assumptions:
        sources[assumption.source] = sources.get(assumption.source, 0) + 1
    if sources:
        counted = ", ".join(
            f"{n} {clean(source)}" for source, n in sorted(sources.items(), key=lambda p: (-p[1], p[0]))
        )
        yield _lines(f"Assumptions: {len(results.assumptions)} numbers ({counted}); all are in the report.", width)
    drivers = sorted((d for d in results.drivers if d.steps), key=lambda d: -d.swing)[:MOST_DRIVERS]
    if drivers:
        decimals = decimals_for(d.swing for d in drivers)
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("the winner's lead leans on", overflow="fold")
        for title in ("now", "source", "lead moves by", "verdict flips at"):
            table.add_column(title, justify="left" if title == "source" else "right", no_wrap=True)
        for d in drivers:
            flips = "not within steps" if d.flips_at is None else significant(d.flips_at)
            words = (clean(d.path), significant(d.value), clean(d.source), amount(d.swing, decimals), flips)
            table.add_row(*map(Text, words))
        yield table
    if results.state_dependence:
        decimals = decimals_for(lead for _, lead in results.state_dependence)
        leads = "; ".join(
            f"at {kappa:g}: {amount(lead, decimals, sign=True)}" for kappa, lead in results.state_dependence
        )
        yield _lines(
            f"{_capital(cols.lead(results))}, by state dependence (0: segments are labels, 1: moves change customers): {leads}",
            width,
        )


def _last(results: RunResults, folder: Path | None, width: int) -> Iterator[RenderableType]:
    best = results.strategy(results.winner)
    if best.liability > best.planned_spend:
        words = f"{amount(best.liability, 0)} {clean(results.currency)}, planned are {amount(best.planned_spend, 0)}"
        yield _lines(f"Liability of {clean(best.name)}, if everybody contacted redeemed: {words}.", width)
    if results.control_cost is not None:
        lost = f"{amount(results.control_cost)} {clean(results.currency)}"
        yield _lines(f"Control group: holding it out forgoes about {lost} of value at the first decision.", width)
    if results.fit:
        yield _lines(f"Fit to the log: {fit_words(results.fit, results.period)}", width)
    gaps = [(s.solver["gap"], s.name) for s in results.strategies if s.solver.get("passes") and "gap" in s.solver]
    if gaps:
        words = ", ".join(f"{name} {gap:.1e}" if finite(gap) else f"{name} {NO_VALUE}" for gap, name in sorted(gaps))
        yield _lines(f"Certified gap of the plans, at worst: {words}", width)
    if folder is not None:
        yield _lines(f"Everything is in {folder} (report.html, results.xlsx, results.json)", width)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def fit_words(fit: dict[str, Any], period: str) -> str:
    """How well the fit forecast what was held out, and how well the log's end is met when simulated again."""
    words = []
    if held := fit.get("holdout"):
        orders, window = (held[k] / held["orders"] - 1 for k in ("orders_forecast", "orders_window"))
        revenue = held["revenue_forecast"] / held["revenue"] - 1
        words.append(
            f"the last {held['periods']} {period}s, held out, forecast within {percent(orders, sign=True)} of orders and "
            f"{percent(revenue, sign=True)} of revenue (last window repeated: {percent(window, sign=True)} of orders)"
        )
    if again := fit.get("reconciled"):
        log, simulated = again["log"], again["simulated"]
        parts = [
            f"{name.replace('_', ' ')} {significant(log[name])} in the log, {significant(simulated[name])} simulated"
            for name in ("dispersion", "top_decile_share_revenue")
            if name in log
        ]
        words.append("; ".join(parts))
    return "; ".join(words) or "no holdout was made"
