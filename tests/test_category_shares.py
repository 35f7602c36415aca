"""A wallet in each category: our share of it against a competitor of its own; against closed forms and the simulator."""

from dataclasses import replace

import numpy as np
import pytest
from paired import comes_about, value_and_cost
from test_feature_pairs import ASSUMED, BASE, FEATURES, merged
from test_outlook import N as MANY
from test_outlook import an_arm, lively
from test_promotion import alone, logistic, logit, offer, people

from engine import Simulation
from engine.dynamics import ArmDynamics, Competition, Dynamics, Rival
from engine.errors import EngineError
from engine.outlook import outlook
from engine.present import present_value
from engine.valuation import future_value, value_tables
from scenarios.acquisition import with_new_customers
from scenarios.building import build_world
from scenarios.jobs import Setup
from scenarios.lives import draw_customers
from scenarios.schema.validate import validate
from scenarios.synthetic import SyntheticBase

N = 20_000
GATE = np.array([[0.0, 0.5], [0.5, 0.0]])
OPEN = {"categories": ("a", "b"), "gate": GATE}


def world_of(*rivals, arms=(), competition=None):
    return alone(Dynamics(rivals=rivals, competition=competition), arms, **OPEN)


def shoppers(world, own, spent, n=N, owned=0b01, headroom=(0.0, 0.0), **more):
    """Orders of 10 at rate 1, no noise; ``own`` share and ``spent`` by rival."""
    return people(
        world,
        n=n,
        owned=np.full(n, owned),
        headroom=np.tile(np.array(headroom), (n, 1)),
        category_share=np.tile(np.array(own), (n, 1)),
        spent=np.tile(np.array(spent, float), (n, 1)),
        **more,
    )


def value_of_an_order(run, t):
    return run.ledger.revenue[t] / run.ledger.orders[t]


def test_only_the_category_that_is_attacked_shrinks():
    """10 an order, 4 of it on a at a share of 0.5; a pull of -1: 10 + 4 (logistic(-1) / 0.5 - 1).  Orders stay."""
    world = world_of(Rival(0, np.array([0.0, -1.0])))
    run = Simulation(world, shoppers(world, [0.5], [4.0]), seed=3)
    run.advance(3)
    for t, pull in enumerate((0.0, -1.0, -1.0)):
        assert value_of_an_order(run, t) == pytest.approx(10 + 4 * (logistic(pull) / 0.5 - 1), rel=1e-5)
    plain = alone(Dynamics(), **OPEN)
    other = Simulation(plain, people(plain, n=N, headroom=np.zeros((N, 2))), seed=3)
    other.advance(3)
    np.testing.assert_array_equal(run.ledger.orders, other.ledger.orders)
    assert run.ledger.revenue[0] == other.ledger.revenue[0]  # at the share of the start nothing changes, to the bit


def test_the_category_s_wallet_is_the_ceiling():
    """4 of an order at a share of 0.4: the wallet holds 10 of it, so that no pull brings more than 6; all in all 16 are spent."""
    world = world_of(Rival(0, np.array([30.0])))
    run = Simulation(world, shoppers(world, [0.4], [4.0]), seed=3)
    run.advance(1)
    assert value_of_an_order(run, 0) == pytest.approx(16, rel=1e-5)
    assert run.ledger.wallet[0] == pytest.approx(16 * N, rel=1e-6)


def test_both_competitors_at_once():
    """The order rate at share 0.25 with a pull of 0.5, and two categories: the product of the two, and the wallets of both."""
    rivals = (Rival(1, np.array([-0.7])), Rival(0, np.array([0.4])))
    world = world_of(*rivals, competition=Competition(np.array([0.5])))
    run = Simulation(world, shoppers(world, [0.3, 0.6], [2.0, 5.0], owned=0b11, share=np.full(N, 0.25)), seed=3)
    run.advance(1)
    value = 10 + 2 * (logistic(logit(0.3) - 0.7) / 0.3 - 1) + 5 * (logistic(logit(0.6) + 0.4) / 0.6 - 1)
    assert value_of_an_order(run, 0) == pytest.approx(value, rel=1e-5)
    rate = logistic(logit(0.25) + 0.5) / 0.25
    assert abs(run.ledger.orders[0] / N - rate) <= 4 * np.sqrt(rate / N)
    assert run.ledger.wallet[0] / N == pytest.approx(4 * (10 + 2 / 0.3 - 2 + 5 / 0.6 - 5), rel=1e-5)


