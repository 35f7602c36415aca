"""The world around the customer in scenarios: identities to the cent, levers, and refusals with their numbers."""

import copy

import numpy as np
import pytest
from test_feature_pairs import BASE, FEATURES, merged

from scenarios.acquisition import FIRST_KEY, joining, with_new_customers, without_acquisition
from scenarios.building import build_world
from scenarios.errors import ConfigError
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.run import Options, run
from scenarios.schema.validate import validate
from scenarios.strategies.optimising import Greedy, Nobody
from scenarios.synthetic import SyntheticBase
from scenarios.yamlfile import dump_yaml

QUICK = ("population.customers=1500", "uncertainty.draws=0")


def setup_of(name, *sets):
    scenario = load(name, (*QUICK, *sets)).scenario
    return Setup(scenario, SyntheticBase(scenario.population.synthetic), 1500)


@pytest.fixture(scope="module", params=["service_desk", "web_shop"])
def done(request):
    setup = setup_of(request.param)
    return run(setup.scenario, setup.base, Options(workers=1, sensitivity=False))


def test_growth_is_traffic_times_conversion_times_order_value(done):
    """G = T x CR x AOV: for the run and for each period, within the rounding of float64."""
    for s in done.results.strategies:
        g = s.growth
        assert g.traffic * g.conversion * g.order_value == pytest.approx(g.revenue, rel=1e-12)
        assert g.traffic_is == ("visits" if done.setup.scenario.traffic else "live customer-periods")
    for line in done.results.series:
        visits, orders, revenue = (np.array(x, float) for x in (line.traffic, line.orders, line.revenue))
        np.testing.assert_allclose(visits * (orders / visits) * (revenue / np.maximum(orders, 1)), revenue, rtol=1e-12)
        result = done.results.strategy(line.strategy).growth
        assert (sum(line.traffic), sum(line.orders)) == (result.traffic, result.orders)


def test_costs_add_up_to_the_cent(done):
    for s in done.results.strategies:
        ledger = done.played[s.name].ledger
        ledger.check()
        assert ledger.revenue.sum() - sum(s.costs.values()) == pytest.approx(ledger.margin.sum(), abs=0.005)
        discounted = ledger.margin @ done.played[s.name].discount_factor ** np.arange(len(ledger))
        assert s.clv_horizon_per_customer * 1500 == pytest.approx(discounted, abs=0.01)


def test_the_bridge_reaches_the_difference(done):
    for s in done.results.strategies:
        if s.bridge:
            assert sum(s.bridge.values()) == pytest.approx(s.difference, abs=1e-9)


def test_what_loses_money_is_named(done):
    for s in done.results.strategies:
        played = done.played[s.name]
        assert s.losing.customers <= 1500
        assert (s.losing.customers_loss > 0) == (s.losing.customers > 0)
        assert (s.losing.orders_loss > 0) == (s.losing.orders > 0)
        negative = [
            n
            for n, m in zip(
                build_world(done.setup.scenario, done.setup.base).segments.names,
                played.ledger.segment_margin.sum(axis=0),
                strict=True,
            )
            if m < 0
        ]
        assert sorted(s.losing.segments) == sorted(negative)


def test_new_customers_are_reported_apart_and_add_up():
    setup = setup_of("web_shop")
    results = run(setup.scenario, setup.base, Options(workers=1, sensitivity=False)).results
    for s in results.strategies:
        new = s.new_customers
        value = (new.clv_each or 0.0) * new.joined
        assert new.base_clv * 1500 + value == pytest.approx(s.clv_total, rel=1e-9)
        assert sum(x["joined"] for x in new.by_source.values()) == new.joined
        assert new.cost == pytest.approx(s.costs.get("winning new customers", 0.0), abs=0.005)
    none, half, most = (results.strategy(n).new_customers for n in ("no new", "half new", "most new"))
    assert none.joined == 0 < half.joined < most.joined
    sources = half.by_source
    assert sources["referral"]["clv_each"] > sources["search"]["clv_each"] > sources["display"]["clv_each"]
    assert results.to_dict()["strategies"][0]["new_customers"]["joined"] >= 0


