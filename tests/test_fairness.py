"""Parity between groups and spend per tier in scenarios: kept by every strategy that can, refused where they name nothing."""

import numpy as np
import pytest
from scipy import stats

from scenarios.building import build_world
from scenarios.jobs import Setup, Stages
from scenarios.lives import draw_customers
from scenarios.loading import load
from scenarios.paths import dotted, with_values
from scenarios.rule_rows import compile_rules
from scenarios.rules import CustomerLabel, Subject
from scenarios.schema.rules import Rule
from scenarios.schema.validate import validate, with_strategies_spelt_out
from scenarios.strategies.fairness import Fairness, fill_fairly
from scenarios.synthetic import SyntheticBase
from solvers import Problem, fill

BANK = load("bank")
N = 3000


def setup_of(*sets):
    scenario = load(
        "bank",
        (
            f"population.customers={N}",
            "uncertainty.draws=0",
            "strategies=[none, {current_plan: {offer: funds, channel: adviser}}, top_clv, best_per_segment, random, greedy, optimal, optimal_over_time]",
            *sets,
        ),
    ).scenario
    return Setup(scenario, SyntheticBase(scenario.population.synthetic), N)


@pytest.fixture(scope="module")
def played():
    setup = setup_of("rules.basic gets its part.min=0", "rules.budget.max=8000")
    world = build_world(setup.scenario, setup.base)
    drawn = draw_customers(setup.scenario, setup.base, world, N, 17)
    stages = Stages(setup, drawn, 17)
    names = ("current_plan", "top_clv", "best_per_segment", "random", "greedy", "optimal", "optimal_over_time")
    makers = setup.makers(names, {"top_clv": 1})
    return setup, drawn, {name: stages.play(name, makers[name](), keep_plans=True) for name in names}


def test_every_strategy_keeps_parity_at_every_decision(played):
    """Recomputed from the plans: offers per head of each age within 10 % of everybody's, up to one customer's rounding."""
    _, drawn, results = played
    age = drawn.groups["age"]
    heads = np.bincount(age, minlength=2)
    for name, p in results.items():
        assert sum(int((plan >= 0).sum()) for plan in p.plans) > 100, name  # nobody idles because of parity
        for plan in p.plans:
            got = np.bincount(age[plan >= 0], minlength=2)
            mean = got.sum() / heads.sum()
            assert (np.abs(got - heads * mean) <= 0.1 * heads * mean + 1.5).all(), (name, got / heads, mean)


def test_the_spend_of_a_tier_stays_below_its_limit(played):
    """In expectation, at every decision: the planner's own measure, recomputed from the customers' tiers."""
    _, _, results = played
    for name, p in results.items():
        for decision in p.decisions:
            assert "private at most" not in decision.missed, (name, decision)
            assert "young and old alike [over 60] (min)" not in decision.missed or name != "optimal"


def test_groups_have_their_shares_and_factors_and_are_known():
    """Share binomial; mean rate 0.8 and value 0.7 of the others'; estimates of a group have its mean (unbiased: 4 standard errors)."""
    setup = setup_of("population.synthetic.correlation={}")
    drawn = SyntheticBase(setup.scenario.population.synthetic).draw(40_000, 3, 1.0)
    old = drawn.groups["age"] == 1
    assert old.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 40_000))
    traits = drawn.population.traits
    assert traits.rate[old].mean() / traits.rate[~old].mean() == pytest.approx(0.8, abs=0.03)
    assert stats.ks_2samp(traits.order_value[old] / 0.7, traits.order_value[~old]).pvalue > 1e-4
    for who in (old, ~old):
        for true, known in ((traits.rate, drawn.rate_model), (traits.order_value, drawn.order_value_model)):
            off = true[who].astype(float) - known[who]
            assert abs(off.mean()) < 4 * off.std() / np.sqrt(who.sum())


def test_without_groups_customers_are_the_same():
    one = SyntheticBase(load("starter").scenario.population.synthetic).draw(100, 1, 1.0)
    assert one.groups == {}


def brute(seed):
    """A problem with two groups, one arm open to all, another rule on cost; and its fairness."""
    n, rng = 400, np.random.default_rng(seed)
    group = (rng.random(n) < 0.25).astype(np.uint8)
    measures = np.stack([rng.random((2, n)), np.ones((2, n))]).astype(np.float32)
    rules = [
        Rule(name="money", measure="cost", max=120),
        Rule(name="fair", parity={"by": "g", "within": 0.05}, where={"offer": "a"}),
    ]
    subject = Subject(("value", "cost"), {"offer": ["a", "b"]}, {"g": CustomerLabel(("x", "y"), group)}, n)
    compiled = compile_rules(rules, subject)
    eligible = np.ones((2, n), bool)
    return (
        Problem(measures, ("value", "cost"), compiled.class_of, compiled.n_classes, compiled.rows, eligible),
        compiled,
        group,
    )


