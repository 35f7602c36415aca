"""The strategy that plans over time: reductions, rules, memories, words."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from fake_results import fake_results as fake
from waiting_worlds import drawn_for, m0, many, played, setup_of

from engine import Fatigue
from scenarios.ahead import Lookahead
from scenarios.budget_results import BudgetPrice, Ceiling
from scenarios.ceiling import ceiling
from scenarios.contacts_ahead import Memories
from scenarios.customers import customer_base
from scenarios.errors import ConfigError
from scenarios.jobs import Setup
from scenarios.loading import load
from scenarios.pacing import Pace
from scenarios.planner import Planner
from scenarios.report import over_time
from scenarios.report.console import print_results
from scenarios.strategies.optimising import Nobody
from solvers import lagrangian


def test_what_is_left_by_hand():
    pace = Pace(120.0, (0, 13), (0, 4, 8, 12, 16))
    assert pace.ahead(0) == [((0, 4, 8, 12), 120.0), ((16,), 120.0)]
    pace.use(0, 100)
    assert pace.left(4) == 20 and pace.ahead(4) == [((4, 8, 12), 20.0), ((16,), 120.0)]
    assert pace.ahead(16) == [((16,), 120.0)], "the rest of a window that renews is gone"


def test_what_is_left_of_releases_stays():
    pace = Pace(0.0, (0, 10), (0, 5, 10, 15), released=(30.0, 50.0))
    assert pace.ahead(0) == [((0, 5), 30.0), ((0, 5, 10, 15), 80.0)]
    pace.use(0, 10)
    assert pace.left(10) == 70 and pace.ahead(10) == [((10, 15), 70.0)]


def test_memories_by_hand():
    """At most 2 contacts in 12 weeks, decisions every 4 weeks: the last two decisions count."""
    m = Memories.of((0, 4, 8, 12, 16), 2, 12, Fatigue(0.5, 1.0))
    assert m.masks.tolist() == [0, 1, 2, 3]
    follow = m.follow((8, 12, 16))
    assert follow[0, 0].tolist() == [0, 2, 0, 2], "nothing today: last time's contact becomes the one before"
    assert follow[0, 1].tolist() == [1, 3, 1, -1], "two contacts in the window forbid a third"
    np.testing.assert_allclose(m.fatigue(8), [0, 0.5**3, 0.5**7, 0.5**3 + 0.5**7])
    contacts = np.array([0, 1 << 3, 1 << 7, 1 << 3 | 1 << 7, 1 << 11], np.uint64)
    assert m.of_contacts(contacts, 12).tolist() == [0, 1, 2, 3, 0], "a contact 12 periods ago no longer counts"
    assert Memories.of((0, 4), None, None, Fatigue()).count == 1
    assert Memories.of(tuple(range(52)), 5, 30, Fatigue()).count <= 80


def test_one_decision_is_the_one_step_optimum(tmp_path):
    """Reduction: with nothing after it, planning over time is planning."""
    scenario = m0(planning={"every_periods": 52, "knowledge": "model"}, population=m0()["population"])
    out = played(setup_of(tmp_path, scenario), ["optimal", "optimal_over_time"])
    a, b = out["optimal"], out["optimal_over_time"]
    assert a.decisions[0].planned_cost > 100
    assert b.planned_value == pytest.approx(a.planned_value, rel=2e-4)


def test_without_rules_and_moves_there_is_nothing_to_wait_for(tmp_path):
    """Reduction: no budget, no contact policy, offers that change nobody's segment: the same bits as one step."""
    offers = {"coupon": m0()["offers"]["coupon"]}
    mail = {"mail": {"cost_per_contact": 0.4}}
    setup = setup_of(tmp_path, m0(rules=[], contact_policy={"control_group": 0.05}, offers=offers, channels=mail))
    a, b = played(setup, ["optimal", "optimal_over_time"]).values()
    assert all(np.array_equal(x, y) for x, y in zip(a.plans, b.plans, strict=True))
    np.testing.assert_array_equal(a.clv, b.clv)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"name": "budget", "measure": "cost", "max": 4000, "per": "year"}, marks=pytest.mark.slow),
        {"name": "budget", "measure": "cost", "max": 700, "per": "quarter"},
        {
            "name": "budget",
            "measure": "cost",
            "releases": [{"period": 0, "amount": 300}, {"period": 30, "amount": 900}],
        },
        {"name": "calls", "measure": "count", "where": {"channel": ["phone"]}, "max": 900, "per": "year"},
    ],
)
def test_windows_hold_for_the_strategy_that_paces_itself(tmp_path, rule):
    setup = setup_of(tmp_path, m0(rules=[rule]))
    over, one = (played(setup, [name])[name] for name in ("optimal_over_time", "optimal"))
    assert not any(d.missed for d in over.decisions)
    used = {d.period: d.planned_cost for d in over.decisions}
    if rule["name"] == "calls":
        counts = sum(int((plan == 1).sum()) for plan in over.plans)
        assert 0 < counts <= 900
    elif "releases" in rule:
        for end, amount in ((30, 300), (52, 1200)):
            assert sum(c for t, c in used.items() if t < end) <= amount + 1e-6
    else:
        length = {"year": 52, "quarter": 13}[rule["per"]]
        for begin in range(0, 52, length):
            assert sum(c for t, c in used.items() if begin <= t < begin + length) <= rule["max"] + 1e-6
    assert over.planned_value > one.planned_value
    for t in range(len(over.plans) - 1):  # at most one contact in eight weeks, decisions every four
        assert not ((over.plans[t] >= 0) & (over.plans[t + 1] >= 0)).any()


