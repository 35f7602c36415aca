"""Wallets: our share by period, what the competitor holds, what customers who left take along; against closed forms."""

from dataclasses import replace
from io import BytesIO, StringIO

import numpy as np
import openpyxl
import pytest
from test_promotion import alone, logistic, logit, offer, people

from engine import Season, Segments, Simulation
from engine.dynamics import ArmDynamics, Competition, Dynamics
from scenarios.loading import load
from scenarios.report.console import print_results
from scenarios.report.workbook import write_workbook
from scenarios.run import Options, run
from scenarios.synthetic import SyntheticBase

N = 100_000


def world_of(pull=(0.0,), transition=None, arms=(), **more):
    """``buys`` at 1 order a period, ``less`` at a quarter, ``gone``; nobody moves unless told."""
    world = alone(Dynamics(competition=Competition(np.array(pull))), arms, multiplier=(1.0, 0.25, 0.0))
    matrix = np.eye(3) if transition is None else np.array(transition)
    segments = Segments(("buys", "less", "gone"), matrix, world.segments.multiplier, np.array([False, False, True]))
    return replace(world, segments=segments, **more)


def test_the_share_of_all_wallets_is_the_harmonic_mean_of_shares():
    """s ~ Beta(3, 3), one rate: wallets are in proportion to 1 / s, so that our share of all is 1 / E[1 / s] = (a - 1) / (a + b - 1)."""
    world = world_of()
    share = np.clip(np.random.default_rng(1).beta(3, 3, N), 0.01, 0.99)
    done = Simulation(world, people(world, n=N, share=share), seed=4)
    done.advance(2)
    wallet = (10.0 / share).sum()
    assert done.ledger.wallet == pytest.approx(np.full(2, wallet), rel=1e-6)
    assert abs(done.ledger.own_share - 10.0 * N / wallet).max() <= 4 * 10.0 * np.sqrt(N) / wallet
    assert 10.0 * N / wallet == pytest.approx(2 / 5, abs=4 * (share**-1.0).std() / np.sqrt(N) * 0.16 + 1e-3)
    assert (done.ledger.lost == 0).all()
    np.testing.assert_allclose(done.ledger.competitor + done.ledger.revenue, done.ledger.wallet)


def test_a_pull_moves_the_share_and_no_wallet():
    """A pull of -1 on a share of 0.4: logistic(logit(0.4) - 1) of the same wallet."""
    world = world_of(pull=(0.0, -1.0))
    done = Simulation(world, people(world, n=N, share=np.full(N, 0.4)), seed=4)
    done.advance(3)
    assert done.ledger.wallet == pytest.approx(np.full(3, 25.0 * N), rel=1e-6)
    expected = np.array([0.4, *[logistic(logit(0.4) - 1)] * 2])
    assert (abs(done.ledger.own_share - expected) <= 4 * np.sqrt(expected / 2.5 / N)).all()


def test_offers_change_no_wallet():
    """The wallet is that without offers, whatever a lift or a shift does to our part of it."""
    arm = offer(3, order_lift=0.5, depth=0.1, more=ArmDynamics(share_shift=0.5))
    world = world_of(arms=[arm])
    population = people(world, n=1000, share=np.full(1000, 0.4))
    plain, told = (Simulation(world, population, seed=4) for _ in range(2))
    plain.advance(2)
    told.advance(2, np.ones(1000, np.uint8))
    assert told.ledger.revenue[0] > plain.ledger.revenue[0]
    np.testing.assert_array_equal(told.ledger.wallet, plain.ledger.wallet)


