"""Whole runs: the reductions that must hold whatever the scenario, and what the shipped scenarios promise."""

import copy

import numpy as np
import pytest

from engine.valuation import order_tables
from scenarios.assumptions import assumptions, changed
from scenarios.building import build_world
from scenarios.drivers import stepped_assumptions
from scenarios.first_plan import FirstPlan
from scenarios.jobs import Job, Setup, run_job
from scenarios.loading import load
from scenarios.play import play
from scenarios.run import Options, run
from scenarios.schema.validate import validate
from scenarios.strategies.optimising import Nobody
from scenarios.strategies.ranked import Random
from scenarios.synthetic import SyntheticBase

PILOTS = dict.fromkeys(("everyone", "top_rfm", "top_clv"), 0)
SMALL = ("population.customers=4000", "uncertainty.draws=0")


@pytest.fixture(scope="module")
def starter():
    return load("starter", SMALL).scenario


def base_of(scenario):
    return SyntheticBase(scenario.population.synthetic)


def setup_of(scenario, customers=4000):
    return Setup(scenario, base_of(scenario), customers)


def played(scenario, strategy, customers=4000, seed=5):
    setup = setup_of(scenario, customers)
    world = build_world(scenario, setup.base)
    tables = order_tables(world.segments, world.horizon, world.economics.discount_factor)
    drawn = setup.base.draw(customers, seed, scenario.population.kappa.value)
    return play(world, tables, setup.briefing(drawn, seed, 1e-3), strategy, seed)


def test_without_money_every_strategy_gives_the_same_bits(starter):
    """A budget of 0 leaves offers that cost nothing; with a cost per contact there are none."""
    broke = load("starter", (*SMALL, "rules.budget.max=0")).scenario
    names = tuple(s.name for s in broke.strategies)
    makers = setup_of(broke).makers(names, PILOTS)
    values = [played(broke, makers[name]()).clv for name in names]
    for value in values[1:]:
        assert (value == values[0]).all()


def test_a_strategy_against_itself_differs_by_exactly_nothing(starter):
    one, two = played(starter, Random()), played(starter, Random())
    assert (one.clv == two.clv).all()
    twice = load("starter", (*SMALL,)).scenario
    specs = twice.strategies
    chosen = next(spec for spec in specs if spec.type == "best_per_segment")
    twin = chosen.model_copy(update={"name": "twin"})
    twice = twice.model_copy(update={"strategies": (*specs, twin)})
    result = run_job(setup_of(twice), Job({}, 3, 2000, (chosen.name, "twin"), PILOTS))
    assert result.clv[0] == result.clv[1] and (result.variance == 0).all()


def test_the_control_group_is_never_contacted(starter):
    setup = setup_of(starter)
    drawn = setup.base.draw(4000, 5, 1.0)
    briefing = setup.briefing(drawn, 5, 1e-3)
    world = build_world(starter, setup.base)
    tables = order_tables(world.segments, world.horizon, world.economics.discount_factor)
    for maker in setup.makers(tuple(s.name for s in starter.strategies), PILOTS).values():
        result = play(world, tables, briefing, maker(), 5)
        assert (result.cost[briefing.control] == 0).all()
    assert abs(briefing.control.mean() - 0.05) < 0.015


def test_every_strategy_keeps_the_rules_at_every_epoch(starter):
    for name, maker in setup_of(starter).makers(tuple(s.name for s in starter.strategies), PILOTS).items():
        result = played(starter, maker())
        assert all(not d.missed for d in result.decisions), name
        planned = sum(d.planned_cost for d in result.decisions)
        assert planned <= result.budget * (1 + 1e-9), name


def test_the_contact_policy_is_a_sliding_window(starter):
    """Decisions every 4 weeks, at most 2 contacts in any 12: the third wave in a row must leave them out."""
    result = played(starter, setup_of(starter).makers(("everyone",), PILOTS)["everyone"]())
    history = result.population.state.contacts
    window = np.uint64((1 << 12) - 1)
    most = [int(np.bitwise_count((history >> np.uint64(shift)) & window).max()) for shift in range(40)]
    assert max(most) == 2


def test_planned_value_is_realised_when_the_planner_knows_everything():
    """Oracle, one epoch, no fatigue: |z| <= 4 against the paired difference to doing nothing."""
    known = load(
        "starter",
        ("uncertainty.draws=0", "planning.knowledge=oracle", "planning.every_periods=52", "rules.budget.max=40000",
         "contact_policy.fatigue.weight=0"),
    ).scenario  # fmt: skip
    for name in ("optimal", "greedy", "best_per_segment"):
        result = played(known, setup_of(known, 30_000).makers((name,), PILOTS)[name](), 30_000)
        nothing = played(known, Nobody(), 30_000)
        difference = result.clv - nothing.clv
        z = (difference.sum() - result.planned_value) / (difference.std() * np.sqrt(len(difference)))
        assert abs(z) <= 4 and result.planned_value > 0, (name, z)


def test_a_planted_lift_is_recovered_in_the_ledger():
    """Incremental orders over orders of responders in active weeks: the lift, by the same uniform; z of a Poisson count."""
    planted = load("starter", (*SMALL, "offers.newsletter.effects.orders.lift=0.5", "rules.budget.max=1e6")).scenario
    arms = build_world(planted, base_of(planted)).arms
    index = next(i for i, a in enumerate(arms) if a.offer == "newsletter")
    setup = setup_of(planted, 40_000)
    ledger = played(planted, setup.makers(("everyone",), {"everyone": index})["everyone"](), 40_000).ledger
    extra, redeemed = ledger.incremental_orders.sum(), ledger.redeeming_orders.sum()
    base = redeemed - extra
    assert redeemed > 300
    assert abs(extra - 0.5 * base) <= 4 * np.sqrt(extra + 0.25 * base)


