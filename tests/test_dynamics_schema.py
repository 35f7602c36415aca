"""Words for dynamics: bad input is named with its numbers, legal but unmeant input is warned about, words become parameters."""

import numpy as np
import pytest

from engine.valuation import value_tables
from scenarios.building import build_world
from scenarios.customers import customer_base
from scenarios.jobs import Setup
from scenarios.knowledge import hidden_spread
from scenarios.lives import draw_customers
from scenarios.loading import load, shipped
from scenarios.paths import dotted, with_values
from scenarios.schema.references import warnings
from scenarios.schema.validate import validate, with_strategies_spelt_out

TELECOM, INSURANCE, SUBSCRIPTION = (load(name).resolved for name in ("telecom", "insurance", "subscription"))
DEALS, CLUB, SURVEY = (load(name).resolved for name in ("deals", "club", "survey"))


def found(base, values, check=validate):
    data, _ = with_values(base, values)
    data = with_strategies_spelt_out(data)
    if check is warnings:
        scenario, problems = validate(data)
        assert not problems, problems
        return [f"{dotted(path, data)}: {sentence}" for path, sentence in warnings(scenario)]
    return [f"{dotted(path, data)}: {sentence}" for path, sentence in validate(data)[1]]


def test_shipped_scenarios_hold():
    assert {"telecom", "insurance", "subscription", "deals", "club", "survey"} <= set(shipped())
    for data in (TELECOM, INSURANCE, SUBSCRIPTION, DEALS, CLUB, SURVEY):
        assert found(data, {}) == []


@pytest.mark.parametrize(
    ("base", "values", "problem"),
    [
        (TELECOM, {"dynamics.attrition.a": 0}, "dynamics.attrition.a: expected a number > 0, got 0"),
        (TELECOM, {"dynamics.attrition.s": 1.0}, "dynamics.attrition.s: sbg has no 's'; it has a, b"),
        (TELECOM, {"dynamics.attrition.into": "active"}, "dynamics.attrition.into: expected a lapsed segment, got 'active'"),
        (TELECOM, {"dynamics.attrition.into": "gon"}, "dynamics.attrition.into: unknown segment 'gon'; did you mean 'gone'?"),
        (SUBSCRIPTION, {"dynamics.attrition.renews_every": 3}, "dynamics.attrition.renews_every: only sbg renews contracts"),
        (TELECOM, {"dynamics.tiers.small.share": 0.6}, "dynamics.tiers: expected shares that sum to 1, got 1.05 (+0.05)"),
        (TELECOM, {"dynamics.tiers.large.price_multiple": 1.2}, "dynamics.tiers: expected tiers from the cheapest up"),
        (TELECOM, {"channels.sms.consent": 1.2}, "channels.sms.consent: expected a number <= 1, got 1.2"),
        (TELECOM, {"channels.sms.opt_out.per_contact": 0.5}, "channels.sms.opt_out.per_contact: after contacts in every period the probability would be 1.25, above 1"),
        (TELECOM, {"channels.phone.opt_out": {"per_contact": 0.1, "source": "assumed"}}, "channels.phone.opt_out.per_contact: needs the channel's 'fatigue'"),
        (DEALS, {"offers.deal_5.effects.response.base": 0.1}, "offers.deal_5.effects.response.curve: base and curve both say"),
        (DEALS, {"offers.deal_5.effects.response.curve.high": 20.0}, "offers.deal_5.effects.response.curve: expected 0 to 1 up to the offer's depth, got"),
        (DEALS, {"offers.deal_5.effects.response.curve.slope": 4.0}, "offers.deal_5.effects.response.curve.slope: a hill curve has no 'slope'"),
        (DEALS, {"offers.deal_5.effects.orders.lift": 0.5}, "offers.deal_5.effects.orders: expected exactly one of 'lift' and 'curve'"),
        (SURVEY, {"dynamics.values.weights.price": 0.5}, "dynamics.values.weights: expected weights that sum to 1, got 1.1"),
        (SURVEY, {"offers.coupon.appeal": {"prize": 1}}, "offers.coupon.appeal: unknown value 'prize'; did you mean 'price'?"),
        (SURVEY, {"dynamics.habituation": {"memory": 0.5, "source": "assumed"}}, "dynamics.habituation: no offer has a response 'curve'"),
        (CLUB, {"offers.club.effects.move": {"to": "loyal", "probability": 0.1, "source": "given"}}, "offers.club.effects: tilt and move both change"),
        (CLUB, {"offers.club.effects.share": {"shift": 0.1, "source": "given"}}, "offers.club.effects.share: needs dynamics.competition"),
        (CLUB, {"dynamics.segments.direction": {"loyol": 1.0}}, "dynamics.segments.direction: unknown segment 'loyol'"),
        (CLUB, {"dynamics.breadth": {"attrition_factor": 0.5, "source": "given"}}, "dynamics.breadth: the population has no categories"),
        (SUBSCRIPTION, {"dynamics.competition.share": 1.0}, "dynamics.competition.share: expected a number < 1, got 1"),
        (SUBSCRIPTION, {"dynamics.competition.events": [{"period": 99}]}, "dynamics.competition.events[0].period: expected below the horizon of 36, got 99"),
        (INSURANCE, {"offers.motor.bundle": ["car"]}, "offers.motor.bundle: unknown category 'car'"),
        (INSURANCE, {"offers.motor.bundle": ["home", "life", "home"]}, "offers.motor.bundle: 'home' is named twice"),
        (INSURANCE, {"offers.motor.bundle": ["motor"]}, "offers.motor.bundle: 'motor' is the offer's own category"),
        (SUBSCRIPTION, {"dynamics.competition.events": [{"period": 6, "price": -0.2}, {"period": 6, "value": 1.0}]}, "dynamics.competition.events: two events in period 6"),
        (SUBSCRIPTION, {"offers.come_back.effects.response.by_segment": {"subscriber": 0.2}}, "offers.come_back.effects.response.by_segment.subscriber: 'subscriber' is not a lapsed segment"),
        (INSURANCE, {"offers.motor.kind": "up_sell"}, "offers.motor.effects: an up_sell offer needs 'tier'"),
    ],
)  # fmt: skip
def test_bad_worlds_are_refused(base, values, problem):
    problems = found(base, values)
    assert any(text.startswith(problem) for text in problems), problems