@pytest.mark.parametrize("seed", range(5))
def test_one_by_one_nobody_gets_anything_but_equal_shares_reach_the_budget(seed):
    problem, compiled, group = brute(seed)
    order = np.argsort(-problem.measures[0, 0], kind="stable")
    assert not (fill(problem, order, np.zeros(len(order), np.int64)) >= 0).any()
    plan = fill_fairly(problem, order, np.zeros(len(order), np.int64), Fairness.of(compiled, 2))
    share = np.bincount(group[plan >= 0], minlength=2) / np.bincount(group)
    assert (plan >= 0).sum() == 120 and abs(share[0] - share[1]) <= 1 / np.bincount(group).min()
    for g in (0, 1):  # within a group the order is the rule's own
        mine = problem.measures[0, 0, group == g]
        assert mine[plan[group == g] >= 0].min() >= mine[plan[group == g] < 0].max()


def test_a_group_that_cannot_be_reached_further_stops_the_others():
    problem, compiled, group = brute(9)
    few = np.flatnonzero(group == 1)[:10]
    order = np.concatenate([np.flatnonzero(group == 0), few])
    plan = fill_fairly(problem, order, np.zeros(len(order), np.int64), Fairness.of(compiled, 2))
    share = np.bincount(group[plan >= 0], minlength=2) / np.bincount(group)
    assert share[1] == pytest.approx(10 / (group == 1).sum()) and abs(share[0] - share[1]) <= 1 / (group == 1).sum()


def test_offers_that_parity_does_not_count_are_free():
    problem, compiled, group = brute(3)
    order = np.flatnonzero(group == 0)
    plan = fill_fairly(problem, order, np.ones(len(order), np.int64), Fairness.of(compiled, 2))
    assert (plan >= 0).sum() == 120
    assert Fairness.of(compile_rules([], Subject(("value",), {"offer": ["a"]}, {}, 3)), 1) is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"rules.young and old alike.parity.by": "aeg"}, "rules[1].parity.by: unknown label of customers 'aeg'; did you mean 'age'?"),
        ({"rules.young and old alike.parity.measure": "cots"}, "rules[1].parity.measure: unknown measure 'cots'; did you mean 'cost'?"),
        ({"rules.young and old alike.measure": "cost"}, "rules[1]: expected exactly one of 'measure', 'ratio' and 'parity'"),
        ({"rules.young and old alike.max": 3.0}, "rules[1].max: parity has its bound in 'within', at every decision"),
        ({"rules.young and old alike.parity.within": -0.1}, "rules[1].parity.within: expected a number >= 0, got -0.1"),
        ({"rules.private at most.where": {"tier": "privat"}}, "rules[4].where.tier: unknown tier 'privat'; did you mean 'private'?"),
        ({"rules.private at most.where": {"age": "over 66"}}, "rules[4].where.age: unknown age 'over 66'; did you mean 'over 60'?"),
        ({"population.synthetic.groups.age.over 60.share": 0.4}, "population.synthetic.groups.age: expected shares that sum to 1, got 1.1 (+0.1)"),
        ({"population.synthetic.groups": {"segment": {"a": {"share": 1.0}}}}, "population.synthetic.groups.segment: 'segment' is a label of its own"),
        ({"population.synthetic.groups.age.over 60.order_rate": 0}, "population.synthetic.groups.age.over 60.order_rate: expected a number > 0, got 0"),
    ],
)  # fmt: skip
def test_bad_fairness_is_refused(values, problem):
    data = with_strategies_spelt_out(with_values(BANK.resolved, values)[0])
    problems = [f"{dotted(path, data)}: {sentence}" for path, sentence in validate(data)[1]]
    normal = [
        text.replace("rules.young and old alike", "rules[1]").replace("rules.private at most", "rules[4]")
        for text in problems
    ]
    assert any(text.startswith(problem) for text in normal), problems


def test_luck_of_groups_is_their_own():
    """Naming a label changes nobody's traits where it brings no factors."""
    plain = load("starter").scenario.population.synthetic
    label = plain.model_validate({**plain.model_dump(), "groups": {"sex": {"a": {"share": 0.5}, "b": {"share": 0.5}}}})
    one, two = SyntheticBase(plain).draw(200, 4, 1.0), SyntheticBase(label).draw(200, 4, 1.0)
    assert np.array_equal(one.population.traits.rate, two.population.traits.rate)
    assert set(np.unique(two.groups["sex"])) == {0, 1}
