"""Results made up for tests of what is shown and stored: plausible, deterministic, and awkward on request."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from scenarios.budget_results import BudgetPoint, Split, SplitPoint
from scenarios.customer_results import Concentration, Losing, Return, Seen
from scenarios.results import Assumption, Driver, Interval, Month, RunResults, Series, StrategyResult

NAMES = ("current_plan", "none", "everyone", "top_rfm", "top_clv", "best_per_segment", "greedy", "optimal")
SEGMENTS = ("champions", "loyal", "promising", "at_risk", "lapsed")
ARMS = ("coupon_10/email", "coupon_10/mail", "produce_trial/mail", "win_back/email", "free_delivery/app")


def fake_strategy(index: int, name: str, count: int, customers: int = 20_000, months: int = 12) -> StrategyResult:
    """Strategy ``index`` of ``count``; the later the better; ``none`` spends nothing."""
    idle = name == "none"
    lead = -1.2 if idle else 4.4 * index / max(count - 1, 1)
    spend = 0.0 if idle else 236_000 - 2_500.0 * (index % 3)
    noise = 0.0 if index == 0 else 0.11 + 0.01 * index
    margins = [0.0 if idle else (9_000 + 2_600 * m + 900 * index) * (1 + 0.2 * math.sin(m)) for m in range(months)]
    promotions = [0.0 if idle else spend / months * (1.4 if m % 3 == 0 else 0.8) for m in range(months)]
    cumulative, cash = 0.0, []
    for m, (margin, promotion) in enumerate(zip(margins, promotions, strict=True)):
        cumulative += margin - promotion
        cash.append(Month(m + 1, margin - promotion, promotion, cumulative))
    positive = [c.cumulative >= 0 for c in cash]
    back = next((c.month for i, c in enumerate(cash) if all(positive[i:])), None)
    clv = 412.6 + lead
    extra = lead if idle else lead + 11.0
    bridge = {
        "margin of extra orders": extra,
        "discounts on extra orders": 0.0 if idle else -2.4,
        "discounts on orders that would have come anyway": 0.0 if idle else -5.1,
        "contacts": 0.0 if idle else -4.1,
        "value after the horizon": 0.0 if idle else 0.6,
    }
    return StrategyResult(
        name=name,
        description=f"What {name.replace('_', ' ')} does, in words",
        clv_per_customer=clv,
        clv_horizon_per_customer=0.31 * clv,
        clv_terminal_per_customer=0.69 * clv,
        clv_total=clv * customers,
        difference=lead,
        difference_total=lead * customers,
        difference_relative=lead / 412.6,
        simulation_ci=Interval(lead - noise, lead + noise),
        difference_ci=Interval(lead - 9 * noise, lead + 11 * noise),
        behind=0.4 * (count - index),
        behind_ci=Interval(0.1 * (count - index), 0.7 * (count - index)),
        p_best=0.0 if idle else index / max(sum(range(count)), 1) if count > 1 else 1.0,
        spend=spend,
        planned_spend=spend * 1.02,
        liability=spend * 3.1,
        budget=240_000.0,
        unspent=240_000.0 - spend,
        roi=None if idle else 0.4 + 0.2 * index,
        margin_rate=0.231 - 0.004 * index,
        churn_rate=0.182 - 0.006 * index,
        contacts_per_customer=0.0 if idle else 11.3 - index,
        responses_per_customer=0.0 if idle else 0.9,
        orders_per_customer=14.2 + 0.1 * index,
        orders_incremental_per_customer=0.0 if idle else 0.31,
        cannibalised_per_customer=0.0 if idle else 5.1,
        planned=0.0 if idle else 1.4 * lead + 0.6,
        realised=0.0 if idle else lead + 1.2,
        payback_month=back,
        months=tuple(cash),
        contacts_by_arm={} if idle else {arm: (7_919 * (index + 2) * (k + 3)) % 61_000 for k, arm in enumerate(ARMS)},
        rules={"e-mail capacity": 0.021} if name == "everyone" else {},
        solver={"gap": 4.2e-6, "passes": 131.0} if name == "optimal" else {},
        bridge={} if index == 0 else bridge,
        concentration={
            name: fake_concentration(power) for name, power in (("orders", 2.0), ("revenue", 2.6), ("CLV", 2.2))
        },
        losing=Losing(
            412,
            2_310.5,
            96,
            711.0,
            {"lapsed": -12.5},
            0.0206,
            0.0011,
            {"at_risk": 0.051, "lapsed": 0.32, "loyal": 0.002},
        ),
        returns=()
        if idle
        else (
            *(
                Return("offer", arm, 1_000 * (k + 1), 900.0 * (k - 1) * (index + 1), 300.0)
                for k, arm in enumerate(ARMS)
            ),
            Return("channel", "mail", 3_000, -4_000.0, 100.0),
            Return("category", "PRODUCE", 3_000, 1_000.0, 100.0),
        ),
        seen=None
        if idle
        else Seen(0.93, {"loyal": {"loyal": 900, "at_risk": 60}, "at_risk": {"at_risk": 30, "loyal": 10}}),
    )


def fake_concentration(power: float) -> Concentration:
    """Lorenz curve x^power: Gini (power - 1) / (power + 1)."""
    curve = tuple((k / 20) ** power for k in range(21))
    return Concentration((power - 1) / (power + 1), 1 - 0.9**power, curve)


def fake_series(index: int, name: str, periods: int = 52, customers: int = 20_000) -> Series:
    """Value over time bends up; the lapsed grow, the slower the better the strategy."""
    cumulative = tuple(0.02 * index * t * (t / periods) - 0.3 * index * math.exp(-t / 6) for t in range(periods))
    width = [0.0 if index == 0 else 0.2 + 0.03 * t for t in range(periods)]
    mix: dict[str, list[int]] = {s: [] for s in SEGMENTS}
    for t in range(periods):
        lapsed = int(customers * (0.1 + (0.3 - 0.02 * index) * t / periods))
        rest = customers - lapsed
        shares = (0.15, 0.3, 0.35)
        counts = [int(rest * share) for share in shares]
        for segment, number in zip(SEGMENTS, [*counts, rest - sum(counts), lapsed], strict=True):
            mix[segment].append(number)
    return Series(
        name,
        cumulative,
        tuple(c - w for c, w in zip(cumulative, width, strict=True)),
        tuple(c + w for c, w in zip(cumulative, width, strict=True)),
        {s: tuple(v) for s, v in mix.items()},
    )


def fake_results(names: tuple[str, ...] = NAMES, **changes: Any) -> RunResults:
    """A run of these strategies, the first the baseline, the last the winner; any field replaced by ``changes``."""
    count = len(names)
    strategies = tuple(fake_strategy(i, name, count) for i, name in enumerate(names))
    drivers = (
        Driver("offers.coupon_10.effects.orders.lift", 0.08, "assumed", _steps(0.08, 55.0), 0.031),
        Driver("offers.coupon_10.effects.response.base", 0.09, "fitted", _steps(0.09, 22.0), None),
        Driver("margins.gross_margin_rate", 0.28, "given", _steps(0.28, 9.0), 0.19),
        Driver("offers.produce_trial.effects.ownership.sticks", 0.4, "assumed", _steps(0.4, 1.5), None),
    )
    results = RunResults(
        scenario="Grocery, spring",
        question="Which promotion strategy earns most in a year within 60,000 a quarter?",
        currency="USD",
        seed=2026,
        customers=20_000,
        real_customers=2_469,
        horizon_periods=52,
        period="week",
        baseline=names[0],
        draws=40,
        level=0.95,
        assumptions=(
            *(Assumption(d.path, d.value, d.source, 0.03 if d.source == "assumed" else None) for d in drivers),
            Assumption("population.state_dependence", 0.5, "assumed", None, "default for fitted logs"),
            Assumption("channels.mail.cost_per_contact", 0.55, "given"),
            Assumption("time.discount_rate_annual", 0.1, "given"),
            Assumption("fatigue.decay", 0.7, "published", None, "from the literature"),
        ),
        strategies=strategies,
        winner=names[-1],
        verdict=(
            f"{names[-1]} earns 4.40 USD more per customer than {names[0]} (95 % interval 2.78 to 6.38, P(best) 25 %); "
            "it leans most on offers.coupon_10.effects.orders.lift: below 0.031 (assumed: 0.08) it would lose its lead."
        ),
        drivers=drivers,
        state_dependence=((0.0, 1.1), (0.5, 4.4), (1.0, 7.9)),
        series=tuple(fake_series(i, name) for i, name in enumerate(names)),
        budget_curve=tuple(
            BudgetPoint(6_000.0 * b, 90_000 * (1 - math.exp(-b / 6)), 2.5 * math.exp(-b / 6)) for b in range(25)
        ),
        changes=("rules.budget.max: 60000 -> 30000 (override tight)",),
        warnings=("state_dependence is assumed, not estimated: the log has no experiment",),
        fit={
            "holdout": {
                "periods": 13,
                "orders": 38434.0,
                "orders_forecast": 39049.0,
                "orders_window": 39280.0,
                "revenue": 1.1e6,
                "revenue_forecast": 1.07e6,
            },
            "reconciled": {
                "periods": 26,
                "log": {"dispersion": 71.2, "top_decile_share_revenue": 0.324},
                "simulated": {"dispersion": 70.9, "top_decile_share_revenue": 0.341},
            },
        },
        provenance={
            "version": "0.1.0",
            "revision": None,
            "time": "2026-03-02T09:15:00+00:00",
            "packages": {"numpy": "2.4.6"},
            "data": {"file": "log.parquet", "sha256": "ab" * 32},
        },
        budget_today=60_000.0,
        split=fake_split(),
    )
    return replace(results, **changes)


def fake_split() -> Split:
    """Best at 60 %, today at 50 %."""
    shares = (0.0, 0.25, 0.5, 0.6, 0.75, 1.0)
    points = tuple(
        SplitPoint(
            x, 240_000 * x, 240_000 * (1 - x), int(9_000 * x), 412 - 30 * (x - 0.6) ** 2, 0.3 - 30 * (x - 0.6) ** 2, 0.1
        )
        for x in shares
    )
    return Split("optimal", 0.5, 0.6, points)


def _steps(value: float, slope: float) -> tuple[tuple[float, float], ...]:
    """Eleven steps from half to one and a half times the value."""
    return tuple((value * f, 4.4 + slope * value * (f - 1)) for f in (0.5 + 0.1 * i for i in range(11)))


def awkward_results() -> RunResults:
    """Twelve strategies with long or hostile names, nothing where nothing may be, huge, tiny and negative numbers."""
    names = (
        "=HYPERLINK(\"http://evil.example\",\"click\")",
        "<script>alert('x')</script>",
        "a strategy whose name somebody made far too long to fit into any column at all, ever, and then some",
        "+plus", "-minus", "@at", "[bold red]markup[/]", "Ünïcödé 中文 🙂", "tab\there\x1b[31m", "{{ jinja }} ${x}",
        "anaggressivelyunbreakablestrategynamewithoutanyblanksinit", "none",
    )  # fmt: skip
    results = fake_results(names)
    nothing = float("nan")
    changed = []
    for i, s in enumerate(results.strategies):
        if i in (3, 4):
            s = replace(s, clv_total=9.87e13 * (-1) ** i, clv_per_customer=-1.23e9, spend=4.56e12, unspent=-3.2e12)
        if i == 5:
            s = replace(
                s, clv_per_customer=nothing, clv_total=nothing, difference=nothing, difference_total=nothing, roi=None,
                difference_relative=nothing, simulation_ci=Interval(nothing, nothing), margin_rate=None, budget=None,
                difference_ci=Interval(-math.inf, math.inf), unspent=None, planned=nothing, realised=nothing, months=(),
                payback_month=None, p_best=nothing, contacts_by_arm={}, rules={"<b>rule</b>": 1.5},
            )  # fmt: skip
        if i == 6:
            s = replace(s, contacts_by_arm={f"offer {k} with a long name/channel {k}": 10**k for k in range(12)})
        changed.append(s)
    return replace(
        results,
        scenario="<img src=x onerror=alert(1)> & co",
        question="",
        strategies=tuple(changed),
        verdict="</script><script>alert(2)</script> wins by 3 < 4 & 5 > 2",
        warnings=tuple(f"warning {k}: " + "long words " * 20 for k in range(4)),
        fit=None,
        currency="<€>",
    )


def bare_results() -> RunResults:
    """One strategy, no series, no drivers, no curve, no months."""
    results = fake_results(("only",))
    only = replace(results.strategies[0], months=(), contacts_by_arm={}, concentration={}, returns=(), seen=None, losing=None, p_best=1.0, payback_month=None, budget=None,
                   unspent=None, simulation_ci=Interval(0.0, 0.0), difference_ci=Interval(0.0, 0.0))  # fmt: skip
    return replace(
        results, strategies=(only,), series=(), drivers=(), budget_curve=(), state_dependence=(), assumptions=(),
        changes=(), warnings=(), fit=None, provenance={}, real_customers=None, draws=0, question="", budget_today=None, split=None,
    )  # fmt: skip


def tiny_results() -> RunResults:
    """Money in the fourth decimal."""
    results = fake_results()
    shrunk = tuple(
        replace(
            s, clv_per_customer=s.clv_per_customer * 1e-6, difference=s.difference * 1e-6, spend=s.spend * 1e-6,
            simulation_ci=Interval(s.simulation_ci.low * 1e-6, s.simulation_ci.high * 1e-6), planned=s.planned * 1e-6,
            difference_ci=Interval(s.difference_ci.low * 1e-6, s.difference_ci.high * 1e-6), realised=s.realised * 1e-6,
            months=tuple(Month(m.month, m.margin * 1e-6, m.promotion * 1e-6, m.cumulative * 1e-6) for m in s.months),
        )
        for s in results.strategies
    )  # fmt: skip
    return replace(results, strategies=shrunk)
