"""The strategy table, said once: console, page, workbook and CSV take their columns and words from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from scenarios.chance import ENOUGH_DRAWS, MORE_DRAWS, chance
from scenarios.report.formats import amount, between, clean, decimals_for, half_width, percent, plus_minus
from scenarios.results import Interval, Month, RunResults, StrategyResult

Value = float | int | Interval | None


class Kind(Enum):
    """How a value reads."""

    EACH = "money per customer"
    LEAD = "money per customer, with its sign"
    TOTAL = "money in total"
    SHARE = "share"
    CHANCE = "share of draws"
    CHANGE = "relative change"
    FACTOR = "plain number"
    DECISION = "interval to decide on"
    NOISE = "noise of this run"
    MONTH = "month; None = never, 0 = nothing was spent"
    BUDGET = "money in total, or no budget"


@dataclass(frozen=True)
class Column:
    """One column: key of the JSON document, words, kind, and where its value comes from."""

    key: str
    title: str
    kind: Kind
    get: Callable[[StrategyResult], Value]


VALUE = (
    Column("clv_per_customer", "CLV per customer", Kind.EACH, lambda s: s.clv_per_customer),
    Column("clv_total", "CLV total", Kind.TOTAL, lambda s: s.clv_total),
    Column("difference", "difference per customer", Kind.LEAD, lambda s: s.difference),
    Column("difference_relative", "in %", Kind.CHANGE, lambda s: s.difference_relative),
    Column("difference_ci", "decision interval", Kind.DECISION, lambda s: s.difference_ci),
    Column("p_best", "P(best)", Kind.CHANCE, lambda s: s.p_best),
    Column("simulation_ci", "noise of this run", Kind.NOISE, lambda s: s.simulation_ci),
)
MONEY = (
    Column("spend", "spend", Kind.TOTAL, lambda s: s.spend),
    Column("unspent", "unspent", Kind.BUDGET, lambda s: s.unspent),
    Column("roi", "ROI", Kind.FACTOR, lambda s: s.roi),
    Column("margin_rate", "margin rate", Kind.SHARE, lambda s: s.margin_rate),
    Column("churn_rate", "yearly churn", Kind.SHARE, lambda s: s.churn_rate),
    Column("contacts_per_customer", "contacts per customer", Kind.FACTOR, lambda s: s.contacts_per_customer),
    Column("planned", "planned per customer", Kind.LEAD, lambda s: s.planned),
    Column("realised", "realised per customer", Kind.LEAD, lambda s: s.realised),
)
DETAIL = (
    Column("clv_horizon_per_customer", "CLV within horizon", Kind.EACH, lambda s: s.clv_horizon_per_customer),
    Column("clv_terminal_per_customer", "CLV after horizon", Kind.EACH, lambda s: s.clv_terminal_per_customer),
    Column("difference_total", "difference total", Kind.TOTAL, lambda s: s.difference_total),
    Column("budget", "budget", Kind.BUDGET, lambda s: s.budget),
    Column("planned_spend", "planned spend", Kind.TOTAL, lambda s: s.planned_spend),
    Column("liability", "liability if all redeem", Kind.TOTAL, lambda s: s.liability),
    Column("responses_per_customer", "responses per customer", Kind.FACTOR, lambda s: s.responses_per_customer),
    Column("orders_per_customer", "orders per customer", Kind.FACTOR, lambda s: s.orders_per_customer),
    Column(
        "orders_incremental_per_customer",
        "extra orders per customer",
        Kind.FACTOR,
        lambda s: s.orders_incremental_per_customer,
    ),
    Column(
        "cannibalised_per_customer",
        "discount on orders that would have come anyway, per customer",
        Kind.EACH,
        lambda s: s.cannibalised_per_customer,
    ),
    Column("payback_month", "payback month", Kind.MONTH, lambda s: s.payback_month if s.spend else 0),
)


def title(column: Column, results: RunResults) -> str:
    """The column's words, with the level of an interval."""
    if column.kind in (Kind.DECISION, Kind.NOISE):
        words = interval_name(results) if column.kind is Kind.DECISION else column.title
        return f"{words} ({100 * results.level:g}%)"
    return column.title


def interval_name(results: RunResults) -> str:
    """What the wide interval is: without draws it holds the luck of the simulation alone, and decides nothing."""
    return "decision interval" if results.draws >= 2 else "simulation interval"


def lead(results: RunResults) -> str:
    """Which lead the assumptions are held against: the smallest over the winner's rivals, as :mod:`scenarios.run` takes them."""
    best, base = results.strategy(results.winner), results.strategy(results.baseline)
    if best is base or best.contacts_per_customer == 0:
        return "the smallest of the winner's leads over what could overtake it"
    idle = any(s.contacts_per_customer == 0 for s in results.strategies if s is not base)
    if idle and base.contacts_per_customer > 0:
        return f"the smaller of the winner's leads over {clean(base.name)} and over doing nothing"
    return f"the winner's lead over {clean(base.name)}"


