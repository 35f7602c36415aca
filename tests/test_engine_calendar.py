"""Decision epochs, budgets that enter and expire, and the one loop."""

import numpy as np
import pytest
from engine_worlds import arm, m0_population, m0_world

from engine import Calendar, CalendarError, Release, Simulation, simulate


def test_epochs_cover_the_horizon_once():
    epochs = list(Calendar(horizon=10, decision_every=4))
    assert [(e.index, e.period, e.periods) for e in epochs] == [(0, 0, 4), (1, 4, 4), (2, 8, 2)]
    assert [(e.period, e.periods) for e in Calendar(horizon=10)] == [(0, 10)]
    assert [(e.period, e.periods) for e in Calendar(horizon=10, start=6, decision_every=3)] == [(6, 3), (9, 1)]


def test_money_enters_carries_over_and_expires():
    releases = [
        Release(0, "mail", 100.0, expires=8),
        Release(4, "mail", 50.0),
        Release(6, "sms", 7.0),
        Release(8, "mail", 1.0),
    ]
    seen = []
    for epoch in Calendar(horizon=12, decision_every=4, releases=releases):
        seen.append((epoch.available("mail"), epoch.available("sms"), epoch.remaining["mail"], epoch.remaining["sms"]))
        if epoch.index < 2:
            epoch.spend("mail", 30.0)
    # 100 - 30 = 70, + 50 = 120, - 30 of the expiring 70; its last 40 expire at 8: 50 + 1.
    assert seen == [(100, 0, 1, 2), (120, 0, 1, 1), (51, 7, 1, 1)]


def test_remaining_epochs_before_the_next_release():
    calendar = Calendar(horizon=26, decision_every=4, releases=[Release(0, "b", 1.0), Release(13, "b", 1.0)])
    assert [e.remaining["b"] for e in calendar] == [4, 3, 2, 1, 3, 2, 1]


def test_iterations_do_not_share_money():
    calendar = Calendar(horizon=8, decision_every=4, releases=[Release(0, "b", 10.0)])
    for _ in range(2):
        for epoch in calendar:
            if epoch.index == 0:
                assert epoch.available("b") == 10
                epoch.spend("b", 10.0)


def test_overspending_names_the_account_and_the_amount():
    (epoch,) = Calendar(horizon=4, releases=[Release(0, "mail", 10.0)])
    with pytest.raises(CalendarError, match=r"account mail: expected to spend 0 to 10, got 10\.5"):
        epoch.spend("mail", 10.5)
    epoch.spend("mail", 10.0 + 1e-10)
    assert epoch.available("mail") == 0


def test_every_problem_of_a_calendar_at_once():
    with pytest.raises(CalendarError) as error:
        Calendar(horizon=0, decision_every=0, releases=[Release(-1, "b", -5.0), Release(3, "b", 1.0, expires=3)])
    assert len(error.value.problems) == 5


def test_the_loop_is_advance_by_hand():
    world, population = m0_world(arms=[arm(order_lift=0.3, duration=2, depth=0.1)]), m0_population(2000)
    calls = []

    def planner(epoch, run):
        calls.append((epoch.period, run.period))
        return np.full(2000, epoch.index % 2, np.uint8)

    loop = simulate(world, population, seed=3, calendar=Calendar(horizon=10, decision_every=4), planner=planner)
    hand = Simulation(world, population, seed=3)
    for periods, choice in ((4, 0), (4, 1), (2, 0)):
        hand.advance(periods, np.full(2000, choice, np.uint8))
    assert calls == [(0, 0), (4, 4), (8, 8)]
    assert loop.ledger == hand.ledger
    np.testing.assert_array_equal(loop.margin, hand.margin)
    nobody = simulate(world, population, seed=3, calendar=Calendar(horizon=10, decision_every=4))
    assert nobody.period == 10
    assert nobody.ledger.contacts.sum() == 0