def test_what_is_lost_and_what_is_left_are_what_there_was():
    """A tenth leaves each period, and a season acts: wallet + lost is the start's wallet x season, wallet the 0.9^t of it."""
    leaves = [[0.9, 0.0, 0.1], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]]
    within = np.array([1.0, 0.5, 1.5, 1.0, 1.0, 1.0])
    world = world_of(transition=leaves, horizon=6, season=Season(within, np.ones(12)))
    rng = np.random.default_rng(2)
    segment = rng.integers(0, 2, N)
    population = people(world, n=N, segment=segment, share=rng.uniform(0.2, 0.9, N))
    done = Simulation(world, population, seed=4)
    done.advance(6)
    share = 1 / (1 + np.exp(-population.life.share.astype(float)))
    each = np.array([1.0, 0.25])[segment] * 10.0 / share
    np.testing.assert_allclose(done.ledger.wallet + done.ledger.lost, each.sum() * within, rtol=1e-5)
    left = 0.9 ** np.arange(1, 7)
    luck = np.sqrt((each**2).sum() * left * (1 - left)) * within
    assert (abs(done.ledger.wallet - left * each.sum() * within) <= 4 * luck).all()
    assert (done.ledger.own_share_in_all < done.ledger.own_share).all()


def test_who_buys_less_is_not_lost_and_who_was_gone_never_was_ours():
    """A move to ``less`` shrinks the need; who starts in ``gone`` has no wallet that anybody knows of."""
    less = [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    world = world_of(transition=less)
    done = Simulation(world, people(world, n=100, share=np.full(100, 0.5)), seed=4)
    done.advance(1)
    assert (done.ledger.wallet, done.ledger.lost) == (pytest.approx([500.0]), 0)
    done = Simulation(world, people(world, n=100, segment=2, share=np.full(100, 0.5)), seed=4)
    done.advance(1)
    assert (done.ledger.wallet, done.ledger.lost) == (0, 0)
    assert np.isnan(done.ledger.own_share).all() and (done.ledger.competitor == 0).all()


def test_whoever_is_won_back_brings_his_wallet():
    """Everybody leaves; a win-back moves half of them back, and half of what was lost is no longer."""
    gone = [[0.0, 0.0, 1.0]] * 3
    back = offer(3, move_to=0, move_probability=0.5, duration=1, more=ArmDynamics(win_back=True))
    world = world_of(transition=gone, arms=[back])
    done = Simulation(world, people(world, n=N, share=np.full(N, 0.5)), seed=4)
    done.advance(1)
    done.advance(1, np.ones(N, np.uint8))
    assert (done.ledger.wallet[0], done.ledger.lost[0]) == (0, pytest.approx(20.0 * N))
    assert done.ledger.wallet[1] + done.ledger.lost[1] == pytest.approx(20.0 * N)
    assert abs(done.ledger.wallet[1] - 10.0 * N) <= 4 * 20.0 * np.sqrt(N / 4)


def test_without_a_competitor_there_is_no_wallet():
    world = replace(world_of(), dynamics=Dynamics())
    done = Simulation(world, people(world, n=100), seed=4)
    done.advance(2)
    assert not done.ledger.wallet.any() and not done.ledger.lost.any() and not done.ledger.competitor.any()


def test_results_say_who_holds_the_wallets():
    """Of each strategy and period, in the JSON document, on the console and in the workbook; nothing of it elsewhere."""
    results = played("subscription", "population.customers=400")
    without = played("starter", "population.customers=400")
    for strategy, series in zip(results.strategies, results.series, strict=True):
        wallet = strategy.wallet
        assert 0 < wallet.own_share_at_end < wallet.own_share_of_buyers < 0.5 and 0 < wallet.lost < wallet.competitor
        assert len(series.own_share) == 36 and series.own_share[-1] == wallet.own_share_at_end
        assert sum(series.competitor) == pytest.approx(wallet.competitor)
    document = results.to_dict()
    assert document["strategies"][0]["wallet"]["own_share_at_end"] == results.strategies[0].wallet.own_share_at_end
    for found, there in ((results, True), (without, False)):
        console = StringIO()
        print_results(found, file=console, width=120)
        assert ("Own share of what customers spend" in console.getvalue()) is there
        assert ("share of wallet" in openpyxl.load_workbook(BytesIO(write_workbook(found))).sheetnames) is there
    assert all(s.wallet is None for s in without.strategies) and without.series[0].own_share == ()


def played(name, *sets):
    scenario = load(name, ("uncertainty.draws=0", *sets)).scenario
    base = SyntheticBase(scenario.population.synthetic)
    return run(scenario, base, Options(workers=1, sensitivity=False, draws=0, strategies=("none",))).results
