"""Tables of what surrounds the offers: growth, service, new customers, overheads.  Shown where the scenario has them."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.report import people
from scenarios.report.formats import amount, clean, decimals_for, percent
from scenarios.report.part import Part
from scenarios.results import RunResults, StrategyResult


def parts(ranked: Sequence[StrategyResult], results: RunResults) -> list[Part]:
    """The tables that have something to say."""
    unit = clean(results.currency)
    around = (
        _growth(ranked, unit),
        _wallet(ranked, results),
        _service(ranked, unit),
        _new(ranked, unit),
        _costs(ranked, unit),
    )
    return [part for part in around if part]


def lines(ranked: Sequence[StrategyResult], results: RunResults) -> list[str]:
    """Sentences about the winner, or the baseline if it has not the figures."""
    out = people.lines(ranked, results)
    best = next((s for s in ranked if s.name == results.winner), None)
    new = best.new_customers if best is not None else None
    if best is not None and new is not None and new.joined:
        each = decimals_for(figures["clv_each"] for figures in new.by_source.values())
        words = [
            f"{clean(name)} {figures['joined']:,.0f} of {amount(figures['clv_each'], each)}"
            for name, figures in new.by_source.items()
        ]
        out.append(
            f"New customers under {clean(best.name)} by source, with the CLV of each net of its cost: {'; '.join(words)}."
        )
    if results.split is not None:
        out.append(_split(results))
    if results.season_mean is not None:
        out.append(f"Season: the mean factor of a year is {results.season_mean:.4f}.")
    return out


def _split(results: RunResults) -> str:
    split = results.split
    assert split is not None
    best, today, unit = split.at(split.best), split.at(split.today), clean(results.currency)
    each = decimals_for(p.clv_per_customer for p in split.points)
    words = f"One budget under {clean(split.strategy)}: "
    if best.share == today.share or best.difference <= 2 * best.noise:
        return (
            f"{words}no split is surely better than today's {percent(today.share)} for new customers "
            f"({amount(today.clv_per_customer, each)} {unit} per customer)."
        )
    return (
        f"{words}{percent(best.share)} of it for new customers is the best split found, {amount(best.difference, each)} {unit} per "
        f"customer more than today's {percent(today.share)} (luck +/- {amount(2 * best.noise, each)})."
    )


def _growth(ranked: Sequence[StrategyResult], unit: str) -> Part | None:
    known = [s.growth for s in ranked]
    if not known or any(g is None for g in known):
        return None
    g = [x for x in known if x is not None]
    what = g[0].traffic_is
    each = decimals_for(x.order_value for x in g)
    return Part(
        f"Growth: revenue = {what} x orders for each x order value",
        [
            (what, tuple(f"{x.traffic:,}" for x in g)),
            ("orders for each", tuple("no value" if x.conversion is None else f"{x.conversion:.4f}" for x in g)),
            (f"order value, {unit}", tuple(amount(x.order_value, each) for x in g)),
            (f"revenue, {unit}", tuple(amount(x.revenue, 0) for x in g)),
        ],
    )


def _wallet(ranked: Sequence[StrategyResult], results: RunResults) -> Part | None:
    known = [w for s in ranked if (w := s.wallet) is not None]
    if not known or len(known) < len(ranked):
        return None
    unit = clean(results.currency)
    return Part(
        "Own share of what customers spend wherever they buy, at list price",
        [
            ("in the run", tuple(percent(w.own_share) for w in known)),
            (f"in the last {results.period}", tuple(percent(w.own_share_at_end) for w in known)),
            ("there, of those who still buy", tuple(percent(w.own_share_of_buyers) for w in known)),
            (f"the competitor holds, {unit}", tuple(amount(w.competitor, 0) for w in known)),
            ("of it from those who left", tuple(amount(w.lost, 0) for w in known)),
        ],
    )


def _service(ranked: Sequence[StrategyResult], unit: str) -> Part | None:
    known = [s.service for s in ranked]
    if not any(known):
        return None

    def column(title: str, cells: list[str]) -> tuple[str, tuple[str, ...]]:
        return title, tuple(cells)

    none = "no value"
    return Part(
        "Contact centre",
        [
            column("contacts", [none if s is None else f"{s.contacts:,}" for s in known]),
            column("failed", [none if s is None else percent(s.failed) for s in known]),
            column("on time", [none if s is None else percent(s.on_time) for s in known]),
            column("mean wait, seconds", [none if s is None else amount(s.wait_seconds, 1) for s in known]),
            column("occupancy", [none if s is None else percent(s.occupancy) for s in known]),
            column("relationships ended", [none if s is None else f"{s.ended:,}" for s in known]),
            column(f"wages, {unit}", [none if s is None else amount(s.cost, 0) for s in known]),
        ],
    )


def _new(ranked: Sequence[StrategyResult], unit: str) -> Part | None:
    known = [s.new_customers for s in ranked]
    if not any(known):
        return None
    new = [n for n in known if n is not None]
    if len(new) < len(known):
        return None
    each = decimals_for([n.clv_each for n in new] + [n.base_clv for n in new])
    return Part(
        "New customers, apart from the base",
        [
            ("joined", tuple(f"{n.joined:,}" for n in new)),
            (f"cost, {unit}", tuple(amount(n.cost, 0) for n in new)),
            (f"CLV of each, net, {unit}", tuple(amount(n.clv_each, each) for n in new)),
            ("not paid back in the horizon", tuple(f"{n.not_paid_back:,}" for n in new)),
            (f"CLV per customer of the base, {unit}", tuple(amount(n.base_clv, each) for n in new)),
        ],
    )


def _costs(ranked: Sequence[StrategyResult], unit: str) -> Part | None:
    """Overheads only: what orders and contacts cost stands elsewhere."""
    kinds = ("contact centre", "winning new customers", "set-up of offers", "capabilities")
    used = [kind for kind in kinds if any(kind in s.costs for s in ranked)]
    if not used:
        return None
    return Part(
        f"Overheads, {unit}", [(kind, tuple(amount(s.costs.get(kind, 0.0), 0) for s in ranked)) for kind in used]
    )
