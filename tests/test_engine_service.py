"""The contact centre: published queues, the slow twins, one bit for one seed, and what a failure does."""

import dataclasses
import math

import numba
import numpy as np
import pytest
from engine_worlds import m0_population, m0_world, rich_population, rich_world
from hypothesis import given, settings
from hypothesis import strategies as st
from test_engine_reference import assert_same

from engine import Arrivals, Service, Shift, Simulation, Team, Trust, WorldError
from engine.ledger import FAILURES, SERVICE_CONTACTS, WAITED
from engine.reference import live
from engine.season import yearly
from engine.service.calls import FAILED, answered, arrivals
from engine.service.erlang import erlang_a, erlang_b, erlang_c, erlang_c_wait
from engine.service.queue import first_come, first_come_slowly
from engine.service.skills import by_skill

KEY = (np.uint64(12), np.uint64(0))


def team(agents=3, hours=8.0, skills=(0,), name="all", shifts=None, cost=20.0):
    return Team(name, skills, shifts or (Shift(0.0, hours, agents),), cost)


def service(**kw):
    given = {
        "contacts_per_order": 0.6,
        "contacts_per_customer": 0.1,
        "minutes": 40.0,
        "patience_minutes": 20.0,
        "days": 1.0,
        "hours_per_day": 8.0,
        "teams": (team(2),),
        "trust": Trust(0.3, 0.01, 0.2),
    }
    return Service(**given | kw)


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


RICH = {
    "kinds": (("order", 0.7), ("claim", 0.3)),
    "teams": (team(1, skills=(0, 1)), team(1, skills=(1,), name="claims", shifts=(Shift(2.0, 6.0, 1),))),
    "load_by_hour": (1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5),
}


def rich(seed, **kw):
    """A world with everything on: service, seasons, traffic, losses, overheads, set-up."""
    rng = np.random.default_rng(seed)
    world = rich_world(seed, int(rng.integers(2, 6)), 3, 2, horizon=4)
    s = len(world.segments.names)
    churn = float(rng.choice([0.0, 0.3]))
    given = {
        "ends": float(rng.choice([0.0, 0.5])),
        "leaves_to": s - 1,
        "trust": Trust(0.3, 0.01, 0.2, churn),
        "contacts_per_order": 0.5,
        **(RICH | {"priority": tuple(rng.integers(0, 2, s).tolist())} if rng.random() < 0.5 else {}),
    }
    return dataclasses.replace(
        world,
        service=service(**given | kw),
        season=yearly(np.array([0.5, 1.5, 1.0]), 4, 1),
        conversion=rng.uniform(0.4, 1.0, s),
        overheads=np.array([5.0, 1.0, 0.0, 2.5]),
        scale=float(rng.choice([1.0, 0.4])),
        count_losses=True,
        arms=tuple(dataclasses.replace(a, setup_cost=10.0 * k) for k, a in enumerate(world.arms)),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 14), st.booleans())
def test_every_bit_is_the_twins(seed, n, joining):
    world = rich(seed)
    population = rich_population(world, n, seed)
    rng = np.random.default_rng(seed)
    who = None
    if joining:
        who = Arrivals(np.sort(rng.integers(-1, 4, n)).astype(np.int32), rng.integers(0, 9_000_000, n))
    simulation, plans = Simulation(world, population, seed=seed, arrivals=who), []
    for gap in (1, 2, 1):
        plan = rng.integers(0, 4, n).astype(np.uint8)
        plan[simulation.present :] = 0
        simulation.advance(gap, plan[: simulation.present] if gap == 2 else plan)
        plans += [plan] + [None] * (gap - 1)
    twin = live(world, population, seed, plans, who)
    assert_same(simulation, twin)
    np.testing.assert_array_equal(simulation.centre.trust, twin.trust)


N = 4000
WORLD = rich(21)
POPULATION = rich_population(WORLD, N, 21)
PLAN = np.random.default_rng(4).integers(0, 4, N).astype(np.uint8)


def played(index=slice(None), splits=(4,)):
    simulation = Simulation(WORLD, POPULATION.take(np.arange(N)[index]), seed=9)
    for k, periods in enumerate(splits):
        simulation.advance(periods, PLAN[index] if k == 0 else None)
    simulation.ledger.check()
    return simulation


def test_one_seed_one_bit_in_any_order_split_and_thread_count():
    """All customers meet in one queue, so a shard is another company; but order, threads and calls do not matter."""
    base = played()
    assert base.ledger.lines[:, SERVICE_CONTACTS].min() > 500
    order = np.random.default_rng(1).permutation(N)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        others = [(played(splits=(1, 3)), slice(None)), (played(order), order)]
    finally:
        numba.set_num_threads(before)
    for other, index in others:
        np.testing.assert_array_equal(other.margin, base.margin[index])
        np.testing.assert_array_equal(other.centre.trust, base.centre.trust[index])
        np.testing.assert_array_equal(other.population.state.segment, base.population.state.segment[index])
        assert other.ledger == base.ledger