def test_prices_of_one_amount_stay_level(tmp_path):
    """A year's money is worth the same at every decision, up to the luck between them; the first is the model's."""
    out = played(setup_of(tmp_path, m0()), ["optimal_over_time"])["optimal_over_time"]
    prices = np.array([d.price for d in out.decisions])
    assert prices.min() > 0 and prices.max() < 1.5 * prices.min()
    first = out.decisions[0]
    assert first.model_value == pytest.approx(out.planned_value, rel=0.05)


def test_worlds_with_dynamics_are_planned_too():
    loaded = load(
        "telecom", ("population.customers=800", "strategies=[none, optimal_over_time]", "baseline=none"), None, None
    )
    setup = Setup(loaded.scenario, customer_base(loaded, strict=False).base, 800)
    out = played(setup, ["optimal_over_time"])["optimal_over_time"]
    assert not any(d.missed for d in out.decisions) and sum(d.contacts for d in out.decisions) > 100


def test_words_of_the_report():
    results = fake()
    first = replace(
        results.strategies[0],
        model_value=1.5,
        budget_prices=(BudgetPrice(0, 0.5, 10.0), BudgetPrice(4, 0.501, 20.0), BudgetPrice(8, 2.0, 5.0)),
    )
    proven = replace(results, strategies=(first, *results.strategies[1:]), ceiling=Ceiling(2.5, 2500.0))
    text = " ".join(over_time.lines(proven.strategies, proven))
    assert "No strategy could bring more than 2.50" in text and "proven bound" in text
    assert "0 to 4: 0.50 (30), 8: 2.00 (5)" in text
    out = io.StringIO()
    print_results(proven, file=out, width=100)
    assert "Price of the budget under" in out.getvalue()
    unproven = replace(proven, ceiling=Ceiling(None, None, ("dynamics",)))
    text = " ".join(over_time.lines(unproven.strategies, unproven))
    assert "Model value" in text and "no bound is proven with dynamics" in text and "No strategy could" not in text
    assert over_time.lines(results.strategies, results) == []
    many = replace(first, budget_prices=tuple(BudgetPrice(t, float(t % 2 + 1), 1.0) for t in range(52)))
    assert over_time._prices(many, proven).count(":") <= over_time.MOST
    document = proven.to_dict()
    assert document["ceiling"]["per_customer"] == 2.5 and document["strategies"][0]["budget_prices"][0]["price"] == 0.5