def cells(
    column: Column, strategies: Sequence[StrategyResult], plus_minus_mark: str = "+/- ", draws: int = 0
) -> list[str]:
    """The column as text; amounts that stand together have the same decimals, chances the digits that ``draws`` carry."""
    if column.kind is Kind.CHANCE:
        return [chance(s.p_best, draws) for s in strategies]
    values = [column.get(s) for s in strategies]
    scale: list[float | None] = []
    for v in values:
        if isinstance(v, Interval):
            scale += [half_width(v)] if column.kind is Kind.NOISE else [v.low, v.high]
        else:
            scale.append(v)
    decimals = decimals_for(scale)
    return [_cell(column.kind, v, decimals, plus_minus_mark) for v in values]


def _cell(kind: Kind, value: Value, decimals: int, mark: str) -> str:
    if isinstance(value, Interval):
        return plus_minus(value, decimals, mark) if kind is Kind.NOISE else between(value, decimals)
    if kind is Kind.BUDGET and value is None:
        return "no budget"
    if kind is Kind.MONTH:
        return "not yet" if value is None else f"month {value}" if value else "no spend"
    if kind in (Kind.SHARE, Kind.CHANGE):
        return percent(value, sign=kind is Kind.CHANGE)
    if kind in (Kind.TOTAL, Kind.BUDGET):
        return amount(value, 0 if decimals <= 2 and (value is None or abs(value) >= 1 or value == 0) else decimals)
    return amount(value, decimals, sign=kind is Kind.LEAD)


def ranked(results: RunResults) -> tuple[StrategyResult, ...]:
    """Strategies by CLV, largest first; those without a value last; ties as listed.

    P(best) is a share of draws: with too few of them it has no value.
    """
    known = results.strategies
    if results.draws < ENOUGH_DRAWS:
        known = tuple(replace(s, p_best=float("nan")) for s in known)
    return tuple(
        sorted(known, key=lambda s: -s.clv_per_customer if s.clv_per_customer == s.clv_per_customer else 1e308)
    )


def marks(results: RunResults, strategy: StrategyResult) -> tuple[str, ...]:
    """What to say beside a strategy's name."""
    words = {"best": results.winner, "base": results.baseline}
    return tuple(word for word, name in words.items() if name == strategy.name)


def made_of(results: RunResults) -> str:
    """What CLV and the winner's lead are made of."""
    best = results.strategy(results.winner)
    within = best.clv_horizon_per_customer / best.clv_per_customer if best.clv_per_customer else float("nan")
    words = f"{percent(within)} of CLV falls within the {results.horizon_periods} {results.period}s"
    if best.difference:
        base = results.strategy(results.baseline)
        lead = best.clv_horizon_per_customer - base.clv_horizon_per_customer
        words += f"; of {clean(best.name)}'s lead of {amount(best.difference)}, {amount(lead)}"
    return words


def rules_met(strategies: Sequence[StrategyResult]) -> str:
    """That every plan met the rules, and who spent more than its budget all the same."""
    over = [
        f"{clean(s.name)} spent {percent(-s.unspent / s.budget)} more than its budget"
        for s in strategies
        if s.budget and s.unspent is not None and -s.unspent / s.budget >= 0.001
    ]
    realised = f"{'; '.join(over)}: more responded than planned." if over else "nobody spent more than the budget."
    return f"every plan met all of them in expectation. Realised: {realised}"


def legend(results: RunResults) -> tuple[str, str]:
    """What each of the two intervals holds."""
    if results.draws < 2:
        decision = (
            "simulation interval: without draws there is no interval to decide on, and this one holds no more than the noise of "
            f"this run; {MORE_DRAWS}."
        )
    elif results.draws < ENOUGH_DRAWS:
        decision = (
            f"decision interval: {results.draws} draws are too few to tell; it is wide, and P(best) has no value; "
            f"{MORE_DRAWS}."
        )
    else:
        decision = (
            "decision interval: customers resampled, effects redrawn, and the noise of this run; decide on this one."
        )
    return decision, (
        "noise of this run: luck of the simulation alone; shrinks with customers and says nothing of wrong assumptions."
    )


def cash_groups(months: Sequence[Month], most: int = 8) -> list[tuple[str, float]]:
    """(label, net cash) by month, quarter or year: the finest that gives at most ``most`` columns; else by year.

    Net cash of a group is the change of the cumulative cash, whatever it is made of.
    """
    size = next((size for size in (1, 3, 12) if len(months) <= size * most), 12)
    groups, before = [], 0.0
    for start in range(0, len(months), size):
        part = months[start : start + size]
        first, last = part[0].month, part[-1].month
        label = f"month {first}" if first == last else f"months {first}-{last}"
        groups.append((label, part[-1].cumulative - before))
        before = part[-1].cumulative
    return groups
