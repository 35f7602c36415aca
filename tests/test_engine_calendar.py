"""Decision epochs, campaign waves, and the one loop."""

import numpy as np
import pytest
from engine_worlds import arm, m0_population, m0_world

from engine import Calendar, CalendarError, Simulation, simulate


def test_epochs_cover_the_horizon_once():
    epochs = list(Calendar(horizon=10, decision_every=4))
    assert [(e.index, e.period, e.periods) for e in epochs] == [(0, 0, 4), (1, 4, 4), (2, 8, 2)]
    assert [(e.period, e.periods) for e in Calendar(horizon=10)] == [(0, 10)]
    assert [(e.period, e.periods) for e in Calendar(horizon=10, start=6, decision_every=3)] == [(6, 3), (9, 1)]


def test_waves_need_not_be_regular():
    epochs = list(Calendar(horizon=20, waves=(3, 5, 16)))
    assert [(e.index, e.period, e.periods, e.planned) for e in epochs] == [
        (0, 0, 3, False), (1, 3, 2, True), (2, 5, 11, True), (3, 16, 4, True),
    ]  # fmt: skip
    assert Calendar(horizon=20, waves=(3, 5, 16)).decisions == (3, 5, 16)
    assert [e.planned for e in Calendar(horizon=20, waves=(0, 9))] == [True, True]


def test_every_problem_at_once():
    with pytest.raises(CalendarError) as found:
        Calendar(horizon=5, start=7, decision_every=0, waves=(9, 2, 2))
    text = str(found.value)
    for words in ("horizon: expected above 7, got 5", "decision_every: expected at least 1, got 0", "got both",
                  "ascending periods, got [9, 2, 2]", "expected periods from 7 to 4, got 9"):  # fmt: skip
        assert words in text, words


def test_the_one_loop():
    """A planner is asked at each wave and nowhere else; the run is that of the calls made by hand."""
    world = m0_world(arms=[arm(contact_cost=1.0, order_lift=0.5)])
    population = m0_population(200)
    asked = []

    def planner(epoch, run):
        asked.append((epoch.period, run.period))
        return np.full(200, epoch.index % 2, np.uint8)

    run = simulate(world, population, seed=3, calendar=Calendar(horizon=12, waves=(2, 7)), planner=planner)
    by_hand = Simulation(world, population, seed=3)
    by_hand.advance(2)
    by_hand.advance(5, np.ones(200, np.uint8))
    by_hand.advance(5, np.zeros(200, np.uint8))
    assert asked == [(2, 2), (7, 7)]
    np.testing.assert_array_equal(run.margin, by_hand.margin)
    assert run.ledger == by_hand.ledger