@pytest.mark.parametrize(
    ("base", "values", "warning"),
    [
        (CLUB, {"population.synthetic.transition.light": {"light": 0.96, "regular": 0.04}, "population.synthetic.transition.regular": {"regular": 0.95, "light": 0.05}, "population.synthetic.transition.loyal": {"loyal": 0.96, "regular": 0.04}}, "population.synthetic.transition: customers in light, regular, loyal can never lapse"),
        (SUBSCRIPTION, {"offers.match.effects.orders": {"lift": 2.0, "source": "given"}}, "offers.match.effects.orders: a lift of 2 on a share of 0.5 is more than the whole wallet; it ends at 1"),
        (INSURANCE, {"population.synthetic.complementarity": {"home": {"motor": 0.8}, "motor": {"home": 0.8}}}, "offers.life.category: no category opens the door to 'life'"),
        (DEALS, {"offers.deal_5.effects.orders.curve": {"kind": "elasticity", "elasticity": -3.6, "source": "published"}}, "offers.deal_5.effects.orders.curve.elasticity: -3.6 is of the size found for single items"),
    ],
)  # fmt: skip
def test_worlds_that_are_surely_not_meant_are_warned_about(base, values, warning):
    assert any(text.startswith(warning) for text in found(base, values, warnings)), found(base, values, warnings)


def setup_of(name, *sets):
    loaded = load(name, sets)
    base = customer_base(loaded).base
    scenario = loaded.scenario
    return Setup(scenario, base, 4000), build_world(scenario, base)


def test_words_become_parameters():
    _, world = setup_of("telecom")
    d = world.dynamics
    assert (d.attrition.model, world.segments.names[d.attrition.into], d.attrition.renews_every) == ("sbg", "gone", 12)
    assert d.tiers.tolist() == [1.0, 1.4, 2.0] and d.channels[1].reach == 0.5
    larger = next(arm for arm in world.arms if arm.offer == "larger")
    assert (larger.more.tier_step, larger.more.tier_probability, larger.more.stocks) == (1, 0.8, (0, 1))
    _, world = setup_of("deals")
    assert [round(arm.order_lift, 3) for arm in world.arms] == sorted(round(arm.order_lift, 3) for arm in world.arms)
    assert all(len(arm.more.curve) == 65 for arm in world.arms)
    _, world = setup_of("subscription")
    assert world.dynamics.competition.pull[[5, 6]].tolist() == [0.0, 3.0 * -0.2]
    _, world = setup_of("starter")
    assert world.dynamics is None  # off and free when not named