def test_an_offer_wins_back_a_share_of_what_it_names_while_it_acts():
    """A shift of 1 against a pull of -1 gives the old share for two periods; 10 % off falls on the whole order."""
    arm = offer(duration=2, depth=0.1, more=ArmDynamics(share_shift=1.0, share_rival=0))
    world = world_of(Rival(0, np.array([-1.0])), arms=[arm])
    run = Simulation(world, shoppers(world, [0.5], [4.0]), seed=3)
    run.advance(3, np.ones(N, np.uint8))
    shrunk = 10 + 4 * (logistic(-1) / 0.5 - 1)
    assert [value_of_an_order(run, t) for t in range(3)] == pytest.approx([10, 10, shrunk], rel=1e-5)
    np.testing.assert_allclose(run.ledger.discount, 0.1 * run.ledger.revenue * [1, 1, 0], rtol=1e-5)


@pytest.mark.parametrize(("sticks", "after"), [(1.0, 3.0), (0.0, 0.0)])
def test_what_is_cross_sold_has_the_competitor_too(sticks, after):
    """b of 8 behind a door of 0.5, 25 % of it bought already: 3 more an order, at a pull of -1 from period 2 on less of it.  The
    discount is on the part at today's share: 4 x ratio."""
    more = ArmDynamics(cannibalises=0.25)
    arm = offer(category=1, sticks=sticks, duration=3, depth=0.5, more=more)
    world = world_of(Rival(1, np.array([0.0, 0.0, -1.0])), arms=[arm])
    run = Simulation(world, shoppers(world, [0.6], [0.0], headroom=(0.0, 8.0)), seed=3)
    run.advance(4, np.ones(N, np.uint8))
    ratio = np.array([1, 1, *[logistic(logit(0.6) - 1) / 0.6] * 2])
    expected = 10 + np.array([3, 3, 3, after]) * ratio
    assert [value_of_an_order(run, t) for t in range(4)] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(run.population.life.spent, after)
    given = 0.5 * 4 * ratio * [1, 1, 1, 0] * run.ledger.orders
    np.testing.assert_allclose(run.ledger.discount, given, rtol=1e-5)


def test_trust_keeps_a_category():
    arm = offer(more=ArmDynamics(trust=0.8))
    world = replace(world_of(Rival(0, np.array([-1.0]), 0.5), arms=[arm]))
    run = Simulation(world, shoppers(world, [0.5], [4.0]), seed=3)
    run.advance(1, np.ones(N, np.uint8))
    assert value_of_an_order(run, 0) == pytest.approx(10 + 4 * (logistic(0.4 - 1) / 0.5 - 1), rel=1e-5)


def test_no_order_is_worth_less_than_nothing():
    """More spent on categories than orders are worth: what is left is 0, and not a debt."""
    world = world_of(Rival(0, np.array([-20.0])))
    run = Simulation(world, shoppers(world, [0.5], [14.0]), seed=3)
    run.advance(1)
    assert run.ledger.revenue[0] == 0 and run.ledger.orders[0] > 0


