"""Trust that moves the own share of wallet and fades: what planners and the books expect of it, against sums and the simulator."""

from dataclasses import replace

import numpy as np
import pytest
from paired import comes_about, value_and_cost
from test_outlook import WEEK, N, an_arm, lively

from engine import Economics, Fatigue, OrderValue, Segments, World, make_population
from engine.dynamics import ArmDynamics, Attrition, Competition, Dynamics, OrderGrowth, Tilt
from engine.fading import change_of_share, coefficients
from engine.life import make_life
from engine.outlook import outlook
from engine.valuation import future_value, value_tables

RNG = np.random.default_rng(8)
SHARE = RNG.uniform(0.05, 0.95, N)
RIVAL = Competition(np.array([-0.3]), trust=0.8)
MODELS = {
    "no attrition": (None, {}),
    "bg_nbd": (Attrition("bg_nbd", 5), {"dropout": RNG.beta(1, 8, N)}),
    "pareto_nbd": (Attrition("pareto_nbd", 5), {"dropout": RNG.gamma(1, 0.08, N)}),
    "sbg": (Attrition("sbg", 5), {"dropout": RNG.beta(0.7, 3, N)}),
}


def alone(trust, decay, horizon=40, periods=20_000):
    """One segment for ever, known log odds: the world, its people, and the sum of their orders' shares by period."""
    rng = np.random.default_rng(3)
    n = 50
    segments = Segments(("all",), np.ones((1, 1)), np.ones(1), np.zeros(1, bool))
    w = World(
        segments,
        OrderValue("lognormal", 0.0),
        Economics(0.5, 0.0, WEEK),
        horizon,
        dynamics=Dynamics(competition=RIVAL, trust_decay=decay),
    )
    people = make_population(rate=rng.gamma(2, 0.5, n), order_value=np.full(n, 10.0), segment=np.zeros(n, int))
    people.life = make_life(people.state.segment, w, share=rng.uniform(0.02, 0.98, n))
    people.life.trust[:] = trust
    odds = people.life.share.astype(float)[:, None] - 0.3 + 0.8 * trust * decay ** np.arange(periods)
    orders = people.traits.rate[:, None] / (1 + np.exp(-odds)) * (1 + np.exp(-people.life.share.astype(float)))[:, None]
    return w, people, orders


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("trust", [-2.0, -0.4, 0.4, 2.0])
def test_without_moves_value_is_the_discounted_sum(trust, decay):
    """Closed form: sum of d^k x 5 x rate x share(x + z decay^k) / share at the start, to 0.1 % of what trust moves in it."""
    w, people, orders = alone(trust, decay)
    neutral = alone(0.0, decay)[2]
    ahead = 5 * WEEK ** np.arange(orders.shape[1])
    got = future_value(value_tables(w), people, w, 3)
    moved = np.abs((orders - neutral) @ ahead)
    np.testing.assert_array_less(np.abs(got - orders @ ahead), 1e-3 * moved + 1e-5 * got)


def test_the_polynomial_is_the_share():
    """At every y, not only at its nodes; at y = 0 trust is neutral again."""
    w, people, _ = alone(1.5, 0.9)
    a = coefficients(people, w, 0)
    for y in np.linspace(0, 1, 11):
        true = change_of_share(people, w, 0, 0.0, y)
        np.testing.assert_allclose(a.T @ y ** np.arange(1, len(a) + 1), true, atol=5e-4)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("shift", [-0.6, 0.6])
def test_what_an_offer_does_to_trust_and_share_comes_about(name, shift):
    """One contact of everybody, who trust us more or less already: |z| <= 4 and 1 % of the planned value.

    Without foresight nothing of it was planned: the offer moves trust, and nothing else."""
    attrition, traits = MODELS[name]
    dynamics = Dynamics(attrition, competition=RIVAL, trust_decay=0.9)
    arm = an_arm("move", ArmDynamics(trust=shift), move_probability=0.0)
    w, population = lively(dynamics, arm, horizon=20, share=SHARE, **traits)
    population.life.trust[:] = RNG.normal(0, 0.5, N)
    tables = value_tables(w)
    planned = outlook(w, tables, population, arm, 0)
    none, every = value_and_cost(w, population)
    assert np.sign(planned.value.mean() + arm.contact_cost) == np.sign(shift)
    comes_about(every[0] - none[0], planned.value)
    comes_about(none[0], future_value(tables, population, w, 0))


@pytest.mark.parametrize("kind", ["lift", "retention", "cross-sell"])
def test_trust_and_what_else_an_offer_does_add_up(kind):
    """With a lift, held customers or a new category besides, and moves tilted by trust: |z| <= 4 and 2 %."""
    dynamics = Dynamics(
        tilt=Tilt(np.array([0.0, -0.5, 0.0, 0.5, 1.0, -1.0]), trust=0.3), competition=RIVAL, trust_decay=0.9
    )
    arm = an_arm(kind, ArmDynamics(trust=0.4))
    w, population = lively(dynamics, arm, horizon=20, share=SHARE)
    w = replace(w, fatigue=Fatigue(0.0, 0.0))
    planned = outlook(w, value_tables(w), population, arm, 0)
    none, every = value_and_cost(w, population)
    comes_about(every[0] - none[0], planned.value, 0.02)
    comes_about(every[1], planned.cost, 0.02)


@pytest.mark.parametrize("name", ["no attrition", "bg_nbd", "pareto_nbd"])
def test_trust_brings_orders_that_make_later_ones_worth_more(name):
    """Order values that grow with every order: |z| <= 4 and 3 % (growth within a period is that of the mean number of orders).

    Without it 3.8 was planned of 6.7 in a world of growth at 1 % an order."""
    attrition, traits = MODELS[name]
    dynamics = Dynamics(attrition, growth=OrderGrowth(0.03, 2.0), competition=RIVAL, trust_decay=0.9)
    arm = an_arm("move", ArmDynamics(trust=0.6), move_probability=0.0)
    w, population = lively(dynamics, arm, horizon=20, share=SHARE, **traits)
    population.life.trust[:] = RNG.normal(0, 0.5, N)
    tables = value_tables(w)
    planned = outlook(w, tables, population, arm, 0).value
    none, every = value_and_cost(w, population)
    comes_about(every[0] - none[0], planned, 0.03)
    comes_about(none[0], future_value(tables, population, w, 0))