def test_traits_have_the_distributions_that_the_words_say():
    setup, world = setup_of("subscription")
    life = draw_customers(setup.scenario, setup.base, world, 40_000, 1).population.life
    share = 1 / (1 + np.exp(-life.share.astype(float)))
    assert abs(share.mean() - 0.5) < 4 * np.sqrt(0.25 / 7 / 40_000)
    assert abs(life.dropout.mean(dtype=float) - 1.2 / 30) < 4 * np.sqrt(1.2) / 30 / np.sqrt(40_000)
    assert abs((life.consent & 1).mean() - 0.9) < 4 * np.sqrt(0.09 / 40_000) and (life.consent >> 1 & 1).all()
    setup, world = setup_of("survey")
    values = draw_customers(setup.scenario, setup.base, world, 40_000, 1).population.life.values
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-5)
    variance = 0.4 * 0.6 / 3.5
    assert abs(values[:, 0].mean(dtype=float) - 0.4) < 4 * np.sqrt(variance / 40_000)
    assert abs(values[:, 0].var(dtype=float) / variance - 1) < 0.03
    assert hidden_spread(setup.scenario, 0.0)[0] == pytest.approx(6 * np.sqrt(variance))


@pytest.mark.parametrize("model", ["bg_nbd", "pareto_nbd"])
def test_the_planner_does_not_see_silent_departures(model):
    """Those who left look as before; the mean probability of being alive is the share that is alive, within 2 points."""
    parameters = "{model: bg_nbd, a: 1, b: 12, into: gone, source: given}"
    if model == "pareto_nbd":
        parameters = "{model: pareto_nbd, s: 2, beta: 60, into: gone, source: given}"
    setup, world = setup_of("subscription", f"dynamics.attrition={parameters}", "dynamics.competition.events=[]")
    customers = draw_customers(setup.scenario, setup.base, world, 4000, 1)
    briefing = setup.briefing(customers, 1, 1e-3)
    from engine import Simulation

    run = Simulation(world, customers.population, seed=1)
    run.advance(20)
    gone = run.population.life.gone > 0
    known = briefing.as_known(run.population, 20)
    assert 0.2 < gone.mean() < 0.8
    assert (known.state.segment == 0).all() and not known.life.gone.any()
    chance = known.traits.rate / customers.rate_model
    assert abs(chance.mean() - (~gone).mean()) < 0.02 + 4 * np.sqrt(0.25 / 4000)
    assert chance[gone].mean() < 0.5 * chance[~gone].mean()
    assert briefing.candidates(known, 20)[0].shape == (4, len(world.arms), 4000)
    assert value_tables(world).levels is not None


def test_nobody_is_planned_for_without_consent():
    setup, world = setup_of("telecom")
    customers = draw_customers(setup.scenario, setup.base, world, 3000, 1)
    briefing = setup.briefing(customers, 1, 1e-3)
    known = briefing.as_known(customers.population, 0)
    measures, _ = briefing.candidates(known, 0)
    eligible = briefing.eligible(known, measures)
    for k, arm in enumerate(world.arms):
        consent = customers.population.life.consent >> np.uint32(arm.more.channel) & 1 == 1
        assert not (eligible[k] & ~consent).any() and eligible[k].any()


def test_a_tiny_share_of_a_large_wallet_is_no_reason_to_refuse():
    """Customers of 1 % share have a wallet of a hundred times their orders, which no offer wins as a whole."""
    from engine import Simulation
    from engine.outlook import boost
    from engine.present import largest_boost, present_rate

    setup, world = setup_of("subscription")
    population = draw_customers(setup.scenario, setup.base, world, 8000, 3).population
    assert population.traits.rate.max() * 1.2 * (1 + np.exp(-float(population.life.share.min()))) > 500
    Simulation(world, population, seed=3)
    most = largest_boost(population, world, 1.0)
    for period in (0, 10):
        for arm in world.arms:
            rate = present_rate(population, world, period) * boost(population, world, arm, period)
            assert (rate <= population.traits.rate * most * (1 + 1e-6)).all()
    assert most.max() < 1 + np.exp(0.8), "the largest shift's odds"