def test_one_budget_for_new_customers_and_offers():
    scenario = load("web_shop").scenario
    less = without_acquisition(scenario)
    assert less.rules[0].max == 6000
    assert less.acquisition.budget_per_period == pytest.approx(6000 / 13)
    counts = joining(less.acquisition, 52, 1.0)
    per_period = 6000 / 13 * np.array([0.6, 0.3, 0.1]) / np.array([24, 9, 12])
    assert [c.sum() for c in counts] == np.floor(52 * np.minimum(per_period, [20, 60, 5]) + 1e-9).tolist()
    assert all(c.max() - c.min() <= 1 for c in counts)


def test_the_kth_customer_of_a_source_is_the_same_whenever_he_joins():
    setup = setup_of("web_shop")
    drawn = setup.base.draw(1500, 3, 1.0)
    keys = {}
    for name in ("half new", "most new"):
        played = Stages(setup, drawn, 3).play(name, Nobody())
        traits = played.population.traits
        new = traits.key >= FIRST_KEY
        keys[name] = dict(zip(traits.key[new].tolist(), traits.rate[new].tolist(), strict=True))
        assert len(played.clv) == 1500
    assert keys["half new"].items() <= keys["most new"].items()


def test_a_source_of_dearer_customers_has_dearer_wallets():
    """Headroom goes with the order value, for newcomers as for the customers whom they are like."""
    source = {"acquisition": {"sources": {"search": {"order_value": {"value": 3.0, "source": "assumed"}}}}}
    scenario, problems = validate(merged(merged(merged(BASE, FEATURES["categories"]), FEATURES["acquisition"]), source))
    assert not problems
    setup = Setup(scenario, SyntheticBase(scenario.population.synthetic), 300)
    world = build_world(scenario, setup.base)
    drawn = draw_customers(scenario, setup.base, world, 300, 3)
    joined, _ = with_new_customers(without_acquisition(scenario), drawn, world, 3)
    traits, owned = joined.population.traits, joined.population.state.owned
    new = traits.key >= FIRST_KEY
    for c in range(traits.headroom.shape[1]):
        lacks = (owned >> np.uint32(c) & 1) == 0
        ratio = [(traits.headroom[who, c] / traits.order_value[who]).mean() for who in (new & lacks, ~new & lacks)]
        assert ratio[0] == pytest.approx(ratio[1], rel=1e-4)


def test_a_lever_at_todays_value_changes_no_bit():
    setup = setup_of("service_desk", "strategies.agents 8.levers={service.agents: 6}")
    stages = Stages(setup, setup.base.draw(1500, 3, 1.0), 3)
    one, other = stages.play("agents 6", Greedy()), stages.play("agents 8", Greedy())
    np.testing.assert_array_equal(one.clv, other.clv)
    assert one.ledger == other.ledger


def test_agents_cost_wages_and_save_customers():
    made = setup_of("service_desk")
    setup = Setup(made.scenario, made.base, 8000)  # 1,500 customers stand for the desk's 8,000
    stages = Stages(setup, setup.base.draw(1500, 3, 1.0), 3)
    few, many = stages.play("agents 6", Nobody()), stages.play("agents 14", Nobody())
    scale = 1500 / setup.customers
    assert many.ledger.staff[0] - few.ledger.staff[0] == pytest.approx(8 * 40 * 27 * scale)
    assert many.population.state.segment.tolist().count(2) < few.population.state.segment.tolist().count(2)


