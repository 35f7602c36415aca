"""What the report says of customers: how few carry the value, what loses money, what the planner saw of segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scenarios.customer_results import Concentration, Return
from scenarios.report.formats import amount, clean, decimals_for, percent
from scenarios.report.part import Part
from scenarios.results import RunResults, StrategyResult

MOST_NAMED = 2


def parts(ranked: Sequence[StrategyResult], results: RunResults) -> Iterator[Part]:
    """Tables of the page that have something to say; the console has the sentences alone."""
    if any(s.concentration for s in ranked):
        yield _concentration(ranked)
    if any(s.losing and (s.losing.customers or s.losing.orders) for s in ranked):
        yield _losing(ranked, clean(results.currency))
    if any(s.upgrades for s in ranked):
        yield _upgrades(ranked, clean(results.currency))


def lines(ranked: Sequence[StrategyResult], results: RunResults) -> list[str]:
    """Sentences about the winner, and what the baseline sends in vain."""
    out = [*_few(results), *_wrongly_seen(results)]
    for strategy in ranked:
        if strategy.name in (results.winner, results.baseline):
            out += _named_losers(strategy, clean(results.currency), whole=strategy.name == results.winner)
    return out


def log_top_tenth(results: RunResults) -> tuple[float, int] | None:
    """Share of revenue of the top tenth in the fitted log's last periods, and how many these are."""
    again = (results.fit or {}).get("reconciled")
    if not isinstance(again, dict) or "periods" not in again or "top_decile_share_revenue" not in again.get("log", {}):
        return None
    return float(again["log"]["top_decile_share_revenue"]), int(again["periods"])


def _concentration(ranked: Sequence[StrategyResult]) -> Part:
    names = list(dict.fromkeys(name for s in ranked for name in s.concentration))

    def cell(found: Concentration | None, what: str) -> str:
        if found is None:
            return "no value"
        return percent(found.top_tenth) if what == "top" else f"{found.gini:.3f}"

    return Part(
        "Share that the top tenth of customers hold within the run, and Gini coefficient",
        [
            *((f"{name}, top tenth", tuple(cell(s.concentration.get(name), "top") for s in ranked)) for name in names),
            *((f"{name}, Gini", tuple(cell(s.concentration.get(name), "gini") for s in ranked)) for name in names),
        ],
    )


def _losing(ranked: Sequence[StrategyResult], unit: str) -> Part:
    lost = [s.losing for s in ranked]

    def total(values: Sequence[Return], kind: str) -> str:
        names = [clean(r.name) for r in values if r.kind == kind and r.loses]
        return ", ".join(names) or "none"

    columns = [
        ("customers", tuple("no value" if x is None else percent(x.customers_share) for x in lost)),
        (f"they lose, {unit}", tuple("no value" if x is None else amount(x.customers_loss, 0) for x in lost)),
        ("orders", tuple("no value" if x is None else percent(x.orders_share) for x in lost)),
        (f"they lose, {unit}", tuple("no value" if x is None else amount(x.orders_loss, 0) for x in lost)),
    ]
    for kind, title in (("offer", "offers"), ("channel", "channels"), ("category", "categories")):
        if any(r.kind == kind for s in ranked for r in s.returns):
            columns.append((title, tuple(total(s.returns, kind) if s.returns else "no value" for s in ranked)))
    return Part("What loses money within the horizon, after all costs of its own", columns)


def _upgrades(ranked: Sequence[StrategyResult], unit: str) -> Part:
    known = [s.upgrades for s in ranked]
    high = ", ".join(clean(name) for name in next(u.high for u in known if u is not None))
    each = decimals_for([u.cost_each for u in known if u is not None and u.cost_each is not None] or [0.0])

    def cost(i: int) -> str:
        found = known[i]
        if found is None or not ranked[i].spend:
            return "no value"
        return "within luck" if found.cost_each is None else amount(found.cost_each, each)

    return Part(
        f"Low-to-high upgrades: customers who start below the mean in orders and end in {high}",
        [
            ("risen", tuple("no value" if u is None else f"{u.risen:,}" for u in known)),
            (
                "of those who start low",
                tuple("no value" if u is None else percent(u.risen / u.started_low) for u in known),
            ),
            ("more than by doing nothing", tuple("no value" if u is None else f"{u.extra:+,}" for u in known)),
            (f"spend for each of these, {unit}", tuple(cost(i) for i in range(len(known)))),
        ],
    )


def _few(results: RunResults) -> Iterator[str]:
    """A few heavy buyers carry the value."""
    base = next((s for s in results.strategies if s.name == results.baseline), None)
    found = base.concentration.get("revenue") if base else None
    if base is None or found is None:
        return
    words = f"Under {clean(base.name)} the top tenth of customers bring {percent(found.top_tenth)} of revenue"
    value = base.concentration.get("CLV")
    if value is not None:
        words += f" and {percent(value.top_tenth)} of CLV"
    log = log_top_tenth(results)
    if log is not None:
        words += f"; in the log's last {log[1]} {results.period}s they brought {percent(log[0])} of revenue"
    yield f"{words}."


def _wrongly_seen(results: RunResults) -> Iterator[str]:
    best = next((s for s in results.strategies if s.name == results.winner), None)
    if best is not None and best.seen is not None and best.seen.correct < 1:
        yield f"{clean(best.name)} sees {percent(best.seen.correct)} of segments rightly, over all customers and decisions."


def _named_losers(strategy: StrategyResult, unit: str, *, whole: bool) -> Iterator[str]:
    lost, name = strategy.losing if whole else None, clean(strategy.name)
    words = []
    if lost is not None and (lost.customers or lost.orders):
        by = sorted(lost.share_by_segment.items(), key=lambda item: -item[1])[:MOST_NAMED]
        where = "; " + ", ".join(f"{percent(x)} of '{clean(s)}'" for s, x in by) if len(by) > 1 else ""
        words.append(
            f"{percent(lost.customers_share)} of customers ({amount(lost.customers_loss, 0)} {unit}{where}), "
            f"{percent(lost.orders_share)} of orders ({amount(lost.orders_loss, 0)} {unit})"
        )
        if lost.segments:
            whole_ones = ", ".join(f"'{clean(s)}'" for s in lost.segments)
            words.append(
                f"{'segment' if len(lost.segments) == 1 else 'segments'} {whole_ones} in sum, over all periods spent there"
            )
    bad = [r for r in strategy.returns if r.loses]
    if bad:
        decimals = 0 if max(abs(r.value) for r in bad) >= 100 else decimals_for(r.value for r in bad)
        named = [f"{r.kind} {clean(r.name)} {amount(r.value, decimals)}" for r in bad[:MOST_NAMED]]
        words.append(", ".join(named) + (f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""))
    if words:
        yield f"Losing money under {name}: {'; '.join(words)}."
