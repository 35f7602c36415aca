"""Promotion response: curves, dip, habituation, wear-out, reach, consent; each effect against its closed form."""

import numpy as np
import pytest
from test_attrition import customers

from engine import Economics, OrderValue, Segments, Simulation, World, make_population
from engine.curves import adbudg, hill, logistic_price, table
from engine.dynamics import ArmDynamics, Channel, Competition, Dynamics, Habituation, OrderGrowth, Pantry, Stock, Tilt
from engine.life import make_life
from engine.rules import GRID
from engine.world import Arm

N = 100_000
assert customers  # the same one-segment style


def alone(dynamics, arms=(), horizon=30, transition=None, multiplier=(1.0,), categories=(), gate=None):
    s = len(multiplier)
    names = tuple(f"s{k}" for k in range(s))
    segments = Segments(
        names, np.eye(s) if transition is None else np.array(transition), np.array(multiplier), np.zeros(s, bool)
    )
    gate = np.zeros((0, 0)) if gate is None else gate
    return World(
        segments, OrderValue("lognormal", 0.0), Economics(0.5, 0.0, 1.0), horizon, tuple(arms),
        categories=categories, complementarity=gate, dynamics=dynamics,
    )  # fmt: skip


def people(world, n=N, rate=1.0, segment=0, owned=None, headroom=None, **traits):
    population = make_population(
        rate=np.full(n, rate), order_value=np.full(n, 10.0), segment=np.full(n, segment), owned=owned, headroom=headroom
    )
    population.life = make_life(population.state.segment, world, **traits)
    return population


def offer(s=1, **kw):
    given = {"contact_cost": 0.0, "redemption_cost": 0.0, "depth": 0.0, "duration": 1, "response": np.ones(s)} | kw
    return Arm("a/b", "a", "b", "discount", **given)


EVERYONE = np.ones(N, np.uint8)


def logit(p):
    return np.log(p) - np.log1p(-p)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def test_adbudg_meets_the_published_fit():
    """a 137.058 b 51.090 c 4.5153 d .7336: f(1.15) = 112.925; SSE 8.428 on the nine points."""
    fit = (51.090, 137.058, 4.5153, 0.7336)
    assert adbudg(1.15, *fit) == pytest.approx(112.925, abs=2e-3)
    y = [50, 53, 55, 75, 100, 120, 127, 132, 135]
    assert sum((adbudg(0.25 * i, *fit) - v) ** 2 for i, v in enumerate(y)) == pytest.approx(8.428, abs=2e-3)


def test_curves_at_their_landmarks():
    assert hill(0.1, 0.02, 0.3, 2.0, 0.1) == pytest.approx(0.16)
    assert hill(0.0, 0.02, 0.3, 2.0, 0.1) == 0.02
    assert logit(logistic_price(0.2, 0.05, 7.0)) == pytest.approx(logit(0.05) + 1.4)
    assert table(0.15, {0.1: 0.2, 0.2: 0.4}) == pytest.approx(0.3)
    assert (table(0.0, {0.1: 0.2, 0.2: 0.4}), table(0.9, {0.1: 0.2, 0.2: 0.4})) == (0.2, 0.4)


def test_the_dip_gives_back_the_share_that_was_brought_forward():
    """Lift 1 for one period, a third to stock: orders over all periods rise by two thirds of the bump, |z| <= 4."""
    world = alone(Dynamics(pantry=Pantry(1 / 3, 0.5)), [offer(order_lift=1.0)])
    plain, other = (Simulation(world, people(world), seed=1) for _ in range(2))
    plain.advance(25)
    other.advance(25, EVERYONE)
    bump = other.ledger.incremental_orders.sum()
    gained = other.population.state.orders.astype(float) - plain.population.state.orders
    assert abs(gained.sum() - 2 / 3 * bump) <= 4 * gained.std() * np.sqrt(N)
    assert other.ledger.orders[1] < plain.ledger.orders[1]
    assert other.population.life.pantry.max() < 1e-4


def test_a_stock_never_costs_more_orders_than_there_are():
    world = alone(Dynamics(pantry=Pantry(1.0, 1.0)), [offer(order_lift=20.0)])
    run = Simulation(world, people(world, rate=0.2), seed=1)
    run.advance(3, EVERYONE)
    assert run.ledger.orders[1] < 0.2 * N * 0.2  # whoever stocked up lives on it
    assert (run.population.life.pantry >= 0).all()


def test_habituation_shifts_the_response_along_its_curve():
    """Depth 0.2, memory 0.5: after one deal a deal feels 0.1 deep, the response is the curve's there."""
    curve = [0.02 + 1.5 * x for x in np.linspace(0, 0.2, GRID)]
    arm = offer(depth=0.2, response=np.full(1, curve[-1]), more=ArmDynamics(curve=tuple(logit(np.array(curve)))))
    always = offer(depth=0.2)
    world = alone(Dynamics(habituation=Habituation(0.5, 1.0)), [arm, always])
    run = Simulation(world, people(world), seed=3)
    run.advance(1, np.full(N, 2, np.uint8))
    np.testing.assert_allclose(run.population.life.memory, 0.1, rtol=1e-6)
    run.advance(1, EVERYONE)
    got, expected = run.ledger.responses[1, 0] / N, 0.02 + 1.5 * 0.1
    assert abs(got - expected) <= 4 * np.sqrt(expected * (1 - expected) / N)