def test_it_has_no_options(tmp_path):
    with pytest.raises(ConfigError, match="a strategy of type optimal_over_time has no option 'share'"):
        setup_of(tmp_path, m0(strategies=["none", {"optimal_over_time": {"share": 0.5}}]))


def test_value_of_an_arm_today_solves_the_bellman_equation(tmp_path):
    """For customers who are types themselves: worth at the prices = the best of waiting and each arm with its future."""
    setup = setup_of(tmp_path, m0(rules=[{"name": "budget", "measure": "cost", "max": 40, "per": "year"}]), 40)
    _, drawn = drawn_for(setup)
    b = replace(setup, customers=40).briefing(drawn, 1, 1e-4)
    planner = Planner(b, Nobody())
    known = drawn.population.copy()
    known.state.segment[:] = np.arange(40) % 5
    known.state.contacts[::3] = 1 << 3
    ahead = Lookahead(b).at(known, 8, planner.limits(8))
    plan = lagrangian(ahead.flow)
    assert plan.prices[0] > 0
    low, high, weight = ahead.types.between(known, b.beliefs)
    kind = np.where(weight < 0.5, low, high)
    assert len(np.unique(kind)) == 40 and np.abs(weight - np.round(weight)).max() < 1e-4
    measures, _ = b.candidates(known, 8)
    memory = (known.state.contacts > 0).astype(int)
    worth = plan.value[kind, 0, memory, known.state.segment]
    charged = measures[0] - plan.prices[0] * measures[1] + ahead.future_of_arms(plan.value)
    best = np.where(memory == 1, -np.inf, charged.max(axis=0))
    ahead_of_none = plan.value[kind, 1, ahead.flow.follow[0, 0][memory]]
    idle = np.einsum("nz,nz->n", ahead.flow.calm[0][known.state.segment], ahead_of_none)
    np.testing.assert_allclose(worth, idle + np.maximum(best, 0), rtol=1e-4, atol=1e-4)
    assert (best > 0).any() and (best < 0).any()


def test_it_waits_for_the_moment_that_is_worth_more(tmp_path):
    """No budget, one contact in 28 weeks, a peak in week 20: one step spends the contact at once, and loses the peak."""
    season = {"by_period": [1.0] * 20 + [4.0] * 4 + [1.0] * 28, "source": "assumed"}
    coupon = {"coupon": {**m0()["offers"]["coupon"], "duration_periods": 4}}
    setup = setup_of(
        tmp_path,
        many(
            rules=[],
            season=season,
            offers=coupon,
            channels={"mail": {"cost_per_contact": 0.4}},
            contact_policy={"max_contacts": 1, "window_periods": 28},
        ),
    )
    world, drawn = drawn_for(setup)
    out = played(setup, ["optimal", "optimal_over_time"], 1, drawn)
    top = ceiling(setup, drawn, world)
    one, over = (out[name].planned_value / top for name in ("optimal", "optimal_over_time"))
    assert one < 0.8 and 0.985 < over < 1.01
    most = max(out["optimal_over_time"].decisions, key=lambda d: d.contacts)
    assert most.period == 20


def test_the_shipped_toy_shop_keeps_its_promise():
    """Most of the money waits for Christmas, and planning over time is surely ahead of deciding one by one."""
    loaded = load("toy_shop", ("population.customers=8000",), None, None)
    setup = Setup(loaded.scenario, customer_base(loaded, strict=False).base, 20_000)
    _, drawn = drawn_for(replace(setup, customers=8000))
    out = played(setup, ["optimal", "optimal_over_time"], 1, drawn)
    gain = out["optimal_over_time"].clv - out["optimal"].clv
    assert gain.mean() > 4 * gain.std() / np.sqrt(len(gain))
    over = out["optimal_over_time"]
    assert over.decisions[-1].planned_cost > 0.5 * over.budget