def test_a_capability_costs_exactly_what_it_says():
    free = setup_of("starter")
    given = copy.deepcopy(load("starter", QUICK).resolved)
    given["capabilities"] = {"model": {"once": 900, "per_period": 15, "needed_by": ["greedy"]}}
    scenario, problems = validate(given)
    assert not problems
    drawn = free.base.draw(1500, 3, 1.0)
    cheap = Stages(free, drawn, 3).play("greedy", Greedy())
    dear = Stages(Setup(scenario, free.base, 1500), drawn, 3).play("greedy", Greedy())
    d = cheap.discount_factor
    expected = (900 + 15 * sum(d**t for t in range(52))) / 1500
    np.testing.assert_allclose(cheap.clv - dear.clv, expected, rtol=1e-9)


def test_shocks_fall_in_draws_and_spare_the_main_run():
    setup = setup_of("web_shop")
    drawn = setup.base.draw(1500, 3, 1.0)
    calm, shaken = (Stages(setup, drawn, 3, shocks=s).play("no new", Nobody()) for s in (False, True))
    ratio = shaken.ledger.orders / calm.ledger.orders
    assert 0.02 < np.log(ratio).std() < 0.4
    again = Stages(setup, drawn, 3, shocks=True).play("most new", Nobody())
    common = again.ledger.visits / Stages(setup, drawn, 3).play("most new", Nobody()).ledger.visits
    assert np.corrcoef(common, ratio)[0, 1] > 0.8, "the same shocks for every strategy"


def test_waves_and_releases():
    setup = setup_of(
        "web_shop", "planning.waves=[2, 30]", "acquisition.share_of_budget=null", "acquisition.budget_per_period=10",
        "rules.budget={name: budget, measure: cost, releases: [{period: 0, amount: 100}, {period: 20, amount: 500}]}",
        "strategies.no new.levers={}", "strategies.most new.levers={}",
    )  # fmt: skip
    played = Stages(setup, setup.base.draw(1500, 3, 1.0), 3).play("half new", Greedy())
    assert [d.period for d in played.decisions] == [2, 30]
    assert played.decisions[0].planned_cost <= 100 + 1e-6
    assert played.decisions[0].planned_cost + played.decisions[1].planned_cost <= 600 + 1e-6
    assert played.budget == 600


def test_who_is_not_identified_gets_nothing():
    setup = setup_of("starter", "planning.tracked_share=0.6")
    drawn = setup.base.draw(1500, 3, 1.0)
    tracked = setup.briefing(drawn, 3, 1e-3).tracked
    assert abs(tracked.mean() - 0.6) < 4 * np.sqrt(0.24 / 1500)
    played = Stages(setup, drawn, 3).play("greedy", Greedy())
    assert (played.cost[~tracked] == 0).all()
    assert played.cost[tracked].any()


def test_old_data_are_the_state_of_some_decisions_ago():
    """A planner that lags by one decision decides in the second as one of today does in the first, but for contacts."""
    fresh, stale = (setup_of("starter", f"planning.data_lag_decisions={lag}") for lag in (0, 1))
    drawn = fresh.base.draw(1500, 3, 1.0)
    seen = {}
    for name, setup in (("fresh", fresh), ("stale", stale)):
        seen[name] = []

        class Watcher(Greedy):
            def choose(self, view, seen=seen[name]):
                seen.append((view.population.state.segment.copy(), view.population.state.contacts.copy()))
                return super().choose(view)

        Stages(setup, drawn, 3).play("greedy", Watcher())
    np.testing.assert_array_equal(seen["stale"][0][0], seen["fresh"][0][0])
    np.testing.assert_array_equal(seen["stale"][1][0], seen["fresh"][0][0])
    assert (seen["fresh"][1][0] != seen["fresh"][0][0]).any()
    assert seen["stale"][1][1].any(), "what was sent is known at once"


def test_old_data_do_not_show_new_customers():
    setup = setup_of("web_shop", "planning.data_lag_decisions=2")
    played = Stages(setup, setup.base.draw(1500, 3, 1.0), 3).play("most new", Greedy(), keep_plans=True)
    new = played.population.traits.key >= FIRST_KEY
    assert new.any()
    assert [len(p) for p in played.plans] == sorted(len(p) for p in played.plans)
    assert all((p[1500:] == -1).all() for p in played.plans[:3])