def test_wear_out_and_channel_fatigue_decay_apart():
    """Stocks 0.5 and 1.0 per period: contacts at 0 and 1, the third at 3 finds 0.5^2 + 0.5 and 2."""
    stocks = (Stock(0.5, 0.8), Stock(1.0, 0.3))
    arm = offer(response=np.full(1, 0.6), more=ArmDynamics(channel=0, stocks=(0, 1)))
    world = alone(Dynamics(stocks=stocks, channels=(Channel(stock=0),)), [arm])
    run = Simulation(world, people(world), seed=3)
    run.advance(1, EVERYONE)
    run.advance(2, EVERYONE)
    run.advance(1, EVERYONE)
    found = np.array([[0.0, 0.0], [1.0, 1.0], [0.75, 2.0]])
    expected = logistic(logit(0.6) - found @ [0.8, 0.3])
    got = run.ledger.responses[[0, 1, 3], 0] / N
    assert (np.abs(got - expected) <= 4 * np.sqrt(expected * (1 - expected) / N)).all()


def test_reach_costs_and_consent_ends():
    """Reach 0.7: every contact is paid, 70 % can respond; opting out 0.1 + 0.2 F at every contact that arrives."""
    arm = offer(contact_cost=1.0, more=ArmDynamics(channel=0, stocks=(0, -1)))
    channel = Channel(0.7, 0.1, 0.2, 0)
    world = alone(Dynamics(stocks=(Stock(1.0, 0.0),), channels=(channel,)), [arm])
    run = Simulation(world, people(world), seed=3)
    run.advance(1, EVERYONE)
    assert run.ledger.contact[0] == N
    assert abs(run.ledger.responses[0, 0] / N - 0.7) <= 4 * np.sqrt(0.21 / N)
    still = run.population.life.consent & 1 == 1
    assert abs(still.mean() - 0.93) <= 4 * np.sqrt(0.93 * 0.07 / N)
    run.advance(1, EVERYONE)
    assert run.ledger.contacts[1, 0] == still.sum()  # nobody is contacted against his will
    heard = run.population.life.stock[:, 0] == 2
    left = (run.population.life.consent[heard & still] & 1) == 0
    assert abs(left.mean() - 0.3) <= 4 * np.sqrt(0.21 / len(left))


def test_hooks_pull_those_who_care():
    """Weights (1, 0) and (0, 1) around means (0.5, 0.5), appeal 2 to the first: logits +1 and -1."""
    arm = offer(response=np.full(1, 0.3), more=ArmDynamics(appeal=(2.0, 0.0)))
    world = alone(Dynamics(values=("price", "service"), value_means=np.array([0.5, 0.5])), [arm])
    values = np.zeros((N, 2))
    values[np.arange(N), np.arange(N) % 2] = 1
    run = Simulation(world, people(world, values=values), seed=3)
    run.advance(1, EVERYONE)
    said = run.population.state.active_arm, run.ledger.responses[0, 0]
    assert said[1] > 0
    for who, shift in ((0, 1.0), (1, -1.0)):
        part = Simulation(world, people(world, N, values=values).take(np.arange(who, N, 2)), seed=3)
        part.advance(1, np.ones(N // 2, np.uint8))
        expected = logistic(logit(0.3) + shift)
        assert abs(part.ledger.responses[0, 0] / (N / 2) - expected) <= 4 * np.sqrt(expected * (1 - expected) / (N / 2))


def test_tilted_moves_are_multinomial_logit():
    """P'[s, k] = P exp(z d) / sum, z = the responder's tilt; flows are kept and add up."""
    rows = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]]
    direction = np.array([-1.0, 0.0, 1.0])
    arm = offer(3, more=ArmDynamics(tilt_response=0.9))
    world = alone(Dynamics(tilt=Tilt(direction), flows=True), [arm], transition=rows, multiplier=(0.5, 1.0, 2.0))
    run = Simulation(world, people(world, segment=1), seed=3)
    run.advance(1, EVERYONE)
    weight = np.array(rows[1]) * np.exp(0.9 * direction)
    expected = weight / weight.sum()
    got = run.ledger.flow[0, 1] / N
    assert (np.abs(got - expected) <= 4 * np.sqrt(expected * (1 - expected) / N)).all()
    assert run.ledger.flow[0].sum() == N
    run.advance(1)  # the offer is over: the natural row
    natural = run.ledger.flow[1] / run.ledger.flow[1].sum(axis=1, keepdims=True)
    assert np.abs(natural - rows).max() < 0.02