def cross_sell(complementarity, spend):
    """Starter, whose newsletter sells wine to buyers of bread."""
    data = copy.deepcopy(load("starter", SMALL).resolved)
    data["population"]["synthetic"] |= {
        "categories": {
            "bread": {"owner_share": 1.0, "spend_per_order": 10.0},
            "wine": {"owner_share": 0.2, "spend_per_order": spend},
        },
        "complementarity": {"bread": {"wine": complementarity}},
    }
    data["offers"]["newsletter"] = {
        "kind": "cross_sell",
        "category": "wine",
        "depth": 0.2,
        "channels": ["email"],
        "effects": {"response": {"base": 0.3, "source": "assumed"}, "ownership": {"sticks": 0.5, "source": "assumed"}},
    }
    scenario, problems = validate(data)
    assert not problems
    return scenario


@pytest.mark.parametrize(("complementarity", "spend"), [(0.0, 15.0), (0.8, 0.0)])
def test_cross_sell_without_complement_or_headroom_is_never_chosen_and_adds_nothing(complementarity, spend):
    scenario = cross_sell(complementarity, spend)
    result = played(scenario, setup_of(scenario).makers(("optimal",), PILOTS)["optimal"]())
    index = next(i for i, a in enumerate(build_world(scenario, base_of(scenario)).arms) if a.category >= 0)
    assert result.ledger.contacts[:, index].sum() == 0
    assert (result.population.state.extra_value == 0).all()


def test_cross_sell_with_both_is_chosen_and_pays():
    scenario = cross_sell(0.8, 15.0)
    result = played(scenario, setup_of(scenario).makers(("optimal",), PILOTS)["optimal"]())
    assert (result.population.state.extra_value > 0).any()
    assert result.clv.sum() > played(scenario, Nobody()).clv.sum()


def test_workers_and_repeats_do_not_change_a_bit(starter):
    small = load("starter", ("population.customers=2000", "uncertainty.draws=2", "uncertainty.customers=1000")).scenario
    some = ("none", "current_plan", "best_per_segment", "optimal")
    one = run(small, base_of(small), Options(workers=1, strategies=some, sensitivity=False)).results.to_dict()
    two = run(small, base_of(small), Options(workers=2, strategies=some, sensitivity=False)).results.to_dict()
    assert one == two


def test_changing_an_assumption_changes_that_number_only(starter):
    path = "offers.personal_call.effects.attrition.reduction"
    after = {a.path: a.value for a in assumptions(changed(starter, {path: 0.2}))}
    before = {a.path: a.value for a in assumptions(starter)}
    assert {p for p in before if before[p] != after[p]} == {path} and after[path] == 0.2


def test_probabilities_of_a_response_move_together_and_are_stepped_once(starter):
    after = changed(starter, {"offers.coupon_15.effects.response.base": 0.1}).offers["coupon_15"].effects.response
    before = starter.offers["coupon_15"].effects.response
    for segment, p in before.by_segment.items():
        assert after.by_segment[segment] == pytest.approx(p * 0.1 / before.base)
    paths = [a.path for a in stepped_assumptions(starter) if "coupon_15" in a.path and "response" in a.path]
    assert len(paths) == 1


@pytest.mark.slow
def test_on_starter_the_optimal_strategy_surely_beats_the_baseline_and_every_simple_rule():
    scenario = load("starter").scenario
    results = run(scenario, base_of(scenario), Options(sensitivity=False)).results
    assert results.draws >= 2
    assert results.winner == "optimal"
    assert results.strategy("optimal").difference_ci.low > 0
    for result in results.strategies:
        assert result.name == "optimal" or result.behind_ci.low > 0, result.name


def test_a_chance_of_few_draws_is_null_in_the_document(tmp_path):
    for draws, known in ((2, False), (5, True)):
        values = ("population.customers=200", f"uncertainty.draws={draws}", "uncertainty.customers=200")
        small = load("starter", values).scenario
        done = run(small, base_of(small), Options(workers=1, sensitivity=False)).results.to_dict()
        assert {s["p_best"] is not None for s in done["strategies"]} == {known}


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits():
    distributed = pytest.importorskip("distributed")
    small = load("starter", ("population.customers=500", "uncertainty.draws=2", "uncertainty.customers=500")).scenario
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        far = run(small, base_of(small), Options(cluster=cluster.scheduler_address, sensitivity=False)).results
    near = run(small, base_of(small), Options(workers=1, sensitivity=False)).results
    assert far.to_dict() == near.to_dict()


def test_the_control_group_costs_what_the_plan_gains_without_it():
    """Without a control group nothing is forgone; with half of the customers held out and no rule in the way, about half."""
    free = ("population.customers=4000", "rules.budget.max=1e6", "channels.phone.capacity_per_period=4000")
    none, half = (load("starter", (*free, f"contact_policy.control_group={share}")).scenario for share in (0.0, 0.5))
    assert FirstPlan.of(setup_of(none, 4000)).control_cost() is None
    first = FirstPlan.of(setup_of(half, 4000))
    whole = first.budget_curve()[-1].value + first.control_cost()
    assert first.control_cost() / whole == pytest.approx(0.5, abs=0.05)
