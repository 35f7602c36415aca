"""The contact centre's queues: published tables and closed forms, the slow twin, SimPy event by event."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_desks import service, team

from engine import Shift, Team, WorldError
from engine.service.calls import FAILED, answered, arrivals
from engine.service.erlang import erlang_a, erlang_b, erlang_c, erlang_c_wait
from engine.service.queue import first_come, first_come_slowly
from engine.service.skills import by_skill

KEY = (np.uint64(12), np.uint64(0))


def simulated(n, arrivals_per_minute, minutes, agents, patience, seed=5):
    """Calls in steady state: wait and served of n calls."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.exponential(1 / arrivals_per_minute, n))
    limit = np.full(n, np.inf) if math.isinf(patience) else rng.exponential(patience, n)
    wait, served = np.empty(n), np.empty(n)
    first_come(at, limit, rng.exponential(minutes, n), agents, wait, served)
    return wait[n // 20 :], served[n // 20 :]


# (load, agents): B, C, from published tables of the two formulas
TABLE = {
    (1, 2): (0.200000, 0.333333),
    (2, 3): (0.210526, 0.444444),
    (5, 6): (0.191847, 0.587516),
    (5, 8): (0.070048, 0.167267),
    (8, 10): (0.121661, 0.409180),
    (10, 12): (0.119739, 0.449388),
    (20, 24): (0.066097, 0.298072),
    (100, 110): (0.027463, 0.237008),
}


@pytest.mark.parametrize(("load", "agents"), TABLE)
def test_erlang_b_and_c_tables(load, agents):
    assert erlang_b(load, agents) == pytest.approx(TABLE[load, agents][0], abs=5e-7)
    assert erlang_c(load, agents) == pytest.approx(TABLE[load, agents][1], abs=5e-7)
    assert erlang_a(load, 1.0, agents, math.inf).waits == pytest.approx(TABLE[load, agents][1], abs=5e-7)


def test_one_server_closed_forms():
    """M/M/1 at load 0.9: C = rho, Wq = rho / (mu - lambda) = 9."""
    assert erlang_c(0.9, 1) == pytest.approx(0.9)
    assert erlang_c_wait(0.9, 1, 1.0) == pytest.approx(9.0)
    assert erlang_c_wait(2.0, 2, 1.0) == math.inf
    with pytest.raises(WorldError, match="expected more than the load of 2"):
        erlang_a(2.0, 1.0, 2, math.inf)


PALM = {(1.8, 5.0, 9, 2.0): (0.445175, 0.160432, 0.320864), (100.0, 1.0, 95, 1.0): (0.704821, 0.069453, 0.069453)}


@pytest.mark.parametrize(("arrive", "minutes", "agents", "patience"), PALM)
def test_erlang_a_and_the_recursion_meet_the_published_queue(arrive, minutes, agents, patience):
    waits, gives_up, wait = PALM[arrive, minutes, agents, patience]
    exact = erlang_a(arrive, minutes, agents, patience)
    assert (exact.waits, exact.gives_up, exact.wait) == pytest.approx((waits, gives_up, wait), abs=5e-7)
    w, served = simulated(3_000_000, arrive, minutes, agents, patience)
    # Batch means: 40 batches are nearly independent.  The standard errors detect a bias of 1 % of each.
    for sample, truth in ((w > 0, waits), (served == 0, gives_up), (w, wait)):
        batches = sample[: len(sample) // 40 * 40].reshape(40, -1).mean(axis=1)
        assert abs(batches.mean() - truth) < 4 * batches.std(ddof=1) / math.sqrt(40)
        assert batches.std(ddof=1) / math.sqrt(40) < 0.01 * truth


@pytest.mark.parametrize(("load", "agents"), [(1, 2), (5, 6), (20, 24)])
def test_the_recursion_meets_erlang_c(load, agents):
    w, served = simulated(1_500_000, float(load), 1.0, agents, math.inf)
    assert served.all()
    for sample, truth in ((w > 0, TABLE[load, agents][1]), (w, erlang_c_wait(load, agents, 1.0))):
        batches = sample[: len(sample) // 40 * 40].reshape(40, -1).mean(axis=1)
        assert abs(batches.mean() - truth) < 4 * batches.std(ddof=1) / math.sqrt(40)


def test_deterministic_service_halves_the_wait():
    """M/D/1 at load 0.9: Wq = 4.5 (Pollaczek & Khinchine)."""
    rng = np.random.default_rng(3)
    n = 2_000_000
    at, wait, served = np.cumsum(rng.exponential(1 / 0.9, n)), np.empty(n), np.empty(n)
    first_come(at, np.full(n, np.inf), np.ones(n), 1, wait, served)
    batches = wait.reshape(40, -1).mean(axis=1)
    assert abs(batches.mean() - 4.5) < 4 * batches.std(ddof=1) / math.sqrt(40)


def random_calls(seed, n):
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.exponential(1.0, n))
    patience = np.where(rng.random(n) < 0.2, np.inf, rng.exponential(3.0, n))
    return at, patience, rng.exponential(2.5, n)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 80), st.integers(1, 9))