def test_momentum_is_by_the_segment_before():
    """Who came up last time has z = momentum x 1, who came down -momentum: the segment before matters."""
    rows = [[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]]
    world = alone(
        Dynamics(tilt=Tilt(np.array([0.0, 1.0, 2.0]), momentum=0.7)), transition=rows, multiplier=(0.5, 1.0, 2.0)
    )
    for before, z in ((0, 0.7), (1, 0.0), (2, -0.7)):
        population = people(world, segment=1)
        population.life.before[:] = before
        run = Simulation(world, population, seed=5)
        run.advance(1)
        weight = np.array(rows[1]) * np.exp(z * np.arange(3))
        got = (run.population.state.segment == 2).mean()
        p = weight[2] / weight.sum()
        assert abs(got - p) <= 4 * np.sqrt(p * (1 - p) / N)


def test_tiers_multiply_the_price_and_growth_the_next_order():
    arm = offer(more=ArmDynamics(tier_step=1, tier_probability=1.0))
    world = alone(Dynamics(tiers=np.array([1.0, 1.5, 2.0]), growth=OrderGrowth(0.1, 1.2)), [arm])
    tier = np.arange(N) % 3
    run = Simulation(world, people(world, tier=tier), seed=3)
    run.advance(1, EVERYONE)
    np.testing.assert_array_equal(run.population.life.tier, np.minimum(tier + 1, 2))
    k = run.population.state.orders
    price = 10 * np.array([1.0, 1.5, 2.0])[np.minimum(tier + 1, 2)]
    np.testing.assert_allclose(run.population.state.spend, k * price, rtol=1e-5)
    np.testing.assert_allclose(run.population.life.grown, np.minimum(1.1**k, 1.2), rtol=1e-5)


def test_breadth_holds_customers():
    """Attrition factor 0.5: owners of three categories lapse a quarter as often."""
    rows = [[0.6, 0.4], [0.0, 1.0]]
    segments = Segments(("live", "gone"), np.array(rows), np.array([1.0, 0.0]), np.array([False, True]))
    world = World(
        segments, OrderValue("lognormal", 0.0), Economics(0.5, 0.0, 1.0), 4, categories=("a", "b", "c"),
        complementarity=np.zeros((3, 3)), dynamics=Dynamics(breadth=0.5),
    )  # fmt: skip
    for owned, p in ((0, 0.4), (1, 0.4), (3, 0.2), (7, 0.1)):
        population = people(world, owned=np.full(N, owned), headroom=np.zeros((N, 3)))
        run = Simulation(world, population, seed=2)
        run.advance(1)
        got = (run.population.state.segment == 1).mean()
        assert abs(got - p) <= 4 * np.sqrt(p * (1 - p) / N)


def test_a_bundle_sells_together_and_gives_away_what_was_bought_anyway():
    """Categories 1 and 2 at doors 0.5 and 1 and 8 each: 4 + 8 new, a quarter of it replaced; owners of 1 get its discount too."""
    gate = np.zeros((3, 3))
    gate[0, 1], gate[0, 2] = 0.5, 1.0
    arm = offer(category=1, sticks=1.0, depth=0.5, more=ArmDynamics(bundle=0b100, cannibalises=0.25))
    world = alone(Dynamics(), [arm], categories=("a", "b", "c"), gate=gate)
    for owned, extra, discounted in ((0b001, 9.0, 12.0), (0b011, 6.0, 12.0)):
        population = people(world, owned=np.full(N, owned), headroom=np.full((N, 3), 8.0))
        run = Simulation(world, population, seed=2)
        run.advance(1, EVERYONE)
        np.testing.assert_allclose(run.population.state.extra_value, extra)
        assert (run.population.state.owned == 0b111).all()
        assert run.ledger.discount[0] == pytest.approx(0.5 * discounted * run.ledger.orders[0], rel=1e-6)


def test_share_of_wallet_has_a_ceiling_and_a_competitor():
    """Share 0.4, rate 1, wallet 2.5: the competitor's pull of -1 takes the logit share; a lift of 9 ends at the wallet."""
    arm = offer(order_lift=9.0)
    world = alone(Dynamics(competition=Competition(np.array([0.0, -1.0]))), [arm])
    run = Simulation(world, people(world, share=np.full(N, 0.4)), seed=3)
    run.advance(3)
    expected = np.array([1.0, *[2.5 * logistic(logit(0.4) - 1)] * 2])
    assert (np.abs(run.ledger.orders / N - expected) <= 4 * np.sqrt(expected / N)).all()
    run = Simulation(world, people(world, share=np.full(N, 0.4)), seed=3)
    run.advance(1, EVERYONE)
    assert abs(run.ledger.orders[0] / N - 2.5) <= 4 * np.sqrt(2.5 / N)


def test_trust_moves_response_and_returns():
    arms = [offer(more=ArmDynamics(trust=0.8)), offer(response=np.full(1, 0.3))]
    world = alone(Dynamics(trust_decay=0.5, trust_response=2.0), arms)
    run = Simulation(world, people(world), seed=3)
    run.advance(1, EVERYONE)
    np.testing.assert_allclose(run.population.life.trust, 0.4)
    run.advance(1, np.full(N, 2, np.uint8))
    expected = logistic(logit(0.3) + 0.8)
    assert abs(run.ledger.responses[1, 1] / N - expected) <= 4 * np.sqrt(expected * (1 - expected) / N)
