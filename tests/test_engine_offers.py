"""What an offer does, effect by effect, each in the one place where it acts."""

import numpy as np
import pytest
from engine_worlds import M0_DISCOUNT, arm, m0_population, m0_world

from engine import Fatigue, Simulation, make_population

N = 50_000
EVERYONE = np.ones(N, np.uint8)
COMPLEMENTARITY = np.array([[0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])  # owning 0 half opens the door to 1


def run(arms=(), plan=EVERYONE, periods=4, population=None, **world) -> Simulation:
    simulation = Simulation(m0_world(arms=arms, **world), population or m0_population(N), seed=5)
    simulation.advance(periods, plan if arms else None)
    simulation.ledger.check()
    return simulation


@pytest.fixture(scope="module")
def nothing() -> Simulation:
    return run()


def test_zero_effect_and_zero_cost_change_nothing(nothing):
    other = run([arm(duration=3)])
    np.testing.assert_array_equal(other.margin, nothing.margin)
    np.testing.assert_array_equal(other.ledger.lines[:, :8], nothing.ledger.lines[:, :8])
    assert other.ledger.incremental_orders.sum() == 0
    assert other.ledger.responses.sum() == N


def test_nobody_responds_then_only_the_contact_costs(nothing):
    other = run([arm(response=0.0, depth=0.5, order_lift=1.0, redemption_cost=1.0, contact_cost=0.25)])
    np.testing.assert_allclose(nothing.margin - other.margin, 0.25, atol=1e-9)
    np.testing.assert_array_equal(other.promotion_cost, 0.25)
    assert other.ledger.contact.tolist() == [0.25 * N, 0, 0, 0]
    assert other.ledger.discount.sum() == other.ledger.redemption.sum() == 0


def test_response_rate_by_segment_responsiveness_and_fatigue():
    """logit(p) + responsiveness - weight F: 0.2 at F = 0; 0.2 shifted by -0.5 x 1 at the second contact."""
    offer = arm(response=[0.2, 0.9, 0.9, 0.9, 0.9, 0.9])
    world = m0_world(np.eye(6).tolist(), arms=[offer], fatigue=Fatigue(decay=1.0, weight=0.5))
    simulation = Simulation(world, m0_population(N), seed=5)
    simulation.advance(1, EVERYONE)
    simulation.advance(1, EVERYONE)
    odds = 0.25 * np.exp(np.array([0.0, -0.5]))
    expected = odds / (1 + odds)
    got = simulation.ledger.responses[:, 0] / N
    assert (np.abs(got - expected) / np.sqrt(expected * (1 - expected) / N) < 4).all()
    np.testing.assert_array_equal(simulation.population.state.fatigue, 2)


def test_planted_lift_is_recovered(nothing):
    """Lift 0.5 for two of four periods: incremental orders are 0.5 of those that come anyway; detects 0.01 of lift."""
    other = run([arm(order_lift=0.5, duration=2)])
    anyway = nothing.ledger.orders[:2].sum()
    assert other.ledger.orders.sum() - nothing.ledger.orders.sum() == other.ledger.incremental_orders.sum()
    assert other.ledger.incremental_orders[2:].sum() == 0
    assert abs(other.ledger.incremental_orders.sum() - 0.5 * anyway) / np.sqrt(0.5 * anyway) < 4


@pytest.mark.parametrize("lift", [-1.0, -0.4, 0.2, 3.0])
def test_orders_without_the_offer_do_not_know_the_lift(nothing, lift):
    other = run([arm(order_lift=lift, duration=4, depth=0.1)])
    ledger = other.ledger
    np.testing.assert_array_equal(ledger.orders - ledger.incremental_orders, nothing.ledger.orders)
    assert (np.sign(ledger.incremental_orders) == np.sign(lift)).all()
    if lift > 0:  # the first orders are the same orders: their discount is 10 % of what they bring without the offer
        np.testing.assert_allclose(ledger.cannibalised, 0.1 * nothing.ledger.revenue, rtol=1e-6)
    else:
        np.testing.assert_array_equal(ledger.cannibalised, ledger.discount)


def test_discount_and_redemption_are_paid_on_every_order_of_a_responder(nothing):
    other = run([arm(depth=0.25, redemption_cost=0.5, duration=2)])
    np.testing.assert_array_equal(other.ledger.revenue, nothing.ledger.revenue)
    np.testing.assert_allclose(other.ledger.discount[:2], 0.25 * nothing.ledger.revenue[:2], rtol=1e-6)
    np.testing.assert_allclose(other.ledger.redemption[:2], 0.5 * nothing.ledger.orders[:2])
    assert other.ledger.discount[2:].sum() == other.ledger.redemption[2:].sum() == 0
    np.testing.assert_allclose(other.promotion_cost.sum(), other.ledger.promotion_cost.sum())
    spend = nothing.population.state.spend.sum(dtype=float) - other.population.state.spend.sum(dtype=float)
    assert spend == pytest.approx(other.ledger.discount.sum(), rel=1e-4)


def test_retention_cuts_moves_into_lapsed_segments_only():
    """Reduction 0.6: 60 % fewer leave, and whoever leaves would have left anyway."""
    other, plain = run([arm(attrition_reduction=0.6, duration=4)], periods=1), run(periods=1)
    gone = plain.population.state.segment == 5
    still_gone = other.population.state.segment == 5
    assert not (still_gone & ~gone).any()
    kept = gone & ~still_gone
    assert (other.population.state.segment[kept] == 0).all()  # stayed where it was
    assert abs(kept.sum() - 0.6 * gone.sum()) / np.sqrt(0.24 * gone.sum()) < 4
    np.testing.assert_array_equal(other.population.state.segment[~gone], plain.population.state.segment[~gone])


def test_induced_move_comes_in_place_of_the_natural_one():
    other = run([arm(move_to=4, move_probability=0.3)], periods=1)
    natural = run(periods=1).population.state.segment
    moved = other.population.state.segment != natural
    assert (other.population.state.segment[moved] == 4).all()
    expected = 0.3 * (natural != 4).mean()
    assert abs(moved.mean() - expected) / np.sqrt(expected * (1 - expected) / N) < 4


def test_nobody_is_moved_out_of_an_absorbing_segment():
    other = run([arm(move_to=0, move_probability=1.0)], population=m0_population(N, segment=5))
    assert (other.population.state.segment == 5).all()


def shoppers(headroom=10.0, owned=1):
    return make_population(
        rate=np.full(N, 1.0),
        order_value=np.full(N, 20.0),
        segment=np.full(N, 2),
        owned=np.full(N, owned),
        headroom=np.tile([0.0, headroom, 0.0], (N, 1)),
    )


def cross_sell(population, complementarity=COMPLEMENTARITY, **kw):
    offer = arm(category=1, kind="cross_sell", **kw)
    arms, plan = [offer], EVERYONE
    simulation = Simulation(
        m0_world(np.eye(6).tolist(), [1.0] * 6, arms=arms, categories=("a", "b", "c"), complementarity=complementarity),
        population,
        seed=5,
    )
    simulation.advance(4, plan)
    simulation.ledger.check()
    return simulation


def test_cross_sell_sticks_for_good():
    """Adoption adds gate x headroom = 5 to an order value of 20; the discount is on those 5 alone, while active."""
    plain, other = (
        cross_sell(shoppers(), sticks=0.0, duration=1),
        cross_sell(shoppers(), sticks=1.0, duration=2, depth=0.2),
    )
    assert (other.population.state.owned == 3).all()
    np.testing.assert_array_equal(other.population.state.extra_value, 5)
    trial = plain.ledger.revenue
    np.testing.assert_allclose(trial[1:] * 1.25, other.ledger.revenue[1:], rtol=1e-5)
    np.testing.assert_allclose(other.ledger.discount[:2], 0.2 * 0.2 * other.ledger.revenue[:2], rtol=1e-5)
    assert other.ledger.discount[2:].sum() == 0


def test_a_trial_lasts_as_long_as_the_offer():
    plain, other = cross_sell(shoppers(headroom=0.0)), cross_sell(shoppers(), sticks=0.0, duration=2)
    np.testing.assert_allclose(other.ledger.revenue[:2], plain.ledger.revenue[:2] * 1.25, rtol=1e-5)
    np.testing.assert_array_equal(other.ledger.revenue[2:], plain.ledger.revenue[2:])
    assert (other.population.state.owned == 1).all()


@pytest.mark.parametrize("case", ["gate", "headroom", "owns_nothing"])
def test_no_gate_or_no_headroom_then_cross_selling_adds_nothing(case):
    kw = {"sticks": 1.0, "duration": 3, "depth": 0.3, "redemption_cost": 0.7}
    if case == "gate":
        other = cross_sell(shoppers(), np.zeros((3, 3)), **kw)
    else:
        other = cross_sell(shoppers(headroom=0.0) if case == "headroom" else shoppers(owned=0), **kw)
    plain = run(population=shoppers_without_categories(), rows=np.eye(6).tolist(), multiplier=[1.0] * 6)
    np.testing.assert_array_equal(other.margin, plain.margin)
    assert not other.population.state.extra_value.any()
    np.testing.assert_array_equal(other.population.state.owned, 0 if case == "owns_nothing" else 1)


def shoppers_without_categories():
    return make_population(rate=np.full(N, 1.0), order_value=np.full(N, 20.0), segment=np.full(N, 2))


def test_a_later_response_replaces_and_a_later_refusal_does_not():
    arms = [arm("first/a", duration=3), arm("second/a", duration=2), arm("refused/a", response=0.0)]
    simulation = Simulation(m0_world(arms=arms), m0_population(N), seed=1)
    simulation.advance(1, np.full(N, 1, np.uint8))
    simulation.advance(1, np.full(N, 3, np.uint8))
    state = simulation.population.state
    assert set(state.active_arm) == {1}
    assert set(state.active_left) == {1}
    simulation.advance(1, np.full(N, 2, np.uint8))
    assert set(state.active_arm) == {2}
    assert set(state.active_left) == {1}
    simulation.advance(1)
    assert not state.active_arm.any()
    assert not state.active_left.any()
    assert set(state.contacts) == {0b1110}


def test_discounted_margin_is_the_books_discounted(nothing):
    factors = M0_DISCOUNT ** np.arange(4)
    assert nothing.margin.sum() == pytest.approx((nothing.ledger.margin * factors).sum(), rel=1e-12)