def m0_with(**kw):
    world = m0_world()
    given = {"contacts_per_order": 1.0, "contacts_per_customer": 0.0, "leaves_to": 5, "ends": 0.0, "trust": Trust()}
    return dataclasses.replace(world, service=service(**given | kw))


def run(world, n=20_000):
    simulation = Simulation(world, m0_population(n), seed=3)
    simulation.advance(world.horizon)
    simulation.ledger.check()
    return simulation


def test_without_harm_the_world_is_as_without_a_contact_centre():
    plain, served = run(m0_world(), 3000), run(m0_with(), 3000)
    np.testing.assert_array_equal(plain.margin, served.margin)
    np.testing.assert_allclose(plain.ledger.margin - served.ledger.margin, served.world.service.cost_per_period)


def test_contacts_are_poisson_per_order():
    """One contact per order: contacts / orders is 1 within 4 standard errors."""
    simulation = run(m0_with())
    orders, contacts = simulation.ledger.orders.sum(), simulation.ledger.lines[:, SERVICE_CONTACTS].sum()
    assert abs(contacts - orders) < 4 * math.sqrt(orders)


def test_everybody_fails_where_nobody_can_be_helped():
    """Two agents answer two calls a period and talk for ever: nearly every contact fails, and every failure ends a relationship."""
    world = m0_with(patience_minutes=1e-9, minutes=1e9, ends=1.0)
    simulation = run(world, 3000)
    lines = simulation.ledger.lines
    assert lines[:, FAILURES].sum() > 0.95 * lines[:, SERVICE_CONTACTS].sum()
    plain = run(m0_world(), 3000)
    assert simulation.ledger.customers[-1] < plain.ledger.customers[-1] / 2


def test_more_agents_fewer_failures_more_value():
    worlds = [
        m0_with(teams=(team(a),), trust=Trust(0.2, 0.0, 0.1), ends=0.02, minutes=5.0, patience_minutes=5.0)
        for a in (40, 60, 80)
    ]
    runs = [run(w) for w in worlds]
    failures = [r.ledger.lines[:, FAILURES].sum() for r in runs]
    assert failures[0] > failures[1] > failures[2]
    assert runs[0].margin.sum() < runs[1].margin.sum() < runs[2].margin.sum()
    assert [r.ledger.staff[0] for r in runs] == [40 * 160.0, 60 * 160.0, 80 * 160.0]


def test_a_sample_queues_at_the_load_of_all():
    """A quarter of the customers at scale 1/4 waits as all do: failure rates agree within 4 standard errors of the smaller."""
    world = m0_with(teams=(team(60),), minutes=5.0, patience_minutes=5.0)
    whole, part = run(world), run(dataclasses.replace(world, scale=0.25), 5000)
    rates = [r.ledger.lines[:, FAILURES].sum() / r.ledger.lines[:, SERVICE_CONTACTS].sum() for r in (whole, part)]
    calls = part.ledger.lines[:, SERVICE_CONTACTS].sum()
    assert abs(rates[0] - rates[1]) < 4 * math.sqrt(rates[0] * (1 - rates[0]) / calls) + 0.003
    assert part.ledger.staff[0] == whole.ledger.staff[0] / 4


def test_trust_lost_is_orders_lost():
    """No recovery, every contact halves trust, one contact per order: the next period's rate is rate x trust."""
    world = m0_with(trust=Trust(lost_per_failure=0.5), patience_minutes=1e-9, minutes=1e9)
    simulation = Simulation(world, m0_population(200_000, heterogeneous=False), seed=3)
    simulation.advance(1)
    trust, before = simulation.centre.trust.copy(), simulation.ledger.orders[0]
    simulation.advance(1)
    expected = 0.30 * (np.array(world.segments.multiplier)[simulation.population.state.segment] * trust).sum()
    assert abs(simulation.ledger.orders[1] - expected) < 4 * math.sqrt(expected)
    assert before > 0
    assert trust.min() < 0.6


def test_waits_are_booked():
    simulation = run(m0_with(), 3000)
    line = simulation.ledger.lines
    assert line[:, WAITED].sum() > 0
    assert (line[:, FAILURES] <= line[:, SERVICE_CONTACTS]).all()


def test_impossible_centres_are_refused_with_their_numbers():
    bad = service(
        minutes=-1.0, ends=2.0, hours_per_day=8.0, kinds=(("order", 0.5), ("claim", 0.2)),
        teams=(team(0), team(2, shifts=(Shift(3.0, 9.0, 2),), name="late")), load_by_hour=(1.0,), priority=(1,),
    )  # fmt: skip
    with pytest.raises(WorldError) as found:
        Simulation(dataclasses.replace(m0_world(), service=bad), m0_population(10), seed=1)
    text = str(found.value)
    for words in ("minutes: expected above 0, got -1", "ends: expected at least 0, at most 1, got 2", "sum to 1, got 0.7",
                  "teams.all.agents: expected at least 1, got 0", "got 3 to 9", "expected 8 numbers", "expected 6 numbers",
                  "kinds.claim: no team"):  # fmt: skip
        assert words in text, words