def test_the_recursion_is_its_twin_and_simpys_event_by_event(seed, n, agents):
    at, patience, work = random_calls(seed, n)
    wait, served = np.empty(n), np.empty(n)
    first_come(at, patience, work, agents, wait, served)
    slow = first_come_slowly(at, patience, work, agents)
    np.testing.assert_array_equal(wait, slow[0])
    np.testing.assert_array_equal(served, slow[1])
    alike = np.zeros(n, np.int64)
    simpy_wait, simpy_served = by_skill(at, patience, work, alike, alike, [team(agents, 24.0)], 1440.0)
    np.testing.assert_allclose(simpy_wait, wait, atol=1e-9)
    np.testing.assert_array_equal(simpy_served, served)


def test_priorities_meet_cobham():
    """M/M/1, two classes of half the load each, rho 0.8: W1 = R / (1 - rho1), W2 = R / ((1 - rho1)(1 - rho)), R = rho s
    (Cobham 1954)."""
    rng = np.random.default_rng(7)
    n = 150_000
    at, work = np.cumsum(rng.exponential(1 / 0.8, n)), rng.exponential(1.0, n)
    first = rng.integers(0, 2, n)
    wait, _ = by_skill(at, np.full(n, np.inf), work, np.zeros(n, np.int64), first, [team(1, 24.0)], 1440.0)
    for k, truth in ((0, 0.8 / 0.6), (1, 0.8 / (0.6 * 0.2))):
        parts = np.array_split(wait[first == k], 25)
        means = np.array([p.mean() for p in parts])
        assert abs(means.mean() - truth) < 4 * means.std(ddof=1) / 5
    assert wait[first == 0].mean() < wait[first == 1].mean() / 3


def test_skills_shifts_and_the_last_call():
    """By hand: an expert takes kind 1 only; the early shift goes home at minute 60 but finishes its call."""
    teams = [
        Team("general", (0,), (Shift(0.0, 1.0, 1), Shift(1.0, 2.0, 0)), 1.0),
        Team("expert", (1,), (Shift(1.0, 2.0, 1),), 1.0),
    ]
    at = np.array([10.0, 20.0, 30.0, 59.0])
    kind = np.array([0, 1, 0, 0])
    work = np.array([30.0, 5.0, 35.0, 4.0])
    wait, served = by_skill(at, np.array([100.0, 100.0, 100.0, 8.0]), work, kind, np.zeros(4, np.int64), teams, 120.0)
    # 10: at once till 40.  20: the expert comes at 60.  30: waits till 40, talks till 75.  59: gives up after 8.
    np.testing.assert_allclose(wait, [0.0, 40.0, 10.0, 8.0])
    np.testing.assert_array_equal(served, [1, 1, 1, 0])


def test_arrivals_follow_the_load_of_the_day():
    gaps = np.random.default_rng(1).exponential(1.0, 200_001)
    at = arrivals(gaps, 2 * 120.0, (3.0, 1.0), 2.0)
    assert (np.diff(at) >= 0).all()
    assert at[0] > 0
    assert at[-1] < 240
    share = np.bincount((at // 60).astype(int), minlength=4) / len(at)
    np.testing.assert_allclose(share, [0.375, 0.125, 0.375, 0.125], atol=4 * math.sqrt(0.25 / 200_000))
    flat = arrivals(gaps, 240.0, (), 2.0)
    np.testing.assert_allclose(flat, np.cumsum(gaps)[:-1] / gaps.sum() * 240, rtol=1e-12)


def test_a_period_of_the_centre_meets_erlang_a():
    """18,000 calls a period of 10,000 minutes are in steady state: as the stationary queue."""
    desk = service(minutes=5.0, patience_minutes=2.0, days=10_000 / 480, teams=(team(9),))
    exact = erlang_a(1.8, 5.0, 9, 2.0)
    failed, waits = [], []
    for period in range(20):
        (outcome,) = answered(desk, np.array([18_000]), period, KEY)
        lost = outcome >= FAILED
        failed.append(lost.mean())
        waits.append(np.where(lost, outcome - FAILED, outcome).mean())
    for sample, truth in ((failed, exact.gives_up), (waits, exact.wait)):
        assert abs(np.mean(sample) - truth) < 4 * np.std(sample, ddof=1) / math.sqrt(20)