BAD = [
    ("service.agents", 0, "service.agents: expected at least 1, got 0"),
    ("service.minutes", 0, "service.minutes: expected a number > 0, got 0"),
    ("service.hours_per_day", 25, "expected a number <= 24, got 25"),
    ("service.load_by_hour", [1, 2], "expected 8 numbers, not all 0, got [1.0, 2.0]"),
    ("service.kinds", {"a": 0.5, "b": 0.2}, "expected shares that sum to 1, got 0.7 (-0.3)"),
    ("service.first", ["bundle"], "unknown segment 'bundle'; did you mean 'bundled'?"),
    ("service.leaves_to", "bundled", "'bundled' is not a lapsed segment: left"),
    ("service.effects.failure.ends", 1.5, "expected a number <= 1, got 1.5"),
    ("service.effects.trust", None, "trust is lost, but acts nowhere"),
    ("service.effects.trust.acts_on", "churn", "acts_on: churn and a churn_without above 0 come together"),
    ("service.contacts_per_customer", -1, "expected a number >= 0, got -1"),
    ("service.teams", {"x": {"agents": 2, "cost_per_agent_hour": 20, "skills": ["magic"]}}, "'magic' is none of the kinds"),
    ("strategies.1.levers", {"service.agent": 9}, "service.agent: unknown key 'agent'; did you mean 'agents'?"),
    ("strategies.1.levers", {"rules.budget.max": 9}, "'rules.budget.max' is no lever"),
    ("season", {"source": "assumed"}, "a season needs by_month, by_period or events"),
    ("season", {"by_period": [1, 2], "source": "assumed"}, "expected 52 factors, one for each week of a year, got 2"),
    ("season", {"by_month": {"juni": 1}, "source": "assumed"}, "did you mean 'june'?"),
    ("season", {"events": [{"name": "x", "period": 60, "factor": 2}], "source": "assumed"}, "below 52, got 60"),
    ("shocks", {"sd": 0.1, "persistence": 1.0, "source": "assumed"}, "expected a number < 1, got 1"),
    ("traffic", {"conversion": 1.2, "source": "assumed"}, "expected a number <= 1, got 1.2"),
    ("acquisition", {"budget_per_period": 5, "sources": {"x": {"cost": 0, "capacity_per_period": 3, "segment": "left"}}}, "expected a number > 0, got 0"),
    ("acquisition", {"budget_per_period": 5, "sources": {"x": {"cost": 1, "capacity_per_period": 3, "segment": "left"}}}, "'left' is a lapsed segment"),
    ("acquisition", {"budget_per_period": 5, "share_of_budget": 0.5, "sources": {"x": {"cost": 1, "capacity_per_period": 3, "segment": "bundled"}}}, "exactly one of"),
    ("capabilities", {"model": {"once": 5, "needed_by": ["optimus"]}}, "unknown strategy 'optimus'"),
    ("capabilities", {"model": {"needed_by": ["none"]}}, "costs nothing changes nothing"),
    ("planning", {"waves": [5, 3]}, "expected ascending periods, got [5, 3]"),
    ("planning.tracked_share", 0, "expected a number > 0, got 0"),
    ("planning", {"waves": [99]}, "expected periods below 52, got 99"),
    ("rules.0.releases", [{"period": 0, "amount": 5}], "remove 'min', 'max' and 'ratio'"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), BAD)
def test_impossible_worlds_are_refused_with_their_numbers(path, value, words, tmp_path):
    data = copy.deepcopy(load("service_desk").resolved)
    inner, *parts = data, *path.split(".")
    for part in parts[:-1]:
        inner = inner[int(part) if part.isdigit() else part]
    if value is None:
        del inner[parts[-1]]
    else:
        inner[parts[-1]] = value
    file = tmp_path / "bad.yaml"
    file.write_text(dump_yaml(data))
    with pytest.raises(ConfigError) as found:
        load(file)
    assert words in str(found.value), str(found.value)