def test_what_the_engine_refuses():
    rival = Rival(0, np.zeros(1))
    bad = {
        "rivals: expected different categories below 2": world_of(rival, rival),
        "rivals: expected pulls over the same periods": world_of(rival, Rival(1, np.zeros(2))),
        "rivals.pull: expected log odds by period within 50": world_of(Rival(0, np.array([99.0]))),
        "share_rival: expected -1 to 0, got 1": world_of(rival, arms=[offer(more=ArmDynamics(share_rival=1))]),
    }
    for said, world in bad.items():
        with pytest.raises(EngineError, match=said):
            Simulation(world, people(alone(Dynamics())), seed=1)
    world = world_of(rival)
    with pytest.raises(EngineError, match="category_share: expected 5 numbers"):
        people(world, n=5)
    with pytest.raises(EngineError, match=r"category_share: expected shares within \(0, 1\), got 1 to 1"):
        shoppers(world, [1.0], [1.0], n=5)
    with pytest.raises(EngineError, match=r"life.spent: expected >= 0, got -1"):
        Simulation(world, shoppers(world, [0.5], [-1.0], n=5), seed=1)
    with pytest.raises(EngineError, match="order_value: expected at most 1e"):
        Simulation(world, shoppers(world, [1e-6], [5.0], n=5), seed=1)


# the planner

RNG = np.random.default_rng(2)
SHARES = RNG.uniform(0.2, 0.9, (MANY, 2))
RIVALS = (Rival(0, np.array([-0.6]), 0.4), Rival(1, np.array([0.3])))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("lift", {"share_shift": 0.7, "share_rival": 0, "trust": -0.3}),
        ("move", {"trust": 0.8}),
        ("cross-sell", {"cannibalises": 0.2}),
        ("cross-sell", {"cannibalises": 0.2, "share_shift": 0.9, "share_rival": 1}),
        ("cross-sell", {"share_shift": 0.9, "share_rival": 0}),
    ],
)
def test_planned_value_and_cost_are_realised_under_full_knowledge(kind, more):
    """One epoch, paired on common random numbers: |z| <= 4 plus 1 %, as in test_outlook."""
    arm = an_arm(kind, ArmDynamics(**more))
    w, population = lively(
        Dynamics(rivals=RIVALS, trust_decay=0.9), arm, category_share=SHARES, spent=np.column_stack([RNG.uniform(0, 9, MANY), 0 * SHARES[:, 0]])
    )  # fmt: skip
    population.life.trust[:] = RNG.normal(0, 0.5, MANY)
    tables = value_tables(w)
    planned = outlook(w, tables, population, arm, 0)
    none, every = value_and_cost(w, population)
    comes_about(none[0], future_value(tables, population, w, 0))
    comes_about(every[0] - none[0], planned.value)
    comes_about(every[1], planned.cost)


# scenarios


def scenario_of(**changes):
    data = merged(merged(BASE, FEATURES["categories"]), changes)
    scenario, problems = validate(data)
    return scenario, problems


def drawn(scenario, n=4000):
    base = SyntheticBase(scenario.population.synthetic)
    world = build_world(scenario, base)
    return base, world, draw_customers(scenario, base, world, n, 3)


def test_owners_spend_their_part_of_each_order_and_differ_in_shares():
    scenario, problems = scenario_of(population={"synthetic": {"order_value": {"customer_sigma": 0.5}}})
    assert not problems
    _, world, customers = drawn(scenario)
    population = customers.population
    owns = (population.state.owned[:, None] >> np.arange(2, dtype=np.uint32) & 1).astype(float)
    scale = population.traits.order_value[:, None] / 40
    np.testing.assert_allclose(population.life.spent, owns * [18, 9] * scale, rtol=1e-5)
    share = 1 / (1 + np.exp(-population.life.category_share.astype(float)))
    for r, mean in enumerate((0.5, 0.3)):  # Beta with concentration 10: variance m (1 - m) / 11
        sd = np.sqrt(mean * (1 - mean) / 11)
        assert abs(share[:, r].mean() - mean) <= 4 * sd / np.sqrt(4000)
        assert share[:, r].std() == pytest.approx(sd, rel=0.08)
    assert abs(np.corrcoef(share.T)[0, 1]) <= 4 / np.sqrt(4000)
    np.testing.assert_allclose(population.take(np.arange(9)).life.spent, population.life.spent[:9])
    table = population.to_arrow(world)
    np.testing.assert_array_equal(np.asarray(table["life_spent_1"]), population.life.spent[:, 1])


