"""Sheets of what surrounds the offers and of the customers: name, heads, rows, number formats and notes of each.

Only those that have something to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scenarios.results import RunResults, StrategyResult

Cell = str | float | int | None
Content = tuple[str, Sequence[str], Sequence[Sequence[Cell]], Sequence[str], Sequence[str]]

EACH, TOTAL, SHARE, COUNT, FACTOR = "#,##0.00##", "#,##0", "0.0%", "#,##0", "0.0000"


def around_sheets(ranked: Sequence[StrategyResult], results: RunResults) -> Iterator[Content]:
    """Growth, contact centre, new customers, split of the budget, costs, concentration, losers, returns, segments as seen."""
    money = f"Money in {results.currency}, undiscounted unless said otherwise, within the horizon"
    yield from _growth(ranked, results, money)
    yield from _wallet(results)
    yield from _service(ranked, money)
    yield from _new(ranked, money)
    yield from _split(results)
    costs: list[tuple[Cell, ...]] = [(s.name, kind, amount) for s in ranked for kind, amount in s.costs.items()]
    if costs:
        notes = [f"{money}; revenue less all of them is margin"]
        yield "costs", ["strategy", "kind", "amount"], costs, ["", "", TOTAL], notes
    held: list[tuple[Cell, ...]] = [
        (s.name, name, c.gini, c.top_tenth, *c.lorenz) for s in ranked for name, c in s.concentration.items()
    ]
    if held:
        steps = len(held[0]) - 5
        heads = [f"smallest {k / steps:.0%}" for k in range(steps + 1)]
        formats = ["", "", FACTOR, SHARE, *([SHARE] * (steps + 1))]
        note = "Share of the whole that the largest tenth and the smallest customers hold; losses count as 0"
        yield "concentration", ["strategy", "of", "Gini coefficient", "top tenth", *heads], held, formats, [note]
    yield from _losing(ranked, money)
    up: list[tuple[Cell, ...]] = [
        (s.name, ", ".join(u.high), u.started_low, u.risen, u.extra, u.noise, u.cost_each)
        for s in ranked
        if (u := s.upgrades) is not None
    ]
    if up:
        heads = ["strategy", "into", "started low", "risen", "more than by doing nothing", "luck, se", "spend for each"]
        yield (
            "upgrades",
            heads,
            up,
            ["", "", COUNT, COUNT, COUNT, FACTOR, EACH],
            [f"{money}; spend where more than luck"],
        )
    yield from _flows(ranked)
    seen: list[tuple[Cell, ...]] = [
        (s.name, true, name, count, s.seen.correct)
        for s in ranked
        if s.seen is not None
        for true, row in s.seen.matrix.items()
        for name, count in row.items()
    ]
    if any(s.seen is not None and s.seen.correct < 1 for s in ranked):
        heads = ["strategy", "true segment", "seen by the planner", "customers x decisions", "share seen rightly"]
        yield "segments as seen", heads, seen, ["", "", "", COUNT, SHARE], []


def _flows(ranked: Sequence[StrategyResult]) -> Iterator[Content]:
    rows: list[Sequence[Cell]] = [
        (s.name, a, b, count, count / sum(row.values()))
        for s in ranked
        for a, row in s.flows.items()
        for b, count in row.items()
    ]
    if rows:
        heads = ["strategy", "segment before", "segment after", "customers x periods", "share of those before"]
        yield "flows", heads, rows, ["", "", "", COUNT, "0.00%"], ["By period: flows.parquet in the run folder"]


def _growth(ranked: Sequence[StrategyResult], results: RunResults, money: str) -> Iterator[Content]:
    rows: list[Sequence[Cell]] = []
    for s in ranked:
        if s.growth is not None:
            g = s.growth
            rows.append((s.name, "all", g.traffic, g.orders, g.conversion, g.order_value, g.revenue))
    for line in results.series:
        for t, (visits, orders, revenue) in enumerate(zip(line.traffic, line.orders, line.revenue, strict=True)):
            each, value = orders / visits if visits else None, revenue / orders if orders else None
            rows.append((line.strategy, t + 1, visits, orders, each, value, revenue))
    if rows:
        what = next(s.growth.traffic_is for s in ranked if s.growth is not None) if ranked[0].growth else "traffic"
        heads = [
            "strategy",
            results.period,
            what,
            "orders",
            "orders for each",
            "order value",
            "revenue net of discounts",
        ]
        yield (
            "growth",
            heads,
            rows,
            ["", COUNT, COUNT, COUNT, FACTOR, EACH, TOTAL],
            [f"{money}; revenue = product of the three"],
        )


def _wallet(results: RunResults) -> Iterator[Content]:
    rows: list[Sequence[Cell]] = [
        (line.strategy, t + 1, share, held)
        for line in results.series
        for t, (share, held) in enumerate(zip(line.own_share, line.competitor, strict=True))
    ]
    if rows:
        heads = ["strategy", results.period, "own share of wallet", "the competitor holds"]
        notes = [f"{results.currency} at list price, undiscounted; what those who left would spend is his"]
        yield "share of wallet", heads, rows, ["", COUNT, SHARE, TOTAL], notes


def _service(ranked: Sequence[StrategyResult], money: str) -> Iterator[Content]:
    rows = [
        (s.name, x.contacts, x.failed, x.on_time, x.wait_seconds, x.occupancy, x.ended, x.cost)
        for s in ranked
        if (x := s.service) is not None
    ]
    if rows:
        heads = [
            "strategy",
            "contacts",
            "failed",
            "on time",
            "mean wait, seconds",
            "occupancy",
            "relationships ended",
            "wages",
        ]
        yield "contact centre", heads, rows, ["", COUNT, SHARE, SHARE, "0.0", SHARE, COUNT, TOTAL], [money]


def _new(ranked: Sequence[StrategyResult], money: str) -> Iterator[Content]:
    rows: list[Sequence[Cell]] = []
    for s in ranked:
        if s.new_customers is not None:
            n = s.new_customers
            rows.append((s.name, "all sources", n.joined, n.cost, n.clv_each, n.not_paid_back, n.base_clv))
            rows += [
                (s.name, source, x["joined"], x["cost"], x["clv_each"], None, None) for source, x in n.by_source.items()
            ]
    if rows:
        heads = [
            "strategy",
            "source",
            "joined",
            "cost",
            "CLV of each, net of cost",
            "not paid back",
            "CLV per customer of the base",
        ]
        yield "new customers", heads, rows, ["", "", COUNT, TOTAL, EACH, COUNT, EACH], [f"{money}; CLV discounted"]


def _split(results: RunResults) -> Iterator[Content]:
    split = results.split
    if split is None:
        return
    rows = [
        (p.share, p.acquisition, p.promotion, p.joined, p.clv_per_customer, p.difference, p.noise) for p in split.points
    ]
    heads = [
        "share for new customers",
        "spent on them",
        "spent on offers",
        "joined",
        "CLV per customer",
        "against today",
        "luck, se",
    ]
    notes = [
        f"{split.strategy}; today {split.today:.0%}, best found {split.best:.0%}; same customers and luck at every split"
    ]
    yield "split of the budget", heads, rows, [SHARE, TOTAL, TOTAL, COUNT, EACH, EACH, EACH], notes


def _losing(ranked: Sequence[StrategyResult], money: str) -> Iterator[Content]:
    rows: list[Sequence[Cell]] = []
    for s in ranked:
        if (x := s.losing) is not None:
            rows.append((s.name, "customers", "all", x.customers, x.customers_share, -x.customers_loss, None))
            rows.append((s.name, "orders", "all", x.orders, x.orders_share, -x.orders_loss, None))
            rows += [
                (s.name, "customers who began in", name, None, share, None, None)
                for name, share in x.share_by_segment.items()
            ]
            rows += [(s.name, "segment below 0", name, None, None, margin, None) for name, margin in x.segments.items()]
        rows += [(s.name, r.kind, r.name, r.contacts, None, r.value, r.noise) for r in s.returns]
    if rows:
        heads = ["strategy", "what", "which", "number", "share that loses", "brought", "luck, se"]
        notes = [f"{money}; offers, channels and categories: discounted value against doing nothing; number: contacts"]
        yield "returns and losses", heads, rows, ["", "", "", COUNT, SHARE, TOTAL, TOTAL], notes