def test_a_planner_knows_mean_shares_and_spend_as_well_as_order_values():
    scenario, problems = scenario_of(population={"synthetic": {"order_value": {"customer_sigma": 0.5}}})
    assert not problems
    base, _, customers = drawn(scenario)
    setup = Setup(scenario, base, 4000)
    known = setup.briefing(customers, 3, 1e-4).as_known(customers.population)
    np.testing.assert_allclose(known.life.category_share, np.tile([0.0, logit(0.3)], (4000, 1)), atol=1e-6)
    ratio = known.traits.order_value / customers.population.traits.order_value
    np.testing.assert_allclose(known.life.spent, customers.population.life.spent * ratio[:, None], rtol=1e-5)
    worth = present_value(known, setup.beliefs, 0)
    assert (worth > 0).all() and present_value(known, setup.beliefs, 6).sum() < worth.sum()


def test_new_customers_spend_in_proportion_to_their_orders():
    source = {"cost": 10, "capacity_per_period": 40, "segment": "new", "share": 1.0, "order_value": 0.5}
    scenario, problems = scenario_of(acquisition={"budget_per_period": 500, "sources": {"search": source}})
    assert not problems
    _, world, customers = drawn(scenario, 2000)
    everybody, _ = with_new_customers(scenario, customers, world, 3)
    population = everybody.population
    new, owns = everybody.joined >= 0, population.state.owned & 1 == 1
    assert (owns & new).sum() > 50
    spent = population.life.spent[:, 0] / population.traits.order_value
    np.testing.assert_allclose(spent[owns], 18 / 40, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"categories": {"foot": {"share": 0.5} | ASSUMED}}, "categories", "unknown category 'foot'; did you mean 'food'?"),
        ({"categories": {"food": {"share": 1.0}}}, "categories.food.share", "expected a number < 1, got 1"),
        ({"categories": {"food": {"share": 0.0}}}, "categories.food.share", "expected a number > 0, got 0"),
        ({"categories": {"food": {"share": None}}}, "categories.food", "'share' is missing"),
        ({"categories": {"food": {"events": [{"period": 3}, {"period": 3}]}}}, "categories.food.events", "two events in period 3"),
        ({"categories": {"food": {"events": [{"period": 12}]}}}, "categories.food.events.0.period", "expected below the horizon of 12, got 12"),
        ({"categories": None} | ASSUMED, "", "'share' is missing"),
        ({"price": 2.0} | ASSUMED, "price", "acts on the order rate, which has no competitor without a 'share'"),
    ],
)  # fmt: skip
def test_bad_competitors_are_refused(changes, place, said):
    _, problems = scenario_of(dynamics={"competition": changes})
    told = {".".join(str(p) for p in path): text for path, text in problems}
    assert told.get(".".join(filter(None, ("dynamics.competition", place))), "").startswith(said), told


def test_other_bad_words_are_refused():
    wide = {"population": {"synthetic": {"categories": {"food": {"spend_per_order": 35.0}}}}}
    _, problems = scenario_of(**wide)
    assert problems == [
        (
            ("dynamics", "competition", "categories"),
            "who owns all of them spends 35 + 9 = 44 of an order on them, and a mean order is worth 40: a share of less than nothing "
            "would be lost",
        )
    ]
    shift = {"shift": 0.2} | ASSUMED
    for share, said in (
        (
            shift | {"category": "toy"},
            "'toy' has no competitor; expected one of dynamics.competition.categories: food, toys",
        ),
        (shift | {"category": None}, "expected a 'category' (food, toys): the order rate has no competitor"),
    ):
        _, problems = scenario_of(offers={"coupon": {"effects": {"share": share}}})
        assert [text for _, text in problems] == [said]
    synthetic = {"synthetic": {"correlation": {"order_rate~own_share": 0.3}}}
    _, problems = scenario_of(population=synthetic)
    assert "own_share needs the share of dynamics.competition" in problems[0][1]
